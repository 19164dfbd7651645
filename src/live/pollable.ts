import type { Device } from '../link/device.ts';

/** A device that the kernel can wake us for. */
export interface PollableDevice extends Device {
  /** Readable when frames wait, writable when there is room; -1 once closed. */
  readonly fd: number;
}

/** Middleware shows what it wraps, so that the fd below a capture or a fault injector is found. */
interface Wrapping {
  readonly inner: Device;
}

/** The fd to poll for a device, or -1 when it is made of memory and only turns can tell. */
export function pollFdOf(device: Device): number {
  let at: Device = device;
  while (true) {
    const seen = at as Partial<PollableDevice & Wrapping>;
    if (typeof seen.fd === 'number') return seen.fd;
    if (seen.inner === undefined) return -1;
    at = seen.inner;
  }
}
