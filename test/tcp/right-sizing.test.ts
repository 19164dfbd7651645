/** How large a receive buffer grows: what the path needs, and no further than the reader makes use of. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { TOTAL } from '../../src/tcp/totals.ts';
import { tcpRead } from '../../src/tcp/user-calls.ts';
import { type BulkEnd, goodput, type PathOptions, PathRig } from './path-rig.ts';

const RATE = 4e6;
const LINK: PathOptions = { rateBps: 40e6, delayNs: 50 * MS };
const BDP = RATE / 10;

/** A connection whose server only reads; the client writes as fast as its pacing lets it: no queue, no loss. */
function bulk(options: Partial<PathOptions> = {}): { rig: PathRig; far: BulkEnd } {
  const rig = new PathRig({ ...LINK, ...options });
  const { near, far } = rig.open({ maxPacingRate: RATE });
  rig.write(near, 2e9);
  return { rig, far };
}

t.test('a pure receiver gets the buffer that its path needs, and no larger one', async (t) => {
  for (const rttMs of [50, 100, 200, 400]) {
    const { rig, far } = bulk({ delayNs: (rttMs / 2) * MS });
    rig.run(6 * SEC);
    const c = far.connection!;
    const [grown, needed] = [c.rcvbufBytes, (RATE * rttMs) / 1000];
    const says = `${rttMs} ms: ${grown} bytes, a window of ${needed}`;
    t.equal(c.totals.get(TOTAL.BYTES_SENT), 0, 'it sends no text');
    t.ok(
      Math.abs(c.receiverRtt.rttUs - rttMs * 1000) <= 3000,
      'it knows the round trip all the same',
    );
    t.ok(grown / 2 >= needed, says);
    // Memory is twice the window; that is twice what was taken, and six times as much if it had doubled.
    t.ok(grown <= 1.1 * 2 * 6 * needed, says);
    t.ok(goodput(rig, far, 2 * SEC) > 0.97 * RATE * (1448 / 1514), 'nothing waits for the window');
    t.equal(c.rcvbufBytes, grown, 'no further');
    rig.close();
  }
});

t.test('without timestamps, too', async (t) => {
  const { rig, far } = bulk({ tcp: { timestamps: 0 } });
  rig.run(6 * SEC);
  t.ok(far.connection!.rcvbufBytes / 2 >= BDP);
  t.ok(goodput(rig, far, 2 * SEC) > 0.97 * RATE * (1460 / 1514));
  rig.close();
});

t.test('no further than tcp_rmem allows, nor where it is off', async (t) => {
  for (const [tcp, bytes] of [
    [{ rmemMax: 500_000 }, 500_000],
    [{ moderateRcvbuf: 0 }, 131_072],
  ] as const) {
    const { rig, far } = bulk({ tcp });
    rig.run(3 * SEC);
    t.equal(far.connection!.rcvbufBytes, bytes);
    rig.close();
  }
});

t.test('a slow reader gets the buffer that its own pace needs', async (t) => {
  const rig = new PathRig(LINK);
  const { near, far } = rig.open();
  far.isReading = false;
  rig.write(near, 2e9);
  const into = new Uint8Array(10_000);
  const c = far.connection!;
  const sizes: number[] = [];
  for (let ms = 0; ms < 20_000; ms += 10) {
    if (ms % 5000 === 0) sizes.push(c.rcvbufBytes);
    rig.server.env.nowNs = rig.sim.nowNs;
    tcpRead(c, into); // a megabyte a second: 100,000 bytes in a round trip
    rig.run(10 * MS);
  }
  t.ok(c.rcvbufBytes <= 1.1 * 2 * 6 * 100_000, `${sizes.join()}: the link could fill 5 MB`);
  t.equal(c.rcvbufBytes, sizes[1], 'no further');
  rig.close();
});
