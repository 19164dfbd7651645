import type { Device } from '../link/device.ts';
import type { FrameListener } from '../link/frame-sink.ts';
import type { Host } from '../stack/host.ts';

export const NO_WATCH = -1;

/** One device of one host, as the driver sees it. */
export class Port {
  readonly device: Device;
  /** The poller's number for the device's fd, or NO_WATCH for a device made of memory. */
  watch = NO_WATCH;
  /** Frames remained after a flush: room is news. */
  isWritableWanted = false;
  /** No memory to receive into: until some is free, waiting frames are no news. */
  isStalled = false;
  /** Said ENETDOWN, and was reported for it. */
  isDown = false;
  isGone = false;

  constructor(device: Device) {
    this.device = device;
  }
}

/** One host, as the driver sees it. */
export class Run {
  readonly host: Host;
  readonly ports: Port[] = [];
  isStopped = false;
  /** Removed inside a turn: stopped when the turn is done. */
  isLeaving = false;

  constructor(host: Host) {
    this.host = host;
  }
}

/** A device made of memory tells when a frame arrives, where it can; null ends it. */
export function listen(device: Device, listener: FrameListener | null): void {
  const memory = device as { listen?: (listener: FrameListener | null) => void };
  memory.listen?.(listener);
}
