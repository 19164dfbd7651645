import type { Device } from '../link/device.ts';

/** A device that the kernel can wake us for. */
export interface PollableDevice extends Device {
  /** Readable when frames wait, writable when there is room; -1 once closed. */
  readonly fd: number;
  /** Asks the kernel for the link's state, so that `isUp` is true to it. Returns 0 or -errno. */
  refreshLink(): number;
}

/** Middleware (capture, fault injection) shows what it wraps. */
interface Wrapping {
  readonly inner: Device;
}

/** The device below any middleware: the kernel's, or one made of memory. */
export function deviceBelow(device: Device): Device {
  let at = device;
  while (true) {
    const { inner } = at as Partial<Wrapping>;
    if (inner === undefined) return at;
    at = inner;
  }
}

/** The same, when the kernel can wake us for it; null for memory. */
export function pollableBelow(device: Device): PollableDevice | null {
  const below = deviceBelow(device) as Partial<PollableDevice>;
  return typeof below.fd === 'number' ? (below as PollableDevice) : null;
}
