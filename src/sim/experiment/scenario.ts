/**
 * An experiment, as data: which hosts and links there are, who sends what to whom, and for how long. Times are
 * nanoseconds, rates bits a second, sizes bytes. What is left out has the default that is named here.
 */
import type { LinkSpec } from '../../path/link-spec.ts';
import type { IpVersion } from './addresses.ts';
import type { ExpectationSpec } from './expect/expectation.ts';
import type { FairnessSpec } from './fairness.ts';

export interface Scenario {
  readonly name: string;
  /** The same seed, the same run, to the byte. */
  readonly seed: number;
  /** All flows end here, at the latest. */
  readonly durationNs: number;
  readonly hosts: readonly HostSpec[];
  /** Names of what passes packets on. */
  readonly routers: readonly string[];
  readonly links: readonly GraphLink[];
  readonly flows: readonly FlowSpec[];
  /** Hosts space what they send, as under Linux's fq; only what congestion control paces by itself. */
  readonly isPaced?: boolean;
  /** Parameters of congestion-control modules on every host, as under /sys/module; their defaults. */
  readonly modules?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** How shares are compared; DEFAULT_FAIRNESS. */
  readonly fairness?: FairnessSpec;
  /** What should come of it. */
  readonly expect?: readonly ExpectationSpec[];
}

export interface HostSpec {
  readonly name: string;
  /** Settings of its stack, by their Linux names. */
  readonly sysctl?: Readonly<Record<string, string>>;
}

/** A link between two hosts or routers; its directions are named `a>b` and `b>a`. */
export interface GraphLink {
  readonly between: readonly [string, string];
  /** From the first to the second. */
  readonly forth: LinkSpec;
  readonly back: LinkSpec;
  /** The largest IP packet; DEFAULT_MTU. */
  readonly mtu?: number;
}

export const DEFAULT_MTU = 1500;

export interface FlowSpec {
  readonly name: string;
  /** Flows of one group are summed up together, and run together without the others; its name. */
  readonly group?: string;
  /** Who opens the connection. */
  readonly from: string;
  readonly to: string;
  /** 4. */
  readonly ip?: IpVersion;
  /** Congestion control of both ends; the stack's default. */
  readonly cc?: string;
  readonly startNs: number;
  /** When it stops offering data; the experiment's end. */
  readonly stopNs?: number;
  readonly traffic: TrafficSpec;
}

export type TrafficSpec =
  | BulkSpec
  | RequestsSpec
  | OnOffSpec
  | ConstantRateSpec
  | StepsSpec
  | PageSpec;

/** As much as the network takes, from who opens it to the other. */
export interface BulkSpec {
  readonly kind: 'bulk';
  /** Endless without. The flow is complete when the last byte has been read. */
  readonly bytes?: number;
}

/** One connection: a request, its answer, a pause, and so on. */
export interface RequestsSpec {
  readonly kind: 'requests';
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** From an answer's last byte to the next request; 0. */
  readonly thinkNs?: number;
  /** How many; until the end. */
  readonly count?: number;
}

/** Bulk for a while, silence for a while; both exponentially distributed about their means. */
export interface OnOffSpec {
  readonly kind: 'on-off';
  readonly onNs: number;
  readonly offNs: number;
}

/** So many bits a second, in writes of so many bytes, whatever the network takes. */
export interface ConstantRateSpec {
  readonly kind: 'constant-rate';
  readonly rateBps: number;
  /** 1,200. */
  readonly writeBytes?: number;
}

/** As much as the network takes, or so much, from times of the experiment on. */
export interface StepsSpec {
  readonly kind: 'steps';
  readonly steps: readonly {
    readonly atNs: number;
    /** As much as the network takes; 0 is silence. */
    readonly rateBps?: number;
  }[];
}

/** A page as browsers fetch one: a document, and when it is there its objects over several connections. */
export interface PageSpec {
  readonly kind: 'page';
  readonly documentBytes: number;
  readonly objects: number;
  /** Of each object. */
  readonly objectBytes: number;
  /** At most so many connections; 6. */
  readonly connections?: number;
}
