/** The table of `tcp-option-rows.ts` against the code, option by option. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { AF, SO, SOL, TCP_OPTION } from '../../src/socket/abi.ts';
import type { SocketOption } from '../../src/socket/option.ts';
import { tcpOptions } from '../../src/socket/tcp-socket-options.ts';
import { addr } from './socket-rig.ts';
import type { Answer } from './tcp-option-effects.ts';
import { type Row, SOCKET_ROWS, TCP_ROWS, type Trial } from './tcp-option-rows.ts';
import { DELAY_MS, dialogue, SERVER, type Side, TcpRig } from './tcp-rig.ts';

const PORT = `${SERVER}:80`;
const OPTIONS = tcpOptions(AF.INET).filter((o) => o.level === SOL.SOCKET || o.level === SOL.TCP);
const KNOWN = OPTIONS.filter((o) => o.status !== 'refused');

function rowOf(o: Pick<SocketOption<never>, 'name' | 'level'>): Row | undefined {
  return o.level === SOL.SOCKET ? SOCKET_ROWS[o.name.slice(3)] : TCP_ROWS[o.name.slice(4)];
}

t.test('each option has its row, and each row its option', async (t) => {
  const rows = [
    ...Object.keys(SOCKET_ROWS).map((name) => `SO_${name}`),
    ...Object.keys(TCP_ROWS).map((name) => `TCP_${name}`),
  ];
  t.same(rows.sort(), KNOWN.map((o) => o.name).sort());
});

/** As `getsockopt` with room for an int has it; nothing: ''. */
function read(side: Side, fd: number, level: number, name: number): Answer {
  const into = new Uint8Array(4);
  const n = side.call((api) => api.getsockopt(fd, level, name, into));
  return n === 0 ? '' : n === 4 ? new DataView(into.buffer).getInt32(0, true) : n;
}

function attempt(side: Side, fd: number, o: (typeof KNOWN)[number], value: number): Answer[] {
  const result = side.set(fd, o.level, o.number, value);
  return [value, result, read(side, fd, o.level, o.number)];
}

for (const o of KNOWN) {
  const row = rowOf(o);
  if (row === undefined) continue; // the test above says so
  dialogue(`${o.name}: as it begins, and what is set`, (t, r) => {
    const { a } = r;
    const fd = a.tcp();
    t.equal(read(a, fd, o.level, o.number), row.first, 'a new socket');
    for (const trial of row.trials) t.same(attempt(a, fd, o, trial[0]), trial, `${trial[0]}`);
    if (row.trials[0]![1] === 'ENOPROTOOPT') return;
    const before = read(a, fd, o.level, o.number);
    for (const length of [0, 1, 2, 3]) {
      const result = a.call((api) => api.setsockopt(fd, o.level, o.number, new Uint8Array(length)));
      t.equal(result, o.isText ? textResult(o.name, length) : 'EINVAL', `${length} bytes`);
    }
    t.equal(read(a, fd, o.level, o.number), before, 'which changed nothing');
  });
  dialogue(`${o.name}: of a connection and of a listener`, (t, r) => {
    const { a, b } = r;
    const [c, , l] = r.joined();
    const joined = row.joined ?? row.first;
    if (o.name !== 'TCP_TIMESTAMP' && o.name !== 'TCP_INFO') {
      t.equal(read(a, c, o.level, o.number), joined);
    }
    if (row.inherits === undefined && row.late === undefined) return;
    const [value] = row.late?.[0] ?? row.inherits!;
    const then = row.trials.find((trial) => trial[0] === value)?.[2] ?? row.inherits![1];
    const usual: readonly Trial[] = [0, 1].map(() => [
      value,
      0,
      o.name === 'SO_PRIORITY' ? 3 : then,
    ]);
    const [ofOne, ofOther] = row.late ?? usual;
    t.same(attempt(a, c, o, value), ofOne, 'set on a connection');
    t.same(attempt(b, l, o, value), ofOther ?? ofOne, 'set on a listener');
  });
  if (row.inherits !== undefined) {
    dialogue(`${o.name}: what an accepted socket has of it`, (t, r) => {
      const l = r.b.tcp();
      r.b.set(l, o.level, o.number, row.inherits![0]);
      r.b.must((api) => api.bind(l, addr(PORT)));
      r.b.must((api) => api.listen(l, 1));
      const c = r.connect(PORT);
      r.ms(3 * DELAY_MS);
      r.a.write(c, 'x'); // TCP_DEFER_ACCEPT waits for it
      r.ms(3 * DELAY_MS);
      const s = r.b.must((api) => api.accept(l, null, 0));
      t.equal(read(r.b, s, o.level, o.number), row.inherits![1]);
    });
  }
  const { acts } = row;
  if (typeof acts !== 'string') dialogue(`${o.name} acts`, (t, r) => t.same(acts(r), row.as));
}

/** A name that is empty, or zeros. */
function textResult(name: string, length: number): Answer {
  if (name === 'SO_BINDTODEVICE') return 0; // unties
  return length === 0 ? 'EINVAL' : 'ENOENT';
}

t.test('what a row says is shown elsewhere is a test', async (t) => {
  const folder = join(import.meta.dirname, '..');
  const files = ['socket', 'tcp'].flatMap((dir) =>
    readdirSync(join(folder, dir)).map((f) => join(dir, f)),
  );
  const texts = files
    .filter((f) => f.endsWith('.test.ts'))
    .map((f) => readFileSync(join(folder, f), 'utf8'));
  const scripts = readdirSync(join(folder, 'conformance'));
  for (const [name, { acts }] of Object.entries({ ...SOCKET_ROWS, ...TCP_ROWS })) {
    if (typeof acts !== 'string' || acts === 'advisory') continue;
    const isThere = scripts.includes(acts) || texts.some((text) => text.includes(`('${acts}'`));
    t.ok(isThere, `${name}: ${acts}`);
  }
});

dialogue('an option that nobody knows, or nobody has at this level', (t, r) => {
  const [four, six] = [r.a.tcp(), r.a.tcp(AF.INET6)];
  for (const o of OPTIONS.filter((x) => x.status === 'refused')) {
    t.equal(r.a.set(four, o.level, o.number, 1), errnoName(o.errno), o.name);
    t.equal(r.a.get(four, o.level, o.number), errnoName(o.errno), o.name);
  }
  for (const level of [SOL.SOCKET, SOL.TCP, SOL.IP]) {
    t.equal(r.a.set(four, level, 999, 1), 'ENOPROTOOPT');
    t.equal(r.a.get(four, level, 999), 'ENOPROTOOPT');
  }
  for (const level of [SOL.IPV6, SOL.UDP, 77]) {
    t.equal(r.a.set(four, level, 1, 1), 'ENOPROTOOPT');
    t.equal(r.a.get(four, level, 1), 'EOPNOTSUPP', `level ${level}`);
  }
  t.equal(r.a.get(six, 77, 1), 'ENOPROTOOPT', 'of an AF_INET6 socket');
});

dialogue('what is read is cut to the room there is', (t, r) => {
  const fd = r.a.tcp();
  const read = (level: number, number: number, room: number): number[] => {
    const into = new Uint8Array(room);
    const n = r.a.must((api) => api.getsockopt(fd, level, number, into));
    return [...into.subarray(0, n)];
  };
  t.same(read(SOL.TCP, TCP_OPTION.KEEPCNT, 0), []);
  t.same(read(SOL.TCP, TCP_OPTION.KEEPCNT, 2), [9, 0]);
  t.same(read(SOL.SOCKET, SO.RCVBUF, 3), [0, 0, 2]);
  t.same(read(SOL.SOCKET, SO.RCVBUF, 8), [0, 0, 2, 0]);
  t.same(
    read(SOL.SOCKET, SO.TIMESTAMPING, 12),
    [0, 0, 0, 0, 0, 0, 0, 0],
    'a clock beside the flags',
  );
});

t.test('a rate of 0 while a connection is paced does not stop it', async (t) => {
  const r = new TcpRig();
  const [c, s] = r.joined();
  for (const rate of [50_000, 0]) r.a.set(c, SOL.SOCKET, SO.MAX_PACING_RATE, rate);
  r.a.must((api) => api.send(c, new Uint8Array(60_000), 0));
  r.ms(900);
  t.equal(
    r.b.call((api) => api.recv(s, new Uint8Array(100_000), 0)),
    60_000,
  );
  r.end(t);
});
