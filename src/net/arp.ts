/**
 * ARP in and out (RFC 826), with Linux's rules where the RFC leaves a choice: we answer for any address
 * of ours on any interface (unless arp_ignore or arp_filter say otherwise), a request that is answered makes an entry for
 * its sender, anything else only changes an entry that is there (unless arp_accept says otherwise), and the Ethernet
 * source is not compared with the sender in the packet.
 */
import { SEC } from '../base/time.ts';
import { type Address, ALL_NODES6, isV4, prefixEquals } from '../wire/address.ts';
import {
  ARP_LEN,
  ARP_REPLY,
  ARP_REQUEST,
  arpIsEthernetIpv4,
  arpOperation,
  arpSenderHigh,
  arpSenderIp,
  arpSenderLow,
  arpTargetHigh,
  arpTargetIp,
  arpTargetLow,
  writeArp,
} from '../wire/arp.ts';
import {
  BROADCAST_HIGH,
  BROADCAST_LOW,
  ETH_HEADER_LEN,
  ETHERTYPE_ARP,
  writeEthernet,
} from '../wire/ethernet.ts';
import { NA_OVERRIDE } from '../wire/ndp.ts';
import { ACCEPTED, DROP } from './drops.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import { CONF4 } from './ipv4-conf.ts';
import { GROUP_MAC_HIGH, sendAdvert } from './ndp-output.ts';
import { NUD } from './neighbour.ts';
import { LEARN } from './neighbour-table.ts';
import type { Network } from './network.ts';
import { TC_PRIO } from './priority.ts';

/** Of several replies to one request the first counts for so long (Linux: locktime). */
const LOCK_NS = 1 * SEC;
const GROUP_BIT = 0x0100;

/** An ARP packet at `off`, behind the Ethernet header. ACCEPTED or a DROP reason. */
export function arpInput(net: Network, iface: Interface, off: number, len: number): number {
  const dv = net.env.memory.slab.dv;
  if (iface.isLoopback) return DROP.ARP_NOT_FOR_US;
  if (!isWellFormed(dv, off, len)) return DROP.ARP_MALFORMED;
  const senderIp = arpSenderIp(dv, off);
  if (!isHostAddress(senderIp) || iface.isBroadcast(senderIp)) return DROP.ARP_MALFORMED;
  // Backwards: a watcher may leave, or begin to watch another address, while it is told.
  for (let i = iface.arpWatchers.length - 1; i >= 0; i--) iface.arpWatchers[i]!.arpSeen(dv, off);
  const sender = iface.neighbours.scratch.setV4(senderIp);
  if (senderIp !== 0 && net.locals.ownerOf(sender, iface.index) !== null) {
    net.env.trace.event('arp.conflict', iface.index, senderIp);
    return DROP.ARP_NOT_FOR_US;
  }
  const isRequest = arpOperation(dv, off) === ARP_REQUEST;
  const target = arpTargetIp(dv, off);
  const isGratuitous = senderIp === target;
  if (isGratuitous && iface.conf4.get(CONF4.DROP_GRATUITOUS_ARP) !== 0) return DROP.ARP_NOT_FOR_US;
  if (isRequest && isOurs(net, iface, target)) {
    const isAnswered = mayAnswer(net, iface, target, senderIp);
    return isAnswered ? answer(net, iface, off) : DROP.ARP_NOT_FOR_US;
  }
  if (senderIp === 0) return DROP.ARP_NOT_FOR_US; // a probe (RFC 5227 §2.1) for somebody else
  return merge(net, iface, off, isRequest);
}

function isWellFormed(dv: DataView, off: number, len: number): boolean {
  if (len < ARP_LEN || !arpIsEthernetIpv4(dv, off)) return false;
  const operation = arpOperation(dv, off);
  if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return false;
  // RFC 1812 §3.3.2: nobody's link-layer address is a group.
  const high = arpSenderHigh(dv, off);
  return (high & GROUP_BIT) === 0 && (high !== 0 || arpSenderLow(dv, off) !== 0);
}

/** Neither group, nor limited broadcast, nor loopback. 0.0.0.0 passes: the sender of a probe. */
function isHostAddress(word: number): boolean {
  const first = word >>> 24;
  return first < 224 && first !== 127;
}

function isOurs(net: Network, iface: Interface, word: number): boolean {
  if (!isHostAddress(word) || word === 0) return false;
  const entry = net.locals.entryOf(iface.neighbours.scratch.setV4(word), iface.index);
  return entry !== null && entry.state === 'preferred';
}

/** Whether `asker` is told of an address of ours. A probe (RFC 5227 §2.1.1) has no sender, and no way back. */
function mayAnswer(net: Network, iface: Interface, word: number, asker: number): boolean {
  if (isIgnored(net, iface, word, asker)) return false;
  if (asker === 0 || iface.conf4.get(CONF4.ARP_FILTER) === 0) return true;
  return net.routes.lookup(iface.neighbours.scratch.setV4(asker), null)?.iface === iface;
}

/** arp_ignore says; with 0, and what Linux has no meaning for, none is. */
function isIgnored(net: Network, iface: Interface, word: number, asker: number): boolean {
  const mode = iface.conf4.get(CONF4.ARP_IGNORE);
  if (mode !== 1 && mode !== 2) return mode === 8;
  const { scratch } = iface.neighbours;
  if (net.locals.ownerOf(scratch.setV4(word), iface.index) !== iface) return true;
  const entry = net.locals.entryOf(scratch, iface.index);
  // A probe (RFC 5227 §2.1.1) has no sender, and has to hear of a conflict.
  if (mode === 1 || asker === 0 || entry === null) return false;
  return !prefixEquals(entry.address, scratch.setV4(asker), entry.bits);
}

/** RFC 826: a request for an address of ours. The sender is noted first, then answered. */
function answer(net: Network, iface: Interface, off: number): number {
  const dv = net.env.memory.slab.dv;
  const high = arpSenderHigh(dv, off);
  const low = arpSenderLow(dv, off);
  const senderIp = arpSenderIp(dv, off);
  if (senderIp !== 0) {
    const how = LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE;
    iface.neighbours.learn(iface.neighbours.scratch.setV4(senderIp), high, low, how);
  }
  const ours = arpTargetIp(dv, off);
  const isSent = sendArp(net, iface, ARP_REPLY, high, low, ours, high, low, senderIp);
  return isSent ? ACCEPTED : DROP.REPLY_NO_ROOM;
}

/** RFC 826's merge: replies, announcements and what others ask each other, for entries we have (or arp_accept makes). */
function merge(net: Network, iface: Interface, off: number, isRequest: boolean): number {
  const dv = net.env.memory.slab.dv;
  const table = iface.neighbours;
  const senderIp = arpSenderIp(dv, off);
  const sender = table.scratch.setV4(senderIp);
  const n = table.find(sender);
  const high = arpSenderHigh(dv, off);
  const low = arpSenderLow(dv, off);
  const isAnnouncement = senderIp === arpTargetIp(dv, off);
  if (n === null) {
    const isTaken = (isAnnouncement || !isRequest) && mayIntroduce(iface, sender);
    const how = LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE;
    return isTaken && table.learn(sender, high, low, how) !== null ? ACCEPTED : DROP.ARP_NOT_FOR_US;
  }
  const isLocked = n.isUsable() && !isAnnouncement && net.env.nowNs < n.linkSetNs + LOCK_NS;
  if (isLocked && (high !== n.macHigh || low !== n.macLow)) return ACCEPTED;
  let how: number = LEARN.LINK | LEARN.OVERRIDE;
  // Only a reply to us while we are asking proves anything; others are claims (RFC 4861 §7.3.1).
  const isAsked = (n.state & (NUD.INCOMPLETE | NUD.PROBE)) !== 0;
  if (!isRequest && isAsked && isForUs(iface, dv, off)) how |= LEARN.SOLICITED;
  return table.learn(sender, high, low, how) === null ? DROP.ARP_NOT_FOR_US : ACCEPTED;
}

/** arp_accept: an entry for who was not asked. */
function mayIntroduce(iface: Interface, sender: Address): boolean {
  const mode = iface.conf4.get(CONF4.ARP_ACCEPT);
  if (mode !== 2) return mode !== 0;
  return iface.addresses.some(
    ({ address, bits }) => isV4(address) && prefixEquals(address, sender, bits),
  );
}

function isForUs(iface: Interface, dv: DataView, off: number): boolean {
  const { mac } = iface.device;
  return arpTargetHigh(dv, off) === mac.high && arpTargetLow(dv, off) === mac.low;
}

/** Asks for `target`, from `source`: everybody, or (probing) the neighbour alone. False: no room. */
export function sendArpRequest(
  net: Network,
  iface: Interface,
  macHigh: number,
  macLow: number,
  source: number,
  target: number,
): boolean {
  return sendArp(net, iface, ARP_REQUEST, macHigh, macLow, source, 0, 0, target);
}

/** Tells the link about a new address of ours: a gratuitous ARP request, an unsolicited advertisement. */
export function announce(net: Network, iface: Interface, entry: InterfaceAddress): void {
  if (iface.isLoopback) return;
  const address: Address = entry.address;
  const isSent = isV4(address)
    ? sendArpRequest(net, iface, BROADCAST_HIGH, BROADCAST_LOW, address.w3, address.w3)
    : sendAdvert(net, iface, GROUP_MAC_HIGH, ALL_NODES6.w3, ALL_NODES6, address, NA_OVERRIDE);
  if (!isSent) net.env.trace.event('announce.unsent', iface.index, address.w3);
}

function sendArp(
  net: Network,
  iface: Interface,
  operation: number,
  dstHigh: number,
  dstLow: number,
  senderIp: number,
  targetHigh: number,
  targetLow: number,
  targetIp: number,
): boolean {
  const { tx, mac } = iface.device;
  const frame = tx.begin();
  if (frame < 0) return false;
  const dv = net.env.memory.slab.dv;
  writeEthernet(dv, frame, dstHigh, dstLow, mac.high, mac.low, ETHERTYPE_ARP);
  const at = frame + ETH_HEADER_LEN;
  writeArp(dv, at, operation, mac.high, mac.low, senderIp, targetHigh, targetLow, targetIp);
  tx.add(frame, ETH_HEADER_LEN + ARP_LEN);
  iface.commit(TC_PRIO.BESTEFFORT);
  return true;
}
