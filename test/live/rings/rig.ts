/** What the ring tests share: interfaces, frames, and ways to wait for them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Memory } from '../../../src/base/memory.ts';
import { Rng } from '../../../src/base/rng.ts';
import type { DEVICE_COUNTERS } from '../../../src/link/device.ts';
import { GSO, RX, RX_STRIDE } from '../../../src/link/ring-layout.ts';
import type { TxRing } from '../../../src/link/tx-ring.ts';
import { openMemory } from '../../../src/live/native-sum.ts';
import type { RingDevice } from '../../../src/live/ring-device.ts';
import { MacAddress } from '../../../src/wire/mac.ts';

export const OURS = MacAddress.parse('02:00:00:00:aa:01')!;
export const OTHER = MacAddress.parse('02:00:00:00:bb:02')!;
/** IEEE 802 local experimental: no protocol of the kernel takes such frames. */
export const ETHERTYPE = 0x88b5;

const random = new Rng(20_261_120).stream('ring tests');

export function smallMemory(chunks = 32): Memory {
  return openMemory({ slabBytes: 96 << 20, chunks, cellBytes: 1 << 20 });
}

export function ip(line: string): string {
  return execFileSync('ip', line.split(' '), { encoding: 'latin1', stdio: 'pipe' });
}

export function tc(line: string): void {
  execFileSync('tc', line.split(' '), { stdio: 'pipe' });
}

/** No neighbour discovery of the kernel's between our frames. */
export function quietKernel(): void {
  for (const which of ['all', 'default']) {
    writeFileSync(`/proc/sys/net/ipv6/conf/${which}/disable_ipv6`, '1');
  }
}

export function hasInterface(name: string): boolean {
  return readFileSync('/proc/self/net/dev', 'latin1').includes(` ${name}:`);
}

/** Two ends of a cable, both up. */
export function makeVeth(a: string, b: string): void {
  ip(`link add ${a} type veth peer name ${b}`);
  ip(`link set ${a} up`);
  ip(`link set ${b} up`);
}

/** A frame of random bytes behind an Ethernet header. */
export function randomFrame(len: number, to: MacAddress = OURS, type = ETHERTYPE): Uint8Array {
  const frame = new Uint8Array(len);
  for (let i = 0; i < len; i++) frame[i] = random.below(256);
  const dv = new DataView(frame.buffer);
  dv.setUint16(0, to.high);
  dv.setInt32(2, to.low);
  dv.setUint16(6, OTHER.high);
  dv.setInt32(8, OTHER.low);
  dv.setUint16(12, type);
  return frame;
}

/** Copies the frame into the ring's memory, cut at the given places. False: the ring is full. */
export function queue(
  device: { readonly tx: TxRing },
  frame: Uint8Array,
  cuts: readonly number[] = [],
): boolean {
  const { tx } = device;
  const at = tx.reserve(frame.length);
  if (at < 0 || tx.begin() < 0) return false;
  tx.slab.u8.set(frame, at);
  let from = 0;
  for (const to of [...cuts, frame.length]) {
    tx.add(at + from, to - from);
    from = to;
  }
  return true;
}

/** Sends it, and fails when the device does not take it. */
export function send(device: RingDevice, frame: Uint8Array, cuts: readonly number[] = []): void {
  if (!queue(device, frame, cuts)) throw new Error('the transmit ring is full');
  device.tx.commit();
  const left = device.txFlush();
  if (left !== 0) throw new Error(`txFlush: ${left}`);
}

export const MSS = 1448;

/** The same for a `tcpFrame` that the kernel, or whoever comes after it, is to cut into segments. */
export function sendSuper(device: RingDevice, frame: Uint8Array): void {
  queue(device, frame, [54]);
  device.tx.setChecksum(34, 16);
  device.tx.setGso(GSO.TCPV4, MSS, 54);
  device.tx.commit();
  if (device.txFlush() !== 0) throw new Error('not taken');
}

export interface Received {
  readonly bytes: Uint8Array;
  readonly off: number;
  readonly flags: number;
  readonly sum: number;
  readonly gso: number;
  readonly csum: number;
  readonly chunk: number;
}

/** Whether the frames are these, byte for byte and in this order. */
export function isEqual(got: readonly Received[], sent: readonly Uint8Array[]): boolean {
  if (got.length !== sent.length) return false;
  return got.every((r, i) => Buffer.compare(r.bytes, sent[i]!) === 0);
}

export function received(device: RingDevice, index: number): Received {
  const d = device.rx.desc;
  const at = index * RX_STRIDE;
  const off = d[at + RX.OFF]!;
  return {
    bytes: device.tx.slab.u8.slice(off, off + d[at + RX.LEN]!),
    off,
    flags: d[at + RX.FLAGS]!,
    sum: d[at + RX.SUM]!,
    gso: d[at + RX.GSO]!,
    csum: d[at + RX.CSUM]!,
    chunk: d[at + RX.CHUNK]!,
  };
}

/** One batch, as far as it goes. */
export function batch(device: RingDevice, budget = 64): Received[] {
  const n = device.rxBatch(budget);
  if (n < 0) throw new Error(`rxBatch: ${n}`);
  return Array.from({ length: n }, (_, i) => received(device, i));
}

/** Batches until so many frames are there. Gives up after many empty ones: then the test fails. */
export function receive(device: RingDevice, count: number, budget = 64): Received[] {
  const frames: Received[] = [];
  for (let empty = 0; frames.length < count && empty < 20_000; ) {
    const more = batch(device, budget);
    if (more.length === 0) empty++;
    frames.push(...more);
  }
  return frames;
}

/** The folded one's-complement sum, byte by byte: what the native pass is compared with. */
export function naiveSum(bytes: Uint8Array, from: number, to = bytes.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (i - from) % 2 === 0 ? bytes[i]! << 8 : bytes[i]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

export function counter(device: RingDevice, name: (typeof DEVICE_COUNTERS)[number]): number {
  return device.stats.get(name);
}

/** An error's code, whatever was thrown; '' when nothing was. */
export function codeOf(make: () => { close(): void }): { code: string; message: string } {
  try {
    make().close();
    return { code: '', message: '' };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code: code ?? '', message };
  }
}

/** An Ethernet + IPv4 + TCP frame with one pattern of payload; the checksum field holds the pseudo-header sum. */
export function tcpFrame(payload: number): Uint8Array {
  const frame = randomFrame(54 + payload, OURS, 0x0800);
  const dv = new DataView(frame.buffer);
  frame.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2], 14);
  dv.setUint16(16, 40 + payload);
  dv.setUint16(24, ~naiveSum(frame, 14, 34) & 0xffff);
  frame.set(
    [0x13, 0x88, 0x13, 0x89, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0],
    34,
  );
  dv.setUint16(50, pseudoSum(frame, 20 + payload));
  return frame;
}

export function pseudoSum(frame: Uint8Array, transportLen: number): number {
  const pseudo = new Uint8Array(12);
  pseudo.set(frame.subarray(26, 34));
  pseudo[9] = frame[23]!;
  pseudo[10] = transportLen >> 8;
  pseudo[11] = transportLen & 255;
  return naiveSum(pseudo, 0);
}

/** Whether the transport checksum of an IPv4 frame holds. */
export function isTransportValid(frame: Uint8Array): boolean {
  const end = 14 + ((frame[16]! << 8) | frame[17]!);
  const folded = pseudoSum(frame, end - 34) + naiveSum(frame, 34, end);
  return ((folded & 0xffff) + (folded >> 16)) % 0xffff === 0;
}
