/**
 * Datagrams out: IP headers, checksums, fragments, the link-layer address.
 *
 * Everything a datagram needs is taken from the transmit ring before its first frame is committed, so
 * it leaves whole or not at all: -EAGAIN tells the caller to wait for room in the device, -ENOBUFS that
 * memory or the neighbour table is full. A packet whose neighbour is not resolved yet is copied to the
 * neighbour's queue; its transmit slot is simply not committed.
 */

import { NO_BLOCK } from '../base/block-pool.ts';
import { EAGAIN, EINVAL, EMSGSIZE, ENOBUFS } from '../base/errno.ts';
import type { Device } from '../link/device.ts';
import type { Address } from '../wire/address.ts';
import { isLoopback, isV4 } from '../wire/address.ts';
import { addSum, foldChecksum, foldSum, sumBytes } from '../wire/checksum.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, writeEthernet } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_DF, IPV4_HEADER_LEN, IPV4_MF, writeIpv4 } from '../wire/ipv4.ts';
import {
  IPV6_FRAG_HEADER_LEN,
  IPV6_HEADER_LEN,
  writeFragmentHeader,
  writeIpv6,
} from '../wire/ipv6.ts';
import { pseudoHeaderSum } from '../wire/pseudo-header.ts';
import type { Interface } from './interface.ts';
import { CAST } from './ip-packet.ts';
import { IP, type IpMib } from './mib.ts';
import type { Network } from './network.ts';
import { type OutPacket, PMTUDISC } from './out-packet.ts';
import { sumPayload } from './payload-checksum.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { OutRequests, OutTransmits, OutOctets } = IP;
const { UNICAST, MULTICAST, BROADCAST } = CAST;
const { DONT, WANT, DO, PROBE } = PMTUDISC;
const { UDP, ICMP } = IPPROTO;
const [LEN4, LEN6, ETH_LEN] = [IPV4_HEADER_LEN, IPV6_HEADER_LEN, ETH_HEADER_LEN];
const [TYPE4, TYPE6] = [ETHERTYPE_IPV4, ETHERTYPE_IPV6];
const COPIED = NO_BLOCK;

/** Sends `net.out`. Returns 0, -EMSGSIZE, -EINVAL, -EAGAIN or -ENOBUFS; nothing of it was sent unless 0. */
export function ipOutput(net: Network): number {
  const o = net.out;
  const v4 = isV4(o.path.destination);
  const mib = v4 ? net.mib.ip4 : net.mib.ip6;
  mib.count(OutRequests);
  if (o.path.cast === MULTICAST) mib.count(IP.OutMcastPkts);
  else if (o.path.cast === BROADCAST) mib.count(IP.OutBcastPkts);
  // RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3: a loopback address does not leave the host.
  if (isLoopback(o.src) && !o.path.iface.isLoopback) return finish(mib, -EINVAL);
  if (o.path.iface.isDropping) {
    mib.count(IP.OutDiscards); // a loss on the way, like any other
    return 0;
  }
  const headerLen = v4 ? LEN4 : LEN6;
  const size = headerLen + o.transportLen + o.payloadLen;
  const mtu = usableMtu(net, o);
  if (o.path.cast === MULTICAST && !o.path.iface.isLoopback) {
    return finish(mib, toGroup(net, o, mib, v4, size, mtu));
  }
  return finish(mib, sendSized(net, o, mib, v4, size, mtu));
}

function sendSized(
  net: Network,
  o: OutPacket,
  mib: IpMib,
  v4: boolean,
  size: number,
  mtu: number,
): number {
  if (size <= mtu) return sendWhole(net, o, mib, v4, o.path.iface, o.payloadOff, o.chunk);
  const isRefused = o.pmtuDiscovery === DO || o.pmtuDiscovery === PROBE;
  if (isRefused || size > 65535 + (v4 ? 0 : LEN6)) {
    mib.count(IP.FragFails);
    return -EMSGSIZE;
  }
  return sendFragments(net, o, mib, v4, mtu);
}

/**
 * RFC 1112 §6.1, §7.1: to the link, unless it is not to leave the host (a TTL of 0; scopes 0 and 1 of IPv6), and to
 * this host itself, if it listens and the sender did not forbid it.
 */
function toGroup(
  net: Network,
  o: OutPacket,
  mib: IpMib,
  v4: boolean,
  size: number,
  mtu: number,
): number {
  const { iface, destination } = o.path;
  const staysHere = o.ttl === 0 || (!v4 && ((destination.w0 >>> 16) & 15) <= 1);
  const result = staysHere ? 0 : sendSized(net, o, mib, v4, size, mtu);
  const isHeard = result === 0 && o.isLooped && iface.groups.admits(destination, o.src);
  if (isHeard) loopBack(net, o, mib, v4);
  return result;
}

/** A copy through the loopback device, which has room for any packet; without room it is lost. */
function loopBack(net: Network, o: OutPacket, mib: IpMib, v4: boolean): void {
  const lo = net.interfaces[0]!; // the stack's first
  const at = hasRoom(lo.device, 1) ? net.reserve(lo, Math.max(o.payloadLen, 1)) : -1;
  if (at < 0) {
    mib.count(IP.OutDiscards);
    return;
  }
  net.slab.u8.copyWithin(at, o.payloadOff, o.payloadOff + o.payloadLen);
  sendWhole(net, o, mib, v4, lo, at, COPIED);
}

/** The path's MTU, or the link's for those who leave fragmenting to routers (IPv4) or probe. */
export function usableMtu(net: Network, o: OutPacket): number {
  const ignoresPath =
    o.pmtuDiscovery === PROBE || (o.pmtuDiscovery === DONT && isV4(o.path.destination));
  return ignoresPath ? o.path.iface.mtuOf(isV4(o.path.destination)) : o.path.mtu(net.env);
}

/** Whether routers may cut the datagram: if asked to, or if it would not arrive otherwise (below the floor). */
function leavesFragmenting(net: Network, o: OutPacket): boolean {
  if (o.pmtuDiscovery === DONT) return true;
  return o.pmtuDiscovery === WANT && o.path.needsFragmenting(net.env);
}

function finish(mib: IpMib, result: number): number {
  if (result < 0) mib.count(IP.OutDiscards);
  return result;
}

function sendWhole(
  net: Network,
  o: OutPacket,
  mib: IpMib,
  v4: boolean,
  iface: Interface,
  payloadOff: number,
  chunk: number,
): number {
  const { device } = iface;
  if (!hasRoom(device, 1)) return -EAGAIN;
  const slot = device.tx.begin();
  const l3 = slot + ETH_LEN;
  const headerLen = v4 ? LEN4 : LEN6;
  const l4 = l3 + headerLen;
  const total = headerLen + o.transportLen + o.payloadLen;
  const { slab } = net;
  if (v4) {
    const df = leavesFragmenting(net, o) ? 0 : IPV4_DF;
    // RFC 6864 §4.1: a datagram that cannot be fragmented needs no identification.
    const id = df === 0 ? net.identifications.next4(o.path.destination, o.protocol) : 0;
    writeIpv4(
      slab.dv,
      l3,
      o.tos,
      total,
      id,
      df,
      o.ttl,
      o.protocol,
      o.src.w3,
      o.path.destination.w3,
    );
  } else {
    const len = total - LEN6;
    const label = labelOf(net, o);
    writeIpv6(slab.dv, l3, o.tos, label, len, o.protocol, o.ttl, o.src, o.path.destination);
  }
  copyTransportHeader(slab.dv, l4, net.transportHeader, o.transportLen);
  const csum = o.checksumAt < 0 ? 0 : checksum(net, o, l4, headerLen, device.caps.txChecksum);
  return linkOutput(
    net,
    iface,
    o.path.cast,
    o.path.nextHop,
    mib,
    v4,
    slot,
    headerLen + o.transportLen,
    payloadOff,
    o.payloadLen,
    chunk,
    csum,
  );
}

/** Of some bytes: a loop over words costs less than a call of `copyWithin` (20 to 40 ns). */
function copyTransportHeader(dv: DataView, to: number, from: number, len: number): void {
  let i = 0;
  for (; i + 4 <= len; i += 4) dv.setInt32(to + i, dv.getInt32(from + i));
  for (; i < len; i++) dv.setUint8(to + i, dv.getUint8(from + i));
}

/** RFC 6437 §3, of the flow: fragments have that of the whole. */
function labelOf(net: Network, o: OutPacket): number {
  if (net.config.autoFlowLabels === 0) return 0;
  const hasPorts = o.protocol === UDP;
  const ports = hasPorts ? net.slab.dv.getInt32(net.transportHeader) : 0;
  return net.flowLabels.of(o.src, o.path.destination, o.protocol, ports);
}

/**
 * Fills in the transport checksum at `l4`: the pseudo-header's sum if the device does the rest
 * (returns start << 16 | offset from the IP header), else all of it (returns 0).
 */
function checksum(
  net: Network,
  o: OutPacket,
  l4: number,
  headerLen: number,
  byDevice: boolean,
): number {
  const dv = net.slab.dv;
  const pseudo = pseudoSum(o);
  if (byDevice) {
    dv.setUint16(l4 + o.checksumAt, foldSum(pseudo));
    return (headerLen << 16) | o.checksumAt;
  }
  const sum = sumBytes(dv, l4, o.transportLen, pseudo);
  dv.setUint16(l4 + o.checksumAt, notZero(foldChecksum(addSum(sum, payloadSum(net, o)))));
  return 0;
}

/** RFC 768: a computed zero is sent as all ones, because zero says "no checksum". */
function notZero(check: number): number {
  return check === 0 ? 0xffff : check;
}

function payloadSum(net: Network, o: OutPacket): number {
  return sumPayload(net.env.memory, o.payloadOff, o.payloadLen);
}

/** RFC 792's checksum has no pseudo-header; all others do. */
function pseudoSum(o: OutPacket): number {
  if (o.protocol === ICMP) return 0;
  return pseudoHeaderSum(o.src, o.path.destination, o.protocol, o.transportLen + o.payloadLen);
}

/** RFC 791 §3.2, RFC 8200 §4.5: all pieces but the last are multiples of 8 bytes. */
function sendFragments(net: Network, o: OutPacket, mib: IpMib, v4: boolean, mtu: number): number {
  const headerLen = v4 ? LEN4 : LEN6 + IPV6_FRAG_HEADER_LEN;
  const share = (mtu - headerLen) & ~7;
  const length = o.transportLen + o.payloadLen;
  const device = o.path.iface.device;
  const pieces = Math.ceil(length / share);
  if (share < 8 || pieces > device.tx.capacity) return -EMSGSIZE; // waiting would not help
  if (!hasRoom(device, pieces)) return -EAGAIN;
  if (o.checksumAt >= 0) {
    const sum = sumBytes(net.slab.dv, net.transportHeader, o.transportLen, pseudoSum(o));
    const check = notZero(foldChecksum(addSum(sum, payloadSum(net, o))));
    net.slab.dv.setUint16(net.transportHeader + o.checksumAt, check);
  }
  const id = v4
    ? net.identifications.next4(o.path.destination, o.protocol)
    : net.identifications.next6(o.path.destination);
  let result = 0;
  for (let at = 0; at < length && result === 0; at += share) {
    result = sendFragment(net, o, mib, v4, id, at, Math.min(share, length - at), length);
    if (result === 0) mib.count(IP.FragCreates);
  }
  mib.count(result === 0 ? IP.FragOKs : IP.FragFails);
  return result;
}

function sendFragment(
  net: Network,
  o: OutPacket,
  mib: IpMib,
  v4: boolean,
  id: number,
  at: number,
  len: number,
  length: number,
): number {
  const { slab } = net;
  const slot = o.path.iface.device.tx.begin();
  if (slot < 0) return -EAGAIN;
  const l3 = slot + ETH_LEN;
  const more = at + len < length ? 1 : 0;
  let headers = LEN4;
  if (v4) {
    const frag = (at >>> 3) | (more === 1 ? IPV4_MF : 0);
    const dst = o.path.destination.w3;
    writeIpv4(slab.dv, l3, o.tos, headers + len, id, frag, o.ttl, o.protocol, o.src.w3, dst);
  } else {
    const rest = IPV6_FRAG_HEADER_LEN + len;
    headers = LEN6 + IPV6_FRAG_HEADER_LEN;
    const label = labelOf(net, o);
    const dst = o.path.destination;
    writeIpv6(slab.dv, l3, o.tos, label, rest, IPPROTO.FRAGMENT, o.ttl, o.src, dst);
    writeFragmentHeader(slab.dv, l3 + LEN6, o.protocol, at, more, id);
  }
  let from = o.payloadOff + at - o.transportLen;
  let payload = len;
  if (at === 0) {
    slab.u8.copyWithin(l3 + headers, net.transportHeader, net.transportHeader + o.transportLen);
    headers += o.transportLen;
    from = o.payloadOff;
    payload = len - o.transportLen;
  }
  return linkOutput(
    net,
    o.path.iface,
    o.path.cast,
    o.path.nextHop,
    mib,
    v4,
    slot,
    headers,
    from,
    payload,
    o.chunk,
    0,
  );
}

/** Room for so many frames, after asking the device to take what it can. */
export function hasRoom(device: Device, frames: number): boolean {
  if (device.tx.room >= frames) return true;
  device.tx.releaseCompleted();
  if (device.tx.room >= frames) return true;
  device.txFlush();
  return device.tx.room >= frames;
}

/**
 * The last step: `slot` holds `headerLen` bytes of IP and transport headers behind room for the
 * Ethernet header; the payload follows by reference. `csum` is start << 16 | offset from the IP header.
 */
export function linkOutput(
  net: Network,
  iface: Interface,
  cast: number,
  nextHop: Address,
  mib: IpMib,
  v4: boolean,
  slot: number,
  headerLen: number,
  payloadOff: number,
  payloadLen: number,
  chunk: number,
  csum: number,
): number {
  const { device } = iface;
  const { mac, tx } = device;
  const dv = net.slab.dv;
  const type = v4 ? TYPE4 : TYPE6;
  // A group's copy to ourselves names the interface that it left by.
  const isCopy = iface !== net.out.path.iface;
  if (iface.isLoopback) {
    writeEthernet(dv, slot, 0, 0, 0, isCopy ? net.out.path.iface.index : 0, type);
  } else if (cast === UNICAST) {
    const n = iface.neighbours.resolve(nextHop);
    if (n === null) return -ENOBUFS;
    if (!n.isUsable()) {
      const l3 = slot + ETH_LEN;
      return iface.neighbours.hold(
        n,
        l3,
        headerLen,
        payloadOff,
        payloadLen,
        csum,
        net.out.priority,
      );
    }
    writeEthernet(dv, slot, n.macHigh, n.macLow, mac.high, mac.low, type);
  } else if (cast === BROADCAST) writeEthernet(dv, slot, 0xffff, -1, mac.high, mac.low, type);
  else writeMulticast(dv, slot, nextHop, mac.high, mac.low, type);
  tx.add(slot, ETH_LEN + headerLen);
  if (payloadLen > 0) {
    if (chunk === COPIED) tx.add(payloadOff, payloadLen);
    else tx.addHeld(payloadOff, payloadLen, chunk);
  }
  if (csum !== 0) tx.setChecksum(ETH_LEN + (csum >>> 16), csum & 0xffff);
  iface.commit(net.out.priority);
  if (isCopy) return 0; // as on Linux it is sent once
  mib.count(OutTransmits);
  mib.add(OutOctets, headerLen + payloadLen);
  return 0;
}

/** RFC 1112 §6.4: 01-00-5e and the low 23 bits; RFC 2464 §7: 33-33 and the low 32 bits. */
function writeMulticast(
  dv: DataView,
  slot: number,
  group: Address,
  macHigh: number,
  macLow: number,
  type: number,
): void {
  if (isV4(group)) {
    writeEthernet(dv, slot, 0x0100, 0x5e000000 | (group.w3 & 0x7fffff), macHigh, macLow, type);
  } else writeEthernet(dv, slot, 0x3333, group.w3, macHigh, macLow, type);
}
