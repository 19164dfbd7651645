/**
 * Ten thousand short connections a second to one address and port, for a minute, with 28,232 ports to have them
 * from; a tenth of all that in a few seconds without LONG=1.
 *
 * Who closes first has the TIME-WAIT, 60 s of it. When that is the client, its ports would be used up after three
 * seconds: tcp_tw_reuse gives them back after one, so ten thousand are needed. When it is the server, the client's
 * are free at once, and the server's TIME-WAITs give way to SYNs with newer timestamps or numbers (RFC 6191).
 */
import t from 'tap';
import { EADDRNOTAVAIL } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import type { Opener } from '../../src/tcp/handshake.ts';
import { plainFrom, tcpClose, tcpConnect, tcpRead, tcpWrite } from '../../src/tcp/user-calls.ts';
import { ANY6, IpAddress } from '../../src/wire/address.ts';
import { PORT, TcpPair } from './tcp-pair.ts';

const IS_LONG = process.env.LONG === '1';
const PER_SEC = IS_LONG ? 10_000 : 1000;
const SECONDS = IS_LONG ? 60 : 6;
const PORTS = IS_LONG ? 28_232 : 2823;
const SERVER = new IpAddress().setV4(0x0a000002);
const BYTE = new Uint8Array(1);

/** One end: says its byte, hears the other's, and closes, at once or when the other one has. */
class Short implements ConnectionOwner, Opener {
  private readonly run: Run;
  private readonly isFirst: boolean;
  private readonly into = new Uint8Array(16);
  private c: TcpConnection | null = null;
  private heard = 0;

  constructor(run: Run, isFirst: boolean) {
    this.run = run;
    this.isFirst = isFirst;
  }

  established(c: TcpConnection): void {
    this.c = c;
    c.setOwner(this);
    tcpWrite(c, BYTE);
    this.readable();
  }

  readable(): void {
    const c = this.c!;
    for (;;) {
      const n = tcpRead(c, this.into);
      if (n > 0) this.heard += n;
      const isOver = n === 0 || (this.isFirst && this.heard === 1);
      if (isOver) {
        if (this.heard === 1) this.run.good++;
        tcpClose(c);
        return;
      }
      if (n < 0) return;
    }
  }

  writable(): void {
    // one byte is all there is
  }

  closed(errno: number): void {
    if (errno !== 0) this.run.bad++;
    this.c!.release();
  }

  failed(): void {
    this.run.bad++;
  }
}

/** The client connects evenly, so many times a second. */
class Run {
  good = 0;
  bad = 0;
  refused = 0;
  begun = 0;
  mostWaits = 0;
  readonly pair = new TcpPair({ seed: 11, rateBps: 10e9, delayNs: MS / 10 });
  private readonly isClientFirst: boolean;

  private readonly connections: number;

  constructor(isClientFirst: boolean, twReuse: number, connections = PER_SEC * SECONDS) {
    this.isClientFirst = isClientFirst;
    this.connections = connections;
    const { client, server } = this.pair;
    client.tcp.config.twReuse = twReuse;
    client.net.config.localPortLast = client.net.config.localPortFirst + PORTS - 1;
    server.tcp.config.somaxconn = 1024;
    this.pair.listen((c) => new Short(this, !isClientFirst).established(c), 1024);
    this.tick();
    this.pair.sim.run(this.pair.sim.nowNs + (SECONDS + 1) * SEC);
  }

  private tick(): void {
    const { pair } = this;
    const { tcp } = pair.client;
    const from = plainFrom(tcp, ANY6, 0);
    pair.hosts[0]!.after(MS, () => {
      for (let i = 0; i < PER_SEC / 1000; i++) {
        this.begun++;
        const opener = new Short(this, this.isClientFirst);
        if (tcpConnect(tcp, SERVER, PORT, from, opener) === -EADDRNOTAVAIL) this.refused++;
      }
      for (const stack of [pair.client, pair.server]) {
        this.mostWaits = Math.max(this.mostWaits, stack.tcp.timeWaits.size);
      }
      if (this.begun < this.connections) this.tick();
    });
  }
}

for (const isClientFirst of [true, false]) {
  const who = isClientFirst ? 'the client' : 'the server';
  t.test(`${PER_SEC} connections a second for ${SECONDS} s, ${who} closes first`, async (t) => {
    const run = new Run(isClientFirst, isClientFirst ? 1 : 0);
    t.equal(run.refused, 0, 'there is a port for each');
    t.equal(run.bad, 0);
    t.equal(run.good, 2 * PER_SEC * SECONDS, 'both ends hear a byte and the end');
    const { tcp } = run.pair.client;
    const least = PER_SEC * SECONDS - PORTS;
    if (isClientFirst) t.ok(tcp.mib.get('TWRecycled') >= least, `${tcp.mib.get('TWRecycled')}`);
    t.ok(run.mostWaits >= PER_SEC && run.mostWaits <= PORTS, `${run.mostWaits} at once`);
    const perConnect = tcp.ports.looked / run.begun;
    t.ok(perConnect < 12, `${perConnect.toFixed(1)} ports looked at for each`);
    t.same(run.pair.end(), { pages: 0, cells: 0, records: 0, flows: 0 }, 'nothing is left');
    for (const stack of [run.pair.client, run.pair.server]) t.equal(stack.tcp.timeWaits.size, 0);
  });
}

t.test('without tcp_tw_reuse the ports are used up, and connect says so', async (t) => {
  const run = new Run(true, 0, PORTS + 100);
  t.equal(run.refused, run.begun - PORTS);
  t.ok(run.refused >= 100);
  t.equal(run.good, 2 * PORTS);
  run.pair.end();
});
