/**
 * Frames that no honest station sends, from a raw socket of another process at full rate, into a live
 * stack: it answers afterwards, holds nothing, and every frame is accounted for.
 */
import { spawn } from 'node:child_process';
import { check, isLong, kernelSent, linux, type Station, until } from './lab.ts';

const COUNT = isLong ? 1_000_000 : 10_000;
/** What caches may still grow to in a second flood of the same kind, when they are full already. */
const HEAP_SLACK = 2 << 20;

export interface Generated {
  readonly sent: number;
  readonly left: number;
}

/** Frames from a raw socket of another process: `script` sends them, and says how many. */
export function generate(script: string, args: readonly (string | number)[]): Promise<Generated> {
  const path = new URL(`./${script}`, import.meta.url).pathname;
  const node = ['--import=tsx', path, ...args.map(String)];
  const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (d) => {
    text += d;
  });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => {
      if (code === 0) resolve(JSON.parse(text) as Generated);
      else reject(new Error(`${script}: exit ${code}`));
    });
  });
}

interface Totals {
  received: number;
  missed: number;
  accepted: number;
  dropped: number;
  kernelSent: number;
  kernelDropped: number;
}

function totals(us: Station, iface: string): Totals {
  us.device.refreshStats();
  const { drops } = us.stack.net;
  const sent = kernelSent(iface);
  return {
    received: us.device.stats.get('rxFrames'),
    missed: us.device.stats.get('rxDropped') + us.device.stats.get('rxErrors'),
    accepted: drops.accepted,
    dropped: drops.dropped,
    kernelSent: sent.packets,
    kernelDropped: sent.dropped,
  };
}

/** The stack's own loopback carries frames too: they are in the drops' sum but not in the device's. */
function loopbackFrames(us: Station): number {
  return us.stack.devices[0]!.stats.get('rxFrames');
}

export async function malformedFlood(
  us: Station,
  iface: string,
  ping: (to: string, size: number) => Promise<string | null>,
): Promise<void> {
  const { config } = us.stack.net;
  config.ipfragTime4Ns = 1e9; // unfinished datagrams go within the test
  config.ipfragTime6Ns = 1e9;
  config.retransNs = 1e8;
  const mac = us.device.mac.toString();
  await check(
    `${COUNT} malformed frames: sent = accepted + drops by reason + the device's own`,
    async () => {
      const before = totals(us, iface);
      const loBefore = loopbackFrames(us);
      const { sent, left } = await generate('generator.ts', [iface, mac, COUNT, 1]);
      const isDone = () => {
        const t = totals(us, iface);
        return t.received + t.missed - before.received - before.missed >= sent;
      };
      const all = await until(isDone, 20_000);
      const after = totals(us, iface);
      const delta = (k: keyof Totals) => after[k] - before[k];
      const lo = loopbackFrames(us) - loBefore;
      const settled = delta('accepted') + delta('dropped') - lo;
      const facts = JSON.stringify({
        sent,
        left,
        before,
        after,
        lo,
        drops: us.stack.net.drops.toObject(),
      });
      if (!all || left !== 0 || sent !== COUNT) return `not all arrived: ${facts}`;
      if (settled !== delta('received')) return `a frame was not settled: ${facts}`;
      // Besides the generator only the kernel itself sends here, and its frames are counted with them.
      const offered = delta('kernelSent') + delta('kernelDropped');
      return offered === delta('received') + delta('missed')
        ? null
        : `a frame is missing: ${facts}`;
    },
  );
  await check('it answers pings afterwards', async () => {
    await linux(`ip neigh flush dev ${iface}`);
    return (await ping('10.9.0.2', 4000)) ?? (await ping('fd09::2', 4000));
  });
  await check('memory is flat: a second flood adds nothing, and nothing stays held', async () => {
    const { memory } = us.stack.env;
    const idle = () => memory.cells.held === 0;
    if (!(await until(idle))) return `${memory.cells.held} cells held after the first flood`;
    global.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    await generate('generator.ts', [iface, mac, COUNT, 2]);
    if (!(await until(idle))) return `${memory.cells.held} cells held after the second flood`;
    global.gc?.();
    const grown = process.memoryUsage().heapUsed - heapBefore;
    return grown < HEAP_SLACK ? null : `the heap grew by ${grown} bytes`;
  });
}
