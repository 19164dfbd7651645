/**
 * TIME-WAIT: what must be known of a connection that is over (RFC 9293 §3.6.1), and no more. The same record
 * serves FIN-WAIT-2 when nobody reads any more: only a FIN, or a RST, can still be of interest then.
 *
 * The record is a row of `TimeWaitRows`; this is how it behaves. One object looks at one row after another.
 */
import { MS } from '../base/time.ts';
import { ACCEPTED, DROP } from '../net/drops.ts';
import { type Address, IpAddress, isLoopback } from '../wire/address.ts';
import { type Seq, seqAdd, seqBits, seqEq, seqGt, seqLe, seqLt, seqOf } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { answerClock, isAnswerTooSoon, neverAnswered } from './answer-limit.ts';
import type { TcpConnection } from './connection.ts';
import { ECN } from './ecn.ts';
import type { Sender } from './endpoint.ts';
import type { PortHold } from './port-holds.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';
import { TcpSettings } from './tcp-settings.ts';
import { STATE, type TcpState } from './tcp-state.ts';
import { HAS_TIMESTAMPS, type TimeWaitRows, TW } from './time-wait-rows.ts';
import type { TimeWaits } from './time-waits.ts';

/** SO_PRIORITY in the word of what IP headers have: above TOS, TTL and path MTU discovery; a larger one is this. */
const PRIORITY_AT = 18;
const MOST_PRIORITY = 8191;

/** A RST is not judged by a timestamp older than an MSL. */
const PAWS_MSL_MS = 60_000;
/** RFC 6191 §2 wants a larger ISN than any that was used; Linux leaves room for a window. */
const NEXT_ISS = 65537;

/** Of tcp_tw_reuse. */
const REUSE_LOOPBACK = 2;

/** Beside ACCEPTED and the reasons. */
export const NEW_SYN = -1;

export class TimeWait implements Sender {
  readonly kind = 'time-wait';
  readonly remote = new IpAddress();
  readonly settings = new TcpSettings();
  readonly ect = ECN.NOT_ECT;
  local: Address = new IpAddress();
  localPort = 0;
  remotePort = 0;
  boundIndex = 0;
  row = 0;
  private readonly waits: TimeWaits;
  private readonly rows: TimeWaitRows;
  private readonly tcp: Tcp;

  constructor(waits: TimeWaits, tcp: Tcp) {
    this.waits = waits;
    this.rows = waits.rows;
    this.tcp = tcp;
  }

  /** From now on this is the flow of that row. */
  lookAt(row: number): this {
    this.row = row;
    const { rows, remote } = this;
    const { local, port, boundIndex } = this.hold;
    this.local = local;
    this.localPort = port;
    this.boundIndex = boundIndex;
    remote.set(
      rows.get(row, TW.REMOTE),
      rows.get(row, TW.REMOTE + 1),
      rows.get(row, TW.REMOTE + 2),
      rows.get(row, TW.REMOTE + 3),
    );
    this.remotePort = rows.get(row, TW.REMOTE_PORT);
    const ip = rows.get(row, TW.IP);
    this.settings.setIp(ip & 0xff, (ip >> 8) & 0xff, (ip >> 16) & 3, ip >>> PRIORITY_AT);
    return this;
  }

  /** What the connection knew. Precondition: the row was just taken. */
  fill(row: number, c: TcpConnection, state: TcpState): void {
    this.row = row;
    const { remote, agreed, settings } = c;
    this.set(TW.REMOTE, remote.w0);
    this.set(TW.REMOTE + 1, remote.w1);
    this.set(TW.REMOTE + 2, remote.w2);
    this.set(TW.REMOTE + 3, remote.w3);
    this.set(TW.REMOTE_PORT, c.remotePort);
    this.set(TW.SND_NXT, seqBits(c.snd.nxt));
    this.set(TW.RCV_NXT, seqBits(c.rcv.nxt));
    this.set(TW.RCV_WND, c.rcv.window());
    this.set(TW.AGREED, agreed.rcvShift | (agreed.hasTimestamps ? HAS_TIMESTAMPS : 0));
    this.set(TW.SINCE_MS, this.nowMs());
    this.set(TW.TS_OFFSET, c.tsOffset);
    this.set(TW.TS_RECENT, c.tsRecent);
    this.set(TW.TS_RECENT_MS, (c.tsRecentSec * 1000) | 0);
    this.set(TW.UNWANTED_MS, neverAnswered(this.tcp));
    this.set(TW.STATE, state);
    const priority = Math.min(settings.priority >>> 0, MOST_PRIORITY) << PRIORITY_AT;
    const ip = settings.tos | (settings.ttl << 8) | (settings.pmtuDiscovery << 16);
    this.set(TW.IP, ip | priority);
  }

  get state(): TcpState {
    return this.rows.get(this.row, TW.STATE) as TcpState;
  }

  get sndNxt(): Seq {
    return seqOf(this.get(TW.SND_NXT));
  }

  get tsOffset(): number {
    return this.get(TW.TS_OFFSET);
  }

  get hasTimestamps(): boolean {
    return (this.get(TW.AGREED) & HAS_TIMESTAMPS) !== 0;
  }

  get tsRecent(): number {
    return this.get(TW.TS_RECENT);
  }

  /** When it is over. */
  get dueNs(): number {
    return this.rows.dueNs(this.row);
  }

  /** Its claim to the local port. */
  get hold(): PortHold {
    return this.rows.hold(this.row)!; // it is a flow
  }

  /** For the connection that a new SYN begins. */
  get nextIss(): Seq {
    return seqAdd(this.sndNxt, NEXT_ISS);
  }

  /**
   * Whether an active open may take its place: the peer's timestamps keep the segments of the two apart (RFC 7323
   * Appendix B.2), once its clock has ticked. To a port that the application chose it always gives way, as on Linux;
   * to one that is chosen for it by tcp_tw_reuse. @param isChosen The port is not the application's.
   */
  givesWay(isChosen: boolean): boolean {
    if (!this.hasTimestamps) return false;
    if (!isChosen) return true;
    const { twReuse, twReuseDelayNs } = this.tcp.config;
    if (this.state !== STATE.TIME_WAIT || twReuse === 0) return false;
    if (twReuse === REUSE_LOOPBACK && !this.isLoopback()) return false;
    return ((this.nowMs() - this.get(TW.SINCE_MS)) | 0) * MS > twReuseDelayNs;
  }

  /** As far as the addresses, or the interface it is tied to, tell. */
  private isLoopback(): boolean {
    const { interfaces } = this.tcp.net;
    return (
      isLoopback(this.local) ||
      isLoopback(this.remote) ||
      interfaces.some((i) => i.isLoopback && i.index === this.boundIndex)
    );
  }

  /** Its fate; or NEW_SYN: the peer begins anew, a listener may have it (RFC 9293 §3.6.1, RFC 6191). */
  segmentArrives(seg: Segment): number {
    const isOld = this.isOldByTimestamp(seg);
    return this.state === STATE.TIME_WAIT
      ? this.inTimeWait(seg, isOld)
      : this.inFinWait2(seg, isOld);
  }

  /** RFC 9293 §3.10.7.4 for FIN-WAIT-2, of a half-closed connection without a reader. */
  private inFinWait2(seg: Segment, isOld: boolean): number {
    const { ids } = this.tcp;
    if (isOld || !this.isInWindow(seg)) {
      // Linux answers even a RST.
      this.answer(seg, ids.TCPACKSkippedFinWait2);
      return isOld ? DROP.TCP_RFC7323_TW_PAWS : this.whyOutside(seg);
    }
    if (seg.has(TCP_FLAG.RST)) {
      this.kill();
      return ACCEPTED;
    }
    const isNewSyn = seg.has(TCP_FLAG.SYN) && !seqLt(seg.seq, this.rcvNxt);
    if (!isNewSyn) {
      if (!seg.has(TCP_FLAG.ACK)) return DROP.TCP_FLAGS;
      if (seg.seqLen === 0) return ACCEPTED; // it says nothing that we do not know
      if (seg.has(TCP_FLAG.FIN) && seqEq(seg.end(), seqAdd(this.rcvNxt, 1))) {
        this.takeFin(seg);
        return ACCEPTED;
      }
    }
    this.tcp.resetUnknown(this, seg); // text for nobody
    this.kill();
    return isNewSyn ? DROP.TCP_INVALID_SYN : DROP.TCP_ABORT_ON_DATA;
  }

  private whyOutside(seg: Segment): number {
    return seqLt(seg.seq, this.rcvNxt) ? DROP.TCP_OLD_SEQUENCE : DROP.TCP_INVALID_SEQUENCE;
  }

  private takeFin(seg: Segment): void {
    this.set(TW.STATE, STATE.TIME_WAIT);
    this.set(TW.SINCE_MS, this.nowMs());
    this.set(TW.RCV_NXT, seqBits(seg.end()));
    this.remember(seg);
    this.waitFor(this.tcp.config.timeWaitNs);
    this.tcp.sendTimeWaitAck(this, this.rcvNxt, this.windowField());
  }

  /** RFC 9293 §3.10.7.4, §3.6.1, RFC 1337, RFC 6191, by Linux's rules. */
  private inTimeWait(seg: Segment, isOld: boolean): number {
    const { tcp } = this;
    const isReset = seg.has(TCP_FLAG.RST);
    if (!isOld && seqEq(seg.seq, this.rcvNxt) && (seg.seqLen === 0 || isReset)) {
      return this.atTheEdge(seg, isReset);
    }
    const isPlainSyn = seg.has(TCP_FLAG.SYN) && !isReset && !seg.has(TCP_FLAG.ACK);
    if (isPlainSyn && !isOld && this.isNewer(seg)) return NEW_SYN;
    if (isOld) tcp.mib.count(tcp.ids.PAWSTimewait);
    if (!isReset) {
      // A SYN without ACK may be an old one: it does not make us wait longer.
      if (isOld || seg.has(TCP_FLAG.ACK)) this.waitFor(tcp.config.timeWaitNs);
      this.answer(seg, tcp.ids.TCPACKSkippedTimeWait);
    }
    if (isOld) return DROP.TCP_RFC7323_TW_PAWS;
    if (isReset) return DROP.TCP_RESET;
    return seg.has(TCP_FLAG.SYN) ? DROP.TCP_INVALID_SYN : this.whyOutside(seg);
  }

  /** A RST ends the wait (unless tcp_rfc1337 says that it is an assassination); a pure ACK prolongs it. */
  private atTheEdge(seg: Segment, isReset: boolean): number {
    const { config } = this.tcp;
    if (isReset && config.rfc1337 === 0) {
      this.kill();
      return ACCEPTED;
    }
    if (!isReset) this.waitFor(config.timeWaitNs);
    this.remember(seg);
    return isReset ? DROP.TCP_RESET : ACCEPTED;
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
    const ageMs = (this.nowMs() - this.get(TW.TS_RECENT_MS)) | 0;
    return !seg.has(TCP_FLAG.RST) || ageMs < PAWS_MSL_MS;
  }

  private isInWindow(seg: Segment): boolean {
    if (seqEq(seg.seq, this.rcvNxt)) return true;
    const edge = seqAdd(this.rcvNxt, this.get(TW.RCV_WND));
    if (seqGt(seg.end(), this.rcvNxt) && seqLt(seg.seq, edge)) return true;
    return seqEq(seg.seq, edge) && seqLe(seg.end(), edge);
  }

  /** Not for each of a flood without text. */
  private answer(seg: Segment, skipped: number): void {
    const { tcp } = this;
    if (seg.seqLen === 0 || seg.has(TCP_FLAG.SYN)) {
      if (isAnswerTooSoon(tcp, this.get(TW.UNWANTED_MS), skipped)) return;
      this.set(TW.UNWANTED_MS, answerClock(tcp));
    }
    tcp.sendTimeWaitAck(this, this.rcvNxt, this.windowField());
  }

  /** A new SYN that nobody listens for. */
  answerSyn(seg: Segment): void {
    this.answer(seg, this.tcp.ids.TCPACKSkippedTimeWait);
  }

  private windowField(): number {
    return Math.min(65535, this.get(TW.RCV_WND) >>> (this.get(TW.AGREED) & (HAS_TIMESTAMPS - 1)));
  }

  private remember(seg: Segment): void {
    if (!seg.hasTimestamps || !this.hasTimestamps) return;
    this.set(TW.TS_RECENT, seg.tsVal);
    this.set(TW.TS_RECENT_MS, this.nowMs());
  }

  private waitFor(waitNs: number): void {
    this.waits.waitAgain(this.row, waitNs);
  }

  /** It is over now. */
  kill(): void {
    this.waits.end(this.row);
  }

  private get rcvNxt(): Seq {
    return seqOf(this.get(TW.RCV_NXT));
  }

  private nowMs(): number {
    return Math.floor(this.tcp.env.nowNs / MS) | 0;
  }

  private get(field: number): number {
    return this.rows.get(this.row, field);
  }

  private set(field: number, value: number): void {
    this.rows.set(this.row, field, value);
  }
}
