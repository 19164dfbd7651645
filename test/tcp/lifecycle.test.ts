import t from 'tap';
import { ECONNREFUSED, ECONNRESET, EHOSTUNREACH } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { STATE } from '../../src/tcp/tcp-state.ts';
import { tcpAbort, tcpRead, tcpShutdown, tcpWrite } from '../../src/tcp/user-calls.ts';
import { End, TcpPair } from './tcp-pair.ts';

const EMPTY = { pages: 0, cells: 0, records: 0, flows: 0 };

/** An owner that does nothing but note. */
class Idle {
  eof = false;
  closedWith: number | null = null;
  connection: TcpConnection | null = null;
  private readonly into = new Uint8Array(65536);
  readonly isReading: boolean;

  constructor(isReading = true) {
    this.isReading = isReading;
  }

  readable(): void {
    const c = this.connection;
    if (c === null || !this.isReading) return;
    for (;;) {
      const n = tcpRead(c, this.into);
      if (n === 0) this.eof = true;
      if (n <= 0) return;
    }
  }

  writable(): void {
    // nothing to write
  }

  closed(errno: number): void {
    this.closedWith = errno;
    this.connection!.release();
  }

  attach(c: TcpConnection): this {
    this.connection = c;
    c.setOwner(this);
    return this;
  }
}

/** A pair with one established connection and idle owners at both ends. */
function joined(pair: TcpPair, isServerReading = true): { client: Idle; server: Idle } {
  const client = new Idle();
  const server = new Idle(isServerReading);
  pair.listen((c) => server.attach(c));
  pair.connect({
    established: (c) => client.attach(c),
    failed: (errno) => {
      client.closedWith = errno;
    },
  });
  pair.sim.runUntil(() => server.connection !== null, pair.sim.nowNs + 10 * SEC);
  return { client, server };
}

t.test('RFC 9293 §3.10.7.1: nobody listens, and the opener is refused', (t) => {
  const pair = new TcpPair({ seed: 1 });
  let errno = 0;
  pair.connect({
    established: () => t.fail('nobody is there'),
    failed: (e) => {
      errno = e;
    },
  });
  pair.sim.run(pair.sim.nowNs + 1 * SEC);
  t.equal(errno, ECONNREFUSED);
  t.equal(pair.server.tcp.mib.get('OutRsts'), 1);
  t.same(pair.end(), EMPTY);
  t.end();
});

t.test(
  'nobody has the address: the opener is told so as soon as its neighbour is given up',
  (t) => {
    const pair = new TcpPair({ seed: 1, faults: { loss: 1 } });
    let errno = 0;
    const startNs = pair.sim.nowNs;
    pair.connect({
      established: () => t.fail('nobody is there'),
      failed: (e) => {
        errno = e;
      },
    });
    pair.sim.runUntil(() => errno !== 0, startNs + 1000 * SEC);
    t.equal(errno, EHOSTUNREACH);
    t.equal(Math.round((pair.sim.nowNs - startNs) / SEC), 3, 'three questions, a second apart');
    t.end();
  },
);

t.test('RFC 9293 §3.6: half-close: one side is done, the other goes on', (t) => {
  const pair = new TcpPair({ seed: 2 });
  const { client, server } = joined(pair);
  pair.hosts[0]!.after(0, () => tcpShutdown(client.connection!));
  pair.sim.run(pair.sim.nowNs + 1 * SEC);
  t.equal(client.connection!.state, STATE.FIN_WAIT_2);
  t.equal(server.connection!.state, STATE.CLOSE_WAIT);
  t.ok(server.eof);
  pair.hosts[1]!.after(0, () => t.equal(tcpWrite(server.connection!, new Uint8Array(5000)), 5000));
  pair.sim.run(pair.sim.nowNs + 1 * SEC);
  t.notOk(client.eof, 'the text came, the end did not');
  pair.hosts[1]!.after(0, () => tcpShutdown(server.connection!));
  pair.sim.run(pair.sim.nowNs + 1 * SEC);
  t.same([client.closedWith, server.closedWith], [0, 0]);
  t.equal(pair.client.tcp.demux.size, 1, 'TIME-WAIT is with the side that closed first');
  t.same(pair.end(), EMPTY);
  t.end();
});

t.test('RFC 9293 figure 13: both close at once', (t) => {
  const pair = new TcpPair({ seed: 3 });
  const { client, server } = joined(pair);
  pair.hosts[0]!.after(1 * MS, () => tcpShutdown(client.connection!));
  pair.hosts[1]!.after(1 * MS, () => tcpShutdown(server.connection!));
  pair.sim.run(pair.sim.nowNs + 2 * SEC);
  t.same([client.closedWith, server.closedWith], [0, 0]);
  t.same(
    [pair.client.tcp.demux.size, pair.server.tcp.demux.size],
    [1, 1],
    'TIME-WAIT on both sides',
  );
  t.same(pair.end(), EMPTY);
  t.end();
});

t.test('RFC 9293 §3.10.5: an abort resets the peer', (t) => {
  const pair = new TcpPair({ seed: 4 });
  const { client, server } = joined(pair);
  pair.hosts[0]!.after(0, () => tcpAbort(client.connection!));
  pair.sim.run(pair.sim.nowNs + 1 * SEC);
  t.equal(server.closedWith, ECONNRESET);
  t.same(pair.end(), EMPTY);
  t.end();
});

t.test('RFC 9293 §3.8.6.1: a window that shuts is probed, and opens again', (t) => {
  const pair = new TcpPair({ seed: 5 });
  const { client, server } = joined(pair, false);
  let written = 0;
  pair.hosts[0]!.after(0, () => {
    client.connection!.growSendBuffer(1 << 20);
    written = tcpWrite(client.connection!, new Uint8Array(1 << 20));
  });
  pair.sim.run(pair.sim.nowNs + 60 * SEC);
  const stuck = server.connection!.received.readyBytes;
  // Half of the default buffer, and up to a grain of the window scale.
  t.ok(stuck > 30_000 && stuck <= 66_560, `the buffer took ${stuck} of ${written} bytes`);
  t.ok(pair.client.tcp.mib.get('TCPWinProbe') >= 3, 'the window was probed');
  t.equal(pair.client.tcp.mib.get('TCPTimeouts'), 0, 'and nothing was taken for lost');
  const into = new Uint8Array(1 << 20);
  let read = 0;
  pair.hosts[1]!.run(
    (function* () {
      for (let i = 0; i < 2000 && read < written; i++) {
        read += Math.max(0, tcpRead(server.connection!, into));
        yield 50 * MS;
      }
    })(),
  );
  pair.sim.run(pair.sim.nowNs + 120 * SEC);
  t.equal(read, written, 'all of it, once somebody reads');
  pair.client.close();
  t.end();
});

t.test('RFC 1122 §4.2.3.5: a peer that vanishes ends the connection after tcp_retries2', (t) => {
  const pair = new TcpPair({ seed: 6 });
  const { client } = joined(pair);
  pair.cut();
  const { mib } = pair.client.tcp;
  pair.hosts[0]!.after(0, () => tcpWrite(client.connection!, new Uint8Array(100)));
  pair.sim.runUntil(() => mib.get('TCPTimeouts') > 0, pair.sim.nowNs + 10 * SEC);
  const firstNs = pair.sim.nowNs;
  pair.sim.runUntil(() => client.closedWith !== null, pair.sim.nowNs + 3000 * SEC);
  t.equal(client.closedWith, EHOSTUNREACH, 'what its neighbour entry said');
  const tookNs = pair.sim.nowNs - firstNs;
  t.ok(tookNs >= 924.6 * SEC && tookNs < (924.6 + 120) * SEC, `after ${tookNs / SEC} s`);
  t.end();
});

t.test('a full accept queue delays the opener, and nobody is lost', (t) => {
  const pair = new TcpPair({ seed: 7 });
  // With cookies nobody is remembered, and who says nothing waits for ever, as on Linux.
  pair.server.tcp.config.syncookies = 0;
  const l = pair.listen(() => undefined, 1, false);
  let open = 0;
  for (let i = 0; i < 5; i++) {
    pair.connect({
      established: (c) => {
        open++;
        new Idle().attach(c);
      },
      failed: () => undefined,
    });
  }
  pair.sim.run(pair.sim.nowNs + 500 * MS);
  t.ok(pair.server.tcp.mib.get('ListenDrops') > 0, 'the queue was full');
  let accepted = 0;
  pair.hosts[1]!.run(
    (function* () {
      for (let i = 0; i < 200; i++) {
        for (let c = l.accept(); c !== undefined; c = l.accept()) {
          accepted++;
          new Idle().attach(c);
        }
        yield 100 * MS;
      }
    })(),
  );
  pair.sim.run(pair.sim.nowNs + 30 * SEC);
  t.same([open, accepted], [5, 5]);
  t.end();
});

t.test(
  'one connection fills the link: 20 Mbit/s, 40 ms, a buffer of one bandwidth-delay product',
  (t) => {
    const pair = new TcpPair({ seed: 8, rateBps: 20e6, delayNs: 20 * MS, queueBytes: 100_000 });
    const startNs = pair.sim.nowNs;
    const bytes = 10_000_000;
    const { client, server } = pair.exchange(bytes, 0, 60 * SEC);
    const seconds = (pair.sim.nowNs - startNs) / SEC;
    const goodput = (bytes * 8) / seconds / 1e6;
    t.same([client.closedWith, server.received], [0, bytes]);
    // 1448 of 1514 bytes are text: 19.1 Mbit/s at most; Reno with this buffer keeps the link busy.
    t.ok(goodput > 16 && goodput < 19.2, `${goodput.toFixed(2)} Mbit/s of 19.1`);
    t.same(pair.end(), EMPTY);
    t.end();
  },
);

t.test('a thousand connections, one after the other', (t) => {
  const pair = new TcpPair({ seed: 9, delayNs: 1 * MS });
  let done = 0;
  pair.listen((c) => new End(10).attach(c));
  const next = (): void => {
    if (done === 1000) return;
    const end = new End(10);
    pair.connectNow({
      established: (c) => end.attach(c),
      failed: (e) => t.fail(`connection ${done}: ${e}`),
    });
    end.onClosed = () => {
      done++;
      pair.hosts[0]!.after(0, next);
    };
  };
  pair.hosts[0]!.after(0, next);
  pair.sim.runUntil(() => done === 1000, pair.sim.nowNs + 100 * SEC);
  t.equal(done, 1000);
  t.same(pair.end(), EMPTY);
  t.end();
});
