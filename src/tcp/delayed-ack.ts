/**
 * When to acknowledge: RFC 9293 §3.8.6.3, RFC 5681 §4.2, with Linux's rules.
 *
 * Bytes decide, not segments: at once when more than one full segment waits, and while the connection
 * is in quick-ACK mode (its first segments, after a gap, on a sender that seems to have stalled);
 * otherwise within 40 to 200 ms, hoping that data goes back and carries it. "At once" means at the
 * end of the turn, so a batch of frames is answered by one ACK.
 */
import type { Clock } from '../base/env.ts';
import { MS, ZERO_NS } from '../base/time.ts';
import { type Deadlines, DUE } from './deadlines.ts';
import type { Rtt } from './rtt.ts';
import type { TcpConfig } from './tcp-config.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { DELACK } = DUE;

const MAX_QUICK_ACKS = 16;
const MAX_IDLE_NS = 500 * MS;

export class DelayedAck {
  /** An ACK is owed, and whether it leaves with this turn's output. */
  isOwed = false;
  isDueNow = false;
  /** ACKs that go at once before delaying begins. */
  quick = 0;
  /** Data goes both ways: the answer will carry the ACK. */
  isInteractive = false;
  /** What seems to be the end of an application's write came since the last ACK; and more than once. */
  private isPushed = false;
  private isPushedTwice = false;
  /** How long we wait: adapts to the sender's pace. 0 before the first segment. */
  timeoutNs = ZERO_NS;
  /** Size of the sender's full segments, as seen. */
  rcvMss = 0;
  /** When text last came; before the first, when the connection began. */
  lastReceivedNs = ZERO_NS;

  constructor(rcvMss: number, nowNs: number) {
    this.rcvMss = rcvMss;
    this.lastReceivedNs = nowNs;
  }

  /** A segment with text came: `len` bytes, in `pieces` of a super-frame. */
  received(
    len: number,
    pieces: number,
    window: number,
    hasPush: boolean,
    { nowNs }: Clock,
    { rtoNs }: Rtt,
    config: TcpConfig,
  ): void {
    const size = pieces > 1 ? Math.ceil(len / pieces) : len;
    if (size >= this.rcvMss) {
      this.rcvMss = Math.min(size, 65535);
      if (hasPush) this.isPushed = true;
    } else {
      this.isPushedTwice ||= this.isPushed;
      this.isPushed = true;
    }
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
    const wanted = Math.floor(window / (2 * Math.max(1, this.rcvMss))) || 2;
    this.quick = Math.max(this.quick, Math.min(wanted, MAX_QUICK_ACKS));
  }

  /** Something is wrong, the sender needs to know: no conversation, no delay for a while. */
  enterQuickMode(window: number, config: TcpConfig): void {
    this.enterQuick(window);
    this.isInteractive = false;
    this.timeoutNs = config.delackMinNs;
  }

  /** Data, or our FIN, is expected to go back and carry the ACK (Linux's pingpong mode). */
  setInteractive(isOn: boolean): void {
    this.isInteractive = isOn;
  }

  /** The next output sends it. */
  owe(isNow: boolean): void {
    this.isOwed = true;
    if (isNow) this.isDueNow = true;
  }

  /** Text has come; or it is treated as if it had. */
  get hasReceived(): boolean {
    return this.timeoutNs > 0;
  }

  get isQuick(): boolean {
    return this.quick > 0 && !this.isInteractive;
  }

  /**
   * An ACK waits for something to carry it: what the sender's pace suggests, no longer than a round
   * trip (or 40 ms), nor than tcp_delack_max; 500 ms where nobody waits for it.
   */
  armWait(due: Deadlines, { nowNs }: Clock, { srttNs }: Rtt, config: TcpConfig): void {
    let most = config.delackMaxNs;
    if (this.timeoutNs > config.delackMinNs) {
      const isAwaited = this.isInteractive || this.isPushed;
      if (!isAwaited) most = MAX_IDLE_NS;
      if (srttNs > 0) most = Math.min(most, Math.max(srttNs, config.delackMinNs));
    }
    due.arm(DELACK, nowNs + Math.min(this.timeoutNs, most, config.delackMaxNs));
  }

  /** Nothing carried it in time: we wait longer, or were wrong to expect an answer. */
  missed({ rtoNs }: Rtt, config: TcpConfig): void {
    if (this.isInteractive) {
      this.isInteractive = false;
      this.timeoutNs = config.delackMinNs;
    } else this.timeoutNs = Math.min(2 * this.timeoutNs, rtoNs);
  }

  /** The application has read everything: what ended an application's write is acknowledged now. */
  isReadToEnd(): boolean {
    return this.isPushedTwice || (this.isPushed && !this.isInteractive);
  }

  /** Data left: it carried the ACK, and shortly after a segment it means a conversation. */
  dataSent({ nowNs }: Clock): void {
    if (nowNs - this.lastReceivedNs < this.timeoutNs) this.isInteractive = true;
  }

  /** An ACK left, alone or with data. */
  ackSent(config: TcpConfig): void {
    if (this.isOwed && this.quick > 0) {
      this.quick--;
      if (this.quick === 0) this.timeoutNs = config.delackMinNs;
    }
    this.isOwed = false;
    this.isDueNow = false;
    this.isPushed = false;
    this.isPushedTwice = false;
  }
}
