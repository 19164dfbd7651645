/** TCP options as a list and as bytes, and back, losing nothing. */
import { FAST_OPEN_EXPERIMENT, TCP_OPT, tcpOptionLen } from '../../wire/tcp.ts';
import type { SackBlock, TcpOption } from './script.ts';

export function optionsLength(options: readonly TcpOption[]): number {
  return options.reduce((len, option) => len + optionLength(option), 0);
}

function optionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
    case 'eol':
      return 1;
    case 'sackOK':
      return 2;
    case 'mss':
      return 4;
    case 'wscale':
      return 3;
    case 'sack':
      return 2 + 8 * option.blocks.length;
    case 'TS':
      return 10;
    case 'FO':
    case 'md5':
      return 2 + option.bytes.length / 2;
    case 'FOEXP':
      return 4 + option.bytes.length / 2;
    case 'raw':
      return option.bytes.length / 2;
    case 'ECN':
      return 2 + 3 * option.counters.length;
  }
}

/** Writes them at `o`, where `optionsLength` bytes are free. */
export function writeOptions(dv: DataView, o: number, options: readonly TcpOption[]): void {
  let at = o;
  for (const option of options) {
    writeOption(dv, at, option);
    at += optionLength(option);
  }
}

function writeOption(dv: DataView, o: number, option: TcpOption): void {
  const head = (kind: number): void => {
    dv.setUint8(o, kind);
    dv.setUint8(o + 1, optionLength(option));
  };
  switch (option.kind) {
    case 'nop':
      dv.setUint8(o, TCP_OPT.NOP);
      break;
    case 'eol':
      dv.setUint8(o, TCP_OPT.END);
      break;
    case 'sackOK':
      head(TCP_OPT.SACK_PERMITTED);
      break;
    case 'mss':
      head(TCP_OPT.MSS);
      dv.setUint16(o + 2, option.value);
      break;
    case 'wscale':
      head(TCP_OPT.WINDOW_SCALE);
      dv.setUint8(o + 2, option.value);
      break;
    case 'sack':
      head(TCP_OPT.SACK);
      writeBlocks(dv, o + 2, option.blocks);
      break;
    case 'TS':
      head(TCP_OPT.TIMESTAMPS);
      dv.setUint32(o + 2, option.val);
      dv.setUint32(o + 6, option.ecr);
      break;
    case 'FO':
      head(TCP_OPT.FAST_OPEN);
      writeHex(dv, o + 2, option.bytes);
      break;
    case 'FOEXP':
      head(TCP_OPT.EXPERIMENT);
      dv.setUint16(o + 2, FAST_OPEN_EXPERIMENT);
      writeHex(dv, o + 4, option.bytes);
      break;
    case 'md5':
      head(TCP_OPT.MD5);
      writeHex(dv, o + 2, option.bytes);
      break;
    case 'raw':
      writeHex(dv, o, option.bytes);
      break;
    case 'ECN':
      head(option.first === 0 ? TCP_OPT.ACCECN0 : TCP_OPT.ACCECN1);
      writeCounters(dv, o + 2, option.counters);
  }
}

function writeBlocks(dv: DataView, o: number, blocks: readonly SackBlock[]): void {
  for (const [i, block] of blocks.entries()) {
    dv.setUint32(o + 8 * i, block.left);
    dv.setUint32(o + 8 * i + 4, block.right);
  }
}

function writeCounters(dv: DataView, o: number, counters: readonly number[]): void {
  for (const [i, counter] of counters.entries()) {
    dv.setUint8(o + 3 * i, counter >>> 16);
    dv.setUint16(o + 3 * i + 1, counter);
  }
}

function writeHex(dv: DataView, o: number, hex: string): void {
  for (let i = 0; i < hex.length; i += 2) {
    dv.setUint8(o + i / 2, Number.parseInt(hex.slice(i, i + 2), 16));
  }
}

/**
 * What stands between `from` and `end`. Whatever has no notation, or is not written as the notation
 * would write it, becomes `raw`: two lists are equal exactly when their bytes are.
 */
export function readOptions(dv: DataView, from: number, end: number): readonly TcpOption[] {
  const options: TcpOption[] = [];
  let at = from;
  while (at < end) {
    const len = tcpOptionLen(dv, at, end);
    if (len === 0) {
      options.push({ kind: 'raw', bytes: hexOf(dv, at, end) });
      break;
    }
    options.push(readOption(dv, at, len));
    at += len;
  }
  return options;
}

function readOption(dv: DataView, o: number, len: number): TcpOption {
  const kind = dv.getUint8(o);
  const bytes = () => hexOf(dv, o + 2, o + len);
  if (kind === TCP_OPT.END) return { kind: 'eol' };
  if (kind === TCP_OPT.NOP) return { kind: 'nop' };
  if (kind === TCP_OPT.SACK_PERMITTED && len === 2) return { kind: 'sackOK' };
  if (kind === TCP_OPT.MSS && len === 4) return { kind: 'mss', value: dv.getUint16(o + 2) };
  if (kind === TCP_OPT.WINDOW_SCALE && len === 3) {
    return { kind: 'wscale', value: dv.getUint8(o + 2) };
  }
  if (kind === TCP_OPT.TIMESTAMPS && len === 10) {
    return { kind: 'TS', val: dv.getUint32(o + 2), ecr: dv.getUint32(o + 6) };
  }
  if (kind === TCP_OPT.SACK && len > 2 && len % 8 === 2) {
    return { kind: 'sack', blocks: readBlocks(dv, o + 2, o + len) };
  }
  if (kind === TCP_OPT.FAST_OPEN) return { kind: 'FO', bytes: bytes() };
  if (kind === TCP_OPT.MD5 && len === 18) return { kind: 'md5', bytes: bytes() };
  if (kind === TCP_OPT.EXPERIMENT && len >= 4 && dv.getUint16(o + 2) === FAST_OPEN_EXPERIMENT) {
    return { kind: 'FOEXP', bytes: hexOf(dv, o + 4, o + len) };
  }
  const isAccEcn = kind === TCP_OPT.ACCECN0 || kind === TCP_OPT.ACCECN1;
  if (isAccEcn && len > 2 && len <= 11 && len % 3 === 2) {
    const first = kind === TCP_OPT.ACCECN0 ? 0 : 1;
    return { kind: 'ECN', first, counters: readCounters(dv, o + 2, o + len) };
  }
  return { kind: 'raw', bytes: hexOf(dv, o, o + len) };
}

function readBlocks(dv: DataView, from: number, end: number): readonly SackBlock[] {
  const blocks: SackBlock[] = [];
  for (let at = from; at < end; at += 8) {
    blocks.push({ left: dv.getUint32(at), right: dv.getUint32(at + 4) });
  }
  return blocks;
}

function readCounters(dv: DataView, from: number, end: number): readonly number[] {
  const counters: number[] = [];
  for (let at = from; at < end; at += 3) {
    counters.push((dv.getUint8(at) << 16) | dv.getUint16(at + 1));
  }
  return counters;
}

function hexOf(dv: DataView, from: number, end: number): string {
  let hex = '';
  for (let at = from; at < end; at++) hex += dv.getUint8(at).toString(16).padStart(2, '0');
  return hex;
}
