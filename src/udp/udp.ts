/** The UDP protocol of one stack: its sockets, who holds which port, and what applications call. */
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EDESTADDRREQ,
  EINVAL,
} from '../base/errno.ts';
import { ReadyList } from '../base/ready-list.ts';
import { NOT_FOUND } from '../base/word-table.ts';
import { Datagram } from '../net/datagram-store.ts';
import { EphemeralPorts } from '../net/ephemeral-ports.ts';
import { ErrorQueue, QueuedError, quotedPayload } from '../net/error-queue.ts';
import type { IpPacket } from '../net/ip-packet.ts';
import type { Network } from '../net/network.ts';
import { whyNoPath } from '../net/no-path.ts';
import type { NetworkError, QuotedPacket, Transport } from '../net/transport.ts';
import {
  type Address,
  ANY4,
  ANY6,
  isLimitedBroadcast,
  isLinkLocal6,
  isLinkScopeMulticast6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
} from '../wire/address.ts';
import { UDP_HEADER_LEN } from '../wire/udp.ts';
import { RefusedSockets } from './refused-sockets.ts';
import { share, UdpBindings } from './udp-bindings.ts';
import { UdpDemux } from './udp-demux.ts';
import { udpError, udpInput, udpSenderOf } from './udp-input.ts';
import {
  checkFamilies,
  checkPath,
  effectiveDestination,
  sourceFor,
  udpSendTo,
  wishedInterface,
} from './udp-output.ts';
import { READY, type UdpFamily, UdpSendControl, UdpSocket } from './udp-socket.ts';

export class Udp implements Transport {
  readonly net: Network;
  readonly demux: UdpDemux;
  readonly bindings = new UdpBindings();
  private readonly at = (index: number): UdpSocket | null => this.socketAt(index);
  private readonly ports: EphemeralPorts;
  private readonly sockets: (UdpSocket | null)[] = [];
  private readonly freeIndices: number[] = [];
  /** Whom to tell that he can read, or write again; and who found no room in a device. */
  readonly ready: ReadyList;
  readonly refused: RefusedSockets;
  private readonly scratch = new Datagram();
  /** Nothing beyond the socket's options: never written. */
  private readonly asSocketSays: Readonly<UdpSendControl> = new UdpSendControl();

  constructor(net: Network) {
    this.net = net;
    this.ready = new ReadyList(net.bell);
    this.refused = new RefusedSockets(net.bell);
    this.demux = new UdpDemux(net.env.rng.stream('udp.demux'));
    this.ports = new EphemeralPorts(net.secret, net.env.rng.stream('udp.ports'), net.config);
  }

  open(family: UdpFamily): UdpSocket {
    const index = this.freeIndices.pop() ?? this.sockets.length;
    const s = new UdpSocket(index, family, this.net);
    s.local.copy(family === 'ipv4' ? ANY4 : ANY6);
    s.ownLocal.copy(s.local);
    this.sockets[index] = s;
    return s;
  }

  socketAt(index: number): UdpSocket | null {
    return this.sockets[index] ?? null;
  }

  /** All open sockets, for `ss`. */
  list(): UdpSocket[] {
    return this.sockets.filter((s) => s !== null);
  }

  /** Port 0 picks one. Returns 0, -EINVAL (bound already), -EADDRNOTAVAIL, -EADDRINUSE, -EAFNOSUPPORT. */
  bind(s: UdpSocket, address: Address, port: number, scopeIndex = 0): number {
    if (s.isClosed) return -EBADF;
    if (port < 0 || port > 65535) return -EINVAL;
    const boundIndex = s.boundIndex !== 0 ? s.boundIndex : scopeIndex;
    if (scopeIndex !== 0 && scopeIndex !== boundIndex) return -EINVAL;
    const refused = this.checkLocal(s, address, boundIndex);
    if (refused !== 0) return refused;
    if (s.localPort !== 0) return -EINVAL;
    const result = this.claim(s, address, port, ANY6, 0, boundIndex);
    if (result !== 0) return result;
    s.ownLocal.copy(address);
    s.ownPort = port;
    s.ownIndex = boundIndex;
    s.isGroupBound = isMulticast(address) || this.isBroadcast(address);
    return 0;
  }

  /**
   * Fixes the peer: only its datagrams arrive, errors are reported. Binds if need be: -EAGAIN when no
   * ephemeral port is left. A failure changes nothing.
   */
  connect(s: UdpSocket, address: Address, port: number, scopeIndex = 0): number {
    if (s.isClosed) return -EBADF;
    if (port < 0 || port > 65535) return -EINVAL;
    const to = effectiveDestination(s, address);
    const refused = checkFamilies(s, to);
    if (refused !== 0) return refused;
    const needsScope = isLinkLocal6(to) || isLinkScopeMulticast6(to);
    const iface = s.boundIndex !== 0 ? s.boundIndex : scopeIndex;
    if (needsScope && (iface === 0 || (scopeIndex !== 0 && scopeIndex !== iface))) return -EINVAL;
    const way = iface !== 0 ? iface : wishedInterface(this.net, s, to, ANY6);
    const path = this.net.pathTo(to, way);
    if (path === null) return whyNoPath(this.net, to, way);
    const source = sourceFor(this.net, s, path);
    const wrong = checkPath(s, path, source);
    if (wrong !== 0) return wrong;
    const boundIndex = needsScope ? iface : s.boundIndex;
    if (s.localPort === 0) {
      const result = this.claim(s, source, 0, to, port, boundIndex);
      if (result !== 0) return result === -EADDRINUSE ? -EAGAIN : result;
    }
    return this.associate(s, source, to, port, boundIndex);
  }

  /** Back to unconnected: what `bind` fixed stays, what was chosen for the socket goes. */
  disconnect(s: UdpSocket): number {
    if (s.isClosed) return -EBADF;
    if (!s.isConnected) return 0;
    this.demux.remove(s);
    if (s.ownPort === 0) {
      this.bindings.remove(s);
      s.localPort = 0;
    }
    s.local.copy(s.ownLocal);
    s.boundIndex = s.ownIndex;
    s.remote.copy(ANY6);
    s.remotePort = 0;
    s.isConnected = false;
    if (s.localPort !== 0) this.demux.add(s, this.at);
    return 0;
  }

  /** To the connected peer. */
  send(s: UdpSocket, data: Uint8Array, how: Readonly<UdpSendControl> = this.asSocketSays): number {
    if (s.isClosed) return -EBADF;
    if (!s.isConnected) return -EDESTADDRREQ;
    return udpSendTo(this, s, data, s.remote, s.remotePort, 0, how);
  }

  /** Also when connected, to whomever. -EAGAIN: no room in the device, or no ephemeral port left. */
  sendTo(
    s: UdpSocket,
    data: Uint8Array,
    to: Address,
    port: number,
    scopeIndex = 0,
    how: Readonly<UdpSendControl> = this.asSocketSays,
  ): number {
    if (s.isClosed) return -EBADF;
    if (s.localPort === 0) {
      const result = this.claim(s, s.local, 0, to, port, s.boundIndex);
      if (result !== 0) return result === -EADDRINUSE ? -EAGAIN : result;
    }
    return udpSendTo(this, s, data, to, port, scopeIndex, how);
  }

  /**
   * Takes the oldest datagram: as much as fits into `into`, the rest is lost (`d.len` says how long it
   * was). Returns the bytes copied, -EAGAIN, or the pending error. A peek leaves it where it is.
   */
  receive(s: UdpSocket, into: Uint8Array, d: Datagram, isPeek = false): number {
    if (s.isClosed) return -EBADF;
    const pending = this.takeError(s);
    if (pending !== 0) return -pending;
    const { datagrams } = this.net;
    const has = isPeek ? datagrams.peek(s.queue, d) : datagrams.take(s.queue, d);
    if (!has) return -EAGAIN;
    const n = datagrams.copyOut(d, into);
    if (!isPeek) datagrams.release(d);
    return n;
  }

  /** SO_ERROR: the pending error as a positive errno, 0 if none; it is forgotten. */
  takeError(s: UdpSocket): number {
    const errno = s.pendingError;
    s.pendingError = 0;
    return errno;
  }

  setError(s: UdpSocket, errno: number): void {
    s.pendingError = errno;
    this.ready.mark(s.readyMark, READY.ERROR);
  }

  /** Keeps an ICMP error for a socket that asked for all of them, and reports it like any other. */
  queueError(s: UdpSocket, quote: QuotedPacket, why: NetworkError, port: number): void {
    const { env } = this.net;
    const payload = quotedPayload(env.memory.slab, quote, UDP_HEADER_LEN);
    this.keepError(s, new QueuedError(why, quote, port, env.nowNs, payload));
    this.setError(s, why.errno);
  }

  /** Keeps an error of whatever origin; when the queue is full it is counted and lost. */
  keepError(s: UdpSocket, error: QueuedError): void {
    s.errors ??= new ErrorQueue();
    if (s.errors.push(error, s.rcvbufBytes)) this.ready.mark(s.readyMark, READY.ERROR);
  }

  /**
   * Takes the oldest kept error. As on Linux the socket's pending error is what the next one says, or
   * none; null: nothing is kept.
   */
  takeKeptError(s: UdpSocket): QueuedError | null {
    const error = s.errors?.shift() ?? null;
    if (error === null) return null;
    const errors = s.errors!; // it was in there
    s.pendingError = errors.pendingAfter(error, s.pendingError);
    if (!errors.isEmpty) this.ready.mark(s.readyMark, READY.ERROR); // whoever waits for edges hears of it
    return error;
  }

  /** SO_BINDTODEVICE: 0 unties it. The caller has checked that the interface exists. */
  bindToDevice(s: UdpSocket, index: number): number {
    if (s.isClosed) return -EBADF;
    const isPlaced = s.localPort !== 0;
    if (isPlaced) {
      this.demux.remove(s);
      this.bindings.remove(s);
    }
    const before = s.boundIndex;
    const use = this.bindings.asking(s, s.local, index);
    const isTaken = isPlaced && !use.isPortFree(s.localPort);
    s.boundIndex = isTaken ? before : index;
    s.ownIndex = isTaken ? s.ownIndex : index;
    if (isPlaced) {
      this.bindings.add(s);
      this.demux.add(s, this.at);
    }
    return isTaken ? -EADDRINUSE : 0;
  }

  /** IPV6_V6ONLY: before the socket is bound (-EINVAL). */
  setV6Only(s: UdpSocket, isOn: boolean): number {
    if (s.localPort !== 0 || s.family === 'ipv4') return -EINVAL;
    s.family = isOn ? 'ipv6' : 'dual';
    return 0;
  }

  close(s: UdpSocket): void {
    if (s.isClosed) return;
    s.isClosed = true;
    if (s.localPort !== 0) {
      this.demux.remove(s);
      this.bindings.remove(s);
    }
    s.groups.leaveAll();
    this.net.datagrams.clear(s.queue, this.scratch);
    s.errors?.clear();
    this.sockets[s.index] = null;
    this.freeIndices.push(s.index);
  }

  closeAll(): void {
    for (const s of this.list()) this.close(s);
  }

  input(pkt: IpPacket): number {
    return udpInput(this, pkt);
  }

  error(quote: QuotedPacket, why: NetworkError): boolean {
    return udpError(this, quote, why);
  }

  owns(quote: QuotedPacket): boolean {
    return udpSenderOf(this, quote) !== NOT_FOUND;
  }

  private checkLocal(s: UdpSocket, address: Address, boundIndex: number): number {
    const v4 = isV4(address);
    if (s.family === 'ipv4' && !v4) return -EAFNOSUPPORT;
    if (s.family === 'ipv6' && v4) return -EINVAL;
    const needsScope = isLinkLocal6(address) || isLinkScopeMulticast6(address);
    if (needsScope && boundIndex === 0) return -EINVAL;
    if (isUnspecified(address) || isMulticast(address) || this.isBroadcast(address)) return 0;
    if (v4 && isLoopback(address)) return 0; // 127/8 is ours as a whole
    const entry = this.net.locals.entryOf(address, boundIndex);
    return entry !== null && entry.state === 'preferred' ? 0 : -EADDRNOTAVAIL;
  }

  private isBroadcast(a: Address): boolean {
    if (!isV4(a)) return false;
    return isLimitedBroadcast(a) || this.net.interfaces.some((i) => i.isBroadcast(a.w3));
  }

  /** Moves a bound socket to its peer. -EADDRINUSE: another one is there already. */
  private associate(
    s: UdpSocket,
    source: Address,
    to: Address,
    port: number,
    boundIndex: number,
  ): number {
    const local = s.isGroupBound ? s.local : source;
    const holder = this.demux.holderOf(local, s.localPort, to, port, boundIndex);
    const isTaken = holder !== NOT_FOUND && holder !== s.index;
    if (isTaken && !share(s, this.sockets[holder]!)) return -EADDRINUSE;
    this.demux.remove(s);
    s.local.copy(local);
    s.remote.copy(to);
    s.remotePort = port;
    s.isConnected = true;
    s.boundIndex = boundIndex;
    this.demux.add(s, this.at);
    return 0;
  }

  private claim(
    s: UdpSocket,
    address: Address,
    port: number,
    remote: Address,
    remotePort: number,
    boundIndex: number,
  ): number {
    const use = this.bindings.asking(s, address, boundIndex);
    const chosen =
      port !== 0 ? port : this.ports.pick(address, remote, remotePort, use, s.portRange);
    if (chosen === 0 || !use.isPortFree(chosen)) return -EADDRINUSE;
    s.local.copy(address);
    s.localPort = chosen;
    s.boundIndex = boundIndex;
    this.bindings.add(s);
    this.demux.add(s, this.at);
    return 0;
  }
}
