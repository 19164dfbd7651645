/** The benchmark itself, in a network namespace of its own: started by ../tcp-live.bench.ts. */
import { spread } from '../quantile.ts';
import { CASES, type Case, type Wire } from './cases.ts';
import { openKernelWire, openOurWire, type Peer } from './wires.ts';

interface Settings {
  readonly programs: { readonly 'tcp-peer': string };
  /** Of the kernels' ends. */
  readonly congestion: string;
  readonly rounds: number;
  readonly only: string;
  /** Our services on sockets; else on the calls of `tcp/user-calls.ts`. */
  readonly isSockets: boolean;
  /** Lists of CPUs for the client and for who answers it, as `taskset -c` has them; '' for any. */
  readonly cores: readonly [string, string];
}

async function measure(it: Case, settings: Settings): Promise<void> {
  const { programs, congestion, cores } = settings;
  const peer: Peer = { program: programs['tcp-peer'], congestion };
  const kernel = await openKernelWire(it, peer, cores);
  const ours = await openOurWire(it, peer, cores, settings.isSockets);
  const results: Record<'kernel' | 'ours', number[]> = { kernel: [], ours: [] };
  ours.setChecking(true);
  for (const wire of [kernel, ours]) await it.run(wire, true); // neighbours, compiled code, every byte compared
  ours.setChecking(false);
  for (let i = 0; i < settings.rounds; i++) {
    const order: Wire[] = i % 2 === 0 ? [kernel, ours] : [ours, kernel];
    for (const wire of order) results[wire.who].push(await it.run(wire, false));
  }
  await ours.close();
  await kernel.close();
  const ratios = results.ours.map((value, i) => value / results.kernel[i]!);
  const goal = it.isLessBetter ? `≤ ${it.goal}` : `≥ ${it.goal}`;
  const { unit, digits } = it;
  console.log(
    `${it.title.padEnd(30)} ${spread(results.ours, digits).padEnd(22)} ${spread(results.kernel, digits).padEnd(22)} ${unit.padEnd(7)} ${spread(ratios, 2).padEnd(18)} ${goal}`,
  );
}

const settings = JSON.parse(process.argv[2]!) as Settings;
console.log(
  `${'TCP'.padEnd(30)} ${'Ringway ↔ kernel'.padEnd(22)} ${'kernel ↔ kernel'.padEnd(22)} ${''.padEnd(7)} ${'ours/kernel'.padEnd(18)} goal`,
);
for (const it of CASES) {
  if (it.title.includes(settings.only)) await measure(it, settings);
}
