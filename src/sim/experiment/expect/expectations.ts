/**
 * A scenario's expectations while it runs. Nothing of it changes the run: it reads counters at its times, and looks at
 * connections as traces do. Without any it costs nothing.
 */

import { assert } from '../../../base/assert.ts';
import { Deadline, type Expirable } from '../../../base/deadline-queue.ts';
import type { TcpConnection } from '../../../tcp/connection.ts';
import type { FlowEvent, FlowWatcher } from '../../../tcp/flow-watch.ts';
import type { Experiment } from '../experiment.ts';
import { isEndless } from '../fairness.ts';
import { type Flow, flowOf, isOpener } from '../flow.ts';
import type { Meters } from '../meter.ts';
import { AckWatch } from './ack-watch.ts';
import { CompletionWatch, CountWatch, flowGauge, linkGauge } from './count-watch.ts';
import type { AckSpec, ExpectationSpec, Outcome } from './expectation.ts';
import { endOf, flowsNamed } from './flow-names.ts';

const BEGIN = 0;
const AGAIN = 1;
const END = 2;

/** What follows one expectation. */
interface Watch {
  begin?(nowNs: number): void;
  end(nowNs: number): void;
  outcome(): Outcome;
}

/** Its time: from, to, and so often in between. */
class Span implements Expirable {
  isOpen = false;
  private isOver = false;
  private readonly spec: ExpectationSpec;
  private readonly watch: Watch;
  private readonly experiment: Experiment;
  private readonly everyNs: number;
  private readonly again = new Deadline(this, AGAIN);

  constructor(experiment: Experiment, spec: ExpectationSpec, watch: Watch) {
    this.experiment = experiment;
    this.spec = spec;
    this.watch = watch;
    this.everyNs = (spec.of === 'flows' ? spec.everyNs : undefined) ?? Infinity;
    const { events } = experiment.sim;
    const { fromNs = 0, toNs } = spec;
    if (fromNs === 0) this.begin(0);
    else events.arm(new Deadline(this, BEGIN), fromNs);
    if (toNs !== undefined) events.arm(new Deadline(this, END), toNs);
  }

  expire(which: number): void {
    const { nowNs } = this.experiment;
    if (which === BEGIN) this.begin(nowNs);
    else if (which === END) this.end(nowNs);
    else if (this.isOpen) {
      this.watch.end(nowNs);
      this.armAgain(nowNs);
    }
  }

  /** The run is over. */
  finish(): Outcome {
    const { spec, experiment } = this;
    const { nowNs } = experiment;
    const isCut = spec.toNs !== undefined && spec.toNs > nowNs;
    if (!isCut && this.isOpen) this.end(nowNs);
    if (this.isOver) return this.watch.outcome();
    return { expected: spec, isMet: null, least: null, most: null };
  }

  private begin(nowNs: number): void {
    this.isOpen = true;
    this.watch.begin?.(nowNs);
    this.armAgain(nowNs);
  }

  private armAgain(nowNs: number): void {
    if (this.everyNs !== Infinity) {
      this.experiment.sim.events.arm(this.again, nowNs + this.everyNs);
    }
  }

  /** What is left of an interval is not one. */
  private end(nowNs: number): void {
    if (this.everyNs === Infinity || this.again.dueNs <= nowNs) this.watch.end(nowNs);
    this.isOpen = false;
    this.isOver = true;
  }
}

interface Seen {
  readonly span: Span;
  readonly watch: AckWatch;
}

export class Expectations implements FlowWatcher {
  private readonly experiment: Experiment;
  private readonly spans: Span[] = [];
  /** By flow: of the end that opens, and of the one that answers. */
  private readonly seen: readonly (readonly [Seen[], Seen[]])[];

  /** Before the experiment runs. */
  constructor(experiment: Experiment, meters: Meters) {
    this.experiment = experiment;
    const { scenario, flows } = experiment;
    this.seen = flows.map(() => [[], []]);
    const all = scenario.expect ?? [];
    for (const spec of all) this.add(spec, meters);
    if (all.some(({ of }) => of === 'acks')) {
      for (const { tcp } of experiment.stacks) tcp.watch.add(this);
    }
  }

  flowEvent(c: TcpConnection, event: FlowEvent): void {
    const flow = flowOf(this.experiment.flows, c);
    if (flow === null) return;
    for (const { span, watch } of this.seen[flow.index]![isOpener(c) ? 0 : 1]) {
      if (span.isOpen) watch.see(c, event, c.tcp.env.nowNs);
    }
  }

  /** After the run, once. */
  outcomes(): readonly Outcome[] {
    return this.spans.map((span) => span.finish());
  }

  private add(spec: ExpectationSpec, meters: Meters): void {
    const { experiment } = this;
    if (spec.of === 'acks') {
      this.addAcks(spec);
      return;
    }
    if (spec.of === 'link') {
      const link = experiment.links.flat().find(({ name }) => name === spec.link);
      assert(link !== undefined, 'a link of the scenario');
      const watch = new CountWatch(spec, linkGauge(spec.what, link));
      this.spans.push(new Span(experiment, spec, watch));
      return;
    }
    const named = this.flowsOf(spec.flow);
    const mine =
      spec.what === 'jain' && spec.flow === undefined
        ? named.filter((flow) => isEndless(flow.spec) && flow.spec.stopNs === undefined)
        : named;
    const watch =
      spec.what === 'completion'
        ? new CompletionWatch(spec, mine)
        : new CountWatch(spec, flowGauge(spec.what, mine, experiment.flows, meters.all));
    this.spans.push(new Span(experiment, spec, watch));
  }

  private flowsOf(name: string | undefined): readonly Flow[] {
    const { flows, scenario } = this.experiment;
    const named = new Set(flowsNamed(scenario.flows, name));
    return flows.filter(({ spec }) => named.has(spec));
  }

  private addAcks(spec: AckSpec): void {
    const [name, end] = endOf(spec.flow);
    const watch = new AckWatch(spec);
    const span = new Span(this.experiment, spec, watch);
    this.spans.push(span);
    for (const { index } of this.flowsOf(name)) {
      this.seen[index]![end].push({ span, watch });
    }
  }
}
