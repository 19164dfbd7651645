/**
 * Echo round trips: the kernel pings a stack on a TAP device, 56 bytes, one echo at a time, while the driver
 * sleeps between frames, spins for 50 µs after each, or never sleeps. The kernel pinging itself over
 * loopback runs along as the floor. All take turns in one run; p50 and p99 in µs, the median of the
 * rounds with their spread. Fails when an echo is lost or wrong.
 *
 *     npm run bench -- pingpong [echoes a round] [rounds]       taskset -c 0 … for one core
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Env } from '../src/base/env.ts';
import { Memory } from '../src/base/memory.ts';
import { Rng } from '../src/base/rng.ts';
import { US } from '../src/base/time.ts';
import { NullTrace } from '../src/base/trace.ts';
import { type DriverOptions, LiveDriver } from '../src/live/driver.ts';
import { kernelEcho } from '../src/live/kernel-echo.ts';
import { detectWorld, onStop, runInNamespace } from '../src/live/namespace.ts';
import { addAddress, setLink } from '../src/live/netlink.ts';
import { TapDevice } from '../src/live/tap-device.ts';
import { Stack } from '../src/stack/stack.ts';
import { parseAddress } from '../src/wire/address-text.ts';
import { range } from './quantile.ts';

const OURS = '10.0.0.2';
const THEIRS = '10.0.0.1';
const INSIDE = 'inside';

const MODES: readonly { name: string; options: DriverOptions }[] = [
  { name: 'asleep', options: { spinNs: 0 } },
  { name: '50 µs spin', options: {} },
  { name: 'polling', options: { isPolling: true } },
];

interface Round {
  readonly p50: number;
  readonly p99: number;
}

async function echoes(target: string, count: number): Promise<Round> {
  const { sent, received, corrupt, error, rttNs } = await kernelEcho(target, { count });
  if (received !== count) {
    throw new Error(
      `${target}: ${count} wanted, ${sent} sent, ${received} right, ${corrupt} wrong, ${error}`,
    );
  }
  rttNs.sort();
  return { p50: rttNs[count >> 1]! / US, p99: rttNs[Math.floor(count * 0.99)]! / US };
}

/** One mode, once: a stack and a driver of its own on the TAP device. */
async function roundOf(options: DriverOptions, memory: Memory, count: number): Promise<Round> {
  const driver = new LiveDriver(options);
  const env = new Env(memory, new Rng(1), new NullTrace());
  env.nowNs = driver.now();
  const stack = new Stack(env);
  const tap = new TapDevice(memory, { name: 'tap0' });
  addAddress('tap0', THEIRS, 24);
  stack.addAddress(stack.addInterface('eth0', tap), parseAddress(OURS)!, 24);
  driver.add(stack);
  await echoes(OURS, 200); // neighbours found, code compiled
  const round = await echoes(OURS, count);
  driver.close();
  stack.close();
  return round;
}

function show(name: string, rounds: readonly Round[]): void {
  const column = (of: (round: Round) => number) => range(rounds.map(of), 1).padEnd(26);
  console.log(`${name.padEnd(18)} ${column((r) => r.p50)} ${column((r) => r.p99)}`);
}

/** The cores this process may use: `taskset` makes them fewer than the machine has. */
function allowedCores(): string {
  return /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '?';
}

async function inside(count: number, rounds: number): Promise<void> {
  onStop(() => process.exit(1));
  setLink('lo', { isUp: true });
  console.log(
    `cores ${allowedCores()} of ${availableParallelism()}, ${rounds} rounds of ${count} echoes`,
  );
  console.log(`${''.padEnd(18)} ${'p50 µs'.padEnd(26)} p99 µs`);
  const floor: Round[] = [];
  const results = MODES.map((): Round[] => []);
  for (let i = 0; i < rounds; i++) {
    floor.push(await echoes('127.0.0.1', count));
    for (const [m, mode] of MODES.entries()) {
      results[m]!.push(await roundOf(mode.options, new Memory({ slabBytes: 512 << 20 }), count));
    }
  }
  show('kernel, loopback', floor);
  for (const [m, mode] of MODES.entries()) show(mode.name, results[m]!);
}

const [first, ...rest] = process.argv.slice(2);
if (first === INSIDE) await inside(Number(rest[0]), Number(rest[1]));
else {
  const { entry } = detectWorld('tap');
  const args = [INSIDE, first ?? '3000', rest[0] ?? '5'];
  process.exitCode = await runInNamespace({ entry, script: fileURLToPath(import.meta.url), args });
}
