/** A user's congestion control on a stack that runs: loaded, refused, loaded again, in place of an older version. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  unwatchFile,
  watchFile,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { ENOENT } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { AF, SOCK, SOL, TCP_OPTION as TCP } from '../../src/socket/abi.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { readAnySysctl, writeAnySysctl } from '../../src/stack/all-sysctls.ts';
import { listCounters } from '../../src/stack/nstat.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { CcFiles } from '../../tools/command/cc-files.ts';
import { type CcReporter, type CcWatch, ccReporter } from '../../tools/command/cc-spec.ts';
import { FileWatch } from '../../tools/command/file-watch.ts';
import { loadModule } from '../../tools/command/user-module.ts';
import { type BulkEnd, goodput, PathRig } from '../tcp/path-rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-cc-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const PATH = { rateBps: 50e6, delayNs: 10 * MS, queueBytes: 125_000, superFrames: true };
const LINK = 50e6 / 8;
const SRC = resolve('src/cc');

/** A module's text: Reno, which tells its version and may make a mistake. */
function text(name: string, version: number | string, mistake = ''): string {
  return `
import type { CcView } from '${SRC}/cc-view.ts';
import { CongestionControl } from '${SRC}/congestion-control.ts';
import { renoGrowth } from '${SRC}/window-growth.ts';
class Mine extends CongestionControl {
  override ssthresh(v: CcView): number {
    return Math.max(2, v.cwnd >> 1);
  }
  override congAvoid(v: CcView, acked: number): void {
    ${mistake}
    renoGrowth(v, acked);
  }
  override getInfo() {
    return { kind: 'other' as const, values: { version: ${version} } };
  }
}
export const mine = { name: '${name}', flags: 1, create: () => new Mine() };
`;
}

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function folderOf(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

function pipeOf(name: string): string {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  return path;
}

class Reports implements CcReporter {
  readonly lines: string[] = [];
  private waiting: (() => void) | null = null;

  loaded(name: string, _path: string, version: number, changed: number | null): void {
    this.add(`${name}: version ${version}, ${changed}`);
  }

  refused(name: string, version: number, why: string): void {
    this.add(`${name}: version ${version} stays: ${why.split('\n')[0]}`);
  }

  failed(name: string, what: string): void {
    this.add(`${name}: ${what}`);
  }

  /** Until it is so; the change is made again meanwhile, as a watch begins a moment after a file was loaded. */
  async until(isSo: () => boolean, change: () => void): Promise<void> {
    const again = setInterval(change, 1000); // a watch is no reason to stay: this is
    change();
    while (!isSo()) {
      await new Promise<void>((done) => {
        this.waiting = done;
      });
    }
    clearInterval(again);
  }

  private add(line: string): void {
    this.lines.push(line);
    this.waiting?.();
  }
}

interface Running {
  readonly rig: PathRig;
  readonly cc: CcFiles;
  readonly reports: Reports;
}

/** A client with the modules, and a server across a bottleneck. */
async function start(words: readonly string[], watch: CcWatch = 'off'): Promise<Running> {
  const reports = new Reports();
  const cc = new CcFiles(watch, reports);
  await cc.open(words);
  const rig = new PathRig(PATH);
  cc.attach(rig.client, () => rig.host.after(0, () => undefined));
  return { rig, cc, reports };
}

function end({ rig, cc }: Running): void {
  cc.close();
  rig.close();
}

function versionOf(c: TcpConnection): number | undefined {
  const info = c.congestion.cc.getInfo(c.congestion.view);
  return info?.kind === 'other' ? info.values.version : undefined;
}

function slowest(rig: PathRig, far: BulkEnd): number {
  let least = Infinity;
  for (let i = 0; i < 20; i++) least = Math.min(least, goodput(rig, far, 100 * MS));
  return least;
}

t.test('files and names: the first is the default, all can be chosen', async (t) => {
  const [one, two] = [write('one.mts', text('one', 1)), write('two.mts', text('two', 1))];
  const run = await start([one, two]);
  const { client } = run.rig;
  const sysctl = (name: string) => readAnySysctl(client, `net.ipv4.tcp_${name}`);
  t.equal(sysctl('congestion_control'), 'one');
  t.equal(sysctl('available_congestion_control'), 'cubic reno bbr bbr3 dctcp vegas one two');
  t.equal(sysctl('allowed_congestion_control'), 'cubic reno bbr bbr3 one two');
  const moduleOf = (wishes = {}) => run.rig.open(wishes).near.connection!.congestion.module.name;
  t.equal(moduleOf(), 'one');
  t.equal(moduleOf({ congestion: 'two' }), 'two', 'TCP_CONGESTION');
  t.equal(writeAnySysctl(client, 'net.ipv4.tcp_congestion_control', 'two'), 0);
  t.equal(moduleOf(), 'two');
  const api = new SocketApi(client);
  const fd = api.socket(AF.INET, SOCK.STREAM, 0);
  const choose = (name: string): number =>
    api.setsockopt(fd, SOL.TCP, TCP.CONGESTION, new TextEncoder().encode(name));
  t.equal(choose('one'), 0);
  const chosen = new Uint8Array(16);
  api.getsockopt(fd, SOL.TCP, TCP.CONGESTION, chosen);
  t.equal(new TextDecoder().decode(chosen).replace(/\0.*$/, ''), 'one');
  t.equal(choose('nosuch'), -ENOENT);
  t.equal(choose('vegas'), 0, 'one that is not among the allowed: who calls owns the stack');
  api.close(fd);
  const shown = run.cc.views().filter((v) => v.file !== undefined);
  t.match(shown, [
    { name: 'one', isDefault: false, connections: 1, file: one, version: 1, faults: 0 },
    { name: 'two', isDefault: true, connections: 2, file: two, version: 1, faults: 0 },
  ]);
  const three = await run.cc.load(write('three.mts', text('three', 1)), false);
  t.match(three, { name: 'three', isDefault: false, connections: 0, version: 1 });
  t.match(await run.cc.load(write('four.mts', text('four', 1)), true), { isDefault: true });
  t.equal(moduleOf(), 'four');
  end(run);
});

t.test('a built-in name first: it is the default, and the file is there', async (t) => {
  const run = await start(['bbr', write('one.mts', text('one', 1))]);
  t.equal(run.rig.client.tcp.ccModules.defaultModule.name, 'bbr');
  t.not(run.rig.client.tcp.ccModules.find('one'), undefined);
  end(run);
});

const REFUSED: readonly (readonly [title: string, words: () => readonly string[], why: RegExp])[] =
  [
    ['an unknown name', () => ['bbr4'], /^--cc bbr4: there is cubic, reno, .*as \.\/bbr4\.ts$/],
    ['a file that is not there', () => ['./no-such.mts'], /no-such\.mts: no such file$/],
    [
      'a name that is too long',
      () => [write('long.mts', text('sixteen-letters-', 1))],
      /"sixteen-letters-" is no name for a module: 1 to 15 letters/,
    ],
    ['a name with a space', () => [write('space.mts', text('my cc', 1))], /"my cc" is no name/],
    [
      'the name of a built-in module',
      () => [write('reno.mts', text('reno', 1))],
      /"reno" is the name of a module that is there already/,
    ],
    [
      'a name twice',
      () => [write('a.mts', text('same', 1)), write('b.mts', text('same', 1))],
      /b\.mts: "same" is the name of the module in \S+a\.mts$/,
    ],
    [
      'no module',
      () => [write('none.mts', 'export const x = 1;')],
      /exports no congestion-control/,
    ],
    [
      'two modules',
      () => [write('both.mts', `${text('x', 1)}export const other = { ...mine, name: 'y' };`)],
      /exports several modules: x, y/,
    ],
    [
      'one that never sets a window',
      () => [
        write(
          'still.mts',
          text('still', 1).replace('congAvoid', 'nothing').replaceAll('override', ''),
        ),
      ],
      /"still" has neither congAvoid nor congControl/,
    ],
    [
      'one that cannot be made',
      () => [
        write('made.mts', text('made', 1).replace('new Mine()', '{ throw new Error("no"); }')),
      ],
      /made\.mts: create: no$/,
    ],
    ['a syntax error', () => [write('syntax.mts', 'const = 1;')], /syntax\.mts: /],
    ['a folder', () => [folderOf('folder.mts')], /folder\.mts: is no regular file$/],
    [
      'a pipe, which nobody writes to',
      () => [pipeOf('pipe.mts')],
      /pipe\.mts: is no regular file$/,
    ],
    [
      'one that imports a pipe, by way of another',
      () => {
        pipeOf('far.mts');
        write('near.mts', `import './far.mts';`);
        return [write('from.mts', `import './near.mts';${text('from', 1)}`)];
      },
      /from\.mts: imports \S+far\.mts, which is no regular file$/,
    ],
  ];

for (const [title, words, why] of REFUSED) {
  t.test(`refused: ${title}`, async (t) => {
    await t.rejects(start(words()), { name: 'Failure', message: why });
  });
}

t.test(
  'a newer version: new connections have it, open ones when asked, without a stall',
  async (t) => {
    const path = write('mine.mts', text('mine', 1));
    const run = await start([path]);
    const { rig, cc, reports } = run;
    const { near, far } = rig.open();
    const c = near.connection!;
    rig.write(near, 1e9);
    rig.run(3 * SEC);
    t.equal(versionOf(c), 1);
    write('mine.mts', text('mine', 2));
    t.same(await cc.reload('mine', false), { changed: 0, version: 2 });
    t.equal(versionOf(c), 1, 'who has the old one keeps it');
    const other = rig.open().near.connection!;
    t.equal(versionOf(other), 2);
    write('mine.mts', text('mine', 3));
    const window = c.congestion.view.cwnd;
    t.same(await cc.reload('mine', true), { changed: 2, version: 3 });
    t.same([versionOf(c), versionOf(other)], [3, 3]);
    t.equal(c.congestion.view.cwnd, window, 'the window stays');
    t.ok(slowest(rig, far) > LINK / 4, 'the slowest tenth of a second');
    t.same(await cc.reload('mine', true), { changed: 2, version: 4 }, 'the same text again');
    t.same(reports.lines, ['mine: version 2, null', 'mine: version 3, 2', 'mine: version 4, 2']);
    await t.rejects(
      cc.reload('reno', true),
      /no module of a user's is named "reno": there is mine/,
    );
    end(run);
  },
);

t.test('refused: one that never comes to its end; the next one is loaded', async (t) => {
  const path = write('waits.mts', `await new Promise(() => {});${text('waits', 1)}`);
  const message = /waits\.mts: is not loaded after 0\.02 s: does it await something that does not/;
  await t.rejects(loadModule(path, 'ERR', undefined, 20), { name: 'Failure', message });
  end(await start([write('next.mts', text('next', 1))]));
});

t.test('what is no module leaves the version before in its place', async (t) => {
  const path = write('mine.mts', text('mine', 1));
  const run = await start([path]);
  const { rig, cc } = run;
  for (const [content, why] of [
    ['const = 1;', /mine\.mts: /],
    ['throw new Error("at once");', /mine\.mts: at once$/],
    [text('yours', 2), /its module was named "mine", and is "yours"$/],
    [text('mine', 2).replace('new Mine()', '{ throw new Error("no"); }'), /create: no$/],
  ] as const) {
    write('mine.mts', content);
    await t.rejects(cc.reload('mine', true), { message: why });
    t.match(cc.views().at(-1), { name: 'mine', version: 1, error: why });
    t.equal(versionOf(rig.open().near.connection!), 1);
  }
  rmSync(path);
  await t.rejects(cc.reload('mine', true), /mine\.mts/);
  write('mine.mts', text('mine', 2));
  t.match(await cc.reload('mine', true), { changed: 4, version: 2 });
  t.notOk('error' in cc.views().at(-1)!);
  end(run);
});

t.test(
  'a mistake: counted, named once a version, Reno goes on; the next version takes over',
  async (t) => {
    const boom = "if (v.delivered > 1000) throw new Error('boom');";
    const path = write('mine.mts', text('mine', 1, boom));
    const run = await start([path]);
    const { rig, cc, reports } = run;
    const flows = [rig.open(), rig.open()];
    for (const { near } of flows) rig.write(near, 1e9);
    rig.run(5 * SEC);
    const congestion = flows.map(({ near }) => near.connection!.congestion);
    t.same(
      congestion.map((c) => c.cc.standIn),
      ['reno', 'reno'],
    );
    t.same(
      congestion.map((c) => c.module.name),
      ['mine', 'mine'],
    );
    t.same(reports.lines.splice(0), ['mine: congAvoid: boom']);
    t.match(cc.views().at(-1), { faults: 2, firstFault: 'congAvoid: boom' });
    const counters = Object.fromEntries(listCounters(rig.client.net, rig.client.tcp));
    t.equal(counters.RingwayCcFaults, 2);
    t.ok(slowest(rig, flows[0]!.far) + slowest(rig, flows[1]!.far) > LINK / 4);
    write('mine.mts', text('mine', 2));
    t.same(await cc.reload('mine', true), { changed: 2, version: 2 });
    t.same(
      congestion.map((c) => c.cc.standIn),
      ['', ''],
    );
    t.match(cc.views().at(-1), { faults: 2, firstFault: undefined });
    write('mine.mts', text('mine', 3, boom));
    await cc.reload('mine', true);
    rig.run(SEC);
    t.match(reports.lines.splice(0), [/2, 2$/, /3, 2$/, 'mine: congAvoid: boom']);
    t.match(cc.views().at(-1), { faults: 4, firstFault: 'congAvoid: boom' });
    end(run);
  },
);

t.test('a file that changes is loaded: written, replaced, or one that it imports', async (t) => {
  write('helper.mts', 'export const version: number = 1;');
  const path = write(
    'mine.mts',
    `import { version } from './helper.mts';${text('mine', 'version')}`,
  );
  const run = await start([path], 'live');
  const { rig, reports } = run;
  const c = rig.open().near.connection!;
  t.equal(versionOf(c), 1);
  let times = 0;
  const helper = (content: string) => () =>
    write('helper.mts', `export const version: number = ${content}; // ${'.'.repeat(++times)}`);
  const draft = (): void => {
    const whole = `import { version } from './helper.mts';${text('mine', '10 * version')}`;
    renameSync(write('draft', whole), path);
  };
  await reports.until(() => versionOf(c) === 2, helper('2'));
  t.pass('what it imports has changed');
  await reports.until(() => versionOf(c) === 20, draft);
  t.pass('another file is in its place');
  await reports.until(() => reports.lines.some((line) => / stays: /.test(line)), helper(''));
  t.equal(versionOf(c), 20);
  rmSync(join(folder, 'helper.mts'));
  await reports.until(() => versionOf(c) === 40, helper('4'));
  t.pass('what it imports is whole again');
  end(run);
});

const TIMES = process.env.LONG === '1' ? 10_000 : 200;

t.test('after the end nothing is watched: news of an import may come later', (t) => {
  const path = write('late.mts', text('late', 1));
  const watch = new FileWatch(() => undefined);
  watch.add(path);
  watch.close();
  watch.add(path);
  const mine = watchFile(path, { persistent: false }, () => undefined);
  t.equal(mine.listenerCount('change'), 1);
  unwatchFile(path);
  t.end();
});

t.test(`loaded again ${TIMES} times`, async (t) => {
  const path = write('mine.mts', text('mine', 1));
  const run = await start([path]);
  const before = process.memoryUsage().rss;
  for (let i = 0; i < TIMES; i++) await run.cc.reload('mine', false);
  t.equal(run.cc.views().at(-1)!.version, TIMES + 1);
  const kept = (process.memoryUsage().rss - before) / TIMES;
  t.ok(kept < 400e3, `${Math.round(kept / 1000)} KB a time, garbage included`);
  write('mine.mts', text('mine', 5));
  t.same(await run.cc.reload('mine', false), { changed: 0, version: TIMES + 2 });
  t.equal(versionOf(run.rig.open().near.connection!), 5);
  end(run);
});

t.test('what is said of it', async (t) => {
  const out = t.capture(console, 'log');
  const err = t.capture(console, 'error');
  for (const isJson of [false, true]) {
    const reporter = ccReporter('ringway up', isJson);
    reporter.loaded('mine', '/a/b/mine.ts', 2, null);
    reporter.loaded('mine', '/a/b/mine.ts', 3, 4);
    reporter.refused('mine', 3, 'two\nlines');
    reporter.failed('mine', 'congAvoid: boom');
  }
  t.same(err.args().flat(), [
    'ringway up: mine: version 2 of mine.ts, for new connections',
    'ringway up: mine: version 3 of mine.ts, for new connections; open ones that have changed to it: 4',
    'ringway up: mine: version 3 stays: two lines',
    'ringway up: mine failed (congAvoid: boom): its connection goes on with reno; more mistakes are counted, see ringway cc',
  ]);
  const file = '/a/b/mine.ts';
  t.same(
    out
      .args()
      .flat()
      .map((line) => JSON.parse(line)),
    [
      { event: 'cc', module: 'mine', file, version: 2 },
      { event: 'cc', module: 'mine', file, version: 3, changed: 4 },
      { event: 'cc-refused', module: 'mine', version: 3, message: 'two\nlines' },
      { event: 'cc-failed', module: 'mine', message: 'congAvoid: boom' },
    ],
  );
});
