/**
 * CUBIC's function of time as Linux has it, in integers: time in 1/1024 s, C and shares in 1/1024. It says after how many
 * acknowledged pieces the window takes one more. What a connection that never left slow start does without.
 */
import { MS, NEVER, SEC, ZERO_NS } from '../base/time.ts';
import type { CcView } from './cc-view.ts';
import { type CubicCurve, type CubicParams, SCALE } from './cubic-params.ts';
import type { SlowStartExit } from './slow-start-exit.ts';
import { additiveIncrease } from './window-growth.ts';

/** Cubes of time in 1/1024 s, times C in 1/1024. */
const CUBE_SCALE = 2 ** 40;
/** More than the longest K. */
const TOP_BIT = 1 << 21;
/** The same window is not computed again sooner than this (HZ / 32). */
const SAME_WINDOW_NS = SEC / 32;
/**
 * K: how long the function takes for so many pieces, in 1/1024 s. It is the whole part of a cube root, bit by bit: exact
 * while the cube is below 2^53, one too few or too many at most beyond. No double crosses a call, which would cost 16 bytes.
 */
export function ticksTo(pieces: number, c: number): number {
  const cube = Math.floor(CUBE_SCALE / c) * pieces;
  let root = 0;
  for (let bit = TOP_BIT; bit > 0; bit >>= 1) {
    const next = root + bit;
    if (next * next * next <= cube) root = next;
  }
  return root;
}

/** Nor any window more than once in a tick of Linux with HZ = 1000. */
const TICK_NS = MS;

export class LinuxCurve implements CubicCurve {
  private readonly p: CubicParams;
  /** C in 1/1024. */
  private readonly c: number;
  /** Pieces acknowledged for one more in W_est, in 1/8 of the window. */
  private readonly friendlyEighths: number;

  /** Pieces to be acknowledged for one more in the window. */
  private every = 0;
  /** The window at the last reduction, or less (fast convergence); 0: there was none. */
  private wMax = 0;
  private lastCwnd = 0;
  private lastNs = ZERO_NS;
  /** Where the cubic function is flat, and how long after the epoch's start: 1/1024 s. */
  private origin = 0;
  private k = 0;
  /** NEVER: the next ACK starts an epoch. */
  private epochNs = NEVER;
  private wEst = 0;
  private ackedForEst = 0;

  constructor(p: CubicParams) {
    this.p = p;
    this.c = p.bicScale * 10;
    const gained = Math.floor((8 * (SCALE + p.beta)) / 3);
    this.friendlyEighths = Math.floor(gained / (SCALE - p.beta));
  }

  reset(): void {
    this.every = 0;
    this.wMax = 0;
    this.lastCwnd = 0;
    this.lastNs = 0;
    this.origin = 0;
    this.k = 0;
    this.epochNs = NEVER;
    this.wEst = 0;
    this.ackedForEst = 0;
  }

  /** The window is reduced from `cwnd`. */
  end(cwnd: number, beta: number): void {
    this.epochNs = NEVER;
    const isShrinking = cwnd < this.wMax && this.p.fastConvergence;
    this.wMax = isShrinking ? Math.floor((cwnd * (SCALE + beta)) / (2 * SCALE)) : cwnd;
  }

  /** Sending goes on after a pause, which does not count. */
  resume(v: CcView): void {
    if (this.epochNs === NEVER) return;
    const idleNs = v.nowNs - v.lastSentNs;
    if (idleNs > 0) this.epochNs = Math.min(this.epochNs + idleNs, v.nowNs);
  }

  /** Right after a reduction the delay is still that of the full queue. */
  isYoung({ nowNs }: CcView): boolean {
    return this.epochNs !== NEVER && nowNs - this.epochNs < SEC;
  }

  grow(v: CcView, acked: number, exit: SlowStartExit | null): void {
    this.update(v, acked, exit);
    additiveIncrease(v, this.every, acked);
  }

  /** RFC 9438 §5.8 would leave out this time, too; Linux does not. */
  pause(): void {
    // only what passes with nothing in flight does not count
  }

  /** RFC 9438 §4.9 would go back to the curve of before; Linux begins another one. */
  undo(): void {
    // cwnd and ssthresh are the sender's affair
  }

  values(): Record<string, number> {
    const { wMax, origin, epochNs, wEst, every } = this;
    return { wMax, origin, kSeconds: this.k / SCALE, epochNs, wEst, ackedPerPiece: every };
  }

  /** Decides how fast the window grows from now on: `every`. */
  private update(v: CcView, acked: number, exit: SlowStartExit | null): void {
    const { cwnd, nowNs } = v;
    this.ackedForEst += acked;
    const sinceNs = nowNs - this.lastNs;
    if (cwnd === this.lastCwnd && sinceNs <= SAME_WINDOW_NS) return;
    if (this.epochNs === NEVER || sinceNs >= TICK_NS) {
      this.lastCwnd = cwnd;
      this.lastNs = nowNs;
      if (this.epochNs === NEVER) this.startEpoch(v, acked);
      this.follow(v, exit);
    }
    if (this.p.tcpFriendliness) this.keepUpWithReno(cwnd);
    this.every = Math.max(this.every, 2);
  }

  private startEpoch(v: CcView, acked: number): void {
    const { cwnd } = v;
    this.epochNs = v.nowNs;
    this.ackedForEst = acked;
    this.wEst = cwnd;
    this.origin = Math.max(this.wMax, cwnd);
    this.k = ticksTo(this.origin - cwnd, this.c);
  }

  /** Towards W one round trip from now. */
  private follow(v: CcView, exit: SlowStartExit | null): void {
    const { cwnd } = v;
    const delayNs = exit === null ? 0 : exit.minDelayNs;
    const sinceNs = v.nowNs - this.epochNs + delayNs;
    const offset = Math.floor((sinceNs * SCALE) / SEC) - this.k;
    const away = Math.abs(offset);
    const distance = Math.floor((this.c * away * away * away) / CUBE_SCALE);
    const target = offset < 0 ? this.origin - distance : this.origin + distance;
    this.every = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : 100 * cwnd;
    if (this.wMax === 0 && this.every > 20) this.every = 20;
  }

  private keepUpWithReno(cwnd: number): void {
    const perPiece = Math.max(1, Math.floor((cwnd * this.friendlyEighths) / 8));
    if (this.ackedForEst > perPiece) {
      const steps = Math.floor((this.ackedForEst - 1) / perPiece);
      this.ackedForEst -= steps * perPiece;
      this.wEst += steps;
    }
    if (this.wEst > cwnd) this.every = Math.min(this.every, Math.floor(cwnd / (this.wEst - cwnd)));
  }
}
