/**
 * A handshake that no memory is spent on: the listener answers a SYN with a cookie, and the ACK that brings it back
 * makes the connection (RFC 4987 §3.6). Without timestamps nothing but the MSS survives, as on Linux.
 */
import { ACCEPTED, DROP } from '../net/drops.ts';
import { type Address, IpAddress } from '../wire/address.ts';
import { type Seq, seqAdd, seqOf } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { Agreed } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import { agreesToEcn, ECN } from './ecn.ts';
import type { FlowId } from './endpoint.ts';
import { establish } from './establish.ts';
import { sendHandshakeSegment } from './handshake-segment.ts';
import { timestampOffset } from './isn.ts';
import type { Listener } from './listener.ts';
import { offeredShift, offeredWindow, peerMssOf, timestampBytes } from './offer.ts';
import type { Opening, SynSender } from './opening.ts';
import type { Segment } from './segment.ts';
import { cookieHasEcn, cookieHasSack, cookieShift, cookieTimestamp } from './syn-cookie.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { STATE } from './tcp-state.ts';

/** A SYN-ACK with a cookie: one for all of them, each is forgotten as soon as it has left. */
export class CookieAnswer implements SynSender {
  readonly tcp: Tcp;
  readonly local = new IpAddress();
  readonly remote = new IpAddress();
  localPort = 0;
  remotePort = 0;
  boundIndex = 0;
  settings: TcpSettings;
  iss: Seq = seqOf(0);
  peerIsn: Seq = seqOf(0);
  hasTimestamps = false;
  hasSack = false;
  hasWindowScale = false;
  hasEcn = false;
  rcvShift = 0;
  recentTimestamp = 0;
  private peerShift = 0;
  readonly fastOpenCookie = null;
  readonly ect = ECN.NOT_ECT;

  constructor(tcp: Tcp) {
    this.tcp = tcp;
    this.settings = tcp.defaults;
  }

  /** ACCEPTED, or why nothing could be said. */
  send(flow: FlowId, listener: Listener, syn: Segment): number {
    const { tcp } = this;
    const { config, mib, ids, cookies, env } = tcp;
    this.local.copy(flow.local);
    this.remote.copy(flow.remote);
    this.localPort = flow.localPort;
    this.remotePort = flow.remotePort;
    this.boundIndex = flow.boundIndex;
    this.settings = listener.settings;
    this.peerIsn = syn.seq;
    this.takeOptions(listener, syn);
    this.iss = cookies.make(
      this,
      syn.seq,
      peerMssOf(this, syn, config, listener.settings),
      env.nowNs,
    );
    mib.count(ids.SyncookiesSent);
    if (sendHandshakeSegment(this, TCP_FLAG.SYN | TCP_FLAG.ACK)) return ACCEPTED;
    // Nothing is left of it, and nobody sends it again: so it counts as a drop.
    const path = tcp.net.paths.lookup(this.remote, this.boundIndex);
    return path === null ? DROP.REPLY_NO_ROUTE : DROP.REPLY_NO_ROOM;
  }

  /** Only timestamps can carry the others back. */
  private takeOptions(listener: Listener, syn: Segment): void {
    const { tcp } = this;
    const { config } = tcp;
    this.hasTimestamps = config.timestamps !== 0 && syn.hasTimestamps;
    this.hasSack = this.hasTimestamps && config.sack !== 0 && syn.isSackPermitted;
    this.hasWindowScale = this.hasTimestamps && config.windowScaling !== 0 && syn.hasWindowScale;
    this.peerShift = this.hasWindowScale ? syn.windowShift : -1;
    this.rcvShift = this.hasWindowScale ? offeredShift(config, listener.settings) : 0;
    this.recentTimestamp = this.hasTimestamps ? syn.tsVal : 0;
    this.hasEcn = this.hasTimestamps && agreesToEcn(config, tcp.moduleFor(listener.settings), syn);
  }

  get sndNxt(): Seq {
    return seqAdd(this.iss, 1);
  }

  tsVal(): number {
    const { tcp } = this;
    const clock = tcp.timestamp(tcp.env.nowNs, 0);
    const options = cookieTimestamp(clock, this.peerShift, this.hasSack, this.hasEcn);
    return (options + timestampOffset(tcp.net.secret, this, tcp.config)) | 0;
  }

  rcvWindow(): number {
    return offeredWindow(this.tcp, this, timestampBytes(this.hasTimestamps));
  }
}

/** What a cookie brought back. */
class CookieOpening implements Opening {
  readonly tcp: Tcp;
  private readonly listener: Listener;
  readonly local: Address;
  readonly remote: Address;
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  readonly settings: TcpSettings;
  readonly inherited: TcpSettings;
  readonly ect = ECN.NOT_ECT;
  readonly state = STATE.SYN_RECEIVED;
  readonly isPassive = true;
  readonly iss: Seq;
  readonly peerIsn: Seq;
  readonly peerWindowBytes: number;
  readonly recentTimestamp: number;
  readonly tsOffset: number;
  /** Nobody knows when the SYN-ACK left, nor how often. */
  readonly rttNs = -1;
  readonly retransmissions = 0;
  readonly timeouts = 0;
  readonly sinceTimeoutMs = 0;
  private readonly what: Agreed;

  constructor(tcp: Tcp, listener: Listener, flow: FlowId, ack: Segment, what: Agreed) {
    this.tcp = tcp;
    this.listener = listener;
    this.local = tcp.net.locals.keep(flow.local);
    this.remote = new IpAddress().copy(flow.remote);
    this.localPort = flow.localPort;
    this.remotePort = flow.remotePort;
    this.boundIndex = flow.boundIndex;
    this.settings = listener.settings;
    this.inherited = listener.settings;
    this.iss = seqAdd(ack.ack, -1);
    this.peerIsn = seqAdd(ack.seq, -1);
    this.peerWindowBytes = ack.window << what.sndShift;
    this.recentTimestamp = what.hasTimestamps ? ack.tsVal : 0;
    this.tsOffset = what.hasTimestamps ? timestampOffset(tcp.net.secret, flow, tcp.config) : 0;
    this.what = what;
  }

  agreed(): Agreed {
    return this.what;
  }

  rcvWindow(): number {
    return offeredWindow(this.tcp, this, timestampBytes(this.what.hasTimestamps));
  }

  begun(): void {
    // nobody knows what the SYN had
  }

  established(c: TcpConnection): void {
    this.listener.established(c);
  }
}

/** An ACK for a listener: a connection, if it brings a cookie. TCP_NO_PORT: it brings none. */
export function cookieArrives(tcp: Tcp, listener: Listener, flow: FlowId, ack: Segment): number {
  const { mib, ids, config, cookies, env } = tcp;
  if (config.syncookies === 0 || !cookies.mayBeOut(env.nowNs)) return DROP.TCP_NO_PORT;
  const isn = seqAdd(ack.seq, -1);
  const mss = cookies.check(flow, isn, seqAdd(ack.ack, -1), env.nowNs);
  const what = mss === 0 ? null : agreedByCookie(tcp, listener, flow, ack, mss);
  if (what === null) {
    mib.count(ids.SyncookiesFailed);
    return DROP.TCP_NO_PORT;
  }
  mib.count(ids.SyncookiesRecv);
  if (listener.isAcceptQueueFull) {
    mib.count(ids.ListenOverflows);
    mib.count(ids.ListenDrops);
    return DROP.TCP_BACKLOG;
  }
  return establish(new CookieOpening(tcp, listener, flow, ack, what), ack);
}

/** Null: it claims what we would not have agreed to. */
function agreedByCookie(
  tcp: Tcp,
  listener: Listener,
  flow: FlowId,
  ack: Segment,
  mss: number,
): Agreed | null {
  const { config } = tcp;
  if (!ack.hasTimestamps) return tcp.agreements.of(mss, false, false, false, 0, 0, false);
  const tsOffset = timestampOffset(tcp.net.secret, flow, config);
  const ts = (ack.tsEcr - tsOffset) | 0;
  const shift = cookieShift(ts);
  const hasSack = cookieHasSack(ts);
  const isOffered =
    config.timestamps !== 0 &&
    (!hasSack || config.sack !== 0) &&
    (shift < 0 || config.windowScaling !== 0);
  if (!isOffered) return null;
  const rcvShift = shift < 0 ? 0 : offeredShift(config, listener.settings);
  const hasEcn = cookieHasEcn(ts) && config.ecn !== 0;
  const sndShift = Math.max(shift, 0);
  return tcp.agreements.of(mss, true, hasSack, shift >= 0, sndShift, rcvShift, hasEcn);
}
