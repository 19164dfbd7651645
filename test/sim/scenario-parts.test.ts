/** Links, settings and parameters that have the shape and cannot be: told with their place when the file is read. */
import t from 'tap';
import { readScenario } from '../../src/sim/experiment/schema/read-scenario.ts';

const LINK = { rate: '10 Mbit/s', delay: '5 ms' };
const DUMBBELL = { kind: 'dumbbell', pairs: 2, bottleneck: LINK };
const WHOLE = {
  duration: '1 s',
  topology: DUMBBELL,
  flows: [{ from: 'left1', to: 'right1' }],
};
const JOIN = (a: string, b: string) => ({ between: [a, b], delay: '1 ms' });
const withLink = (also: object) => ({
  ...WHOLE,
  topology: { ...DUMBBELL, bottleneck: { ...LINK, ...also } },
});

/** What is wrong; where; what is said of it. */
const WRONG: readonly (readonly [object, string, string])[] = [
  [
    withLink({ queue: { kind: 'red', minThreshold: 20, maxThreshold: 10 } }),
    'topology.bottleneck.queue',
    'this has to hold: max_th is above min_th',
  ],
  [
    withLink({ back: { rate: { steps: [{ at: '0 s', rate: '0 bit/s' }] } } }),
    'topology.bottleneck.back.rate',
    'this has to hold: a rate is not 0 for ever',
  ],
  [
    { ...WHOLE, topology: { ...DUMBBELL, access: { ...LINK, loss: { every: 2, length: 3 } } } },
    'topology.access.loss',
    'this has to hold: bursts do not overlap',
  ],
  [
    { ...WHOLE, sysctl: { 'net.ipv4.tcp_sak': '0' } },
    'sysctl.net.ipv4.tcp_sak',
    'no such setting: did you mean "net.ipv4.tcp_sack"?',
  ],
  [
    {
      ...WHOLE,
      topology: {
        kind: 'graph',
        hosts: ['a', { name: 'b', sysctl: { 'net.ipv4.tcp_sack': 'x' } }],
        routers: ['r'],
        links: [JOIN('a', 'r'), JOIN('b', 'r')],
      },
      flows: [{ from: 'a', to: 'b' }],
    },
    'topology.hosts.1.sysctl.net.ipv4.tcp_sack',
    '"x" is not what it takes: a number from 0 to 1',
  ],
  [
    { ...WHOLE, modules: { cubik: { beta: 700 } } },
    'modules.cubik',
    'no built-in module "cubik": did you mean "cubic"?',
  ],
  [
    { ...WHOLE, modules: { bbr: { cwnd_gain: 3 } } },
    'modules.bbr',
    'no parameters of "bbr": there are cubic, dctcp, vegas',
  ],
  [
    { ...WHOLE, modules: { cubic: { histart: 0 } } },
    'modules.cubic.histart',
    'cubic has no parameter "histart": did you mean "hystart"?',
  ],
  [
    { ...WHOLE, modules: { cubic: { beta: 717 }, dctcp: { dctcp_shift_g: 11 } } },
    'modules.dctcp.dctcp_shift_g',
    'a whole number from 0 to 10, not 11',
  ],
];

for (const [value, path, message] of WRONG) {
  t.test(`${path}: ${message}`, (t) => {
    const { scenario, problems } = readScenario(value, 'x');
    t.equal(scenario, null);
    t.same(
      problems.map((p) => [p.path.join('.'), p.message]),
      [[path, message]],
    );
    t.end();
  });
}
