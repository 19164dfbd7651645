/**
 * `npm run native:asan`: builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in
 * build-asan/ (native/CMakeLists.txt, by cmake-js) and runs the addon's tests with it.
 *
 * Node itself is not instrumented, so the sanitizer's runtime is preloaded. Node and V8 keep memory
 * until the process ends; a leak report therefore counts only when our code is on its stack.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative, isNativeStale } from './build-native.ts';
import { aptLine, missingPrograms } from './requirements.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** Not build/, which node-gyp empties; not .ringway/, which other users may not read. */
const OUT = join(ROOT, 'build-asan');
const ADDON = join(OUT, 'Release/ringway.node');
const REPORTS = join(OUT, 'reports');
const require = createRequire(import.meta.url);

/** Where include/node is: beside node, where npm was told, or where node-gyp put it for `npm ci`. Never fetched. */
function headersRoot(): string | null {
  const version = process.versions.node;
  const places = [
    resolve(dirname(process.execPath), '..'),
    process.env.npm_config_nodedir,
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'node-gyp', version),
  ];
  const has = (place: string | undefined) =>
    place !== undefined && existsSync(join(place, 'include/node/node_api.h'));
  return places.find(has) ?? null;
}

function build(): string | null {
  const missing = missingPrograms(['cmake', 'make', 'g++']);
  if (missing.length > 0) return `needs ${missing.join(', ')}: ${aptLine(missing)}`;
  const headers = headersRoot();
  if (headers === null) return "Node's headers are not here: run `npm ci` first";
  const args = [
    require.resolve('cmake-js/bin/cmake-js'),
    'compile',
    '--prefer-make',
    `--directory=${join(ROOT, 'native')}`,
    `--out=${OUT}`,
    `--nodedir=${headers}`,
    `--CDNODE_ADDON_API=${dirname(require.resolve('node-addon-api/napi.h'))}`,
    '--log-level=warn',
  ];
  const run = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  return run.status === 0 && existsSync(ADDON) ? null : 'the build failed';
}

/** The runtime that belongs to the compiler which built the addon. */
function runtime(name: string): string | null {
  const run = spawnSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' });
  const path = run.stdout.trim();
  return isAbsolute(path) ? path : null;
}

function environment(asan: string, leaks: boolean): NodeJS.ProcessEnv {
  const log = `log_path=${join(REPORTS, 'report')}`;
  return {
    ...process.env,
    LD_PRELOAD: asan,
    RINGWAY_ADDON: ADDON,
    ASAN_OPTIONS: `detect_leaks=${leaks ? 1 : 0}:exitcode=86:${log}`,
    // Node leaks at exit by design: that alone is no failure, we read the reports ourselves.
    LSAN_OPTIONS: 'exitcode=0',
    UBSAN_OPTIONS: `print_stacktrace=1:${log}`,
    TAP_TIMEOUT: '600',
  };
}

function test(asan: string): number {
  const files = process.argv.length > 2 ? process.argv.slice(2) : ['live/'];
  const args = ['--import=tsx', join(ROOT, 'tools/dev/test.ts'), ...files];
  const env = environment(asan, false);
  return spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' }).status ?? 1;
}

/** Once more with leak detection, which takes seconds a process: only what opens and closes rings most. */
function lookForLeaks(asan: string): number {
  if (process.getuid?.() !== 0) {
    console.log('leak detection skipped: the rings need root');
    return 0;
  }
  const child = join(ROOT, 'test/live/rings/lifetime-child.ts');
  const env = environment(asan, true);
  let status = 0;
  for (const how of ['return', 'exit']) {
    const args = ['-n', process.execPath, '--import=tsx', child, how, 'leak0', 'leak0'];
    status ||= spawnSync('unshare', args, { cwd: ROOT, env, stdio: 'inherit' }).status ?? 1;
  }
  return status;
}

/** What our code did wrong: any error, and any leak with our code on its stack. */
function findings(): string[] {
  const found: string[] = [];
  for (const file of readdirSync(REPORTS)) {
    const text = readFileSync(join(REPORTS, file), 'utf8');
    for (const part of text.split(/\n(?=Direct leak|Indirect leak|=====|\/.*runtime error)/)) {
      const isLeak = /^(Direct|Indirect) leak/.test(part);
      const isError = /ERROR: AddressSanitizer|runtime error/.test(part);
      if (isError || (isLeak && part.includes(basename(ADDON)))) found.push(part);
    }
  }
  return found;
}

function main(): number {
  const why = build();
  if (why !== null) {
    console.error(`native:asan: ${why}`);
    return 1;
  }
  // The test run would do it too, but slowly: the compiler would have the sanitizer preloaded.
  if (isNativeStale() && buildNative() !== 0) return 1;
  const asan = runtime('libasan.so');
  if (asan === null) {
    console.error(`native:asan: no libasan beside g++: ${aptLine(['g++'])}`);
    return 1;
  }
  rmSync(REPORTS, { recursive: true, force: true });
  mkdirSync(REPORTS, { recursive: true });
  chmodSync(REPORTS, 0o1777); // a test drops its rights
  const status = test(asan) || lookForLeaks(asan);
  const found = findings();
  for (const part of found) console.error(part);
  console.log(`sanitizers: ${found.length} findings`);
  return status !== 0 || found.length > 0 ? 1 : 0;
}

process.exitCode = main();
