/** `ringway doctor`: what follows from what a machine allows, on machines that are tables; and on this one. */
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { detectWorld } from '../../src/live/namespace.ts';
import { doctor } from '../../tools/command/doctor.ts';
import type { Findings } from '../../tools/command/doctor-checks.ts';
import type { Trial } from '../../tools/command/doctor-inside.ts';
import type { LinkFacts, LinkFeatures, System } from '../../tools/command/doctor-system.ts';
import { Options } from '../../tools/command/options.ts';
import { requires } from '../support/requires.ts';
import { Place, RINGWAY } from './command-place.ts';

const WORKS: Trial = { failed: '', why: '', vnet: true };
const REFUSED: Trial = { failed: 'namespace', why: 'Operation not permitted', vnet: false };
const ALL_CAPS = '000001ffffffffff';
const NO_CAPS = '0000000000000000';
/** What Docker gives root: NET_RAW, but neither NET_ADMIN, SYS_ADMIN nor BPF. */
const DOCKER_CAPS = '00000000a80425fb';

const LINK: LinkFacts = {
  ...{ kind: null, mtu: 1500, isUp: true, hasCarrier: true, txQueueLen: 1000, otherEnd: '' },
};
const FEATURES: LinkFeatures = {
  ...{ gro: 1, lro: 0, gso: 1, tso: 1, rxChecksum: 1, txChecksum: 1, rxRing: -1, rxRingMost: -1 },
};

interface Machine {
  readonly uid?: number;
  readonly caps?: string;
  readonly addon?: string;
  readonly poller?: string;
  readonly tun?: string;
  readonly packet?: string;
  readonly trial?: Trial;
  readonly link?: Partial<LinkFacts>;
  readonly features?: Partial<LinkFeatures> | string;
  readonly kernel?: string;
  readonly node?: string;
  /** Beside or instead of those of a machine that has everything; null: not there. */
  readonly files?: Readonly<Record<string, string | null>>;
}

/** Root, with everything, unless the table says otherwise. */
class FakeSystem implements System {
  readonly uid: number;
  readonly node: string;
  readonly kernel: string;
  private readonly machine: Machine;
  private readonly files: Readonly<Record<string, string | null>>;

  constructor(machine: Machine) {
    this.machine = machine;
    this.uid = machine.uid ?? 0;
    this.node = machine.node ?? '20.17.0';
    this.kernel = machine.kernel ?? '6.1.0-18-amd64';
    this.files = {
      '/proc/self/status': `Name:\tnode\nCapEff:\t${machine.caps ?? ALL_CAPS}\n`,
      '/proc/self/uid_map': '         0          0 4294967295\n',
      '/proc/self/cgroup': '0::/user.slice\n',
      '/proc/self/limits':
        'Max locked memory         65536                65536                bytes     \n',
      '/proc/meminfo': 'MemTotal:       8000000 kB\nMemAvailable:    4194304 kB\n',
      '/proc/sys/net/core/rmem_max': '4194304\n',
      '/proc/sys/net/core/wmem_max': '4194304\n',
      '/proc/sys/net/core/optmem_max': '20480\n',
      '/proc/thread-self/net/dev':
        'Inter-|   Receive\n face |bytes\n    lo:       0\n  eth0: 123\n  veth1: 4\n',
      ...machine.files,
    };
  }

  read(path: string): string | null {
    return this.files[path] ?? null;
  }

  exists(path: string): boolean {
    return this.read(path) !== null;
  }

  open(): string {
    return this.machine.tun ?? '';
  }

  addon(): string {
    return this.machine.addon ?? '';
  }

  poller(): string {
    return this.native(this.machine.poller ?? '');
  }

  packetSocket(): string {
    return this.native(this.machine.packet ?? '');
  }

  link(): LinkFacts {
    return this.native({ ...LINK, ...this.machine.link });
  }

  linkFeatures(): LinkFeatures | string {
    const { features } = this.machine;
    return this.native(typeof features === 'string' ? features : { ...FEATURES, ...features });
  }

  namespaceTrial(): Trial {
    return this.native(this.machine.trial ?? WORKS);
  }

  /** Nothing may be asked of an addon that is not there. */
  private native<T>(answer: T): T {
    if (this.addon() !== '') throw new Error('asked without the addon');
    return answer;
  }
}

interface Seen {
  readonly exit: number;
  readonly findings: Findings;
  readonly text: readonly string[];
}

function see(t: Test, machine: Machine, iface?: string): Seen {
  const options = new Options();
  if (iface !== undefined) options.add('interface', iface);
  const text: string[] = [];
  const exit = doctor(new FakeSystem(machine), options, (line) => text.push(line));
  options.add('json', '');
  let json = '';
  const again = doctor(new FakeSystem(machine), options, (line) => {
    json += line;
  });
  t.equal(again, exit, 'JSON has the same exit code');
  return { exit, findings: JSON.parse(json) as Findings, text };
}

interface Case {
  readonly title: string;
  readonly machine: Machine;
  readonly best: Findings['best'];
  readonly exit: number;
  /** Lines of the report that have to be there. */
  readonly lines: readonly RegExp[];
  /** How often the report says `no`; 0 for a machine with all. */
  readonly noes: number;
}

const CASES: readonly Case[] = [
  {
    title: 'root with everything',
    machine: {},
    best: 'tap',
    exit: 0,
    lines: [/^ok {4}CAP_NET_ADMIN +held$/, /^ok {4}memory +4 GiB for/, /best.*: a TAP device/],
    noes: 0,
  },
  {
    title: 'unprivileged, with user namespaces',
    machine: { uid: 1000, caps: NO_CAPS, tun: 'EACCES', packet: 'EPERM' },
    best: 'packet-namespace',
    exit: 0,
    lines: [
      /^no {4}CAP_NET_RAW +not held -> run as root$/,
      /^no {4}\/dev\/net\/tun +cannot be opened \(EACCES\) -> run as root$/,
      /^no {4}tap +CAP_NET_ADMIN not held; \/dev\/net\/tun cannot be opened/,
      /^ok {4}packet-namespace +npm start$/,
    ],
    noes: 6,
  },
  {
    title: 'unprivileged, user namespaces forbidden',
    machine: {
      ...{ uid: 1000, caps: NO_CAPS, tun: 'EACCES', packet: 'EPERM', trial: REFUSED },
      files: { '/proc/sys/user/max_user_namespaces': '0\n' },
    },
    best: 'memory',
    exit: 1,
    lines: [
      /^no {4}namespaces +no namespace of our own \(Operation not permitted\) -> sysctl user\.max_user_namespaces=10000/,
      /^warn {2}vnet header +not known/,
      /^Nothing but a wire in memory/,
    ],
    noes: 8,
  },
  {
    title: 'without /dev/net/tun',
    machine: { tun: 'ENOENT' },
    best: 'packet',
    exit: 0,
    lines: [/^no {4}\/dev\/net\/tun +is missing \(ENOENT\) -> modprobe tun/],
    noes: 2,
  },
  {
    title: 'the addon is missing',
    machine: { addon: 'the native addon is not built' },
    best: 'simulation',
    exit: 1,
    lines: [
      /^no {4}addon +the native addon is not built -> npm run build:native/,
      /^no {4}memory +the addon is needed$/,
      /^ok {4}packetdrill /,
      /^Nothing but virtual time/,
    ],
    noes: 8,
  },
  {
    title: 'in Docker without NET_ADMIN',
    machine: {
      ...{ caps: DOCKER_CAPS, tun: 'ENOENT', trial: REFUSED },
      files: { '/.dockerenv': '' },
    },
    best: 'packet',
    exit: 0,
    lines: [
      /^ok {4}container +Docker$/,
      /^no {4}CAP_NET_ADMIN +not held -> start the container with --cap-add NET_ADMIN$/,
      /^ok {4}CAP_NET_RAW +held$/,
      /^warn {2}CAP_BPF .*--cap-add BPF$/,
      /^no {4}\/dev\/net\/tun .*--device \/dev\/net\/tun$/,
      /^ok {4}packet +ringway up --packet IFACE$/,
    ],
    noes: 5,
  },
  {
    title: 'in rootless Podman, with a device that is for root only',
    machine: {
      ...{ tun: 'EACCES', trial: REFUSED },
      files: { '/run/.containerenv': '', '/proc/self/uid_map': '0 1000 1\n' },
    },
    best: 'packet',
    exit: 0,
    lines: [
      /^ok {4}container +Podman$/,
      /^ok {4}CAP_NET_RAW +held, in this user namespace$/,
      /^no {4}\/dev\/net\/tun +cannot be opened \(EACCES\) -> chmod 666 \/dev\/net\/tun, as root outside$/,
    ],
    noes: 4,
  },
  {
    title: 'capabilities of a user namespace over a network that is not its own',
    machine: { packet: 'EPERM', files: { '/proc/self/uid_map': '0 1000 1\n' } },
    best: 'packet-namespace',
    exit: 0,
    lines: [
      /^ok {4}CAP_NET_ADMIN +held, in this user namespace$/,
      /^warn {2}CAP_BPF .*outside this user namespace$/,
      /^no {4}tap +the network is not of this user namespace$/,
    ],
    noes: 3,
  },
  {
    title: 'small limits, without the rights to pass them',
    machine: {
      ...{ uid: 1000, caps: NO_CAPS, tun: 'EACCES', packet: 'EPERM', kernel: '5.10.0-8-amd64' },
      trial: { ...WORKS, vnet: false },
      files: {
        '/proc/sys/net/core/rmem_max': '212992\n',
        '/proc/sys/net/core/wmem_max': null,
        '/proc/self/cgroup': '0::/a\n',
        '/sys/fs/cgroup/a/memory.max': '268435456\n',
        '/sys/fs/cgroup/a/memory.current': '201326592\n',
        '/sys/fs/cgroup/memory.max': 'max\n',
      },
    },
    best: 'packet-namespace',
    exit: 0,
    lines: [
      /^warn {2}vnet header +refused/,
      /^warn {2}net\.core\.rmem_max +208 KiB -> sysctl net\.core\.rmem_max=2097152, as root$/,
      /^warn {2}net\.core\.wmem_max +not known in this namespace$/,
      /^warn {2}memlock +64 KiB: the SYN limit may not fit -> ulimit -l 512$/,
      /^no {4}memory +64 MiB for a slab/,
    ],
    noes: 7,
  },
  {
    title: 'the same limits, and root',
    machine: { files: { '/proc/sys/net/core/rmem_max': '212992\n', '/proc/meminfo': null } },
    best: 'tap',
    exit: 0,
    lines: [
      /^ok {4}net\.core\.rmem_max +208 KiB, and CAP_NET_ADMIN passes it$/,
      /^ok {4}memlock +64 KiB$/,
      /^warn {2}memory +not known$/,
    ],
    noes: 0,
  },
  {
    title: 'no timerfd, and a Node that is too old',
    machine: { poller: 'EPERM: timerfd_create', node: '18.20.1' },
    best: 'simulation',
    exit: 1,
    lines: [/^no {4}timerfd +EPERM: timerfd_create/, /^no {4}Node +18\.20\.1 -> 20\.17 or newer/],
    noes: 8,
  },
];

t.test('what would work follows from what was found', (t) => {
  for (const { title, machine, best, exit, lines, noes } of CASES) {
    const seen = see(t, machine);
    t.equal(seen.findings.best, best, title);
    t.equal(seen.exit, exit, `${title}: exit code`);
    for (const line of lines) {
      t.ok(
        seen.text.some((l) => line.test(l)),
        `${title}: ${line}`,
        { text: seen.text },
      );
    }
    t.equal(seen.text.filter((l) => l.startsWith('no  ')).length, noes, `${title}: noes`);
    const silent = seen.findings.checks.filter((c) => c.verdict === 'no' && c.remedy === '');
    t.same(silent, [], `${title}: each no has a remedy`);
  }
  t.end();
});

t.test('an interface: its queues, its offloads, the other end of a veth', (t) => {
  const noVnet = { ...WORKS, vnet: false };
  const cases: [Machine, RegExp[]][] = [
    [
      { link: { kind: 'veth', otherEnd: 'veth1' } },
      [
        /^ok {4}eth0 +up, MTU 1500$/,
        /^ok {4}txqueuelen +1000$/,
        /^ok {4}rx ring +none: no hardware of its own$/,
        /^ok {4}GRO +on: super-frames arrive, and say so$/,
        /^ok {4}LRO +off$/,
        /^ok {4}TSO, GSO +TSO on, GSO on: the device cuts super-frames$/,
        /^ok {4}checksums +receive on, send on$/,
        /^ok {4}veth peer +veth1$/,
      ],
    ],
    [{ link: { kind: 'veth' } }, [/^ok {4}veth peer +in another namespace$/]],
    [
      {
        link: { isUp: false, hasCarrier: false, txQueueLen: 10, mtu: 9000 },
        features: { gro: 0, lro: 1, tso: 0, rxChecksum: 0, rxRing: 64, rxRingMost: 4096 },
      },
      [
        /^warn {2}eth0 +down, MTU 9000 -> ip link set eth0 up/,
        /^warn {2}txqueuelen +10 -> ip link set eth0 txqueuelen 1000/,
        /^warn {2}rx ring +64 of 4096 frames -> ethtool -G eth0 rx 1024, as root$/,
        /^ok {4}GRO +off: each frame by itself$/,
        /^warn {2}LRO +on: .* -> ethtool -K eth0 lro off, as root$/,
        /^ok {4}TSO, GSO +TSO off, GSO on: the kernel cuts super-frames$/,
        /^ok {4}checksums +receive off, send on: each frame received is summed here$/,
      ],
    ],
    [
      { link: { hasCarrier: false, txQueueLen: 0 }, features: { rxRing: 128, rxRingMost: 128 } },
      [
        /^warn {2}eth0 +up, no carrier, MTU 1500 ->/,
        /^ok {4}txqueuelen +0: no queue, frames leave at once$/,
        /^ok {4}rx ring +128 of 128 frames$/,
      ],
    ],
    [
      { trial: noVnet },
      [
        /^warn {2}GRO +on, and no vnet header: .* -> ethtool -K eth0 gro off, as root$/,
        /^ok {4}TSO, GSO +.*; not used without a vnet header$/,
      ],
    ],
    [
      { features: { gro: -1, lro: -1, txChecksum: -1 } },
      [
        /^warn {2}GRO +not known -> ethtool -k eth0$/,
        /^warn {2}LRO +not known -> ethtool -k eth0$/,
        /^ok {4}checksums +receive on, send not known$/,
      ],
    ],
    [{ features: 'EPERM' }, [/^warn {2}offloads +not known \(EPERM\) -> ethtool -k eth0$/]],
    [
      { addon: 'gone' },
      [
        /^warn {2}eth0 +not known without the addon -> npm run build:native$/,
        /^warn {2}txqueuelen +not known without/,
        /^warn {2}offloads +not known without/,
      ],
    ],
  ];
  for (const [machine, lines] of cases) {
    const { text } = see(t, machine, 'eth0');
    for (const line of lines)
      t.ok(
        text.some((l) => line.test(l)),
        `${line}`,
        { text },
      );
  }
  t.notOk(see(t, {}, 'eth0').text.some((l) => l.includes('veth peer')));
  t.throws(() => see(t, {}, 'nosuch'), { code: 'ENODEV', exit: 3 });
  t.end();
});

/** What doctor finds of veth `v0`, whose settings were changed, in a network namespace. */
function inNamespace(prefix: string): { exit: number | null; findings: Findings; err: string } {
  const script = `
    ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up txqueuelen 10 mtu 1400 || exit 99
    ethtool -K v0 gro on tso off gso on rx off tx on >/dev/null || exit 98
    ${prefix} "$@"`;
  const words = [...RINGWAY, 'doctor', '-j', '-i', 'v0'];
  const all = ['-n', 'sh', '-c', script, 'sh', ...words];
  const { status, stdout, stderr } = spawnSync('unshare', all, { encoding: 'utf8' });
  return { exit: status, findings: JSON.parse(stdout) as Findings, err: stderr };
}

const programs = ['unshare', 'ip', 'ethtool', 'setpriv'];
const inside = requires({ root: true, addon: true, programs });

t.test(
  'in a namespace: links and offloads as the kernel has them there',
  { skip: inside, timeout: 120_000 },
  async (t) => {
    const { exit, findings, err } = inNamespace('');
    t.equal(err, '');
    const found = new Map(findings.checks.map((c) => [c.check, `${c.verdict}: ${c.found}`]));
    t.equal(found.get('v0'), 'ok: up, MTU 1400');
    t.equal(found.get('txqueuelen'), 'warn: 10', 'whichever namespace /sys shows');
    t.equal(found.get('veth peer'), 'ok: v1');
    t.equal(found.get('LRO'), 'ok: off');
    t.equal(found.get('rx ring'), 'ok: none: no hardware of its own');
    t.match(found.get('GRO'), /^ok: on: /);
    t.match(found.get('TSO, GSO'), /^ok: TSO off, GSO on: /);
    t.match(found.get('checksums'), /^ok: receive off, send on: /);
    t.match(found.get('CAP_NET_ADMIN'), /^ok: /);
    t.match(found.get('AF_PACKET'), /^ok: /);
    t.equal(exit, 0);
  },
);

t.test(
  'without root: the same of the link, and no more than it may',
  { skip: inside, timeout: 120_000 },
  async (t) => {
    const nobody = 'setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all';
    const { exit, findings, err } = inNamespace(nobody);
    t.equal(err, '');
    const found = new Map(findings.checks.map((c) => [c.check, c]));
    t.match(found.get('checksums'), { verdict: 'ok', found: /^receive off, send on/ });
    t.match(found.get('txqueuelen'), { verdict: 'warn', found: '10' });
    for (const name of ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'AF_PACKET']) {
      t.match(found.get(name), { verdict: 'no', remedy: 'run as root' }, name);
    }
    const works = (name: string) => findings.worlds.find((w) => w.world === name)?.works;
    t.same([works('tap'), works('packet'), works('memory')], [false, false, true]);
    t.equal(works('packet-namespace'), found.get('namespaces')?.verdict === 'ok');
    t.equal(exit, works('packet-namespace') ? 0 : 1);
  },
);

t.test('on this machine', { skip: requires({ addon: true }), timeout: 120_000 }, async (t) => {
  const place = new Place(t);
  const { code, out, err } = await place.run('doctor', '-j', '-i', 'lo');
  t.equal(err, '');
  const { checks, worlds, best } = JSON.parse(out) as Findings;
  for (const { check, verdict, found } of checks) {
    t.ok(['ok', 'warn', 'no'].includes(verdict) && found !== '', `${check}: ${verdict}, ${found}`);
  }
  const works = (name: string) => worlds.find((w) => w.world === name)?.works;
  t.ok(works('memory') && works('packetdrill') && works('simulation'));
  t.equal(works('packet-namespace'), isPossible('packet'), '`npm start` finds the same');
  if (isPossible('tap')) t.ok(works('tap'), 'a TAP device, as `npm start` has it');
  t.equal(code, best === 'memory' ? 1 : 0);
});

function isPossible(world: 'tap' | 'packet'): boolean {
  try {
    detectWorld(world);
    return true;
  } catch {
    return false;
  }
}
