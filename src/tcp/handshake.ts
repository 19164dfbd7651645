/** SYN-SENT and SYN-RECEIVED: RFC 9293 §3.5, §3.10.7.3, §3.10.7.4; what is offered and agreed (RFC 7323, 2018). */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { ECONNREFUSED, ECONNRESET, ETIMEDOUT } from '../base/errno.ts';
import { MS, NEVER, US } from '../base/time.ts';
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import { type Address, IpAddress, isV4 } from '../wire/address.ts';
import { type Seq, seqAdd, seqEq, seqGt, seqLe, seqLt, seqOf } from '../wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN, TCP_OPT, writeTcp } from '../wire/tcp.ts';
import { Agreed, DEFAULT_MSS4, DEFAULT_MSS6, TIMESTAMP_BYTES } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import { agreesToEcn, asksForEcn, ECN } from './ecn.ts';
import type { FlowId } from './endpoint.ts';
import { initialSequence, timestampOffset } from './isn.ts';
import type { Listener } from './listener.ts';
import { initialWindow } from './receive-window.ts';
import { INITIAL_RTO_NS } from './rtt.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { STATE, type TcpState } from './tcp-state.ts';
import { transmit } from './transmit.ts';
import { MIN_WAIT_NS } from './xmit-timer.ts';

/** Who began an active open. */
export interface Opener {
  established(c: TcpConnection): void;
  failed(errno: number): void;
  /** Why it is about to fail, as the network says it. Borrowed: both. */
  networkError?(quote: QuotedPacket, why: NetworkError): void;
}

/** Half the range of a clock of milliseconds. */
const LONG_AGO_MS = 2 ** 31;

export class Handshake implements FlowId, Expirable {
  readonly kind = 'handshake';
  readonly local: Address;
  readonly remote: Address;
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  /** Null: an active open; else who will accept it. */
  readonly listener: Listener | null;
  private opener: Opener | null;
  settings: TcpSettings;
  readonly iss: Seq;
  state: TcpState;
  private irs: Seq = seqOf(0);
  private peerMss = 0;
  private sndShift = 0;
  private readonly rcvShift: number;
  private hasTimestamps: boolean;
  private hasSack: boolean;
  private hasWindowScale: boolean;
  private hasEcn = false;
  private tsRecent = 0;
  private peerWindow = 0;
  /** By a clock of microseconds that wraps (after 71 minutes): 8 bytes, not 24. */
  private firstSentUs = 0;
  private retries = 0;
  /** By a clock of milliseconds that wraps. */
  private lastUnwantedMs = 0;
  /** SYN-ACKs that answered a SYN sent again. */
  private answers = 0;
  /** When the first SYN timed out, by a clock of milliseconds that wraps: 8 bytes, not 24. */
  private firstTimeoutMs = 0;
  private readonly tsOffset: number;
  readonly tcp: Tcp;
  private readonly deadline: Deadline;

  /**
   * `opener` of an active open, `listener` of a passive one: the other is null. `iss` where TIME-WAIT
   * gives way to a new connection.
   */
  constructor(
    tcp: Tcp,
    id: FlowId,
    listener: Listener | null,
    opener: Opener | null,
    settings: TcpSettings,
    iss: Seq | null = null,
  ) {
    const { config } = tcp;
    this.tcp = tcp;
    this.local = tcp.net.locals.keep(id.local);
    this.remote = new IpAddress().copy(id.remote);
    this.localPort = id.localPort;
    this.remotePort = id.remotePort;
    this.boundIndex = id.boundIndex;
    this.listener = listener;
    this.opener = opener;
    this.settings = settings.share();
    this.state = listener === null ? STATE.SYN_SENT : STATE.SYN_RECEIVED;
    this.iss = iss ?? initialSequence(tcp.net.secret, this, tcp.env.nowNs);
    this.tsOffset = config.timestamps === 2 ? 0 : timestampOffset(tcp.net.secret, this);
    this.peerMss = isV4(id.remote) ? DEFAULT_MSS4 : DEFAULT_MSS6;
    this.hasTimestamps = config.timestamps !== 0;
    this.hasSack = config.sack !== 0;
    this.hasWindowScale = config.windowScaling !== 0;
    const { rcvbufBytes } = settings;
    const mostSpace = rcvbufBytes !== 0 ? rcvbufBytes >> 1 : config.rmemMax;
    this.rcvShift = this.hasWindowScale ? shiftFor(mostSpace) : 0;
    this.lastUnwantedMs = (this.nowMs() - LONG_AGO_MS) | 0;
    this.deadline = new Deadline(this);
  }

  /** RFC 3168 §6.1.1, §6.1.4: neither SYNs nor ACKs are ECT. */
  get ect(): number {
    return ECN.NOT_ECT;
  }

  /** The SYN of an active open. */
  start(): void {
    this.tcp.mib.count(this.tcp.ids.ActiveOpens);
    this.firstSentUs = this.nowUs();
    this.hasEcn = asksForEcn(this.tcp.config, this.tcp.moduleFor(this.settings));
    this.send(TCP_FLAG.SYN);
    this.arm();
  }

  /** A SYN for a listener. */
  synArrived(seg: Segment): void {
    this.takeSyn(seg);
    this.firstSentUs = this.nowUs();
    this.send(TCP_FLAG.SYN | TCP_FLAG.ACK);
    this.arm();
  }

  segmentArrives(seg: Segment): void {
    if (this.state === STATE.SYN_SENT) this.inSynSent(seg);
    else this.inSynReceived(seg);
  }

  /** The SYN, or the SYN-ACK, again: RFC 6298 §2.1, doubling. */
  expire(): void {
    const { config, mib, ids } = this.tcp;
    mib.count(ids.TCPTimeouts);
    const synRetries = (this.settings.synRetries || config.synRetries) + config.synLinearTimeouts;
    const limit = this.listener === null ? synRetries : config.synackRetries;
    if (this.retries >= limit || this.leftNs() <= 0) {
      if (this.listener === null) this.fail(ETIMEDOUT);
      else this.refuse();
      return;
    }
    if (this.retries === 0) this.firstTimeoutMs = this.nowMs();
    this.retries++;
    // RFC 3168 §6.1.1.1: something on the path may drop SYNs that ask for ECN.
    if (this.state === STATE.SYN_SENT && config.ecnFallback !== 0) this.hasEcn = false;
    this.resend(this.state === STATE.SYN_SENT ? TCP_FLAG.SYN : TCP_FLAG.SYN | TCP_FLAG.ACK);
    this.arm();
  }

  private resend(flags: number): void {
    const { mib, ids } = this.tcp;
    mib.count(ids.RetransSegs);
    mib.count(ids.TCPSynRetrans);
    this.send(flags);
    // Linux counts a SYN-ACK that is sent again among the new segments as well, but not a SYN.
    if (flags === TCP_FLAG.SYN) mib.add(ids.OutSegs, -1);
  }

  cancel(): void {
    this.tcp.deadlines.remove(this.deadline);
  }

  /** Its opener wants it no more: not a word to the peer. */
  abandon(): void {
    this.cancel();
    this.tcp.forget(this);
  }

  /** RFC 9293 §3.10.5: a peer that has heard our SYN and acknowledged nothing yet is told. */
  abort(): void {
    if (this.state === STATE.SYN_RECEIVED) {
      this.tcp.mib.count(this.tcp.ids.OutRsts);
      this.send(TCP_FLAG.RST | TCP_FLAG.ACK);
    }
    this.abandon();
  }

  setSettings(settings: TcpSettings): void {
    this.settings = settings.share();
  }

  fail(errno: number): void {
    this.tcp.mib.count(this.tcp.ids.AttemptFails);
    this.refuse();
    this.opener?.failed(errno);
  }

  /** A listener wants it no more, or has waited for long enough: no attempt of ours has failed. */
  refuse(): void {
    this.abandon();
    this.listener?.abandoned(this);
  }

  /** An ICMP error ends it. */
  failedInNetwork(quote: QuotedPacket, why: NetworkError): void {
    this.opener?.networkError?.(quote, why);
    this.fail(why.errno);
  }

  agreed(): Agreed {
    return new Agreed(
      this.peerMss,
      this.hasTimestamps,
      this.hasSack,
      this.hasWindowScale,
      this.sndShift,
      this.hasWindowScale ? this.rcvShift : 0,
      this.tsOffset,
      this.hasEcn,
    );
  }

  /** The application has closed its socket: `opener` sees to the rest. */
  setOpener(opener: Opener): void {
    this.opener = opener;
  }

  /** The connection is there: its opener takes it. */
  established(c: TcpConnection): void {
    this.opener?.established(c);
  }

  /** From our first segment until now; 0 when it was sent twice (RFC 6298 §3: then nobody knows). */
  get rttNs(): number {
    return this.wasRetransmitted ? 0 : this.ageNs();
  }

  /** The number of our SYN. */
  isFirst(seq: Seq): boolean {
    return seqEq(seq, this.iss);
  }

  get peerIsn(): Seq {
    return this.irs;
  }

  get peerWindowBytes(): number {
    return this.peerWindow;
  }

  get recentTimestamp(): number {
    return this.tsRecent;
  }

  get wasRetransmitted(): boolean {
    return this.retransmissions > 0;
  }

  /** By the timer, or because the peer's SYN came again. */
  get retransmissions(): number {
    return this.retries + this.answers;
  }

  get timeouts(): number {
    return this.retries;
  }

  /** When the SYN, or SYN-ACK, is sent again. */
  get dueNs(): number {
    return this.deadline.dueNs;
  }

  /** Milliseconds since its SYN timed out for the first time; 0 if it never did. */
  get sinceTimeoutMs(): number {
    return this.retries === 0 ? 0 : (this.nowMs() - this.firstTimeoutMs) | 0;
  }

  private nowUs(): number {
    return Math.floor(this.tcp.env.nowNs / US) | 0;
  }

  /** Since the first SYN. */
  private ageNs(): number {
    return ((this.nowUs() - this.firstSentUs) >>> 0) * US;
  }

  private nowMs(): number {
    return Math.floor(this.tcp.env.nowNs / MS) | 0;
  }

  /** How long the SYN, or SYN-ACK, that left last is waited for: RFC 6298 §5.5, the first SYNs at an even pace. */
  timeoutNs(): number {
    const { maxRtoNs, synLinearTimeouts } = this.tcp.config;
    const linear = this.state === STATE.SYN_SENT ? synLinearTimeouts : 0;
    const doublings = Math.max(0, this.retries - linear);
    return Math.min(INITIAL_RTO_NS * 2 ** doublings, maxRtoNs);
  }

  /** RFC 9293 §3.10.7.3. */
  private inSynSent(seg: Segment): void {
    const hasAck = seg.has(TCP_FLAG.ACK);
    const isOurs = hasAck && seqEq(seg.ack, seqAdd(this.iss, 1));
    if (hasAck && !isOurs) {
      // The peer has half of an old connection, which our reset ends: the SYN again, soon (Linux).
      if (this.retries === 0) this.armIn(MIN_WAIT_NS);
      if (!seg.has(TCP_FLAG.RST)) this.tcp.resetUnknown(this, seg);
      return;
    }
    if (isOurs && this.echoesNoneOfOurs(seg)) {
      this.tcp.mib.count(this.tcp.ids.PAWSActive);
      this.tcp.resetUnknown(this, seg);
      return;
    }
    if (seg.has(TCP_FLAG.RST)) {
      if (isOurs) this.fail(ECONNREFUSED);
      return;
    }
    if (!seg.has(TCP_FLAG.SYN)) return;
    this.takeSyn(seg);
    if (isOurs) {
      this.complete(seg);
      return;
    }
    this.state = STATE.SYN_RECEIVED; // simultaneous open
    this.send(TCP_FLAG.SYN | TCP_FLAG.ACK);
    this.arm();
  }

  /** RFC 7323 §3.2: a timestamp that no SYN of ours had is an answer to somebody else, or of an older attempt. */
  private echoesNoneOfOurs(seg: Segment): boolean {
    if (!this.hasTimestamps || !seg.hasTimestamps || seg.tsEcr === 0) return false;
    const { tcp, tsOffset } = this;
    const first = tcp.timestamp(tcp.env.nowNs - this.ageNs(), tsOffset);
    const span = (tcp.timestamp(tcp.env.nowNs, tsOffset) - first) >>> 0;
    return (seg.tsEcr - first) >>> 0 > span;
  }

  /** RFC 9293 §3.10.7.4 for SYN-RECEIVED, by Linux's rules. */
  private inSynReceived(seg: Segment): void {
    const { tcp, listener } = this;
    const isSyn = seg.has(TCP_FLAG.SYN);
    const isReset = seg.has(TCP_FLAG.RST);
    const hasAck = seg.has(TCP_FLAG.ACK);
    const isOurs = hasAck && seqEq(seg.ack, seqAdd(this.iss, 1));
    const isFirst = isSyn && seqEq(seg.seq, this.irs);
    if (listener !== null && isFirst && !hasAck && !isReset) {
      // It did not hear us.
      if (!this.mayAnswer(tcp.ids.TCPACKSkippedSynRecv)) return;
      this.answers++;
      this.resend(TCP_FLAG.SYN | TCP_FLAG.ACK);
      this.arm();
      return;
    }
    if (listener !== null && hasAck && !isOurs && !isReset) {
      tcp.resetUnknown(this, seg);
      return;
    }
    // When the SYNs have crossed the peer's comes again, in its SYN-ACK or by itself.
    const isRepeated = listener === null && isFirst;
    const isSynAck = isRepeated && isOurs && seg.seqLen === 1;
    if (!isRepeated && !this.isAcceptable(seg)) return;
    if (isReset) {
      if (seqEq(seg.seq, seqAdd(this.irs, 1))) this.wasReset();
      else this.challenge();
    } else if (isSyn && !isSynAck) this.synInWindow(seg);
    else if (hasAck && !isOurs) tcp.resetUnknown(this, seg);
    else if (hasAck) {
      if (seg.hasTimestamps) this.tsRecent = seg.tsVal;
      this.complete(seg);
    }
  }

  /** First step: by its timestamp and by its numbers; what is not is answered, unless it is a RST. */
  private isAcceptable(seg: Segment): boolean {
    const { mib, ids } = this.tcp;
    const isOld = this.hasTimestamps && seg.hasTimestamps && ((seg.tsVal - this.tsRecent) | 0) < 0;
    if (!isOld && this.isInWindow(seg)) return true;
    if (isOld) mib.count(ids.PAWSEstab);
    if (!seg.has(TCP_FLAG.RST) && this.mayAnswer(ids.TCPACKSkippedSynRecv)) this.send(TCP_FLAG.ACK);
    return false;
  }

  /** Fourth step: it ends what a listener has; our own attempt asks whether it is meant (RFC 5961 §4.2). */
  private synInWindow(seg: Segment): void {
    const { tcp } = this;
    if (this.listener === null) {
      tcp.mib.count(tcp.ids.TCPSYNChallenge);
      this.challenge();
      return;
    }
    tcp.resetUnknown(this, seg);
    this.wasReset();
  }

  private wasReset(): void {
    const { mib, ids } = this.tcp;
    if (this.listener !== null) mib.count(ids.EmbryonicRsts);
    this.fail(ECONNRESET);
  }

  /** RFC 5961 §3.2, §4.2. */
  private challenge(): void {
    const { mib, ids } = this.tcp;
    if (!this.mayAnswer(ids.TCPACKSkippedChallenge)) return;
    mib.count(ids.TCPChallengeACK);
    this.send(TCP_FLAG.ACK);
  }

  private isInWindow(seg: Segment): boolean {
    const next = seqAdd(this.irs, 1);
    if (seqEq(seg.seq, next)) return true;
    const edge = seqAdd(next, this.rcvWindow());
    return seqGt(seg.end(), next)
      ? seqLt(seg.seq, edge)
      : seqGt(seg.seq, next) && seqLe(seg.seq, edge);
  }

  /** RFC 5961 §7. */
  private mayAnswer(skipped: number): boolean {
    const { config, mib } = this.tcp;
    if (((this.nowMs() - this.lastUnwantedMs) >>> 0) * MS < config.invalidRatelimitNs) {
      mib.count(skipped);
      return false;
    }
    this.lastUnwantedMs = this.nowMs();
    return true;
  }

  private complete(seg: Segment): void {
    const shift = seg.has(TCP_FLAG.SYN) ? 0 : this.sndShift;
    this.peerWindow = seg.window << shift;
    this.cancel();
    this.tcp.handshakeDone(this, seg);
  }

  private takeSyn(seg: Segment): void {
    this.irs = seg.seq;
    this.peerWindow = seg.window;
    if (seg.hasMss) this.peerMss = Math.max(seg.mss, this.tcp.config.minSndMss);
    const { maxSegment } = this.settings;
    if (maxSegment !== 0) this.peerMss = Math.min(this.peerMss, maxSegment);
    this.hasTimestamps = this.hasTimestamps && seg.hasTimestamps;
    this.hasSack = this.hasSack && seg.isSackPermitted;
    this.hasWindowScale = this.hasWindowScale && seg.hasWindowScale;
    this.sndShift = this.hasWindowScale ? seg.windowShift : 0;
    if (this.hasTimestamps) this.tsRecent = seg.tsVal;
    this.hasEcn = this.agreesToEcn(seg);
  }

  private agreesToEcn(seg: Segment): boolean {
    const { tcp, listener } = this;
    if (seg.has(TCP_FLAG.ACK)) {
      return this.hasEcn && seg.has(TCP_FLAG.ECE) && !seg.has(TCP_FLAG.CWR);
    }
    if (listener === null) return this.hasEcn && seg.has(TCP_FLAG.ECE) && seg.has(TCP_FLAG.CWR);
    return agreesToEcn(tcp.config, tcp.moduleFor(listener.settings), seg);
  }

  /** RFC 3168 §6.1.1: ECE and CWR in a SYN ask, ECE in a SYN-ACK agrees. */
  private ecnFlags(flags: number): number {
    if (!this.hasEcn || (flags & TCP_FLAG.SYN) === 0) return 0;
    return (flags & TCP_FLAG.ACK) !== 0 ? TCP_FLAG.ECE : TCP_FLAG.ECE | TCP_FLAG.CWR;
  }

  /** The window of a SYN is never scaled (RFC 7323 §2.2). */
  rcvWindow(): number {
    const bytes = this.settings.rcvbufBytes || this.tcp.config.rmemDefault;
    // An answer's segments are without the bytes of its timestamps.
    const options = this.listener !== null && this.hasTimestamps ? TIMESTAMP_BYTES : 0;
    return initialWindow(bytes, this.tcp.ourMss(this) - options);
  }

  /** Nobody can accept it now. */
  rearm(): void {
    this.arm();
  }

  private arm(): void {
    this.armIn(Math.min(this.timeoutNs(), Math.max(this.leftNs(), MS)));
  }

  /** RFC 5482: of the user timeout, which counts once a SYN of ours was sent again. */
  private leftNs(): number {
    const { userTimeoutMs } = this.settings;
    if (userTimeoutMs === 0 || this.retries === 0 || this.listener !== null) return NEVER;
    return userTimeoutMs * MS - this.ageNs();
  }

  private armIn(waitNs: number): void {
    this.tcp.deadlines.arm(this.deadline, this.tcp.env.nowNs + waitNs);
  }

  private send(flags: number): void {
    const { tcp } = this;
    const { dv } = tcp.net.env.memory.slab;
    const isSyn = (flags & TCP_FLAG.SYN) !== 0;
    const at = isSyn ? this.writeOptions(dv) : tcp.header + TCP_HEADER_LEN;
    const hasAck = (flags & TCP_FLAG.ACK) !== 0;
    const ack = hasAck ? seqAdd(this.irs, 1) : seqOf(0);
    const seq = isSyn ? this.iss : seqAdd(this.iss, 1);
    const len = at - tcp.header;
    writeTcp(
      dv,
      tcp.header,
      this.localPort,
      this.remotePort,
      seq,
      ack,
      len,
      flags | this.ecnFlags(flags),
      this.rcvWindow(),
      0,
    );
    transmit(tcp, this, len, null, 0, 0, 0);
    tcp.mib.count(tcp.ids.OutSegs);
  }

  /** In Linux's order: MSS, then SACK-permitted beside timestamps (or NOPs), then window scale. */
  private writeOptions(dv: DataView): number {
    const { tcp } = this;
    let at = tcp.header + TCP_HEADER_LEN;
    dv.setInt32(at, (TCP_OPT.MSS << 24) | (4 << 16) | tcp.ourMss(this));
    at += 4;
    if (this.hasTimestamps) {
      const first = this.hasSack
        ? (TCP_OPT.SACK_PERMITTED << 8) | 2
        : (TCP_OPT.NOP << 8) | TCP_OPT.NOP;
      dv.setInt32(at, (first << 16) | (TCP_OPT.TIMESTAMPS << 8) | 10);
      dv.setInt32(at + 4, tcp.timestamp(tcp.env.nowNs, this.tsOffset));
      dv.setInt32(at + 8, this.tsRecent);
      at += 12;
    } else if (this.hasSack) {
      dv.setInt32(
        at,
        (TCP_OPT.NOP << 24) | (TCP_OPT.NOP << 16) | (TCP_OPT.SACK_PERMITTED << 8) | 2,
      );
      at += 4;
    }
    if (this.hasWindowScale) {
      dv.setInt32(
        at,
        (TCP_OPT.NOP << 24) | (TCP_OPT.WINDOW_SCALE << 16) | (3 << 8) | this.rcvShift,
      );
      at += 4;
    }
    return at;
  }
}

/** RFC 7323 §2.2: enough to offer the largest receive buffer (as Linux computes it). */
function shiftFor(bytes: number): number {
  let shift = 0;
  for (let space = bytes; space > 65535 && shift < 14; space >>= 1) shift++;
  return shift;
}
