/**
 * UDP and ICMP echo between two stacks over a pipe in one process: processor time for each round trip.
 * Two datagrams received and two sent, four turns of it shared by a window of 32; no system calls, no
 * device. Processor time, so that a busy machine counts little; the median of rounds, and the spread.
 *
 *     npm run bench -- udp-pipe [word]       only the cases whose name contains the word
 */
import { Env } from '../src/base/env.ts';
import { Memory } from '../src/base/memory.ts';
import { Rng } from '../src/base/rng.ts';
import { NullTrace } from '../src/base/trace.ts';
import type { DeviceCaps } from '../src/link/device.ts';
import { FrameStore } from '../src/link/frame-store.ts';
import { Pipe } from '../src/link/pipe.ts';
import { Datagram } from '../src/net/datagram-store.ts';
import { Stack } from '../src/stack/stack.ts';
import { parseAddress } from '../src/wire/address-text.ts';
import { MacAddress } from '../src/wire/mac.ts';
import { median, range } from './quantile.ts';

const WINDOW = 32;
const ROUNDS = 9;
const TRIPS_A_ROUND = 40_000;
const ip = (text: string) => parseAddress(text)!;

class Pair {
  readonly a: Stack;
  readonly b: Stack;

  constructor(caps: Partial<DeviceCaps>) {
    const memory = new Memory({ slabBytes: 128 << 20, chunks: 32, cellBytes: 16 << 20 });
    const frames = new FrameStore(memory);
    const end = (name: string, low: number) => ({ name, mac: new MacAddress(0x0200, low), caps });
    const pipe = new Pipe(frames, end('a0', 1), end('b0', 2));
    const stack = (device: Pipe['a'], low: number, other: number): Stack => {
      const s = new Stack(new Env(memory, new Rng(low), new NullTrace()), frames);
      s.net.config.dadTransmits = 0;
      const iface = s.addInterface(device.name, device);
      s.addAddress(iface, ip(`10.0.0.${low}`), 24);
      s.addAddress(iface, ip(`fd00::${low}`), 64);
      const mac = new MacAddress(0x0200, other);
      for (const to of [`10.0.0.${other}`, `fd00::${other}`])
        iface.neighbours.set(ip(to), mac, true);
      return s;
    };
    this.a = stack(pipe.a, 1, 2);
    this.b = stack(pipe.b, 2, 1);
    this.turn(this.a);
    this.turn(this.b);
  }

  turn(s: Stack): void {
    s.env.nowNs += 1000;
    for (let i = 0; i < s.devices.length; i++) {
      const n = s.devices[i]!.rxBatch(64);
      if (n > 0) s.receive(i, n);
    }
    s.fireTimers();
    s.drainReady();
    s.runOutput(64);
    for (let i = 0; i < s.devices.length; i++) s.devices[i]!.txFlush();
  }
}

/** A window of round trips; fails when one is lost. */
function udpEcho(host: string, len: number, caps: Partial<DeviceCaps>): () => void {
  const { a, b, pair } = pairOf(caps);
  const client = a.udp.open('dual');
  const server = b.udp.open('dual');
  a.udp.connect(client, ip(host), 7);
  b.udp.bind(server, ip('::'), 7);
  const d = new Datagram();
  const buffer = new Uint8Array(Math.max(len, 1));
  const body = new Uint8Array(len).fill(7);
  server.listener = {
    onReady: () => {
      while (b.udp.receive(server, buffer, d) >= 0) b.udp.sendTo(server, body, d.src, d.port);
    },
  };
  return () => {
    for (let i = 0; i < WINDOW; i++) a.udp.send(client, body);
    for (const s of [a, b, a]) pair.turn(s);
    for (let i = 0; i < WINDOW; i++) {
      if (a.udp.receive(client, buffer, d) !== len) throw new Error('lost');
    }
  };
}

function icmpEcho(host: string, len: number, caps: Partial<DeviceCaps>): () => void {
  const { a, b, pair } = pairOf(caps);
  const { echoes } = a.net;
  const client = echoes.open()!;
  const d = new Datagram();
  const body = new Uint8Array(len).fill(7);
  const buffer = new Uint8Array(Math.max(len, 1));
  const to = ip(host);
  return () => {
    for (let i = 0; i < WINDOW; i++) echoes.send(client, to, i, body);
    for (const s of [a, b, a]) pair.turn(s);
    for (let i = 0; i < WINDOW; i++) {
      if (echoes.receive(client, buffer, d) !== len) throw new Error('lost');
    }
  };
}

function pairOf(caps: Partial<DeviceCaps>) {
  const pair = new Pair(caps);
  return { pair, a: pair.a, b: pair.b };
}

const OFFLOAD = { txChecksum: true, rxChecksum: true };
const CASES: readonly [string, () => () => void][] = [
  ['UDP IPv4 1 B', () => udpEcho('10.0.0.2', 1, {})],
  ['UDP IPv6 1 B', () => udpEcho('fd00::2', 1, {})],
  ['UDP IPv4 1400 B', () => udpEcho('10.0.0.2', 1400, {})],
  ['UDP IPv4 1400 B, no checksums', () => udpEcho('10.0.0.2', 1400, OFFLOAD)],
  ['ICMP IPv4 56 B', () => icmpEcho('10.0.0.2', 56, {})],
  ['ICMP IPv6 56 B', () => icmpEcho('fd00::2', 56, {})],
];

function cpuNs(run: () => void, times: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

const word = process.argv[2] ?? '';
console.log(
  `ns of processor time a round trip, window ${WINDOW}, median (lowest–highest) of ${ROUNDS}`,
);
for (const [name, build] of CASES) {
  if (!name.includes(word)) continue;
  const run = build();
  const times = Math.ceil(TRIPS_A_ROUND / WINDOW);
  for (let i = 0; i < 2; i++) cpuNs(run, times);
  const ns = Array.from({ length: ROUNDS }, () => cpuNs(run, times) / (times * WINDOW));
  const rate = (1e3 / median(ns)).toFixed(2);
  console.log(`${name.padEnd(30)} ${range(ns, 0)}   ${rate} M round trips/s of one core`);
}
