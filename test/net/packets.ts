/**
 * Packets as bytes, both ways, written and read without a line of src/: what a peer on the wire would make,
 * and what it would make of ours. A wrong checksum or length of ours never passes: it reads as `BAD …`.
 */
import { formatAddress, parseAddress } from '../../src/wire/address-text.ts';

export type Bytes = Uint8Array;

export const OUR_MAC = '02:00:00:00:00:01';
/** Of the second interface, where there is one. */
export const OUR_MAC2 = '02:00:00:00:01:01';
const OUR_MACS = [OUR_MAC, OUR_MAC2];
export const PEER_MAC = '02:00:00:00:00:02';
export const GATEWAY_MAC = '02:00:00:00:00:fe';
export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff';

export function join(...parts: readonly (Bytes | readonly number[])[]): Bytes {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

export const u16 = (n: number): number[] => [(n >>> 8) & 255, n & 255];
export const u32 = (n: number): number[] => [...u16(n >>> 16), ...u16(n)];
export const hex = (text: string): number[] =>
  text.split(':').map((part) => Number.parseInt(part, 16));

/** A pattern in which no two near places look alike. */
export function data(length: number, from: number = 0): Bytes {
  return Uint8Array.from({ length }, (_, i) => ((i + from) * 7 + ((i + from) >>> 8)) & 255);
}

export function sameBytes(a: Bytes | null | undefined, b: Bytes): boolean {
  return a?.length === b.length && a.every((x, i) => x === b[i]);
}

/** The 16 or 4 bytes of an address. */
export function addressBytes(text: string): number[] {
  const a = parseAddress(text)!;
  return text.includes(':') ? [a.w0, a.w1, a.w2, a.w3].flatMap(u32) : u32(a.w3);
}

/** RFC 1071, the slow way: not complemented. */
export function sum16(...parts: readonly (Bytes | readonly number[])[]): number {
  const bytes = join(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! * 256 : bytes[i]!;
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return sum;
}
const checksum = (...parts: readonly (Bytes | readonly number[])[]): number =>
  ~sum16(...parts) & 0xffff;

export interface Ethernet {
  readonly dst?: string;
  readonly src?: string;
  readonly type?: number;
  /** Bytes of padding behind the packet. */
  readonly pad?: number;
}

export function ethernet(packet: Bytes, e: Ethernet = {}): Bytes {
  const type = e.type ?? (packet[0]! >>> 4 === 6 ? 0x86dd : 0x0800);
  const pad = new Uint8Array(e.pad ?? 0).fill(0xa5);
  return join(hex(e.dst ?? OUR_MAC), hex(e.src ?? PEER_MAC), u16(type), packet, pad);
}

export interface Ip4 {
  readonly src?: string;
  readonly dst?: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  readonly df?: boolean;
  readonly mf?: boolean;
  /** In bytes. */
  readonly offset?: number;
  /** Padded to a multiple of 4 with END. */
  readonly options?: readonly number[];
  /** What stands in the header instead of the truth. */
  readonly version?: number;
  readonly ihl?: number;
  readonly totalLen?: number;
  readonly badChecksum?: boolean;
}

export const US4 = '10.0.0.1';
export const PEER4 = '10.0.0.2';
export const US6 = '2001:db8::1';
export const PEER6 = '2001:db8::2';

export function ip4(h: Ip4, payload: Bytes = new Uint8Array(0)): Bytes {
  const options = [...(h.options ?? [])];
  while (options.length % 4 !== 0) options.push(0);
  const headerLen = 20 + options.length;
  const flags = (h.df ? 0x4000 : 0) | (h.mf ? 0x2000 : 0) | ((h.offset ?? 0) / 8);
  const header = join(
    [((h.version ?? 4) << 4) | (h.ihl ?? headerLen / 4), h.tos ?? 0],
    u16(h.totalLen ?? headerLen + payload.length),
    u16(h.id ?? 0),
    u16(flags),
    [h.ttl ?? 64, h.protocol ?? 1, 0, 0],
    addressBytes(h.src ?? PEER4),
    addressBytes(h.dst ?? US4),
    options,
  );
  const check = checksum(header) ^ (h.badChecksum ? 0x0100 : 0);
  header.set(u16(check), 10);
  return join(header, payload);
}

export interface Ip6 {
  readonly src?: string;
  readonly dst?: string;
  readonly next?: number;
  readonly hop?: number;
  readonly tc?: number;
  readonly flow?: number;
  readonly version?: number;
  readonly payloadLen?: number;
}

export function ip6(h: Ip6, payload: Bytes = new Uint8Array(0)): Bytes {
  const first = ((h.version ?? 6) << 28) | ((h.tc ?? 0) << 20) | (h.flow ?? 0);
  return join(
    u32(first),
    u16(h.payloadLen ?? payload.length),
    [h.next ?? 58, h.hop ?? 64],
    addressBytes(h.src ?? PEER6),
    addressBytes(h.dst ?? US6),
    payload,
  );
}

/** Hop-by-hop (0) and destination options (60): `options` are padded with PadN to a multiple of 8. */
export function optionsHeader(next: number, options: readonly number[]): Bytes {
  const body = [...options];
  const missing = (8 - ((body.length + 2) % 8)) % 8;
  if (missing === 1) body.push(0);
  else if (missing > 1) body.push(1, missing - 2, ...new Array<number>(missing - 2).fill(0));
  return join([next, (body.length + 2) / 8 - 1], body);
}

export function routing(next: number, type: number, segmentsLeft: number): Bytes {
  return join([next, 0, type, segmentsLeft, 0, 0, 0, 0]);
}

export function fragment6(next: number, offset: number, more: boolean, id: number): Bytes {
  return join([next, 0], u16(offset | (more ? 1 : 0)), u32(id));
}

export interface Icmp {
  readonly type: number;
  readonly code?: number;
  readonly rest?: number;
  readonly badChecksum?: boolean;
}

export function icmp4(m: Icmp, body: Bytes = new Uint8Array(0)): Bytes {
  const message = join([m.type, m.code ?? 0, 0, 0], u32(m.rest ?? 0), body);
  message.set(u16(checksum(message) ^ (m.badChecksum ? 1 : 0)), 2);
  return message;
}

/** ICMPv6 between two addresses, which its checksum covers. */
export function icmp6(
  m: Icmp,
  body: Bytes = new Uint8Array(0),
  src: string = PEER6,
  dst: string = US6,
): Bytes {
  const message = join([m.type, m.code ?? 0, 0, 0], u32(m.rest ?? 0), body);
  const check = checksum(pseudo(src, dst, 58, message.length), message);
  message.set(u16(check ^ (m.badChecksum ? 1 : 0)), 2);
  return message;
}

export interface UdpPorts {
  readonly from?: number;
  readonly to?: number;
  /** Sent as it is; computed when absent. */
  readonly checksum?: number;
}

export function udp(p: UdpPorts, body: Bytes, src: string = PEER4, dst: string = US4): Bytes {
  const message = join(u16(p.from ?? 4000), u16(p.to ?? 5000), u16(8 + body.length), [0, 0], body);
  const check = checksum(pseudo(src, dst, 17, message.length), message);
  message.set(u16(p.checksum ?? (check === 0 ? 0xffff : check)), 6);
  return message;
}

function pseudo(src: string, dst: string, protocol: number, len: number): Bytes {
  return join(addressBytes(src), addressBytes(dst), u32(len), u32(protocol));
}

/** An echo request of either family, whole: IP header and message. */
export function echo4(body: Bytes, h: Ip4 = {}, id: number = 7, seq: number = 1): Bytes {
  return ip4(h, icmp4({ type: 8, rest: id * 65536 + seq }, body));
}

export function echo6(body: Bytes, h: Ip6 = {}, id: number = 7, seq: number = 1): Bytes {
  return ip6(h, icmp6({ type: 128, rest: id * 65536 + seq }, body, h.src, h.dst));
}

/** Cuts an IPv4 packet without options in pieces of `share` payload bytes. */
export function fragments4(packet: Bytes, share: number, h: Ip4): Bytes[] {
  const payload = packet.subarray(20);
  const pieces: Bytes[] = [];
  for (let at = 0; at < payload.length; at += share) {
    const piece = payload.slice(at, at + share);
    const mf = at + share < payload.length;
    pieces.push(ip4({ protocol: packet[9]!, ...h, offset: at, mf }, piece));
  }
  return pieces;
}

/** Likewise IPv6: what stands behind the 40 bytes becomes the fragmentable part. */
export function fragments6(packet: Bytes, share: number, id: number, h: Ip6 = {}): Bytes[] {
  const payload = packet.subarray(40);
  const pieces: Bytes[] = [];
  for (let at = 0; at < payload.length; at += share) {
    const header = fragment6(packet[6]!, at, at + share < payload.length, id);
    pieces.push(ip6({ ...h, next: 44 }, join(header, payload.slice(at, at + share))));
  }
  return pieces;
}

/** A frame of ours, read. */
export interface Seen {
  readonly frame: Bytes;
  readonly to: string;
  readonly kind: 'arp' | 'ip4' | 'ip6' | 'other';
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  readonly tos: number;
  readonly df: boolean;
  readonly mf: boolean;
  /** Of the fragment, in bytes; IPv6: -1 without a fragment header. */
  readonly offset: number;
  readonly id: number;
  readonly protocol: number;
  /** The IP packet's length. */
  readonly length: number;
  /** Behind all IP headers. */
  readonly payload: Bytes;
  /** What it says, in a line. */
  readonly line: string;
}

const macText = (b: Bytes): string =>
  Array.from(b, (x) => x.toString(16).padStart(2, '0')).join(':');

export function addressText(b: Bytes): string {
  if (b.length === 4) return b.join('.');
  const dv = new DataView(b.buffer, b.byteOffset);
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((o) => dv.getInt32(o));
  return formatAddress({ w0: w0!, w1: w1!, w2: w2!, w3: w3! });
}

export function read(frame: Bytes): Seen {
  const type = (frame[12]! << 8) | frame[13]!;
  const base = {
    frame,
    to: macText(frame.subarray(0, 6)),
    ttl: 0,
    tos: 0,
    df: false,
    mf: false,
    offset: -1,
    id: 0,
    protocol: -1,
    src: '',
    dst: '',
    length: frame.length - 14,
    payload: frame.subarray(14),
  };
  if (!OUR_MACS.includes(macText(frame.subarray(6, 12))))
    return { ...base, kind: 'other', line: 'BAD mac' };
  if (type === 0x0800) return read4({ ...base, kind: 'ip4', line: '' });
  if (type === 0x86dd) return read6({ ...base, kind: 'ip6', line: '' });
  return { ...base, kind: type === 0x0806 ? 'arp' : 'other', line: type === 0x0806 ? 'arp' : '?' };
}

function read4(base: Seen): Seen {
  const p = base.frame.subarray(14);
  const headerLen = (p[0]! & 15) * 4;
  const flags = (p[6]! << 8) | p[7]!;
  const seen = {
    ...base,
    src: addressText(p.subarray(12, 16)),
    dst: addressText(p.subarray(16, 20)),
    ttl: p[8]!,
    tos: p[1]!,
    df: (flags & 0x4000) !== 0,
    mf: (flags & 0x2000) !== 0,
    offset: (flags & 0x1fff) * 8,
    id: (p[4]! << 8) | p[5]!,
    protocol: p[9]!,
    payload: p.slice(headerLen),
  };
  const isRight =
    p[0] === 0x45 && ((p[2]! << 8) | p[3]!) === p.length && sum16(p.subarray(0, 20)) === 0xffff;
  if (!isRight) return { ...seen, line: 'BAD header' };
  if (seen.mf || seen.offset > 0) return { ...seen, line: fragmentLine(seen) };
  return { ...seen, line: transportLine(seen, []) };
}

function read6(base: Seen): Seen {
  const p = base.frame.subarray(14);
  const isFragment = p[6] === 44;
  const flags = isFragment ? (p[42]! << 8) | p[43]! : 0;
  const seen = {
    ...base,
    src: addressText(p.subarray(8, 24)),
    dst: addressText(p.subarray(24, 40)),
    ttl: p[7]!,
    tos: ((p[0]! & 15) << 4) | (p[1]! >>> 4),
    mf: (flags & 1) !== 0,
    offset: isFragment ? flags & 0xfff8 : -1,
    id: isFragment ? ((p[44]! << 24) | (p[45]! << 16) | (p[46]! << 8) | p[47]!) >>> 0 : 0,
    protocol: isFragment ? p[40]! : p[6]!,
    payload: p.slice(isFragment ? 48 : 40),
  };
  const isRight = p[0]! >>> 4 === 6 && ((p[4]! << 8) | p[5]!) === p.length - 40;
  if (!isRight) return { ...seen, line: 'BAD header' };
  if (isFragment) return { ...seen, line: fragmentLine(seen) };
  return { ...seen, line: transportLine(seen, pseudo(seen.src, seen.dst, p[6]!, p.length - 40)) };
}

function fragmentLine(s: Seen): string {
  const more = s.mf ? '+' : '';
  return `${s.src} > ${s.dst} frag ${s.payload.length}@${s.offset}${more}`;
}

function transportLine(s: Seen, over: Bytes | readonly number[]): string {
  const b = s.payload;
  const way = `${s.src} > ${s.dst}`;
  if (s.protocol === 17) {
    if (sum16(pseudo(s.src, s.dst, 17, b.length), b) !== 0xffff) return 'BAD udp checksum';
    return `${way} udp ${(b[0]! << 8) | b[1]!} > ${(b[2]! << 8) | b[3]!} len ${b.length - 8}`;
  }
  if (s.protocol !== 1 && s.protocol !== 58) return `${way} protocol ${s.protocol}`;
  if (sum16(over, b) !== 0xffff) return 'BAD icmp checksum';
  const name = s.protocol === 1 ? 'icmp' : 'icmp6';
  const [type, code] = [b[0]!, b[1]!];
  const isEcho = [0, 8, 128, 129].includes(type) && code === 0;
  const [high, low] = [(b[4]! << 8) | b[5]!, (b[6]! << 8) | b[7]!];
  if (isEcho && (s.protocol === 58) === type >= 128) {
    const what = type === 0 || type === 129 ? 'reply' : 'request';
    return `${way} ${name} ${what} id ${high} seq ${low} len ${b.length - 8}`;
  }
  const rest = high * 65536 + low;
  return `${way} ${name} ${type}/${code}${rest === 0 ? '' : ` rest ${rest}`} quote ${b.length - 8}`;
}

/** The quotation in an ICMP error of ours. */
export const quoted = (s: Seen): Bytes => s.payload.slice(8);
