/**
 * What a host answered, in a line that names neither the hosts nor anything drawn at random. Left out, because ours
 * is another (docs/interop-probes.md): the window of a SYN.
 */
import { addressText, type Bytes } from '../net/packets.ts';

/** Who asks whom. */
export interface Ends {
  readonly us4: string;
  readonly them4: string;
  readonly us6: string;
  readonly them6: string;
}

const hexText = (b: Bytes): string =>
  Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
const u16At = (b: Bytes, o: number): number => (b[o]! << 8) | b[o + 1]!;

/** Null for what no probe asked for: reports of groups, solicitations of routers. */
export function answerText(frame: Bytes, ends: Ends): string | null {
  const p = frame.subarray(14);
  const type = u16At(frame, 12);
  if (type === 0x0800) return text4(p.subarray(0, u16At(p, 2)), ends);
  if (type === 0x86dd) return text6(p.subarray(0, 40 + u16At(p, 4)), ends);
  return `ethertype ${type.toString(16)}`;
}

const nameOf = (address: string, ends: Ends): string => {
  if (address === ends.us4 || address === ends.us6) return 'peer';
  return address === ends.them4 || address === ends.them6 ? 'host' : address;
};

function text4(p: Bytes, ends: Ends): string | null {
  const headerLen = (p[0]! & 15) * 4;
  const from = nameOf(addressText(p.slice(12, 16)), ends);
  const to = nameOf(addressText(p.slice(16, 20)), ends);
  if (p[9] === 2) return null;
  const flags = u16At(p, 6);
  const words = [`${from}>${to}`, `ttl ${p[8]}`, `tos ${p[1]}`];
  // Without DF it is drawn (RFC 6864 §4.2): one in 65,536 is zero.
  if ((flags & 0x4000) !== 0) words.push(u16At(p, 4) === 0 ? 'DF' : 'DF id');
  if (headerLen > 20) words.push(`options ${hexText(p.slice(20, headerLen))}`);
  if ((flags & 0x3fff) !== 0) words.push(`fragment ${(flags & 0x1fff) * 8}`);
  return `${words.join(' ')} ${transport(p[9]!, p.subarray(headerLen))}`;
}

function text6(p: Bytes, ends: Ends): string | null {
  const from = nameOf(addressText(p.slice(8, 24)), ends);
  const to = nameOf(addressText(p.slice(24, 40)), ends);
  if (p[6] === 0 || (p[6] === 58 && [133, 134, 143].includes(p[40]!))) return null;
  const tc = ((p[0]! & 15) << 4) | (p[1]! >>> 4);
  const label = ((p[1]! & 15) << 16) | u16At(p, 2);
  // A connection's is a hash (RFC 6437 §3): one in a million is zero.
  const flow = p[6] === 6 ? '' : label === 0 ? 'no label ' : 'label ';
  return `${from}>${to} hop ${p[7]} tc ${tc} ${flow}${transport(p[6]!, p.subarray(40))}`;
}

function transport(protocol: number, b: Bytes): string {
  if (protocol === 1 || protocol === 58) {
    const rest = hexText(b.slice(4, 8));
    if (b[0] === 136) return `icmp 136/${b[1]} ${rest} ${b.length > 24 ? 'with option' : 'bare'}`;
    return `icmp ${b[0]}/${b[1]} ${rest} +${b.length - 8}`;
  }
  if (protocol === 6) return tcpText(b);
  if (protocol === 17) return `udp +${b.length - 8}`;
  return `protocol ${protocol} +${b.length}`;
}

function tcpText(b: Bytes): string {
  const names = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];
  const flags = names.filter((_, i) => (b[13]! & (1 << i)) !== 0).join('');
  const optionLen = (b[12]! >>> 4) * 4 - 20;
  const kinds: string[] = [];
  for (let o = 20; o < 20 + optionLen; ) {
    const kind = b[o]!;
    const len = kind < 2 ? 1 : Math.max(2, b[o + 1]!);
    kinds.push(kind === 8 ? '8' : hexText(b.slice(o, o + len)));
    o += len;
  }
  const seq = hasSyn(b) ? '*' : numberAt(b, 4);
  const ack = numberAt(b, 8);
  const rest = b.length - 20 - optionLen;
  return `tcp ${flags} seq ${seq} ack ${ack} win ${hasSyn(b) ? '*' : u16At(b, 14)} <${kinds.join(' ')}> +${rest}`;
}

const numberAt = (b: Bytes, o: number): number => ((u16At(b, o) << 16) | u16At(b, o + 2)) >>> 0;
const hasSyn = (b: Bytes): boolean => (b[13]! & 2) !== 0;
