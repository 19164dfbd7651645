/**
 * What congestion control does to connections, as lines of JSON: one for each ACK, timeout, probe and end of each
 * connection that is followed. The lines' fields are in docs/experiments.md. In virtual time the same seed gives the same
 * bytes; live it follows a stack in the same way.
 *
 * It makes garbage, a string a line, and is for those who asked for it.
 */
import { NEVER, SEC } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import { INFINITE_SSTHRESH } from '../cc/cc-view.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import { FLOW_EVENT, type FlowEvent, type FlowWatcher } from '../tcp/flow-watch.ts';
import { TOTAL } from '../tcp/totals.ts';

/** The number of this schema: another one when a field changes its meaning. */
export const TRACE_VERSION = 1;

export interface LineSink {
  /** One line, without its end. */
  line(text: string): void;
}

/** The name of a connection in the trace; null: it is not followed. Asked once for each. */
export type FlowNamer = (c: TcpConnection) => string | null;

const EVENTS: Readonly<Record<FlowEvent, string>> = {
  [FLOW_EVENT.ESTABLISHED]: 'established',
  [FLOW_EVENT.ACK]: 'ack',
  [FLOW_EVENT.TIMEOUT]: 'timeout',
  [FLOW_EVENT.PROBE]: 'probe',
  [FLOW_EVENT.ENDED]: 'ended',
};

export const CA_STATE_NAMES = {
  [CA_STATE.OPEN]: 'open',
  [CA_STATE.DISORDER]: 'disorder',
  [CA_STATE.CWR]: 'cwr',
  [CA_STATE.RECOVERY]: 'recovery',
  [CA_STATE.LOSS]: 'loss',
} as const;

export class FlowTrace implements FlowWatcher {
  private readonly sink: LineSink;
  private readonly nameOf: FlowNamer;
  private readonly names = new Map<TcpConnection, string | null>();

  constructor(sink: LineSink, nameOf: FlowNamer) {
    this.sink = sink;
    this.nameOf = nameOf;
  }

  flowEvent(c: TcpConnection, event: FlowEvent): void {
    const name = this.name(c);
    if (event === FLOW_EVENT.ENDED) this.names.delete(c);
    if (name !== null) this.sink.line(lineOf(c, name, EVENTS[event]));
  }

  private name(c: TcpConnection): string | null {
    const known = this.names.get(c);
    if (known !== undefined) return known;
    const name = this.nameOf(c);
    this.names.set(c, name);
    return name;
  }
}

/** No field is left out, and their order is always the same. */
function lineOf(c: TcpConnection, name: string, event: string): string {
  const v = c.congestion.view;
  const { rate, rtx, totals } = c;
  const perSecond = (pieces: number, ns: number) =>
    ns === 0 ? null : Math.floor((pieces * v.mss * SEC) / ns);
  return JSON.stringify({
    t: c.tcp.env.nowNs,
    flow: name,
    event,
    cwnd: v.cwnd,
    ssthresh: v.ssthresh === INFINITE_SSTHRESH ? null : v.ssthresh,
    pacing: v.pacingRate === Infinity ? null : Math.floor(v.pacingRate),
    inFlight: rtx.inFlight(),
    srtt: c.rtt.srttNs === 0 ? null : Math.round(c.rtt.srttNs),
    minRtt: c.minRtt.value === NEVER ? null : c.minRtt.value,
    rate: perSecond(rate.bestDelivered, rate.bestIntervalNs),
    delivered: v.delivered,
    lost: v.lost,
    retrans: totals.get(TOTAL.RETRANS),
    mss: v.mss,
    state: CA_STATE_NAMES[c.congestion.state],
    phase: c.congestion.cc.phaseName(v),
  });
}
