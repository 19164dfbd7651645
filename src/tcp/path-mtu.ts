/**
 * What the path takes (RFC 1191, RFC 8201), as far as one connection is concerned. The path cache knows the MTU that
 * routers have told; here is what follows for segments that are under way. What no router tells is searched for
 * (`mtu-search`).
 */
import type { TcpConnection } from './connection.ts';
import type { MtuSearch } from './mtu-search.ts';
import { NO_RECORD, REC, REC_STATE } from './tx-records.ts';

export class PathMtu {
  /** A router has said that what is under way is too large. */
  isTooLarge = false;
  /** Null: what the path cache says is believed. */
  search: MtuSearch | null = null;

  tooLarge(isTooLarge: boolean): void {
    this.isTooLarge = isTooLarge;
  }

  begin(search: MtuSearch): void {
    this.search = search;
  }
}

/**
 * Segments larger than the path takes now are lost, and resent in smaller ones at once. No congestion: cwnd and
 * ssthresh stay (RFC 1191 §6.5; Linux's tcp_simple_retransmit).
 */
export function resendTooLarge(c: TcpConnection): void {
  const { rtx, recovery, tcp } = c;
  const { mss } = c.congestion.view;
  for (let r = rtx.first; r !== NO_RECORD; r = rtx.next(r)) {
    rtx.look();
    const len = tcp.records.get(r, REC.LEN) - (rtx.has(r, REC_STATE.FIN) ? 1 : 0);
    const segment = Math.ceil(len / rtx.pieces(r));
    if (segment <= mss || rtx.has(r, REC_STATE.SACKED)) continue;
    recovery.recordLost(r);
  }
  if (rtx.lostOut > 0) recovery.enterResend();
}
