import type { Device } from '../link/device.ts';

/** A device that the kernel can wake us for. */
export interface PollableDevice extends Device {
  /** Readable when frames wait, writable when there is room; -1 once closed. */
  readonly fd: number;
  /** Asks the kernel for the link's state, so that `isUp` is true to it. Returns 0 or -errno. */
  refreshLink(): number;
}

/** Middleware shows what it wraps, so that the device below a capture or a fault injector is found. */
interface Wrapping {
  readonly inner: Device;
}

/** The device of the kernel below any middleware, or null when there is only memory. */
export function pollableBelow(device: Device): PollableDevice | null {
  let at: Device = device;
  while (true) {
    const seen = at as Partial<PollableDevice & Wrapping>;
    if (typeof seen.fd === 'number') return at as PollableDevice;
    if (seen.inner === undefined) return null;
    at = seen.inner;
  }
}
