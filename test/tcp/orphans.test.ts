/** Connections closed with text that their peers do not take (slow readers, Sockstress, CVE-2008-4609). LONG=1: 10,000. */
import t from 'tap';
import { ECONNRESET, EHOSTUNREACH } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { tcpClose } from '../../src/tcp/user-calls.ts';
import { End, TcpPair } from './tcp-pair.ts';

const COUNT = process.env.LONG === '1' ? 10_000 : 200;
const BYTES = 6000;
t.setTimeout(600_000);

/** Reads nothing. */
class Holder extends End {
  constructor() {
    super(0, true);
    this.isReading = false;
  }
}

interface Held {
  readonly pair: TcpPair;
  readonly clients: End[];
  readonly servers: Holder[];
}

/** `n` connections, each with more written than its peer's window takes; the peers do not read. */
function holders(n: number): Held {
  const pair = new TcpPair({
    seed: 4,
    rateBps: 1e9,
    delayNs: 1 * MS,
    pages: 3 * n + 1000,
    slabBytes: 96 * (1 << 20) + n * 60_000,
  });
  const { config } = pair.server.tcp;
  config.rmemDefault = 8192;
  config.moderateRcvbuf = 0;
  const clients: End[] = [];
  const servers: Holder[] = [];
  pair.listen((c) => {
    const holder = new Holder();
    servers.push(holder);
    holder.attach(c);
  }, 4096);
  for (let i = 0; i < n; i++) {
    const client = new End(BYTES, true);
    clients.push(client);
    pair.hosts[0]!.after(i * 100_000, () => {
      pair.connectNow({ established: (c) => client.attach(c), failed: () => undefined });
    });
  }
  pair.sim.run(pair.sim.nowNs + n * 100_000 + 20 * SEC);
  return { pair, clients, servers };
}

/** They are all closed in one turn, and run for so long. */
function close({ pair, clients }: Held, forNs: number): void {
  pair.hosts[0]!.after(0, () => {
    for (const client of clients) tcpClose(client.connection!);
  });
  pair.sim.run(pair.sim.nowNs + forNs);
}

const held = (all: readonly End[]): number =>
  all.filter((e) => isWaiting(e.connection!) && e.closedWith === null).length;
const isWaiting = (c: TcpConnection): boolean => c.sendQueue.length > 0;

/** Waits of 0.2 s, doubled ten times, the last one bounded to 120 s. */
t.test('orphans at a window that stays shut end within 330 s, and hold nothing', (t) => {
  const all = holders(COUNT);
  const { pair, servers } = all;
  const { tcp } = pair.client;
  tcp.config.maxOrphans = 4 * COUNT; // the silent ones count as two
  t.equal(held(all.clients), COUNT, 'all wait for a window');
  close(all, 1 * SEC);
  t.equal(tcp.orphans.count, COUNT, 'all are orphans');
  pair.sim.run(pair.sim.nowNs + 330 * SEC);
  t.equal(tcp.orphans.count, 0, 'none is left');
  t.equal(tcp.demux.size, 0);
  t.equal(tcp.mib.get('TCPAbortOnTimeout'), COUNT);
  pair.hosts[1]!.after(0, () => {
    for (const { connection } of servers) if (connection !== null) tcpClose(connection);
  });
  t.same(pair.end(), { pages: 0, cells: 0, records: 0, flows: 0 });
  t.end();
});

t.test('tcp_max_orphans: those too many are reset when they are closed', (t) => {
  const all = holders(COUNT);
  const { pair, servers } = all;
  const { tcp } = pair.client;
  tcp.config.maxOrphans = 50;
  close(all, 1 * SEC);
  t.equal(tcp.orphans.count, 50);
  t.equal(tcp.mib.get('TCPAbortOnMemory'), COUNT - 50);
  const told = servers.filter((s) => s.closedWith === ECONNRESET).length;
  t.equal(told, COUNT - 50, 'all of them are told');
  tcp.config.maxOrphans = 20;
  pair.sim.run(pair.sim.nowNs + 130 * SEC);
  t.equal(tcp.orphans.count, 20, 'a limit that was lowered acts when their timers pass');
  pair.sim.run(pair.sim.nowNs + 240 * SEC);
  t.equal(tcp.demux.size, 0);
  pair.hosts[1]!.after(0, () => {
    for (const s of servers) if (s.closedWith === null) tcpClose(s.connection!);
  });
  t.same(pair.end(), { pages: 0, cells: 0, records: 0, flows: 0 });
  t.end();
});

t.test('an orphan of which ICMP says that nothing gets through counts as two', (t) => {
  const all = holders(30);
  const { pair } = all;
  const { tcp } = pair.client;
  tcp.config.maxOrphans = 40;
  close(all, 1 * SEC);
  for (const { connection } of all.clients) connection!.noteSoftError(EHOSTUNREACH);
  pair.sim.run(pair.sim.nowNs + 130 * SEC);
  t.equal(tcp.mib.get('TCPAbortOnMemory'), 10);
  t.equal(tcp.orphans.count, 20);
  pair.sim.run(pair.sim.nowNs + 240 * SEC);
  t.equal(tcp.orphans.count, 0);
  pair.client.close();
  pair.server.close();
  pair.sim.end();
  t.end();
});
