/**
 * The bytes of an injected packet. Payload is zeros, IPv4 identification 0 without DF, TTL 255 unless it
 * is written, checksums correct.
 */
import { isV4 } from '../../wire/address.ts';
import { foldChecksum, sumBytes } from '../../wire/checksum.ts';
import { ICMP_HEADER_LEN, setIcmpChecksum, writeIcmp } from '../../wire/icmp.ts';
import { IPPROTO } from '../../wire/ip-protocol.ts';
import { IPV4_HEADER_LEN, writeIpv4 } from '../../wire/ipv4.ts';
import { IPV6_HEADER_LEN, writeIpv6 } from '../../wire/ipv6.ts';
import { seqOf } from '../../wire/seq.ts';
import { setTcpChecksum, TCP_FLAG, TCP_HEADER_LEN, writeTcp } from '../../wire/tcp.ts';
import { UDP_HEADER_LEN, writeUdp } from '../../wire/udp.ts';
import type { Flow } from './flow.ts';
import { icmpHasMtu } from './icmp-names.ts';
import { pseudoSum } from './live-packet.ts';
import type { ScriptOptions } from './options.ts';
import type { Ecn, IcmpPacket, IpFields, TcpOption, TcpPacket, UdpPacket } from './script.ts';
import { optionsLength, writeOptions } from './tcp-options.ts';

const TTL = 255;
/** RFC 792, RFC 4443: an error quotes the IP header and, here, 8 bytes behind it. */
const QUOTED_LEN = 8;

const ECN_BITS: Readonly<Record<Ecn, number>> = { noecn: 0, ect1: 1, ect0: 2, ce: 3, ect01: 2 };

/**
 * The packets a line stands for: one, or with `--mss` the pieces of a super-segment. A string says why
 * there are none.
 */
export function buildTcp(
  packet: TcpPacket,
  flow: Flow,
  options: ScriptOptions,
): readonly Uint8Array[] | string {
  const live = liveOptions(packet, flow, options.isTsEcrScaled);
  if (typeof live === 'string') return live;
  const { start, len } = packet.seq;
  const piece = options.mss > 0 ? options.mss : len;
  const packets: Uint8Array[] = [];
  let at = 0;
  do {
    const size = Math.min(piece, len - at);
    let { flags } = packet;
    // As segmentation offload has it: what ends a message stands on the last piece, CWR on the first.
    if (at + size < len) flags &= ~(TCP_FLAG.FIN | TCP_FLAG.PSH);
    if (at > 0) flags &= ~TCP_FLAG.CWR;
    packets.push(tcpBytes(packet, flow, options, live, flags, (start + at) >>> 0, size));
    at += size;
  } while (at < len);
  if ((packet.flags & TCP_FLAG.SYN) !== 0) flow.setRemoteIsn(start);
  return packets;
}

function tcpBytes(
  packet: TcpPacket,
  flow: Flow,
  options: ScriptOptions,
  tcpOptions: readonly TcpOption[],
  flags: number,
  seq: number,
  len: number,
): Uint8Array {
  const headerLen = TCP_HEADER_LEN + optionsLength(tcpOptions);
  const { bytes, dv, at } = ipPacket(options, packet.ip, IPPROTO.TCP, headerLen + len);
  const hasAck = (flags & TCP_FLAG.ACK) !== 0;
  const ack = packet.ack ?? 0;
  writeTcp(
    dv,
    at,
    packet.ports?.source ?? flow.remotePort ?? 0,
    packet.ports?.destination ?? flow.localPort ?? 0,
    seqOf(flow.remoteToLive(packet.flags, seq)),
    seqOf(hasAck ? flow.localToLive(packet.flags, ack) : ack),
    headerLen,
    flags,
    packet.window ?? 0,
    packet.urgent ?? 0,
  );
  writeOptions(dv, at + TCP_HEADER_LEN, tcpOptions);
  setTcpChecksum(dv, at, transportChecksum(options, dv, at, IPPROTO.TCP));
  return bytes;
}

/** Options as on the wire: SACK edges and echoed timestamps are the stack's own numbers. */
function liveOptions(
  packet: TcpPacket,
  flow: Flow,
  isScaled: boolean,
): readonly TcpOption[] | string {
  const { flags } = packet;
  const live: TcpOption[] = [];
  for (const option of packet.options ?? []) {
    if (option.kind === 'sack') {
      const blocks = option.blocks.map(({ left, right }) => ({
        left: flow.localToLive(flags, left),
        right: flow.localToLive(flags, right),
      }));
      live.push({ kind: 'sack', blocks });
    } else if (option.kind === 'TS' && (flags & TCP_FLAG.ACK) !== 0) {
      const ecr = flow.echoToLive(option.ecr, isScaled);
      if (ecr === null) return `no outbound packet before this one had TS val ${option.ecr}`;
      live.push({ ...option, ecr });
    } else live.push(option);
  }
  return live;
}

export function buildUdp(packet: UdpPacket, flow: Flow, options: ScriptOptions): Uint8Array {
  const len = UDP_HEADER_LEN + packet.len;
  const { bytes, dv, at } = ipPacket(options, packet.ip, IPPROTO.UDP, len);
  const source = packet.ports?.source ?? flow.remotePort ?? 0;
  const destination = packet.ports?.destination ?? flow.localPort ?? 0;
  writeUdp(dv, at, source, destination, len, 0);
  const sum = transportChecksum(options, dv, at, IPPROTO.UDP);
  writeUdp(dv, at, source, destination, len, sum === 0 ? 0xffff : sum);
  return bytes;
}

/** An ICMP message; an error quotes a packet of the flow as the stack would have sent it. */
export function buildIcmp(packet: IcmpPacket, flow: Flow, options: ScriptOptions): Uint8Array {
  const wantsV4 = isV4(options.localIp);
  const isEcho = packet.icmp.name.startsWith('echo');
  const quote = isEcho ? new Uint8Array(0) : quoteBytes(packet, flow, options);
  const len = ICMP_HEADER_LEN + quote.length;
  const protocol = wantsV4 ? IPPROTO.ICMP : IPPROTO.ICMPV6;
  const { bytes, dv, at } = ipPacket(options, packet.ip, protocol, len);
  const rest = icmpHasMtu(wantsV4, packet.icmp) ? (packet.mtu ?? 0) : (packet.id ?? 0) << 16;
  writeIcmp(dv, at, packet.icmp.type, packet.icmp.code, rest);
  bytes.set(quote, at + ICMP_HEADER_LEN);
  const sum = wantsV4
    ? foldChecksum(sumBytes(dv, at, len, 0))
    : transportChecksum(options, dv, at, protocol);
  setIcmpChecksum(dv, at, sum);
  return bytes;
}

function quoteBytes(packet: IcmpPacket, flow: Flow, options: ScriptOptions): Uint8Array {
  const { quoted } = packet;
  const kind = quoted?.kind ?? flow.protocol;
  const headerLen = kind === 'tcp' ? TCP_HEADER_LEN : kind === 'udp' ? UDP_HEADER_LEN : 0;
  const textLen = quoted === null ? 0 : quoted.kind === 'tcp' ? quoted.seq.len : quoted.len;
  const protocol = kind === 'tcp' ? IPPROTO.TCP : kind === 'udp' ? IPPROTO.UDP : RAW;
  const whole = ipPacket(options, NO_FIELDS, protocol, headerLen + textLen, 'out');
  const { dv, at } = whole;
  const local = flow.localPort ?? 0;
  const remote = flow.remotePort ?? 0;
  if (kind === 'tcp') {
    const seq = flow.localToLive(0, quoted?.kind === 'tcp' ? quoted.seq.start : 0);
    writeTcp(dv, at, local, remote, seqOf(seq), seqOf(0), headerLen, TCP_FLAG.ACK, 0, 0);
  } else if (kind === 'udp') writeUdp(dv, at, local, remote, headerLen + textLen, 0);
  return whole.bytes.subarray(0, Math.min(whole.bytes.length, at + QUOTED_LEN));
}

/** RFC 3692: for experiments; a `raw` quote is of no protocol that the stack speaks. */
const RAW = 253;
const NO_FIELDS: IpFields = { ecn: null, tos: null, flowLabel: null, ttl: null };

interface Room {
  readonly bytes: Uint8Array;
  readonly dv: DataView;
  /** Where the transport header goes. */
  readonly at: number;
}

/** An IP packet with `len` zero bytes in it, from the peer to the stack or the other way. */
function ipPacket(
  options: ScriptOptions,
  ip: IpFields,
  protocol: number,
  len: number,
  direction: 'in' | 'out' = 'in',
): Room {
  const { localIp, remoteIp } = options;
  const [src, dst] = direction === 'in' ? [remoteIp, localIp] : [localIp, remoteIp];
  const tos = (ip.tos ?? 0) | ECN_BITS[ip.ecn ?? 'noecn'];
  const ttl = ip.ttl ?? TTL;
  const wantsV4 = isV4(localIp);
  const at = wantsV4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  const bytes = new Uint8Array(at + len);
  const dv = new DataView(bytes.buffer);
  if (wantsV4) writeIpv4(dv, 0, tos, at + len, 0, 0, ttl, protocol, src.w3, dst.w3);
  else writeIpv6(dv, 0, tos, ip.flowLabel ?? 0, len, protocol, ttl, src, dst);
  return { bytes, dv, at };
}

function transportChecksum(
  options: ScriptOptions,
  dv: DataView,
  at: number,
  protocol: number,
): number {
  const len = dv.byteLength - at;
  const { localIp, remoteIp } = options;
  const seed = pseudoSum(remoteIp, localIp, isV4(localIp), protocol, len);
  return foldChecksum(sumBytes(dv, at, len, seed));
}
