/** The end of a connection in every order, and by force. */
import { spawn } from 'node:child_process';
import { ECONNREFUSED, ECONNRESET, EPIPE } from '../../src/base/errno.ts';
import { STATE } from '../../src/tcp/tcp-state.ts';
import { check, until } from './lab.ts';
import { LinuxEnd, linuxState } from './tcp-linux.ts';
import { type Family, type Meeting, OURS, type Pair, PORT, THEIRS } from './tcp-meeting.ts';

/** net/tcp_states.h */
const LINUX = { FIN_WAIT1: 4, FIN_WAIT2: 5, TIME_WAIT: 6, CLOSE_WAIT: 8, CLOSING: 11 } as const;
const GREETING = new TextEncoder().encode('good bye');
const scratch = new Uint8Array(1 << 16);

const stateThere = ({ ours }: Pair) => linuxState(ours.c.remotePort, ours.c.localPort);
const becomes = (pair: Pair, state: number) => until(() => stateThere(pair) === state);

function text(into: Uint8Array[]): string {
  return Buffer.concat(into).toString();
}

async function weFirst(pair: Pair): Promise<string | null> {
  const { ours, theirs } = pair;
  const ended = theirs.read(() => undefined);
  ours.close();
  await ended;
  if (!(await becomes(pair, LINUX.CLOSE_WAIT))) return `they: ${stateThere(pair)}`;
  theirs.shutdown();
  const error = await theirs.over();
  const isTimeWait = () =>
    ours.c.state === STATE.CLOSED &&
    ours.c.tcp.demux.find(ours.c.local, ours.c.localPort, ours.c.remote, ours.c.remotePort)
      ?.kind === 'time-wait';
  return error === '' && (await until(isTimeWait)) ? null : `${error}; we: ${ours.c.state}`;
}

async function theyFirst(pair: Pair): Promise<string | null> {
  const { ours, theirs } = pair;
  void theirs.read(() => undefined);
  theirs.shutdown();
  const n = await ours.read(scratch);
  if (n !== 0 || ours.c.state !== STATE.CLOSE_WAIT) return `read ${n} in ${ours.c.state}`;
  if (!(await becomes(pair, LINUX.FIN_WAIT2))) return `they: ${stateThere(pair)}`;
  ours.close();
  const error = await theirs.over();
  if (error !== '' || !(await becomes(pair, LINUX.TIME_WAIT))) return `they: ${stateThere(pair)}`;
  const { tcp } = ours.c;
  return (await until(() => !tcp.demux.has(ours.c))) ? null : 'we remember it';
}

/** Both FINs are on the wire before either is received: ours leaves while theirs waits in the device. */
async function together(m: Meeting, pair: Pair): Promise<string | null> {
  const { ours, theirs } = pair;
  const { stack, device, driver } = m.us;
  void theirs.read(() => undefined);
  driver.remove(stack); // from here on nothing is received
  theirs.shutdown();
  const isFirst = await becomes(pair, LINUX.FIN_WAIT1);
  stack.env.nowNs = driver.now();
  ours.close();
  stack.runOutput(1024);
  device.txFlush();
  const isBoth = stateThere(pair) === LINUX.CLOSING;
  driver.add(stack);
  if (!isFirst || !isBoth) return `they: ${stateThere(pair)}`;
  const error = await theirs.over();
  const isOver = await until(() => ours.c.state === STATE.CLOSED);
  return error === '' && isOver && (await becomes(pair, LINUX.TIME_WAIT)) ? null : `${error}`;
}

async function weHalfClose(pair: Pair): Promise<string | null> {
  const { ours, theirs } = pair;
  const seen: Uint8Array[] = [];
  const ended = theirs.read((data) => seen.push(data));
  await ours.write(GREETING);
  ours.shutdown();
  await ended;
  for (let i = 0; i < 100; i++) await theirs.write(new Uint8Array(1000).fill(i));
  theirs.shutdown();
  let got = 0;
  let n = await ours.read(scratch);
  for (; n > 0; n = await ours.read(scratch)) got += n;
  ours.close();
  const error = await theirs.over();
  const isRight = text(seen) === 'good bye' && got === 100_000 && n === 0 && error === '';
  return isRight ? null : `${text(seen)}, ${got} bytes, ${n}, ${error}`;
}

async function theyHalfClose(pair: Pair): Promise<string | null> {
  const { ours, theirs } = pair;
  let got = 0;
  const all = theirs.read((data) => {
    got += data.length;
  });
  await theirs.write(GREETING);
  theirs.shutdown();
  const first = await ours.read(scratch);
  const end = await ours.read(scratch);
  for (let i = 0; i < 100; i++) await ours.write(new Uint8Array(1000).fill(i));
  ours.close();
  await all;
  const error = await theirs.over();
  const isRight = first === GREETING.length && end === 0 && got === 100_000 && error === '';
  return isRight ? null : `${first}, ${end}, ${got} bytes, ${error}`;
}

async function theyReset({ ours, theirs }: Pair): Promise<string | null> {
  theirs.abort();
  const errno = await ours.over();
  const n = await ours.read(scratch);
  ours.close();
  return errno === ECONNRESET && n === -ECONNRESET ? null : `errno ${errno}, read ${n}`;
}

async function weReset({ ours, theirs }: Pair): Promise<string | null> {
  void theirs.read(() => undefined);
  ours.abort();
  const error = await theirs.over();
  return error === 'ECONNRESET' ? null : `they: ${error || 'no error'}`;
}

/** What was sent and never read is lost, and the sender hears of it (RFC 2525 §2.17). */
async function weCloseUnread({ ours, theirs }: Pair): Promise<string | null> {
  void theirs.read(() => undefined);
  await theirs.write(GREETING);
  if (!(await until(() => ours.c.received.readyBytes > 0))) return 'nothing arrived';
  ours.close();
  const error = await theirs.over();
  return error === 'ECONNRESET' ? null : `they: ${error || 'no error'}`;
}

/** A process that holds a connection to us is killed. */
async function killed(m: Meeting, family: Family, isUnread: boolean): Promise<string | null> {
  const child = spawn('socat', ['-u', 'STDIN', socatTarget(family)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  try {
    const ours = await m.accept();
    if (isUnread) {
      process.kill(child.pid!, 'SIGSTOP');
      const wrote = await ours.write(new Uint8Array(4096));
      if (wrote !== 4096) return `write: ${wrote}`;
      if (!(await until(() => ours.c.rtx.isEmpty))) return 'not acknowledged';
    }
    child.kill('SIGKILL');
    const n = await ours.read(scratch);
    ours.close();
    // EPIPE: its FIN came before the reset (CLOSE-WAIT), which is up to how Linux ends a process.
    const wanted = isUnread ? [-ECONNRESET, -EPIPE] : [0];
    return wanted.includes(n) ? null : `read ${n}`;
  } finally {
    child.kill('SIGKILL');
  }
}

const socatTarget = (family: Family) =>
  family === 'v4' ? `TCP4:${OURS.v4}:${PORT}` : `TCP6:[${OURS.v6}]:${PORT}`;

export async function closeOrders(m: Meeting): Promise<void> {
  const orders: readonly [string, (pair: Pair) => Promise<string | null>][] = [
    ['we close first', weFirst],
    ['Linux closes first', theyFirst],
    ['both close at the same time', (pair) => together(m, pair)],
    ['we close our half and go on reading', weHalfClose],
    ['Linux closes its half and goes on reading', theyHalfClose],
    ['Linux resets', theyReset],
    ['we reset', weReset],
    ['we close with unread text', weCloseUnread],
  ];
  for (const [title, run] of orders) {
    for (const family of ['v4', 'v6'] as const) {
      for (const opener of ['us', 'Linux'] as const) {
        const who = opener === 'us' ? 'we' : 'Linux';
        await check(`${title}, ${family}, ${who} opened`, async () =>
          run(await m.pair(family, opener)),
        );
      }
    }
  }
  for (const family of ['v4', 'v6'] as const) {
    await check(`a peer killed while idle ends the stream, ${family}`, () =>
      killed(m, family, false),
    );
    await check(`a peer killed with unread text resets, ${family}`, () => killed(m, family, true));
    await check(`a closed port of Linux refuses us, ${family}`, async () => {
      const end = await m.ends.connect(THEIRS[family], 9);
      return end === -ECONNREFUSED ? null : `connect: ${typeof end === 'number' ? end : 'open'}`;
    });
    await check(`a closed port of ours refuses Linux, ${family}`, async () => {
      const code = await LinuxEnd.connect(OURS[family], 9).then(
        () => 'open',
        (error: NodeJS.ErrnoException) => error.code,
      );
      return code === 'ECONNREFUSED' ? null : `connect: ${code}`;
    });
  }
  await check('nothing but TIME-WAIT is left of all these', async () =>
    (await until(() => m.alive() === 0)) ? null : `${m.alive()} connections`,
  );
}
