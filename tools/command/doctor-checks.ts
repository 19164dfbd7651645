/** The checks of `ringway doctor`, and what follows from them. Each asks the system, and says one line. */
import { type Check, check, versionOf } from './doctor-check.ts';
import type { Trial } from './doctor-inside.ts';
import { memlockCheck, memoryCheck, networkLimitChecks } from './doctor-limits.ts';
import type { System } from './doctor-system.ts';

/** Best first. */
export type WorldName =
  | 'tap'
  | 'packet'
  | 'packet-namespace'
  | 'memory'
  | 'packetdrill'
  | 'simulation';

export interface World {
  readonly world: WorldName;
  readonly works: boolean;
  /** The command, or why not. */
  readonly note: string;
}

export interface Findings {
  readonly checks: readonly Check[];
  readonly worlds: readonly World[];
  readonly best: Exclude<WorldName, 'packetdrill'>;
}

const TUN = '/dev/net/tun';
const LEAST_NODE = [20, 17] as const;
/** Bits of CapEff (linux/capability.h). */
const CAP = { NET_ADMIN: 12, NET_RAW: 13, SYS_ADMIN: 21, BPF: 39 } as const;
/** What uid_map says where nothing is mapped. */
const INITIAL_MAP = /^\s*0\s+0\s+4294967295\s*$/;
const OUTSIDE = 'run as root outside this user namespace';
const CONTAINER_CGROUP = /docker|kubepods|containerd|crio|libpod|lxc/;

export function examine(system: System): Findings {
  const container = containerOf(system);
  const native = nativeChecks(system);
  const isNativeThere = native.every((c) => c.verdict !== 'no');
  const caps = capabilityChecks(system, container);
  const tun = tunCheck(system, container);
  const packet = isNativeThere ? packetCheck(system, container) : needsAddon('AF_PACKET');
  const trial = isNativeThere ? system.namespaceTrial() : null;
  const isForced = holds(system, CAP.NET_ADMIN) && isInitialUser(system);
  const checks = [
    containerCheck(container),
    nodeCheck(system),
    ...native,
    ...caps,
    tun,
    packet,
    namespaceCheck(system, trial, container),
    vnetCheck(trial),
    ...networkLimitChecks(system, isForced),
    memlockCheck(system),
    memoryCheck(system),
  ];
  // unshare -Ur: capabilities over a network of our own, but this one is not.
  const isForeign = !isInitialUser(system) && holds(system, CAP.NET_RAW) && isNo(packet);
  const tap = isForeign ? check('the network', 'no', 'is not of this user namespace') : tun;
  const worlds = worldsOf(isNativeThere, [caps[0]!, tap], packet, trial);
  return { checks, worlds, best: bestOf(worlds) };
}

// ---- What would work ----

function worldsOf(
  isNativeThere: boolean,
  tap: readonly Check[],
  packet: Check,
  trial: Trial | null,
): World[] {
  const lacking = isNativeThere ? '' : 'the addon is needed';
  const noTap = lacking || tap.filter(isNo).map(noteOf).join('; ');
  const noPacket = lacking || (isNo(packet) ? noteOf(packet) : '');
  const noTrial = lacking || (trial!.failed === '' ? '' : trialText(trial!));
  const world = (name: WorldName, why: string, how: string): World => ({
    world: name,
    works: why === '',
    note: why === '' ? how : why,
  });
  return [
    world('tap', noTap, 'ringway up --tap NAME'),
    world('packet', noPacket, 'ringway up --packet IFACE'),
    world('packet-namespace', noTrial, 'npm start'),
    world('memory', lacking, 'ringway up --memory'),
    world('packetdrill', '', 'ringway packetdrill SCRIPT'),
    world('simulation', '', 'stacks in virtual time: examples/virtual-ping.ts'),
  ];
}

function bestOf(worlds: readonly World[]): Findings['best'] {
  const best = worlds.find((w) => w.works && w.world !== 'packetdrill')!; // simulation always works
  return best.world as Findings['best'];
}

function isNo(c: Check): boolean {
  return c.verdict === 'no';
}

function noteOf(c: Check): string {
  return `${c.check} ${c.found}`;
}

// ---- The program ----

function nodeCheck(system: System): Check {
  const [major, minor] = versionOf(system.node);
  const [leastMajor, leastMinor] = LEAST_NODE;
  const isNew = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  return isNew
    ? check('Node', 'ok', system.node)
    : check('Node', 'no', system.node, `${LEAST_NODE.join('.')} or newer is needed`);
}

/** The addon, and what it needs of any kernel. */
function nativeChecks(system: System): Check[] {
  const why = system.addon();
  if (why !== '') {
    return [
      check('addon', 'no', why, 'npm run build:native, with this Node'),
      needsAddon('timerfd'),
    ];
  }
  const noPoller = system.poller();
  return [
    check('addon', 'ok', 'loads in this Node'),
    noPoller === ''
      ? check('timerfd', 'ok', 'opens, with epoll')
      : check('timerfd', 'no', noPoller, 'see what the seccomp profile and ulimit -n allow'),
  ];
}

function needsAddon(name: string): Check {
  return check(name, 'no', 'not known without the addon', 'npm run build:native');
}

// ---- Permissions ----

function holds(system: System, bit: number): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(system.read('/proc/self/status') ?? '')?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 1n;
}

/** Not in a user namespace, where capabilities count for its own network only. */
function isInitialUser(system: System): boolean {
  return INITIAL_MAP.test(system.read('/proc/self/uid_map') ?? '');
}

function capabilityChecks(system: System, container: string): Check[] {
  const where = isInitialUser(system) ? 'held' : 'held, in this user namespace';
  const give = (cap: string): string => remedyOf(system, container, `--cap-add ${cap}`);
  const one = (cap: 'NET_ADMIN' | 'NET_RAW'): Check =>
    holds(system, CAP[cap])
      ? check(`CAP_${cap}`, 'ok', where)
      : check(`CAP_${cap}`, 'no', 'not held', give(cap));
  // Programs of the kernel are loaded for the whole system: there a user namespace's capability does not count.
  const giveBpf = system.uid === 0 && !isInitialUser(system) ? OUTSIDE : give('BPF');
  const hasBpf = isInitialUser(system) && (holds(system, CAP.BPF) || holds(system, CAP.SYS_ADMIN));
  const bpf = hasBpf
    ? check('CAP_BPF', 'ok', 'held')
    : check('CAP_BPF', 'warn', 'not held: no limit of SYNs in the kernel', giveBpf);
  return [one('NET_ADMIN'), one('NET_RAW'), bpf];
}

function tunCheck(system: System, container: string): Check {
  const error = system.open(TUN);
  if (error === '') return check(TUN, 'ok', 'opens');
  const isMissing = error === 'ENOENT' || error === 'ENODEV' || error === 'ENXIO';
  // A rootless container's root is nobody to the device's owner; who is given the device has to open it all the same.
  if (error === 'EACCES' && container !== '' && system.uid === 0 && !isInitialUser(system)) {
    return check(TUN, 'no', `cannot be opened (${error})`, `chmod 666 ${TUN}, as root outside`);
  }
  if (!isMissing) {
    const remedy = remedyOf(system, container, `--device ${TUN}`);
    return check(TUN, 'no', `cannot be opened (${error})`, remedy);
  }
  const remedy = container === '' ? 'modprobe tun, as root' : withFlag(`--device ${TUN}`);
  return check(TUN, 'no', `is missing (${error})`, remedy);
}

function packetCheck(system: System, container: string): Check {
  const error = system.packetSocket();
  if (error === '') return check('AF_PACKET', 'ok', 'a raw socket opens');
  const remedy = remedyOf(system, container, '--cap-add NET_RAW');
  return check('AF_PACKET', 'no', `no raw socket (${error})`, remedy);
}

/** In a container root too has what it was started with; others have nothing anywhere. */
function remedyOf(system: System, container: string, flag: string): string {
  if (system.uid !== 0) return 'run as root';
  if (container !== '') return withFlag(flag);
  return isInitialUser(system) ? 'root without it: see what started this' : OUTSIDE;
}

function withFlag(flag: string): string {
  return `start the container with ${flag}`;
}

function namespaceCheck(system: System, trial: Trial | null, container: string): Check {
  if (trial === null) return needsAddon('namespaces');
  if (trial.failed === '') return check('namespaces', 'ok', 'a veth and a ring in one of our own');
  return check('namespaces', 'no', trialText(trial), namespaceRemedy(system, trial, container));
}

function trialText(trial: Trial): string {
  const what = {
    '': '',
    unshare: 'unshare does not start',
    namespace: 'no namespace of our own',
    veth: 'no veth pair in one of our own',
    ring: 'no AF_PACKET ring in one of our own',
  }[trial.failed];
  return trial.why === '' ? what : `${what} (${trial.why})`;
}

/** The setting that forbids it, where one does. */
function namespaceRemedy(system: System, trial: Trial, container: string): string {
  if (trial.failed === 'unshare') return 'install util-linux';
  const settings = [
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['user.max_user_namespaces', '0', '10000'],
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
  ] as const;
  for (const [name, forbids, allows] of system.uid === 0 ? [] : settings) {
    const value = system.read(`/proc/sys/${name.replaceAll('.', '/')}`)?.trim();
    if (value === forbids) return `sysctl ${name}=${allows}, as root`;
  }
  if (container !== '') return 'a container forbids it as a rule; use its own interface';
  return system.uid === 0 ? 'it needs CAP_SYS_ADMIN' : 'run as root';
}

function vnetCheck(trial: Trial | null): Check {
  if (trial === null || trial.failed !== '') {
    return check('vnet header', 'warn', 'not known without a namespace to try it in');
  }
  if (!trial.vnet)
    return check('vnet header', 'warn', 'refused: no super-frames', 'a newer kernel');
  return check('vnet header', 'ok', 'super-frames and unfinished checksums, both ways');
}

// ---- Containers ----

/** Which kind, or nothing. */
function containerOf(system: System): string {
  if (system.exists('/.dockerenv')) return 'Docker';
  if (system.exists('/run/.containerenv')) return 'Podman';
  const cgroups = system.read('/proc/self/cgroup') ?? '';
  return CONTAINER_CGROUP.exec(cgroups)?.[0] ?? '';
}

function containerCheck(container: string): Check {
  return check('container', 'ok', container === '' ? 'none seen' : container);
}
