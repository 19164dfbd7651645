/** Limits that `ringway doctor` compares with what a stack asks for. */
import { DEFAULT_SLAB_BYTES } from '../../src/base/slab.ts';
import { type Check, check, versionOf } from './doctor-check.ts';
import type { System } from './doctor-system.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** The kernel doubles it. Below, super-frames have no queue beside the ring, and are copied twice (src/live/packet-device.ts). */
const LEAST_RECEIVE = 2 * MIB;
/** What an AF_PACKET device asks for. */
const WANTED_SEND = 4 * MIB;
/** A filter of frames is charged to it. */
const LEAST_OPTION = 4 * KIB;
/** The map and program of the SYN limit, where the kernel counts them as locked. */
const LEAST_LOCKED = 512 * KIB;
/** Receive memory of one device, and room for connections. */
const LEAST_MEMORY = 128 * MIB;

/** `isForced`: the rights to pass rmem_max and wmem_max. */
export function networkLimitChecks(system: System, isForced: boolean): Check[] {
  return [
    limitCheck(system, 'rmem_max', LEAST_RECEIVE, isForced),
    limitCheck(system, 'wmem_max', WANTED_SEND, isForced),
    limitCheck(system, 'optmem_max', LEAST_OPTION, false),
  ];
}

function limitCheck(system: System, name: string, least: number, isForced: boolean): Check {
  const full = `net.core.${name}`;
  const text = system.read(`/proc/sys/net/core/${name}`);
  if (text === null) {
    return isForced
      ? check(full, 'ok', 'not known here, and CAP_NET_ADMIN passes it')
      : check(full, 'warn', 'not known in this namespace');
  }
  const value = Number(text);
  if (value >= least) return check(full, 'ok', sizeText(value));
  if (isForced) return check(full, 'ok', `${sizeText(value)}, and CAP_NET_ADMIN passes it`);
  return check(full, 'warn', sizeText(value), `sysctl ${full}=${least}, as root`);
}

/** Only kernels before 5.11 count BPF maps as locked memory; rings never are. */
export function memlockCheck(system: System): Check {
  const limits = system.read('/proc/self/limits') ?? '';
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return check('memlock', 'warn', 'not known');
  const found = soft === 'unlimited' ? soft : sizeText(Number(soft));
  const [major, minor] = versionOf(system.kernel);
  const isCounted = major < 5 || (major === 5 && minor < 11);
  if (isCounted && soft !== 'unlimited' && Number(soft) < LEAST_LOCKED) {
    return check(
      'memlock',
      'warn',
      `${found}: the SYN limit may not fit`,
      `ulimit -l ${LEAST_LOCKED / KIB}`,
    );
  }
  return check('memlock', 'ok', found);
}

/** The slab is addresses first: pages are taken as they are used. */
export function memoryCheck(system: System): Check {
  const text = /^MemAvailable:\s+(\d+) kB$/m.exec(system.read('/proc/meminfo') ?? '')?.[1];
  if (text === undefined) return check('memory', 'warn', 'not known');
  const bytes = Math.min(Number(text) * KIB, cgroupRoom(system));
  const found = `${sizeText(bytes)} for a slab of up to ${sizeText(DEFAULT_SLAB_BYTES)}`;
  if (bytes < LEAST_MEMORY) {
    return check(
      'memory',
      'no',
      found,
      `${sizeText(LEAST_MEMORY)} at least: end something, or raise the cgroup's limit`,
    );
  }
  if (bytes < DEFAULT_SLAB_BYTES) {
    return check('memory', 'warn', found, 'enough for few connections; many need more');
  }
  return check('memory', 'ok', found);
}

/** What the memory limits of our cgroup, v2 or v1, leave. */
function cgroupRoom(system: System): number {
  let room = Number.POSITIVE_INFINITY;
  for (const line of (system.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    // In a cgroup namespace the path is the host's, and what is mounted begins at ours.
    for (const own of path === '/' ? [''] : [path, '']) {
      if (controllers === '') {
        room = Math.min(room, left(system, `/sys/fs/cgroup${own}/memory`, 'max', 'current'));
      } else if (controllers === 'memory') {
        const at = `/sys/fs/cgroup/memory${own}/memory`;
        room = Math.min(room, left(system, at, 'limit_in_bytes', 'usage_in_bytes'));
      }
    }
  }
  return room;
}

/** `max`, as cgroup v2 has it, is no number, and no limit. */
function left(system: System, at: string, limit: string, usage: string): number {
  const most = Number(system.read(`${at}.${limit}`) ?? Number.NaN);
  const used = Number(system.read(`${at}.${usage}`) ?? Number.NaN);
  return Number.isFinite(most - used) ? Math.max(0, most - used) : Number.POSITIVE_INFINITY;
}

function sizeText(bytes: number): string {
  if (bytes >= MIB * KIB) return `${Number((bytes / MIB / KIB).toFixed(1))} GiB`;
  if (bytes >= MIB) return `${Number((bytes / MIB).toFixed(1))} MiB`;
  if (bytes >= KIB) return `${Number((bytes / KIB).toFixed(1))} KiB`;
  return `${bytes} B`;
}
