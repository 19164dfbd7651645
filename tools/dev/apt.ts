/**
 * Installs the Linux programs that the tests need, without starting any service: `policy-rc.d` tells
 * Debian's maintainer scripts to leave services alone, and goes away again afterwards.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { packagesFor } from './requirements.ts';

const POLICY = '/usr/sbin/policy-rc.d';

/** Returns null when all were installed, or what went wrong in one line. */
export function installPrograms(programs: readonly string[]): string | null {
  const packages = packagesFor(programs);
  if (packages.length === 0) return null;
  if (process.getuid?.() !== 0) return `not root: cannot install ${packages.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) return `no apt-get here: install ${packages.join(' ')}`;
  const isOurs = !existsSync(POLICY);
  if (isOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const update = apt(['update', '-q']);
    if (update !== 0) return `apt-get update ended with ${update}`;
    const install = apt(['install', '-qy', '--no-install-recommends', ...packages]);
    return install === 0 ? null : `apt-get install ${packages.join(' ')} ended with ${install}`;
  } finally {
    if (isOurs) rmSync(POLICY, { force: true });
  }
}

function apt(args: readonly string[]): number {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' };
  const run = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 10 * 60_000,
  });
  return run.status ?? -1;
}
