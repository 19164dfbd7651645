/** A hundred thousand connections come and go, ten thousand wait: nothing is left of them. LONG=1 for all of them. */

import t from 'tap';
import { ECONNRESET } from '../../src/base/errno.ts';
import { SEC } from '../../src/base/time.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { End, TcpPair } from './tcp-pair.ts';

const BATCH = 500;
/** Less than there are ephemeral ports. */
const IN_TIME_WAIT = 20_000;
const CONNECTIONS = process.env.LONG ? 100_000 : 2000;
/** More than a device's ring has room for: their resets do not leave in one turn. */
const WAITING = process.env.LONG ? 10_000 : 3000;

const PAIR = { seed: 5, rateBps: 10e9, delayNs: 100_000 };
const NOTHING = { flows: 0, ports: 0, totals: 0, deadlines: 0, records: 0 };

function leftIn({ tcp }: Stack): typeof NOTHING {
  return {
    flows: tcp.demux.size,
    ports: tcp.demux.holds.size,
    totals: tcp.totals.live,
    deadlines: tcp.deadlineRows.live,
    records: tcp.records.live,
  };
}

/** As many connections as a batch has, one byte each way; until both ends of all are closed. */
function comeAndGo(pair: TcpPair): number {
  let closed = 0;
  for (let i = 0; i < BATCH; i++) {
    const end = new End(1);
    end.onClosed = () => {
      if (end.closedWith === 0 && end.received === 1) closed++;
    };
    pair.connect({ established: (c) => end.attach(c), failed: () => undefined });
  }
  pair.sim.runUntil(() => closed === BATCH, pair.sim.nowNs + 10 * SEC);
  return closed;
}

t.test(`${CONNECTIONS} connections come and go`, (t) => {
  const pair = new TcpPair(PAIR);
  const l = pair.listen((c) => new End(1).attach(c), BATCH);
  let done = 0;
  for (let begun = 0; begun < CONNECTIONS; begun += BATCH) {
    if (begun % IN_TIME_WAIT === 0) pair.sim.run(pair.sim.nowNs + 61 * SEC);
    done += comeAndGo(pair);
  }
  t.equal(done, CONNECTIONS);
  const ended = (stack: Stack): number => stack.tcp.mib.get('TW');
  pair.sim.run(pair.sim.nowNs + 61 * SEC);
  t.ok(ended(pair.client) + ended(pair.server) >= CONNECTIONS, 'each left a TIME-WAIT');
  t.same(leftIn(pair.client), NOTHING);
  closeListener(pair.server.tcp, l);
  t.same(leftIn(pair.server), NOTHING);
  t.same(pair.end(), { pages: 0, cells: 0, records: 0, flows: 0 });
  t.end();
});

t.test(`${WAITING} wait to be accepted until the listener closes`, (t) => {
  const pair = new TcpPair(PAIR);
  pair.server.tcp.config.somaxconn = WAITING;
  const l = pair.listen(() => undefined, WAITING, false);
  const ends: End[] = [];
  for (let begun = BATCH; begun <= WAITING; begun += BATCH) {
    for (let i = 0; i < BATCH; i++) {
      const end = new End(0, true);
      ends.push(end);
      pair.connect({ established: (c) => end.attach(c), failed: () => undefined });
    }
    pair.sim.runUntil(() => l.waiting === begun, pair.sim.nowNs + 10 * SEC);
  }
  t.equal(l.waiting, WAITING);
  pair.hosts[1]!.after(0, () => closeListener(pair.server.tcp, l));
  pair.sim.run(pair.sim.nowNs + SEC);
  t.same(leftIn(pair.server), NOTHING);
  t.equal(ends.filter((e) => e.closedWith === ECONNRESET).length, WAITING, 'all of them are reset');
  t.same(leftIn(pair.client), NOTHING);
  t.same(pair.end(), { pages: 0, cells: 0, records: 0, flows: 0 });
  t.end();
});
