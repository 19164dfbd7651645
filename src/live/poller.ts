import { loadAddon } from './addon.ts';

/** native/poller.h: waits for fds, deadlines and kicks, and calls `turn` as its own outermost callback. */
export interface NativePoller {
  /** The watch's number: its bit in WORD.READABLE. Throws an Error with code, errno and syscall. */
  watch(fd: number): number;
  unwatch(id: number): void;
  setInterest(id: number, isReadable: boolean, isWritable: boolean): void;
  /** The error (> 0) of a watched fd that kept failing and was given up, once; else 0. */
  takeError(id: number): number;
  kick(): void;
  /** Writes WORD.NOW. */
  now(): void;
  ref(): void;
  unref(): void;
  close(): void;
}

interface PollerAddon {
  readonly Poller: new (
    words: Float64Array,
    stats: Float64Array,
    turn: () => void,
    spinNs: number,
    isPolling: boolean,
  ) => NativePoller;
}

export function openPoller(
  words: Float64Array,
  stats: Float64Array,
  turn: () => void,
  spinNs: number,
  isPolling: boolean,
): NativePoller {
  const addon = loadAddon<PollerAddon>();
  return new addon.Poller(words, stats, turn, spinNs, isPolling);
}
