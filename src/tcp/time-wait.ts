/**
 * TIME-WAIT: what must be known of a connection that is over (RFC 9293 §3.6.1), and no more. The same record
 * serves FIN-WAIT-2 when nobody reads any more: only a FIN, or a RST, can still be of interest then.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { NEVER, SEC } from '../base/time.ts';
import type { Address } from '../wire/address.ts';
import { type Seq, seqAdd, seqEq, seqGt, seqLe, seqLt, seqOf } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { ECN } from './ecn.ts';
import type { Sender } from './endpoint.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { STATE, type TcpState } from './tcp-state.ts';

/** A RST is not judged by a timestamp older than an MSL. */
const PAWS_MSL_NS = 60 * SEC;
/** RFC 6191 §2 wants a larger ISN than any that was used; Linux leaves room for a window. */
const NEXT_ISS = 65537;

export const VERDICT = { DONE: 0, NEW_SYN: 1 } as const;

export class TimeWait implements Sender, Expirable {
  readonly kind = 'time-wait';
  readonly local: Address;
  readonly remote: Address;
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  readonly settings: TcpSettings;
  readonly sndNxt: Seq;
  readonly tsOffset: number;
  readonly hasTimestamps: boolean;
  tsRecent = 0;
  /** Bytes, and the field as it was last sent. */
  private readonly rcvWnd: number;
  private readonly rcvShift: number;
  private rcvNxt: Seq = seqOf(0);
  private tsRecentNs = 0;
  private lastUnwantedNs = -NEVER;
  private isTimeWait: boolean;
  private readonly tcp: Tcp;
  private readonly deadline: Deadline;

  /** @param isTimeWait false: FIN-WAIT-2 without a reader. */
  constructor(tcp: Tcp, c: TcpConnection, isTimeWait: boolean, waitNs: number) {
    this.tcp = tcp;
    this.local = c.local;
    this.remote = c.remote;
    this.localPort = c.localPort;
    this.remotePort = c.remotePort;
    this.boundIndex = c.boundIndex;
    this.settings = c.settings;
    this.sndNxt = c.snd.nxt;
    this.rcvNxt = c.rcv.nxt;
    this.rcvWnd = c.rcv.window();
    this.rcvShift = c.agreed.rcvShift;
    this.tsOffset = c.agreed.tsOffset;
    this.hasTimestamps = c.agreed.hasTimestamps;
    this.tsRecent = c.tsRecent;
    this.tsRecentNs = c.tsRecentNs;
    this.isTimeWait = isTimeWait;
    this.deadline = new Deadline(this);
    this.waitFor(waitNs);
  }

  get ect(): number {
    return ECN.NOT_ECT;
  }

  get state(): TcpState {
    return this.isTimeWait ? STATE.TIME_WAIT : STATE.FIN_WAIT_2;
  }

  /** For the connection that a new SYN begins. */
  get nextIss(): Seq {
    return seqAdd(this.sndNxt, NEXT_ISS);
  }

  /** NEW_SYN: the peer begins anew; a listener may have it (RFC 9293 §3.6.1, RFC 6191). */
  segmentArrives(seg: Segment): number {
    const isOld = this.isOldByTimestamp(seg);
    if (this.isTimeWait) return this.inTimeWait(seg, isOld);
    this.inFinWait2(seg, isOld);
    return VERDICT.DONE;
  }

  /** RFC 9293 §3.10.7.4 for FIN-WAIT-2, of a half-closed connection without a reader. */
  private inFinWait2(seg: Segment, isOld: boolean): void {
    const { ids } = this.tcp;
    if (isOld || !this.isInWindow(seg)) {
      if (!seg.has(TCP_FLAG.RST)) this.answer(seg, ids.TCPACKSkippedFinWait2);
      return;
    }
    if (seg.has(TCP_FLAG.RST)) {
      this.kill();
      return;
    }
    const isNewSyn = seg.has(TCP_FLAG.SYN) && !seqLt(seg.seq, this.rcvNxt);
    if (!isNewSyn) {
      const isNews = seg.has(TCP_FLAG.ACK) && seqGt(seg.end(), this.rcvNxt) && seg.seqLen > 0;
      if (!isNews) return;
      if (seg.has(TCP_FLAG.FIN) && seqEq(seg.end(), seqAdd(this.rcvNxt, 1))) {
        this.takeFin(seg);
        return;
      }
    }
    this.tcp.resetUnknown(this, seg); // text for nobody
    this.kill();
  }

  private takeFin(seg: Segment): void {
    this.isTimeWait = true;
    this.rcvNxt = seg.end();
    this.remember(seg);
    this.waitFor(this.tcp.config.timeWaitNs);
    this.tcp.sendTimeWaitAck(this, this.rcvNxt, this.windowField());
  }

  /** RFC 9293 §3.10.7.4, §3.6.1, RFC 1337, RFC 6191, by Linux's rules. */
  private inTimeWait(seg: Segment, isOld: boolean): number {
    const { tcp } = this;
    const isReset = seg.has(TCP_FLAG.RST);
    if (!isOld && seqEq(seg.seq, this.rcvNxt) && (seg.seqLen === 0 || isReset)) {
      this.atTheEdge(seg, isReset);
      return VERDICT.DONE;
    }
    const isPlainSyn = seg.has(TCP_FLAG.SYN) && !isReset && !seg.has(TCP_FLAG.ACK);
    if (isPlainSyn && !isOld && this.isNewer(seg)) return VERDICT.NEW_SYN;
    if (isOld) tcp.mib.count(tcp.ids.PAWSTimewait);
    if (!isReset) {
      // A SYN without ACK may be an old one: it does not make us wait longer.
      if (isOld || seg.has(TCP_FLAG.ACK)) this.waitFor(tcp.config.timeWaitNs);
      this.answer(seg, tcp.ids.TCPACKSkippedTimeWait);
    }
    return VERDICT.DONE;
  }

  /** A RST ends the wait (unless tcp_rfc1337 says that it is an assassination); a pure ACK prolongs it. */
  private atTheEdge(seg: Segment, isReset: boolean): void {
    const { config } = this.tcp;
    if (isReset && config.rfc1337 === 0) {
      this.kill();
      return;
    }
    if (!isReset) this.waitFor(config.timeWaitNs);
    this.remember(seg);
  }

  /** By sequence number, or by a newer timestamp (RFC 6191 §2). */
  private isNewer(seg: Segment): boolean {
    if (seqGt(seg.seq, this.rcvNxt)) return true;
    const hasBoth = seg.hasTimestamps && this.hasTimestamps;
    return hasBoth && ((seg.tsVal - this.tsRecent) | 0) > 0;
  }

  private isOldByTimestamp(seg: Segment): boolean {
    if (!seg.hasTimestamps || !this.hasTimestamps) return false;
    if (((seg.tsVal - this.tsRecent) | 0) >= 0) return false;
    const ageNs = this.tcp.env.nowNs - this.tsRecentNs;
    return !seg.has(TCP_FLAG.RST) || ageNs < PAWS_MSL_NS;
  }

  private isInWindow(seg: Segment): boolean {
    if (seqEq(seg.seq, this.rcvNxt)) return true;
    const edge = seqAdd(this.rcvNxt, this.rcvWnd);
    if (seqGt(seg.end(), this.rcvNxt) && seqLt(seg.seq, edge)) return true;
    return seqEq(seg.seq, edge) && seqLe(seg.end(), edge);
  }

  /** Not for each of a flood without text. */
  private answer(seg: Segment, skipped: number): void {
    const { tcp } = this;
    if (seg.seqLen === 0 || seg.has(TCP_FLAG.SYN)) {
      const nowNs = tcp.env.nowNs;
      if (nowNs - this.lastUnwantedNs < tcp.config.invalidRatelimitNs) {
        tcp.mib.count(skipped);
        return;
      }
      this.lastUnwantedNs = nowNs;
    }
    tcp.sendTimeWaitAck(this, this.rcvNxt, this.windowField());
  }

  /** A new SYN that nobody listens for. */
  answerSyn(seg: Segment): void {
    this.answer(seg, this.tcp.ids.TCPACKSkippedTimeWait);
  }

  private windowField(): number {
    return Math.min(65535, this.rcvWnd >>> this.rcvShift);
  }

  private remember(seg: Segment): void {
    if (!seg.hasTimestamps || !this.hasTimestamps) return;
    this.tsRecent = seg.tsVal;
    this.tsRecentNs = this.tcp.env.nowNs;
  }

  private waitFor(waitNs: number): void {
    const { deadlines, env } = this.tcp;
    deadlines.arm(this.deadline, env.nowNs + waitNs);
  }

  expire(): void {
    this.tcp.mib.count(this.tcp.ids.TW);
    this.tcp.forget(this);
  }

  /** When it is over. */
  get dueNs(): number {
    return this.deadline.dueNs;
  }

  /** It is over now. */
  kill(): void {
    this.cancel();
    this.tcp.forget(this);
  }

  cancel(): void {
    this.tcp.deadlines.remove(this.deadline);
  }
}
