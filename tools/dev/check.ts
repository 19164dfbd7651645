/**
 * `npm run check`: types (both configurations), format and lint, the rules of the house, RFC coverage —
 * side by side, all of them reported. Under 10 seconds.
 */
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const BIN = join(ROOT, 'node_modules/.bin');

interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const tsc = (name: string, config: string): Step => ({
  name,
  command: join(BIN, 'tsc'),
  // What was checked before and has not changed is not checked again.
  args: ['-p', config, '--incremental', '--tsBuildInfoFile', `.ringway/${config}.tsbuildinfo`],
});
const tool = (name: string, script: string): Step => ({
  name,
  command: process.execPath,
  args: ['--import=tsx', script],
});

const STEPS: readonly Step[] = [
  tsc('types', 'tsconfig.json'),
  tsc('types of the core', 'tsconfig.core.json'),
  { name: 'format and lint', command: join(BIN, 'biome'), args: ['check', '--error-on-warnings'] },
  tool('architecture', 'tools/dev/architecture.ts'),
  tool('RFC coverage', 'tools/dev/rfc-coverage.ts'),
];

interface Result {
  readonly status: number;
  readonly output: string;
  readonly seconds: number;
}

function run(step: Step): Promise<Result> {
  const began = process.hrtime.bigint();
  const child = spawn(step.command, step.args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  });
  let output = '';
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((done) => {
    child.on('error', (error) => {
      output += String(error);
    });
    child.on('close', (code) => {
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      done({ status: code ?? 1, output, seconds });
    });
  });
}

const results = await Promise.all(STEPS.map(run));
for (const [i, step] of STEPS.entries()) {
  const { status, output, seconds } = results[i]!;
  console.log(`${status === 0 ? 'ok    ' : 'NOT OK'}  ${step.name}  ${seconds.toFixed(1)} s`);
  if (status !== 0) console.log(output);
}
if (results.some(({ status }) => status !== 0)) process.exitCode = 1;
