import type { FrameStore } from './frame-store.ts';
import { MemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';

/** Two devices back to back: what one sends, the other receives, at once and in order. */
export class Pipe {
  readonly a: MemoryDevice;
  readonly b: MemoryDevice;

  constructor(frames: FrameStore, a: MemoryDeviceOptions, b: MemoryDeviceOptions) {
    this.a = new MemoryDevice(frames, a);
    this.b = new MemoryDevice(frames, b);
    this.a.connect(this.b);
    this.b.connect(this.a);
  }

  close(): void {
    this.a.close();
    this.b.close();
  }
}
