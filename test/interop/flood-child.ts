/** A transfer and new connections beside a flood of SYNs: `node flood-child.ts WORLD`. The figures are in `npm run bench -- syn-flood`. */
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import type { PacketDevice } from '../../src/live/packet-device.ts';
import type { TapDevice } from '../../src/live/tap-device.ts';
import {
  address,
  check,
  connect,
  isLong,
  kernelSent,
  SEED,
  Station,
  until,
  type World,
} from './lab.ts';
import { type Generated, generate } from './malformed.ts';
import { Meeting, OURS, PORT } from './tcp-meeting.ts';
import { exchange, theyAsk } from './tcp-transfer.ts';

const world = process.argv[2] as World;
const SYNS = isLong ? 5_000_000 : 150_000;
const BYTES = (isLong ? 2048 : 32) << 20;
const DIALS = isLong ? 500 : 20;
/** What caches may still grow to in a second flood of the same kind, when they are full already. */
const HEAP_SLACK = 2 << 20;

const memory = openMemory();
const driver = new LiveDriver();
const device = (await connect(world, memory, 'wire0', ['10.9.0.1/24'])) as TapDevice | PacketDevice;
const us = new Station(driver, memory, device, SEED, ['10.9.0.2/24', 'fd09::2/64']);
us.stack.addDefaultRoute(address('10.9.0.1'));
const meeting = new Meeting(us);
const { mib } = us.stack.tcp;
await until(() => us.isSettled());

interface Counts {
  readonly received: number;
  readonly missed: number;
  readonly settled: number;
  readonly syns: number;
  readonly offered: number;
}

function counts(): Counts {
  device.refreshStats();
  const { drops } = us.stack.net;
  const lo = us.stack.devices[0]!.stats.get('rxFrames');
  const kernel = kernelSent('wire0');
  return {
    received: device.stats.get('rxFrames'),
    missed: device.stats.get('rxDropped') + device.stats.get('rxErrors'),
    settled: drops.accepted + drops.dropped - lo,
    syns: mib.get('SyncookiesSent') + mib.get('ListenDrops') + device.synDropped,
    offered: kernel.packets + kernel.dropped,
  };
}

const flood = (seed: number): Promise<Generated> =>
  generate('syn-generator.ts', ['wire0', device.mac.toString(), OURS.v4, PORT + 1, SYNS, seed]);

async function newConnections(): Promise<string | null> {
  const asked = await Promise.all(Array.from({ length: DIALS }, () => theyAsk(meeting, 'v4')));
  const failed = asked.filter((why) => why !== null);
  return failed.length === 0 ? null : `${failed.length} of ${DIALS}: ${failed[0]}`;
}

const before = counts();
const start = performance.now();
const pair = await meeting.pair('v4', 'Linux');
const flooding = flood(1);
await Promise.all([
  check(`${BYTES >> 20} MiB each way beside a flood of SYNs, same SHA-256`, () =>
    exchange(pair, BYTES, BYTES),
  ),
  check(`${DIALS} new connections beside it`, newConnections),
]);
await check(`${SYNS} SYNs: each is answered, or dropped and counted by its reason`, async () => {
  const { sent, left } = await flooding;
  const passed = () => counts().received + counts().missed - before.received - before.missed;
  const isAll = await until(() => passed() >= sent, 20_000);
  const after = counts();
  const delta = (k: keyof Counts) => after[k] - before[k];
  const facts = JSON.stringify({ sent, left, before, after, drops: us.stack.net.drops.toObject() });
  if (!isAll || left !== 0 || sent !== SYNS) return `not all arrived: ${facts}`;
  if (delta('settled') !== delta('received')) return `a frame was not settled: ${facts}`;
  if (delta('offered') !== delta('received') + delta('missed'))
    return `a frame is missing: ${facts}`;
  // The rest are in the SYN queue, which gives each of its places up after three seconds at the soonest.
  const queueDrops = delta('missed') - device.synDropped;
  const halfOpen = 1025 * Math.ceil(1 + (performance.now() - start) / 3000);
  const isCounted = delta('syns') + queueDrops >= sent - halfOpen;
  if (!isCounted || mib.get('SyncookiesSent') === 0) return `a SYN is not counted: ${facts}`;
  return device.facts.synRate === 0 || device.synDropped > 0 ? null : `no limit: ${facts}`;
});
await check('memory is flat: a second flood adds nothing, and nothing stays held', async () => {
  global.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const { pages, chunks, cells } = memory;
  await flood(2);
  if (!(await until(() => pages.held === 0 && cells.held === 0))) {
    return `${pages.held} pages, ${chunks.held} chunks, ${cells.held} cells`;
  }
  global.gc?.();
  const grown = process.memoryUsage().heapUsed - heap;
  return grown < HEAP_SLACK ? null : `the heap grew by ${grown} bytes`;
});
await check('a new connection afterwards', () => theyAsk(meeting, 'v4'));
meeting.close();
us.close();
driver.close();
process.exit();
