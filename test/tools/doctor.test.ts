/** `ringway doctor`: what follows from what a machine allows, on machines that are tables; and on this one. */
import t, { type Test } from 'tap';
import { detectWorld } from '../../src/live/namespace.ts';
import { doctor } from '../../tools/command/doctor.ts';
import type { Findings } from '../../tools/command/doctor-checks.ts';
import type { Trial } from '../../tools/command/doctor-inside.ts';
import type { System } from '../../tools/command/doctor-system.ts';
import { Options } from '../../tools/command/options.ts';
import { requires } from '../support/requires.ts';
import { Place } from './command-place.ts';

const WORKS: Trial = { failed: '', why: '', vnet: true };
const REFUSED: Trial = { failed: 'namespace', why: 'Operation not permitted', vnet: false };
const ALL_CAPS = '000001ffffffffff';
const NO_CAPS = '0000000000000000';
/** What Docker gives root: NET_RAW, but neither NET_ADMIN, SYS_ADMIN nor BPF. */
const DOCKER_CAPS = '00000000a80425fb';

interface Machine {
  readonly uid?: number;
  readonly caps?: string;
  readonly addon?: string;
  readonly poller?: string;
  readonly tun?: string;
  readonly packet?: string;
  readonly trial?: Trial;
  readonly kind?: string;
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

  linkKind(): string | null {
    return this.native(this.machine.kind ?? null);
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

t.test('an interface: its queue, its offloads, the other end of a veth', (t) => {
  const sys = (name: string, facts: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(facts).map(([k, v]) => [`/sys/class/net/${name}/${k}`, `${v}\n`]),
    );
  const eth0 = { operstate: 'up', mtu: '1500', tx_queue_len: '1000', ifindex: '2', iflink: '3' };
  const veth1 = { ifindex: '3', iflink: '2' };
  const cases: [Machine, RegExp[]][] = [
    [
      { kind: 'veth', files: { ...sys('eth0', eth0), ...sys('veth1', veth1) } },
      [/^ok {4}eth0 +up, MTU 1500$/, /^ok {4}txqueuelen +1000$/, /^ok {4}veth peer +veth1$/],
    ],
    [
      // The same number, but that one's other end is elsewhere: it is another namespace's 3.
      { kind: 'veth', files: { ...sys('eth0', eth0), ...sys('veth1', { ...veth1, iflink: '9' }) } },
      [/^ok {4}veth peer +number 3 in another namespace$/],
    ],
    [
      { files: sys('eth0', { ...eth0, operstate: 'down', tx_queue_len: '10' }) },
      [
        /^warn {2}eth0 +down, MTU 1500 -> ip link set eth0 up/,
        /^warn {2}txqueuelen +10 -> ip link set eth0 txqueuelen 1000/,
        /^warn {2}GRO, LRO, TSO +not known -> ethtool -k eth0/,
      ],
    ],
    [{}, [/^warn {2}eth0 +not known: \/sys shows another/, /^warn {2}txqueuelen +not known$/]],
    [{ addon: 'gone', files: sys('eth0', eth0) }, [/^ok {4}eth0 +up/]],
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
  t.notOk(see(t, { files: sys('eth0', eth0) }, 'eth0').text.some((l) => l.includes('veth peer')));
  t.throws(() => see(t, {}, 'nosuch'), { code: 'ENODEV', exit: 3 });
  t.end();
});

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
