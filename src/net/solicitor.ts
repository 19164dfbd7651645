/** How the neighbour table of an interface asks: ARP requests and neighbour solicitations. */
import type { Device } from '../link/device.ts';
import {
  type Address,
  ALL_NODES6,
  IpAddress,
  isLinkLocal6,
  isLoopback,
  isV4,
  prefixEquals,
  setSolicitedNode,
} from '../wire/address.ts';
import { BROADCAST_HIGH, BROADCAST_LOW } from '../wire/ethernet.ts';
import { sendArpRequest } from './arp.ts';
import { Interface } from './interface.ts';
import { CONF4, InterfaceConf4 } from './ipv4-conf.ts';
import { Ipv6Conf, ROLE6 } from './ipv6-conf.ts';
import { NEIGHBOUR } from './mib.ts';
import { GROUP_MAC_HIGH, sendSolicit } from './ndp-output.ts';
import type { Neighbour } from './neighbour.ts';
import type { NeighbourOutput, NeighbourProtocol } from './neighbour-host.ts';
import { NeighbourTable } from './neighbour-table.ts';
import type { Network } from './network.ts';

export class Solicitor implements NeighbourProtocol {
  /** The solicited-node group of the address being asked for. */
  private readonly group = new IpAddress();
  private iface: Interface | null = null;

  private readonly net: Network;

  constructor(net: Network) {
    this.net = net;
  }

  /** The table comes before its interface; nothing is asked before both are there. */
  attach(iface: Interface): void {
    this.iface = iface;
  }

  solicit(n: Neighbour, isUnicast: boolean): void {
    const { net } = this;
    const iface = this.iface!; // attached before the table is handed out
    const target = n.address;
    const source = solicitSource(net, iface, n);
    let isSent = false;
    if (source === null) {
      // No address of the family: nobody could answer.
    } else if (n.family.isV4) {
      const high = isUnicast ? n.macHigh : BROADCAST_HIGH;
      const low = isUnicast ? n.macLow : BROADCAST_LOW;
      isSent = sendArpRequest(net, iface, high, low, source.w3, target.w3);
    } else if (isUnicast) {
      isSent = sendSolicit(net, iface, n.macHigh, n.macLow, source, target, target);
    } else {
      const group = setSolicitedNode(this.group, target);
      isSent = sendSolicit(net, iface, GROUP_MAC_HIGH, group.w3, source, group, target);
    }
    n.family.mib.count(isSent ? NEIGHBOUR.SolicitsSent : NEIGHBOUR.SolicitsUnsent);
  }

  failed(n: Neighbour): void {
    this.net.gatewayFailed(this.iface!, n.address);
  }

  answered(n: Neighbour): void {
    this.net.gatewayAnswered(this.iface!, n.address);
  }
}

/** 224.0.0.1 */
const ALL_HOSTS4: Address = Object.freeze(new IpAddress().setV4(0xe0000001));

/** An interface with its neighbour table. The caller adds it to the network. */
export function createInterface(
  net: Network,
  index: number,
  name: string,
  device: Device,
  isOnLoopback: boolean,
  output: NeighbourOutput,
): Interface {
  const solicitor = new Solicitor(net);
  const table = new NeighbourTable(net, solicitor, output);
  const random = net.env.rng.stream(`net.interface.${index}`);
  const conf4 = new InterfaceConf4(net.config.conf4);
  const conf6 = new Ipv6Conf(net.config.conf6);
  conf6.adopt(ROLE6, net.config.laterConf6);
  const iface = new Interface(index, name, device, table, isOnLoopback, conf4, conf6, random);
  solicitor.attach(iface);
  // Every host belongs to these (RFC 1112 §4, RFC 4291 §2.8).
  iface.join(ALL_HOSTS4);
  iface.join(ALL_NODES6);
  return iface;
}

/**
 * RFC 4861 §7.2.2, and Linux's arp_announce: the source of the packet that made us ask, if it is ours; else
 * an address in the target's subnet; else any (a link-local one for IPv6; for IPv4 another interface's, if need be).
 */
function solicitSource(net: Network, iface: Interface, n: Neighbour): Address | null {
  if (isUsableSource(net, iface, n)) return n.source;
  const target = n.address;
  const v4 = n.family.isV4;
  let other: Address | null = null;
  for (let i = 0; i < iface.addresses.length; i++) {
    const entry = iface.addresses[i]!;
    if (entry.state !== 'preferred' || isV4(entry.address) !== v4) continue;
    if (prefixEquals(entry.address, target, entry.bits)) return entry.address;
    if (other === null || (isLinkLocal6(entry.address) && !isLinkLocal6(other))) {
      other = entry.address;
    }
  }
  return other ?? (v4 ? (net.sources.borrowed4()?.address ?? null) : null);
}

function isUsableSource(net: Network, iface: Interface, n: Neighbour): boolean {
  const entry = net.locals.entryOf(n.source, iface.index);
  if (entry === null || entry.state !== 'preferred' || isLoopback(n.source)) return false;
  // An IPv4 address belongs to the host, an IPv6 one to its interface (RFC 1122 §3.3.4.2, weak model).
  if (!n.family.isV4) return net.locals.ownerOf(n.source, iface.index) === iface;
  const mode = iface.conf4.get(CONF4.ARP_ANNOUNCE);
  return mode === 0 || (mode === 1 && shareSubnet(iface, n.source, n.address));
}

/** One subnet of the interface has both. */
function shareSubnet(iface: Interface, a: Address, b: Address): boolean {
  return iface.addresses.some(
    ({ address, bits }) => prefixEquals(address, a, bits) && prefixEquals(address, b, bits),
  );
}
