/** TCP options as written, in the order in which they stand on the wire. */
import { MAX_SACK_BLOCKS } from '../../wire/tcp.ts';
import type { SackBlock, TcpOption } from './script.ts';
import type { TokenReader } from './token-reader.ts';

/** From behind the opening `<` to behind the closing `>`. */
export function parseTcpOptions(reader: TokenReader): readonly TcpOption[] {
  const options: TcpOption[] = [];
  do options.push(parseOption(reader));
  while (reader.skip(','));
  reader.expect('>', 'behind the TCP options');
  return options;
}

function parseOption(reader: TokenReader): TcpOption {
  const name = reader.peek().text;
  switch (reader.isKind('word') ? reader.next().text : '') {
    case 'nop':
      return { kind: 'nop' };
    case 'eol':
      return { kind: 'eol' };
    case 'sackOK':
      return { kind: 'sackOK' };
    case 'mss':
      return { kind: 'mss', value: reader.integer('an MSS', 0, 65535) };
    case 'wscale':
      return { kind: 'wscale', value: reader.integer('a window scale', 0, 255) };
    case 'sack':
      return { kind: 'sack', blocks: parseBlocks(reader) };
    case 'TS':
      return parseTimestamps(reader);
    case 'FO':
      return { kind: 'FO', bytes: parseHex(reader, 'a cookie', 0, 38) };
    case 'FOEXP':
      return { kind: 'FOEXP', bytes: parseHex(reader, 'a cookie', 0, 36) };
    case 'md5':
      return { kind: 'md5', bytes: parseHex(reader, 'an MD5 digest', 16, 16) };
    case 'ECN':
      return parseAccEcn(reader);
    default:
      return reader.fail(`'${name}' is not a TCP option`);
  }
}

function parseBlocks(reader: TokenReader): readonly SackBlock[] {
  const blocks: SackBlock[] = [];
  while (reader.isKind('integer')) {
    const left = reader.integer('the left edge of a SACK block');
    reader.expect(':', 'between the edges of a SACK block');
    blocks.push({ left, right: reader.integer('the right edge of a SACK block') });
  }
  if (blocks.length === 0) reader.fail(`expected a SACK block, not ${reader.shown()}`);
  if (blocks.length > MAX_SACK_BLOCKS) reader.fail('more than four SACK blocks');
  return blocks;
}

function parseTimestamps(reader: TokenReader): TcpOption {
  reader.expect('val', 'behind TS');
  const val = reader.integer('a timestamp');
  reader.expect('ecr', 'behind the timestamp');
  return { kind: 'TS', val, ecr: reader.integer('an echoed timestamp') };
}

/** Hexadecimal digits; all of them decimal, they arrive as an integer and keep their text. */
function parseHex(reader: TokenReader, what: string, min: number, max: number): string {
  const token = reader.peek();
  const isHex = token.kind === 'word' || token.kind === 'integer';
  const text = isHex ? token.text.toLowerCase() : '';
  if (isHex) {
    if (!/^(?:[0-9a-f]{2})*$/.test(text)) {
      reader.fail(`${what} is whole bytes in hexadecimal, not ${reader.shown()}`);
    }
    reader.next();
  }
  const len = text.length / 2;
  if (len < min || len > max) {
    reader.fail(`${what} has ${min === max ? min : `${min} to ${max}`} bytes, not ${len}`);
  }
  return text;
}

/** RFC 9768 §3.2.3: the counters in either order, cut off at the end where they are not needed. */
function parseAccEcn(reader: TokenReader): TcpOption {
  const first = reader.is('e1b') ? 1 : 0;
  const names = first === 0 ? ['e0b', 'ceb', 'e1b'] : ['e1b', 'ceb', 'e0b'];
  const counters: number[] = [];
  for (const name of names) {
    if (!reader.skip(name)) break;
    counters.push(reader.integer(`the counter ${name}`, 0, 0xffffff));
  }
  if (counters.length === 0) reader.fail(`expected e0b or e1b, not ${reader.shown()}`);
  return { kind: 'ECN', first, counters };
}
