/** What a flow's sender met on the way: round trips, losses, retransmissions. */
import { LogHistogram } from '../../base/log-histogram.ts';
import { NO_SAMPLE } from '../../cc/samples.ts';
import type { TcpConnection } from '../../tcp/connection.ts';
import { FLOW_EVENT, type FlowEvent, type FlowWatcher } from '../../tcp/flow-watch.ts';
import { TOTAL } from '../../tcp/totals.ts';
import { type Flow, flowOf } from './flow.ts';

export class FlowMeter {
  /** Nanoseconds, as each ACK told. */
  readonly rtt = new LogHistogram();
  /** Of connections that are over. */
  private retransmitted = 0;
  private sent = 0;
  /** SYNs and FINs sent again, of all connections: no segments with text, as `sent` counts them. */
  private controls = 0;
  private readonly alive = new Set<TcpConnection>();

  /** Segments with text. */
  get segmentsSent(): number {
    return this.total(this.sent, TOTAL.DATA_SEGS_OUT);
  }

  get segmentsRetransmitted(): number {
    return this.total(this.retransmitted, TOTAL.RETRANS) - this.controls;
  }

  see(c: TcpConnection, event: FlowEvent): void {
    if (event === FLOW_EVENT.ENDED) {
      this.alive.delete(c);
      this.sent += c.totals.get(TOTAL.DATA_SEGS_OUT);
      this.retransmitted += c.totals.get(TOTAL.RETRANS);
      return;
    }
    this.alive.add(c);
    if (event === FLOW_EVENT.ESTABLISHED) this.controls += c.totals.get(TOTAL.RETRANS);
    const { rttNs } = c.tcp.rateSample;
    if (event === FLOW_EVENT.ACK && rttNs !== NO_SAMPLE) this.rtt.add(Math.max(1, rttNs));
  }

  seeFinAgain(): void {
    this.controls++;
  }

  private total(ended: number, which: number): number {
    let sum = ended;
    for (const c of this.alive) sum += c.totals.get(which);
    return sum;
  }
}

/** A meter for each flow; both ends of it count. */
export class Meters implements FlowWatcher {
  readonly all: readonly FlowMeter[];
  private readonly flows: readonly Flow[];

  constructor(flows: readonly Flow[]) {
    this.flows = flows;
    this.all = flows.map(() => new FlowMeter());
  }

  flowEvent(c: TcpConnection, event: FlowEvent): void {
    const flow = flowOf(this.flows, c);
    if (flow !== null) this.all[flow.index]!.see(c, event);
  }

  finResent(c: TcpConnection): void {
    const flow = flowOf(this.flows, c);
    if (flow !== null) this.all[flow.index]!.seeFinAgain();
  }
}
