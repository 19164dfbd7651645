/**
 * The round trip as the receiver of a stream sees it, who sends nothing that would be acknowledged: Linux's
 * rcv_rtt_est, which TCP_INFO shows as rcv_rtt.
 *
 * With timestamps it is the age of the echo in a full segment, once for each echo, smoothed upwards. Without them,
 * and on paths shorter than their clock's tick, the time that a whole window takes to arrive, which is never less
 * than the round trip: the least counts.
 */
import { MS, US } from '../base/time.ts';
import { type Seq, seqAdd, seqLt } from '../wire/seq.ts';
import type { TcpConnection } from './connection.ts';

const MS_IN_US = MS / US;

export class ReceiverRtt {
  /** 0 before the first sample. Microseconds, as an int: a connection that only sends pays 8 bytes. */
  rttUs = 0;
  private lastEcho = 0;
  /** Where the window that is measured ends, and when it began by a clock of microseconds that wraps. */
  private windowEnds: Seq;
  private sinceUs = 0;
  private isMeasuring = false;

  constructor(rcvNxt: Seq) {
    this.windowEnds = rcvNxt;
  }

  /** Text in order has arrived, and RCV.NXT counts it. */
  arrived(c: TcpConnection, len: number): void {
    if (c.hasEcho && c.lastEcho !== this.lastEcho && c.agreed.hasTimestamps) this.byEcho(c, len);
    this.byWindow(c);
  }

  /** An age of 0 says only that the clock is too coarse: then the window measures. */
  private byEcho(c: TcpConnection, len: number): void {
    this.lastEcho = c.lastEcho;
    if (len < c.delack.rcvMss) return;
    const ageMs = (c.tcp.timestamp(c.tcp.env.nowNs, c.tsOffset) - c.lastEcho) | 0;
    if (ageMs <= 0 || ageMs > 1e6) return;
    const us = ageMs * MS_IN_US;
    if (this.rttUs === 0 || us < this.rttUs) this.rttUs = us;
    // While the application is behind, the sender may wait for the window: that is no round trip.
    else if (c.received.readyBytes <= len) this.rttUs += Math.round((us - this.rttUs) / 8);
  }

  private byWindow(c: TcpConnection): void {
    const { rcv } = c;
    if (this.isMeasuring && seqLt(rcv.nxt, this.windowEnds)) return;
    const nowUs = Math.floor(c.tcp.env.nowNs / US) | 0;
    if (this.isMeasuring) {
      const us = Math.max(1, (nowUs - this.sinceUs) | 0);
      if (this.rttUs === 0 || us < this.rttUs) this.rttUs = us;
    }
    this.isMeasuring = true;
    this.windowEnds = seqAdd(rcv.nxt, rcv.wnd);
    this.sinceUs = nowUs;
  }
}
