import { EBADF, EIO } from '../base/errno.ts';
import { MS, NEVER, SEC } from '../base/time.ts';
import type { Device } from '../link/device.ts';
import type { FrameListener } from '../link/frame-sink.ts';
import type { Host } from '../stack/host.ts';
import { REASON, WORD } from './clock.ts';
import { deviceBelow, type PollableDevice, pollableBelow } from './pollable.ts';
import type { NativePoller } from './poller.ts';

export const NO_WATCH = -1;
/** Nothing is sent over a link that is down, and a quiet link does not tell that it came back. */
const LINK_CHECK_NS = SEC;
/** A queue behind the fd is full (ENOBUFS), and nothing tells when it is not: one frame of 1500 bytes at 10 Mbit/s. */
const RETRY_NS = MS;

/** One device of one host, as the driver sees it. */
export class Port {
  readonly device: Device;
  /** What to poll for it; null for a device made of memory. */
  readonly below: PollableDevice | null;
  /** The poller's number for the device's fd, or NO_WATCH. */
  watch = NO_WATCH;
  /** Frames remained after a flush: room is news. */
  isWritableWanted = false;
  /** When to flush again although the fd has nothing to tell, or NEVER. */
  retryNs = NEVER;
  /** No room to receive into: until there is some, waiting frames are no news. */
  isStalled = false;
  /** Chunks free when it stalled: more of them are a reason to try again. */
  private stalledFree = 0;
  isDown = false;
  isGone = false;
  /** When to ask again for the state of a link that is down, or NEVER. */
  linkCheckNs = NEVER;
  private readonly stallsId: number;
  /** The driver's: a time that is passed to a function may be boxed, 16 bytes a turn. */
  private readonly words: Float64Array;

  constructor(device: Device, words: Float64Array) {
    this.device = device;
    this.words = words;
    this.below = pollableBelow(device);
    this.stallsId = device.stats.id('rxStalls');
  }

  /** Has the fd watched. Returns 0, or the errno: closed, not for polling, or one too many. */
  watchBy(poller: NativePoller): number {
    const fd = this.below?.fd ?? -1;
    if (fd < 0) return EBADF;
    try {
      this.watch = poller.watch(fd);
      return 0;
    } catch (error) {
      return -((error as NodeJS.ErrnoException).errno ?? -EIO);
    }
  }

  /** Its fd is nobody's concern any more. */
  unwatch(poller: NativePoller): void {
    poller.unwatch(this.watch);
    this.watch = NO_WATCH;
  }

  /** Receive batches that found no room for a single frame, so far. */
  stalls(): number {
    return this.device.stats.values[this.stallsId]!;
  }

  /** Returns whether that is news. */
  noteStall(isStalled: boolean): boolean {
    const was = this.isStalled;
    this.isStalled = isStalled;
    if (isStalled) this.stalledFree = this.device.rx.chunks.free;
    return was !== isStalled;
  }

  /** Memory came free since it stalled: the frames that wait are due. */
  get isRoomBack(): boolean {
    return this.isStalled && this.device.rx.chunks.free > this.stalledFree;
  }

  /**
   * After a flush of `before` frames that left `left`. When the fd told of room and not one frame found
   * any, its word means nothing: waiting for it would be a busy loop. Returns whether the interest in
   * room changed.
   */
  noteFlush(before: number, left: number): boolean {
    const isRoomTold = (this.words[WORD.REASONS]! & REASON.WRITABLE) !== 0;
    const isVain = left > 0 && left >= before && isRoomTold && this.isWritableWanted;
    this.retryNs = NEVER;
    if (isVain) this.retryNs = this.words[WORD.NOW]! + RETRY_NS;
    const was = this.isWritableWanted;
    this.isWritableWanted = left > 0 && !isVain;
    return was !== this.isWritableWanted;
  }

  /** Follows the link's state. True when it has just gone down. */
  noteLink(): boolean {
    if (this.device.isUp) {
      this.isDown = false;
      this.linkCheckNs = NEVER;
      return false;
    }
    const isNews = !this.isDown;
    this.isDown = true;
    const nowNs = this.words[WORD.NOW]!;
    const isAskedAgain = this.linkCheckNs > nowNs && this.linkCheckNs !== NEVER;
    if (this.below !== null && !isAskedAgain) this.linkCheckNs = nowNs + LINK_CHECK_NS;
    return isNews;
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

/** A device made of memory, below any middleware, tells when a frame arrives; null ends it. */
export function listen(device: Device, listener: FrameListener | null): void {
  const memory = deviceBelow(device) as { listen?: (listener: FrameListener | null) => void };
  memory.listen?.(listener);
}
