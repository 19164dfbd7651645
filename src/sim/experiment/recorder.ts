/**
 * What is written down of an experiment, as lines of JSON (docs/experiments.md): a line for each ACK and event of each
 * sender, and, so often, one for each queue and each flow. Nothing of it changes the run.
 */
import { Deadline, type Expirable } from '../../base/deadline-queue.ts';
import { NEVER } from '../../base/time.ts';
import { FlowTrace, type LineSink, TRACE_VERSION } from '../../stack/flow-trace.ts';
import type { TcpConnection } from '../../tcp/connection.ts';
import type { Experiment } from './experiment.ts';
import { flowOf, isOpener } from './flow.ts';

export interface RecorderOptions {
  readonly acks: boolean;
  /** NEVER: no samples. */
  readonly intervalNs: number;
}

export class Recorder implements Expirable {
  private readonly experiment: Experiment;
  private readonly sink: LineSink;
  private readonly intervalNs: number;
  private readonly deadline = new Deadline(this);
  /** Connections so far, by name. */
  private readonly connections = new Map<string, number>();

  /** Before the experiment runs. */
  constructor(experiment: Experiment, sink: LineSink, options: RecorderOptions) {
    this.experiment = experiment;
    this.sink = sink;
    this.intervalNs = options.intervalNs;
    const { name, seed } = experiment.scenario;
    sink.line(JSON.stringify({ trace: 'ringway', version: TRACE_VERSION, name, seed }));
    const trace = options.acks ? new FlowTrace(sink, (c) => this.nameOf(c)) : null;
    for (const { tcp } of experiment.stacks) if (trace !== null) tcp.watch.add(trace);
    if (options.intervalNs !== NEVER) experiment.sim.events.arm(this.deadline, 0);
  }

  expire(): void {
    const { experiment, sink } = this;
    const t = experiment.nowNs;
    for (const link of experiment.links.flat()) {
      const model = link.settled();
      const { queue, stats } = model;
      sink.line(
        JSON.stringify({
          ...{ t, link: link.name, event: 'sample' },
          ...{ packets: queue.count, bytes: queue.bytes },
          delivered: stats.get('deliveredBytes'),
          dropped: model.dropped,
          lost: stats.get('lost'),
        }),
      );
    }
    for (const { spec, delivered, completions } of experiment.flows) {
      const { length } = completions;
      sink.line(
        JSON.stringify({ t, flow: spec.name, event: 'sample', delivered, completed: length }),
      );
    }
    experiment.sim.events.arm(this.deadline, t + this.intervalNs);
  }

  /** `web`; the end that answers is `web:back`; a flow's second connection `web#2`. */
  private nameOf(c: TcpConnection): string | null {
    const flow = flowOf(this.experiment.flows, c);
    if (flow === null) return null;
    const name = isOpener(c) ? flow.spec.name : `${flow.spec.name}:back`;
    const n = (this.connections.get(name) ?? 0) + 1;
    this.connections.set(name, n);
    return n === 1 ? name : `${name}#${n}`;
  }
}
