/**
 * Pacing: departures spaced by the rate that the module or the stack has set, as Linux does without a
 * pacing queue below: the next frame may leave once the one before has had the time that its bytes take.
 *
 *      |frame 1|......|frame 2|......|frame 3|        next departure = max(now, next) + bytes / rate
 *
 * A frame that was let go late earns credit, at most half of its own time, so that a timer's delay does not
 * slow the connection down. The first ten segments leave at once. The rate itself is always kept, paced or
 * not: it sizes super-frames, and TCP_INFO shows it.
 */
import { SEC } from '../base/time.ts';
import { HOOK } from '../cc/congestion-control.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { CONG_CONTROL } = HOOK;

/** RFC 6928's initial window is not paced. */
const FREE_SEGMENTS = 10;

/** What one connection remembers for it; the next departure is in the view, for modules to see. */
export class Pacer {
  private left = FREE_SEGMENTS;

  isFree(): boolean {
    return this.left > 0;
  }

  spend(segments: number): void {
    this.left = Math.max(0, this.left - segments);
  }
}

/**
 * The rate where no module sets one: a multiple of the window per round trip, larger while it doubles.
 * Whatever is in flight counts where it is more than the window: a reduction does not stall departures.
 */
export function updatePacingRate(c: TcpConnection): void {
  const { congestion, tcp } = c;
  const v = congestion.view;
  if (v.srttNs === 0 || congestion.has(CONG_CONTROL)) return;
  const { pacingSsRatio, pacingCaRatio } = tcp.config;
  const percent = v.cwnd < v.ssthresh / 2 ? pacingSsRatio : pacingCaRatio;
  if (percent > 0) congestion.setRate(Math.max(v.cwnd, c.rtx.packetsOut), percent);
}

/** Whether the next frame may leave now; if not, output runs again when it may. */
export function isPacerOpen(c: TcpConnection): boolean {
  const v = c.congestion.view;
  if (!v.isPaced || v.nextDepartureNs <= v.nowNs) return true;
  c.due.staged[0] = v.nextDepartureNs;
  c.due.armStaged(DUE.PACE);
  return false;
}

/** A frame with `len` bytes of text left. */
export function departed(c: TcpConnection, segments: number, len: number): void {
  const { congestion, pacer } = c;
  const v = congestion.view;
  const before = v.nextDepartureNs;
  let next = Math.max(before, v.nowNs);
  if (v.isPaced && !pacer.isFree() && v.pacingRate !== Infinity) {
    const takesNs = (len * SEC) / v.pacingRate;
    next += takesNs - Math.min(takesNs / 2, next - before);
  }
  pacer.spend(segments);
  congestion.setNextDeparture(next);
}
