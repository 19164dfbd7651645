/**
 * How much the next frame carries: as much as a super-frame, cwnd and the peer's window admit, in whole segments;
 * less than one where Nagle and silly-window avoidance let it go (RFC 9293 §3.7.4, §3.8.6.2.1).
 */
import { seqGt, seqLe } from '../wire/seq.ts';
import type { TcpConnection } from './connection.ts';
import { bufferBytes, deferral, WAIT } from './super-frame.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { NO, MORE_DATA, WINDOW } = WAIT;

/**
 * Bytes, or what to wait for (WAIT). `quota`: segments that cwnd admits, at least one; `most`: those of a full
 * frame; `unsent` bytes are queued.
 */
export function nextLength(c: TcpConnection, unsent: number, quota: number, most: number): number {
  if (c.records === null) return lengthWithin(c, unsent, quota, most);
  const record = c.records.distance(c.snd.nxt);
  if (record >= unsent) return lengthWithin(c, unsent, quota, most);
  // Nothing can be added to what is left of this record: Nagle has no reason to wait.
  if (record > c.congestion.view.mss) return lengthWithin(c, record, quota, most);
  return record <= c.snd.usable() ? record : WINDOW;
}

function lengthWithin(c: TcpConnection, unsent: number, quota: number, most: number): number {
  const { mss } = c.congestion.view;
  const usable = c.snd.usable();
  // RFC 9293 §3.8.6.2.1: no slivers of the window; an MSS is at most half of the largest ever seen.
  if (usable < Math.min(unsent, mss)) return WINDOW;
  if (unsent < mss && isHeldByNagle(c)) return MORE_DATA;
  if (unsent <= mss) return unsent;
  const atBest = bufferBytes(c);
  const isTail = unsent <= atBest;
  const len = isTail ? unsent : atBest;
  const wait = deferral(c, len, isTail, usable, most);
  if (wait !== NO) return wait;
  return splitPoint(c, len, isTail, usable, Math.min(Math.min(quota, most) * mss, atBest));
}

/** Whole segments; a shorter last one only if Nagle lets it go. */
function splitPoint(
  c: TcpConnection,
  len: number,
  isTail: boolean,
  usable: number,
  atMost: number,
): number {
  if (!isTail && atMost <= usable) return atMost;
  const needed = Math.min(len, usable);
  if (atMost <= needed) return atMost;
  const partial = needed % c.congestion.view.mss;
  return partial > 0 && isHeldByNagle(c) ? needed - partial : needed;
}

/** RFC 1122 §4.2.3.4 with Minshall's test: one small segment in flight, not one segment. */
function isHeldByNagle(c: TcpConnection): boolean {
  if (c.isFinQueued || c.isPushed || c.snd.isUrgent) return false;
  if (c.settings.isCorked || c.isMoreComing) return true;
  return !c.settings.isNoDelay && seqGt(c.snd.sml, c.snd.una) && seqLe(c.snd.sml, c.snd.nxt);
}
