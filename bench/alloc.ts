/**
 * The allocation gate: 0 bytes of garbage per packet in steady state (docs/decisions/0002). Each
 * case of bench/alloc/*.case.ts runs in a node of its own; the output is TAP, and `npm test` counts it.
 * Controls come first: garbage made on purpose has to be seen, down to one small object in 100 packets.
 *
 *     npm run bench:alloc                 all
 *     npm run bench:alloc -- word-table   those whose file or name contains the word
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AllocCase, Measurement } from './alloc/measure.ts';

const CASES = join(dirname(fileURLToPath(import.meta.url)), 'alloc');
/**
 * Noise is what the engine does on its own account in most chunks of 20,000 packets, at most some hundred
 * bytes. The smallest object (16 bytes) in every 100th packet is 0.16.
 */
export const TOLERANCE_BYTES = 0.05;

const FLAGS = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--no-concurrent-recompilation',
  '--import=tsx',
];

/** How much is interpreted before a function is optimised: a seventh of the usual. */
const OPTIMISE_EARLY = '--interrupt-budget=10000';

interface Job {
  readonly file: string;
  readonly c: AllocCase;
}

/** The measurement, or why there is none. */
function run({ file, c }: Job): Promise<Measurement | string> {
  const early = c.hasRarePaths === true ? [OPTIMISE_EARLY] : [];
  const child = spawn(
    process.execPath,
    [...FLAGS, ...early, join(CASES, 'measure.ts'), file, c.name],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 240_000,
    },
  );
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((done) => {
    child.on('error', (error) => done(String(error)));
    child.on('close', (code, signal) => {
      if (code !== 0) return done(`ended with ${signal ?? code}: ${errors.trim()}`);
      // JSON has no Infinity.
      const result = JSON.parse(output) as Record<keyof Measurement, number | null>;
      done({
        bytesPerPacket: result.bytesPerPacket ?? Infinity,
        worstChunk: result.worstChunk ?? Infinity,
        packets: result.packets ?? 0,
      });
    });
  });
}

/** Null when the case is as it should be, or what is wrong. */
export function judge(c: AllocCase, m: Measurement): string | null {
  if (m.packets < 200_000) return `only ${m.packets} packets`;
  if (c.makesBytes === undefined) {
    return m.bytesPerPacket <= TOLERANCE_BYTES
      ? null
      : `${m.bytesPerPacket} bytes of garbage a packet`;
  }
  const error = Math.abs(m.bytesPerPacket - c.makesBytes);
  if (m.bytesPerPacket > TOLERANCE_BYTES && error <= 0.05 + 0.02 * c.makesBytes) return null;
  return `${c.makesBytes} bytes were made, ${m.bytesPerPacket} seen`;
}

/** Controls come first: if the gate is blind, the rest means nothing. */
async function chosenJobs(filters: readonly string[]): Promise<Job[]> {
  const names = readdirSync(CASES).filter((name) => name.endsWith('.case.ts'));
  names.sort((a, b) => Number(b.startsWith('control')) - Number(a.startsWith('control')));
  const jobs: Job[] = [];
  for (const name of names) {
    const file = join(CASES, name);
    const { cases } = (await import(pathToFileURL(file).href)) as { cases: readonly AllocCase[] };
    const chosen = cases.filter((c) => filters.every((f) => `${name} ${c.name}`.includes(f)));
    jobs.push(...chosen.map((c) => ({ file, c })));
  }
  return jobs;
}

/** Prints one TAP line and returns whether the case is as it should be. */
function report(n: number, { c }: Job, m: Measurement | string): boolean {
  const problem = typeof m === 'string' ? m : judge(c, m);
  const figure = typeof m === 'string' ? '' : ` (${m.bytesPerPacket.toFixed(3)} B a packet)`;
  console.log(`${problem === null ? 'ok' : 'not ok'} ${n} - allocation: ${c.name}${figure}`);
  if (problem !== null) console.log(`  ---\n  problem: ${JSON.stringify(problem)}\n  ...`);
  return problem === null;
}

async function main(filters: readonly string[]): Promise<void> {
  console.log('TAP version 14');
  const jobs = await chosenJobs(filters);
  const results: Promise<Measurement | string>[] = [];
  const slots = Math.min(availableParallelism(), 4);
  let isGood = jobs.length > 0;
  for (const [i, job] of jobs.entries()) {
    for (let k = results.length; k < Math.min(i + slots, jobs.length); k++) {
      results.push(run(jobs[k]!));
    }
    if (!report(i + 1, job, await results[i]!)) isGood = false;
  }
  console.log(`1..${jobs.length}`);
  process.exitCode = isGood ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv.slice(2));
