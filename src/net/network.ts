import { Bell } from '../base/bell.ts';
import { NO_BLOCK } from '../base/block-pool.ts';
import type { DeadlineQueue } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import { EAGAIN } from '../base/errno.ts';
import type { RandomStream } from '../base/rng.ts';
import { SipHash } from '../base/siphash.ts';
import type { Slab } from '../base/slab.ts';
import type { Address } from '../wire/address.ts';
import { isLinkLocal6, isV4 } from '../wire/address.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import type { Autoconf } from './autoconf.ts';
import { DatagramStore } from './datagram-store.ts';
import { Drops } from './drops.ts';
import { EchoSockets } from './echo-socket.ts';
import { FlowLabels } from './flow-label.ts';
import { sendReassemblyTimeout } from './icmp-error.ts';
import { ErrorReport } from './icmp-error-input.ts';
import { IcmpLimit } from './icmp-limit.ts';
import { Identifications } from './identifications.ts';
import type { Interface } from './interface.ts';
import { CAST, IpPacket } from './ip-packet.ts';
import { LocalAddresses } from './local-addresses.ts';
import { IP, type IpMib, Mib } from './mib.ts';
import { NetConfig } from './net-config.ts';
import { OutPacket } from './out-packet.ts';
import { type Path, PathCache } from './path-cache.ts';
import { PolicyTable } from './policy-table.ts';
import { Quote } from './quote.ts';
import { Reassembly, type ReassemblyFailure } from './reassembly.ts';
import { RouteTable } from './route-table.ts';
import { SourceAddresses } from './source-address.ts';
import type { Transport } from './transport.ts';

/** What of a packet is looked at to find the socket that sent it, or quoted to the host that did. */
export const QUOTE_BYTES = IPV6_MIN_MTU;
/** The longest transport header that is written before the IP header is: TCP with all options, and room. */
const TRANSPORT_HEADER_BYTES = 128;

/**
 * The network layer of one stack: what its input, output, ICMP, ARP and NDP functions share.
 * State sits in the parts; the functions that work on it are in files named after what they do.
 */
export class Network implements ReassemblyFailure {
  readonly env: Env;
  /** The environment's: each packet is looked at there. */
  readonly slab: Slab;
  readonly config = new NetConfig();
  readonly mib = new Mib();
  readonly drops = new Drops();
  readonly deadlines: DeadlineQueue;
  /** Somebody is ready to be told of something, or waits for room or for pages. */
  readonly bell = new Bell();
  /** Those that there are, in the order of their numbers. */
  readonly interfaces: Interface[] = [];
  /** Those of them that have a link: all but loopback. */
  readonly linked: Interface[] = [];
  /** By index - 1: interface numbers start at 1, 0 means "any". Null: it is gone, and its number with it. */
  readonly numbered: (Interface | null)[] = [];
  /** By index - 1: what configures itself on an interface; loopback has none. */
  readonly autoconfs: (Autoconf | null)[] = [];
  readonly locals: LocalAddresses;
  readonly routes = new RouteTable();
  readonly policy = new PolicyTable();
  readonly sources: SourceAddresses;
  readonly paths: PathCache;
  readonly reassembly4: Reassembly;
  readonly reassembly6: Reassembly;
  readonly identifications: Identifications;
  readonly icmpLimit: IcmpLimit;
  readonly datagrams: DatagramStore;
  readonly echoes: EchoSockets;
  /** By protocol number; ICMP and ICMPv6 are the network layer's own. */
  readonly transports: (Transport | null)[] = new Array(256).fill(null);
  /** Scratch, borrowed by whoever is called with it: the packet coming in, the one going out, a quotation. */
  readonly rx = new IpPacket();
  readonly out = new OutPacket();
  readonly quote = new Quote();
  readonly report = new ErrorReport();
  /** Where a transport writes its header before `ipOutput`: a slab offset. */
  readonly transportHeader: number;
  /** Where the beginning of a packet that waited in vain is looked at: a slab offset, `QUOTE_BYTES` long. */
  readonly heldQuote: number;
  /** Timers and probes: jitter that an observer may see. */
  readonly random: RandomStream;
  /** Ports, identifications: what an observer must not predict. */
  readonly secret: SipHash;
  readonly flowLabels: FlowLabels;

  constructor(env: Env, deadlines: DeadlineQueue) {
    const { rng, memory } = env;
    this.env = env;
    this.slab = memory.slab;
    this.deadlines = deadlines;
    this.random = rng.stream('net');
    this.secret = SipHash.fromStream(rng.stream('net.secret'));
    this.flowLabels = new FlowLabels(rng.stream('net.labels').int32());
    this.transportHeader = memory.slab.carve(TRANSPORT_HEADER_BYTES);
    this.heldQuote = memory.slab.carve(QUOTE_BYTES);
    this.locals = new LocalAddresses(rng.stream('net.locals'), this.config.revision);
    this.sources = new SourceAddresses(this.interfaces, this.policy);
    this.paths = new PathCache(
      env,
      this.config,
      this.routes,
      this.locals,
      this.interfaces,
      this.numbered,
      this.sources,
      rng.stream('net.paths'),
    );
    this.reassembly4 = this.newReassembly(true);
    this.reassembly6 = this.newReassembly(false);
    this.identifications = new Identifications(this.secret, rng.stream('net.ids'));
    this.icmpLimit = new IcmpLimit(env, this.config);
    this.datagrams = new DatagramStore(memory.cells, env);
    this.echoes = new EchoSockets(this);
  }

  /** `len` bytes of the interface's transmit ring for a payload, or -EAGAIN. */
  reserve(iface: Interface, len: number): number {
    const { device } = iface;
    let at = device.tx.reserve(len);
    if (at < 0) {
      device.txFlush();
      at = device.tx.reserve(len);
    }
    return at < 0 ? -EAGAIN : at;
  }

  /** The path of a datagram about to be sent, counted when there is none. */
  pathTo(destination: Address, boundIndex: number): Path | null {
    const path = this.paths.lookup(destination, boundIndex);
    if (path === null) this.mibOf(destination).count(IP.OutNoRoutes);
    return path;
  }

  /** The path of an answer: a link-local source is meant on the link that the packet came from. */
  pathBack(pkt: IpPacket): Path | null {
    return this.pathTo(pkt.src, isLinkLocal6(pkt.src) ? this.linkOf(pkt.src, pkt.iface) : 0);
  }

  /** The interface a link-local address belongs to; what came through loopback is on one of ours. */
  linkOf(address: Address, iface: Interface): number {
    if (!iface.isLoopback) return iface.index;
    for (let i = 0; i < this.interfaces.length; i++) {
      const { index } = this.interfaces[i]!;
      if (this.locals.ownerOf(address, index) !== null) return index;
    }
    return iface.index;
  }

  /** Its number is the next that nobody ever had. */
  attach(iface: Interface): void {
    this.interfaces.push(iface);
    if (!iface.isLoopback) this.linked.push(iface);
    this.numbered.push(iface);
  }

  detach(iface: Interface): void {
    this.interfaces.splice(this.interfaces.indexOf(iface), 1);
    this.linked.splice(this.linked.indexOf(iface), 1);
    this.numbered[iface.index - 1] = null;
    this.config.conf4.release(iface.conf4.own);
    this.autoconfs[iface.index - 1] = null;
  }

  /** Null: 0, or no such number. */
  interfaceAt(index: number): Interface | null {
    return this.numbered[index - 1] ?? null;
  }

  /**
   * The interface that a packet for us belongs to. What we send to an address of ours comes in through loopback, but
   * as on Linux by way of the interface that has the address: link-local ones mean nothing elsewhere (RFC 4007 §6).
   */
  arrivedOn(pkt: IpPacket): number {
    const { iface, dst } = pkt;
    if (!iface.isLoopback) return iface.index;
    return this.locals.ownerOf(dst, iface.index)?.index ?? this.linkOf(dst, iface);
  }

  autoconfOf(iface: Interface): Autoconf | null {
    return this.autoconfs[iface.index - 1] ?? null;
  }

  /** RFC 1122 §3.3.1.4, RFC 4861 §7.3.3: a neighbour that does not answer is no router for anything. */
  gatewayFailed(iface: Interface, address: Address): void {
    this.paths.forgetRedirects(iface, address);
    if (isV4(address)) return;
    if (this.routes.gatewayIs(iface, address, true)) this.autoconfOf(iface)?.gatewayFailed();
  }

  gatewayAnswered(iface: Interface, address: Address): void {
    if (!isV4(address)) this.routes.gatewayIs(iface, address, false);
  }

  private mibOf(address: Address): IpMib {
    return isV4(address) ? this.mib.ip4 : this.mib.ip6;
  }

  /** RFC 792, RFC 8200 §4.5: tells the sender, if the first fragment came. */
  reassemblyTimedOut(iface: Interface, src: Address, headerOff: number, len: number): void {
    const { rx } = this;
    const v4 = isV4(src);
    if (!this.quote.parse(this.env.memory.slab, headerOff, len, iface.index)) return;
    rx.iface = iface;
    rx.isV4 = v4;
    rx.mib = v4 ? this.mib.ip4 : this.mib.ip6;
    rx.src.copy(src);
    rx.dst.copy(this.quote.dst);
    rx.cast = this.locals.ownerOf(rx.dst, iface.index) === null ? CAST.MULTICAST : CAST.UNICAST;
    rx.isLinkGroup = false;
    rx.isLooped = false;
    rx.protocol = this.quote.protocol;
    rx.headerOff = headerOff;
    rx.payloadOff = this.quote.off;
    rx.payloadLen = headerOff + len - this.quote.off;
    rx.chunk = NO_BLOCK;
    rx.wasFragmented = true;
    rx.isTransit = false;
    sendReassemblyTimeout(this, rx);
  }

  private newReassembly(v4: boolean): Reassembly {
    const { config, env } = this;
    const limits = {
      lifetimeNs: () => (v4 ? config.ipfragTime4Ns : config.ipfragTime6Ns),
      maxBytes: () => config.ipfragHighThresh,
    };
    const mib = v4 ? this.mib.ip4 : this.mib.ip6;
    const random = env.rng.stream(v4 ? 'net.frag4' : 'net.frag6');
    return new Reassembly(env, this.deadlines, mib, this, limits, random);
  }
}
