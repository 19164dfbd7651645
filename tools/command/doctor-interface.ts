/** `ringway doctor --interface`: the queue, the offloads and the other end of one interface. */
import { type Check, check } from './doctor-check.ts';
import type { System } from './doctor-system.ts';

/** A burst of super-frames fits. 0 is no short queue but none. */
const LEAST_QUEUE = 100;

/** Of this network namespace, whichever one /sys shows. */
export function interfaceNames(system: System): string[] {
  const table = system.read('/proc/thread-self/net/dev') ?? '';
  return [...table.matchAll(/^\s*(\S+):\s/gm)].map(([, name]) => name!);
}

export function interfaceChecks(system: System, name: string, known: readonly Check[]): Check[] {
  const hasAddon = known.some((c) => c.check === 'addon' && c.verdict === 'ok');
  const kind = hasAddon ? system.linkKind(name) : null;
  const checks = [stateCheck(system, name), queueCheck(system, name), offloadCheck(name)];
  return kind === 'veth' ? [...checks, peerCheck(system, name)] : checks;
}

function attribute(system: System, name: string, what: string): string | null {
  return system.read(`/sys/class/net/${name}/${what}`)?.trim() ?? null;
}

function stateCheck(system: System, name: string): Check {
  const state = attribute(system, name, 'operstate');
  const mtu = attribute(system, name, 'mtu');
  if (state === null || mtu === null) {
    return check(name, 'warn', 'not known: /sys shows another network namespace');
  }
  const found = `${state}, MTU ${mtu}`;
  // Loopback and TUN do not say.
  if (state === 'up' || state === 'unknown') return check(name, 'ok', found);
  return check(name, 'warn', found, `ip link set ${name} up, and see to its carrier`);
}

function queueCheck(system: System, name: string): Check {
  const text = attribute(system, name, 'tx_queue_len');
  if (text === null) return check('txqueuelen', 'warn', 'not known');
  const frames = Number(text);
  if (frames === 0) return check('txqueuelen', 'ok', '0: no queue, frames leave at once');
  if (frames >= LEAST_QUEUE) return check('txqueuelen', 'ok', text);
  return check('txqueuelen', 'warn', text, `ip link set ${name} txqueuelen 1000, as root`);
}

/** The kernel tells of them by ethtool's ioctl alone, which the addon has not. */
function offloadCheck(name: string): Check {
  const remedy = `ethtool -k ${name}; GRO and TSO may stay on, for a router ethtool -K ${name} lro off`;
  return check('GRO, LRO, TSO', 'warn', 'not known', remedy);
}

function peerCheck(system: System, name: string): Check {
  const index = attribute(system, name, 'iflink');
  if (index === null) return check('veth peer', 'warn', 'not known');
  for (const other of interfaceNames(system)) {
    if (other === name) continue;
    if (attribute(system, other, 'ifindex') !== index) continue;
    // Numbers are a namespace's own: the peer is here when it says so too.
    if (attribute(system, other, 'iflink') !== attribute(system, name, 'ifindex')) continue;
    return check('veth peer', 'ok', other);
  }
  return check('veth peer', 'ok', `number ${index} in another namespace`);
}
