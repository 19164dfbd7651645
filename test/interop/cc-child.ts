/** `ringway up --cc FILE` beside the kernel: what the kernel fetches is sent by a user's module, whatever becomes of it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { controlCall } from '../../src/live/control-client.ts';
import type { CcView } from '../../tools/command/cc-files.ts';
import { httpPattern, patternAt } from '../../tools/command/http-page.ts';
import type { SocketView } from '../../tools/command/socket-views.ts';
import { check, mustLinux } from './lab.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-cc-'));
const SRC = resolve('src/cc');
const RINGWAY = resolve('bin/ringway.js');
const MB = 1 << 20;
/** More than both buffers of a connection hold: the transfer is under way while its reader waits. */
const LONG = 32 * MB;

/** Reno with something done to it before each growth. */
const text = (deed: string): string => `
import { controlCall } from '../../src/live/control-client.ts';
import type { CcView } from '${SRC}/cc-view.ts';
import { CongestionControl } from '${SRC}/congestion-control.ts';
import { renoGrowth } from '${SRC}/window-growth.ts';
class Mine extends CongestionControl {
  override ssthresh(v: CcView): number {
    return Math.max(2, v.cwnd >> 1);
  }
  override congAvoid(v: CcView, acked: number): void {
    ${deed}
    renoGrowth(v, acked);
  }
}
export const mine = { name: 'mine', flags: 1, create: () => new Mine() };
`;

/** As an editor does: another file takes the place. */
function save(content: string): void {
  writeFileSync(join(folder, 'draft'), content);
  renameSync(join(folder, 'draft'), join(folder, 'mine.mts'));
}

type Event = { readonly event: string; readonly [field: string]: unknown };

/** `ringway up -j`, and what it says. */
class Up {
  readonly child: ChildProcess;
  private readonly events: Event[] = [];
  private heard = (): void => undefined;

  constructor(args: readonly string[]) {
    // Whatever ends us, ends it.
    const command = ['--pdeathsig', 'KILL', '--', process.execPath, RINGWAY, 'up', '-j', ...args];
    this.child = spawn('setpriv', command, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.events.push(JSON.parse(line) as Event);
      this.heard();
    });
  }

  /** The next event has this name. Throws when it is another. */
  async next(name: string): Promise<Event> {
    if (this.events.length === 0) {
      await new Promise<void>((done) => {
        this.heard = done;
      });
    }
    const event = this.events.shift()!;
    if (event.event !== name) throw new Error(`${name}? ${JSON.stringify(event)}`);
    return event;
  }

  async end(): Promise<number | null> {
    const ended = new Promise<number | null>((done) => this.child.once('exit', done));
    this.child.kill('SIGTERM');
    return ended;
  }
}

function ringway(...args: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    execFile(process.execPath, [RINGWAY, ...args], { cwd: folder }, (error, stdout, stderr) => {
      if (error === null) done(stdout);
      else fail(new Error(`${args.join(' ')}: ${stdout}${stderr}`));
    });
  });
}

/** A transfer to the kernel, which reads a part and no more, until it is told to go on. */
class Fetch {
  private readonly bytes: number;
  private response: IncomingMessage | null = null;
  private readonly hash = createHash('sha256');

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  async begin(): Promise<void> {
    const url = `http://10.9.0.2/bytes/${this.bytes}`;
    const response = await new Promise<IncomingMessage>((done, fail) =>
      get(url, done).on('error', fail),
    );
    this.response = response;
    await new Promise<void>((done) => {
      response.on('data', (data: Buffer) => {
        this.hash.update(data);
        if (this.response !== null) response.pause();
        done();
      });
    });
  }

  /** Null: every byte was right. */
  async finish(): Promise<string | null> {
    const response = this.response!;
    this.response = null;
    const ended = new Promise<void>((done, fail) => response.on('end', done).on('error', fail));
    response.resume();
    await ended;
    const want = createHash('sha256');
    const pattern = httpPattern();
    for (let at = 0; at < this.bytes; ) {
      const part = patternAt(pattern, at, this.bytes - at);
      want.update(part);
      at += part.length;
    }
    return this.hash.digest('hex') === want.digest('hex') ? null : 'other bytes';
  }
}

async function sender(): Promise<SocketView> {
  const text = await ringway('ss', '-tinj', 'state', 'established');
  const sockets = JSON.parse(text) as readonly SocketView[];
  if (sockets.length !== 1) throw new Error(`${sockets.length} connections`);
  return sockets[0]!;
}

async function shown(): Promise<CcView> {
  const call = await controlCall(undefined, { op: 'cc', action: 'list' });
  return ((await call.result) as CcView[]).find((v) => v.name === 'mine')!;
}

/** Null when the object has all that is wanted. */
function lacks(is: object, wanted: Readonly<Record<string, unknown>>): string | null {
  const has = is as Record<string, unknown>;
  const wrong = Object.keys(wanted).filter((name) => has[name] !== wanted[name]);
  return wrong.length === 0 ? null : `${wrong.join(', ')}: ${JSON.stringify(is)}`;
}

process.chdir(folder); // control sockets are found there
save(text(''));
const args = ['--tap', 'wire0', '--address', '10.9.0.2/24', '--http', '80'];
const up = new Up([...args, '--cc', './mine.mts', '--cc-watch', 'live']);
await up.next('up');
await mustLinux('ip link set lo up');
await mustLinux('ip addr add 10.9.0.1/24 dev wire0');

await check("a transfer has a user's module, and the right bytes", async () => {
  const fetch = new Fetch(LONG);
  await fetch.begin();
  const wrong = lacks(await sender(), { congestion: 'mine', standIn: undefined });
  return (await fetch.finish()) ?? wrong;
});

await check('the file changes in a transfer, which goes on with the new version', async () => {
  const fetch = new Fetch(LONG);
  await fetch.begin();
  save(text('// another version'));
  const wrong = lacks(await up.next('cc'), { module: 'mine', version: 2, changed: 1 });
  const view = lacks(await shown(), { version: 2, connections: 1, faults: 0 });
  return (await fetch.finish()) ?? wrong ?? view;
});

await check(
  'a file that does not compile leaves the transfer alone, and is named once',
  async () => {
    const fetch = new Fetch(LONG);
    await fetch.begin();
    save('export const = 1;');
    const wrong = lacks(await up.next('cc-refused'), { module: 'mine', version: 2 });
    save(text(''));
    const mended = lacks(await up.next('cc'), { version: 3, changed: 1 });
    return (await fetch.finish()) ?? wrong ?? mended;
  },
);

let faults = 0;

/** A good version, and then one with the deed, loaded into the transfer that is under way. Null: told and survived. */
async function mistake(deed: string, message: RegExp): Promise<string | null> {
  save(text(''));
  await up.next('cc');
  const fetch = new Fetch(LONG);
  await fetch.begin();
  save(text(`${deed};`));
  const loaded = lacks(await up.next('cc'), { changed: 1 });
  const bytes = fetch.finish();
  const told = await up.next('cc-failed');
  const wrong = await bytes;
  faults++;
  const isNamed = message.test(String(told.message));
  const view = lacks(await shown(), { faults, firstFault: told.message });
  return loaded ?? wrong ?? view ?? (isNamed ? null : String(told.message));
}

const NONSENSE = /^congAvoid: set a window or a threshold of 0 or less$/;
const NAN = /^congAvoid: .* is a number$/;
const LEFT = /^congAvoid: left cwnd /;
const MISTAKES: readonly (readonly [title: string, deed: string, message: RegExp])[] = [
  ['throws', "throw new Error('boom')", /^congAvoid: boom$/],
  ['asks for a window of NaN', 'v.setCwnd(Number.NaN)', NAN],
  ['asks for a window of 0', 'v.setCwnd(0)', NONSENSE],
  ['asks for a window below 0', 'v.setCwnd(-5)', NONSENSE],
  ['asks for a window of 1e308', 'v.setCwnd(1e308); return', LEFT],
  ['writes a window of NaN', 'v.cwnd = Number.NaN; return', LEFT],
  ['writes a window of 0', 'v.cwnd = 0; return', LEFT],
  ['writes a window of 1e308', 'v.cwnd = 1e308; return', LEFT],
  ['asks for a threshold of NaN', 'v.setSsthresh(Number.NaN)', NAN],
  ['asks for a rate of 0', 'v.setPacingRate(0)', /^congAvoid: a pacing rate is positive$/],
  ['writes a rate of NaN', 'v.pacingRate = Number.NaN; return', LEFT],
];

for (const [title, deed, message] of MISTAKES) {
  await check(`a module that ${title} in a transfer: named, and the bytes are right`, () =>
    mistake(deed, message),
  );
}

await check('from the start: ss has a stand-in, nstat counts', async () => {
  save(text("throw new Error('boom');"));
  await up.next('cc');
  const fetch = new Fetch(LONG);
  await fetch.begin();
  await up.next('cc-failed');
  faults++;
  const seen = lacks(await sender(), { congestion: 'mine', standIn: 'reno' });
  const line = /\bmine stand_in:reno\b/.test(await ringway('ss', '-tin', 'state', 'established'));
  const wrong = await fetch.finish();
  const counters = JSON.parse(await ringway('nstat', '-asj', 'RingwayCcFaults')) as {
    kernel: object;
  };
  const counted = lacks(counters.kernel, { RingwayCcFaults: faults });
  return wrong ?? seen ?? counted ?? (line ? null : 'ss -i does not show it');
});

await check('tcp_congestion_control chooses another, and it again', async () => {
  save(text(''));
  await up.next('cc');
  for (const name of ['reno', 'mine']) {
    await ringway('sysctl', '-w', `net.ipv4.tcp_congestion_control=${name}`);
    const fetch = new Fetch(LONG);
    await fetch.begin();
    const seen = lacks(await sender(), { congestion: name, standIn: undefined });
    const wrong = await fetch.finish();
    if (seen !== null || wrong !== null) return `${name}: ${seen} ${wrong}`;
  }
  return null;
});

await check('it ends as it should', async () => {
  const code = await up.end();
  return code === 0 ? null : `exit code ${code}`;
});
process.chdir('/');
rmSync(folder, { recursive: true, force: true });
process.exit();
