/**
 * Builds the addon with node-gyp: `npm run build:native`, and the install step of `npm ci`. Node's headers
 * are taken from beside the running node when they are there, so that nothing needs to be downloaded.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { aptLine, missingPrograms } from './requirements.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const BUILT = join(ROOT, 'build/Release');

/** Whether a source under native/ is newer than what was built from it. */
export function isNativeStale(): boolean {
  if (!existsSync(join(ROOT, 'binding.gyp'))) return false;
  const addons = existsSync(BUILT) ? readdirSync(BUILT).filter((f) => f.endsWith('.node')) : [];
  if (addons.length === 0) return true;
  const built = Math.min(...addons.map((f) => statSync(join(BUILT, f)).mtimeMs));
  const sources = readdirSync(join(ROOT, 'native')).map((f) => join(ROOT, 'native', f));
  return [join(ROOT, 'binding.gyp'), ...sources].some((f) => statSync(f).mtimeMs > built);
}

/** The exit status. */
export function buildNative(): number {
  if (!existsSync(join(ROOT, 'binding.gyp'))) {
    console.log('no binding.gyp: there is no addon to build');
    return 0;
  }
  if (process.platform !== 'linux') {
    console.log('not Linux: no frame rings here, only virtual time; the addon is not built');
    return 0;
  }
  const missing = missingPrograms(['g++', 'make', 'python3']);
  if (missing.length > 0) {
    console.error(`the addon needs ${missing.join(', ')}: ${aptLine(missing)}`);
    return 1;
  }
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const prefix = resolve(dirname(process.execPath), '..');
  const hasHeaders = existsSync(join(prefix, 'include/node/node_api.h'));
  const args = [
    gyp,
    'configure',
    'build',
    '--silent',
    '--jobs=max',
    ...(hasHeaders ? [`--nodedir=${prefix}`] : []),
  ];
  const run = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return run.status ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = buildNative();
