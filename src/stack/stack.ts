import { assert } from '../base/assert.ts';
import type { Bell } from '../base/bell.ts';
import { DeadlineQueue } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import { EADDRNOTAVAIL, EEXIST, ENETDOWN, EOPNOTSUPP, ERANGE } from '../base/errno.ts';
import { NEVER } from '../base/time.ts';
import type { Device } from '../link/device.ts';
import { FrameStore } from '../link/frame-store.ts';
import { type LoopbackRing, openLoopback } from '../link/loopback.ts';
import { VlanDevice } from '../link/vlan-device.ts';
import { Autoconf } from '../net/autoconf.ts';
import { addAddress4, addAddress6, type DadListener, removeAddress } from '../net/dad.ts';
import { frameInput } from '../net/ethernet.ts';
import { startGroupReports, stopGroupReports } from '../net/group-reporter.ts';
import type { Interface, InterfaceAddress } from '../net/interface.ts';
import { InterfaceOutput } from '../net/interface-output.ts';
import { followLinks, setEnabled } from '../net/link-state.ts';
import { Network } from '../net/network.ts';
import {
  NO_FACTS,
  NO_METRICS,
  Route,
  type RouteFacts,
  type RouteMetrics,
} from '../net/route-table.ts';
import { routeTo } from '../net/route-to.ts';
import { addLinkLocal } from '../net/slaac.ts';
import { createInterface } from '../net/solicitor.ts';
import { Tcp } from '../tcp/tcp.ts';
import { Udp } from '../udp/udp.ts';
import {
  type Address,
  ANY4,
  ANY6,
  addressEquals,
  IpAddress,
  isV4,
  LOOPBACK4,
  LOOPBACK6,
} from '../wire/address.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_MIN_MTU } from '../wire/ipv4.ts';
import { UDP_HEADER_LEN } from '../wire/udp.ts';
import { VID_MAX, VID_NONE } from '../wire/vlan.ts';
import { AddressLifetimes } from './address-lifetimes.ts';
import { addSubnetRoute, removeSubnetRoute } from './address-routes.ts';
import type { Host } from './host.ts';

/** What one datagram can carry: UDP over IPv6. */
const LARGEST_PAYLOAD = 65535 - UDP_HEADER_LEN;

/** Applications above the stack's own sockets, told once a turn after the protocols have said who is ready. */
export interface ReadyDrain {
  readonly hasReady: boolean;
  drainReady(): void;
  /** The stack closes: everything that was opened through it closes first. */
  closeAll(): void;
}

export interface InterfaceOptions {
  /** fe80::/64 by addr_gen_mode, as Linux makes when a link comes up. Default true. */
  readonly linkLocal?: boolean;
  /** IGMP and MLD: routers hear of the groups that are listened to. Default true. */
  readonly groupReports?: boolean;
}

export interface AddressOptions {
  /** Of its subnet's route: 0 for IPv4 and 256 for IPv6 by default. */
  readonly metric?: number;
  /** With a route to its subnet. Default true. */
  readonly prefixRoute?: boolean;
  /** IPv6: in use when nobody else has it (RFC 4862 §5.4). Default true; false: at once. */
  readonly dad?: boolean;
}

export interface VlanOptions extends InterfaceOptions {
  /** Default: that of the interface below, which is also the most. At least 68; there is IPv6 from 1,280 on. */
  readonly mtu?: number;
}

const takesMtu = (parent: Interface, mtu: number): boolean =>
  mtu >= IPV4_MIN_MTU && mtu <= parent.device.mtu;

/**
 * One TCP/IP stack: the composition root. It owns the network layer, the protocols and the deadlines;
 * devices are given to it. A driver turns it (`Host`); applications use its sockets between turns.
 */
export class Stack implements Host, DadListener {
  readonly env: Env;
  readonly devices: Device[] = [];
  /** By the device's place in `devices`: VLANs have none of their own. */
  private readonly ports: Interface[] = [];
  readonly net: Network;
  readonly udp: Udp;
  readonly tcp: Tcp;
  readonly deadlines = new DeadlineQueue();
  private readonly bell: Bell;
  readonly lifetimes: AddressLifetimes;
  /** The last answer of nextDeadlineNs. */
  private dueNs = NEVER;
  private readonly addressListeners: DadListener[] = [];
  private readonly drains: ReadyDrain[] = [];

  /** @param frames shared by the stacks of a thread, so that loopback devices share chunks. */
  constructor(
    env: Env,
    frames: FrameStore = new FrameStore(env.memory),
    loopback: LoopbackRing = {},
  ) {
    this.env = env;
    this.net = new Network(env, this.deadlines);
    this.bell = this.net.bell;
    this.lifetimes = new AddressLifetimes(this.net, this);
    this.udp = new Udp(this.net);
    this.net.transports[IPPROTO.UDP] = this.udp;
    this.tcp = new Tcp(this.net);
    this.net.transports[IPPROTO.TCP] = this.tcp;
    this.addLoopback(frames, loopback);
  }

  /** Attaches a device. Its link-local address starts duplicate address detection at once. */
  addInterface(name: string, device: Device, options: InterfaceOptions = {}): Interface {
    const iface = this.attach(name, device, false);
    this.startInterface(iface, options);
    return iface;
  }

  /**
   * Makes 802.1Q VLAN `id` of an interface one of its own: it shares the device and its MAC address, not its
   * addresses, routes and neighbours. Returns -ERANGE (no such identifier, more than the parent's MTU, less than 68),
   * -EOPNOTSUPP (on loopback, or a VLAN) or -EEXIST.
   */
  addVlan(
    parent: Interface,
    id: number,
    name: string,
    options: VlanOptions = {},
  ): Interface | number {
    const mtu = options.mtu ?? parent.device.mtu;
    if (parent.isLoopback || parent.vlan !== null) return -EOPNOTSUPP;
    if (!(id > VID_NONE && id <= VID_MAX) || !takesMtu(parent, mtu)) return -ERANGE;
    if (parent.vlanOf(id) !== undefined || this.interfaceByName(name) !== null) return -EEXIST;
    const iface = this.attach(name, new VlanDevice(parent.device, name, id, mtu), false);
    parent.addVlan(id, iface);
    this.startInterface(iface, options);
    return iface;
  }

  /** Takes a VLAN away, with its addresses, routes and neighbours. -EOPNOTSUPP: the interface is no VLAN. */
  removeVlan(iface: Interface): number {
    const { vlan } = iface;
    const parent = this.net.interfaces.find((i) => vlan !== null && i.vlanOf(vlan.id) === iface);
    if (vlan === null || parent === undefined) return -EOPNOTSUPP;
    parent.removeVlan(vlan.id);
    for (const { address } of [...iface.addresses]) this.removeAddress(iface, address);
    this.stopInterface(iface);
    this.net.routes.removeWhere((r) => r.iface === iface);
    this.net.detach(iface);
    this.net.routes.changed();
    return 0;
  }

  private startInterface(iface: Interface, options: InterfaceOptions): void {
    if (options.groupReports ?? true) startGroupReports(this.net, iface);
    const autoconf = new Autoconf(this.net, iface, this);
    this.net.autoconfs[iface.index - 1] = autoconf;
    autoconf.followRole();
    if (options.linkLocal ?? true) addLinkLocal(autoconf);
    this.net.routes.add(new Route(new IpAddress().set(0xff000000, 0, 0, 0), 8, null, iface, 256));
  }

  private stopInterface(iface: Interface): void {
    stopGroupReports(iface);
    this.net.autoconfOf(iface)?.close();
    for (const entry of [...iface.addresses]) removeAddress(this.net, iface, entry);
    iface.neighbours.clear();
  }

  /** As `ip link set … up` and `down`. Returns -EOPNOTSUPP (loopback is not taken down), -ENETDOWN (a VLAN whose interface is down) or 0. */
  setLink(iface: Interface, isUp: boolean): number {
    if (iface.isLoopback) return isUp ? 0 : -EOPNOTSUPP;
    const { vlan } = iface;
    const below = this.net.interfaces.find((i) => vlan !== null && i.vlanOf(vlan.id) === iface);
    if (isUp && below?.isEnabled === false) return -ENETDOWN;
    setEnabled(this.net, iface, isUp);
    for (const above of iface.itsVlans) setEnabled(this.net, above, isUp);
    return 0;
  }

  interfaceByName(name: string): Interface | null {
    return this.net.interfaces.find((i) => i.name === name) ?? null;
  }

  /** Adds an address with its subnet's route. `bits` counts within the family. Returns 0 or -errno. */
  addAddress(
    iface: Interface,
    address: Address,
    bits: number,
    options: AddressOptions = {},
  ): number {
    const v4 = isV4(address);
    const length = v4 ? bits + 96 : bits;
    const result = v4
      ? addAddress4(this.net, iface, address, length)
      : addAddress6(this.net, iface, address, length, this, 'manual', options.dad ?? true);
    if (result !== 0) return result;
    const entry = iface.find(address)!; // it has just been added
    if (options.prefixRoute ?? true) addSubnetRoute(this.net, iface, entry, options.metric);
    this.net.routes.changed();
    return 0;
  }

  removeAddress(iface: Interface, address: Address): number {
    const entry = iface.find(address);
    if (entry === undefined) return -EADDRNOTAVAIL;
    removeAddress(this.net, iface, entry);
    removeSubnetRoute(this.net, iface, entry);
    this.net.routes.removeWhere(
      ({ facts }) => facts.source !== null && addressEquals(facts.source, address),
    );
    this.net.routes.changed();
    return 0;
  }

  /**
   * Adds a route; `bits` counts within the family, a null gateway means "on the link". Returns 0, -EEXIST, or
   * what `routeTo` says.
   */
  addRoute(
    prefix: Address,
    bits: number,
    gateway: Address | null,
    iface: Interface | null,
    metric?: number,
    metrics: RouteMetrics = NO_METRICS,
    facts: RouteFacts = NO_FACTS,
  ): number {
    const route = routeTo(this.net, prefix, bits, gateway, iface, metric, metrics, facts);
    if (typeof route === 'number') return route;
    return this.net.routes.add(route) ? 0 : -EEXIST;
  }

  /** The same in the place of what there is to the same prefix with the same metric. */
  replaceRoute(
    prefix: Address,
    bits: number,
    gateway: Address | null,
    iface: Interface | null,
    metric: number | undefined,
    metrics: RouteMetrics,
  ): number {
    const route = routeTo(this.net, prefix, bits, gateway, iface, metric, metrics);
    if (typeof route === 'number') return route;
    this.net.routes.replace(route);
    return 0;
  }

  addDefaultRoute(gateway: Address): number {
    return this.addRoute(isV4(gateway) ? ANY4 : ANY6, 0, gateway, null);
  }

  /** Told whenever duplicate address detection of an address ends. */
  onAddress(listener: DadListener): void {
    this.addressListeners.push(listener);
  }

  dadDone(iface: Interface, entry: InterfaceAddress): void {
    this.net.routes.changed(); // paths may use it now, or no longer
    this.net.autoconfOf(iface)?.dadDone(entry);
    for (const listener of this.addressListeners) listener.dadDone(iface, entry);
  }

  receive(index: number, frames: number): void {
    const iface = this.ports[index]!;
    for (let i = 0; i < frames; i++) frameInput(this.net, iface, i);
  }

  fireTimers(): void {
    followLinks(this.net);
    this.deadlines.fire(this.env.nowNs);
    if (this.bell.isRung) this.retryWaiting();
  }

  drainReady(): void {
    if (this.bell.isRung) this.tellReady();
    for (let i = 0; i < this.drains.length; i++) this.drains[i]!.drainReady();
  }

  /** For whoever runs applications: asked at the end of each turn whether it wants another. */
  attachDrain(drain: ReadyDrain): void {
    this.drains.push(drain);
  }

  private retryWaiting(): void {
    this.udp.refused.retry(this.udp.ready);
    this.tcp.roomWait.retry();
    this.tcp.pageWait.retry();
  }

  private tellReady(): void {
    this.udp.ready.drain();
    this.net.echoes.drainReady();
  }

  /** Whether one of those on the lists that the bell is rung for can go on. */
  private canGoOn(): boolean {
    const { ready, refused } = this.udp;
    const { roomWait, pageWait } = this.tcp;
    if (ready.hasReady || this.net.echoes.hasReady) return true;
    if (refused.isEmpty && roomWait.isEmpty && !pageWait.hasWaiting) this.bell.still();
    return refused.canRetry() || roomWait.canRetry() || pageWait.canRetry();
  }

  private hasReadyApplications(): boolean {
    for (let i = 0; i < this.drains.length; i++) if (this.drains[i]!.hasReady) return true;
    return false;
  }

  /** TCP's share; datagram sockets queue nothing, they are refused and told of room. */
  runOutput(_budget: number): void {
    this.tcp.runOutput();
  }

  /** A few bytecodes, so that it is inlined: a double that crosses a real call costs 16 bytes, each turn. */
  nextDeadlineNs(): number {
    this.findDue();
    return this.dueNs;
  }

  private findDue(): void {
    const isReady = this.tcp.hasOutput || this.hasReadyApplications();
    if (isReady || (this.bell.isRung && this.canGoOn())) {
      this.dueNs = this.env.nowNs;
      return;
    }
    this.deadlines.settle();
    this.dueNs = this.deadlines.earliestNs;
    for (let i = 0; i < this.devices.length; i++) {
      this.dueNs = Math.min(this.dueNs, this.devices[i]!.nextDeadlineNs());
    }
  }

  /**
   * Closes sockets and devices, drops what waits. Afterwards nothing of the stack holds memory, and it wants
   * no turn. Idempotent; an application may call it.
   */
  close(): void {
    for (const drain of this.drains) drain.closeAll();
    this.lifetimes.close();
    this.udp.closeAll();
    this.tcp.closeAll();
    this.net.echoes.closeAll();
    this.net.reassembly4.clear();
    this.net.reassembly6.clear();
    for (const iface of this.net.interfaces) {
      this.stopInterface(iface);
      iface.device.close();
    }
    // Nobody is left to be told.
    this.udp.refused.retry(this.udp.ready);
    this.drainReady();
  }

  private addLoopback(frames: FrameStore, ring: LoopbackRing): void {
    const lo = this.attach('lo', openLoopback(frames, 'lo', undefined, ring), true);
    addAddress4(this.net, lo, LOOPBACK4, 104);
    addAddress6(this.net, lo, LOOPBACK6, 128, this);
    this.net.routes.add(new Route(LOOPBACK4, 104, null, lo, 0));
    this.net.routes.changed();
  }

  private attach(name: string, device: Device, isLoopback: boolean): Interface {
    assert(device.tx.payloadBytes >= LARGEST_PAYLOAD, 'the largest datagram fits into the ring');
    const index = this.net.numbered.length + 1;
    const output = new InterfaceOutput(this.net, index);
    const iface = createInterface(this.net, index, name, device, isLoopback, output);
    this.net.attach(iface);
    if (iface.vlan === null) {
      this.devices.push(device);
      this.ports.push(iface);
    }
    this.net.routes.changed();
    return iface;
  }
}
