/**
 * A packet that the stack sent, taken apart. Malformed is not lost: `problem` says what is wrong, and the
 * script that expected the packet fails with it.
 */

import { type Address, IpAddress } from '../../wire/address.ts';
import { foldChecksum, sumBytes, sumWord16, sumWord32 } from '../../wire/checksum.ts';
import { ICMP_HEADER_LEN, icmpCode, icmpType } from '../../wire/icmp.ts';
import { IPPROTO } from '../../wire/ip-protocol.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { seqBits } from '../../wire/seq.ts';
import * as tcp from '../../wire/tcp.ts';
import { UDP_HEADER_LEN, udpDstPort, udpLen, udpSrcPort } from '../../wire/udp.ts';
import type { TcpOption } from './script.ts';
import { readOptions } from './tcp-options.ts';

export interface LivePacket {
  readonly isV4: boolean;
  readonly src: Address;
  readonly dst: Address;
  readonly tos: number;
  readonly ttl: number;
  readonly flowLabel: number;
  readonly transport: LiveTransport;
  /** What is wrong with it, or null. */
  readonly problem: string | null;
}

export type LiveTransport =
  | LiveTcp
  | {
      readonly kind: 'udp';
      readonly srcPort: number;
      readonly dstPort: number;
      readonly len: number;
    }
  | { readonly kind: 'icmp'; readonly type: number; readonly code: number }
  | { readonly kind: 'other'; readonly protocol: number };

/** Numbers as on the wire, unsigned. */
export interface LiveTcp {
  readonly kind: 'tcp';
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  /** TCP_FLAG bits. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: readonly TcpOption[];
  /** Bytes of text. */
  readonly len: number;
}

/** The IP header and where the transport header lies. */
interface IpPart extends Omit<LivePacket, 'transport'> {
  readonly protocol: number;
  readonly at: number;
  readonly end: number;
}

export function readPacket(bytes: Uint8Array): LivePacket {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ip = readIp(dv);
  const len = ip.end - ip.at;
  const { protocol } = ip;
  if (protocol === IPPROTO.TCP && len >= tcp.TCP_HEADER_LEN) return readTcp(dv, ip);
  const isIcmp = protocol === (ip.isV4 ? IPPROTO.ICMP : IPPROTO.ICMPV6);
  if (isIcmp && len >= ICMP_HEADER_LEN) {
    const transport = {
      kind: 'icmp' as const,
      type: icmpType(dv, ip.at),
      code: icmpCode(dv, ip.at),
    };
    return { ...ip, transport, problem: ip.problem ?? checksumProblem(dv, ip, !ip.isV4) };
  }
  if (protocol === IPPROTO.UDP && len >= UDP_HEADER_LEN) return readUdp(dv, ip);
  return { ...ip, transport: { kind: 'other', protocol } };
}

function readIp(dv: DataView): IpPart {
  const version = dv.byteLength === 0 ? 0 : ipv4.ipVersion(dv, 0);
  if (version === 4 && dv.byteLength >= ipv4.IPV4_HEADER_LEN) return readIpv4(dv);
  if (version === 6 && dv.byteLength >= ipv6.IPV6_HEADER_LEN) return readIpv6(dv);
  const nobody = new IpAddress();
  const problem = `no IP packet: version ${version}, ${dv.byteLength} bytes`;
  const rest = { tos: 0, ttl: 0, flowLabel: 0, protocol: -1, at: 0, end: 0, problem };
  return { isV4: false, src: nobody, dst: nobody, ...rest };
}

function readIpv4(dv: DataView): IpPart {
  const src = new IpAddress();
  const dst = new IpAddress();
  src.readV4(dv, 12);
  dst.readV4(dv, 16);
  const headerLen = ipv4.ipv4HeaderLen(dv, 0);
  const total = ipv4.ipv4TotalLen(dv, 0);
  let problem: string | null = null;
  if (headerLen !== ipv4.IPV4_HEADER_LEN) problem = `IP header of ${headerLen} bytes`;
  else if (total !== dv.byteLength) problem = `IP total length ${total} of ${dv.byteLength} bytes`;
  else if (foldChecksum(sumBytes(dv, 0, headerLen, 0)) !== 0) problem = 'bad IP header checksum';
  return {
    isV4: true,
    src,
    dst,
    tos: ipv4.ipv4Tos(dv, 0),
    ttl: ipv4.ipv4Ttl(dv, 0),
    flowLabel: 0,
    protocol: ipv4.ipv4Protocol(dv, 0),
    at: ipv4.IPV4_HEADER_LEN,
    end: dv.byteLength,
    problem,
  };
}

function readIpv6(dv: DataView): IpPart {
  const src = new IpAddress();
  const dst = new IpAddress();
  src.readV6(dv, ipv6.IPV6_SRC);
  dst.readV6(dv, ipv6.IPV6_DST);
  const len = ipv6.ipv6PayloadLen(dv, 0);
  const real = dv.byteLength - ipv6.IPV6_HEADER_LEN;
  return {
    isV4: false,
    src,
    dst,
    tos: ipv6.ipv6TrafficClass(dv, 0),
    ttl: ipv6.ipv6HopLimit(dv, 0),
    flowLabel: ipv6.ipv6FlowLabel(dv, 0),
    protocol: ipv6.ipv6NextHeader(dv, 0),
    at: ipv6.IPV6_HEADER_LEN,
    end: dv.byteLength,
    problem: len === real ? null : `IPv6 payload length ${len} of ${real} bytes`,
  };
}

function readTcp(dv: DataView, ip: IpPart): LivePacket {
  const { at, end } = ip;
  const headerLen = tcp.tcpDataOffset(dv, at);
  const isGood = headerLen >= tcp.TCP_HEADER_LEN && at + headerLen <= end;
  const text = isGood ? at + headerLen : end;
  const transport: LiveTcp = {
    kind: 'tcp',
    srcPort: tcp.tcpSrcPort(dv, at),
    dstPort: tcp.tcpDstPort(dv, at),
    seq: seqBits(tcp.tcpSeq(dv, at)) >>> 0,
    ack: seqBits(tcp.tcpAck(dv, at)) >>> 0,
    flags: tcp.tcpFlags(dv, at),
    window: tcp.tcpWindow(dv, at),
    urgent: tcp.tcpUrgent(dv, at),
    options: isGood ? readOptions(dv, at + tcp.TCP_HEADER_LEN, text) : [],
    len: end - text,
  };
  let { problem } = ip;
  if (!isGood) problem ??= `TCP header of ${headerLen} bytes`;
  if (tcp.tcpReserved(dv, at) !== 0) problem ??= 'reserved TCP bits are set';
  problem ??= checksumProblem(dv, ip, true);
  if (!isZero(dv, text, end)) problem ??= 'the text is not all zero';
  return { ...ip, transport, problem };
}

function readUdp(dv: DataView, ip: IpPart): LivePacket {
  const len = udpLen(dv, ip.at);
  const transport = {
    kind: 'udp' as const,
    srcPort: udpSrcPort(dv, ip.at),
    dstPort: udpDstPort(dv, ip.at),
    len: len - UDP_HEADER_LEN,
  };
  const isLenGood = len === ip.end - ip.at;
  const problem = isLenGood ? checksumProblem(dv, ip, true) : `UDP length ${len}`;
  return { ...ip, transport, problem: ip.problem ?? problem };
}

function checksumProblem(dv: DataView, ip: IpPart, hasPseudoHeader: boolean): string | null {
  const len = ip.end - ip.at;
  const seed = hasPseudoHeader ? pseudoSum(ip.src, ip.dst, ip.isV4, ip.protocol, len) : 0;
  return foldChecksum(sumBytes(dv, ip.at, len, seed)) === 0 ? null : 'bad transport checksum';
}

/** The pseudo-header of RFC 9293 §3.1 and RFC 8200 §8.1, as a seed for `sumBytes`. */
export function pseudoSum(
  src: Address,
  dst: Address,
  isIpv4: boolean,
  protocol: number,
  len: number,
): number {
  let sum = sumWord16(sumWord32(0, len), protocol);
  for (const address of [src, dst]) {
    sum = sumWord32(sum, address.w3);
    if (isIpv4) continue;
    sum = sumWord32(sumWord32(sumWord32(sum, address.w0), address.w1), address.w2);
  }
  return sum;
}

function isZero(dv: DataView, from: number, end: number): boolean {
  for (let at = from; at < end; at++) {
    if (dv.getUint8(at) !== 0) return false;
  }
  return true;
}
