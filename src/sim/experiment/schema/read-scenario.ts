/** A scenario from what a file says: shape first, then whether it makes sense as a whole. */
import { NEVER } from '../../../base/time.ts';
import type { LinkSpec } from '../../../path/link-spec.ts';
import { formatAddress } from '../../../wire/address-text.ts';
import { addressOf, type IpVersion } from '../addresses.ts';
import { DEFAULT_FAIRNESS } from '../fairness.ts';
import type { FlowSpec, GraphLink, Scenario } from '../scenario.ts';
import { type Duplex, dumbbell, parkingLot, pointToPoint, type Topology } from '../topology.ts';
import { Trial } from './check-parts.ts';
import { checkNames, checkWhole } from './check-whole.ts';
import type {
  RawDuplex,
  RawFlow,
  RawLink,
  RawPartition,
  RawScenario,
  RawTopology,
  RawTrace,
} from './raw-scenario.ts';
import { expectationOf } from './read-expect.ts';
import { type Path, Problems, readShape } from './read-shape.ts';
import { MOST_SNAPLEN, SCENARIO_SHAPE } from './scenario-shape.ts';
import { suggestion } from './suggest.ts';

/** What is written down on the way. */
export interface TraceWish {
  readonly acks: boolean;
  /** NEVER: no samples. */
  readonly intervalNs: number;
  readonly packets: PacketWish;
}

/** Packets at the ends of links. */
export interface PacketWish {
  /** At whose; null: at everybody's. An empty list: nowhere. */
  readonly nodes: readonly string[] | null;
  /** Bytes of each. */
  readonly snaplen: number;
}

export interface Reading {
  /** Null when something is wrong. */
  readonly scenario: Scenario | null;
  readonly trace: TraceWish;
  readonly problems: Problems['all'];
}

const IP_VERSIONS: readonly IpVersion[] = [4, 6];

/** @param name for a file that says none. */
export function readScenario(value: unknown, name: string): Reading {
  const problems = new Problems();
  const raw = readShape(SCENARIO_SHAPE, value, [], problems) as RawScenario;
  const trace = wishOf(raw?.trace ?? {});
  if (problems.all.length > 0) return { scenario: null, trace, problems: problems.all };
  const { hosts, routers, links } = topologyOf(raw.topology);
  const names = hosts.map((host) => host.name);
  const scenario: Scenario = {
    name: raw.name ?? name,
    seed: raw.seed ?? 1,
    durationNs: raw.durationNs,
    hosts: hosts.map((host) => ({ ...host, sysctl: { ...raw.sysctl, ...host.sysctl } })),
    routers,
    links: links.map((link) => withPartitions(link, names, problems)),
    flows: flowsOf(raw.flows, raw.ip ?? 4),
    ...(raw.fairness === undefined ? {} : { fairness: { ...DEFAULT_FAIRNESS, ...raw.fairness } }),
    ...(raw.isPaced === undefined ? {} : { isPaced: raw.isPaced }),
    ...(raw.modules === undefined ? {} : { modules: raw.modules }),
    ...(raw.expect === undefined ? {} : { expect: raw.expect.map(expectationOf) }),
  };
  checkWhole(scenario, raw, problems);
  checkParts(raw, problems);
  checkNames(trace.packets.nodes ?? [], [...names, ...routers], problems);
  return {
    scenario: problems.all.length === 0 ? scenario : null,
    trace,
    problems: problems.all,
  };
}

function wishOf({ acks, intervalNs, packets, snaplen }: RawTrace): TraceWish {
  const some = typeof packets === 'object' ? packets : [];
  return {
    acks: acks === true,
    intervalNs: intervalNs ?? NEVER,
    packets: { nodes: packets === true ? null : some, snaplen: snaplen ?? MOST_SNAPLEN },
  };
}

function topologyOf(raw: RawTopology): Topology {
  switch (raw.kind) {
    case 'point-to-point':
      return pointToPoint(duplexOf(raw.link));
    case 'dumbbell':
      return dumbbell(raw.pairs ?? 1, duplexOf(raw.bottleneck), accessOf(raw.access));
    case 'parking-lot':
      return parkingLot(raw.hops, duplexOf(raw.bottleneck), accessOf(raw.access));
    case 'graph':
      return {
        hosts: raw.hosts.map((host) => (typeof host === 'string' ? { name: host } : host)),
        routers: raw.routers ?? [],
        links: raw.links.map(({ between, ...link }) => ({ between, ...duplexOf(link) })),
      };
  }
}

/** A partition of some hosts is one of what goes from or to their addresses. */
function withPartitions(link: GraphLink, hosts: readonly string[], problems: Problems): GraphLink {
  const one = (spec: LinkSpec): LinkSpec => {
    if (spec.partitions === undefined) return spec;
    const partitions = (spec.partitions as readonly RawPartition[]).map(
      ({ hosts: only, ...rest }) => {
        if (only === undefined) return rest;
        const flows = only.flatMap((name) => {
          const host = hosts.indexOf(name);
          const at = `${link.between.join('–')}: partitions`;
          if (host < 0)
            problems.add(['topology'], `${at}: no host "${name}": ${suggestion(name, hosts)}`);
          return IP_VERSIONS.flatMap((ip) => {
            const address = formatAddress(addressOf(host, ip));
            return [{ from: address }, { to: address }];
          });
        });
        return { ...rest, flows };
      },
    );
    return { ...spec, partitions };
  };
  return { ...link, forth: one(link.forth), back: one(link.back) };
}

function accessOf(raw: RawDuplex | undefined): Duplex | undefined {
  return raw === undefined ? undefined : duplexOf(raw);
}

/** What the other direction does not say is as in the first. */
function duplexOf({ back, mtu, ...forth }: RawDuplex): Duplex {
  return { forth, back: { ...forth, ...back }, ...(mtu === undefined ? {} : { mtu }) };
}

function flowsOf(raw: readonly RawFlow[], ip: IpVersion): readonly FlowSpec[] {
  return raw.flatMap(({ name, startNs = 0, traffic, count, everyNs = 0, ...rest }, i) => {
    const own = name ?? `flow${i + 1}`;
    return Array.from({ length: count ?? 1 }, (_, k) => ({
      ip,
      ...(count === undefined ? {} : { group: own }),
      ...rest,
      name: count === undefined ? own : `${own}.${k + 1}`,
      startNs: startNs + k * everyNs,
      traffic: traffic ?? ({ kind: 'bulk' } as const),
    }));
  });
}

/** Links and settings that there cannot be. */
function checkParts({ topology, sysctl, modules }: RawScenario, problems: Problems): void {
  const trial = new Trial(problems);
  for (const [path, duplex] of linksIn(topology)) {
    const { back, mtu: _, between: __, ...forth } = duplex as RawLink;
    trial.link(forth, path);
    trial.link(back ?? {}, [...path, 'back']);
  }
  trial.settings(sysctl ?? {}, ['sysctl']);
  trial.parameters(modules ?? {}, ['modules']);
  for (const [i, host] of (topology.kind === 'graph' ? topology.hosts : []).entries()) {
    if (typeof host === 'object') {
      trial.settings(host.sysctl ?? {}, ['topology', 'hosts', i, 'sysctl']);
    }
  }
}

/** As the file has them, each with its place. */
function linksIn(topology: RawTopology): readonly (readonly [Path, RawDuplex])[] {
  const at = (...path: Path): Path => ['topology', ...path];
  if (topology.kind === 'graph') return topology.links.map((link, i) => [at('links', i), link]);
  if (topology.kind === 'point-to-point') return [[at('link'), topology.link]];
  return [
    [at('bottleneck'), topology.bottleneck],
    [at('access'), topology.access ?? {}],
  ];
}
