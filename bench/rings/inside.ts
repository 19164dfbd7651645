/** The benchmark itself, in a network namespace of its own: started by ../rings.bench.ts. */
import { writeFileSync } from 'node:fs';
import { loadAddon } from '../../src/live/addon.ts';
import { median, spread } from '../quantile.ts';
import {
  type Case,
  MTU_FRAME,
  type Programs,
  type Rig,
  SUPER_FRAME,
  setUp,
  verify,
} from './cases.ts';

interface Settings {
  readonly programs: Programs;
  readonly isQuick: boolean;
  readonly only: string;
}

/** Rounds until the code is compiled and the memory touched. */
const WARM_UP = 40;

const CASES: readonly Case[] = (['rx', 'tx'] as const).flatMap((what) => {
  const socket = what === 'rx' ? 'v2-queue' : 'sendmmsg';
  const make = (wire: 'tap' | 'veth', vnet: boolean, frame: number): Case => ({
    title: `${what} ${wire === 'tap' ? 'TAP' : 'AF_PACKET'}${vnet ? ' vnet' : ''}`,
    what,
    wire,
    vnet,
    frame,
    burst: frame === MTU_FRAME ? 384 : 64,
    mode: `${wire === 'tap' ? 'tap' : socket}${vnet ? '-vnet' : ''}`,
  });
  return [
    make('tap', false, MTU_FRAME),
    make('tap', true, MTU_FRAME),
    make('tap', true, SUPER_FRAME),
    make('veth', false, MTU_FRAME),
    make('veth', true, MTU_FRAME),
    make('veth', true, SUPER_FRAME),
  ];
});

/** In C alone: what decided the ring version and the transmit path. */
const CHOICES: readonly (readonly [Case['what'], string, number])[] = [
  ['rx', 'v2-queue', MTU_FRAME],
  ['rx', 'v2', MTU_FRAME],
  ['rx', 'v3', MTU_FRAME],
  ['rx', 'recv', MTU_FRAME],
  ['rx', 'v2-queue-vnet', SUPER_FRAME],
  ['rx', 'v2-vnet', SUPER_FRAME],
  ['rx', 'v3-vnet', SUPER_FRAME],
  ['rx', 'recv-vnet', SUPER_FRAME],
  ['tx', 'send', MTU_FRAME],
  ['tx', 'sendmmsg', MTU_FRAME],
  ['tx', 'sendmmsg-bypass', MTU_FRAME],
  ['tx', 'txring', MTU_FRAME],
  ['tx', 'txring-bypass', MTU_FRAME],
  ['tx', 'send-vnet', SUPER_FRAME],
  ['tx', 'sendmmsg-vnet', SUPER_FRAME],
];

function rate(ns: number, frame: number): string {
  return `${(1000 / ns).toFixed(2)} M/s ${((frame * 8) / ns).toFixed(1)} Gbit/s`;
}

/** One side, one round: nanoseconds a frame in the ring, and in the source before it. */
async function round(
  it: Case,
  rig: Rig,
  side: 'ts' | 'c',
): Promise<{ ring: number; fill: number }> {
  const source = side === 'ts' ? rig.tsSource : rig.cSource;
  const before = rig.taken(side);
  const fill = source === null ? 0 : await source.send(it.burst);
  // V3 hands over a block that is not full only when its timer runs out.
  if (it.mode.startsWith('v3')) await new Promise((done) => setTimeout(done, 6));
  const got = side === 'ts' ? rig.ts!.run(it.what, it.burst) : await rig.c.run(it.what, it.burst);
  verify(it, side, got, it.burst);
  if (it.what === 'tx') {
    const after = rig.taken(side);
    const frames = after.frames - before.frames;
    verify(
      it,
      `${side}, at the kernel`,
      { ...got, frames, bytes: after.bytes - before.bytes },
      it.burst,
    );
  }
  return { ring: got.ns / it.burst, fill: fill / it.burst };
}

async function compare(it: Case, programs: Programs, rounds: number): Promise<number> {
  const rig = await setUp(it, programs, true);
  if (rig.tsSource !== null) {
    await rig.tsSource.send(it.burst);
    rig.ts!.check(it.burst);
  }
  const ns = { ts: [] as number[], c: [] as number[] };
  const all = { ts: [] as number[], c: [] as number[] };
  for (let i = -WARM_UP; i < rounds; i++) {
    const order = i % 2 === 0 ? (['ts', 'c'] as const) : (['c', 'ts'] as const);
    for (const side of order) {
      const { ring, fill } = await round(it, rig, side);
      if (i < 0) continue;
      ns[side].push(ring);
      all[side].push(ring + fill);
    }
  }
  await rig.close();
  const ratios = ns.ts.map((ts, i) => ns.c[i]! / ts);
  const ratio = median(ratios);
  const inAll = median(all.ts.map((ts, i) => all.c[i]! / ts));
  console.log(
    `${it.title.padEnd(18)} ${String(it.frame).padStart(6)}  ${rate(median(ns.ts), it.frame).padEnd(24)} ${rate(median(ns.c), it.frame).padEnd(24)} ${spread(ratios, 2)}${it.what === 'rx' ? `  ${inAll.toFixed(2)}` : ''}`,
  );
  return ratio;
}

async function choose(
  what: Case['what'],
  mode: string,
  frame: number,
  programs: Programs,
  rounds: number,
): Promise<void> {
  const vnet = mode.includes('vnet');
  const burst = frame === MTU_FRAME ? 384 : 64;
  const it: Case = { title: mode, what, wire: 'veth', vnet, frame, burst, mode };
  const rig = await setUp(it, programs, false);
  const total: number[] = [];
  const own: number[] = [];
  for (let i = -WARM_UP; i < rounds; i++) {
    const { ring, fill } = await round(it, rig, 'c');
    if (i < 0) continue;
    own.push(ring);
    total.push(ring + fill);
  }
  await rig.close();
  const ns = median(total);
  console.log(
    `${what} ${mode.padEnd(16)} ${String(frame).padStart(6)}  ${median(own).toFixed(0).padStart(6)} ns here, ${ns.toFixed(0).padStart(6)} ns in all: ${rate(ns, frame)}`,
  );
}

/** The native checksum pass alone, through one call of the addon. */
function sumAlone(): void {
  const { sumBytes } = loadAddon();
  const buffer = new ArrayBuffer(65_536);
  new Uint8Array(buffer).fill(0x5a);
  for (const len of [64, 1500, 65_536]) {
    const calls = Math.ceil(2_000_000 / (len + 200));
    const samples: number[] = [];
    for (let round = 0; round < 50; round++) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < calls; i++) sumBytes(buffer, 0, len);
      samples.push(Number(process.hrtime.bigint() - start) / calls);
    }
    const ns = median(samples);
    console.log(
      `sum of ${String(len).padStart(6)} bytes: ${ns.toFixed(0).padStart(6)} ns, call included; ${(len / ns).toFixed(1)} GB/s`,
    );
  }
}

async function main(): Promise<void> {
  const { programs, isQuick, only } = JSON.parse(process.argv[2]!) as Settings;
  const rounds = isQuick ? 40 : 250;
  for (const which of ['all', 'default']) {
    writeFileSync(`/proc/sys/net/ipv6/conf/${which}/disable_ipv6`, '1');
  }
  console.log(
    'Ring              frame   ours                     C                        ours/C (10–90 %)   with the source',
  );
  const slow: string[] = [];
  for (const it of CASES) {
    if (!`${it.title} ${it.frame}`.includes(only)) continue;
    if ((await compare(it, programs, rounds)) < 0.9) slow.push(`${it.title} ${it.frame}`);
  }
  console.log(
    slow.length === 0 ? 'goal 0.9: reached everywhere' : `goal 0.9: missed by ${slow.join(', ')}`,
  );
  if (only !== '') return;
  console.log('\nChoices, in C; "in all" is the sender\'s time and ours, on one core');
  for (const [what, name, frame] of CHOICES) {
    await choose(what, name, frame, programs, Math.ceil(rounds / 2));
  }
  console.log('');
  sumAlone();
}

await main();
