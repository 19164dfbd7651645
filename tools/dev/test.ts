/**
 * `npm test`: every test/**\/*.test.ts (written with tap), then the allocation gate. Arguments choose files by
 * substring (`npm test -- base/word`). The last line is `N passed, N failed, N skipped`.
 *
 * CI=true or REQUIRE_ALL=1: install the Linux programs and the versions of Node that are missing; then every skip is a failure.
 * LONG=1 (`npm run test:long`): the same proofs at full size.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { installPrograms } from './apt.ts';
import { buildNative, isNativeStale } from './build-native.ts';
import { killAll, markedProcesses, RUN_MARK } from './leftovers.ts';
import { installNodes } from './nodes.ts';
import { aptLine, missingPrograms, TEST_PROGRAMS } from './requirements.ts';
import { runNode, stopOnSignals, wasStopped } from './run-child.ts';
import { type FileResult, TapCounts } from './tap-counts.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const MINUTE = 60_000;
const isLong = process.env.LONG === '1';
const requireAll = process.env.REQUIRE_ALL === '1' || process.env.CI === 'true';
const mark = randomUUID();
/** Network namespaces and virtual time do not wait for each other; two cores are assumed. */
const JOBS = 2;
const FILE_LIMIT_MS = (isLong ? 120 : 5) * MINUTE;

function testFiles(dir: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...testFiles(path));
    else if (entry.name.endsWith('.test.ts')) found.push(path);
  }
  return found.sort();
}

const childEnv = (): NodeJS.ProcessEnv => ({
  ...process.env,
  [RUN_MARK]: mark,
  // We keep the time ourselves, and say which file it was.
  TAP_TIMEOUT: String(FILE_LIMIT_MS / 500),
});

/** Keeps the raw output, for whoever wants to read all of it. */
function keepRaw(title: string, lines: readonly string[]): void {
  mkdirSync(join(ROOT, '.ringway'), { recursive: true });
  writeFileSync(join(ROOT, `.ringway/${title}.tap`), `${lines.join('\n')}\n`);
}

/** One test file, as the subtest that it is of the whole. */
async function runFile(file: string): Promise<string[]> {
  const began = process.hrtime.bigint();
  const body: string[] = [];
  const how = await runNode(['--enable-source-maps', '--import=tsx', file], {
    cwd: ROOT,
    env: childEnv(),
    limitMs: FILE_LIMIT_MS,
    onLine: (line) => body.push(`    ${line}`),
  });
  const ms = Number((process.hrtime.bigint() - began) / 1000n) / 1000;
  return [`# Subtest: ${file}`, ...body, ...conclusion(file, body, how, ms)];
}

/** The file's own line: skipped as a whole, failed, or passed in so many milliseconds. */
export function conclusion(
  file: string,
  body: readonly string[],
  how: string,
  ms: number,
): string[] {
  const hasPoints = body.some((line) => /^ {4}(not )?ok\b/.test(line));
  const skip = body
    .map((line) => /^ {4}1\.\.0 # (.+)$/.exec(line)?.[1])
    .find((r) => r !== undefined);
  if (how === '' && !hasPoints && skip !== undefined) return [`ok - ${file} # SKIP ${skip}`];
  const problem = how !== '' ? how : hasPoints ? '' : 'no test ran';
  if (problem === '') return [`ok - ${file} # time=${ms}ms`];
  return [`not ok - ${file} # time=${ms}ms`, '  ---', `  problem: ${problem}`, '  ...'];
}

async function runFiles(files: readonly string[], counts: TapCounts): Promise<void> {
  const raw: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < files.length && !wasStopped()) {
      for (const line of await runFile(files[next++]!)) {
        raw.push(line);
        const file = counts.line(line);
        if (file !== null) printFile(file);
      }
    }
  };
  await Promise.all(Array.from({ length: JOBS }, worker));
  keepRaw('tests', raw);
}

async function runAllocationGate(counts: TapCounts): Promise<void> {
  const raw: string[] = [];
  const failedBefore = counts.failed;
  const how = await runNode(['--import=tsx', 'bench/alloc.ts'], {
    cwd: ROOT,
    env: childEnv(),
    // Each case has a limit of its own; all of them take two minutes, or half an hour on a machine that has other things to do.
    limitMs: 45 * MINUTE,
    onLine: (line) => {
      raw.push(line);
      const point = counts.line(line);
      if (point !== null) printFile(point);
    },
  });
  keepRaw('allocation', raw);
  if (how !== '' && counts.failed === failedBefore) counts.line(`not ok - allocation: ${how}`);
}

function printFile(file: FileResult): void {
  const { name, passed, failed, skipped, seconds } = file;
  const skips = skipped === 0 ? '' : `, ${skipped} skipped`;
  const time = seconds === null ? '' : `  ${seconds.toFixed(1)} s`;
  console.log(
    `${file.isOk ? 'ok    ' : 'NOT OK'}  ${name}  ${passed} passed, ${failed} failed${skips}${time}`,
  );
}

/** Returns what could not be had, for the report. */
function prepareMachine(): string[] {
  const problems: string[] = [];
  const missing = missingPrograms(TEST_PROGRAMS);
  if (missing.length > 0 && requireAll) {
    const why = installPrograms(missing);
    if (why !== null) problems.push(why);
  } else if (missing.length > 0) {
    console.log(`not here: ${missing.join(', ')}; for all tests: ${aptLine(missing)}`);
  }
  const noNodes = requireAll ? installNodes() : null;
  if (noNodes !== null) problems.push(noNodes);
  if (isNativeStale() && buildNative() !== 0) problems.push('the addon does not build');
  return problems;
}

/** A process that outlives the run is a failure; it is stopped, so that it harms nobody. */
function countLeftovers(counts: TapCounts): void {
  const leftovers = markedProcesses(mark);
  killAll(leftovers);
  for (const { pid, command } of leftovers) {
    counts.line(`not ok - left behind: process ${pid}: ${command}`);
  }
}

function report(counts: TapCounts): void {
  for (const { name, reason } of counts.skips) console.log(`skipped: ${name}: ${reason}`);
  for (const { name, diagnostics } of counts.failures) {
    console.log(`\nFAILED: ${name}`);
    for (const line of diagnostics) console.log(line);
  }
  if (counts.skipped > 0 && requireAll) {
    console.log('\nCI=true or REQUIRE_ALL=1: a skip is a failure');
  }
  const isBad = counts.failed > 0 || (requireAll && counts.skipped > 0) || counts.passed === 0;
  process.exitCode = isBad ? 1 : 0;
  console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}

async function main(): Promise<void> {
  const filters = process.argv.slice(2);
  const counts = new TapCounts();
  for (const problem of prepareMachine()) counts.line(`not ok - ${problem}`);
  const all = testFiles(join(ROOT, 'test')).map((file) => relative(ROOT, file));
  const files = all.filter((file) => filters.length === 0 || filters.some((f) => file.includes(f)));
  stopOnSignals();
  await runFiles(files, counts);
  if (filters.length === 0 || filters.some((f) => 'bench/alloc.ts'.includes(f))) {
    if (!wasStopped()) await runAllocationGate(counts);
  }
  if (wasStopped()) counts.line('not ok - stopped before the end');
  countLeftovers(counts);
  report(counts);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
