/** What a scenario says of its own results, as data; and whether it was so. Times are nanoseconds, rates bits a second. */

/** What each ACK that an end of a flow receives tells of it. */
export type AckQuantity =
  | 'cwnd'
  | 'ssthresh'
  | 'inFlight'
  | 'rtt'
  | 'srtt'
  | 'pacing'
  | 'rate'
  | 'info'
  | 'phases'
  | 'never'
  | 'time';

/** What is counted of flows from one moment to another. */
export type FlowQuantity =
  | 'goodput'
  | 'share'
  | 'retransmitted'
  | 'completed'
  | 'completion'
  | 'failed'
  | 'jain';

/** The same of one direction of a link. */
export type LinkQuantity = 'throughput' | 'dropped' | 'lost' | 'marked';

/** Which of many values has to be in the band. */
export const TAKES = ['each', 'first', 'last', 'least', 'most', 'p50', 'p95', 'p99'] as const;
export type Take = (typeof TAKES)[number];

interface Expected {
  /** From 0, to the end, unless said otherwise. */
  readonly fromNs?: number;
  readonly toNs?: number;
  readonly min?: number;
  readonly max?: number;
}

interface OfFlows extends Expected {
  /** One, or all that were counted from one name; all of the scenario without. `:back` after it is the end that answers. */
  readonly flow?: string;
}

export interface AckSpec extends OfFlows {
  readonly of: 'acks';
  readonly what: AckQuantity;
  /** Each. */
  readonly take?: Take;
  /** Only while congestion control says that it is in this phase. */
  readonly during?: string;
  /** The name of a number of TCP_CC_INFO, for `info`. */
  readonly name?: string;
  /** For `phases` one after the other, for `never` all that must not be. */
  readonly phases?: readonly string[];
}

export interface FlowCountSpec extends OfFlows {
  readonly of: 'flows';
  readonly what: FlowQuantity;
  /** Goodput of each such interval, instead of the whole. */
  readonly everyNs?: number;
  /** Of completions; each. */
  readonly take?: Take;
}

export interface LinkCountSpec extends Expected {
  readonly of: 'link';
  readonly what: LinkQuantity;
  readonly link: string;
}

export type ExpectationSpec = AckSpec | FlowCountSpec | LinkCountSpec;

/** What came of it. */
export interface Outcome {
  readonly expected: ExpectationSpec;
  /** Null: the run was over before it could be told. */
  readonly isMet: boolean | null;
  /** The least and the most of what was seen; null where nothing was. */
  readonly least: number | null;
  readonly most: number | null;
  /** For `phases` and `never`. */
  readonly phases?: readonly string[];
}

export function isWithin({ min, max }: Expected, value: number): boolean {
  return value >= (min ?? -Infinity) && value <= (max ?? Infinity);
}
