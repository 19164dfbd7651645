/**
 * A TCP socket behind the socket interface: which of TCP's objects it is at the moment, and what it is told
 * of by them. The calls are in files of their own: `tcp-open` (bind, listen, connect, accept),
 * `tcp-transfer` (send, receive), `tcp-options`.
 *
 *     closed ── listen ──► listener ─┐ accept makes a new socket
 *       │  ▲◄───────── shutdown ─────┘
 *     connect │
 *       ▼  │ failed, disconnected
 *     handshake ── established ──► connection ── its end ──► connection in CLOSED: what it received is left
 */
import { EAGAIN, EINVAL, ENOTCONN } from '../base/errno.ts';
import { ReadyMark, type ReadyTarget } from '../base/ready-list.ts';
import { SEC } from '../base/time.ts';
import type { Network } from '../net/network.ts';
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import type { ConnectionOwner } from '../tcp/endpoint.ts';
import type { Handshake, Opener } from '../tcp/handshake.ts';
import type { Acceptor, Listener } from '../tcp/listener.ts';
import type { PortHold } from '../tcp/port-holds.ts';
import type { Tcp } from '../tcp/tcp.ts';
import {
  firstReceiveBuffer,
  type TcpSettings,
  type TcpSettingValues,
} from '../tcp/tcp-settings.ts';
import { isIn, STATE, type TcpState } from '../tcp/tcp-state.ts';
import { tcpShutdown, tcpShutdownReceive } from '../tcp/user-calls.ts';
import { type Address, ANY4, ANY6, IpAddress, isLinkLocal6, isV4 } from '../wire/address.ts';
import { AF, MSG, POLL, POLL_READABLE, SHUT, SOCK } from './abi.ts';
import { Endpoint } from './endpoint.ts';
import type { IpSocket } from './ip-options.ts';
import type { Message } from './message.ts';
import { getFrom, type OptionMap, setIn } from './option.ts';
import type { SockAddr } from './sock-addr.ts';
import { isWatching, TcpErrors } from './tcp-errors.ts';
import { markFirstCopy } from './tcp-fast-open.ts';
import { bytesLeft, tcpQueueLength } from './tcp-ioctl.ts';
import { LINK } from './tcp-link.ts';
import {
  acceptNext,
  bindTo,
  closeSocket,
  connectTo,
  disconnect,
  finishConnect,
  listenWith,
  tieTo,
} from './tcp-open.ts';
import { isRoomForMore, readableEvents } from './tcp-readiness.ts';
import type { TcpShared } from './tcp-shared.ts';
import {
  endSend,
  receiveBytes,
  receivePieces,
  sendBytes,
  sendPieces,
  wantsMore,
} from './tcp-transfer.ts';

const EVERYTHING = -1;
const WRITABLE = POLL.OUT | POLL.WRNORM;
const IPPROTO_TCP = 6;
const ECN_BITS = 3;
const UNACKED_FIN = (1 << STATE.FIN_WAIT_1) | (1 << STATE.CLOSING) | (1 << STATE.LAST_ACK);

export class TcpEndpoint
  extends Endpoint
  implements IpSocket, ConnectionOwner, Opener, Acceptor, ReadyTarget
{
  readonly shared: TcpShared;
  private readonly options: OptionMap<TcpEndpoint>;
  private readonly readyMark = new ReadyMark(this);

  // ---- who it is: written by `tcp-open` through the methods below ----
  readonly local = new IpAddress();
  localPort = 0;
  /** SO_BINDTODEVICE, or the scope of a link-local address; 0 = any. */
  boundIndex = 0;
  /** The application chose them: they survive a disconnect. */
  hasOwnAddress = false;
  hasOwnPort = false;
  /** Its own claim to its port, while there is no flow that holds it. */
  hold: PortHold | null = null;

  // ---- what it is: at most one of the three ----
  listener: Listener | null = null;
  handshake: Handshake | null = null;
  connection: TcpConnection | null = null;
  link: number = LINK.NONE;

  private wishes: TcpSettings;
  /** SO_ERROR: a positive errno. */
  private pending = 0;
  peekOffset = -1;
  /** Where MSG_ERRQUEUE reads, once somebody asked for what goes there. */
  errors: TcpErrors | null = null;
  isPortless = false;
  wantsLeft = false;
  /** IP_UNICAST_IF, IPV6_UNICAST_IF: as on Linux no connection asks for them. */
  unicastIndex4 = 0;
  unicastIndex6 = 0;
  /** What a close waits for. */
  private lingering: TcpConnection | null = null;
  /** Somebody found no room to write, and is to be told of it. */
  private wantsRoom = false;

  constructor(shared: TcpShared, domain: number, isNonBlocking: boolean, settings: TcpSettings) {
    super(domain, SOCK.STREAM, IPPROTO_TCP, isNonBlocking);
    this.shared = shared;
    this.options = domain === AF.INET ? shared.options4 : shared.options6;
    this.wishes = settings.share();
    if (isWatching(settings)) this.errors = new TcpErrors(this);
    this.local.copy(domain === AF.INET ? ANY4 : ANY6);
  }

  get tcp(): Tcp {
    return this.shared.tcp;
  }

  get net(): Network {
    return this.tcp.net;
  }

  get state(): TcpState {
    const { connection: c, handshake: h } = this;
    if (c !== null) return c.state;
    if (h !== null) return h.state;
    return this.listener === null ? STATE.CLOSED : STATE.LISTEN;
  }

  get settings(): TcpSettings {
    return this.wishes;
  }

  /** Takes effect at once, whatever the socket is. */
  change(values: Partial<TcpSettingValues>): void {
    const next = this.wishes.own();
    next.change(values);
    this.wishes = next;
    if (this.errors === null && isWatching(next)) {
      this.errors = new TcpErrors(this);
      this.connection?.setWatcher(this.errors);
    }
    this.connection?.setSettings(next);
    this.handshake?.setSettings(next);
    this.listener?.setSettings(next);
  }

  // ---- told by TCP: marks, nothing more ----

  acceptable(): void {
    this.shared.ready.mark(this.readyMark, POLL_READABLE);
  }

  established(c: TcpConnection): void {
    const opening = this.handshake?.fastOpening ?? null;
    this.handshake = null;
    this.take(c);
    if (opening !== null) markFirstCopy(this, c, opening);
    if (c.isFinReceived) this.setShut(true, false);
    // RFC 9293 §3.10.4: closed for sending before it stood.
    if (this.isWriteShut) tcpShutdown(c);
    this.shared.ready.mark(this.readyMark, WRITABLE);
  }

  failed(errno: number): void {
    this.dropHandshake();
    this.pending = errno;
    this.shutBoth();
    this.shared.ready.mark(this.readyMark, EVERYTHING);
  }

  /** Before `failed`: why, if the application asked to be told (IP_RECVERR). */
  networkError(quote: QuotedPacket, why: NetworkError): void {
    const { wantsErrors4, wantsErrors6 } = this.wishes;
    if (isV4(quote.dst) ? wantsErrors4 : wantsErrors6) this.errors?.networkError(quote, why);
  }

  readable(): void {
    const c = this.connection!; // TCP tells its owner of it
    let events = POLL_READABLE;
    if (c.isFinReceived) {
      this.setShut(true, false);
      events |= POLL.RDHUP | (this.isWriteShut ? POLL.HUP : 0);
    } else {
      events = readableEvents(c, this.wishes.rcvLowat);
      if (events === 0) return;
    }
    this.shared.ready.mark(this.readyMark, events);
  }

  writable(): void {
    if (!this.wantsRoom || !isRoomForMore(this.connection!)) return;
    this.wantsRoom = false;
    this.shared.ready.mark(this.readyMark, WRITABLE);
  }

  closed(errno: number): void {
    if (errno !== 0) this.pending = errno;
    this.shutBoth();
    this.shared.ready.mark(this.readyMark, EVERYTHING);
  }

  /** Within `drainReady`. */
  onReady(bits: number): void {
    if (!this.isClosed) this.waiters.wake(bits);
  }

  // ---- for the calls ----

  take(c: TcpConnection): void {
    this.connection = c;
    c.setOwner(this);
    c.setWatcher(this.errors);
    this.local.copy(c.local);
    this.localPort = c.localPort;
  }

  /** Back to CLOSED: nothing of a connection is left. */
  forget(): void {
    this.listener = null;
    this.dropHandshake();
    this.connection = null;
    this.reopen();
    this.wantsRoom = false;
    this.link = LINK.NONE;
  }

  setListener(l: Listener): void {
    this.listener = l;
    this.listens();
  }

  setHandshake(h: Handshake): void {
    this.handshake = h;
    this.link = LINK.PENDING;
    this.local.copy(h.local);
    this.localPort = h.localPort;
  }

  setLink(link: number): void {
    this.link = link;
  }

  setName(address: IpAddress, port: number): void {
    this.local.copy(address);
    this.localPort = port;
  }

  setOwn(hasAddress: boolean, hasPort: boolean): void {
    this.hasOwnAddress = hasAddress;
    this.hasOwnPort = hasPort;
  }

  setUnicastIndex(isV4: boolean, index: number): void {
    if (isV4) this.unicastIndex4 = index;
    else this.unicastIndex6 = index;
  }

  setHold(hold: PortHold | null): void {
    this.hold = hold;
  }

  setBoundIndex(index: number): void {
    this.boundIndex = index;
  }

  setError(errno: number): void {
    this.pending = errno;
  }

  get error(): number {
    return this.pending;
  }

  /** Whoever looked found no room: it is told when there is some. */
  wantRoom(): void {
    this.wantsRoom = true;
  }

  /** POLLERR alone. */
  wakeErrors(): void {
    this.shared.ready.mark(this.readyMark, POLL.ERR);
  }

  wakeAll(): void {
    this.shared.ready.mark(this.readyMark, EVERYTHING);
  }

  /** It opens nothing: the bytes that it had are free. */
  private dropHandshake(): void {
    const copyId = this.handshake?.fastOpening?.copyId ?? -1;
    if (copyId >= 0) this.errors?.released(copyId, copyId);
    this.handshake = null;
  }

  private shutBoth(): void {
    this.setShut(true, true);
  }

  // ---- what options need ----

  get ttl(): number {
    return this.wishes.ttl;
  }

  setTtl(ttl: number): void {
    this.change({ ttl });
  }

  get tos(): number {
    return this.wishes.tos;
  }

  /** The two bits of ECN are TCP's own (RFC 3168 §6.1). */
  setTos(value: number): void {
    this.change({ tos: value & ~ECN_BITS });
  }

  override setPriority(value: number): void {
    super.setPriority(value);
    this.change({ priority: value });
  }

  get pmtuDiscovery(): number {
    return this.wishes.pmtuDiscovery;
  }

  setPmtuDiscovery(pmtuDiscovery: number): void {
    this.change({ pmtuDiscovery });
  }

  get isV6Only(): boolean {
    return this.wishes.isV6Only;
  }

  setV6Only(isV6Only: boolean): number {
    if (this.hold !== null || this.state !== STATE.CLOSED) return -EINVAL;
    this.change({ isV6Only });
    return 0;
  }

  get sourcePreference(): number {
    return this.wishes.sourcePreference;
  }

  setSourcePreference(sourcePreference: number): void {
    this.change({ sourcePreference });
  }

  get portRange(): number {
    return this.wishes.portRange;
  }

  setPortRange(portRange: number): void {
    this.change({ portRange });
  }

  get peerAddress(): Address | null {
    return (this.connection ?? this.handshake)?.remote ?? null;
  }

  get receiveBuffer(): number {
    const { connection: c, wishes } = this;
    return c?.rcvbufBytes ?? firstReceiveBuffer(wishes, this.tcp.config);
  }

  setReceiveBuffer(rcvbufBytes: number): void {
    this.change({ rcvbufBytes });
  }

  get sendBuffer(): number {
    const { connection: c, wishes } = this;
    return c?.sndbufBytes ?? (wishes.sndbufBytes || this.tcp.config.wmemDefault);
  }

  setSendBuffer(sndbufBytes: number): void {
    this.change({ sndbufBytes });
    if (this.connection !== null) this.writable();
  }

  bindToDevice(index: number): number {
    return tieTo(this, index);
  }

  /** SO_PEEK_OFF: -1 = a peek starts at the beginning. */
  setPeekOffset(offset: number): void {
    this.peekOffset = offset;
  }

  /** IP_BIND_ADDRESS_NO_PORT: bind fixes the address, connect chooses the port. */
  setPortless(isOn: boolean): void {
    this.isPortless = isOn;
  }

  /** TCP_INQ: receives say how much is left. */
  setWantsLeft(isOn: boolean): void {
    this.wantsLeft = isOn;
  }

  // ---- the interface ----

  /** As Linux's tcp_poll has it. */
  ready(): number {
    const { state } = this;
    if (this.listener !== null) return this.listener.waiting > 0 ? POLL_READABLE : 0;
    let events = 0;
    if (state === STATE.CLOSED || (this.isReadShut && this.isWriteShut)) events |= POLL.HUP;
    if (this.isReadShut) events |= POLL_READABLE | POLL.RDHUP;
    if (this.handshake === null) {
      const c = this.connection;
      if (c !== null) events |= readableEvents(c, this.wishes.rcvLowat);
      if (c === null || this.isWriteShut || isRoomForMore(c)) events |= WRITABLE;
      else this.wantsRoom = true;
    } else if (this.handshake.fastOpening?.isDeferred === true) events |= WRITABLE;
    if (this.pending !== 0 || this.errors?.isEmpty === false) events |= POLL.ERR;
    return events;
  }

  bind(address: SockAddr): number {
    return bindTo(this, address);
  }

  override listen(backlog: number): number {
    return listenWith(this, backlog);
  }

  connect(address: SockAddr): number {
    return connectTo(this, address);
  }

  override finishConnect(): number {
    return finishConnect(this);
  }

  override accept(peer: SockAddr | null): Endpoint | number {
    const child = acceptNext(this);
    if (typeof child !== 'number' && peer !== null) child.namePeer(peer);
    return child;
  }

  send(from: Uint8Array, flags: number, to: SockAddr | null): number {
    return sendBytes(this, from, flags, to);
  }

  sendMessage(m: Message, flags: number): number {
    return sendPieces(this, m, flags);
  }

  /** Data on a SYN: whoever may wait does so until the answer. */
  override isOpening(): boolean {
    return this.handshake?.fastOpening?.isDeferred === false;
  }

  override endSend(): void {
    endSend(this);
  }

  receive(into: Uint8Array, flags: number, from: SockAddr | null): number {
    if ((flags & MSG.ERRQUEUE) !== 0) {
      return this.errors?.receive([into], into.length, from, null) ?? -EAGAIN;
    }
    return receiveBytes(this, into, flags);
  }

  receiveMessage(m: Message, flags: number): number {
    m.reset();
    if ((flags & MSG.ERRQUEUE) !== 0) {
      return this.errors?.receive(m.iov, m.bytes, m.name, m) ?? -EAGAIN;
    }
    const n = receivePieces(this, m, flags);
    if (this.wantsLeft && n >= 0) m.addControl(bytesLeft(this));
    return n;
  }

  override wantsMore(done: number, asked: number, flags: number): boolean {
    return wantsMore(this, done, asked, flags);
  }

  shutdown(how: number): number {
    if (how < SHUT.RD || how > SHUT.RDWR) return -EINVAL;
    const isRead = how !== SHUT.WR;
    const isWrite = how !== SHUT.RD;
    const { connection: c, state } = this;
    if (state === STATE.LISTEN || state === STATE.SYN_SENT) {
      if (state === STATE.SYN_SENT || isRead) disconnect(this);
      else this.setShut(isRead, isWrite);
      this.wakeAll();
      return 0;
    }
    this.setShut(isRead, isWrite);
    this.wakeAll();
    if (state === STATE.CLOSED) return -ENOTCONN;
    if (isRead && c !== null) tcpShutdownReceive(c);
    if (isWrite && c !== null) tcpShutdown(c);
    return 0;
  }

  getName(to: SockAddr): number {
    const { local } = this;
    to.set(this.domain, local, this.localPort, isLinkLocal6(local) ? this.boundIndex : 0);
    return 0;
  }

  getPeer(to: SockAddr): number {
    const c = this.connection;
    if (c === null || c.state === STATE.CLOSED) {
      if (this.handshake?.state !== STATE.SYN_RECEIVED) return -ENOTCONN;
    }
    this.namePeer(to);
    return 0;
  }

  /** Precondition: it has, or had, one. */
  namePeer(to: SockAddr): void {
    const c = this.connection ?? this.handshake!;
    to.set(this.domain, c.remote, c.remotePort, isLinkLocal6(c.remote) ? c.boundIndex : 0);
  }

  takeError(): number {
    const errno = this.pending || (this.connection?.takeSoftError() ?? 0);
    this.pending = 0;
    return errno;
  }

  getOption(level: number, name: number, into: Uint8Array): number {
    return getFrom(this.options, this, level, name, into);
  }

  setOption(level: number, name: number, value: Uint8Array): number {
    return setIn(this.options, this, level, name, value);
  }

  override ioctl(request: number): number {
    return tcpQueueLength(this, request);
  }

  protected destroy(): number {
    if (this.wishes.lingerSec > 0) this.lingering = this.connection;
    closeSocket(this);
    return 0;
  }

  /** SO_LINGER: how long a close that may wait waits. */
  override lingerNs(): number {
    return this.isLingering() ? this.wishes.lingerSec * SEC : 0;
  }

  /** Our FIN, or what is before it, is not acknowledged yet. */
  override isLingering(): boolean {
    const { lingering: c } = this;
    return c !== null && isIn(c.state, UNACKED_FIN);
  }
}
