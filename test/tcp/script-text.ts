/** The lines of a dialogue, parsed; the notation is described in `tcp-harness.ts`. */
import { sortFlags } from './segment-text.ts';

export interface Line {
  readonly text: string;
  readonly isRelative: boolean;
  readonly isAnyTime: boolean;
  /** The time, or the ends of a range; since the origin, or since the line before. */
  readonly fromNs: number;
  readonly toNs: number;
  readonly toleranceNs: number;
  /** `<`, `<<`, `>`, or a call. */
  readonly verb: string;
  readonly args: readonly string[];
  /** Behind `=`. */
  readonly result: string | null;
  // ---- of a segment ----
  readonly flags: string;
  readonly seq: number;
  readonly len: number;
  readonly ack: number;
  readonly hasWin: boolean;
  readonly win: number;
  readonly urg: number;
  readonly options: string | null;
  readonly isAnyOption: boolean;
  /** In the one spelling that an emitted segment is described in. */
  readonly expected: string;
  readonly icmp: { readonly name: string; readonly mtu: number; readonly seq: number } | null;
}

type Segment = Pick<
  Line,
  | 'flags'
  | 'seq'
  | 'len'
  | 'ack'
  | 'hasWin'
  | 'win'
  | 'urg'
  | 'options'
  | 'isAnyOption'
  | 'expected'
>;
type Time = Pick<Line, 'isRelative' | 'isAnyTime' | 'fromNs' | 'toNs' | 'toleranceNs'>;

const NO_SEGMENT: Segment = {
  flags: '',
  seq: 0,
  len: 0,
  ack: 0,
  hasWin: false,
  win: 0,
  urg: 0,
  options: null,
  isAnyOption: false,
  expected: '',
};

export function parseScript(script: string): Line[] {
  return script
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(text: string): Line {
  const parts = /^(\S+)\s+(\S+)\s*(.*)$/.exec(text);
  if (parts === null) throw new Error(`a line is a time and what happens: "${text}"`);
  const [, time, verb, rest] = parts as unknown as [string, string, string, string];
  const base = { text, ...parseTime(time), verb, args: [], result: null, icmp: null };
  if (verb === '<' && rest.startsWith('icmp ')) {
    return { ...base, ...NO_SEGMENT, icmp: parseIcmp(rest.slice(5)) };
  }
  if (verb === '<' || verb === '<<' || verb === '>') return { ...base, ...parseSegmentText(rest) };
  const [call, result] = rest.split('=').map((part) => part.trim());
  const args = call === undefined || call === '' ? [] : call.split(/\s+/);
  return { ...base, ...NO_SEGMENT, args, result: result ?? null };
}

/** `0.1`, `+0.1`, `0.1~0.2`, `…`. */
function parseTime(text: string): Time {
  if (text === '…') {
    return { isRelative: false, isAnyTime: true, fromNs: 0, toNs: 0, toleranceNs: 0 };
  }
  const [from, to] = text.replace(/^\+/, '').split('~') as [string, string | undefined];
  const ns = (seconds: string): number => {
    const n = Number(seconds);
    if (!Number.isFinite(n)) throw new Error(`"${text}" is no time`);
    return Math.round(n * 1e9);
  };
  const digits = Math.max(3, (from.split('.')[1] ?? '').length);
  return {
    isRelative: text.startsWith('+'),
    isAnyTime: false,
    fromNs: ns(from),
    toNs: ns(to ?? from),
    toleranceNs: (0.5 * 1e9) / 10 ** digits,
  };
}

function parseIcmp(text: string): { name: string; mtu: number; seq: number } {
  const words = text.split(/\s+/);
  const seq = Number(words.at(-1));
  return { name: words[0]!, mtu: words.length > 2 ? Number(words[1]) : 0, seq };
}

function parseSegmentText(text: string): Segment {
  const m = /^(\S+)\s+(-?\d+):(-?\d+)\((\d+)\)\s*([^<]*?)\s*(?:<(.*)>)?$/.exec(text);
  if (m === null) throw new Error(`"${text}" is no segment`);
  const [, letters, from, to, length, fields, options] = m;
  const flags = sortFlags(letters!);
  const [seq, len] = [Number(from), Number(length)];
  if (Number(to) - seq !== len) throw new Error(`${from}:${to} is not ${length} bytes`);
  const field = (name: string): number | null => {
    const found = new RegExp(`\\b${name} (-?\\d+)`).exec(fields!);
    return found === null ? null : Number(found[1]);
  };
  const [ack, win, urg] = [field('ack'), field('win'), field('urg')];
  if (flags.includes('.') && ack === null) throw new Error('an ACK acknowledges something');
  let expected = `${flags} ${seq}:${seq + len}(${len})`;
  if (flags.includes('.')) expected += ` ack ${ack}`;
  if (win !== null) expected += ` win ${win}`;
  if (urg !== null) expected += ` urg ${urg}`;
  if (options !== undefined) expected += ` <${spelled(options)}>`;
  return {
    flags,
    seq,
    len,
    ack: ack ?? 0,
    hasWin: win !== null,
    win: win ?? 0,
    urg: urg ?? 0,
    options: options ?? null,
    isAnyOption: options === '*',
    expected,
  };
}

/** Padding aside, as it is when a segment of ours is described. */
function spelled(options: string): string {
  return options
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== 'nop' && part !== 'eol')
    .join(',');
}
