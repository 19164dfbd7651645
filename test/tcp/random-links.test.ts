/**
 * Connections over links that do everything a network may do: each seed draws its own link, its own writes and
 * reads, and its own end. Every byte arrives once and in order, or the connection ends with an error that says so.
 */
import t, { type Test } from 'tap';
import { ECONNRESET, EPIPE, ETIMEDOUT } from '../../src/base/errno.ts';
import { type RandomStream, Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { FaultProfile } from '../../src/path/fault-path.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { tcpAbort, tcpRead, tcpShutdown, tcpWrite } from '../../src/tcp/user-calls.ts';
import { byteAt, TcpPair } from './tcp-pair.ts';

const EMPTY = { pages: 0, cells: 0, records: 0, flows: 0 };
const SEEDS = process.env.LONG === '1' ? 1000 : 50;
/** The worst of these links loses one frame in eight and takes two seconds a round trip. */
const LIMIT_NS = 3000 * SEC;

/** An application that writes and reads in random portions, pauses, and ends one way or the other. */
class RandomEnd {
  received = 0;
  wrong = -1;
  hasEof = false;
  hasAborted = false;
  closedWith: number | null = null;
  sent = 0;
  readonly toSend: number;
  /** When it was told of something last: how long a stall was. */
  private connection: TcpConnection | null = null;
  private readonly draw: RandomStream;
  private readonly host: SimHost;
  private readonly abortAt: number;
  private readonly chunk = new Uint8Array(20_000);
  private readonly into = new Uint8Array(20_000);

  constructor(draw: RandomStream, host: SimHost) {
    this.draw = draw;
    this.host = host;
    this.toSend = draw.below(60_000);
    this.abortAt = draw.below(10) === 0 ? draw.below(this.toSend + 1) : Number.POSITIVE_INFINITY;
  }

  attach(c: TcpConnection): void {
    this.connection = c;
    c.setOwner(this);
    this.step();
  }

  /** One portion each way, then a pause: whoever is slow to read shuts the window now and then. */
  private step(): void {
    const c = this.connection!;
    if (this.closedWith !== null || this.hasAborted) return;
    this.read(1 + this.draw.below(this.into.length));
    if (this.sent >= this.abortAt) {
      this.hasAborted = true;
      this.closedWith = ECONNRESET;
      tcpAbort(c);
      return;
    }
    this.write(1 + this.draw.below(this.chunk.length));
    const isSlow = this.draw.below(20) === 0;
    this.host.after((isSlow ? 1000 : 20) * this.draw.unit() * MS, () => this.step());
  }

  private write(most: number): void {
    const c = this.connection!;
    const n = Math.min(most, this.toSend - this.sent);
    for (let i = 0; i < n; i++) this.chunk[i] = byteAt(this.sent + i);
    const taken = n === 0 ? 0 : tcpWrite(c, this.chunk.subarray(0, n));
    if (taken > 0) this.sent += taken;
    if (this.sent === this.toSend) tcpShutdown(c);
  }

  private read(most: number): void {
    const n = tcpRead(this.connection!, this.into.subarray(0, most));
    if (n === 0) this.hasEof = true;
    for (let i = 0; i < n && this.wrong < 0; i++) {
      if (this.into[i] !== byteAt(this.received + i)) this.wrong = this.received + i;
    }
    if (n > 0) this.received += n;
  }

  readable(): void {
    // it reads when it likes
  }

  writable(): void {
    // and writes
  }

  closed(errno: number): void {
    for (let before = -1; before !== this.received; ) {
      before = this.received;
      this.read(this.into.length);
    }
    this.closedWith = errno;
    this.connection!.release();
  }
}

function randomLink(draw: RandomStream): FaultProfile {
  const some = (rate: number): number => (draw.below(2) === 0 ? 0 : draw.unit() * rate);
  return {
    loss: some(0.12),
    duplication: some(0.1),
    corruption: some(0.05),
    reordering: some(0.1),
    reorderGap: 1 + draw.below(30),
    reorderHoldNs: Math.floor(draw.unit() * SEC),
    // In order, but a frame that waits for long lets all behind it wait: a stall, now and then of seconds.
    jitterNs: Math.floor(
      draw.unit() * [0, 0, 0, 0, 300 * MS, 300 * MS, 300 * MS, 5 * SEC][draw.below(8)]!,
    ),
  };
}

function run(t: Test, seed: number): void {
  const draw = new Rng(seed).stream('random-links');
  const pair = new TcpPair({
    seed,
    rateBps: 10 ** (5.5 + 3 * draw.unit()),
    delayNs: Math.floor(draw.unit() * 300 * MS),
    backDelayNs: Math.floor(draw.unit() * 300 * MS),
    queueBytes: 5000 + draw.below(200_000),
    faults: randomLink(draw),
  });
  const client = new RandomEnd(draw, pair.hosts[0]!);
  const server = new RandomEnd(draw, pair.hosts[1]!);
  pair.listen((c) => server.attach(c));
  let hasFailed = false;
  pair.connect({
    established: (c) => client.attach(c),
    failed: () => {
      hasFailed = true;
    },
  });
  const isShrinking = draw.below(3) === 0;
  if (isShrinking)
    pair.hosts[0]!.after(draw.below(2000) * MS, () => shrinkPath(pair, 600 + draw.below(800)));
  const isOver = (): boolean =>
    hasFailed || (client.closedWith !== null && server.closedWith !== null);
  // Half-open for ever is no fault of TCP's: an abort's reset may be lost, and only text finds that out.
  const until = pair.sim.nowNs + LIMIT_NS;
  pair.sim.runUntil(isOver, until);
  judge(t, seed, client, server, hasFailed);
  for (const stack of [pair.client, pair.server]) stack.tcp.closeAll();
  t.same(pair.end(), EMPTY, `seed ${seed}: nothing is left`);
}

/** What the network layer does when a router's report has been believed. */
function shrinkPath(pair: TcpPair, mtu: number): void {
  for (const stack of [pair.client, pair.server]) {
    for (const e of stack.tcp.demux.all()) {
      const path = stack.net.paths.lookup(e.remote, e.boundIndex);
      if (path === null) continue;
      stack.net.paths.learnMtu(path, mtu);
      if (e.kind !== 'connection') continue;
      e.ownPathMtu().tooLarge(true);
      stack.tcp.wantsOutput(e);
    }
  }
}

function judge(
  t: Test,
  seed: number,
  client: RandomEnd,
  server: RandomEnd,
  hasFailed: boolean,
): void {
  const says = `seed ${seed}: client ${client.closedWith}, server ${server.closedWith}`;
  t.same([client.wrong, server.wrong], [-1, -1], `${says}: no byte is wrong`);
  t.ok(client.received <= server.sent && server.received <= client.sent, `${says}: none is new`);
  if (hasFailed) return;
  const isAborted = client.hasAborted || server.hasAborted;
  for (const [end, peer] of [
    [client, server],
    [server, client],
  ] as const) {
    if (!isAborted) {
      t.equal(end.closedWith, 0, `${says}: a clean end`);
      t.equal(end.received, peer.toSend, `${says}: all of it`);
    } else if (end.closedWith !== null && end.closedWith !== 0) {
      t.ok(
        [ECONNRESET, ETIMEDOUT, EPIPE].includes(end.closedWith),
        `${says}: an error that says so`,
      );
    }
  }
}

// Virtual time takes no time, but the machine may be busy.
t.setTimeout(1_800_000);

t.test(`every byte once and in order, or a clean error, over ${SEEDS} random links`, (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) run(t, seed);
  t.end();
});
