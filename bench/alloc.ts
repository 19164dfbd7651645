/**
 * The allocation gate: 0 bytes of garbage per packet in steady state (ARCHITECTURE, "Numbers and V8"). Each
 * case of bench/alloc/*.case.ts runs in a node of its own; the output is TAP, and `npm test` counts it.
 * Controls come first: garbage made on purpose has to be seen, down to one small object in 100 packets.
 *
 *     npm run bench:alloc                 all
 *     npm run bench:alloc -- word-table   those whose file or name contains the word
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
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
  '--import=tsx',
];

function run(file: string, c: AllocCase): Measurement | string {
  const child = spawnSync(process.execPath, [...FLAGS, join(CASES, 'measure.ts'), file, c.name], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (child.status === 0) {
    const result = JSON.parse(child.stdout) as Record<keyof Measurement, number | null>;
    // JSON has no Infinity.
    return {
      bytesPerPacket: result.bytesPerPacket ?? Infinity,
      worstChunk: result.worstChunk ?? Infinity,
      packets: result.packets ?? 0,
    };
  }
  return `ended with ${child.signal ?? child.status}: ${child.stderr.trim()}`;
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

async function main(filters: readonly string[]): Promise<void> {
  console.log('TAP version 14');
  const files = readdirSync(CASES).filter((file) => file.endsWith('.case.ts'));
  // Controls first: if the gate is blind, the rest means nothing.
  files.sort((a, b) => Number(b.startsWith('control')) - Number(a.startsWith('control')));
  let n = 0;
  let failed = 0;
  for (const name of files) {
    const file = join(CASES, name);
    const { cases } = (await import(pathToFileURL(file).href)) as { cases: readonly AllocCase[] };
    const chosen = cases.filter((c) => filters.every((f) => `${name} ${c.name}`.includes(f)));
    for (const c of chosen) {
      const m = run(file, c);
      const problem = typeof m === 'string' ? m : judge(c, m);
      const title = `allocation: ${c.name}`;
      const figure = typeof m === 'string' ? '' : ` (${m.bytesPerPacket.toFixed(3)} B a packet)`;
      console.log(`${problem === null ? 'ok' : 'not ok'} ${++n} - ${title}${figure}`);
      if (problem === null) continue;
      failed++;
      console.log(`  ---\n  problem: ${JSON.stringify(problem)}\n  ...`);
    }
  }
  console.log(`1..${n}`);
  process.exitCode = failed > 0 || n === 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv.slice(2));
