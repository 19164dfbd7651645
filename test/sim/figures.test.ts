/** The figures of a run: fairness and convergence, groups, completion times against the ideal. By hand where that is possible. */
import t from 'tap';
import { LogHistogram } from '../../src/base/log-histogram.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import {
  FairnessMeter,
  type FairnessSpec,
  jain,
  jain4,
} from '../../src/sim/experiment/fairness.ts';
import { Graph } from '../../src/sim/experiment/graph.ts';
import { alone, groupsIn, harmOf, harmTo } from '../../src/sim/experiment/harm.ts';
import { Ideals } from '../../src/sim/experiment/ideal.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import { quantilesOf } from '../../src/sim/experiment/quantiles.ts';
import type { FlowSpec, Scenario, TrafficSpec } from '../../src/sim/experiment/scenario.ts';
import { runAndSummarize, type Summary } from '../../src/sim/experiment/summary.ts';
import { dumbbell } from '../../src/sim/experiment/topology.ts';

const BULK = { kind: 'bulk' } as const;

function spec(name: string, startNs: number, more: Partial<FlowSpec> = {}): FlowSpec {
  return { name, from: 'left1', to: 'right1', startNs, traffic: BULK, ...more };
}

t.test("Jain's index", (t) => {
  t.equal(jain([1, 1, 1]), 1);
  t.equal(jain([1, 0]), 0.5);
  t.equal(jain([0, 0]), null, 'of nothing');
  t.equal(jain([3, 1]), 16 / 20);
  t.end();
});

/** Flows whose counters stand, at the end of each second, where the rows say. */
function measured(
  specs: readonly FlowSpec[],
  bytes: readonly (readonly number[])[],
  fairness: FairnessSpec,
  seconds: number,
) {
  const flows = specs.map((own) => ({ spec: own, delivered: 0 }));
  const meter = new FairnessMeter(flows, fairness, seconds * SEC);
  for (const ns of meter.times) {
    const i = Math.floor(ns / SEC);
    for (const [k, flow] of flows.entries()) flow.delivered = i === 0 ? 0 : bytes[k]![i - 1]!;
    meter.look(ns);
  }
  return meter.summary();
}

t.test('windows, convergence and the least index after it', (t) => {
  // What each has in all at the end of each second; their gains are 3:1, 1:1, 2:1, 1:1, 1:1, and nothing.
  const two = [
    [3, 4, 6, 7, 8, 8],
    [1, 2, 3, 4, 5, 5],
  ];
  const specs = [spec('one', 0), spec('two', 0)];
  const fairness = { windowNs: SEC, threshold: 0.95 };
  t.same(measured(specs, two, fairness, 5), {
    windowNs: SEC,
    threshold: 0.95,
    epochs: [
      {
        ...{ fromNs: 0, toNs: 5 * SEC, flows: 2, jain: [0.8, 1, 0.9, 1, 1] },
        ...{ convergenceNs: 3 * SEC, convergenceFairness: 1 },
      },
    ],
  });
  const [lenient] = measured(specs, two, { ...fairness, threshold: 0.9 }, 5)!.epochs;
  t.equal(lenient!.convergenceNs, 1 * SEC, '0.9 itself is enough');
  t.equal(lenient!.convergenceFairness, 0.9);
  const [after] = measured(specs, two, { ...fairness, afterNs: 1.5 * SEC }, 5)!.epochs;
  t.equal(after!.convergenceNs, 3 * SEC);
  t.equal(after!.convergenceFairness, 0.9, 'of the windows that begin 1.5 s after the change');
  const [silent] = measured(specs, two, fairness, 6)!.epochs;
  t.same(silent!.jain.at(-1), null, 'nothing came');
  t.equal(silent!.convergenceNs, null);
  t.equal(silent!.convergenceFairness, null);
  t.end();
});

t.test('an epoch from change to change, of those who are there all the time', (t) => {
  const specs = [
    spec('one', 0),
    spec('two', 2 * SEC, { stopNs: 5 * SEC }),
    spec('finite', 0, { traffic: { kind: 'bulk', bytes: 1 } }),
    spec('late', 9.5 * SEC),
  ];
  const bytes = [
    [9, 9, 10, 11, 12, 20, 30, 40, 50, 60],
    [0, 0, 1, 2, 3, 3, 3, 3, 3, 3],
    [7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
  ];
  const summary = measured(specs, bytes, { windowNs: SEC, threshold: 0.95 }, 10)!;
  t.same(
    summary.epochs.map(({ fromNs, toNs, flows, jain }) => [fromNs, toNs, flows, jain]),
    [[2 * SEC, 5 * SEC, 2, [1, 1, 1]]],
    'one alone is no matter of fairness, and half a second is no window',
  );
  t.equal(summary.epochs[0]!.convergenceNs, 0);
  t.equal(measured(specs.slice(0, 1), bytes, { windowNs: SEC, threshold: 0.95 }, 10), null);
  t.end();
});

t.test('quantiles of few numbers, and of two histograms as one', (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  t.same(quantilesOf(hundred), { least: 1, p50: 50, p90: 90, p95: 95, p99: 99 });
  t.same(quantilesOf([7]), { least: 7, p50: 7, p90: 7, p95: 7, p99: 7 });
  t.equal(quantilesOf([]), null);
  const [low, high] = [new LogHistogram(), new LogHistogram()];
  for (const x of hundred) (x <= 30 ? low : high).add(x);
  low.addAll(high);
  t.same([low.count, low.least, low.most], [100, 1, 100]);
  t.ok(Math.abs(low.quantile(0.5) / 50 - 1) < 1 / 16);
  t.end();
});

const SLOW: LinkSpec = {
  rateBps: 8e6,
  delayNs: 10 * MS,
  queue: { kind: 'drop-tail', limitFrames: 40 },
};
const FAST: LinkSpec = { rateBps: 1e9, delayNs: 1 * MS };

function scenario(flows: readonly FlowSpec[], durationNs: number): Scenario {
  const both = (link: LinkSpec) => ({ forth: link, back: link });
  return { name: 'x', seed: 1, durationNs, ...dumbbell(2, both(SLOW), both(FAST)), flows };
}

function run(own: Scenario): Summary {
  const x = new Experiment(own);
  const meters = new Meters(x.flows);
  for (const { tcp } of x.stacks) tcp.watch.add(meters);
  const summary = runAndSummarize(x, meters);
  x.end();
  return summary;
}

t.test('what a transfer, an answer and a page could take at best', (t) => {
  // 12 ms each way; 8 Mbit/s are 1 µs a byte; 54 bytes of headers for each 1460.
  const cases: readonly (readonly [TrafficSpec, number | null, 6?])[] = [
    [{ kind: 'bulk', bytes: 14_600 }, 36 * MS + (14_600 + 540) * 1000],
    [{ kind: 'bulk', bytes: 14_400 }, 36 * MS + (14_400 + 740) * 1000, 6],
    [{ kind: 'bulk', bytes: 1 }, 36 * MS + 55 * 1000],
    [{ kind: 'bulk' }, null],
    [{ kind: 'requests', requestBytes: 100, responseBytes: 1460 }, 24 * MS + (154 + 1514) * 1000],
    [{ kind: 'page', documentBytes: 1460, objects: 0, objectBytes: 1 }, 48 * MS + 1514 * 1000],
    [
      // Two rounds of small objects: round trips count.
      { kind: 'page', documentBytes: 1460, objects: 12, objectBytes: 946 },
      48 * MS + 1514 * 1000 + 2 * (24 * MS + 1000 * 1000),
    ],
    [
      // Two large ones at once: the path counts.
      { kind: 'page', documentBytes: 1460, objects: 2, objectBytes: 146_000 },
      48 * MS + 1514 * 1000 + 24 * MS + 2 * (146_000 + 5400) * 1000,
    ],
    [{ kind: 'on-off', onNs: SEC, offNs: SEC }, null],
  ];
  for (const [traffic, wanted, ip = 4] of cases) {
    const own = spec('it', 0, { traffic, ip });
    const whole = scenario([own], SEC);
    t.equal(new Ideals(whole, new Graph(whole)).ns(own), wanted, JSON.stringify(traffic));
    if (wanted === null) continue;
    const [group] = run(scenario([own], 3 * SEC)).groups;
    t.ok(group!.completed > 0 && group!.slowdown!.least >= 1, `${group!.slowdown?.least}`);
  }
  t.end();
});

t.test('flows of a group together', (t) => {
  const traffic = { kind: 'bulk', bytes: 20_000 } as const;
  const small = [0, 1, 2].map((i) => spec(`small.${i}`, i * SEC, { group: 'small', traffic }));
  const summary = run(scenario([spec('big', 0, { cc: 'reno' }), ...small], 6 * SEC));
  t.same(
    summary.groups.map(({ name, ccs, flows, completed }) => [name, ccs, flows, completed]),
    [
      ['big', ['reno'], 1, 0],
      ['small', ['cubic'], 3, 3],
    ],
  );
  const [big, group] = summary.groups as [Summary['groups'][0], Summary['groups'][0]];
  const own = summary.flows.slice(1);
  t.equal(group.delivered, 60_000);
  t.equal(
    group.sent,
    own.reduce((n, f) => n + f.sent, 0),
  );
  t.same(
    group.completions,
    own.map((f) => f.completion!.p50).sort((a, b) => a - b),
  );
  t.equal(group.completion!.p50, group.completions[1]);
  t.equal(
    group.slowdown!.p99,
    Math.round((group.completions[2]! / own[0]!.ideal!) * 1e3) / 1e3,
    'each against its own ideal',
  );
  t.equal(big.goodput, summary.flows[0]!.goodput);
  t.same(big.completions, []);
  t.end();
});

t.test('harm: what the others do to a group that it does not do alone', (t) => {
  t.equal(harmOf(10, 4, true), 0.6, 'more is better');
  t.equal(harmOf(40, 100, false), 0.6, 'less is better');
  t.equal(harmOf(4, 10, true), -1.5, 'the others do it good');
  t.equal(harmOf(0, 0, false), 0);
  t.equal(harmOf(0, 3, false), 1);
  t.equal(harmOf(3, 0, false), null);
  const traffic = { kind: 'bulk', bytes: 20_000 } as const;
  const both = scenario(
    [
      spec('big', 0),
      spec('small.1', SEC, { group: 'small', traffic, from: 'left2', to: 'right2' }),
    ],
    4 * SEC,
  );
  t.same(groupsIn(both), ['big', 'small']);
  const together = run(both);
  const [, small] = together.groups;
  const [solo] = run(alone(both, 'small')).groups;
  t.equal(solo!.name, 'small');
  const { group, figures } = harmTo(small!, solo!);
  t.equal(group, 'small');
  t.equal(figures.time50.alone, solo!.completion!.p50);
  t.equal(figures.time50.together, small!.completion!.p50);
  const [x, y] = [solo!.completion!.p50, small!.completion!.p50];
  t.equal(figures.time50.harm, Math.round((1e4 * (y - x)) / y) / 1e4);
  t.ok(figures.time50.harm! > 0.2, `a queue of ${y - x} ns more`);
  t.same(
    harmTo(together.groups[0]!, run(alone(both, 'big')).groups[0]!).figures.time99,
    { alone: null, together: null, harm: null },
    'it completes nothing',
  );
  t.end();
});

t.test('a flow that has fallen silent has not ended', (t) => {
  const cuts = [{ fromNs: SEC, toNs: 10 * SEC }];
  const cut = (link: LinkSpec): LinkSpec => ({ ...link, partitions: [{ cuts }] });
  const whole = scenario([], 10 * SEC);
  const links = whole.links.map((l) => ({ ...l, forth: cut(l.forth), back: cut(l.back) }));
  const ask: TrafficSpec = { kind: 'requests', requestBytes: 100, responseBytes: 10_000 };
  const flows = [
    spec('asks', 0, { traffic: ask }),
    spec('stops', 0, { stopNs: 8 * SEC }),
    spec('ends', 0),
  ];
  const summary = run({ ...whole, links, flows });
  for (const [i, seconds] of [10, 8, 10].entries()) {
    const { delivered, goodput, lateGoodput } = summary.flows[i]!;
    t.ok(delivered > 0);
    t.equal(goodput, Math.round((8 * delivered) / seconds));
    t.equal(lateGoodput, 0);
  }
  t.end();
});

t.test('the second half of who stops in it, and of who stops at its end', (t) => {
  const flows = [
    spec('stops', 0, { stopNs: 5 * SEC }),
    spec('whole', 0, { stopNs: 8 * SEC, from: 'left2', to: 'right2' }),
    spec('endless', 0, { from: 'left2', to: 'right2' }),
  ];
  const summary = run(scenario(flows, 8 * SEC));
  const [stops, whole, endless] = summary.flows;
  t.ok(stops!.lateGoodput > 0.6 * stops!.goodput, 'its rate is over its own time');
  t.equal(summary.jain, jain4([whole!.lateGoodput, endless!.lateGoodput]));
  t.end();
});

t.test('a flow that begins late is no unfair share of the second half', (t) => {
  const flows = [spec('one', 0), spec('late', 6 * SEC, { from: 'left2', to: 'right2' })];
  const summary = run(scenario(flows, 8 * SEC));
  t.equal(summary.jain, null);
  const [one, late] = summary.flows;
  t.ok(late!.lateGoodput > 0.8 * late!.goodput, 'its rate is over its own time');
  t.ok(one!.lateGoodput + late!.lateGoodput > 7e6);
  t.same(
    summary.fairness!.epochs.map(({ fromNs, toNs, jain }) => [fromNs, toNs, jain.length]),
    [[6 * SEC, 8 * SEC, 2]],
  );
  t.end();
});

t.test('flows to which nothing comes have no index', (t) => {
  const flows = [spec('one', 0), spec('two', 0, { from: 'left2', to: 'right2' })];
  const own = scenario(flows, 3 * SEC);
  const [first, ...links] = own.links;
  const lost = { ...first!, forth: { ...first!.forth, loss: 1 } };
  const summary = run({ ...own, links: [lost, ...links] });
  t.equal(summary.jain, null);
  const [epoch] = summary.fairness!.epochs;
  t.same(new Set(epoch!.jain), new Set([null]));
  t.equal(epoch!.convergenceNs, null);
  t.end();
});

t.test('sent and retransmitted are segments with text, and neither SYNs nor FINs', (t) => {
  const lossy = (flow: FlowSpec, forth: Partial<LinkSpec>): Summary => {
    const { links, ...rest } = scenario([flow], 9 * SEC);
    const [first, ...others] = links;
    return run({
      ...rest,
      links: [{ ...first!, forth: { ...first!.forth, ...forth } }, ...others],
    });
  };
  const short = spec('short', 0, { traffic: { kind: 'bulk', bytes: 1000 } });
  const [syns] = lossy(short, { loss: { frames: [1, 2] } }).flows;
  t.same([syns!.completed, syns!.sent, syns!.retransmitted], [1, 1, 0], 'two SYNs were lost');
  const [text] = lossy(short, { loss: { frames: [2] } }).flows;
  t.same([text!.completed, text!.sent, text!.retransmitted], [1, 2, 1], 'its only segment was');
  const rate = { kind: 'constant-rate', rateBps: 1e5, writeBytes: 1250 } as const;
  const cut = [{ cuts: [{ fromNs: 950 * MS, toNs: 4 * SEC }] }];
  const stops = spec('stops', 0, { traffic: rate, stopNs: SEC });
  const [fins] = lossy(stops, { partitions: cut }).flows;
  t.same([fins!.delivered, fins!.sent, fins!.retransmitted], [12_500, 10, 0], 'FINs were lost');
  t.end();
});

t.test('who looks does not change the run', (t) => {
  const flows = [spec('one', 0), spec('two', 0.3 * SEC, { from: 'left2', to: 'right2' })];
  const hashes = [10 * MS, 0.7 * SEC, 10 * SEC].map((windowNs) => {
    const own = { ...scenario(flows, 3 * SEC), fairness: { windowNs, threshold: 0.95 } };
    const x = new Experiment(own, { isHashed: true });
    runAndSummarize(x, new Meters(x.flows));
    x.end();
    return x.sim.traceHash;
  });
  t.equal(new Set(hashes).size, 1);
  t.end();
});
