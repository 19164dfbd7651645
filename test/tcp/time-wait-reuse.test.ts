/** Ports that TIME-WAIT holds: who may have them again, and how many TIME-WAITs there may be. */

import t from 'tap';
import { EADDRNOTAVAIL, errnoName } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { STATE } from '../../src/tcp/tcp-state.ts';
import { plainFrom, tcpListen } from '../../src/tcp/user-calls.ts';
import { ANY4, IpAddress } from '../../src/wire/address.ts';
import { ONLY_PORT, OnePort, SERVER } from './one-port.ts';
import { End, PORT } from './tcp-pair.ts';

const LOOPBACK = new IpAddress().setV4(0x7f000001);

interface Again {
  readonly reuse: number;
  readonly afterMs: number;
  readonly timestamps?: number;
  readonly delayMs?: number;
  /** The application binds the port itself. */
  readonly isBound?: boolean;
  readonly want: string;
}

const BUSY = errnoName(-EADDRNOTAVAIL);
const ROWS: readonly Again[] = [
  { reuse: 2, afterMs: 5000, want: BUSY },
  { reuse: 0, afterMs: 5000, want: BUSY },
  { reuse: 1, afterMs: 500, want: BUSY },
  { reuse: 1, afterMs: 1100, want: '' },
  { reuse: 1, afterMs: 1100, timestamps: 0, want: BUSY },
  { reuse: 1, afterMs: 200, delayMs: 20, want: '' },
  { reuse: 1, afterMs: 1100, delayMs: 30_000, want: BUSY },
  { reuse: 0, afterMs: 0, isBound: true, want: '' },
  { reuse: 0, afterMs: 5000, isBound: true, timestamps: 0, want: BUSY },
];

for (const row of ROWS) {
  t.test(`tcp_tw_reuse: ${JSON.stringify(row)}`, async (t) => {
    const one = new OnePort();
    const { config } = one.client.tcp;
    config.twReuse = row.reuse;
    config.timestamps = row.timestamps ?? 1;
    if (row.delayMs !== undefined) config.twReuseDelayNs = row.delayMs * MS;
    const port = row.isBound === true ? ONLY_PORT : 0;
    one.comeAndGo(port);
    t.equal(one.state(), STATE.TIME_WAIT);
    one.run(row.afterMs);
    const end = new End(1);
    t.equal(one.connect(end, SERVER, one.any(port)), row.want);
    t.equal(end.connection !== null, row.want === '');
    t.equal(one.mib('TWRecycled'), row.want === '' ? 1 : 0);
    one.end();
  });
}

t.test('tcp_tw_reuse 2: on loopback a TIME-WAIT gives way', async (t) => {
  for (const reuse of [0, 2]) {
    const one = new OnePort();
    const { tcp } = one.client;
    tcp.config.twReuse = reuse;
    const l = tcpListen(tcp, plainFrom(tcp, ANY4, PORT), 8, {
      acceptable: () => new End(0).attach((l as Listener).accept()!),
    });
    t.equal(one.connect(new End(0), LOOPBACK, one.any()), '');
    t.same(
      tcp.demux.all().map((e) => e.state),
      [STATE.TIME_WAIT],
    );
    one.run(1100);
    t.equal(one.connect(new End(0), LOOPBACK, one.any()), reuse === 0 ? BUSY : '');
    closeListener(tcp, l as Listener);
    one.end();
  }
});

t.test('the new connection begins beyond the numbers of the old one', async (t) => {
  const one = new OnePort();
  one.client.tcp.config.twReuse = 1;
  one.comeAndGo();
  const old = one.client.tcp.demux.all()[0]!;
  t.equal(old.kind, 'time-wait');
  const next = old.kind === 'time-wait' ? old.nextIss : 0;
  one.run(1500);
  const end = new End(0, true);
  t.equal(one.connect(end, SERVER, one.any()), '');
  t.equal(end.connection!.snd.iss, next);
  one.end();
});

t.test('tcp_max_tw_buckets: beyond it nothing is left of a connection', async (t) => {
  for (const most of [0, 1]) {
    const one = new OnePort();
    one.client.tcp.config.maxTwBuckets = most;
    one.comeAndGo();
    t.equal(one.state(), most === 0 ? STATE.CLOSED : STATE.TIME_WAIT);
    t.equal(one.mib('TCPTimeWaitOverflow'), 1 - most);
    t.equal(one.client.tcp.timeWaits.size, most);
    one.end();
    t.equal(one.client.tcp.timeWaits.size, 0);
  }
});

t.test('TW counts the waits that begin, TWKilled those of 4 s and less', async (t) => {
  const one = new OnePort();
  one.comeAndGo();
  t.equal(one.mib('TW'), 1);
  t.equal(one.mib('TWKilled'), 0);
  one.run(61 * 1000);
  t.equal(one.state(), STATE.CLOSED);
  t.equal(one.mib('TW'), 1);
  one.client.tcp.config.timeWaitNs = 4 * SEC;
  one.comeAndGo();
  t.equal(one.mib('TW'), 1);
  t.equal(one.mib('TWKilled'), 1);
  one.end();
});
