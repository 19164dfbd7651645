import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { FaultProfile } from '../../src/path/fault-path.ts';
import { TcpPair } from './tcp-pair.ts';

const EMPTY = { pages: 0, cells: 0, records: 0, flows: 0 };
const BYTES = 300_000;

const PROFILES: readonly (readonly [string, FaultProfile])[] = [
  ['a clean link', {}],
  ['1 % loss', { loss: 0.01 }],
  ['10 % loss', { loss: 0.1 }],
  ['duplicates', { duplication: 0.1 }],
  ['corruption', { corruption: 0.05 }],
  ['reordering', { reordering: 0.1, reorderGap: 5, reorderHoldNs: 20 * MS }],
  ['jitter of 50 ms', { delayNs: 1 * MS, jitterNs: 50 * MS }],
  [
    'everything at once',
    { loss: 0.03, duplication: 0.03, corruption: 0.02, reordering: 0.05, jitterNs: 10 * MS },
  ],
];

for (const [name, faults] of PROFILES) {
  t.test(`every byte once and in order, both ways, over ${name}`, (t) => {
    for (let seed = 1; seed <= 3; seed++) {
      const pair = new TcpPair({ seed, faults });
      const { client, server } = pair.exchange(BYTES, BYTES, 300 * SEC);
      const { mib } = pair.client.tcp;
      const how = `seed ${seed}, ${(pair.sim.nowNs / SEC).toFixed(1)} s, ${mib.get('RetransSegs')} resent, ${mib.get('TCPTimeouts')} timeouts`;
      t.same([client.closedWith, server.closedWith], [0, 0], `both closed (${how})`);
      t.same([client.wrong, server.wrong], [-1, -1], 'no byte wrong');
      t.same([client.received, server.received], [BYTES, BYTES], 'all there');
      t.same(pair.end(), EMPTY, 'and nothing is left');
    }
    t.end();
  });
}
