/**
 * `npm run bench` lists the benchmarks (bench/*.bench.ts); `npm run bench -- <name> …` runs one. Each is a
 * program of its own that says what it measured, on which path and with which placement, and that fails
 * when bytes are lost or wrong, never because it was slow.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SUFFIX = '.bench.ts';

/** The first sentence of the comment that a benchmark opens with. */
function purpose(file: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(HERE, file), 'utf8'))?.[1] ?? '';
  const text = comment.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim();
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0] ?? text;
}

function main(args: readonly string[]): number {
  const files = readdirSync(HERE).filter((file) => file.endsWith(SUFFIX));
  const [name, ...rest] = args;
  if (name === undefined) {
    for (const file of files) console.log(`${file.slice(0, -SUFFIX.length)}  ${purpose(file)}`);
    console.log('alloc  garbage per packet (npm run bench:alloc)');
    return 0;
  }
  if (!files.includes(`${name}${SUFFIX}`)) {
    console.error(`no benchmark "${name}": \`npm run bench\` lists them`);
    return 2;
  }
  const script = join(HERE, `${name}${SUFFIX}`);
  const run = spawnSync(process.execPath, ['--expose-gc', '--import=tsx', script, ...rest], {
    stdio: 'inherit',
  });
  return run.status ?? 1;
}

process.exitCode = main(process.argv.slice(2));
