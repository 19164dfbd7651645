/**
 * ICMP errors that reach us: to the socket whose packet is quoted, and nowhere else.
 * A quotation that matches nothing we have sent is forged or stale: nothing in it is believed
 * (RFC 1122 §3.2.2, RFC 4443 §2.4 (c–d), RFC 5927, RFC 8201 §4).
 */
import { addressEquals, IpAddress } from '../wire/address.ts';
import { ICMP_HEADER_LEN, icmpCode, icmpType } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { ACCEPTED, DROP } from './drops.ts';
import type { IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';
import type { Quote } from './quote.ts';
import type { NetworkError } from './transport.ts';

/** An MTU of "fragmentation needed" from a router older than RFC 1191 (§5): it leaves the field 0. */
export const OLD_ROUTER = -1;

/** One scratch object per network. */
export class ErrorReport implements NetworkError {
  errno = 0;
  isHard = false;
  mtu = 0;
  type = 0;
  code = 0;
  readonly from = new IpAddress();
}

export function errorInput(
  net: Network,
  pkt: IpPacket,
  errno: number,
  isHard: boolean,
  mtu: number,
): number {
  const { slab } = net.env.memory;
  const { quote, report } = net;
  const bad = readQuote(net, pkt);
  if (bad !== 0) return bad;
  report.errno = errno;
  report.isHard = isHard;
  report.mtu = mtu === OLD_ROUTER ? plateauBelow(quote.totalLen) : mtu;
  report.type = icmpType(slab.dv, pkt.payloadOff);
  report.code = icmpCode(slab.dv, pkt.payloadOff);
  report.from.copy(pkt.src);
  if (!reportToOwner(net, quote, report)) return nobodys(net, quote);
  if (report.mtu > 0) learnMtu(net, quote, report.mtu);
  return ACCEPTED;
}

/** Reads `net.quote`. 0, or why it is not a packet from an address of ours. */
export function readQuote(net: Network, pkt: IpPacket): number {
  const { quote } = net;
  const at = pkt.payloadOff + ICMP_HEADER_LEN;
  const len = pkt.payloadLen - ICMP_HEADER_LEN;
  const link = net.linkOf(pkt.dst, pkt.iface);
  if (!quote.parse(net.env.memory.slab, at, len, link) || quote.isV4 !== pkt.isV4) {
    (pkt.isV4 ? net.mib.icmp4 : net.mib.icmp6).count(ICMP.InErrors);
    return DROP.ICMP_MALFORMED;
  }
  // A packet of ours has a source of ours, and errors about it are sent there (RFC 792, RFC 4443 §2.2).
  const isOurs = addressEquals(quote.src, pkt.dst) && net.locals.ownerOf(quote.src, link) !== null;
  return isOurs ? 0 : nobodys(net, quote);
}

/** Linux's transports count an error about a packet of nobody; its ping sockets and unknown protocols do not. */
export function nobodys(net: Network, quote: Quote): number {
  const mib = quote.isV4 ? net.mib.icmp4 : net.mib.icmp6;
  if (net.transports[quote.protocol] !== null) mib.count(ICMP.InErrors);
  return DROP.ICMP_NO_SOCKET;
}

/** To the transport that sent the packet. True when a socket owns it. */
export function reportToOwner(net: Network, quote: Quote, report: ErrorReport): boolean {
  const own = quote.isV4 ? IPPROTO.ICMP : IPPROTO.ICMPV6;
  if (quote.protocol === own) return net.echoes.error(quote, report);
  const transport = net.transports[quote.protocol]!;
  return transport?.error(quote, report) ?? false;
}

/** Whether it was a socket of ours that sent the packet. */
export function hasOwner(net: Network, quote: Quote): boolean {
  const own = quote.isV4 ? IPPROTO.ICMP : IPPROTO.ICMPV6;
  if (quote.protocol === own) return net.echoes.owns(quote);
  return net.transports[quote.protocol]?.owns(quote) ?? false;
}

/**
 * For the destination as such, and as seen by sockets bound to the interface: for paths that we have, because
 * we have sent there. A socket that is not connected owns whatever quotes its port, and must not make new ones.
 */
function learnMtu(net: Network, quote: Quote, mtu: number): void {
  const bound = net.paths.find(quote.dst, quote.ifaceIndex);
  if (bound !== null) net.paths.learnMtu(bound, mtu);
  const path = net.paths.find(quote.dst, 0);
  if (path !== null) net.paths.learnMtu(path, mtu);
}

/** RFC 1191 §7.1: the common MTUs, largest first. */
const PLATEAUS: readonly number[] = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

function plateauBelow(size: number): number {
  for (let i = 0; i < PLATEAUS.length; i++) {
    if (PLATEAUS[i]! < size) return PLATEAUS[i]!;
  }
  return 68;
}
