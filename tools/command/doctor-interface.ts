/** `ringway doctor --interface`: the queues, the offloads and the other end of one interface. */
import { type Check, check } from './doctor-check.ts';
import type { LinkFacts, LinkFeatures, System } from './doctor-system.ts';

/** A burst of super-frames fits. 0 is no short queue but none. */
const LEAST_QUEUE = 100;
/** Frames: at 10 Gbit/s of full frames some 300 µs, in which the kernel has to come round. */
const LEAST_RING = 256;

/** Of this network namespace, whichever one /sys shows. */
export function interfaceNames(system: System): string[] {
  const table = system.read('/proc/thread-self/net/dev') ?? '';
  return [...table.matchAll(/^\s*(\S+):\s/gm)].map(([, name]) => name!);
}

/** `known`: what was found of the machine. Links and offloads are asked for through the addon. */
export function interfaceChecks(system: System, name: string, known: readonly Check[]): Check[] {
  const isOk = (what: string) => known.some((c) => c.check === what && c.verdict === 'ok');
  if (!isOk('addon')) {
    return [name, 'txqueuelen', 'offloads'].map((what) =>
      check(what, 'warn', 'not known without the addon', 'npm run build:native'),
    );
  }
  const link = system.link(name);
  const isRefused = known.some((c) => c.check === 'vnet header' && c.found.startsWith('refused'));
  return [
    stateCheck(name, link),
    queueCheck(name, link),
    ...featureChecks(name, system.linkFeatures(name), !isRefused),
    ...(link.kind === 'veth' ? [peerCheck(link)] : []),
  ];
}

function stateCheck(name: string, { isUp, hasCarrier, mtu }: LinkFacts): Check {
  const found = `${isUp ? (hasCarrier ? 'up' : 'up, no carrier') : 'down'}, MTU ${mtu}`;
  if (isUp && hasCarrier) return check(name, 'ok', found);
  return check(name, 'warn', found, `ip link set ${name} up, and see to its carrier`);
}

function queueCheck(name: string, { txQueueLen }: LinkFacts): Check {
  if (txQueueLen === 0) return check('txqueuelen', 'ok', '0: no queue, frames leave at once');
  if (txQueueLen >= LEAST_QUEUE) return check('txqueuelen', 'ok', `${txQueueLen}`);
  const remedy = `ip link set ${name} txqueuelen 1000, as root`;
  return check('txqueuelen', 'warn', `${txQueueLen}`, remedy);
}

function featureChecks(name: string, features: LinkFeatures | string, hasVnet: boolean): Check[] {
  if (typeof features === 'string') {
    return [check('offloads', 'warn', `not known (${features})`, `ethtool -k ${name}`)];
  }
  return [
    ringCheck(name, features),
    receiveCheck(name, features, hasVnet),
    largeReceiveCheck(name, features),
    sendCheck(features, hasVnet),
    checksumCheck(features),
  ];
}

function ringCheck(name: string, { rxRing, rxRingMost }: LinkFeatures): Check {
  if (rxRing < 0) return check('rx ring', 'ok', 'none: no hardware of its own');
  const found = `${rxRing} of ${rxRingMost} frames`;
  if (rxRing >= LEAST_RING || rxRing >= rxRingMost) return check('rx ring', 'ok', found);
  const more = Math.min(rxRingMost, 4 * LEAST_RING);
  return check('rx ring', 'warn', found, `ethtool -G ${name} rx ${more}, as root`);
}

/** What the kernel puts together it has to tell apart again: the vnet header does. */
function receiveCheck(name: string, { gro }: LinkFeatures, hasVnet: boolean): Check {
  if (gro < 0) return check('GRO', 'warn', 'not known', `ethtool -k ${name}`);
  if (gro === 0) return check('GRO', 'ok', 'off: each frame by itself');
  if (hasVnet) return check('GRO', 'ok', 'on: super-frames arrive, and say so');
  const found = 'on, and no vnet header: frames longer than the MTU arrive';
  return check('GRO', 'warn', found, `ethtool -K ${name} gro off, as root`);
}

/** It forgets what it has put together, so that nobody can send it on as it was. */
function largeReceiveCheck(name: string, { lro }: LinkFeatures): Check {
  if (lro < 0) return check('LRO', 'warn', 'not known', `ethtool -k ${name}`);
  if (lro === 0) return check('LRO', 'ok', 'off');
  const found = 'on: no good for a router, and segments lose their boundaries';
  return check('LRO', 'warn', found, `ethtool -K ${name} lro off, as root`);
}

function sendCheck({ gso, tso }: LinkFeatures, hasVnet: boolean): Check {
  const found = `TSO ${word(tso)}, GSO ${word(gso)}`;
  if (!hasVnet) return check('TSO, GSO', 'ok', `${found}; not used without a vnet header`);
  const who = tso === 1 ? 'the device cuts super-frames' : 'the kernel cuts super-frames';
  return check('TSO, GSO', 'ok', `${found}: ${who}`);
}

function checksumCheck({ rxChecksum, txChecksum }: LinkFeatures): Check {
  const cost = rxChecksum === 0 ? ': each frame received is summed here' : '';
  return check('checksums', 'ok', `receive ${word(rxChecksum)}, send ${word(txChecksum)}${cost}`);
}

function word(value: number): string {
  return value < 0 ? 'not known' : value === 0 ? 'off' : 'on';
}

function peerCheck({ otherEnd }: LinkFacts): Check {
  return check('veth peer', 'ok', otherEnd === '' ? 'in another namespace' : otherEnd);
}
