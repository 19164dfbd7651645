/** The UDP protocol of one stack: its sockets, who holds which port, and what applications call. */
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EDESTADDRREQ,
  EINVAL,
  ENETUNREACH,
} from '../base/errno.ts';
import { Datagram } from '../net/datagram-store.ts';
import { EphemeralPorts } from '../net/ephemeral-ports.ts';
import type { IpPacket } from '../net/ip-packet.ts';
import type { Network } from '../net/network.ts';
import type { NetworkError, QuotedPacket, Transport } from '../net/transport.ts';
import {
  type Address,
  ANY4,
  ANY6,
  isLinkLocal6,
  isMulticast,
  isUnspecified,
  isV4,
} from '../wire/address.ts';
import { UdpBindings } from './udp-bindings.ts';
import { UdpDemux } from './udp-demux.ts';
import { udpError, udpInput } from './udp-input.ts';
import { udpSendTo } from './udp-output.ts';
import { READY, type UdpFamily, UdpSocket } from './udp-socket.ts';

export class Udp implements Transport {
  readonly net: Network;
  readonly demux: UdpDemux;
  private readonly bindings = new UdpBindings();
  private readonly ports: EphemeralPorts;
  private readonly sockets: (UdpSocket | null)[] = [];
  private readonly freeIndices: number[] = [];
  /** Sockets with READY bits their application has not seen; filled by input, emptied by `drainReady`. */
  private ready: UdpSocket[] = [];
  private draining: UdpSocket[] = [];
  private readonly refused: UdpSocket[] = [];
  private readonly scratch = new Datagram();

  constructor(net: Network) {
    this.net = net;
    this.demux = new UdpDemux(net.env.rng.stream('udp.demux'));
    this.ports = new EphemeralPorts(net.secret, net.env.rng.stream('udp.ports'), net.config);
  }

  open(family: UdpFamily): UdpSocket {
    const index = this.freeIndices.pop() ?? this.sockets.length;
    const s = new UdpSocket(index, family, this.net.config.rmemDefault);
    s.local.copy(family === 'ipv4' ? ANY4 : ANY6);
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
  bind(s: UdpSocket, address: Address, port: number, boundIndex = 0): number {
    if (s.isClosed) return -EBADF;
    if (s.localPort !== 0 || port < 0 || port > 65535) return -EINVAL;
    const refused = this.checkLocal(s, address, boundIndex);
    if (refused !== 0) return refused;
    return this.claim(s, address, port, ANY6, 0, boundIndex);
  }

  /** Fixes the peer: only its datagrams arrive, errors are reported. Binds if need be. */
  connect(s: UdpSocket, address: Address, port: number, boundIndex = 0): number {
    if (s.isClosed) return -EBADF;
    if (port < 1 || port > 65535) return -EINVAL;
    if (s.family === 'ipv4' && !isV4(address)) return -EAFNOSUPPORT;
    if (s.family === 'ipv6' && isV4(address)) return -ENETUNREACH;
    const iface = s.boundIndex !== 0 ? s.boundIndex : boundIndex;
    if (isLinkLocal6(address) && iface === 0) return -EINVAL;
    const path = this.net.paths.lookup(address, iface);
    if (path === null || isUnspecified(path.source)) return -ENETUNREACH;
    const source = isUnspecified(s.local) ? path.source : s.local;
    if (s.localPort === 0) {
      const bound = this.claim(s, source, 0, address, port, isLinkLocal6(address) ? iface : 0);
      if (bound !== 0) return bound;
    }
    this.demux.remove(s);
    s.local.copy(source);
    s.remote.copy(address);
    s.remotePort = port;
    if (isLinkLocal6(address)) s.boundIndex = iface;
    this.demux.add(s);
    return 0;
  }

  /** Back to unconnected; the port and the address stay. */
  disconnect(s: UdpSocket): number {
    if (s.isClosed) return -EBADF;
    if (s.remotePort === 0) return 0;
    this.demux.remove(s);
    s.remote.copy(ANY6);
    s.remotePort = 0;
    this.demux.add(s);
    return 0;
  }

  /** To the connected peer. */
  send(s: UdpSocket, data: Uint8Array): number {
    if (s.remotePort === 0) return -EDESTADDRREQ;
    return this.sendTo(s, data, s.remote, s.remotePort, 0);
  }

  sendTo(s: UdpSocket, data: Uint8Array, to: Address, port: number, boundIndex = 0): number {
    if (s.isClosed) return -EBADF;
    const pending = this.takeError(s);
    if (pending !== 0) return -pending;
    if (s.localPort === 0) {
      const bound = this.claim(s, s.local, 0, to, port, 0);
      if (bound !== 0) return bound;
    }
    return udpSendTo(this, s, data, to, port, boundIndex);
  }

  /**
   * Takes the oldest datagram: as much as fits into `into`, the rest is lost (`d.len` says how long it
   * was). Returns the bytes copied, -EAGAIN, or the pending error.
   */
  receive(s: UdpSocket, into: Uint8Array, d: Datagram): number {
    if (s.isClosed) return -EBADF;
    const pending = this.takeError(s);
    if (pending !== 0) return -pending;
    const { datagrams } = this.net;
    if (!datagrams.take(s.queue, d)) return -EAGAIN;
    const n = datagrams.copyOut(d, into);
    datagrams.release(d);
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
    this.markReady(s, READY.ERROR);
  }

  close(s: UdpSocket): void {
    if (s.isClosed) return;
    s.isClosed = true;
    if (s.localPort !== 0) {
      this.demux.remove(s);
      this.bindings.remove(s);
    }
    this.net.datagrams.clear(s.queue, this.scratch);
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

  markReady(s: UdpSocket, bits: number): void {
    if (s.readyBits === 0) this.ready.push(s);
    s.readyBits |= bits;
  }

  get hasReady(): boolean {
    return this.ready.length > 0;
  }

  get hasRefused(): boolean {
    return this.refused.length > 0;
  }

  /** A send was refused for want of room: the socket hears when there is some. */
  wantRoom(s: UdpSocket): void {
    if (s.wantsRoom) return;
    s.wantsRoom = true;
    this.refused.push(s);
  }

  /** Tells sockets that were refused that it is time to try again. */
  retryRefused(): void {
    for (let i = 0; i < this.refused.length; i++) {
      const s = this.refused[i]!;
      s.wantsRoom = false;
      this.markReady(s, READY.OUT);
    }
    this.refused.length = 0;
  }

  /** Runs the applications of sockets that became ready. What they make ready waits for the next turn. */
  drainReady(): void {
    if (this.ready.length === 0) return;
    const batch = this.ready;
    this.ready = this.draining;
    this.draining = batch;
    for (let i = 0; i < batch.length; i++) {
      const s = batch[i]!;
      const bits = s.readyBits;
      s.readyBits = 0;
      if (!s.isClosed) s.listener?.onReady(bits);
    }
    batch.length = 0;
  }

  private checkLocal(s: UdpSocket, address: Address, boundIndex: number): number {
    const v4 = isV4(address);
    if (s.family === 'ipv4' && !v4) return -EAFNOSUPPORT;
    if (s.family === 'ipv6' && v4) return -EADDRNOTAVAIL;
    if (isLinkLocal6(address) && boundIndex === 0) return -EINVAL;
    if (isUnspecified(address) || isMulticast(address)) return 0;
    if (v4 && this.net.interfaces.some((i) => i.isBroadcast(address.w3))) return 0;
    const entry = this.net.locals.entryOf(address, boundIndex);
    return entry !== null && entry.state === 'preferred' ? 0 : -EADDRNOTAVAIL;
  }

  private claim(
    s: UdpSocket,
    address: Address,
    port: number,
    remote: Address,
    remotePort: number,
    boundIndex: number,
  ): number {
    const use = this.bindings.asking(address, s.family, boundIndex);
    const chosen = port !== 0 ? port : this.ports.pick(address, remote, remotePort, use);
    if (chosen === 0 || !use.isPortFree(chosen)) return -EADDRINUSE;
    s.local.copy(address);
    s.localPort = chosen;
    s.boundIndex = boundIndex;
    this.bindings.add(s);
    this.demux.add(s);
    return 0;
  }
}
