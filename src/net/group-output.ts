/**
 * What routers are told of our groups: IGMP (RFC 2236 §2, RFC 3376 §4) and MLD (RFC 2710 §3, RFC 3810 §5). Every
 * message has a TTL of 1 and asks routers on the link to look at it, whatever its destination (RFC 2113, RFC 2711).
 */
import {
  type Address,
  ALL_ROUTERS6,
  ANY4,
  ANY6,
  IpAddress,
  isLinkLocal6,
  isV4,
  writeV6,
} from '../wire/address.ts';
import { foldChecksum, sumBytes } from '../wire/checksum.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, writeEthernet } from '../wire/ethernet.ts';
import { ICMP6 } from '../wire/icmp.ts';
import {
  type GroupRecord,
  IGMP,
  IGMP_GROUP,
  IGMP_LEN,
  MLD_GROUP,
  MLD_LEN,
  RECORD,
  REPORT_LEN,
  recordLen,
  writeRecord,
} from '../wire/igmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_DF, IPV4_HEADER_LEN, writeIpv4RouterAlert } from '../wire/ipv4.ts';
import { IPV6_HEADER_LEN, writeIpv6, writeRouterAlert6 } from '../wire/ipv6.ts';
import { pseudoHeaderSum } from '../wire/pseudo-header.ts';
import type { Interface } from './interface.ts';
import { hasRoom } from './ip-output.ts';
import { ICMP, IGMP_COUNT, IP } from './mib.ts';
import type { Network } from './network.ts';
import { TC_PRIO } from './priority.ts';

/** The older versions' number for IGMPv2 and MLDv1, which are one protocol; IGMPv1 alone has no leave. */
export const VERSION = { ONE: 1, TWO: 2, THREE: 3 } as const;

/** RFC 3376 §4.2.14, RFC 3810 §5.2.14; and all routers (RFC 2236 §3, RFC 2710 §4). */
const IGMP_ROUTERS: Address = Object.freeze(new IpAddress().setV4(0xe0000016));
const ALL_ROUTERS4: Address = Object.freeze(new IpAddress().setV4(0xe0000002));
const MLD_ROUTERS: Address = Object.freeze(new IpAddress().set(0xff020000, 0, 0, 0x16));

const OPTION4_LEN = 4;
const OPTION6_LEN = 8;
/** Internetwork control, as Linux marks it. */
const TOS = 0xc0;

/** RFC 2236 §2, RFC 2710 §3.7: to the group itself, so that its other members hear it. */
export function sendOldReport(
  net: Network,
  iface: Interface,
  group: Address,
  version: number,
): void {
  const v1 = version === VERSION.ONE;
  const type = v1 ? IGMP.V1_REPORT : IGMP.V2_REPORT;
  sendOld(net, iface, isV4(group) ? type : ICMP6.MLD_REPORT, group, group);
}

/** To all routers: nobody else wants to know. */
export function sendLeave(net: Network, iface: Interface, group: Address): void {
  const v4 = isV4(group);
  sendOld(net, iface, v4 ? IGMP.LEAVE : ICMP6.MLD_DONE, group, v4 ? ALL_ROUTERS4 : ALL_ROUTERS6);
}

function sendOld(net: Network, iface: Interface, type: number, group: Address, to: Address): void {
  const v4 = isV4(group);
  const { dv } = net.env.memory.slab;
  const at = reserve(net, iface, v4, v4 ? IGMP_LEN : MLD_LEN);
  if (at < 0) return;
  dv.setInt32(at, type << 24);
  if (v4) {
    dv.setInt32(at + IGMP_GROUP, group.w3);
    send4(net, iface, to, at, IGMP_LEN);
  } else {
    dv.setInt32(at + 4, 0);
    writeV6(group, dv, at + MLD_GROUP);
    send6(net, iface, to, at, MLD_LEN);
  }
}

/** All records, in as few reports as the link's MTU allows (RFC 3376 §4.2.16, RFC 3810 §5.2.15). */
export function sendRecords(
  net: Network,
  iface: Interface,
  v4: boolean,
  records: readonly GroupRecord[],
): void {
  const headers = v4 ? IPV4_HEADER_LEN + OPTION4_LEN : IPV6_HEADER_LEN + OPTION6_LEN;
  const most = iface.mtuOf(v4) - headers;
  const addressLen = v4 ? 4 : 16;
  let batch: GroupRecord[] = [];
  let len = REPORT_LEN;
  for (const record of fitted(records, addressLen, most - REPORT_LEN)) {
    const need = recordLen(addressLen, record.sources.length);
    if (len + need > most) {
      sendReport(net, iface, v4, batch, len);
      batch = [];
      len = REPORT_LEN;
    }
    batch.push(record);
    len += need;
  }
  if (batch.length > 0) sendReport(net, iface, v4, batch, len);
}

/** A list too long for one packet is cut in several; of an EXCLUDE list what is too much is left out. */
function fitted(records: readonly GroupRecord[], addressLen: number, most: number): GroupRecord[] {
  const share = Math.floor((most - recordLen(addressLen, 0)) / addressLen);
  const out: GroupRecord[] = [];
  for (const record of records) {
    const { type, group, sources } = record;
    const isWhole = type === RECORD.IS_EXCLUDE || type === RECORD.TO_EXCLUDE;
    if (sources.length <= share) out.push(record);
    else if (isWhole) out.push({ type, group, sources: sources.slice(0, share) });
    else {
      for (let i = 0; i < sources.length; i += share) {
        out.push({ type, group, sources: sources.slice(i, i + share) });
      }
    }
  }
  return out;
}

function sendReport(
  net: Network,
  iface: Interface,
  v4: boolean,
  records: readonly GroupRecord[],
  len: number,
): void {
  const { dv } = net.env.memory.slab;
  const start = reserve(net, iface, v4, len);
  if (start < 0) return;
  dv.setInt32(start, (v4 ? IGMP.V3_REPORT : ICMP6.MLD2_REPORT) << 24);
  dv.setInt32(start + 4, records.length);
  let at = start + REPORT_LEN;
  for (const record of records) at = writeRecord(dv, at, record);
  if (v4) send4(net, iface, IGMP_ROUTERS, start, len);
  else send6(net, iface, MLD_ROUTERS, start, len);
}

/** Room for the message and its frame; negative: there is none, and the message is lost as on any full link. */
function reserve(net: Network, iface: Interface, v4: boolean, len: number): number {
  const mib = v4 ? net.mib.ip4 : net.mib.ip6;
  mib.count(IP.OutRequests);
  mib.count(IP.OutMcastPkts);
  const at = iface.isDropping || !hasRoom(iface.device, 1) ? -1 : net.reserve(iface, len);
  if (at < 0) mib.count(IP.OutDiscards);
  return at;
}

/** RFC 3376 §4.2.13: a host that has no address yet says 0.0.0.0. */
function send4(net: Network, iface: Interface, to: Address, at: number, len: number): void {
  const { dv } = net.env.memory.slab;
  const { tx, mac } = iface.device;
  dv.setUint16(at + 2, 0);
  dv.setUint16(at + 2, foldChecksum(sumBytes(dv, at, len, 0)));
  net.mib.igmp.count(dv.getUint8(at) === IGMP.LEAVE ? IGMP_COUNT.OutLeaves : IGMP_COUNT.OutReports);
  const slot = tx.begin();
  const low = 0x5e000000 | (to.w3 & 0x7fffff);
  writeEthernet(dv, slot, 0x0100, low, mac.high, mac.low, ETHERTYPE_IPV4);
  const source = iface.firstAddress(true)?.address ?? ANY4;
  const headers = IPV4_HEADER_LEN + OPTION4_LEN;
  const ip = slot + ETH_HEADER_LEN;
  writeIpv4RouterAlert(dv, ip, TOS, headers + len, IPV4_DF, 1, IPPROTO.IGMP, source.w3, to.w3);
  commit(net, iface, true, slot, headers, at, len);
}

/** RFC 3810 §5.2.13, RFC 3590: from the link-local address; while there is none, from `::`. */
function send6(net: Network, iface: Interface, to: Address, at: number, len: number): void {
  const { dv } = net.env.memory.slab;
  const { tx, mac } = iface.device;
  const source = usableLinkLocal(iface) ?? ANY6;
  const pseudo = pseudoHeaderSum(source, to, IPPROTO.ICMPV6, len);
  dv.setUint16(at + 2, 0);
  dv.setUint16(at + 2, foldChecksum(sumBytes(dv, at, len, pseudo)));
  net.mib.icmp6.count(ICMP.OutMsgs);
  net.mib.icmp6.outType[dv.getUint8(at)]!++;
  const slot = tx.begin();
  writeEthernet(dv, slot, 0x3333, to.w3, mac.high, mac.low, ETHERTYPE_IPV6);
  const ip = slot + ETH_HEADER_LEN;
  writeIpv6(dv, ip, 0, 0, OPTION6_LEN + len, IPPROTO.HOP_BY_HOP, 1, source, to);
  writeRouterAlert6(dv, ip + IPV6_HEADER_LEN, IPPROTO.ICMPV6);
  commit(net, iface, false, slot, IPV6_HEADER_LEN + OPTION6_LEN, at, len);
}

export function usableLinkLocal(iface: Interface): Address | null {
  for (const { address, state } of iface.addresses) {
    if (state === 'preferred' && isLinkLocal6(address)) return address;
  }
  return null;
}

function commit(
  net: Network,
  iface: Interface,
  v4: boolean,
  slot: number,
  headers: number,
  at: number,
  len: number,
): void {
  const { tx } = iface.device;
  const mib = v4 ? net.mib.ip4 : net.mib.ip6;
  tx.add(slot, ETH_HEADER_LEN + headers);
  tx.add(at, len);
  iface.commit(TC_PRIO.CONTROL);
  mib.count(IP.OutTransmits);
  mib.add(IP.OutOctets, headers + len);
}
