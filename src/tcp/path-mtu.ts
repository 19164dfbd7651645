/**
 * What the path takes (RFC 1191, RFC 8201), as far as one connection is concerned. The path cache knows the MTU
 * that routers have told; here is what follows for segments that are under way, and what to do when no router says
 * anything though large segments vanish (RFC 2923's black hole; tcp_mtu_probing).
 */
import { SEC } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { NO_RECORD, REC, REC_STATE } from './tx-records.ts';

/** tcp_probe_interval: so long a smaller size is kept before a larger one is tried. */
const GROW_AFTER_NS = 600 * SEC;

export class PathMtu {
  /** A router has said that what is under way is too large. */
  isTooLarge = false;
  /** Text of a segment at most, options included, while a black hole is suspected; Infinity: it is not. */
  private limit = Infinity;
  private limitedNs = 0;

  tooLarge(isTooLarge: boolean): void {
    this.isTooLarge = isTooLarge;
  }

  /** The limit, doubled every ten minutes: a path gets better, or the timeouts begin again. */
  limitAt(nowNs: number): number {
    if (this.limit === Infinity) return Infinity;
    return this.limit * 2 ** Math.floor((nowNs - this.limitedNs) / GROW_AFTER_NS);
  }

  /** R1 is reached, again and again: first to `base` bytes, then to half as many, not below `least`. */
  suspect(base: number, least: number, nowNs: number): void {
    const present = this.limitAt(nowNs);
    this.limit = Math.max(least, Math.min(base, present === Infinity ? base : present / 2));
    this.limit = Math.floor(this.limit);
    this.limitedNs = nowNs;
  }
}

/**
 * Segments larger than the path takes now are lost, and resent in smaller ones at once. No congestion: cwnd and
 * ssthresh stay (RFC 1191 §6.5; Linux's tcp_simple_retransmit).
 */
export function resendTooLarge(c: TcpConnection, path: PathMtu): void {
  const { rtx, recovery, tcp } = c;
  const { mss } = c.congestion.view;
  path.tooLarge(false);
  tcp.ackOutcome.begin();
  for (let r = rtx.first; r !== NO_RECORD; r = rtx.next(r)) {
    rtx.look();
    const len = tcp.records.get(r, REC.LEN) - (rtx.has(r, REC_STATE.FIN) ? 1 : 0);
    const segment = Math.ceil(len / rtx.pieces(r));
    if (segment <= mss || rtx.has(r, REC_STATE.SACKED)) continue;
    recovery.recordLost(r);
  }
  if (rtx.lostOut > 0) recovery.enterResend();
}
