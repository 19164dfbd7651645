/**
 * Other versions of Node, for tests that compare what they do. `npm run nodes` brings them from npm into
 * .ringway/nodes (375 MB, which is why `npm ci` does not), in the versions that tools/dev/nodes/package-lock.json
 * names; so does `npm test` with CI=true or REQUIRE_ALL=1.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What is to be there, and where it is put: not among the sources, whose dates tell whether a build is current. */
const WANTED = fileURLToPath(new URL('nodes', import.meta.url));
const PLACE = fileURLToPath(new URL('../../.ringway/nodes', import.meta.url));

const LIMIT_MS = 5 * 60_000;

/** Beside the one that runs. Packages have them for Linux on x64 and arm64. */
export const OTHER_NODES: readonly number[] = [22, 24];

/** The binary of that version, or null where it is not installed, or another than the lock file names. */
export function otherNode(major: number): string | null {
  const name = `node_modules/node${major}-${process.arch}`;
  const binary = join(PLACE, name, 'bin/node');
  if (!existsSync(binary)) return null;
  const { packages } = read(WANTED, 'package-lock.json') as { packages: Record<string, Versioned> };
  const { version } = read(PLACE, name, 'package.json') as Versioned;
  return packages[name]?.version === version ? binary : null;
}

/** What is wrong, or null when all of them are there. */
export function installNodes(): string | null {
  if (missingNodes().length === 0) return null;
  mkdirSync(PLACE, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(WANTED, file), join(PLACE, file));
  }
  // Not their commands: all are named node.
  const args = ['ci', '--prefix', PLACE, '--ignore-scripts', '--no-bin-links', '--no-audit'];
  const { status, signal } = spawnSync('npm', args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: LIMIT_MS,
  });
  if (status !== 0) return `npm ci in .ringway/nodes ended with ${signal ?? status}`;
  const missing = missingNodes();
  return missing.length === 0 ? null : `npm has no Node ${missing.join(', ')} for this machine`;
}

interface Versioned {
  readonly version: string;
}

const missingNodes = (): number[] => OTHER_NODES.filter((major) => otherNode(major) === null);
const read = (...names: string[]): unknown => JSON.parse(readFileSync(join(...names), 'utf8'));

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const why = installNodes();
  if (why !== null) console.error(why);
  process.exitCode = why === null ? 0 : 1;
}
