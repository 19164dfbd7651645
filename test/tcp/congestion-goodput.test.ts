/** How well one flow uses a link with a buffer of one bandwidth-delay product, in virtual time. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { goodput, PathRig } from './path-rig.ts';

const MSS = 1448;
const HEADERS = 66;

for (const congestion of ['reno', 'cubic']) {
  for (const [rateBps, rttMs] of [
    [10e6, 20],
    [100e6, 10],
    [50e6, 80],
  ] as const) {
    t.test(
      `${congestion} fills ${rateBps / 1e6} Mbit/s over ${rttMs} ms with a buffer of one BDP`,
      (t) => {
        const bdp = (rateBps / 8) * (rttMs / 1000);
        const rig = new PathRig({ rateBps, delayNs: (rttMs / 2) * MS, queueBytes: bdp });
        const { near, far } = rig.open({ congestion });
        rig.write(near, 1e10);
        rig.run(5 * SEC);
        const most = ((rateBps / 8) * MSS) / (MSS + HEADERS);
        const rate = goodput(rig, far, 10 * SEC);
        t.ok(
          rate > 0.97 * most && rate < 1.001 * most,
          `${((100 * rate) / most).toFixed(1)} % of the link`,
        );
        const delay = near.connection!.rtt.srttNs - rttMs * MS;
        t.ok(delay >= 0 && delay < 1.1 * rttMs * MS, `${delay / MS} ms of queue: a buffer at most`);
        t.equal(rig.client.tcp.mib.get('TCPTimeouts'), 0, 'and never waits for a timeout');
        rig.close();
        t.end();
      },
    );
  }
}
