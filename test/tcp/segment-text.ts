/**
 * TCP segments as bytes and as lines of text, both ways, without a line of src/: what a peer would send, and
 * what it would make of ours. See `tcp-harness.ts` for the notation.
 */
import { addressBytes, type Bytes, join, sum16, u16, u32 } from '../net/packets.ts';

const FLAGS: readonly (readonly [string, number])[] = [
  ['F', 0x001],
  ['S', 0x002],
  ['R', 0x004],
  ['P', 0x008],
  ['.', 0x010],
  ['U', 0x020],
  ['E', 0x040],
  ['W', 0x080],
  ['A', 0x100],
];

export interface TcpFields {
  readonly srcPort: number;
  readonly dstPort: number;
  /** Absolute. */
  readonly seq: number;
  readonly ack: number;
  /** Letters: F S R P . U E W A; `-` for none. */
  readonly flags: string;
  readonly win: number;
  readonly urg?: number;
  readonly options?: readonly number[];
  readonly text?: Bytes;
  /** What stands in the header instead of the truth: the data offset in words, the reserved bits. */
  readonly words?: number;
  readonly reserved?: number;
  readonly isBadChecksum?: boolean;
}

export function flagBits(letters: string): number {
  let bits = 0;
  for (const letter of letters.replace('-', '')) {
    const flag = FLAGS.find(([name]) => name === letter);
    if (flag === undefined) throw new Error(`no flag is called ${letter}`);
    bits |= flag[1];
  }
  return bits;
}

const flagText = (bits: number): string =>
  FLAGS.filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name)
    .join('') || '-';

/** Letters in the one order in which they are printed. */
export const sortFlags = (letters: string): string => flagText(flagBits(letters));

/** The TCP header and text, checksummed between two addresses. */
export function tcpBytes(f: TcpFields, src: string, dst: string): Bytes {
  const options = [...(f.options ?? [])];
  while (options.length % 4 !== 0) options.push(0);
  const words = f.words ?? 5 + options.length / 4;
  const segment = join(
    u16(f.srcPort),
    u16(f.dstPort),
    u32(f.seq),
    u32(f.ack),
    u16((words << 12) | ((f.reserved ?? 0) << 9) | flagBits(f.flags)),
    u16(f.win),
    [0, 0],
    u16(f.urg ?? 0),
    options,
    f.text ?? [],
  );
  const sum = ~sum16(pseudo(src, dst, segment.length), segment) & 0xffff;
  segment.set(u16(f.isBadChecksum ? sum ^ 1 : sum), 16);
  return segment;
}

const pseudo = (src: string, dst: string, len: number): Bytes =>
  join(addressBytes(src), addressBytes(dst), u32(len), u32(6));

/** A segment of ours, read. */
export interface SeenSegment {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: string;
  readonly win: number;
  readonly urg: number;
  readonly options: Bytes;
  readonly text: Bytes;
}

/** Throws for a wrong checksum or length: ours must be right. */
export function readTcp(b: Bytes, src: string, dst: string): SeenSegment {
  if (sum16(pseudo(src, dst, b.length), b) !== 0xffff) throw new Error('a bad TCP checksum');
  const dv = new DataView(b.buffer, b.byteOffset, b.length);
  const headerLen = (b[12]! >>> 4) * 4;
  if (headerLen < 20 || headerLen > b.length) throw new Error('a bad TCP header length');
  const bits = dv.getUint16(12) & 0xfff;
  if ((bits & 0xe00) !== 0) throw new Error('reserved bits are set');
  return {
    srcPort: dv.getUint16(0),
    dstPort: dv.getUint16(2),
    seq: dv.getInt32(4),
    ack: dv.getInt32(8),
    flags: flagText(bits),
    win: dv.getUint16(14),
    urg: dv.getUint16(18),
    options: b.slice(20, headerLen),
    text: b.slice(headerLen),
  };
}

// ---- options ----

/** How sequence numbers and timestamps in options are made relative, and absolute again. */
export interface Origin {
  readonly seq: number;
  readonly tsVal: number;
  readonly tsEcr: number;
}

/** `mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7,sack 1:2 3:4,FO 0123456789abcdef,FOEXP,eol,raw 1e:04:00:00` as bytes. */
export function optionBytes(text: string, origin: Origin): number[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part) => oneOption(part, origin));
}

function oneOption(part: string, origin: Origin): number[] {
  const [name, ...rest] = part.split(/\s+/);
  switch (name) {
    case 'mss':
      return [2, 4, ...u16(Number(rest[0]))];
    case 'wscale':
      return [3, 3, Number(rest[0])];
    case 'sackOK':
      return [4, 2];
    case 'nop':
      return [1];
    case 'eol':
      return [0];
    case 'TS':
      return [
        8,
        10,
        ...u32((Number(rest[1]) + origin.tsVal) >>> 0),
        ...u32((Number(rest[3]) + origin.tsEcr) >>> 0),
      ];
    case 'sack': {
      const edges = rest.flatMap((block) => block.split(':')).map(Number);
      return [5, 2 + 4 * edges.length, ...edges.flatMap((e) => u32((e + origin.seq) >>> 0))];
    }
    case 'FO':
      return [34, 2 + hexBytes(rest[0]).length, ...hexBytes(rest[0])];
    case 'FOEXP':
      return [254, 4 + hexBytes(rest[0]).length, 0xf9, 0x89, ...hexBytes(rest[0])];
    case 'raw':
      return rest[0]!.split(':').map((x) => Number.parseInt(x, 16));
    default:
      throw new Error(`no option is called ${name}`);
  }
}

/** A Fast Open cookie; none is a request for one. */
function hexBytes(text = ''): number[] {
  return (text.match(/../g) ?? []).map((x) => Number.parseInt(x, 16));
}

/** Options as text, without padding (NOP, END). */
export function optionText(b: Bytes, origin: Origin): string {
  const dv = new DataView(b.buffer, b.byteOffset, b.length);
  const parts: string[] = [];
  for (let at = 0; at < b.length && b[at] !== 0; ) {
    if (b[at] === 1) {
      at++;
      continue;
    }
    const len = b[at + 1]!;
    if (len < 2 || at + len > b.length) throw new Error('a bad option length');
    parts.push(readOption(dv, at, len, origin));
    at += len;
  }
  return parts.join(',');
}

function readOption(dv: DataView, at: number, len: number, origin: Origin): string {
  switch (dv.getUint8(at)) {
    case 2:
      return `mss ${dv.getUint16(at + 2)}`;
    case 3:
      return `wscale ${dv.getUint8(at + 2)}`;
    case 4:
      return 'sackOK';
    case 5: {
      const blocks: string[] = [];
      for (let i = at + 2; i < at + len; i += 8) {
        const edge = (o: number): number => (dv.getInt32(o) - origin.seq) | 0;
        blocks.push(`${edge(i)}:${edge(i + 4)}`);
      }
      return `sack ${blocks.join(' ')}`;
    }
    case 8: {
      const val = (dv.getInt32(at + 2) - origin.tsVal) | 0;
      return `TS val ${val} ecr ${(dv.getInt32(at + 6) - origin.tsEcr) | 0}`;
    }
    case 34:
      return `FO ${hexText(dv, at + 2, len - 2)}`.trimEnd();
    case 254:
      return `FOEXP ${hexText(dv, at + 4, len - 4)}`.trimEnd();
    default:
      return `raw ${Array.from({ length: len }, (_, i) => dv.getUint8(at + i).toString(16)).join(':')}`;
  }
}

const hexText = (dv: DataView, at: number, len: number): string =>
  Array.from({ length: len }, (_, i) =>
    dv
      .getUint8(at + i)
      .toString(16)
      .padStart(2, '0'),
  ).join('');
