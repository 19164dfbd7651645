/** Packets: direction, what is said of the IP header, then TCP, UDP or ICMP. */
import { isV4 } from '../../wire/address.ts';
import { TCP_FLAG, TCP_HEADER_LEN, TCP_MAX_OPTIONS_LEN } from '../../wire/tcp.ts';
import { icmpHasMtu, icmpKind } from './icmp-names.ts';
import type { ScriptOptions } from './options.ts';
import type {
  Ecn,
  IcmpPacket,
  IpFields,
  PacketAction,
  Ports,
  Position,
  QuotedPacket,
  SequenceRange,
  TcpOption,
  TcpPacket,
  UdpPacket,
} from './script.ts';
import { parseTcpOptions } from './tcp-option-parser.ts';
import { optionsLength } from './tcp-options.ts';
import type { TokenReader } from './token-reader.ts';

const MAX_PAYLOAD = 65535 - 40;

/** What all three kinds begin with. */
interface Head {
  readonly at: Position;
  readonly isInbound: boolean;
  readonly encapsulations: readonly string[];
  readonly ip: IpFields;
}

export function parsePacket(reader: TokenReader, options: ScriptOptions): PacketAction {
  const { at } = reader;
  const isInbound = reader.next().text === '<';
  const encapsulations = parseEncapsulations(reader);
  const head: Head = { at, isInbound, encapsulations, ip: parseIpFields(reader, isInbound) };
  if (reader.skip('icmp')) return parseIcmp(reader, head, isV4(options.localIp));
  if (reader.skip('udp')) return parseUdp(reader, head);
  return parseTcp(reader, head);
}

/**
 * Headers around the packet are understood well enough to be skipped and named: `encap psp spi N …` runs
 * up to what no longer looks like one of its fields, the others up to their colon.
 */
function parseEncapsulations(reader: TokenReader): readonly string[] {
  const names: string[] = [];
  for (;;) {
    const name = reader.peek().text;
    if (reader.skip('encap')) {
      names.push(reader.word('an encapsulation'));
      while (['spi', 'key', 'seq', 'sum', 'off', 'udp'].some((field) => reader.is(field))) {
        reader.next();
        reader.next();
      }
    } else if (['ipv4', 'ipv6', 'gre', 'GREv0', 'mpls'].some((word) => reader.skip(word))) {
      names.push(name);
      while (!reader.skip(':')) {
        if (reader.isKind('end')) reader.fail(`expected ':' behind ${name}`);
        reader.next();
      }
    } else return names;
  }
}

const ECN_WORDS: readonly Ecn[] = ['noecn', 'ect0', 'ect1', 'ce', 'ect01'];

function parseIpFields(reader: TokenReader, isInbound: boolean): IpFields {
  const closing = reader.is('(') ? ')' : reader.is('[') ? ']' : null;
  let fields: IpFields = { ecn: null, tos: null, flowLabel: null, ttl: null };
  if (closing === null) return fields;
  do {
    reader.next();
    fields = { ...fields, ...parseIpField(reader, isInbound) };
  } while (reader.is(','));
  reader.expect(closing, 'behind the IP fields');
  return fields;
}

function parseIpField(reader: TokenReader, isInbound: boolean): Partial<IpFields> {
  if (reader.skip('tos')) return { tos: reader.integer('a TOS byte', 0, 255) };
  if (reader.skip('flowlabel')) return { flowLabel: reader.integer('a flow label', 0, 0xfffff) };
  if (reader.skip('ttl')) return { ttl: reader.integer('a TTL', 0, 255) };
  const ecn = ECN_WORDS.find((word) => reader.is(word));
  if (ecn === undefined) {
    reader.fail(`expected an ECN word, tos, flowlabel or ttl, not ${reader.shown()}`);
  }
  if (ecn === 'ect01' && isInbound) reader.fail('ect01 is for outbound packets: which one is it?');
  reader.next();
  return { ecn };
}

// ---- TCP ----

function parseTcp(reader: TokenReader, head: Head): TcpPacket {
  const ports = parsePorts(reader);
  const flags = parseFlags(reader);
  const seq = parseSequence(reader);
  const ack = reader.skip('ack') ? reader.integer('an ACK number') : null;
  const window = reader.skip('win') ? reader.integer('a window', 0, 65535) : null;
  const urgent = reader.skip('urg') ? reader.integer('an urgent pointer', 0, 65535) : null;
  const options = reader.skip('<') ? parseOptions(reader, head) : [];
  if (head.isInbound && window === null) reader.fail('an inbound packet has a window', head.at);
  const len = options === null ? 0 : optionsLength(options);
  if (len % 4 !== 0) reader.fail(`the options are ${len} bytes: not a multiple of 4`, head.at);
  if (len > TCP_MAX_OPTIONS_LEN) reader.fail(`the options are ${len} bytes: at most 40`, head.at);
  if (seq.len > MAX_PAYLOAD - TCP_HEADER_LEN - len) reader.fail('more than a packet', head.at);
  return { kind: 'tcp', ...head, ports, flags, seq, ack, window, urgent, options };
}

function parseOptions(reader: TokenReader, head: Head): readonly TcpOption[] | null {
  if (!reader.isKind('ellipsis')) return parseTcpOptions(reader);
  if (head.isInbound) reader.fail('<...> is for outbound packets: which options are they?');
  reader.next();
  reader.expect('>', 'behind <...');
  return null;
}

function parsePorts(reader: TokenReader): Ports | null {
  if (!reader.isKind('integer')) return null;
  const source = reader.integer('a source port', 0, 65535);
  reader.expect('>', 'between the ports');
  return { source, destination: reader.integer('a destination port', 0, 65535) };
}

const FLAG_LETTERS: Readonly<Record<string, number>> = {
  F: TCP_FLAG.FIN,
  S: TCP_FLAG.SYN,
  R: TCP_FLAG.RST,
  P: TCP_FLAG.PSH,
  U: TCP_FLAG.URG,
  E: TCP_FLAG.ECE,
  W: TCP_FLAG.CWR,
  A: TCP_FLAG.AE,
};

/** `-`, `.`, `FP.`, `S.5`: a digit is the AccECN counter of three bits in place of E, W and A. */
function parseFlags(reader: TokenReader): number {
  if (reader.skip('-')) return 0;
  const { at } = reader;
  let flags = 0;
  let hasAny = false;
  if (reader.isKind('word')) {
    for (const letter of reader.next().text) flags |= flagOf(reader, letter, at);
    hasAny = true;
  }
  if (reader.skip('.')) return flags | TCP_FLAG.ACK;
  const counter = reader.peek();
  if (counter.kind === 'float' && /^\.[0-7]$/.test(counter.text)) {
    reader.next();
    return flags | TCP_FLAG.ACK | aceBits(Number(counter.text.slice(1)));
  }
  if (!hasAny) reader.fail(`expected TCP flags, not ${reader.shown()}`);
  return flags;
}

function flagOf(reader: TokenReader, letter: string, at: Position): number {
  if (/[0-7]/.test(letter)) return aceBits(Number(letter));
  const bit = FLAG_LETTERS[letter];
  return bit ?? reader.fail(`'${letter}' is not a TCP flag: they are FSRPUEWA and a dot`, at);
}

/** RFC 9768 §3.2.1: AE, CWR and ECE are the counter's bits, from the highest. */
function aceBits(counter: number): number {
  return (
    ((counter & 4) === 0 ? 0 : TCP_FLAG.AE) |
    ((counter & 2) === 0 ? 0 : TCP_FLAG.CWR) |
    ((counter & 1) === 0 ? 0 : TCP_FLAG.ECE)
  );
}

/** `seq:end(len)`, on the circle of 2^32. */
function parseSequence(reader: TokenReader): SequenceRange {
  const { at } = reader;
  const start = reader.integer('a sequence number');
  reader.expect(':', 'behind the sequence number');
  const end = reader.integer('the end of the sequence');
  reader.expect('(', 'before the length');
  const len = reader.integer('a length', 0, MAX_PAYLOAD);
  reader.expect(')', 'behind the length');
  if ((start + len) % 4294967296 !== end) {
    reader.fail(`${start}:${end}(${len}): the end is not ${start + len}`, at);
  }
  return { start, len };
}

// ---- UDP and ICMP ----

function parseUdp(reader: TokenReader, head: Head): UdpPacket {
  return { kind: 'udp', ...head, ports: parsePorts(reader), len: parseLength(reader) };
}

function parseLength(reader: TokenReader): number {
  reader.expect('(', 'before the length');
  const len = reader.integer('a length', 0, 65535 - 28);
  reader.expect(')', 'behind the length');
  return len;
}

function parseIcmp(reader: TokenReader, head: Head, wantsV4: boolean): IcmpPacket {
  const { at } = reader;
  const type = reader.word('an ICMP type');
  const hasCode = reader.isKind('word') && !reader.is('mtu') && !reader.is('id');
  const icmp = icmpKind(wantsV4, type, hasCode ? reader.next().text : null);
  if (typeof icmp === 'string') return reader.fail(icmp, at);
  const mtu = reader.skip('mtu') ? reader.integer('an MTU', 0, 0xffffffff) : null;
  if (mtu !== null && !icmpHasMtu(wantsV4, icmp)) reader.fail(`${icmp.name} carries no MTU`, at);
  const id = reader.skip('id') ? reader.integer('an identifier', 0, 65535) : null;
  return { kind: 'icmp', ...head, icmp, mtu, id, quoted: parseQuoted(reader) };
}

function parseQuoted(reader: TokenReader): QuotedPacket | null {
  if (!reader.skip('[')) return null;
  let quoted: QuotedPacket;
  if (reader.skip('udp')) quoted = { kind: 'udp', len: parseLength(reader) };
  else if (reader.skip('raw')) quoted = { kind: 'raw', len: parseLength(reader) };
  else quoted = { kind: 'tcp', seq: parseSequence(reader) };
  reader.expect(']', 'behind the packet in error');
  return quoted;
}
