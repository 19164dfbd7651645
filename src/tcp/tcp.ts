/**
 * The TCP of one stack: its endpoints, counters and memory, and where segments come in. Applications
 * call the functions of `user-calls.ts`; a turn's output is `runOutput`.
 */
import type { DeadlineQueue } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import { ECONNRESET, EPIPE, ETIMEDOUT } from '../base/errno.ts';
import type { RandomStream } from '../base/rng.ts';
import { RowTable } from '../base/row-table.ts';
import { builtinModules } from '../cc/builtin.ts';
import { CcStats } from '../cc/cc-view.ts';
import type { CcModule } from '../cc/congestion-control.ts';
import { AckSample, LossSample, RateSample } from '../cc/samples.ts';
import { DROP } from '../net/drops.ts';
import { EphemeralPorts } from '../net/ephemeral-ports.ts';
import { CAST, type IpPacket } from '../net/ip-packet.ts';
import type { Network } from '../net/network.ts';
import { transportChecksumIsGood } from '../net/payload-checksum.ts';
import type { NetworkError, QuotedPacket, Transport } from '../net/transport.ts';
import { IpAddress, isLinkLocal6, isV4 } from '../wire/address.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { type Seq, seqOf } from '../wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN, tcpDstPort, tcpSrcPort, writeTcp } from '../wire/tcp.ts';
import { AckOutcome } from './ack-outcome.ts';
import { Agreements } from './agreed.ts';
import { ChallengeBudget } from './challenge.ts';
import type { TcpConnection } from './connection.ts';
import { ConnectionList } from './connection-list.ts';
import { CookieAnswer } from './cookie-opening.ts';
import { DEADLINES_WIDTH } from './deadlines.ts';
import type { Sender } from './endpoint.ts';
import { FastOpenCache } from './fast-open-cache.ts';
import { failedUnconfirmed, wasReset } from './fast-open-child.ts';
import { FastOpenPause } from './fast-open-pause.ts';
import { FastOpenServer } from './fast-open-server.ts';
import { FLOW_EVENT, FlowWatch } from './flow-watch.ts';
import type { Handshake } from './handshake.ts';
import { segmentArrives } from './input.ts';
import type { Listener } from './listener.ts';
import { forgetListener } from './listener-close.ts';
import { isInFlight, networkError } from './network-error.ts';
import { Orphans } from './orphans.ts';
import { output, sendReset } from './output.ts';
import { PageWait } from './page-wait.ts';
import { IdleParts } from './parts.ts';
import { toListener, toStranger } from './passive-open.ts';
import { ResetWait } from './reset-wait.ts';
import { RoomWait } from './room-wait.ts';
import { parseSegment, Segment } from './segment.ts';
import { SynCookies } from './syn-cookie.ts';
import { TcpConfig } from './tcp-config.ts';
import { TcpDemux } from './tcp-demux.ts';
import { TcpMemory } from './tcp-memory.ts';
import { openTcpMib, TCP_MIB, type TcpMib } from './tcp-mib.ts';
import { TcpSettings } from './tcp-settings.ts';
import { COUNTED, isIn, STATE } from './tcp-state.ts';
import { NEW_SYN, type TimeWait } from './time-wait.ts';
import { TimeWaits } from './time-waits.ts';
import { writeTimestampOption } from './timestamp-option.ts';
import { TOTALS_WIDTH } from './totals.ts';
import { HELD_HEADER_BYTES, HELD_TEXT_BYTES, transmit } from './transmit.ts';
import { TxRecords } from './tx-records.ts';

const HEADER_BYTES = 64;
/** Linux's ip_rt_min_advmss; RFC 8201 §5's least. */
const MIN_ADVERTISED4 = 256;
const MIN_ADVERTISED6 = 1220;

/** A flow that has no endpoint: what a reset answers. */
class LooseFlow implements Sender {
  readonly settings: TcpSettings;
  readonly local = new IpAddress();
  readonly remote = new IpAddress();
  localPort = 0;
  remotePort = 0;
  boundIndex = 0;
  /** No ECN, and the DSCP of what it answers, as on Linux. */
  ect = 0;

  constructor(settings: TcpSettings) {
    this.settings = settings;
  }

  /** @param link Where it came from. */
  set(pkt: IpPacket, seg: Segment, link: number): this {
    this.local.copy(pkt.dst);
    this.remote.copy(pkt.src);
    this.localPort = seg.dstPort;
    this.remotePort = seg.srcPort;
    this.boundIndex = isLinkLocal6(pkt.src) ? link : 0;
    this.ect = pkt.tos & ~3;
    return this;
  }

  /** To the listener's interface, if it has one (SO_BINDTODEVICE). */
  tie(index: number): void {
    if (index !== 0) this.boundIndex = index;
  }
}

export class Tcp implements Transport {
  readonly net: Network;
  readonly env: Env;
  readonly deadlines: DeadlineQueue;
  readonly config: TcpConfig;
  readonly memory: TcpMemory;
  readonly mib: TcpMib = openTcpMib();
  readonly ids = TCP_MIB;
  readonly records = new TxRecords();
  readonly totals = new RowTable(TOTALS_WIDTH);
  readonly deadlineRows = new RowTable(DEADLINES_WIDTH);
  readonly idle: IdleParts;
  readonly timeWaits: TimeWaits;
  readonly challenges: ChallengeBudget;
  readonly demux: TcpDemux;
  readonly ports: EphemeralPorts;
  readonly fastOpenServer: FastOpenServer;
  /** For whoever opens without wishes. */
  readonly defaults = new TcpSettings().share();
  readonly ccModules = builtinModules();
  readonly ccStats = new CcStats();
  readonly ccRandom: RandomStream;
  /** Where a header is written before `transmit`: a slab offset. */
  readonly header: number;
  /** Where a packet is put together that waits for its neighbour. */
  readonly heldText: number;
  /** Scratch, borrowed by the steps of input: one segment is worked on at a time. */
  readonly seg = new Segment();
  readonly ackOutcome = new AckOutcome();
  readonly rateSample = new RateSample();
  readonly ackSample = new AckSample();
  readonly lossSample = new LossSample();
  /** What Fast Open knows of servers, and whether it pauses. */
  readonly fastOpenCache: FastOpenCache;
  readonly fastOpenPause: FastOpenPause;
  readonly roomWait = new RoomWait();
  readonly resetWait = new ResetWait(this);
  readonly pageWait: PageWait;
  readonly orphans = new Orphans();
  readonly watch = new FlowWatch();
  readonly agreements = new Agreements();
  readonly around: { left: Seq; right: Seq } = { left: seqOf(0), right: seqOf(0) };
  readonly cookies: SynCookies;
  readonly cookieAnswer: CookieAnswer;
  readonly loose = new LooseFlow(this.defaults);
  private listed = new ConnectionList();
  private running = new ConnectionList();

  constructor(net: Network) {
    this.net = net;
    this.env = net.env;
    this.deadlines = net.deadlines;
    const { memory } = net.env;
    this.config = new TcpConfig(memory.pages.capacity * memory.pages.blockBytes);
    this.memory = new TcpMemory(memory, this.config, net.env, this.mib);
    this.idle = new IdleParts(this.env, this.memory, this.records);
    this.header = net.env.memory.slab.carve(HEADER_BYTES);
    this.heldText = net.env.memory.slab.carve(HELD_HEADER_BYTES + HELD_TEXT_BYTES);
    this.pageWait = new PageWait(net.env, this.memory, net.deadlines);
    this.timeWaits = new TimeWaits(this);
    this.challenges = new ChallengeBudget(net.env, this.config);
    this.demux = new TcpDemux(net.env.rng.stream('tcp.demux'), this.timeWaits);
    this.ports = new EphemeralPorts(net.secret, net.env.rng.stream('tcp.ports'), net.config);
    this.cookies = new SynCookies(net.env.rng.stream('tcp.cookies'));
    this.cookieAnswer = new CookieAnswer(this);
    this.fastOpenCache = new FastOpenCache(net.env);
    this.fastOpenPause = new FastOpenPause(net.env, this.config, this.mib);
    this.fastOpenServer = new FastOpenServer(net.env.rng.stream('tcp.fastopen'));
    this.ccRandom = net.env.rng.stream('tcp.cc');
  }

  // ---- in ----

  input(pkt: IpPacket): number {
    const { seg, mib, ids } = this;
    mib.count(ids.InSegs);
    if (pkt.cast !== CAST.UNICAST) return DROP.IP_MARTIAN_DESTINATION; // RFC 9293 MUST-57
    const bad = parseSegment(this.env.memory.slab, pkt.payloadOff, pkt.payloadLen, seg);
    if (bad !== 0) {
      mib.count(ids.InErrs);
      return bad;
    }
    if (!transportChecksumIsGood(this.net, pkt, IPPROTO.TCP)) {
      mib.count(ids.InCsumErrors);
      mib.count(ids.InErrs);
      return DROP.TCP_BAD_CHECKSUM;
    }
    const size = pkt.gso & 0xffff;
    seg.pieces = size > 0 && seg.len > size ? Math.ceil(seg.len / size) : 1;
    seg.chunk = pkt.chunk;
    seg.ecn = pkt.tos & 3;
    const e = this.demux.find(pkt.dst, seg.dstPort, pkt.src, seg.srcPort);
    if (e === null) return toListener(this, pkt, seg, null);
    const isElsewhere = e.boundIndex !== 0 && e.boundIndex !== this.net.arrivedOn(pkt);
    if (isElsewhere) return toStranger(this, pkt, seg);
    if (e.kind === 'time-wait') return this.toTimeWait(e, pkt, seg);
    return this.toEndpoint(e, seg);
  }

  findListener(pkt: IpPacket, seg: Segment): Listener | null {
    const { dst, src } = pkt;
    const link = this.net.arrivedOn(pkt);
    return this.demux.listeners.find(dst, seg.dstPort, src, seg.srcPort, link);
  }

  /** A new SYN is for a listener, if there is one. */
  private toTimeWait(e: TimeWait, pkt: IpPacket, seg: Segment): number {
    const fate = e.segmentArrives(seg);
    if (fate !== NEW_SYN) return fate;
    const listener = this.findListener(pkt, seg);
    if (listener === null) {
      e.answerSyn(seg);
      return DROP.TCP_NO_PORT;
    }
    const iss = e.nextIss;
    e.kill();
    return toListener(this, pkt, seg, iss);
  }

  private toEndpoint(e: TcpConnection | Handshake, seg: Segment): number {
    if (e.kind === 'handshake') return e.segmentArrives(seg);
    const fate = segmentArrives(e, seg);
    if (!this.isGone(e)) this.wantsOutput(e);
    return fate;
  }

  /** An ICMP error about a segment of ours, or our own failure to send one. */
  error(quote: QuotedPacket, why: NetworkError): boolean {
    const e = this.senderOf(quote);
    return e !== null && networkError(this, e, quote, why);
  }

  owns(quote: QuotedPacket): boolean {
    const e = this.senderOf(quote);
    return e !== null && isInFlight(this, e, quote);
  }

  private senderOf(quote: QuotedPacket): TcpConnection | Handshake | null {
    const { dv } = this.env.memory.slab;
    const from = tcpSrcPort(dv, quote.off);
    const e = this.demux.find(quote.src, from, quote.dst, tcpDstPort(dv, quote.off));
    if (e === null || e.kind === 'time-wait') return null;
    return e.boundIndex === 0 || e.boundIndex === quote.ifaceIndex ? e : null;
  }

  // ---- out ----

  wantsOutput(c: TcpConnection): void {
    if (c.isListed) return;
    c.setListed(true);
    this.listed.add(c);
  }

  get hasOutput(): boolean {
    return this.listed.count > 0;
  }

  /** It has found no room in its device: it goes on when there is some. Who drops has none to wait for. */
  waitForRoom(c: TcpConnection): void {
    const path = this.net.paths.lookup(c.remote, c.boundIndex);
    if (path !== null && !path.iface.isDropping) this.roomWait.add(c, path.iface.device.tx);
  }

  /** Sends what this turn's input and applications made due. */
  runOutput(): void {
    this.memory.late.finish();
    const batch = this.listed;
    this.listed = this.running;
    this.running = batch;
    for (let i = 0; i < batch.count; i++) {
      const c = batch.at(i);
      c.setListed(false);
      if (!this.isGone(c)) output(c);
    }
    batch.clear();
  }

  /** RFC 9293 §3.10.7.1: nothing here knows this segment. */
  resetUnknown(flow: Sender, seg: Segment): void {
    if (seg.has(TCP_FLAG.RST)) return;
    this.mib.count(this.ids.OutRsts);
    if (seg.has(TCP_FLAG.ACK)) this.sendBare(flow, seg.ack, seqOf(0), TCP_FLAG.RST, 0);
    else this.sendBare(flow, seqOf(0), seg.end(), TCP_FLAG.RST | TCP_FLAG.ACK, 0);
  }

  /** An ACK for a connection that is over: its window, and its timestamps. */
  sendTimeWaitAck(tw: TimeWait, rcvNxt: Seq, windowField: number): void {
    const { dv } = this.env.memory.slab;
    let at = this.header + TCP_HEADER_LEN;
    if (tw.hasTimestamps) {
      at = writeTimestampOption(dv, at, this.timestamp(this.env.nowNs, tw.tsOffset), tw.tsRecent);
    }
    const len = at - this.header;
    const { localPort, remotePort, sndNxt } = tw;
    const { ACK } = TCP_FLAG;
    writeTcp(dv, this.header, localPort, remotePort, sndNxt, rcvNxt, len, ACK, windowField, 0);
    transmit(this, tw, len, null, 0, 0, 0);
    this.mib.count(this.ids.OutSegs);
  }

  /** A segment without options, of a flow that has no connection. */
  sendBare(flow: Sender, seq: Seq, ack: Seq, flags: number, window: number): void {
    const { dv } = this.env.memory.slab;
    const field = Math.min(window, 65535);
    writeTcp(
      dv,
      this.header,
      flow.localPort,
      flow.remotePort,
      seq,
      ack,
      TCP_HEADER_LEN,
      flags,
      field,
      0,
    );
    transmit(this, flow, TCP_HEADER_LEN, null, 0, 0, 0);
    this.mib.count(this.ids.OutSegs);
  }

  // ---- the end of a connection ----

  /** The peer reset it (RFC 9293 §3.10.7.4, second step). */
  reset(c: TcpConnection): void {
    if (c.unconfirmed !== null) wasReset(c, c.unconfirmed);
    this.end(c, c.state === STATE.CLOSE_WAIT ? EPIPE : ECONNRESET);
  }

  /** We give up: a reset tells the peer. */
  abort(c: TcpConnection, errno: number): void {
    if (this.isGone(c)) return;
    this.mib.count(this.ids.OutRsts);
    if (errno === ETIMEDOUT) this.mib.count(this.ids.TCPAbortOnTimeout);
    sendReset(c);
    this.end(c, errno);
  }

  isGone(c: TcpConnection): boolean {
    return c.state === STATE.CLOSED;
  }

  forget(h: Handshake): void {
    this.demux.remove(h);
  }

  /** It is CLOSED: nothing more is sent; what was received can still be read. */
  end(c: TcpConnection, errno: number): void {
    if (this.isGone(c)) return;
    this.watch.tell(c, FLOW_EVENT.ENDED);
    if (isIn(c.state, COUNTED)) this.mib.count(this.ids.EstabResets);
    if (c.unconfirmed !== null) failedUnconfirmed(c, c.unconfirmed);
    c.moveTo(STATE.CLOSED);
    c.noteError(errno);
    this.demux.remove(c);
    this.orphans.remove(c);
    const { owner } = c;
    c.setOwner(null);
    c.releaseSending();
    if (owner !== null) owner.closed(errno);
    else c.release();
  }

  /** Everything goes, without a word to the peers: the stack is closing. */
  closeAll(): void {
    for (const l of this.demux.listeners.all()) forgetListener(this, l);
    for (const e of this.demux.all()) {
      if (e.kind === 'connection') {
        this.end(e, 0);
        e.release();
      } else if (e.kind === 'handshake') e.abandon();
      else e.kill();
    }
    this.pageWait.clear();
    this.resetWait.clear();
  }

  // ---- small things ----

  /** TCP_CONGESTION, or the stack's. */
  moduleFor(settings: TcpSettings): CcModule {
    return this.ccModules.find(settings.congestion) ?? this.ccModules.defaultModule;
  }

  /** Our timestamp clock: milliseconds (RFC 7323 §5.4). Short enough to be inlined wherever it is not the rare case. */
  timestamp(ns: number, offset: number): number {
    return (ns / 1e6 + (offset >>> 0)) | 0; // the sum is not below zero, where cutting would round up
  }

  /** The first congestion window: the route's, or RFC 6928's. */
  firstWindow(id: Sender): number {
    const path = this.net.paths.lookup(id.remote, id.boundIndex);
    return path?.metrics.initcwnd || this.config.initialWindow;
  }

  /** What we offer: what the route says, or the path's MTU, as far as it is known, less the fixed headers (Linux). */
  ourMss(id: Sender): number {
    const path = this.net.paths.lookup(id.remote, id.boundIndex);
    const mtu = path === null ? 576 : path.mtu(this.env);
    const advmss = path === null ? 0 : path.metrics.advmss;
    const v4 = isV4(id.remote);
    const room = Math.max(mtu - (v4 ? 40 : 60), v4 ? MIN_ADVERTISED4 : MIN_ADVERTISED6);
    const most = Math.min(advmss || room, 65535);
    const { maxSegment } = id.settings;
    return maxSegment !== 0 && maxSegment < most ? maxSegment : most;
  }
}
