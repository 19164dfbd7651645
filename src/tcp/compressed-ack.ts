/**
 * Fewer ACKs while there is a gap. RFC 5681 §4.2 wants one for each segment beyond it; a SACK block says as much
 * for many. The first three duplicates go at once, for senders that count them; then one in a twentieth of
 * a round trip, 1 ms at most (Linux's tcp_comp_sack_delay_ns, tcp_comp_sack_nr).
 */
import { type Seq, seqEq } from '../wire/seq.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';

/** Duplicates that a sender without SACK counts (RFC 5681 §3.2). */
const DUPLICATES = 3;

export class CompressedAck {
  /** ACKs held back since the last one left. */
  private held = 0;
  private duplicates = 0;
  private rcvNxt: Seq;

  constructor(rcvNxt: Seq) {
    this.rcvNxt = rcvNxt;
  }

  /** A segment came and there is a gap. True: the ACK goes now. */
  isDue(c: TcpConnection): boolean {
    const { config } = c.tcp;
    if (!c.agreed.hasSack || this.held >= config.compSackNr) return true;
    if (!seqEq(this.rcvNxt, c.rcv.nxt)) {
      this.rcvNxt = c.rcv.nxt;
      this.duplicates = 0;
    }
    if (this.duplicates < DUPLICATES) {
      this.duplicates++;
      return true;
    }
    this.held++;
    if (!c.due.isArmed(DUE.COMPRESSED_ACK)) this.arm(c);
    return false;
  }

  private arm(c: TcpConnection): void {
    const waitNs = Math.min(c.tcp.config.compSackDelayNs, c.rtt.srttNs / 20);
    c.due.arm(DUE.COMPRESSED_ACK, c.tcp.env.nowNs + waitNs);
  }

  /** One of those held back leaves after all. */
  timeIsUp(c: TcpConnection): void {
    if (this.held > 0) c.tcp.mib.add(c.tcp.ids.TCPAckCompressed, this.held - 1);
    this.held = 0;
  }

  /** Whatever left carried an ACK. */
  ackSent(c: TcpConnection): void {
    if (this.held === 0) return;
    c.tcp.mib.add(c.tcp.ids.TCPAckCompressed, this.held);
    this.held = 0;
    c.due.disarm(DUE.COMPRESSED_ACK);
  }
}
