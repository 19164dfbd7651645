/** What a scenario says of its own results is looked at while it runs, and told. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { type CcModule, CongestionControl } from '../../src/cc/congestion-control.ts';
import type { Outcome } from '../../src/sim/experiment/expect/expectation.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import type { Scenario } from '../../src/sim/experiment/scenario.ts';
import { checkPhases } from '../../src/sim/experiment/schema/check-phases.ts';
import { readScenario } from '../../src/sim/experiment/schema/read-scenario.ts';
import { Problems } from '../../src/sim/experiment/schema/read-shape.ts';
import { runAndSummarize } from '../../src/sim/experiment/summary.ts';

/** Four segments a round trip in the first second, eight from then on, and a phase for each. */
class Steps extends CongestionControl {
  private isLate = false;
  override ssthresh(v: CcView): number {
    return v.cwnd;
  }
  override congAvoid(v: CcView): void {
    this.isLate = v.nowNs >= SEC;
    v.setCwnd(this.isLate ? 8 : 4);
  }
  override phaseName(): string {
    return this.isLate ? 'late' : 'early';
  }
  override getInfo(): { kind: 'other'; values: { four: number } } {
    return { kind: 'other', values: { four: 4 } };
  }
}
const steps: CcModule = { name: 'steps', flags: 0, create: () => new Steps() };

const WHOLE = {
  duration: '3 s',
  topology: {
    kind: 'dumbbell',
    pairs: 2,
    bottleneck: { rate: '10 Mbit/s', delay: '48 ms', loss: { frames: [60] } },
  },
  flows: [
    { name: 'it', from: 'left1', to: 'right1', cc: 'steps' },
    {
      ...{ name: 'ask', from: 'right2', to: 'left2', count: 2, every: '1 s' },
      traffic: { kind: 'requests', request: '100 B', response: '20 kB', count: 2 },
    },
  ],
};

function scenarioOf(...expect: readonly object[]): Scenario {
  const own = expect.length === 0 ? WHOLE : { ...WHOLE, expect };
  const { scenario, problems } = readScenario(own, 'x');
  t.same(problems, []);
  return scenario!;
}

function outcomesOf(scenario: Scenario): readonly Outcome[] {
  const x = new Experiment(scenario, { modules: [steps] });
  const meters = new Meters(x.flows);
  for (const { tcp } of x.stacks) tcp.watch.add(meters);
  const { expectations } = runAndSummarize(x, meters);
  x.end();
  return expectations;
}

/** A round trip is 100 ms and what the segments take; a segment has 1448 bytes. */
const CASES: readonly (readonly [object, boolean, (number | readonly string[])?, number?])[] = [
  [{ flow: 'it', cwnd: { min: 4, max: 4 }, from: '200 ms', to: '500 ms' }, true, 4, 4],
  [{ flow: 'it', cwnd: { min: 5 } }, false, 3],
  [{ flow: 'it', cwnd: { min: 8 }, take: 'last' }, true, 8, 8],
  [{ flow: 'it', cwnd: { max: 8 }, take: 'first' }, false, 10, 10],
  [{ flow: 'it', cwnd: { min: 8 }, during: 'late' }, true, 8, 8],
  [{ flow: 'it', cwnd: { min: 1 }, during: 'never-there' }, false],
  [{ flow: 'it', inFlight: { max: 10 }, take: 'most' }, true],
  [{ flow: 'it', ssthresh: { min: 2 } }, true, 4, 4],
  [{ flow: 'it', rtt: { min: '100 ms', max: '110 ms' }, take: 'p50' }, true],
  [{ flow: 'it', rtt: { max: '99 ms' } }, false],
  [{ flow: 'it', srtt: { min: '100 ms', max: '115 ms' }, take: 'p95' }, true],
  [{ flow: 'it', rate: { min: '800 kbit/s', max: '1 Mbit/s' }, from: '2 s' }, true],
  [{ flow: 'it', pacing: { min: '900 kbit/s' }, take: 'p99' }, true],
  [{ flow: 'it', info: { name: 'four', min: 4, max: 4 } }, true, 4, 4],
  [{ flow: 'it', info: { name: 'five', min: 4 } }, false],
  [{ flow: 'it', phases: ['early', 'late'] }, true, ['early', 'late']],
  [{ flow: 'it', phases: ['late'], from: '1.5 s' }, true, ['late']],
  [{ flow: 'it', phases: ['early'] }, false, ['early', 'late']],
  [{ flow: 'it', never: ['late'], to: '1 s' }, true],
  [{ flow: 'it', never: ['late'] }, false],
  [{ flow: 'ask', never: ['late'] }, true, []],
  [{ flow: 'it', never: ['late'], from: '2.999999 s' }, false, []],
  [{ flow: 'it', time: { min: '1.8 s', max: '2 s' }, during: 'late' }, true],
  [{ flow: 'it', time: { min: '900 ms', max: '1.1 s' }, during: 'early', to: '2 s' }, true],
  [{ flow: 'it', goodput: { min: '850 kbit/s', max: '930 kbit/s' }, from: '1.5 s' }, true],
  [{ flow: 'it', goodput: { min: '700 kbit/s' }, every: '1 s' }, false],
  [{ flow: 'it', goodput: { min: '700 kbit/s' }, every: '1 s', from: '1 s' }, true],
  [{ flow: 'it', share: { min: 0.6, max: 0.9 } }, true],
  [{ flow: 'ask', share: { min: 0.1, max: 0.4 } }, true],
  [{ flow: 'it', retransmitted: { min: 0.001, max: 0.01 } }, true],
  [{ flow: 'it', retransmitted: { max: 0 } }, false],
  [{ flow: 'it', retransmitted: { max: 0 }, from: '2 s' }, true, 0, 0],
  [{ flow: 'ask', completed: { min: 4, max: 4 } }, true, 4, 4],
  [{ flow: 'ask.2', completed: { min: 2, max: 2 } }, true, 2, 2],
  [{ flow: 'ask.2', completed: { min: 2 }, to: '1 s' }, false, 0, 0],
  [{ flow: 'ask', completion: { min: '100 ms', max: '250 ms' } }, true],
  [{ flow: 'ask.1', completion: { max: '1 s' }, from: '2 s' }, false],
  [{ flow: 'ask:back', cwnd: { min: 10 }, take: 'last' }, true],
  [{ failed: { max: 0 } }, true, 0, 0],
  [{ jain: { min: 0.9 } }, true, 1, 1],
  [{ flow: 'ask', jain: { min: 0.9999 } }, true, 1, 1],
  // Where nothing came, nothing was as it should be.
  [{ flow: 'ask', jain: { min: 0 }, from: '2.9 s' }, false],
  [{ flow: 'ask', retransmitted: { max: 1 }, from: '2.9 s' }, false],
  [{ flow: 'it', time: { max: '1 s' }, during: 'late', from: '2.999999 s' }, false],
  [{ link: 'left>right', throughput: { min: '800 kbit/s', max: '1 Mbit/s' }, from: '1.5 s' }, true],
  [{ link: 'left>right', lost: { min: 0.001, max: 0.01 } }, true],
  [{ link: 'left>right', dropped: { max: 0 } }, true, 0, 0],
  [{ link: 'right>left', marked: { max: 0 } }, true, 0, 0],
];

t.test('each quantity is what it says', (t) => {
  const outcomes = outcomesOf(scenarioOf(...CASES.map(([said]) => said)));
  for (const [i, [said, isMet, seen, most]] of CASES.entries()) {
    const outcome = outcomes[i]!;
    const told = `${JSON.stringify(said)}: ${outcome.least} ${outcome.most} ${outcome.phases}`;
    t.equal(outcome.isMet, isMet, told);
    if (typeof seen === 'number') t.equal(outcome.least, seen, told);
    else if (seen !== undefined) t.same(outcome.phases, seen);
    if (most !== undefined) t.equal(outcome.most, most, told);
  }
  t.end();
});

t.test('they do not change the run', (t) => {
  const hashes = [scenarioOf(), scenarioOf(...CASES.map(([said]) => said))].map((scenario) => {
    const x = new Experiment(scenario, { modules: [steps], isHashed: true });
    runAndSummarize(x, new Meters(x.flows));
    x.end();
    return x.sim.traceHash;
  });
  t.equal(hashes[0], hashes[1]);
  t.end();
});

t.test('a run that is cut short leaves open what it did not come to', (t) => {
  const scenario = scenarioOf(
    { flow: 'it', cwnd: { min: 1 }, to: '900 ms' },
    { flow: 'it', cwnd: { min: 1 }, to: '2 s' },
    { flow: 'it', goodput: { min: '1 kbit/s' }, from: '2 s' },
    { flow: 'it', goodput: { min: '1 kbit/s' }, from: '500 ms' },
  );
  const outcomes = outcomesOf({ ...scenario, durationNs: 1000 * MS });
  t.same(
    outcomes.map(({ isMet }) => isMet),
    [true, null, null, true],
  );
  t.end();
});

/** What is wrong; where; what is said of it. */
const WRONG: readonly (readonly [readonly object[], string, string])[] = [
  [[], 'expect', 'a list of at least 1, not of 0'],
  [[{ goodput: { min: 5 } }], 'expect.0.goodput.min', 'a rate has a unit: 5 Mbit/s?'],
  [[{ goodput: {} }], 'expect.0.goodput', 'min, max, or both'],
  [[{ cwnd: { min: 3, max: 2 } }], 'expect.0.cwnd', 'min is more than max'],
  [[{ flow: 'itt', cwnd: { min: 3 } }], 'expect.0.flow', 'no flow "itt": did you mean "it"?'],
  [
    [{ link: 'left>rihgt', lost: { max: 0 } }],
    'expect.0.link',
    'no link "left>rihgt": did you mean "left>right"?',
  ],
  [[{ cwnd: { min: 3 }, from: '2 h' }], 'expect.0', 'it ends before it begins'],
  [[{ cwnd: { min: 3 }, to: '2 h' }], 'expect.0.to', 'the experiment is over by then'],
  [[{ cwnd: { min: 3 }, take: 'p51' }], 'expect.0.take', 'not "p51": did you mean "p50"?'],
  [[{ time: { min: '3 s' } }], 'expect.0', 'the field "during" is missing'],
  [
    [{ flow: 'ask', phases: ['late'] }],
    'expect.0.phases',
    'it is of one connection, not of 2 flows',
  ],
  [
    [{ time: { max: '1 s' }, during: 'late' }],
    'expect.0.time',
    'it is of one connection, not of 3 flows',
  ],
  [
    [{ goodput: { min: '1 kbit/s' }, from: '2 s', every: '1001 ms' }],
    'expect.0.every',
    'it is longer than all of the time',
  ],
];

t.test('what is wrong is told with its place', (t) => {
  for (const [expect, path, message] of WRONG) {
    const { problems } = readScenario({ ...WHOLE, expect }, 'x');
    t.same(
      problems.map((p) => [p.path.join('.'), p.message]),
      [[path, message]],
    );
  }
  t.end();
});

const silent: CcModule = { ...steps, name: 'silent' };
const named: CcModule = { ...steps, name: 'named', phases: ['early', 'late'] };

/** The congestion control of `it`; what is expected; where it is wrong, and what is said of it. */
const PHASES: readonly (readonly [string | undefined, object, string?, string?])[] = [
  ['bbr3', { never: ['startup'] }],
  [
    'bbr3',
    { never: ['drain', 'crusie'] },
    'never.1',
    'no phase "crusie" of bbr3: did you mean "cruise"?',
  ],
  [
    'bbr',
    { time: { max: '1 s' }, during: 'probe_bw' },
    'during',
    'no phase "probe_bw" of bbr: did you mean "probe-bw"?',
  ],
  [
    'bbr',
    { flow: 'it:back', cwnd: { min: 1 }, during: 'up' },
    'during',
    'no phase "up" of bbr: there are startup, drain, probe-bw, probe-rtt',
  ],
  [undefined, { never: ['late'] }, 'never.0', 'no phase "late" of cubic: there are none'],
  ['named', { never: ['late'] }],
  [
    'named',
    { phases: ['early', 'lake'] },
    'phases.1',
    'no phase "lake" of named: did you mean "late"?',
  ],
  ['silent', { phases: ['early', 'lake'] }],
  ['silent', { cwnd: { min: 1 }, during: 'lake' }],
  [
    'silent',
    { never: ['late'] },
    'never.0',
    '"silent" does not say which phases it has: "phases", beside "create"',
  ],
  [
    'silent',
    { time: { max: '1 s' }, during: 'late' },
    'during',
    '"silent" does not say which phases it has: "phases", beside "create"',
  ],
];

t.test('phases are those of the flow’s module', (t) => {
  const modules = builtinModules();
  for (const module of [named, silent]) modules.register(module);
  for (const [cc, expect, path, message] of PHASES) {
    const [it, ...others] = scenarioOf({ flow: 'it', ...expect }).flows;
    const { cc: _, ...rest } = it!;
    const flows = [cc === undefined ? rest : { ...rest, cc }, ...others];
    const problems = new Problems();
    checkPhases({ ...scenarioOf({ flow: 'it', ...expect }), flows }, modules, problems);
    const wanted = path === undefined ? [] : [[`expect.0.${path}`, message]];
    t.same(
      problems.all.map((p) => [p.path.join('.'), p.message]),
      wanted,
    );
  }
  t.end();
});

t.test('a host has its default by sysctl; of many modules one has to have the phase', (t) => {
  const check = (expect: object, sysctl: object = {}) => {
    const { scenario } = readScenario({ ...WHOLE, sysctl, expect: [expect] }, 'x');
    const problems = new Problems();
    const flows = scenario!.flows.map((flow) =>
      flow.name === 'it' ? { ...flow, cc: 'bbr' } : flow,
    );
    checkPhases({ ...scenario!, flows }, builtinModules(), problems);
    return problems.all.map(({ message }) => message);
  };
  const other = { 'net.ipv4.tcp_congestion_control': 'bbr3' };
  t.same(check({ flow: 'ask', never: ['refill'] }, other), []);
  t.same(check({ never: ['probe-bw'] }), []);
  t.same(check({ never: ['refill'] }), [
    'no phase "refill" of bbr, cubic: there are startup, drain, probe-bw, probe-rtt',
  ]);
  t.end();
});
