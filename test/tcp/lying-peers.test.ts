/**
 * The peer itself is the attacker: it makes segments tiny, cuts its ACKs, acknowledges what it never got, and tells
 * of stretches that suit it. What it costs us is bounded, and what it gains is no more than an honest ACK gives.
 */
import t from 'tap';
import { TcpHarness } from './tcp-harness.ts';

/** The MSS option of the SYN, and the text of a full segment: without timestamps, and with. */
const SIZES: readonly (readonly [option: string, plain: number, stamped: number])[] = [
  ['nop', 536, 524],
  ['mss 0', 536, 524],
  ['mss 1', 48, 36],
  ['mss 47', 48, 36],
  ['mss 48', 48, 36],
  ['mss 49', 49, 37],
  ['mss 100', 100, 88],
  ['mss 65535', 1460, 1448],
];

t.test('CVE-2019-11479: an MSS below tcp_min_snd_mss is that, and one of 0 is none', async (t) => {
  for (const [option, plain, stamped] of SIZES) {
    for (const [options, size] of [
      [option, plain],
      [`${option},TS val 1 ecr 0`, stamped],
    ] as const) {
      for (const open of ['passive', 'active'] as const) {
        const h = new TcpHarness();
        h[open]({ options });
        h.trace = [];
        h.run('0.1 write 4000');
        const [first] = h.trace;
        t.equal(h.flow.mss(), size, `${open}, ${options}`);
        t.match(first, /1:\d+\(\d*\) ack 1/);
        h.end(t);
      }
    }
  }
});
