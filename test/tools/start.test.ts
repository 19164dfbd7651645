/** The main job: `npm start` in every world, and what it leaves behind, which is nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { markedProcesses, RUN_MARK } from '../../tools/dev/leftovers.ts';
import { openPeerServer } from '../../tools/start/peer-server.ts';
import { RemotePeer } from '../../tools/start/remote-peer.ts';
import { requires } from '../support/requires.ts';

const NODE = [process.execPath, '--import=tsx', 'tools/start.ts'];
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const SERVER = 'tools/start/peer-server.ts';
const STEPS = 18;
const STEPS_OF_IPV4 = 10;
/** Of each large transfer of the tour; a gibibyte for a user. */
const BULK = String((process.env.LONG === '1' ? 1024 : 24) << 20);
const root = requires({ root: true, tun: true, addon: true });
const lan = requires({ root: true, programs: ['ip', 'nsenter', 'unshare'], addon: true });
const anyone = requires({ addon: true });
const nobody = requires({ root: true, programs: ['setpriv', 'unshare'], addon: true });

interface Run {
  readonly child: ChildProcess;
  readonly mark: string;
  readonly lines: string[];
  readonly errors: string[];
  readonly ended: Promise<number | string>;
  /** The first line. */
  readonly first: Promise<string>;
  /** The first line of JSON. */
  readonly up: Promise<{ pid: number; world: string; enter: string }>;
}

function run(command: readonly string[], env: Record<string, string> = {}): Run {
  const mark = randomUUID();
  const [program, ...args] = command;
  const child = spawn(program!, args, {
    detached: true,
    env: { ...process.env, ...env, [RUN_MARK]: mark },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => errors.push(line));
  const output = createInterface({ input: child.stdout! });
  const up = new Promise<never>((done) => {
    output.on('line', (line) => {
      lines.push(line);
      if (line.startsWith('{')) done(JSON.parse(line) as never);
    });
  });
  const first = new Promise<string>((done) => output.once('line', done));
  const ended = new Promise<number | string>((done) => {
    child.once('close', (code, signal) => done(code ?? signal ?? -1));
  });
  return { child, mark, lines, errors, ended, first, up };
}

/** All processes of the run are gone, within a bound that is far beyond what they need. */
async function nothingLeft(t: Test, mark: string): Promise<void> {
  for (let i = 0; i < 200 && markedProcesses(mark).length > 0; i++) {
    await new Promise((done) => setTimeout(done, 50));
  }
  t.same(markedProcesses(mark), [], 'no process is left, and so no namespace');
  const devices = readFileSync('/proc/net/dev', 'latin1');
  t.notMatch(devices, /^\s*(ring0|kernel0):/m, 'no device is left outside');
}

const name = `test-${process.pid}`;
const demo = (world: string) =>
  `--demo -j --world ${world} --name ${name}-${world} --bulk ${BULK}`.split(' ');

interface DemoReport {
  readonly world: string;
  readonly entry: string;
  readonly failed: number;
  readonly steps: readonly { title: string; isPassed: boolean; measured: string }[];
}

async function demoPasses(
  t: Test,
  r: Run,
  world: string,
  entry: string,
  steps = STEPS,
): Promise<void> {
  t.equal(await r.ended, 0, `exits 0 (${r.errors.join(' | ')})`);
  const report = JSON.parse(r.lines.at(-1)!) as DemoReport;
  t.equal(report.world, world);
  t.equal(report.entry, entry);
  t.equal(report.steps.length, steps);
  for (const step of report.steps) t.ok(step.isPassed, `${step.title}: ${step.measured}`);
  await nothingLeft(t, r.mark);
}

t.jobs = 3;

t.test('the demo passes on a TAP device', { skip: root }, async (t) => {
  await demoPasses(t, run([...NODE, ...demo('tap')]), 'tap', 'root');
});

t.test('the demo passes on AF_PACKET, as root', { skip: root }, async (t) => {
  await demoPasses(t, run([...NODE, ...demo('packet')]), 'packet', 'root');
});

t.test('the demo passes as nobody, in a user namespace', { skip: nobody }, async (t) => {
  const own = ['--demo', '-j', '--name', `${name}-nobody`, '--bulk', BULK];
  const r = run([...AS_NOBODY, ...NODE, ...own], { HOME: '/tmp' });
  await demoPasses(t, r, 'packet', 'user');
  const report = JSON.parse(r.lines.at(-1)!) as { refused: { world: string; why: string }[] };
  t.match(report.refused, [{ world: 'tap', why: /root/ }], 'and it says why not on TAP');
});

t.test('the demo passes in memory', { skip: anyone }, async (t) => {
  await demoPasses(t, run([...NODE, ...demo('memory')]), 'memory', 'none');
});

/** Two machines and a cable. What is typed inside has the pid of the far one as $0. */
const CABLE = [
  'ip link add near0 type veth peer name far0 netns $0',
  'ip address add 10.78.0.3/24 dev near0; ip link set near0 up',
  'far="nsenter -t $0 -n"',
  '$far ip address add 10.78.0.1/24 dev far0; $far ip address add fd78::1/64 dev far0 nodad',
  '$far ip link set far0 up; $far ip link set lo up',
  'exec "$@"',
].join('; ');

t.test(
  'the demo passes on an interface, with a peer on another machine',
  { skip: lan },
  async (t) => {
    const peer = run(['unshare', '--net', process.execPath, '--import=tsx', SERVER]);
    await peer.first;
    const where = ['--interface', 'near0', '--address', '10.78.0.2/24', '--address', 'fd78::2/64'];
    const own = ['--demo', '-j', '--name', `${name}-lan`, '--bulk', BULK, '--peer', '10.78.0.1'];
    const inside = ['unshare', '--net', 'sh', '-c', CABLE, String(peer.child.pid)];
    const r = run([...inside, ...NODE, ...where, ...own]);
    await demoPasses(t, r, 'packet', 'none');
    process.kill(peer.child.pid!, 'SIGTERM');
    t.equal(await peer.ended, 0, 'the peer ends when it is told to');
    await nothingLeft(t, peer.mark);
  },
);

/** As in a container whose network has no IPv6. */
const NO_IPV6 = 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; exec "$@"';

t.test('a TAP device in the namespace that is there', { skip: root }, async (t) => {
  const own = ['--here', '--demo', '-j', '--name', `${name}-here`, '--bulk', BULK];
  const off = ['unshare', '--net', '--mount', 'sh', '-c'];
  await demoPasses(t, run([...off, NO_IPV6, 'sh', ...NODE, ...own]), 'tap', 'none');
  const readOnly = NO_IPV6.replace('exec', 'mount -o bind,ro /proc/sys /proc/sys; exec');
  const r = run([...off, readOnly, 'sh', ...NODE, ...own]);
  await demoPasses(t, r, 'tap', 'none', STEPS_OF_IPV4);
  const odd = run([...NODE, '--here', '--world', 'packet']);
  t.equal(await odd.ended, 3);
  t.match(odd.errors.join(), /it takes an interface that is there: --interface/);
});

t.test('the peer of a tour does what it is asked, within bounds', { skip: anyone }, async (t) => {
  const server = await openPeerServer(0, '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  const peer = await RemotePeer.connect(`127.0.0.1:${port}`);
  const echo = await peer.serveEcho('127.0.0.1', 0x7007);
  const data = Uint8Array.from({ length: 1000 }, (_, i) => i);
  t.same(await peer.exchange('127.0.0.1', 0x7007, data), Buffer.from(data));
  const refused: readonly (readonly [string, Promise<unknown>])[] = [
    ['an option of ping', peer.ping('-f', 56, 1)],
    ['a flood of it', peer.ping('127.0.0.1', 56, 1e6)],
    ['a name', peer.fetch('example', 80, '/')],
    ['an option of curl', peer.fetch('127.0.0.1', 80, '-o')],
    ['no port', peer.exchange('127.0.0.1', 0, data)],
  ];
  for (const [what, asked] of refused) await t.rejects(asked, { message: /^the peer: / }, what);
  echo.close();
  const again = await peer.serveEcho('127.0.0.1', 0x7007);
  t.ok(again, 'what was closed is closed before the next request');
  for (const bad of ['no JSON\n', 'x'.repeat(200_000)]) {
    const raw = connect(port, '127.0.0.1');
    raw.on('error', () => undefined).write(bad);
    await new Promise<void>((done) => raw.once('close', () => done()));
  }
  t.ok(await peer.addresses(), 'others are served on');
  peer.close();
  server.close();
  await once(server, 'close');
  const next = createSocket('udp4');
  for (let i = 0; i < 200 && !(await isFree(next, 0x7007)); i++) {
    await new Promise((done) => setTimeout(done, 20));
  }
  t.equal(next.address().port, 0x7007, 'what was opened for a connection ends with it');
  next.close();
});

function isFree(socket: Socket, port: number): Promise<boolean> {
  return new Promise((done) => {
    socket.once('error', () => done(false));
    socket.bind(port, '127.0.0.1', () => done(true));
  });
}

t.test('a world that is not possible is an error of one line', { skip: nobody }, async (t) => {
  const r = run([...AS_NOBODY, ...NODE, '--world', 'tap'], { HOME: '/tmp' });
  t.equal(await r.ended, 3);
  // Under tap its loader writes reports where nobody may not, and says so too.
  const said = r.errors.filter((line) => line.startsWith('ringway'));
  t.equal(said.length, 1);
  t.match(said[0], /^ringway: tap is not possible: .*root/);
  const odd = run([...NODE, '--world', 'moon']);
  t.equal(await odd.ended, 2);
});

t.test('Ctrl-C ends it with 0, and nothing is left', { skip: root }, async (t) => {
  const options = ['-j', '--name', `${name}-int`];
  const direct = run([...NODE, ...options]);
  const up = await direct.up;
  t.equal(up.world, 'tap');
  t.match(up.enter, /^nsenter -t \d+ -n$/);
  process.kill(-direct.child.pid!, 'SIGINT'); // as a terminal does: the whole group
  t.equal(await direct.ended, 0);
  await nothingLeft(t, direct.mark);
  const npm = run(['npm', 'start', '-s', '--', ...options]);
  await npm.up;
  process.kill(-npm.child.pid!, 'SIGINT');
  t.equal(await npm.ended, 0, 'through npm too: no shell between them that dies of the signal');
  await nothingLeft(t, npm.mark);
  const memory = run([
    'npm',
    'start',
    '-s',
    '--',
    '--world',
    'memory',
    '-j',
    '--name',
    `${name}-m`,
  ]);
  await memory.up;
  process.kill(-memory.child.pid!, 'SIGINT');
  t.equal(await memory.ended, 0);
  await nothingLeft(t, memory.mark);
});

t.test(
  'kill -9 of any of its processes: the rest ends, and the next run works',
  {
    skip: root,
  },
  async (t) => {
    for (const victim of ['npm', 'start', 'stack'] as const) {
      const r = run(['npm', 'start', '-s', '--', '-j', '--name', `${name}-kill`]);
      const up = await r.up;
      t.equal(up.world, 'tap', `${victim}: up`);
      const status = readFileSync(`/proc/${up.pid}/status`, 'utf8');
      const parent = Number(/^PPid:\s*(\d+)/m.exec(status)![1]);
      process.kill({ npm: r.child.pid!, start: parent, stack: up.pid }[victim], 'SIGKILL');
      await r.ended;
      await nothingLeft(t, r.mark);
    }
  },
);
