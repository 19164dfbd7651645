/**
 * Echo sockets: what `ping` uses, like Linux's ICMP datagram sockets. Each has an identifier of its
 * own; replies and errors that quote it come back to it and to nobody else.
 */

import { EADDRNOTAVAIL, EAGAIN, EINVAL, EMSGSIZE } from '../base/errno.ts';
import { ReadyList, ReadyMark, type ReadyTarget } from '../base/ready-list.ts';
import {
  type Address,
  IpAddress,
  isLinkLocal6,
  isUnspecified,
  isV4,
  LOOPBACK4,
  LOOPBACK6,
} from '../wire/address.ts';
import { ICMP_HEADER_LEN, ICMP4, ICMP6, icmpId, icmpSeq, writeIcmp } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { Datagram, DatagramQueue } from './datagram-store.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { ipOutput } from './ip-output.ts';
import type { IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';
import { whyNoPath } from './no-path.ts';
import { PMTUDISC } from './out-packet.ts';
import { priorityOfTos, TC_PRIO } from './priority.ts';
import type { NetworkError, QuotedPacket } from './transport.ts';

const ID_SPACE = 65536;
/** The largest ICMP message in one IPv4 datagram, less its header. */
const MAX_DATA = 65535 - 20 - ICMP_HEADER_LEN;

/** An error that came back for one of a socket's requests. */
export class EchoError {
  readonly from: Address;
  readonly seq: number;
  readonly errno: number;
  readonly type: number;
  readonly code: number;
  readonly mtu: number;

  constructor(why: NetworkError, seq: number) {
    this.from = new IpAddress().copy(why.from);
    this.seq = seq;
    this.errno = why.errno;
    this.type = why.type;
    this.code = why.code;
    this.mtu = why.mtu;
  }
}

/** Errors kept per socket until they are read; more are counted only. */
const MAX_ERRORS = 64;

export class EchoSocket implements ReadyTarget {
  readonly id: number;
  readonly queue = new DatagramQueue();
  readonly errors: EchoError[] = [];
  errorsLost = 0;
  repliesLost = 0;
  rcvbufBytes: number;
  ttl = 0;
  tos = 0;
  /** One of PMTUDISC. */
  pmtuDiscovery: number = PMTUDISC.WANT;
  /** Out of this interface only; 0 = by route. */
  boundIndex = 0;
  listener: EchoListener | null = null;
  /** Has replies or errors that the application has not been told of yet: one bit. */
  readonly readyMark = new ReadyMark(this);

  constructor(id: number, rcvbufBytes: number) {
    this.id = id;
    this.rcvbufBytes = rcvbufBytes;
  }

  /** Within `drainReady`. */
  onReady(): void {
    this.listener?.onReady();
  }
}

/** Called once a turn's input is done, never from within it. */
export interface EchoListener {
  onReady(): void;
}

export class EchoSockets {
  private readonly net: Network;
  private readonly byId = new Map<number, EchoSocket>();
  private readonly ready: ReadyList;
  private readonly scratch = new Datagram();

  constructor(net: Network) {
    this.net = net;
    this.ready = new ReadyList(net.bell);
  }

  /** A socket with an unused identifier, or null when all 65,536 are taken. */
  open(): EchoSocket | null {
    let id = this.net.random.below(ID_SPACE);
    for (let tried = 0; tried < ID_SPACE && this.byId.has(id); tried++) id = (id + 1) % ID_SPACE;
    if (this.byId.has(id)) return null;
    const socket = new EchoSocket(id, this.net.config.rmemDefault);
    this.byId.set(id, socket);
    return socket;
  }

  close(socket: EchoSocket): void {
    if (!this.byId.delete(socket.id)) return;
    this.net.datagrams.clear(socket.queue, this.scratch);
    socket.errors.length = 0;
    socket.listener = null;
  }

  closeAll(): void {
    for (const socket of [...this.byId.values()]) this.close(socket);
  }

  get size(): number {
    return this.byId.size;
  }

  /** Sends one request. Returns 0 or -errno. */
  send(socket: EchoSocket, destination: Address, seq: number, data: Uint8Array): number {
    const { net } = this;
    if (data.length > MAX_DATA) return -EMSGSIZE;
    if (this.byId.get(socket.id) !== socket) return -EINVAL;
    if (isLinkLocal6(destination) && socket.boundIndex === 0) return -EINVAL; // which link? (RFC 4007 §6)
    const v4 = isV4(destination);
    // As on Linux the unspecified address means this host.
    const to = isUnspecified(destination) ? (v4 ? LOOPBACK4 : LOOPBACK6) : destination;
    const path = net.pathTo(to, socket.boundIndex);
    if (path === null) return whyNoPath(net, to, socket.boundIndex);
    if (isUnspecified(path.source)) return -EADDRNOTAVAIL;
    const at = data.length === 0 ? 0 : net.reserve(path.iface, data.length);
    if (at < 0) return at;
    net.env.memory.slab.u8.set(data, at);
    const o = net.out;
    o.path = path;
    o.src.copy(path.source);
    o.protocol = v4 ? IPPROTO.ICMP : IPPROTO.ICMPV6;
    o.ttl = socket.ttl !== 0 ? socket.ttl : v4 ? net.config.ttl4 : path.iface.hopLimit(net.config);
    o.isLooped = true;
    o.tos = socket.tos;
    o.priority = v4 ? priorityOfTos(socket.tos) : TC_PRIO.BESTEFFORT;
    o.pmtuDiscovery = socket.pmtuDiscovery;
    o.transportLen = ICMP_HEADER_LEN;
    o.checksumAt = 2;
    const type = v4 ? ICMP4.ECHO : ICMP6.ECHO;
    const rest = (socket.id << 16) | (seq & 0xffff);
    writeIcmp(net.env.memory.slab.dv, net.transportHeader, type, 0, rest);
    o.payloadOff = at;
    o.payloadLen = data.length;
    o.chunk = -1;
    const result = ipOutput(net);
    const mib = v4 ? net.mib.icmp4 : net.mib.icmp6;
    mib.count(result < 0 ? ICMP.OutErrors : ICMP.OutMsgs);
    if (result === 0) mib.outType[type]!++;
    return result;
  }

  /** Takes the oldest reply: its data into `into`, the rest into `d` (`d.port` is the sequence number). */
  receive(socket: EchoSocket, into: Uint8Array, d: Datagram): number {
    if (!this.net.datagrams.take(socket.queue, d)) return -EAGAIN;
    const n = this.net.datagrams.copyOut(d, into);
    this.net.datagrams.release(d);
    return n;
  }

  replyInput(pkt: IpPacket): number {
    const { net } = this;
    const { dv } = net.env.memory.slab;
    const socket = this.byId.get(icmpId(dv, pkt.payloadOff));
    if (socket === undefined) return DROP.ICMP_NO_SOCKET;
    const len = pkt.payloadLen - ICMP_HEADER_LEN;
    const q = socket.queue;
    const fits = q.chargedBytes + net.datagrams.chargeFor(len) <= socket.rcvbufBytes;
    const seq = icmpSeq(dv, pkt.payloadOff);
    const at = pkt.payloadOff + ICMP_HEADER_LEN;
    if (!fits || !net.datagrams.put(q, pkt, pkt.iface.index, at, len, seq)) {
      socket.repliesLost++;
      return DROP.ICMP_RCVBUF;
    }
    this.markReady(socket);
    return ACCEPTED;
  }

  owns(quote: QuotedPacket): boolean {
    return this.senderOf(quote) !== undefined;
  }

  private senderOf(quote: QuotedPacket): EchoSocket | undefined {
    const { dv } = this.net.env.memory.slab;
    const isRequest = dv.getUint8(quote.off) === (isV4(quote.src) ? ICMP4.ECHO : ICMP6.ECHO);
    return isRequest ? this.byId.get(icmpId(dv, quote.off)) : undefined;
  }

  error(quote: QuotedPacket, why: NetworkError): boolean {
    const { dv } = this.net.env.memory.slab;
    const socket = this.senderOf(quote);
    if (socket === undefined) return false;
    if (socket.errors.length >= MAX_ERRORS) socket.errorsLost++;
    else socket.errors.push(new EchoError(why, icmpSeq(dv, quote.off)));
    this.markReady(socket);
    return true;
  }

  get hasReady(): boolean {
    return this.ready.hasReady;
  }

  /** Runs the applications of sockets that became ready. What they make ready waits for the next turn. */
  drainReady(): void {
    this.ready.drain();
  }

  private markReady(socket: EchoSocket): void {
    if (socket.listener !== null) this.ready.mark(socket.readyMark, 1);
  }
}
