/** The control socket: who may, what a client can do to the server, and what it cannot. */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { controlCall } from '../../src/live/control-client.ts';
import { controlPath, MAX_REQUEST_BYTES } from '../../src/live/control-protocol.ts';
import {
  type ControlHandler,
  ControlServer,
  type ControlSession,
} from '../../src/live/control-server.ts';

// Sockets are relative to the working folder: each test file has a process of its own, and so a folder.
const home = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'ringway-control-'));
process.chdir(folder);
t.teardown(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

const cancelled: string[] = [];
const sessions: ControlSession[] = [];
const HANDLERS = new Map<string, ControlHandler>([
  ['hello', (request, session) => session.result({ you: request.name ?? null })],
  [
    'count',
    (request, session) => {
      for (let i = 0; i < Number(request.to); i++) session.event({ i });
      session.result('done');
    },
  ],
  ['bytes', (_request, session) => sendBytes(session)],
  [
    'forever',
    (request, session) => {
      sessions.push(session);
      session.onCancel(() => {
        cancelled.push(String(request.id));
        session.result('cancelled');
      });
    },
  ],
  [
    'refuse',
    () => {
      throw Object.assign(new Error('not today'), { code: 'EPERM' });
    },
  ],
]);

function sendBytes(session: ControlSession): void {
  const u8 = Uint8Array.from({ length: 70_000 }, (_, i) => (i % 7 === 0 ? 10 : i & 255));
  session.bytes(u8, 0, 100);
  session.event({ between: true });
  session.bytes(u8, 100, u8.length - 100);
  session.result({ sum: u8.reduce((a, b) => a + b, 0) });
}

/** Writes, and returns everything that comes until the server closes. */
function raw(name: string, ...writes: string[]): Promise<string> {
  return new Promise((done) => {
    const socket = createConnection(controlPath(name));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => done(text));
    for (const write of writes) socket.write(write);
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 2));
}

async function ask(name: string | undefined, request: object): Promise<unknown> {
  return (await controlCall(name, request)).result;
}

t.test('a request, its events, its bytes, its result', async (t) => {
  const server = await ControlServer.open('one', HANDLERS);
  t.teardown(() => server.close());
  t.same(await ask('one', { op: 'hello', name: 'é\n' }), { you: 'é\n' });
  t.same(await ask(undefined, { op: 'hello' }), { you: null }, 'the only one needs no name');
  const events: unknown[] = [];
  const call = await controlCall(
    'one',
    { op: 'count', to: 1000 },
    { event: (e) => events.push(e) },
  );
  t.equal(await call.result, 'done');
  t.equal(events.length, 1000);
  t.same(events[999], { i: 999 });
  let sum = 0;
  let bytes = 0;
  const listener = {
    bytes: (b: Buffer) => {
      bytes += b.length;
      sum += b.reduce((x, y) => x + y, 0);
    },
  };
  const result = await (await controlCall('one', { op: 'bytes' }, listener)).result;
  t.equal(bytes, 70_000, 'newlines among the bytes are bytes');
  t.same(result, { sum });
  await t.rejects(ask('one', { op: 'refuse' }), { code: 'EPERM', message: 'not today' });
});

t.test('the folder and the socket are for their owner only', async (t) => {
  mkdirSync('.ringway', { recursive: true });
  chmodSync('.ringway', 0o755);
  const server = await ControlServer.open('private', HANDLERS);
  t.equal(statSync('.ringway').mode & 0o777, 0o700);
  t.equal(statSync(server.path).mode & 0o777, 0o600);
  server.close();
  await until(() => !existsSync(controlPath('private')));
  t.pass('and the socket goes with the server');
});

t.test('a name can have one stack; a dead one is replaced, whatever it is', async (t) => {
  const server = await ControlServer.open('twice', HANDLERS);
  t.teardown(() => server.close());
  await t.rejects(ControlServer.open('twice', HANDLERS), {
    code: 'EADDRINUSE',
    message: /"twice" is already running/,
  });
  t.same(await ask('twice', { op: 'hello' }), { you: null }, 'the first goes on');
  // What kill -9 leaves: a socket that nobody listens on.
  const script = `require('net').createServer().listen('.ringway/dead.sock', () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.ok(existsSync(controlPath('dead')));
  await t.rejects(ask('dead', { op: 'hello' }), { code: 'ENOENT', message: /ringway up/ });
  const next = await ControlServer.open('dead', HANDLERS);
  t.same(await ask('dead', { op: 'hello' }), { you: null });
  next.close();
  writeFileSync(controlPath('file'), 'no socket');
  const third = await ControlServer.open('file', HANDLERS);
  third.close();
  t.same(
    readdirSync('.ringway').filter((file) => !file.endsWith('.sock')),
    [],
    'nothing is left beside the sockets',
  );
});

t.test('several stacks: a name is needed, and said', async (t) => {
  const a = await ControlServer.open('left', HANDLERS);
  const b = await ControlServer.open('right', HANDLERS);
  t.teardown(() => a.close());
  t.teardown(() => b.close());
  await t.rejects(ask(undefined, { op: 'hello' }), { code: 'ENOTUNIQ', message: /left, right/ });
});

t.test('names cannot lead out of the folder', async (t) => {
  for (const name of ['../x', 'a/b', '', '.hidden', 'x'.repeat(33), 'a b']) {
    await t.rejects(ControlServer.open(name, HANDLERS), { code: 'EINVAL' }, `"${name}"`);
    await t.rejects(controlCall(name, { op: 'hello' }), { code: 'EINVAL' });
  }
});

t.test('clients that lie get an error and nothing else happens', async (t) => {
  const server = await ControlServer.open('lied-to', HANDLERS);
  t.teardown(() => server.close());
  const lies: [string, RegExp][] = [
    ['\n', /EPROTO/],
    ['nonsense\n', /EPROTO/],
    ['[]\n', /EPROTO/],
    ['null\n', /EPROTO/],
    ['{"op":7}\n', /EPROTO/],
    ['{"op":"__proto__"}\n', /EOPNOTSUPP/],
    [`{"op":"${'x'.repeat(10_000)}"}\n`, /EOPNOTSUPP/],
    ['{"op":"hello","op":"refuse"}\n', /EPERM/],
    ['\0\xff\xfe\n', /EPROTO/],
    ['x'.repeat(MAX_REQUEST_BYTES + 1), /EMSGSIZE/],
    [`${'x'.repeat(3 * MAX_REQUEST_BYTES)}\n`, /EMSGSIZE/],
  ];
  for (const [lie, expected] of lies) {
    t.match(await raw('lied-to', lie), expected, JSON.stringify(lie.slice(0, 30)));
  }
  const once = await raw('lied-to', '{"op":"hello"}\n{"op":"hello"}\n', 'more\n');
  t.equal(once.split('\n').length, 2, 'one request for each connection');
  t.same(await ask('lied-to', { op: 'hello' }), { you: null }, 'and it still answers');
});

t.test('clients that vanish are noticed, once', async (t) => {
  const server = await ControlServer.open('left-alone', HANDLERS);
  t.teardown(() => server.close());
  cancelled.length = 0;
  const vanish = (write: string): Promise<Socket> =>
    new Promise((done) => {
      const socket = createConnection(controlPath('left-alone'), () => {
        socket.write(write, () => done(socket));
      });
    });
  (await vanish('{"op":')).destroy();
  (await vanish('')).destroy();
  sessions.length = 0;
  const gone = await vanish('{"op":"forever","id":"destroyed"}\n');
  await until(() => sessions.length === 1);
  gone.destroy();
  await until(() => cancelled.length === 1);
  sessions[0]!.event({ late: true }); // to nobody
  sessions[0]!.result('late');
  const call = await controlCall('left-alone', { op: 'forever', id: 'enough' });
  await until(() => sessions.length === 2);
  call.cancel();
  t.equal(await call.result, 'cancelled', 'who closes a half still gets the result');
  t.same(cancelled, ['destroyed', 'enough']);
});

t.test('a client that does not read is cut off before it costs memory', async (t) => {
  const server = await ControlServer.open('unread', HANDLERS);
  t.teardown(() => server.close());
  sessions.length = 0;
  const socket = createConnection(controlPath('unread'));
  socket.on('error', () => undefined);
  socket.pause();
  socket.write('{"op":"forever","id":"stuck"}\n');
  await until(() => sessions.length === 1);
  const session = sessions[0]!;
  const block = new Uint8Array(1 << 20);
  let most = 0;
  for (let i = 0; i < 64; i++) {
    session.bytes(block, 0, block.length);
    most = Math.max(most, session.backlog);
  }
  t.ok(most <= 10 << 20, `at most ${most} bytes waited`);
  socket.resume();
  await new Promise((done) => socket.once('close', done));
  t.same(await ask('unread', { op: 'hello' }), { you: null });
});

t.test('the client believes no server either', async (t) => {
  const { createServer } = await import('node:net');
  mkdirSync('.ringway', { recursive: true });
  const answers: [string, string][] = [
    ['nonsense\n', 'EPROTO'],
    ['[]\n', 'EPROTO'],
    ['{}\n', 'EPROTO'],
    ['', 'EPIPE'],
    ['{"bytes":10}\nabc', 'EPIPE'],
    ['{"bytes":1.5}\nabc', 'EPROTO'],
    ['{"bytes":-1}\nabc', 'EPROTO'],
    ['{"bytes":1e300}\nabc', 'EPROTO'],
    ['{"error":"no","code":7}\n', 'EIO'],
  ];
  for (const [answer, code] of answers) {
    const server = createServer((socket) => socket.end(answer));
    await new Promise<void>((done) => server.listen(controlPath('odd'), done));
    await t.rejects(ask('odd', { op: 'hello' }), { code }, JSON.stringify(answer));
    server.close();
  }
});

t.test('somebody else’s folder is not used', async (t) => {
  mkdirSync('elsewhere');
  process.chdir('elsewhere');
  t.teardown(() => process.chdir(folder));
  await t.rejects(ask(undefined, { op: 'hello' }), { code: 'ENOENT', message: /npm start/ });
  symlinkSync('/', '.ringway');
  await t.rejects(ControlServer.open('x', HANDLERS), { code: 'ENOTDIR' });
  await t.rejects(ask('x', { op: 'hello' }), { code: 'ENOTDIR' }, 'nor asked');
  unlinkSync('.ringway');
  if (process.getuid?.() !== 0) return;
  mkdirSync('.ringway');
  chownSync('.ringway', 65534, 65534);
  await t.rejects(ControlServer.open('x', HANDLERS), { code: 'EACCES' });
  await t.rejects(ask('x', { op: 'hello' }), { code: 'EACCES' }, 'nor by root');
});
