/**
 * Payload sums, the native pass beside the loop in JavaScript: where one overtakes the other.
 * Medians of rounds that take turns, in ns a call, and the spread.
 */
import { loadAddon } from '../src/live/addon.ts';
import { sumBytes } from '../src/wire/checksum.ts';
import { range } from './quantile.ts';

const ROUNDS = 9;
const BYTES_A_ROUND = 2e7;
const addon = loadAddon();
const buffer = new ArrayBuffer(1 << 20);
const dv = new DataView(buffer);
const u8 = new Uint8Array(buffer);
for (let i = 0; i < u8.length; i++) {
  u8[i] = i * 7;
}

function time(calls: number, one: () => number): number {
  let sum = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) sum += one();
  const ns = Number(process.hrtime.bigint() - start) / calls;
  if (Number.isNaN(sum)) throw new Error('the sum is used');
  return ns;
}

console.log('bytes  native ns       JavaScript ns');
for (const len of [64, 256, 512, 1024, 1480, 8000, 65536]) {
  if (addon.sumBytes(buffer, 64, len) !== sumBytes(dv, 64, len, 0)) throw new Error('sums differ');
  const calls = Math.ceil(BYTES_A_ROUND / (len + 500));
  const native: number[] = [];
  const script: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    native.push(time(calls, () => addon.sumBytes(buffer, 64, len)));
    script.push(time(calls, () => sumBytes(dv, 64, len, 0)));
  }
  console.log(`${String(len).padEnd(6)} ${range(native, 0).padEnd(15)} ${range(script, 0)}`);
}
