/** What a call returned against what the script says: the result, and whatever it gives back beside it. */
import { SEC } from '../../base/time.ts';
import { epollEvent, optionBytes } from './call-request.ts';
import type { Arguments } from './expressions.ts';
import type { Difference } from './packet-compare.ts';
import type { Expression, RecordExpression } from './script.ts';
import { errnoText, errnoValue, flagsText, symbolValue } from './symbols.ts';
import type { CallOutput, CallResult, ControlMessage } from './system-under-test.ts';

/** Their results name a descriptor: which number the stack chose is its own affair. */
export const RETURNS_FD: ReadonlySet<string> = new Set([
  ...['socket', 'accept', 'accept4', 'open', 'epoll_create'],
]);

/** How times in control messages are compared. */
export interface TimeCheck {
  readonly startNs: number;
  /** How far off a time may be that is so long after the start. */
  allowedNs(sinceStartNs: number): number;
}

export function checkCall(args: Arguments, result: CallResult, time: TimeCheck): Difference | null {
  const wrong = checkResult(args, result.value);
  if (wrong !== null || result.value < 0) return wrong;
  const check = OUTPUTS[args.call.name];
  return check === undefined ? null : check(args, result.out ?? {}, time, result.value);
}

function checkResult(args: Arguments, value: number): Difference | null {
  const { call } = args;
  if (call.result.kind === 'ellipsis') return null;
  const expected = args.valueOf(call.result);
  const errno = call.errno === null ? null : errnoValue(call.errno);
  if (call.errno !== null && errno === null) args.fail(call.at, `${call.errno} is not an error`);
  let isGood = value === expected;
  if (expected === -1) isGood = errno === null ? value < 0 : value === -errno;
  else if (expected >= 0 && RETURNS_FD.has(call.name)) isGood = value >= 0;
  if (isGood) return null;
  const wanted = call.errno === null ? `${expected}` : `${expected} ${call.errno}`;
  return difference('result', wanted, value < 0 ? `-1 ${errnoText(value)}` : `${value}`);
}

const difference = (what: string, expected: string, actual: string): Difference => ({
  what,
  expected,
  actual,
});

/** Null when they are the same. */
const numbersDiffer = (what: string, expected: number, actual: number): Difference | null =>
  expected === actual ? null : difference(what, `${expected}`, `${actual}`);

const flagsDiffer = (what: string, prefix: string, expected: number, actual: number) =>
  expected === actual
    ? null
    : difference(what, flagsText(prefix, expected), flagsText(prefix, actual));

type OutputCheck = (
  args: Arguments,
  out: CallOutput,
  time: TimeCheck,
  value: number,
) => Difference | null;

const OUTPUTS: Readonly<Record<string, OutputCheck>> = {
  getsockopt: checkOption,
  ioctl: (args, out) =>
    args.call.args.length < 3 || out.number === undefined
      ? null
      : numbersDiffer('value', args.number(2), out.number),
  recvmsg: checkMessage,
  poll: checkPoll,
  epoll_wait: checkEpoll,
};

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

function checkOption(args: Arguments, out: CallOutput): Difference | null {
  const actual = out.option ?? new Uint8Array(0);
  const wrongLen = numbersDiffer('option length', args.number(4), actual.length);
  if (wrongLen !== null) return wrongLen;
  if (args.isEllipsis(3)) return null;
  const expected = optionBytes(args, args.at(3), actual.length);
  if (expected.every((byte, i) => byte === actual[i])) return null;
  if (actual.length !== 4) return difference('option value', hex(expected), hex(actual));
  const word = (bytes: Uint8Array) => new DataView(bytes.slice().buffer).getInt32(0, true);
  return numbersDiffer('option value', word(expected), word(actual));
}

function checkPoll(args: Arguments, out: CallOutput): Difference | null {
  for (const [i, item] of args.list(0).entries()) {
    const record = args.record(item, 'pollfd');
    const expected = args.numberField(record, 'revents');
    const wrong = flagsDiffer(`revents of entry ${i}`, 'POLL', expected, out.revents?.[i] ?? 0);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** The first that is ready; with none, the record stays as zero as it was. */
function checkEpoll(args: Arguments, out: CallOutput): Difference | null {
  if (args.isEllipsis(1)) return null;
  const expected = epollEvent(args, args.at(1));
  const actual = out.events?.[0] ?? { events: 0, data: 0 };
  return (
    flagsDiffer('events', 'EPOLL', expected.events, actual.events) ??
    numbersDiffer('event data', expected.data, actual.data)
  );
}

function checkMessage(args: Arguments, out: CallOutput, time: TimeCheck): Difference | null {
  const header = args.record(args.at(1), 'msghdr');
  const flags = args.field(header, 'msg_flags');
  if (flags !== null && flags.kind !== 'ellipsis') {
    const wrong = flagsDiffer('msg_flags', 'MSG_', args.valueOf(flags), out.flags ?? 0);
    if (wrong !== null) return wrong;
  }
  const control = args.field(header, 'msg_control');
  if (control === null || control.kind === 'ellipsis') return null;
  if (control.kind !== 'list') return args.fail(control.at, 'expected [ ]');
  const actual = out.control ?? [];
  const wrong = numbersDiffer('number of control messages', control.items.length, actual.length);
  if (wrong !== null) return wrong;
  for (const [i, item] of control.items.entries()) {
    const found = checkControl(args, args.record(item, 'cmsg'), actual[i]!, time);
    if (found !== null) return { ...found, what: `control message ${i}: ${found.what}` };
  }
  return null;
}

function checkControl(
  args: Arguments,
  expected: RecordExpression,
  actual: ControlMessage,
  time: TimeCheck,
): Difference | null {
  const wrong =
    numbersDiffer('level', args.numberField(expected, 'cmsg_level'), actual.level) ??
    numbersDiffer('type', args.numberField(expected, 'cmsg_type'), actual.type);
  const data = args.field(expected, 'cmsg_data');
  if (wrong !== null || data === null || data.kind === 'ellipsis') return wrong;
  const dv = new DataView(actual.data.slice().buffer);
  if (data.kind !== 'record') return numbersDiffer('data', args.valueOf(data), integerOf(dv));
  switch (data.shape) {
    case 'timestamp':
      return checkTimestamp(args, data, dv, time);
    case 'extended error':
      return checkFields(args, data, ERROR_FIELDS, dv);
    case 'statistics':
      return checkStatistics(args, data, dv);
    default:
      return args.fail(data.at, 'that is nothing a control message holds');
  }
}

/** Up to 8 bytes, little-endian. */
function integerOf(dv: DataView): number {
  let value = 0;
  for (let i = Math.min(dv.byteLength, 8) - 1; i >= 0; i--) value = value * 256 + dv.getUint8(i);
  return value;
}

/** Three pairs of 64-bit seconds and nanoseconds, of which one is set. */
function checkTimestamp(
  args: Arguments,
  expected: RecordExpression,
  dv: DataView,
  time: TimeCheck,
): Difference | null {
  const wantedNs =
    args.numberField(expected, 'scm_sec') * SEC + args.numberField(expected, 'scm_nsec');
  if (wantedNs === 0) return null;
  let seenNs = 0;
  for (let o = 0; o + 16 <= dv.byteLength && seenNs === 0; o += 16) {
    seenNs = Number(dv.getBigInt64(o, true)) * SEC + Number(dv.getBigInt64(o + 8, true));
  }
  const actualNs = seenNs - time.startNs;
  if (Math.abs(actualNs - wantedNs) <= time.allowedNs(wantedNs)) return null;
  return difference('timestamp', `${wantedNs / SEC} s`, `${actualNs / SEC} s`);
}

/** Offset and width of each field of the structure. */
type Layout = Readonly<Record<string, readonly [number, number]>>;
const ERROR_FIELDS: Layout = {
  ee_errno: [0, 4],
  ee_origin: [4, 1],
  ee_type: [5, 1],
  ee_code: [6, 1],
  ee_info: [8, 4],
  ee_data: [12, 4],
};

function checkFields(
  args: Arguments,
  expected: RecordExpression,
  layout: Layout,
  dv: DataView,
): Difference | null {
  for (const { name, value } of expected.fields) {
    const [offset, width] = layout[name]!;
    const actual = fieldOf(dv, offset, width);
    if (actual === null) return difference(name, 'a field', `${dv.byteLength} bytes`);
    const wrong = isFree(value) ? null : numbersDiffer(name, args.valueOf(value), actual);
    if (wrong !== null) return wrong;
  }
  return null;
}

const isFree = (value: Expression): boolean => value.kind === 'ellipsis';

function fieldOf(dv: DataView, offset: number, width: number): number | null {
  if (offset + width > dv.byteLength) return null;
  return width === 1 ? dv.getUint8(offset) : dv.getUint32(offset, true);
}

/** Attributes: length with the header, type, value, padded to 4 bytes. */
function checkStatistics(
  args: Arguments,
  expected: RecordExpression,
  dv: DataView,
): Difference | null {
  const values = new Map<number, number>();
  for (let o = 0; o + 4 <= dv.byteLength; ) {
    const len = dv.getUint16(o, true);
    if (len < 4 || o + len > dv.byteLength) break;
    values.set(dv.getUint16(o + 2, true), integerOf(new DataView(dv.buffer, o + 4, len - 4)));
    o += (len + 3) & ~3;
  }
  for (const { name, at, value } of expected.fields) {
    const type = symbolValue(name) ?? args.fail(at, `${name} is not known`);
    const actual = values.get(type);
    if (actual === undefined) return difference(name, 'a value', 'nothing');
    const wrong = isFree(value) ? null : numbersDiffer(name, args.valueOf(value), actual);
    if (wrong !== null) return wrong;
  }
  return null;
}
