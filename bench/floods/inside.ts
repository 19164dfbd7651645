/** The benchmark itself, in a network namespace of its own: started by ../syn-flood.bench.ts. */
import { median, spread } from '../quantile.ts';
import { KINDS, type Kind, WAYS, type Way, WORLDS, type World } from './cases.ts';
import { FloodRig, type Round, type Target } from './rig.ts';

interface Settings {
  readonly programs: { readonly 'tcp-peer': string; readonly flood: string };
  readonly rounds: number;
  readonly ms: number;
  readonly only: string;
  /** All kinds; else SYNs. */
  readonly isAll: boolean;
  readonly cores: readonly [string, string];
  /** The device's limit; else its own. */
  readonly synRate?: number;
}

const settings = JSON.parse(process.argv[2]!) as Settings;
const TARGETS: readonly Target[] = ['nobody', 'nowhere', 'us'];
const CHECKED_BYTES = 64 << 20;

function counters(rig: FloodRig): Record<string, number> {
  const { stack } = rig;
  const { device } = rig.end;
  device.refreshStats();
  const all: Record<string, number> = {};
  for (const name of ['SyncookiesSent', 'SyncookiesRecv', 'ListenDrops', 'OutRsts'] as const) {
    all[name] = stack.tcp.mib.get(name);
  }
  for (const name of ['rxFrames', 'rxDropped', 'rxErrors', 'txDropped'] as const) {
    all[name] = device.stats.get(name);
  }
  all.synDropped = device.synDropped;
  for (const [name, n] of Object.entries(stack.net.drops.toObject())) all[`drop ${name}`] = n;
  return all;
}

async function memory(rig: FloodRig): Promise<string> {
  await rig.quiet();
  global.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { pages, chunks, cells } = rig.stack.env.memory;
  const mb = (n: number) => `${(n / 2 ** 20).toFixed(1)} MiB`;
  return `heap ${mb(heapUsed)}, arrays ${mb(arrayBuffers)}, rss ${mb(rss)}; held: ${pages.held} pages, ${chunks.held} chunks, ${cells.held} cells`;
}

async function measure(rig: FloodRig, world: World, way: Way, kind: Kind): Promise<void> {
  const results: Record<Target, Round[]> = { nobody: [], nowhere: [], us: [] };
  await rig.round(kind, way, 'us', settings.ms); // compiled code, caches as full as they get
  const before = counters(rig);
  const held = await memory(rig);
  for (let i = 0; i < settings.rounds; i++) {
    for (let k = 0; k < TARGETS.length; k++) {
      const target = TARGETS[(i + k) % TARGETS.length]!;
      results[target].push(await rig.round(kind, way, target, settings.ms));
    }
  }
  const after = counters(rig);
  const left = results.us.map((r, i) => r.gbits / results.nowhere[i]!.gbits);
  const goodput = TARGETS.map((t) =>
    spread(
      results[t].map((r) => r.gbits),
      2,
    ).padEnd(20),
  ).join(' ');
  const rate = median(results.us.map((r) => r.floodRate));
  const title = `${way} ${world.title}, ${kind.title}`;
  console.log(
    `${title.padEnd(44)} ${(rate / 1000).toFixed(0).padStart(7)} ${goodput} ${spread(left, 2).padEnd(18)} ${kind.goal > 0 ? `≥ ${kind.goal}` : ''}`,
  );
  for (const target of TARGETS) {
    const rounds = results[target];
    const sum = (pick: (r: Round) => number) => rounds.reduce((n, r) => n + pick(r), 0);
    const ms = (pick: (r: Round) => number) => median(rounds.map(pick)).toFixed(1);
    console.log(
      `    connections, flood at ${target.padEnd(7)} ${sum((r) => r.echoed)} of ${sum((r) => r.begun)}; ms p50 ${ms((r) => r.p50Ms)}, p90 ${ms((r) => r.p90Ms)}, most ${Math.max(...rounds.map((r) => r.mostMs)).toFixed(0)}`,
    );
  }
  const news = Object.entries(after).filter(([name, n]) => n !== (before[name] ?? 0));
  console.log(`    ${news.map(([name, n]) => `${name} ${n - (before[name] ?? 0)}`).join(', ')}`);
  console.log(`    before ${held}\n    after  ${await memory(rig)}`);
}

console.log(
  `${'flood beside one transfer'.padEnd(44)} ${'kframe/s'.padStart(7)} ${'Gbit/s, no flood'.padEnd(20)} ${'flood at nowhere'.padEnd(20)} ${'flood at us'.padEnd(20)} ${'us/nowhere'.padEnd(18)} goal`,
);
for (const world of WORLDS) {
  const kinds = settings.isAll ? KINDS : KINDS.filter(({ kind }) => kind === 'syn');
  const chosen = WAYS.flatMap((way) => kinds.map((kind) => ({ way, kind }))).filter(
    ({ way, kind }) => `${way} ${world.title}, ${kind.kind} ${kind.title}`.includes(settings.only),
  );
  if (chosen.length === 0) continue;
  const rig = new FloodRig(world, settings);
  await rig.check(CHECKED_BYTES);
  for (const { way, kind } of chosen) await measure(rig, world, way, kind);
  await rig.close();
}
