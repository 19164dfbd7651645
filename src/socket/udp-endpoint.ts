/** A UDP socket behind the socket interface: RFC 768 as `recvmsg` and `sendmsg` see it. */
import {
  EAFNOSUPPORT,
  EAGAIN,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPIPE,
} from '../base/errno.ts';
import { Datagram } from '../net/datagram-store.ts';
import { QueuedError } from '../net/error-queue.ts';
import type { Network } from '../net/network.ts';
import type { Udp } from '../udp/udp.ts';
import { READY, type ReadyListener, UdpSendControl, type UdpSocket } from '../udp/udp-socket.ts';
import {
  type Address,
  ANY6,
  isLinkLocal6,
  isLinkScopeMulticast6,
  isUnspecified,
  isV4,
} from '../wire/address.ts';
import {
  AF,
  FIONREAD,
  MSG,
  POLL,
  POLL_READABLE,
  POLL_WRITABLE,
  SHUT,
  SIOCOUTQ,
  SOCK,
} from './abi.ts';
import { Endpoint } from './endpoint.ts';
import type { IpSocket } from './ip-options.ts';
import { type Message, scatter } from './message.ts';
import { getFrom, type OptionMap, setIn } from './option.ts';
import type { SockAddr } from './sock-addr.ts';
import {
  describeDatagram,
  describeError,
  type ReceiveContext,
  readSendControl,
} from './udp-control.ts';

const EVERYTHING = -1;
/** What would change what is sent, and is not here: corking, and urgent data, which UDP has not. */
const REFUSED_FLAGS = MSG.OOB | MSG.MORE | MSG.DONTROUTE | MSG.ZEROCOPY | MSG.FASTOPEN;
const NO_BYTES = new Uint8Array(0);
const IPPROTO_UDP = 17;

/** What the UDP sockets of one stack share: the protocol, scratch, and the options they know, by family. */
export class UdpShared {
  readonly udp: Udp;
  readonly options4: OptionMap<UdpEndpoint>;
  readonly options6: OptionMap<UdpEndpoint>;
  readonly epochNs: number;
  readonly d = new Datagram();
  readonly how = new UdpSendControl();
  /** For messages in several pieces: made when the first one comes. */
  private whole: Uint8Array | null = null;

  constructor(
    udp: Udp,
    options4: OptionMap<UdpEndpoint>,
    options6: OptionMap<UdpEndpoint>,
    epochNs: number,
  ) {
    this.udp = udp;
    this.options4 = options4;
    this.options6 = options6;
    this.epochNs = epochNs;
  }

  open(domain: number, isNonBlocking: boolean): UdpEndpoint {
    return new UdpEndpoint(this, domain, isNonBlocking);
  }

  pieces(): Uint8Array {
    this.whole ??= new Uint8Array(65536);
    return this.whole;
  }
}

export class UdpEndpoint extends Endpoint implements IpSocket, ReadyListener, ReceiveContext {
  readonly s: UdpSocket;
  /** WANT bits. */
  wants = 0;
  /** SO_SNDBUF: kept and returned; datagrams are in the device's ring or nowhere. */
  sendBuffer: number;
  private readonly shared: UdpShared;
  private readonly options: OptionMap<UdpEndpoint>;

  constructor(shared: UdpShared, domain: number, isNonBlocking: boolean) {
    super(domain, SOCK.DGRAM, IPPROTO_UDP, isNonBlocking);
    this.shared = shared;
    this.options = domain === AF.INET ? shared.options4 : shared.options6;
    this.s = shared.udp.open(domain === AF.INET ? 'ipv4' : 'dual');
    this.s.listener = this;
    this.sendBuffer = this.net.config.wmemDefault;
  }

  get net(): Network {
    return this.shared.udp.net;
  }

  get udp(): Udp {
    return this.shared.udp;
  }

  get epochNs(): number {
    return this.shared.epochNs;
  }

  get drops(): number {
    return this.s.droppedFull + this.s.droppedNoMemory;
  }

  setWant(bit: number, isOn: boolean): void {
    this.wants = isOn ? this.wants | bit : this.wants & ~bit;
  }

  get boundIndex(): number {
    return this.s.boundIndex;
  }

  bindToDevice(index: number): number {
    return this.udp.bindToDevice(this.s, index);
  }

  get ttl(): number {
    return this.s.ttl;
  }

  setTtl(value: number): void {
    this.s.ttl = value;
  }

  get tos(): number {
    return this.s.tos;
  }

  setTos(value: number): void {
    this.s.tos = value;
  }

  override setPriority(value: number): void {
    super.setPriority(value);
    this.s.priority = value;
  }

  get pmtuDiscovery(): number {
    return this.s.pmtuDiscovery;
  }

  setPmtuDiscovery(value: number): void {
    this.s.pmtuDiscovery = value;
  }

  get isV6Only(): boolean {
    return this.s.family === 'ipv6';
  }

  setV6Only(isOn: boolean): number {
    return this.udp.setV6Only(this.s, isOn);
  }

  get sourcePreference(): number {
    return this.s.sourcePreference;
  }

  setSourcePreference(preference: number): void {
    this.s.sourcePreference = preference;
  }

  get portRange(): number {
    return this.s.portRange;
  }

  setPortRange(range: number): void {
    this.s.portRange = range;
  }

  get unicastIndex4(): number {
    return this.s.unicastIndex4;
  }

  get unicastIndex6(): number {
    return this.s.unicastIndex6;
  }

  setUnicastIndex(isV4: boolean, index: number): void {
    if (isV4) this.s.unicastIndex4 = index;
    else this.s.unicastIndex6 = index;
  }

  get peerAddress(): Address | null {
    return this.s.isConnected ? this.s.remote : null;
  }

  get receiveBuffer(): number {
    return this.s.rcvbufBytes;
  }

  setReceiveBuffer(bytes: number): void {
    this.s.rcvbufBytes = bytes;
  }

  setSendBuffer(bytes: number): void {
    this.sendBuffer = bytes;
  }

  /** From the protocol, within `drainReady`. */
  onReady(bits: number): void {
    let events = 0;
    if ((bits & READY.IN) !== 0) events |= POLL_READABLE;
    if ((bits & READY.OUT) !== 0) events |= POLL_WRITABLE;
    if ((bits & READY.ERROR) !== 0) events |= POLL.ERR;
    this.waiters.wake(events);
  }

  ready(): number {
    const { s } = this;
    let events = 0;
    const hasKept = s.errors !== null && !s.errors.isEmpty;
    if (s.pendingError !== 0 || hasKept) events |= POLL.ERR;
    if (s.queue.count > 0) events |= POLL_READABLE;
    if (this.isReadShut) events |= POLL.RDHUP | POLL_READABLE;
    if (this.isReadShut && this.isWriteShut) events |= POLL.HUP;
    if (s.refusedBy === null) events |= POLL_WRITABLE;
    return events;
  }

  bind(address: SockAddr): number {
    const isAny = address.family === AF.UNSPEC && isUnspecified(address.address);
    if (address.family !== this.domain && !(isAny && this.domain === AF.INET)) return -EAFNOSUPPORT;
    // The kernel reads a sockaddr_in's address whatever family it claims.
    const local = isAny ? this.s.local : address.address;
    return this.udp.bind(this.s, local, address.port, scopeOf(address));
  }

  connect(address: SockAddr): number {
    if (address.family === AF.UNSPEC) return this.udp.disconnect(this.s);
    const refused = this.checkFamily(address);
    if (refused !== 0) return refused;
    if (address.family !== this.domain && this.s.family === 'ipv6') return -EAFNOSUPPORT;
    return this.udp.connect(this.s, address.address, address.port, scopeOf(address));
  }

  send(from: Uint8Array, flags: number, to: SockAddr | null): number {
    return this.sendBytes(from, flags, to, null);
  }

  sendMessage(m: Message, flags: number): number {
    const { how } = this.shared;
    const bad = readSendControl(this.net, how, m.control);
    if (bad !== 0) return bad;
    const to = m.name.family === AF.UNSPEC ? null : m.name;
    if (m.iov.length === 1) return this.sendBytes(m.iov[0]!, flags, to, how);
    const { bytes } = m;
    if (bytes > 65535) return -EMSGSIZE;
    const whole = this.shared.pieces();
    let at = 0;
    for (const piece of m.iov) {
      whole.set(piece, at);
      at += piece.length;
    }
    return this.sendBytes(whole.subarray(0, bytes), flags, to, how);
  }

  receive(into: Uint8Array, flags: number, from: SockAddr | null): number {
    if ((flags & MSG.ERRQUEUE) !== 0) return this.receiveError(into, from, null);
    const { d } = this.shared;
    const n = this.udp.receive(this.s, into, d, (flags & MSG.PEEK) !== 0);
    if (n < 0) return n;
    if (from !== null) this.name(from, d.src, d.port, d.ifaceIndex);
    return (flags & MSG.TRUNC) !== 0 ? d.len : n;
  }

  receiveMessage(m: Message, flags: number): number {
    m.reset();
    const isOne = m.iov.length === 1;
    const into = isOne ? m.iov[0]! : m.iov.length === 0 ? NO_BYTES : this.shared.pieces();
    const room = m.bytes;
    const isError = (flags & MSG.ERRQUEUE) !== 0;
    const n = isError
      ? this.receiveError(into, m.name, m)
      : this.receive(into, flags & ~MSG.TRUNC, m.name);
    if (n < 0) return n;
    const len = isError ? n : this.shared.d.len;
    const taken = Math.min(n, room);
    if (!isOne) scatter(into, taken, m.iov);
    if (len > taken) m.addFlags(MSG.TRUNC);
    if (!isError) describeDatagram(m, this.shared.d, this);
    return (flags & MSG.TRUNC) !== 0 ? len : taken;
  }

  /** Linux: without a peer it is -ENOTCONN, and happens all the same. */
  shutdown(how: number): number {
    if (how < SHUT.RD || how > SHUT.RDWR) return -EINVAL;
    this.setShut(how !== SHUT.WR, how !== SHUT.RD);
    this.waiters.wake(EVERYTHING);
    return this.s.isConnected ? 0 : -ENOTCONN;
  }

  getName(to: SockAddr): number {
    const { s } = this;
    this.name(to, s.local, s.localPort, s.boundIndex);
    return 0;
  }

  getPeer(to: SockAddr): number {
    const { s } = this;
    if (!s.isConnected) return -ENOTCONN;
    this.name(to, s.remote, s.remotePort, s.boundIndex);
    return 0;
  }

  takeError(): number {
    return this.udp.takeError(this.s);
  }

  getOption(level: number, name: number, into: Uint8Array): number {
    return getFrom(this.options, this, level, name, into);
  }

  setOption(level: number, name: number, value: Uint8Array): number {
    return setIn(this.options, this, level, name, value);
  }

  override ioctl(request: number): number {
    if (request === SIOCOUTQ) return 0; // what was sent is with the device
    if (request !== FIONREAD) return -ENOTTY;
    const { d } = this.shared;
    return this.net.datagrams.peek(this.s.queue, d) ? d.len : 0;
  }

  protected destroy(): number {
    this.udp.close(this.s);
    return 0;
  }

  private sendBytes(
    from: Uint8Array,
    flags: number,
    to: SockAddr | null,
    how: UdpSendControl | null,
  ): number {
    const { s, udp } = this;
    if ((flags & REFUSED_FLAGS) !== 0) return -EOPNOTSUPP;
    if (to === null && !s.isConnected) return -EDESTADDRREQ;
    if (to !== null) {
      const refused = this.checkFamily(to);
      if (refused !== 0) return refused;
    }
    if (this.isWriteShut) return -(udp.takeError(s) || EPIPE);
    const asked = how ?? this.plain();
    const n =
      to === null
        ? udp.send(s, from, asked)
        : udp.sendTo(s, from, to.address, to.port, scopeOf(to), asked);
    if (n === -EMSGSIZE) this.keepTooBig(to === null ? s.remote : to.address);
    return n;
  }

  private plain(): UdpSendControl {
    const { how } = this.shared;
    how.reset();
    return how;
  }

  /** AF_INET6 sockets take AF_INET addresses too. */
  private checkFamily(a: SockAddr): number {
    const isFour = a.family === AF.INET && this.domain === AF.INET6;
    return a.family === this.domain || isFour ? 0 : -EAFNOSUPPORT;
  }

  /** As an error of our own: how large it may be (what tracepath asks). The port is the peer's, as on Linux. */
  private keepTooBig(to: Address): void {
    const { s, net } = this;
    if (isV4(to) ? !s.wantsErrors4 : !s.wantsErrors6) return;
    const path = net.paths.lookup(to, s.boundIndex);
    const mtu = path === null ? 0 : path.mtu(net.env);
    const why = { errno: EMSGSIZE, type: -1, code: -1, mtu, from: ANY6 };
    const about = { dst: to, ifaceIndex: s.boundIndex };
    this.udp.keepError(s, new QueuedError(why, about, s.remotePort, net.env.nowNs, NO_BYTES));
  }

  private receiveError(into: Uint8Array, from: SockAddr | null, m: Message | null): number {
    const error = this.udp.takeKeptError(this.s);
    if (error === null) return -EAGAIN;
    const n = Math.min(error.payload.length, into.length);
    for (let i = 0; i < n; i++) into[i] = error.payload[i]!;
    if (from !== null) this.name(from, error.destination, error.port, error.ifaceIndex);
    if (m !== null) {
      m.addFlags(MSG.ERRQUEUE | (n < error.payload.length ? MSG.TRUNC : 0));
      describeError(m, error, this);
    }
    return n;
  }

  private name(to: SockAddr, a: Address, port: number, ifaceIndex: number): void {
    const isScoped = isLinkLocal6(a) || isLinkScopeMulticast6(a);
    to.set(this.domain, a, port, isScoped ? ifaceIndex : 0);
  }
}

/** A scope id counts where it is needed only. */
function scopeOf(a: SockAddr): number {
  return isLinkLocal6(a.address) || isLinkScopeMulticast6(a.address) ? a.scopeId : 0;
}
