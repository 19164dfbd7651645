/**
 * The Linux programs that tests use, and where Debian has them. A test that lacks one is skipped with the
 * line to type (test/support/requires.ts); only CI=true or REQUIRE_ALL=1 makes `npm test` install any.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program → the Debian package that has it. */
export const DEBIAN_PACKAGE: Readonly<Record<string, string>> = {
  arping: 'iputils-arping',
  'atk6-implementation6': 'thc-ipv6',
  bridge: 'iproute2',
  curl: 'curl',
  debootstrap: 'debootstrap',
  dnsmasq: 'dnsmasq-base',
  docker: 'docker.io',
  'docker-compose': 'docker-compose',
  dockerd: 'docker.io',
  ethtool: 'ethtool',
  'g++': 'g++',
  gdb: 'gdb',
  ip: 'iproute2',
  make: 'make',
  nmap: 'nmap',
  nsenter: 'util-linux',
  nstat: 'iproute2',
  ping: 'iputils-ping',
  python3: 'python3',
  radvd: 'radvd',
  setpriv: 'util-linux',
  socat: 'socat',
  ss: 'iproute2',
  sysctl: 'procps',
  tcpdump: 'tcpdump',
  tracepath: 'iputils-tracepath',
  tshark: 'tshark',
  unshare: 'util-linux',
};

/** The programs that the tests use, so that one `apt-get` call before the run can fetch them all. */
export const TEST_PROGRAMS: readonly string[] = [
  'arping',
  'atk6-implementation6',
  'bridge',
  'curl',
  'dnsmasq',
  'ethtool',
  'ip',
  'nmap',
  'nsenter',
  'nstat',
  'ping',
  'radvd',
  'setpriv',
  'socat',
  'ss',
  'sysctl',
  'tcpdump',
  'tracepath',
  'unshare',
];

/** Debian keeps `ip` and others where an unprivileged PATH does not look. */
const ALSO = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The full path of a program, or null. */
export function programPath(program: string): string | null {
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), ...ALSO]) {
    if (dir === '') continue;
    const path = join(dir, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return null;
}

export function missingPrograms(programs: readonly string[]): string[] {
  return programs.filter((program) => programPath(program) === null);
}

export function packagesFor(programs: readonly string[]): string[] {
  return [...new Set(programs.map((program) => DEBIAN_PACKAGE[program] ?? program))].sort();
}

/** The line to type for these programs. */
export function aptLine(programs: readonly string[]): string {
  return `apt-get install --no-install-recommends ${packagesFor(programs).join(' ')}`;
}
