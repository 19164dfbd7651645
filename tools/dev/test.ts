/**
 * `npm test`: every test/**\/*.test.ts under tap, then the allocation gate. Arguments choose files by
 * substring (`npm test -- base/word`). The last line is `N passed, N failed, N skipped`.
 *
 * CI=true or REQUIRE_ALL=1: install the Linux programs that are missing; then every skip is a failure.
 * LONG=1 (`npm run test:long`): the same proofs at full size.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { installPrograms } from './apt.ts';
import { buildNative, isNativeStale } from './build-native.ts';
import { killAll, markedProcesses, RUN_MARK } from './leftovers.ts';
import { aptLine, missingPrograms, TEST_PROGRAMS } from './requirements.ts';
import { type FileResult, TapCounts } from './tap-counts.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const TAP = join(ROOT, 'node_modules/tap/dist/esm/run.mjs');
const MINUTE = 60_000;
const isLong = process.env.LONG === '1';
const requireAll = process.env.REQUIRE_ALL === '1' || process.env.CI === 'true';
const mark = randomUUID();

function testFiles(dir: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) found.push(...testFiles(path));
    else if (entry.name.endsWith('.test.ts')) found.push(path);
  }
  return found.sort();
}

/** Runs a child in a process group of its own, so that a time-out takes its children with it. */
async function runTap(
  title: string,
  args: readonly string[],
  limitMs: number,
  counts: TapCounts,
): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    detached: true,
    env: { ...process.env, [RUN_MARK]: mark },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const raw: string[] = [];
  const seenBefore = counts.files.length;
  const failedBefore = counts.failed;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stopGroup(child);
  }, limitMs);
  const stop = (): void => stopGroup(child);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const lines = createInterface({ input: child.stdout! });
  const ended = new Promise<string>((done) => {
    child.on('close', (code, signal) => done(code === 0 ? '' : `ended with ${signal ?? code}`));
  });
  for await (const line of lines) {
    raw.push(line);
    const file = counts.line(line);
    if (file !== null) printFile(file);
  }
  const bad = await ended;
  clearTimeout(timer);
  process.off('SIGINT', stop).off('SIGTERM', stop);
  mkdirSync(join(ROOT, '.ringway'), { recursive: true });
  writeFileSync(join(ROOT, `.ringway/${title}.tap`), `${raw.join('\n')}\n`);
  if (isLate) counts.line(`not ok - ${title}: not done after ${limitMs / MINUTE} minutes`);
  else if (bad !== '' && counts.failed === failedBefore) counts.line(`not ok - ${title}: ${bad}`);
  if (counts.files.length === seenBefore) counts.line(`not ok - ${title}: nothing ran`);
}

/**
 * tap compiles its own plug-in list into node_modules, and the run that finds it out of date still uses the
 * old one: so it is built beforehand, once for each installation and each .taprc.
 */
function buildTap(): boolean {
  const stamp = join(ROOT, 'node_modules/.cache/ringway-tap');
  const wanted = readFileSync(join(ROOT, '.taprc'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true;
  const run = spawnSync(process.execPath, [TAP, 'build'], { cwd: ROOT, encoding: 'utf8' });
  if (run.status !== 0) {
    console.error(run.stdout, run.stderr);
    return false;
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  return true;
}

function stopGroup(child: ChildProcess): void {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    setTimeout(
      () => {
        try {
          process.kill(-child.pid!, signal);
        } catch {
          // the group is gone
        }
      },
      signal === 'SIGKILL' ? 3000 : 0,
    ).unref();
  }
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
  if (isNativeStale() && buildNative() !== 0) problems.push('the addon does not build');
  if (!buildTap()) problems.push('tap does not build its plug-ins');
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
  if (files.length > 0) {
    const timeout = isLong ? '--timeout=5400' : '--timeout=240';
    const args = [TAP, 'run', '--reporter=tap', timeout, ...files];
    await runTap('tests', args, (isLong ? 240 : 10) * MINUTE, counts);
  }
  if (filters.length === 0 || filters.some((f) => 'bench/alloc.ts'.includes(f))) {
    await runTap('allocation', ['--import=tsx', 'bench/alloc.ts'], 5 * MINUTE, counts);
  }
  countLeftovers(counts);
  report(counts);
}

await main();
