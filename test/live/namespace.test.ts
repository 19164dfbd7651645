import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import {
  detectWorld,
  type Entry,
  enterCommand,
  joinCommand,
  namespaceOf,
} from '../../src/live/namespace.ts';
import { requires } from '../support/requires.ts';

/** Some forty processes are started, one after the other. */
t.setTimeout(120_000);

const CHILD = fileURLToPath(new URL('namespace-child.ts', import.meta.url));
const PARENT = fileURLToPath(new URL('namespace-parent.ts', import.meta.url));
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const asRoot = requires({ root: true, addon: true });
const asUser = requires({ userNamespaces: true, addon: true });
const isRoot = process.getuid?.() === 0;

/** How a test becomes the user it is about: root stays root, or drops to an unprivileged uid. */
function as(entry: Entry): string[] {
  return entry === 'user' && isRoot ? NOBODY : [];
}

function parentCommand(scenario: string, entry: Entry, join: readonly string[]): string[] {
  return [...as(entry), process.execPath, '--import=tsx', PARENT, scenario, entry, ...join];
}

type Observed = Record<string, unknown>;

/** Runs a scenario of namespace-child.ts to its end and returns what it printed. */
function observe(scenario: string, entry: Entry): Record<string, Observed> {
  const flags = entry === 'root' ? ['--net'] : ['--user', '--map-root-user', '--net'];
  const node = [process.execPath, '--import=tsx', CHILD, scenario];
  const [program, ...args] = [...as(entry), 'unshare', ...flags, ...node];
  const { status, stdout, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${scenario} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, Observed>;
}

class Running {
  readonly lines: AsyncIterator<string>;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  readonly parent: ChildProcessByStdio<null, Readable, null>;

  constructor(scenario: string, entry: Entry, join: readonly string[] = []) {
    const [program, ...args] = parentCommand(scenario, entry, join);
    this.parent = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.parent.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((done) => {
      this.parent.once('exit', (code, signal) => done({ code, signal }));
    });
  }

  /** The next line of the child; null when nobody is left who could write one. */
  async line(): Promise<Observed | null> {
    const { value, done } = await this.lines.next();
    return done === true ? null : (JSON.parse(value) as Observed);
  }
}

function isAlive(pid: number): boolean {
  return namespaceOf(pid, 'net') !== '';
}

function checkLinks(t: Test, seen: Observed): void {
  const both = { name: 'veth-a', kind: 'veth', masterIndex: 0 };
  t.match(seen.made, {
    ...both,
    mac: '02:42:0a:0b:0c:0d',
    mtu: 1400,
    txQueueLen: 77,
    isUp: false,
  });
  t.match(seen.changed, {
    ...both,
    mac: '02:42:00:00:00:01',
    mtu: 9000,
    txQueueLen: 500,
    isUp: true,
    hasCarrier: true,
  });
  t.equal(seen.isPort, true);
  t.same(seen.isDown, [false, false]);
  t.same((seen.names as string[]).filter((name) => /veth|br0/.test(name)).sort(), [
    'br0 bridge',
    'veth-a veth',
    'veth-b veth',
  ]);
  t.equal(seen.peerAfterDelete, null, 'the peer goes too');
  t.match(seen.refusals, [
    { code: 'ENODEV', errno: -19, syscall: 'netlink', message: /cannot find link none/ },
    { code: 'EEXIST', errno: -17, message: /cannot create bridge br0/ },
    { code: 'EINVAL', errno: -22, message: /cannot change link veth-a: mtu less than/ },
    { code: 'ERANGE', errno: -34, message: /cannot create bridge a name/ },
  ]);
}

function checkAddresses(t: Test, seen: Observed): void {
  t.equal(seen.sysctl, '1');
  t.same(seen.listed, ['10.1.2.3/24', 'fd00::1/64', 'fd00::2/64 tentative']);
  t.equal(seen.left, 0);
  t.match(seen.refusals, [
    { code: 'EEXIST', message: /cannot add route 10.9.0.0\/16 dev veth-a/ },
    { code: 'ESRCH', message: /cannot remove route/ },
    { code: 'EEXIST', message: /cannot add fd00::1\/64 to veth-a/ },
    { message: '300.1.1.1 is not an IP address' },
    { code: 'ENETUNREACH', message: /cannot add route 10.8.0.0\/16 via 192.0.2.1/ },
  ]);
}

function checkEcho(t: Test, seen: Observed): void {
  const answered = seen.answered as Observed[];
  t.equal(answered.length, 15);
  for (const one of answered) {
    const what = `${one.target} ${one.size}`;
    t.match(one, { sent: 3, received: 3, corrupt: 0, error: null, rtts: 3 }, what);
  }
  t.same(seen.silent, [1, 0]);
  t.same(seen.unreachable, [0, 0, 'ENETUNREACH']);
}

for (const entry of ['root', 'user'] as const) {
  const skip = entry === 'root' ? asRoot : asUser;

  t.test(`${entry}: a network is set up without any program`, { skip }, async (t) => {
    const { links, addresses, echo } = observe('network', entry);
    await t.test('links are made, changed, listed, deleted', async (t) => checkLinks(t, links!));
    await t.test('addresses, routes, sysctls', async (t) => checkAddresses(t, addresses!));
    await t.test('the kernel pings, from nothing to 65507 bytes', async (t) => checkEcho(t, echo!));
  });

  t.test(`${entry}: a child in a namespace of its own`, { skip }, async (t) => {
    await t.test('ends when its parent is killed, whatever way', async (t) => {
      const run = new Running('wait', entry);
      const child = await run.line();
      t.not(child!.net, namespaceOf('self', 'net'), 'it is elsewhere');
      t.equal(child!.uid, 0, 'and root there');
      // A child of its own, beside it, may be the loader's compiler.
      const children = childrenOf(run.parent.pid!);
      t.ok(children.includes(Number(child!.pid)), 'unshare became it: no process between');
      run.parent.kill('SIGKILL');
      t.same(await run.line(), { stopped: true }, 'it was told, and ended by itself');
      t.equal(await run.line(), null, 'nobody is left to write');
      t.same(await run.ended, { code: null, signal: 'SIGKILL' });
    });

    const signals = entry === 'root' ? (['SIGINT', 'SIGHUP'] as const) : (['SIGTERM'] as const);
    for (const signal of signals) {
      await t.test(`ends cleanly with its parent on ${signal}`, async (t) => {
        const run = new Running('wait', entry);
        const child = await run.line();
        // As Ctrl-C does: both get it, and the child hears of it twice.
        if (signal === 'SIGINT') process.kill(Number(child!.pid), signal);
        run.parent.kill(signal);
        t.same(await run.line(), { stopped: true }, 'once');
        t.equal(await run.line(), null);
        t.same(await run.ended, { code: 3, signal: null }, "the child's exit code");
        t.notOk(isAlive(Number(child!.pid)));
      });
    }

    await t.test('that does not want to end is killed when asked again', async (t) => {
      const run = new Running('stubborn', entry);
      const child = await run.line();
      run.parent.kill('SIGTERM');
      run.parent.kill('SIGINT');
      t.equal(await run.line(), null);
      t.same(await run.ended, { code: 137, signal: null });
      t.notOk(isAlive(Number(child!.pid)));
    });

    await t.test('can be entered, by a user and by --netns', async (t) => {
      const run = new Running('wait', entry);
      const child = await run.line();
      const pid = Number(child!.pid);
      const [program, ...args] = [
        ...as(entry),
        ...enterCommand(pid, entry).split(' '),
        'readlink',
        '/proc/self/ns/net',
      ];
      const inside = spawnSync(program!, args, { encoding: 'utf8' });
      t.equal(inside.stdout.trim(), child!.net, inside.stderr);
      const second = new Running('wait', entry, [`${pid}`]);
      t.equal((await second.line())?.net, child!.net, 'joined by pid');
      second.parent.kill('SIGTERM');
      await second.ended;
      if (entry === 'root') {
        const third = new Running('wait', entry, [`/proc/${pid}/ns/net`]);
        t.equal((await third.line())?.net, child!.net, 'joined by path');
        third.parent.kill('SIGTERM');
        await third.ended;
      }
      run.parent.kill('SIGTERM');
      await run.ended;
    });
  });
}

t.test('a namespace that is not there', async (t) => {
  t.throws(() => joinCommand('999999999'), { code: 'ESRCH', message: /no process 999999999/ });
  t.throws(() => joinCommand('no-such-name'), { code: 'ENOENT', message: /\/run\/netns\/no-such/ });
  t.throws(() => joinCommand('/no/such/file'), { code: 'ENOENT' });
});

t.test('the best world that is possible, and why not a better one', async (t) => {
  t.same(detectWorld('memory'), { world: 'memory', entry: 'none', refused: [] });
  await t.test('root', { skip: asRoot }, async (t) => {
    const { world, entry, refused } = detectWorld();
    if (requires({ tun: true }) === false)
      t.match({ world, entry }, { world: 'tap', entry: 'root' });
    else t.match(refused, [{ world: 'tap', why: /\/dev\/net\/tun/ }]);
    t.match(detectWorld('packet'), { world: 'packet', entry: 'root' });
  });
  await t.test('not root', { skip: asUser }, async (t) => {
    const script = `import(${JSON.stringify(new URL('../../src/live/namespace.ts', import.meta.url))})
      .then((m) => console.log(JSON.stringify([m.detectWorld(), tryTap(m)])));
      function tryTap(m) { try { m.detectWorld('tap') } catch (e) { return [e.code, e.message] } }`;
    const command = [...as('user'), process.execPath, '--import=tsx', '-e', script];
    const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
      encoding: 'utf8',
      timeout: 30_000,
    });
    t.same(
      JSON.parse(stdout || '[]'),
      [
        {
          world: 'packet',
          entry: 'user',
          refused: [{ world: 'tap', why: 'TAP devices need root' }],
        },
        ['ERR_WORLD', 'tap is not possible: TAP devices need root'],
      ],
      stderr,
    );
  });
  await t.test('without util-linux', async (t) => {
    const path = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      const { world, refused } = detectWorld();
      t.equal(world, 'memory');
      t.match(refused.at(-1), { world: 'packet', why: /unshare does not start \(ENOENT\)/ });
    } finally {
      process.env.PATH = path;
    }
  });
});

/** Pids of a process's children. */
function childrenOf(pid: number): number[] {
  const found: number[] = [];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const { stdout } = spawnSync('cat', [`/proc/${pid}/task/${task}/children`], {
      encoding: 'utf8',
    });
    found.push(...stdout.split(' ').filter(Boolean).map(Number));
  }
  return found;
}
