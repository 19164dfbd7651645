/** SYN-SENT and SYN-RECEIVED: RFC 9293 §3.5, §3.10.7.3, §3.10.7.4; what is offered and agreed (RFC 7323, 2018). */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { ECONNRESET, ETIMEDOUT } from '../base/errno.ts';
import { MS, US } from '../base/time.ts';
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import { type Address, IpAddress } from '../wire/address.ts';
import { type Seq, seqAdd, seqEq, seqGt, seqLe, seqOf } from '../wire/seq.ts';
import { TCP_FLAG, TCP_FLAGS } from '../wire/tcp.ts';
import type { Agreed } from './agreed.ts';
import { answerClock, isAnswerTooSoon, neverAnswered } from './answer-limit.ts';
import type { TcpConnection } from './connection.ts';
import { agreesToEcn, asksForEcn, ECN, marksAll } from './ecn.ts';
import type { FlowId } from './endpoint.ts';
import { establish } from './establish.ts';
import type { FastOpenCookie } from './fast-open-option.ts';
import type { FastOpening } from './fast-opening.ts';
import { sendHandshakeSegment, sendSynAck } from './handshake-segment.ts';
import { initialSequence, timestampOffset } from './isn.ts';
import type { Listener } from './listener.ts';
import { defaultMss, offeredShift, offeredWindow, peerMssOf, timestampBytes } from './offer.ts';
import type { Opening, SynSender } from './opening.ts';
import type { Segment } from './segment.ts';
import { hasSynGivenUp, synTimeoutNs, userTimeLeftNs } from './syn-patience.ts';
import { inSynReceived } from './syn-received.ts';
import { inSynSent } from './syn-sent.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { STATE, type TcpState } from './tcp-state.ts';
import { MIN_WAIT_NS } from './xmit-timer.ts';

/** Who began an active open. */
export interface Opener {
  established(c: TcpConnection): void;
  failed(errno: number): void;
  /** Why it is about to fail, as the network says it. Borrowed: both. */
  networkError?(quote: QuotedPacket, why: NetworkError): void;
}

export class Handshake implements Opening, SynSender, Expirable {
  readonly kind = 'handshake';
  readonly local: Address;
  readonly remote: Address;
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  /** Null: an active open; else who will accept it. */
  listener: Listener | null;
  private opener: Opener | null;
  settings: TcpSettings;
  readonly iss: Seq;
  state: TcpState;
  private irs: Seq = seqOf(0);
  private peerMss = 0;
  private sndShift = 0;
  readonly rcvShift: number;
  hasTimestamps: boolean;
  hasSack: boolean;
  hasWindowScale: boolean;
  hasEcn = false;
  private tsRecent = 0;
  private peerWindow = 0;
  /** By a clock of microseconds that wraps (after 71 minutes): 8 bytes, not 24. */
  private firstSentUs = 0;
  private retries = 0;
  /** See `answer-limit`. */
  private lastUnwantedMs: number;
  /** SYNs and SYN-ACKs beyond the first: by the timer, or because the peer's SYN came again. */
  private resent = 0;
  /** A listener's: the peer has heard the SYN-ACK, but its ACK opened nothing (TCP_DEFER_ACCEPT). */
  isHeard = false;
  /** When the first SYN timed out, by a clock of milliseconds that wraps: 8 bytes, not 24. */
  private firstTimeoutMs = 0;
  readonly tsOffset: number;
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
    this.tsOffset = timestampOffset(tcp.net.secret, this, config);
    this.peerMss = defaultMss(id);
    this.hasTimestamps = config.timestamps !== 0;
    this.hasSack = config.sack !== 0;
    this.hasWindowScale = config.windowScaling !== 0;
    this.rcvShift = this.hasWindowScale ? offeredShift(config, settings) : 0;
    this.lastUnwantedMs = neverAnswered(tcp);
    this.deadline = new Deadline(this);
  }

  /**
   * RFC 3168 §6.1.1, §6.1.4: neither SYNs nor ACKs are ECT. RFC 5562 §3: a SYN-ACK may be, but none that is sent again: its
   * mark may be why the first did not arrive. RFC 8257 §3.5: all are where a module says so.
   */
  get ect(): number {
    const { tcp, listener, hasEcn, resent } = this;
    if (hasEcn && marksAll(tcp.moduleFor(this.settings))) return ECN.ECT0;
    if (tcp.config.ecnSynack === 0 || listener === null || !hasEcn || resent > 0)
      return ECN.NOT_ECT;
    // The segment that leaves is the one at `header`: it may be an ACK, too.
    const flags = tcp.env.memory.slab.dv.getUint8(tcp.header + TCP_FLAGS);
    return (flags & TCP_FLAG.SYN) === 0 ? ECN.NOT_ECT : ECN.ECT0;
  }

  /** The SYN of an active open. */
  start(): void {
    this.tcp.mib.count(this.tcp.ids.ActiveOpens);
    this.firstSentUs = this.nowUs();
    this.hasEcn = asksForEcn(this.tcp.config, this.tcp.moduleFor(this.settings));
    this.sendFirst();
    this.arm();
  }

  protected sendFirst(): void {
    sendHandshakeSegment(this, TCP_FLAG.SYN);
  }

  /** A SYN for a listener, and the cookie that its answer brings. */
  synArrived(seg: Segment, cookie: FastOpenCookie): void {
    this.takeFirst(seg);
    this.sendSynAck(seqAdd(this.irs, 1), cookie);
    this.arm();
  }

  /** The SYN of a passive open: the answer leaves now. */
  takeFirst(seg: Segment): void {
    this.takeSyn(seg);
    this.firstSentUs = this.nowUs();
  }

  sendSynAck(ack: Seq, cookie: FastOpenCookie): void {
    sendSynAck(this, ack, cookie);
  }

  /** Its fate: ACCEPTED, or why it went no further. */
  segmentArrives(seg: Segment): number {
    return this.state === STATE.SYN_SENT ? inSynSent(this, seg) : inSynReceived(this, seg);
  }

  /** The SYN, or the SYN-ACK, again: RFC 6298 §2.1, doubling. */
  expire(): void {
    const { config, mib, ids } = this.tcp;
    mib.count(ids.TCPTimeouts);
    if (hasSynGivenUp(this)) {
      if (this.listener === null) this.fail(ETIMEDOUT);
      else this.refuse();
      return;
    }
    if (this.retries === 0) {
      this.firstTimeoutMs = this.nowMs();
      this.listener?.aged();
    }
    const isWaiting = this.isHeard && this.retries < this.inherited.deferTimeouts - 1;
    this.retries++;
    // RFC 3168 §6.1.1.1: something on the path may drop SYNs that ask for ECN.
    if (this.state === STATE.SYN_SENT && config.ecnFallback !== 0) this.hasEcn = false;
    if (!isWaiting) this.resend(this.synFlags());
    this.arm();
  }

  private synFlags(): number {
    return this.state === STATE.SYN_SENT ? TCP_FLAG.SYN : TCP_FLAG.SYN | TCP_FLAG.ACK;
  }

  /** The SYN again, though it has not timed out. */
  protected sendAgain(): void {
    this.resend(TCP_FLAG.SYN);
    this.arm();
  }

  /** Of a Fast Open child, which has the timer. */
  timedOut(ack: Seq): void {
    if (this.retries === 0) this.firstTimeoutMs = this.nowMs();
    this.retries++;
    this.resendSynAck(ack);
  }

  /** For such a child, too. Without a cookie, as on Linux: the option may be why the first was lost. */
  resendSynAck(ack: Seq): void {
    this.countResent();
    sendSynAck(this, ack, null);
  }

  private resend(flags: number): void {
    this.countResent();
    sendHandshakeSegment(this, flags);
    // Linux counts a SYN-ACK that is sent again among the new segments as well, but not a SYN.
    if (flags === TCP_FLAG.SYN) this.tcp.mib.add(this.tcp.ids.OutSegs, -1);
  }

  private countResent(): void {
    const { mib, ids } = this.tcp;
    this.resent++;
    mib.count(ids.RetransSegs);
    mib.count(ids.TCPSynRetrans);
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
      sendHandshakeSegment(this, TCP_FLAG.RST | TCP_FLAG.ACK);
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

  /** Its listener is gone, another one of the same port has it now (tcp_migrate_req). */
  migrate(to: Listener): void {
    this.listener = to;
    to.began(this);
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
    return this.tcp.agreements.of(
      this.peerMss,
      this.hasTimestamps,
      this.hasSack,
      this.hasWindowScale,
      this.sndShift,
      this.hasWindowScale ? this.rcvShift : 0,
      this.hasEcn,
    );
  }

  /** The application has closed its socket: `opener` sees to the rest. */
  setOpener(opener: Opener): void {
    this.opener = opener;
  }

  /** The connection is there: its listener, or opener, takes it. */
  established(c: TcpConnection): void {
    if (this.listener === null) this.opener?.established(c);
    else {
      this.listener.abandoned(this);
      this.listener.established(c);
    }
  }

  /** A listener's child is like its listener is now. */
  get inherited(): TcpSettings {
    return this.listener?.settings ?? this.settings;
  }

  get isPassive(): boolean {
    return this.listener !== null;
  }

  tsVal(): number {
    return this.tcp.timestamp(this.tcp.env.nowNs, this.tsOffset);
  }

  /** From our first segment until now; 0 when it was sent twice (RFC 6298 §3: then nobody knows). */
  get rttNs(): number {
    return this.wasRetransmitted ? 0 : this.ageNs();
  }

  /** The number of our SYN. */
  isFirst(seq: Seq): boolean {
    return seqEq(seq, this.iss);
  }

  /** SND.NXT: behind our SYN, and the text it carried. */
  get sndNxt(): Seq {
    return seqAdd(this.iss, 1);
  }

  /** Our SYN, and perhaps some of its text, but nothing that was never sent. */
  acknowledgesOurs(seg: Segment): boolean {
    return seg.has(TCP_FLAG.ACK) && seqGt(seg.ack, this.iss) && seqLe(seg.ack, this.sndNxt);
  }

  /** Null: its SYN is like any other. */
  get fastOpening(): FastOpening | null {
    return null;
  }

  get fastOpenCookie(): FastOpenCookie | null {
    return null;
  }

  /** See `Opening`. */
  begun(_c: TcpConnection, _seg: Segment): void {
    // there is nothing that it could bring with it
  }

  /** A router says that what we sent is larger than `mtu`. False: it is not to be believed. */
  tooLarge(_mtu: number): boolean {
    return true;
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

  get retransmissions(): number {
    return this.resent;
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
  ageNs(): number {
    return ((this.nowUs() - this.firstSentUs) >>> 0) * US;
  }

  private nowMs(): number {
    return Math.floor(this.tcp.env.nowNs / MS) | 0;
  }

  /** RFC 5961 §7. */
  mayAnswer(skipped: number): boolean {
    if (isAnswerTooSoon(this.tcp, this.lastUnwantedMs, skipped)) return false;
    this.lastUnwantedMs = answerClock(this.tcp);
    return true;
  }

  /** Nobody is to know of it yet: TCP_DEFER_ACCEPT. */
  defer(): void {
    this.isHeard = true;
  }

  sendAck(): void {
    sendHandshakeSegment(this, TCP_FLAG.ACK);
  }

  /** The peer's SYN came again: it did not hear our answer. False: too soon for another. */
  answerAgain(): boolean {
    if (!this.mayAnswer(this.tcp.ids.TCPACKSkippedSynRecv)) return false;
    this.resend(TCP_FLAG.SYN | TCP_FLAG.ACK);
    this.arm();
    return true;
  }

  /** Something old stands in the way of our first SYN. */
  tryAgainSoon(): void {
    if (this.retries === 0) this.armIn(MIN_WAIT_NS);
  }

  /** Its deadline is now. */
  protected expireSoon(): void {
    this.armIn(0);
  }

  /** Simultaneous open: the peer's SYN came instead of an answer. */
  crossed(): void {
    this.state = STATE.SYN_RECEIVED;
    sendHandshakeSegment(this, TCP_FLAG.SYN | TCP_FLAG.ACK);
    this.arm();
  }

  wasReset(): void {
    const { mib, ids } = this.tcp;
    if (this.listener !== null) mib.count(ids.EmbryonicRsts);
    this.fail(ECONNRESET);
  }

  rememberTimestamp(seg: Segment): void {
    if (seg.hasTimestamps) this.tsRecent = seg.tsVal;
  }

  complete(seg: Segment): number {
    const shift = seg.has(TCP_FLAG.SYN) ? 0 : this.sndShift;
    this.peerWindow = seg.window << shift;
    this.cancel();
    return establish(this, seg);
  }

  takeSyn(seg: Segment): void {
    this.irs = seg.seq;
    this.peerWindow = seg.window;
    this.peerMss = peerMssOf(this, seg, this.tcp.config, this.settings);
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

  /** The window of a SYN is never scaled (RFC 7323 §2.2). */
  rcvWindow(): number {
    // An answer's segments are without the bytes of its timestamps.
    const isWithout = this.listener !== null && this.hasTimestamps;
    return offeredWindow(this.tcp, this, timestampBytes(isWithout));
  }

  private arm(): void {
    this.armIn(Math.min(synTimeoutNs(this), Math.max(userTimeLeftNs(this), MS)));
  }

  private armIn(waitNs: number): void {
    this.tcp.deadlines.arm(this.deadline, this.tcp.env.nowNs + waitNs);
  }
}
