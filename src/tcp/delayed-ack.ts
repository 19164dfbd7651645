/**
 * When to acknowledge: RFC 9293 §3.8.6.3, RFC 5681 §4.2, with Linux's rules.
 *
 * Bytes decide, not segments: at once when more than one full segment waits, and while the connection
 * is in quick-ACK mode (its first segments, after a gap, on a sender that seems to have stalled);
 * otherwise within 40 to 200 ms, hoping that data goes back and carries it. "At once" means at the
 * end of the turn, so a batch of frames is answered by one ACK.
 */
import type { TcpConfig } from './tcp-config.ts';

const MAX_QUICK_ACKS = 16;

export class DelayedAck {
  /** An ACK is owed, and whether it leaves with this turn's output. */
  isOwed = false;
  isDueNow = false;
  /** ACKs that go at once before delaying begins. */
  quick = 0;
  /** Data goes both ways: the answer will carry the ACK. */
  isInteractive = false;
  /** How long we wait: adapts to the sender's pace. 0 before the first segment. */
  timeoutNs = 0;
  /** Size of the sender's full segments, as seen. */
  rcvMss = 0;
  /** When text last came; before the first, when the connection began. */
  lastReceivedNs = 0;

  constructor(rcvMss: number, nowNs: number) {
    this.rcvMss = rcvMss;
    this.lastReceivedNs = nowNs;
  }

  /** A segment with text came: `len` bytes, in `pieces` of a super-frame. */
  received(
    len: number,
    pieces: number,
    nowNs: number,
    rtoNs: number,
    window: number,
    config: TcpConfig,
  ): void {
    const size = pieces > 1 ? Math.ceil(len / pieces) : len;
    if (size >= this.rcvMss) this.rcvMss = Math.min(size, 65535);
    this.isOwed = true;
    const min = config.delackMinNs;
    if (this.timeoutNs === 0) {
      this.enterQuick(window);
      this.timeoutNs = min;
    } else {
      const gap = nowNs - this.lastReceivedNs;
      if (gap <= min / 2) this.timeoutNs = this.timeoutNs / 2 + min / 2;
      else if (gap < this.timeoutNs) this.timeoutNs = Math.min(this.timeoutNs / 2 + gap, rtoNs);
      else if (gap > rtoNs) this.enterQuick(window); // the sender waited for us: do not delay
    }
    this.lastReceivedNs = nowNs;
  }

  /** Acknowledge the next segments at once: `quick` counts them down. */
  enterQuick(window: number): void {
    const wanted = Math.floor(window / (2 * Math.max(1, this.rcvMss)));
    this.quick = Math.max(this.quick, Math.min(Math.max(wanted, 2), MAX_QUICK_ACKS));
  }

  /** The next output sends it. */
  owe(isNow: boolean): void {
    this.isOwed = true;
    if (isNow) this.isDueNow = true;
  }

  /** Leaves interactive mode too: something is wrong, the sender needs to know. */
  forceQuick(): void {
    this.isInteractive = false;
    this.quick = MAX_QUICK_ACKS;
  }

  get isQuick(): boolean {
    return this.quick > 0 && !this.isInteractive;
  }

  /** When the ACK must go if nothing else carries it. */
  deadlineNs(nowNs: number, config: TcpConfig): number {
    return nowNs + Math.min(Math.max(this.timeoutNs, config.delackMinNs), config.delackMaxNs);
  }

  /** Data left: it carried the ACK, and shortly after a segment it means a conversation. */
  dataSent(nowNs: number): void {
    if (nowNs - this.lastReceivedNs < this.timeoutNs) this.isInteractive = true;
  }

  /** An ACK left, alone or with data. */
  ackSent(): void {
    this.isOwed = false;
    this.isDueNow = false;
    if (this.quick > 0) this.quick--;
  }
}
