/** A scenario as its file has it, names and units aside: what is left out is not there. */
import type { PartitionSpec } from '../../../path/partition-spec.ts';
import type { IpVersion } from '../addresses.ts';
import type { FairnessSpec } from '../fairness.ts';
import type { FlowSpec, HostSpec, Scenario, TrafficSpec } from '../scenario.ts';
import type { RawExpectation } from './read-expect.ts';

/** Of a link, both directions in one. */
export interface RawDuplex {
  readonly back?: object;
  readonly mtu?: number;
}
export interface RawLink extends RawDuplex {
  readonly between: readonly [string, string];
}
export interface RawFlow extends Omit<FlowSpec, 'name' | 'startNs' | 'traffic'> {
  readonly name?: string;
  readonly startNs?: number;
  readonly traffic?: TrafficSpec;
  readonly count?: number;
  readonly everyNs?: number;
}
export type RawTopology =
  | { readonly kind: 'point-to-point'; readonly link: RawDuplex }
  | {
      readonly kind: 'dumbbell';
      readonly pairs?: number;
      readonly bottleneck: RawDuplex;
      readonly access?: RawDuplex;
    }
  | {
      readonly kind: 'parking-lot';
      readonly hops: number;
      readonly bottleneck: RawDuplex;
      readonly access?: RawDuplex;
    }
  | {
      readonly kind: 'graph';
      readonly hosts: readonly (string | HostSpec)[];
      readonly routers?: readonly string[];
      readonly links: readonly RawLink[];
    };
export type RawPartition = PartitionSpec & { readonly hosts?: readonly string[] };

export interface RawTrace {
  readonly acks?: boolean;
  readonly intervalNs?: number;
  readonly packets?: boolean | readonly string[];
  readonly snaplen?: number;
}

export interface RawScenario {
  readonly name?: string;
  readonly seed?: number;
  readonly durationNs: number;
  readonly topology: RawTopology;
  readonly flows: readonly RawFlow[];
  readonly ip?: IpVersion;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly trace?: RawTrace;
  readonly fairness?: Partial<FairnessSpec>;
  readonly expect?: readonly RawExpectation[];
  readonly isPaced?: boolean;
  readonly modules?: NonNullable<Scenario['modules']>;
}
