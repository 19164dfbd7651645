/**
 * One connection in a synchronized state: who it is, and the parts that hold its variables. What
 * happens to them is in `input`, `ack`, `text`, `output`, `recovery` and `expiry`.
 */
import { assert } from '../base/assert.ts';
import { ENOENT } from '../base/errno.ts';
import { SEC, ZERO_NS } from '../base/time.ts';
import { CcView } from '../cc/cc-view.ts';
import type { TxRing } from '../link/tx-ring.ts';
import { type Address, isV4 } from '../wire/address.ts';
import { type Seq, seqAdd, seqDiff, seqOf } from '../wire/seq.ts';
import { type Agreed, TIMESTAMP_BYTES } from './agreed.ts';
import { answerClock, isAnswerTooSoon, neverAnswered } from './answer-limit.ts';
import { Congestion } from './congestion.ts';
import { Deadlines, type DeadlineTarget, DUE } from './deadlines.ts';
import { DelayedAck } from './delayed-ack.ts';
import { ECN, Ecn } from './ecn.ts';
import type { ConnectionOwner, FlowId } from './endpoint.ts';
import { deadlinePassed } from './expiry.ts';
import type { Unconfirmed } from './fast-open-child.ts';
import { judgeAtEnd } from './fast-open-pause.ts';
import type { FastOpenUse } from './fast-open-use.ts';
import { FinMark } from './fin-mark.ts';
import { fullSegment } from './full-segment.ts';
import { WRITER } from './page-wait.ts';
import { ReceivingParts, SendingParts } from './parts.ts';
import { PathMtu } from './path-mtu.ts';
import { RightSizing } from './receive-window.ts';
import { RecordEnds } from './record-ends.ts';
import { Recovery } from './recovery.ts';
import { Rtt } from './rtt.ts';
import { expandSendBuffer } from './send-buffer.ts';
import { SendMarks, type SendWatcher } from './send-marks.ts';
import { ReceiveSpace, SendSpace } from './space.ts';
import type { Tcp } from './tcp.ts';
import { firstReceiveBuffer, keepaliveIdleNs, type TcpSettings } from './tcp-settings.ts';
import { COUNTED, isIn, mayMove, STATE, type TcpState } from './tcp-state.ts';
import { Totals } from './totals.ts';
import { UrgentMark } from './urgent.ts';
import { WindowedMin } from './windowed-min.ts';

/** RFC 6928's window: what the peer is expected to send in its first round trip. */
const FIRST_SPACE_SEGMENTS = 10;
const PAWS_IDLE_SEC = 24 * 24 * 3600;

export class TcpConnection implements DeadlineTarget, FlowId {
  readonly tcp: Tcp;
  readonly local: Address;
  readonly remote: Address;
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  readonly agreed: Agreed;
  /** Added to our clock in our timestamps (RFC 7323 §5.4). */
  readonly tsOffset: number;
  private current: TcpState = STATE.ESTABLISHED;
  /** Not null: what began by its SYN waits for the handshake's end (RFC 7413). */
  unconfirmed: Unconfirmed | null = null;

  readonly snd: SendSpace;
  readonly rcv: ReceiveSpace;
  readonly rtt: Rtt;
  /** The stack's shared ones until the first text (see `parts`). */
  private sending: SendingParts;
  private receiving: ReceivingParts;
  readonly minRtt = new WindowedMin();
  readonly congestion: Congestion;
  readonly recovery: Recovery;
  /** Null: not agreed on. */
  readonly ecn: Ecn | null;
  /** What the path's MTU did to this connection, once it did. */
  pathMtu: PathMtu | null = null;
  /** What Fast Open did for it, if it was tried. */
  fastOpen: FastOpenUse | null = null;
  readonly due: Deadlines;
  readonly delack: DelayedAck;
  readonly sizing: RightSizing;
  readonly totals: Totals;

  /** RFC 7323 §4.3: TS.Recent, when it was set, and the last ACK we sent. */
  tsRecent = 0;
  tsRecentSec = 0;
  lastAckSent: Seq = seqOf(0);
  /** The echo of the segment being worked through, for Eifel; its units are our timestamp clock's. */
  lastEcho = 0;
  hasEcho = false;

  /** Bytes the socket may hold, each way. Half of the receive buffer at most is offered (tcp_adv_win_scale 1). */
  sndbufBytes = 0;
  rcvbufBytes = 0;
  /** What the application asked for. */
  settings: TcpSettings;
  /** MSG_MORE: the next output holds back the last part of a segment. */
  isMoreComing = false;
  /** What is queued goes, whatever Nagle and the cork say. */
  isPushed = false;
  /** RFC 9293 §3.10.4: the application is done sending; the FIN leaves behind its last byte. */
  isFinQueued = false;
  isFinSent = false;
  /** shutdown(SHUT_RD), close: RCV_SHUTDOWN. */
  isReceiveShut = false;
  /** The peer's FIN has been taken. */
  isFinReceived = false;
  /** Where the peer's FIN stands, once a segment has said so. */
  finAt: FinMark | null = null;
  /** The peer's urgent mark, once there was one. */
  urgent: UrgentMark | null = null;
  /** Zero-window or keepalive probes without an answer. */
  probes = 0;
  /** The ECN field of the segment that is being sent. */
  ect = 0;
  /** Ends of records (MSG_EOR), once there was one. */
  records: RecordEnds | null = null;
  /** Bytes whose fate somebody wants to hear of, once there was one; who that is. */
  marks: SendMarks | null = null;
  watcher: SendWatcher | null = null;
  /** What an ICMP error said that did not end it (RFC 1122 §4.2.3.9): the reason, if it times out. */
  softError = 0;
  lastReceivedNs = ZERO_NS;
  /** See `answer-limit`. */
  private lastUnwantedMs: number;
  /** How it ended: 0 or an errno. */
  error = 0;
  /** For want of pages (see `page-wait`): where it stands as a writer, and whether its window is shut. */
  writer: number = WRITER.FREE;
  isStarved = false;
  /** On the list of connections with something to send. */
  isListed = false;
  /** The ring of the device that had no room, and how far it had come: see `room-wait`. */
  refusedBy: TxRing | null = null;
  refusedAt = 0;
  /** Who hears of it; null once the application has closed it. */
  owner: ConnectionOwner | null;

  constructor(
    tcp: Tcp,
    id: FlowId,
    agreed: Agreed,
    iss: Seq,
    irs: Seq,
    from: ConnectionStart,
    settings: TcpSettings,
  ) {
    const { env, config } = tcp;
    this.tcp = tcp;
    this.local = id.local; // an endpoint's addresses never change
    this.remote = id.remote;
    this.localPort = id.localPort;
    this.remotePort = id.remotePort;
    this.boundIndex = id.boundIndex;
    this.agreed = agreed;
    this.tsOffset = from.tsOffset;
    this.settings = settings.share();
    this.snd = new SendSpace(iss, from.sndWnd, irs);
    this.rcv = new ReceiveSpace(irs, from.rcvWnd);
    this.rtt = new Rtt(this.snd.nxt, config);
    this.sending = tcp.idle.sending;
    this.receiving = tcp.idle.receiving;
    this.congestion = new Congestion(
      new CcView(tcp.ccRandom, tcp.ccStats),
      tcp.moduleFor(settings),
    );
    this.ecn = agreed.hasEcn ? new Ecn() : null;
    this.recovery = new Recovery(this, config.reordering);
    this.due = new Deadlines(tcp.deadlines, tcp.deadlineRows, this);
    this.delack = new DelayedAck(Math.min(agreed.peerMss, 536), env.nowNs);
    const ourMss = tcp.ourMss(this) - (agreed.hasTimestamps ? TIMESTAMP_BYTES : 0);
    const firstSpace = Math.min(from.rcvWnd, FIRST_SPACE_SEGMENTS * ourMss);
    this.sizing = new RightSizing(Math.max(firstSpace, 1), from.rcvWnd, env.nowNs);
    this.totals = new Totals(tcp.totals, env);
    this.lastAckSent = this.rcv.nxt;
    this.sndbufBytes = settings.sndbufBytes || config.wmemDefault;
    this.setReceiveBuffer(firstReceiveBuffer(settings, config));
    this.lastUnwantedMs = neverAnswered(tcp);
    this.lastReceivedNs = env.nowNs;
    this.owner = null;
    this.congestion.sent(env);
    this.congestion.observe(env.nowNs, this.mss());
    this.congestion.limitRate(settings.maxPacingRate);
    if (tcp.net.paths.lookup(this.remote, this.boundIndex)?.iface.isPaced === true) {
      this.congestion.requirePacing();
    }
    this.congestion.firstWindow(tcp.firstWindow(this));
    expandSendBuffer(this);
    if (settings.isKeepalive) this.armKeepalive(env.nowNs);
  }

  get kind(): 'connection' {
    return 'connection';
  }

  get state(): TcpState {
    return this.current;
  }

  /** Something will be queued: text, the FIN. */
  beginSending(): void {
    const { tcp, totals, snd } = this;
    if (this.sending !== tcp.idle.sending) return;
    this.sending = new SendingParts(tcp.memory, tcp.records, totals, snd.una, this.lastSentNs);
  }

  /** Something was queued, or is. */
  get hasQueued(): boolean {
    return this.sending !== this.tcp.idle.sending;
  }

  /** Something has come. */
  beginReceiving(): void {
    const { tcp } = this;
    if (this.receiving !== tcp.idle.receiving) return;
    this.receiving = new ReceivingParts(tcp.memory, this.rcv.nxt);
    this.received.setLimit(this.rcvbufBytes);
  }

  get sendQueue(): SendingParts['queue'] {
    return this.sending.queue;
  }
  get lastBuffer(): SendingParts['lastBuffer'] {
    return this.sending.lastBuffer;
  }
  get rtx(): SendingParts['rtx'] {
    return this.sending.rtx;
  }
  get rate(): SendingParts['rate'] {
    return this.sending.rate;
  }
  get rack(): SendingParts['rack'] {
    return this.sending.rack;
  }
  get undo(): SendingParts['undo'] {
    return this.sending.undo;
  }
  get probe(): SendingParts['probe'] {
    return this.sending.probe;
  }
  get use(): SendingParts['use'] {
    return this.sending.use;
  }
  get pacer(): SendingParts['pacer'] {
    return this.sending.pacer;
  }
  get probing(): SendingParts['probing'] {
    return this.sending.probing;
  }
  get chrono(): SendingParts['chrono'] {
    return this.sending.chrono;
  }
  get received(): ReceivingParts['buffer'] {
    return this.receiving.buffer;
  }
  get sacks(): ReceivingParts['sacks'] {
    return this.receiving.sacks;
  }
  get compressed(): ReceivingParts['compressed'] {
    return this.receiving.compressed;
  }
  get receiverRtt(): ReceivingParts['rtt'] {
    return this.receiving.rtt;
  }

  moveTo(state: TcpState): void {
    assert(mayMove(this.current, state), `no way from state ${this.current} to ${state}`);
    const { mib, ids, memory } = this.tcp;
    const counts = (isIn(state, COUNTED) ? 1 : 0) - (isIn(this.current, COUNTED) ? 1 : 0);
    if (counts !== 0) {
      mib.add(ids.CurrEstab, counts);
      memory.share(counts);
    }
    this.current = state;
  }

  /** It is in SYN-RECEIVED, or (null) no longer. */
  setUnconfirmed(unconfirmed: Unconfirmed | null): void {
    if (unconfirmed !== null) {
      this.current = STATE.SYN_RECEIVED;
      this.beginSending(); // its SYN-ACK's timer is the connection's
    }
    this.unconfirmed = unconfirmed;
  }

  /** Bytes of text in a full segment. */
  mss(): number {
    return fullSegment(this);
  }

  /** In front of the text of a full segment: IP, TCP, and the options of every segment. */
  headerBytes(): number {
    return this.fixedHeaderBytes() + (this.agreed.hasTimestamps ? TIMESTAMP_BYTES : 0);
  }

  /** Of these, IP and TCP. */
  fixedHeaderBytes(): number {
    return isV4(this.remote) ? 40 : 60;
  }

  /** Bytes written that were never sent. */
  unsentBytes(): number {
    return (
      this.sendQueue.length - Math.min(seqDiff(this.snd.nxt, this.snd.una), this.sendQueue.length)
    );
  }

  /** Text, or the FIN, has never left. */
  hasUnsent(): boolean {
    return this.unsentBytes() > 0 || (this.isFinQueued && !this.isFinSent);
  }

  /** The FIN has left, for the first time. */
  noteFinSent(): void {
    this.isFinSent = true;
  }

  /** Where the FIN stands, or will. */
  finSeq(): Seq {
    return seqAdd(this.snd.una, this.sendQueue.length);
  }

  /** The record, which ends at `end`, gives the rate sampler its sample. */
  noteDelivered(r: number, end: Seq): void {
    const { rate, tcp } = this;
    rate.delivered(tcp.rateSample, tcp.records, r, seqDiff(end, this.snd.iss));
  }

  /** The flags that ECN adds to a segment; only new text is ECT (RFC 3168 §6.1.2, §6.1.4, §6.1.5). */
  markEcn(isNewText: boolean): number {
    this.ect = 0;
    if (this.ecn === null) return 0;
    if (isNewText || this.congestion.needsEcn) this.ect = ECN.ECT0;
    return this.ecn.flags(isNewText, this.congestion.echo);
  }

  /** Text left. */
  noteSent(): void {
    this.congestion.sent(this.tcp.env);
  }

  /** When text left last; before the first, when the connection began. */
  get lastSentNs(): number {
    return this.congestion.view.lastSentNs;
  }

  /** A segment left: it acknowledged RCV.NXT. */
  noteAcked(): void {
    this.lastAckSent = this.rcv.nxt;
  }

  noteReceived(): void {
    this.lastReceivedNs = this.tcp.env.nowNs;
    this.probes = 0;
  }

  /** What has been written ends a record: no segment goes past it. */
  endRecord(): void {
    this.records ??= new RecordEnds();
    this.records.add(this.finSeq(), this.snd.nxt);
    this.lastBuffer.beginAt(this.finSeq());
  }

  /** Who asked for soft errors (IP_RECVERR) is told now, others if it times out. */
  noteSoftError(errno: number): void {
    const { wantsErrors4, wantsErrors6 } = this.settings;
    const isWanted = isV4(this.remote) ? wantsErrors4 : wantsErrors6;
    if (isWanted && this.watcher !== null) this.watcher.softError(errno);
    else this.softError = errno;
  }

  /** SO_ERROR tells of it, once. */
  takeSoftError(): number {
    const errno = this.softError;
    this.softError = 0;
    return errno;
  }

  noteProbe(): void {
    this.probes++;
  }

  /** RFC 7323 §4.3. */
  rememberTimestamp(tsVal: number): void {
    this.tsRecent = tsVal;
    this.tsRecentSec = Math.floor(this.tcp.env.nowNs / SEC);
  }

  /** RFC 7323 §5.5: after 24 days the sign of a difference says nothing. */
  isTimestampStale(): boolean {
    return (
      this.tsRecent === 0 ||
      Math.floor(this.tcp.env.nowNs / SEC) - this.tsRecentSec >= PAWS_IDLE_SEC
    );
  }

  noteEcho(hasEcho: boolean, echo: number): void {
    this.hasEcho = hasEcho;
    this.lastEcho = echo;
  }

  /** RFC 5961 §7; `skipped` counts the answers that are not given. */
  mayAnswer(skipped: number): boolean {
    if (isAnswerTooSoon(this.tcp, this.lastUnwantedMs, skipped)) return false;
    this.lastUnwantedMs = answerClock(this.tcp);
    return true;
  }

  /** What the path's MTU does to this connection from now on. */
  ownPathMtu(): PathMtu {
    this.pathMtu ??= new PathMtu();
    return this.pathMtu;
  }

  noteFastOpen(use: FastOpenUse): void {
    this.fastOpen = use;
  }

  /** A segment says where the peer's FIN stands. */
  noteFinAt(seq: Seq): void {
    this.finAt ??= new FinMark();
    this.finAt.note(seq);
  }

  /** Nobody reads any more: text that comes is refused. */
  shutReceive(): void {
    this.isReceiveShut = true;
  }

  growReceiveBuffer(bytes: number): void {
    if (this.settings.rcvbufBytes !== 0) return;
    this.setReceiveBuffer(Math.max(this.rcvbufBytes, Math.floor(bytes)));
  }

  private setReceiveBuffer(bytes: number): void {
    this.rcvbufBytes = bytes;
    if (this.receiving !== this.tcp.idle.receiving) this.received.setLimit(bytes);
  }

  growSendBuffer(bytes: number): void {
    if (this.settings.sndbufBytes !== 0) return;
    this.sndbufBytes = Math.max(this.sndbufBytes, Math.floor(bytes));
  }

  /** `seq` is the peer's urgent byte. */
  setUrgent(seq: Seq): void {
    this.urgent ??= new UrgentMark();
    this.urgent.set(seq);
  }

  takeFin(): void {
    this.isFinReceived = true;
    this.rcv.advance(1);
    this.totals.received(1);
  }

  /** The application is done sending. */
  queueFin(): void {
    this.isFinQueued = true;
    this.beginSending();
    this.chrono.queued();
  }

  setMore(): void {
    this.isMoreComing = true;
  }

  /** TCP_NODELAY set, TCP_CORK taken away: what waits goes, corked or not; what is written next does not. */
  push(isPushed: boolean): void {
    this.isPushed = isPushed;
    if (this.current !== STATE.CLOSED) this.tcp.wantsOutput(this);
  }

  /** More was written. */
  endPush(): void {
    this.isPushed = false;
  }

  /** All is written; or an output has passed: what it held back goes with an ACK, or with the next bytes. */
  forgetMore(): void {
    this.isMoreComing = false;
  }

  noteError(errno: number): void {
    this.error = errno;
  }

  /** The application changed its mind: what was held back by the old settings goes at once. */
  setSettings(settings: TcpSettings): void {
    const old = this.settings;
    this.settings = settings.share();
    if (settings.sndbufBytes !== 0) this.sndbufBytes = settings.sndbufBytes;
    if (settings.rcvbufBytes !== 0) this.setReceiveBuffer(settings.rcvbufBytes);
    if (this.current === STATE.CLOSED) return;
    if (old.windowClamp !== settings.windowClamp) {
      this.sizing.clamp(settings.windowClamp, this.rcv.wnd);
    }
    if (old.congestion !== settings.congestion) this.useCongestion(settings.congestion);
    if (old.maxPacingRate !== settings.maxPacingRate) {
      this.congestion.limitRate(settings.maxPacingRate);
    }
    if (!settings.isKeepalive) this.due.disarm(DUE.KEEPALIVE);
    else if (!old.isKeepalive) this.armKeepalive(this.tcp.env.nowNs);
    else if (old.keepIdleSec !== settings.keepIdleSec) this.armKeepalive(this.lastReceivedNs);
  }

  /** TCP_CONGESTION on a live connection: windows and state stay. 0, or -ENOENT for an unknown name. */
  useCongestion(name: string): number {
    const module = this.tcp.ccModules.find(name);
    if (module === undefined) return -ENOENT;
    if (module === this.congestion.module) return 0;
    this.congestion.observe(this.tcp.env.nowNs, this.mss());
    this.congestion.change(module);
    this.tcp.wantsOutput(this); // the new one may admit more
    return 0;
  }

  private armKeepalive(sinceNs: number): void {
    this.due.arm(
      DUE.KEEPALIVE,
      Math.max(this.tcp.env.nowNs, sinceNs + keepaliveIdleNs(this.settings, this.tcp.config)),
    );
  }

  setOwner(owner: ConnectionOwner | null): void {
    this.owner = owner;
  }

  setWatcher(watcher: SendWatcher | null): void {
    this.watcher = watcher;
  }

  /** Made when the first mark is. */
  ownMarks(): SendMarks {
    this.marks ??= new SendMarks();
    return this.marks;
  }

  /** By a device without room; null: it can go on. */
  refused(tx: TxRing | null, at: number): void {
    this.refusedBy = tx;
    this.refusedAt = at;
  }

  /** Pieces sent, and neither acknowledged, reported as arrived, nor lost. */
  inFlight(): number {
    return this.rtx.inFlight();
  }

  setWriter(writer: number): void {
    this.writer = writer;
  }

  setStarved(isStarved: boolean): void {
    this.isStarved = isStarved;
  }

  setListed(isListed: boolean): void {
    this.isListed = isListed;
  }

  deadlinePassed(which: number): void {
    deadlinePassed(this, which);
  }

  /** The peer echoed a timestamp from before `stamp` (of our clock). */
  echoIsBefore(stamp: number): boolean {
    if (!this.agreed.hasTimestamps || !this.hasEcho || this.lastEcho === 0) return false;
    return ((this.lastEcho - stamp) | 0) < 0;
  }

  /** Nothing more is sent; what was received can still be read. */
  releaseSending(): void {
    this.due.clear();
    this.marks?.end(this.watcher);
    this.rtx.clear();
    this.sendQueue.clear();
    this.chrono.idle();
  }

  /** The end: all memory back, no more deadlines. */
  release(): void {
    judgeAtEnd(this);
    this.fastOpen = null;
    this.due.clear();
    this.rtx.clear();
    this.sendQueue.clear();
    this.received.clear();
    this.congestion.release();
    this.totals.release();
  }
}

/** At the end of the handshake: the peer's window, the one we offered, and what our timestamps have. */
export interface ConnectionStart {
  readonly sndWnd: number;
  readonly rcvWnd: number;
  readonly tsOffset: number;
}
