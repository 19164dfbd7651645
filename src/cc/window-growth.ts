/** How a window grows on ACKs: shared by the modules that count them (RFC 5681 §3.1, RFC 3465). */
import type { CcView } from './cc-view.ts';

/**
 * Slow start: one piece for each piece acknowledged, up to ssthresh. Returns the pieces left over once the
 * threshold is reached: they count for congestion avoidance, so that a stretched ACK loses nothing.
 */
export function slowStart(v: CcView, acked: number): number {
  const before = v.cwnd;
  const grown = Math.min(before + acked, v.ssthresh);
  v.setCwnd(grown);
  return acked - (grown - before);
}

/** Reno's: slow start, then a piece a window (RFC 5681 §3.1). */
export function renoGrowth(v: CcView, acked: number): void {
  if (!v.isCwndLimited) return;
  let rest = acked;
  if (v.isInSlowStart()) {
    rest = slowStart(v, acked);
    if (rest === 0) return;
  }
  additiveIncrease(v, v.cwnd, rest);
}

/**
 * Additive increase: one piece for each `every` acknowledged. `every` may change between calls; credit above it
 * from slower times gives one piece, not a burst. From 2 up, growth is never more than what was acknowledged.
 */
export function additiveIncrease(v: CcView, every: number, acked: number): void {
  let cwnd = v.cwnd;
  let count = v.cwndCnt;
  if (count >= every) {
    count = 0;
    cwnd++;
  }
  count += acked;
  if (count >= every) {
    const steps = Math.floor(count / every);
    count -= steps * every;
    cwnd += steps;
  }
  v.setCwndCnt(count);
  v.setCwnd(cwnd);
}
