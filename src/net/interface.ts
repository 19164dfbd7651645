import type { RandomStream } from '../base/rng.ts';
import { NEVER } from '../base/time.ts';
import type { Device } from '../link/device.ts';
import { VlanDevice } from '../link/vlan-device.ts';
import { type Address, addressEquals, IpAddress, isV4 } from '../wire/address.ts';
import { IPV4_MIN_MTU } from '../wire/ipv4.ts';
import { AdmittedPair } from './admitted-pair.ts';
import type { GroupReporter } from './group-reporter.ts';
import { GroupTable } from './group-table.ts';
import type { IpPacket } from './ip-packet.ts';
import type { InterfaceConf4 } from './ipv4-conf.ts';
import type { Ipv6Conf } from './ipv6-conf.ts';
import type { NeighbourTable } from './neighbour-table.ts';
import type { NetConfig } from './net-config.ts';

/** RFC 4862 §2: a tentative address answers nothing but duplicate address detection. */
export type AddressState = 'tentative' | 'preferred' | 'duplicate';

/** Who gave it: the administrator (or the link-local rule), an advertised prefix, or RFC 8981. */
export type AddressOrigin = 'manual' | 'slaac' | 'temporary';

/** One address of an interface. Its owner is the interface; `state` is written by `dad.ts`. */
export class InterfaceAddress {
  readonly address: Address;
  /** Prefix length out of 128 (an IPv4 length plus 96). */
  readonly bits: number;
  /** The subnet's directed broadcast address as an int32 word; 0 where there is none. */
  readonly broadcast: number;
  state: AddressState;
  /** Until when it is ours, and may be chosen for new exchanges; NEVER: for ever. Whoever lent it removes it. */
  validUntilNs = NEVER;
  preferredUntilNs = NEVER;
  readonly origin: AddressOrigin;
  /** `preferredUntilNs` has passed: whoever may choose takes another. */
  isDeprecated = false;

  constructor(
    address: Address,
    bits: number,
    state: AddressState,
    origin: AddressOrigin = 'manual',
  ) {
    this.address = Object.freeze(new IpAddress().copy(address));
    this.bits = bits;
    const hasBroadcast = isV4(address) && bits < 127; // RFC 3021: a /31 has none
    this.broadcast = hasBroadcast ? address.w3 | ~(-1 << (128 - bits)) : 0;
    this.state = state;
    this.origin = origin;
  }

  setDeprecated(isDeprecated: boolean): void {
    this.isDeprecated = isDeprecated;
  }

  /** It was lent to us, by a DHCP server or a router. */
  setLifetimes(validUntilNs: number, preferredUntilNs: number): void {
    this.validUntilNs = validUntilNs;
    this.preferredUntilNs = preferredUntilNs;
  }
}

/** Told of every well-formed ARP packet that an interface hears, before anything is done about it. Borrowed: the packet. */
export interface ArpWatcher {
  arpSeen(dv: DataView, off: number): void;
}

/**
 * Who configures an interface over UDP, before it has an address and after: what comes to this port is his
 * alone, to whatever address it was sent (RFC 2131 §4.1). Borrowed: the packet, its payload at the UDP header.
 */
export interface BootListener {
  readonly port: number;
  /** ACCEPTED or a DROP reason. */
  input(pkt: IpPacket): number;
}

/** One attachment to a link: the device, our addresses on it, its neighbours, the groups we listen to. */
export class Interface {
  readonly index: number;
  readonly name: string;
  readonly device: Device;
  readonly neighbours: NeighbourTable;
  readonly addresses: InterfaceAddress[] = [];
  readonly arpWatchers: ArpWatcher[] = [];
  boot: BootListener | null = null;
  /** The device, if it is a VLAN of another interface's. */
  readonly vlan: VlanDevice | null;
  /** Received frames that had a tag, by its priority code point. */
  readonly priorities = new Float64Array(8);
  /** By VLAN identifier: those that have this one's device below them. */
  private readonly vlans = new Map<number, Interface>();
  /** Loopback: no link layer to resolve, and every address of ours is reached through it. */
  readonly isLoopback: boolean;
  /** By the administrator: `ip link set … up`. */
  isEnabled = true;
  /** What was seen of the link when it was last looked at; null: nobody has. */
  private wasUp: boolean | null = null;
  /** TCP spaces what it sends here in time, whatever its module asks for. */
  isPaced = false;
  /** Nothing leaves: what is sent is lost here, and who can try again is told. */
  isDropping = false;
  /** What a DHCPv4 server says of the link's MTU, below what the device takes: of IPv4; 0: nothing. */
  private mtuLimit = 0;
  readonly groups: GroupTable;
  /** Who tells routers of our groups; null: nobody (loopback, or a link where it is not wanted). */
  igmp: GroupReporter | null = null;
  mld: GroupReporter | null = null;
  readonly admitted4: AdmittedPair;
  readonly admitted6: AdmittedPair;
  /** net.ipv4.conf of this interface. */
  readonly conf4: InterfaceConf4;
  /** net.ipv6.conf of this interface. */
  readonly conf6: Ipv6Conf;
  /** What a router advertised, or net.ipv6.conf.IFACE says: 0 is nothing. */
  hopLimit6 = 0;
  mtu6 = 0;

  constructor(
    index: number,
    name: string,
    device: Device,
    neighbours: NeighbourTable,
    isLoopback: boolean,
    conf4: InterfaceConf4,
    conf6: Ipv6Conf,
    random: RandomStream,
  ) {
    this.index = index;
    this.name = name;
    this.device = device;
    this.vlan = device instanceof VlanDevice ? device : null;
    this.neighbours = neighbours;
    this.isLoopback = isLoopback;
    this.groups = new GroupTable(random);
    this.conf4 = conf4;
    this.admitted4 = new AdmittedPair(conf4.revision);
    this.admitted6 = new AdmittedPair(conf4.revision);
    this.conf6 = conf6;
  }

  /** Whether anything leaves and arrives. */
  get isUp(): boolean {
    return this.isEnabled && this.device.isUp;
  }

  setEnabled(isEnabled: boolean): void {
    this.isEnabled = isEnabled;
  }

  /** Whether the link has come or gone since the last call; the first one only looks. */
  noteLink(): boolean {
    const { isUp, wasUp } = this;
    if (isUp === wasUp) return false;
    this.wasUp = isUp;
    return wasUp !== null;
  }

  /** As Linux's `fq` at the root of an interface: for connections made from then on. */
  setPaced(isPaced: boolean): void {
    this.isPaced = isPaced;
  }

  /** As Linux's `pfifo limit 0` at the root: a queue without a place. */
  setDropping(isDropping: boolean): void {
    this.isDropping = isDropping;
  }

  /** Publishes the frame begun in the device's transmit ring, tagged if this is a VLAN. No frame leaves otherwise. */
  commit(priority: number): void {
    if (!this.isEnabled) return;
    if (this.vlan !== null) this.vlan.tagFrame(priority);
    this.device.tx.commit();
  }

  /** Frames tagged with the VLAN's identifier are from now on those of `vlan`. */
  addVlan(id: number, vlan: Interface): void {
    this.vlans.set(id, vlan);
  }

  removeVlan(id: number): void {
    this.vlans.delete(id);
  }

  /** Those that go down and come up with this one. */
  get itsVlans(): readonly Interface[] {
    return [...this.vlans.values()];
  }

  vlanOf(id: number): Interface | undefined {
    return this.vlans.get(id);
  }

  /** The largest IPv4 packet that leaves here. */
  get mtu(): number {
    const { mtu } = this.device;
    return this.mtuLimit === 0 ? mtu : Math.min(mtu, this.mtuLimit);
  }

  /**
   * IPv4's MTU, never above the device's, nor below what each link carries; 0 takes the limit away. Paths must be
   * derived anew. IPv6 has another source (an advertised MTU), and may not go below 1,280 (RFC 8200 §5).
   */
  limitMtu(bytes: number): void {
    this.mtuLimit = bytes === 0 ? 0 : Math.max(bytes, IPV4_MIN_MTU);
  }

  setBoot(listener: BootListener | null): void {
    this.boot = listener;
  }

  watchArp(watcher: ArpWatcher): void {
    this.arpWatchers.push(watcher);
  }

  unwatchArp(watcher: ArpWatcher): void {
    const at = this.arpWatchers.indexOf(watcher);
    if (at >= 0) this.arpWatchers.splice(at, 1);
  }

  setReporters(igmp: GroupReporter | null, mld: GroupReporter | null): void {
    this.igmp = igmp;
    this.mld = mld;
    this.groups.watch(igmp, mld);
  }

  /** Of the IPv6 packets that we send here. */
  hopLimit(config: NetConfig): number {
    return this.hopLimit6 || config.hopLimit6;
  }

  setHopLimit(hops: number): void {
    this.hopLimit6 = hops;
  }

  /** The largest packet of a family: for IPv6 a router may have advertised less. */
  mtuOf(v4: boolean): number {
    if (v4) return this.mtu;
    const { mtu } = this.device;
    return this.mtu6 === 0 ? mtu : Math.min(mtu, this.mtu6);
  }

  setMtu6(mtu: number): void {
    this.mtu6 = mtu;
  }

  find(address: Address): InterfaceAddress | undefined {
    return this.addresses.find((a) => addressEquals(a.address, address));
  }

  /** The first usable address of a family, for ARP and as a last resort for a source. */
  firstAddress(v4: boolean): InterfaceAddress | undefined {
    return this.addresses.find((a) => isV4(a.address) === v4 && a.state === 'preferred');
  }

  isBroadcast(word: number): boolean {
    for (let i = 0; i < this.addresses.length; i++) {
      if (this.addresses[i]!.broadcast === word) return word !== 0;
    }
    return false;
  }

  join(group: Address): void {
    this.groups.join(group);
  }

  leave(group: Address): void {
    this.groups.leave(group);
  }

  /** Whether anybody listens, to whatever source. */
  isMember(group: Address): boolean {
    return this.groups.find(group) !== null;
  }
}
