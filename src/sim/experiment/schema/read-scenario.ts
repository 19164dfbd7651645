/** A scenario from what a file says: shape first, then whether it makes sense as a whole. */
import { NEVER } from '../../../base/time.ts';
import type { LinkSpec } from '../../../path/link-spec.ts';
import type { PartitionSpec } from '../../../path/partition-spec.ts';
import { formatAddress } from '../../../wire/address-text.ts';
import { IPV6_MIN_MTU } from '../../../wire/ipv6.ts';
import { addressOf, type IpVersion } from '../addresses.ts';
import { DEFAULT_FAIRNESS, type FairnessSpec } from '../fairness.ts';
import { FIRST_PORT } from '../flow.ts';
import { Graph } from '../graph.ts';
import { groupOf } from '../group-summary.ts';
import {
  DEFAULT_MTU,
  type FlowSpec,
  type GraphLink,
  type HostSpec,
  type Scenario,
  type TrafficSpec,
} from '../scenario.ts';
import { type Duplex, dumbbell, parkingLot, pointToPoint, type Topology } from '../topology.ts';
import { Trial } from './check-parts.ts';
import { checkExpectations, expectationOf, type RawExpectation } from './read-expect.ts';
import { type Path, Problems, readShape } from './read-shape.ts';
import { MOST_FLOWS, MOST_SNAPLEN, SCENARIO_SHAPE } from './scenario-shape.ts';
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

/** As the shape leaves a link: both directions in one. */
interface RawDuplex {
  readonly back?: object;
  readonly mtu?: number;
}
interface RawLink extends RawDuplex {
  readonly between: readonly [string, string];
}
interface RawFlow extends Omit<FlowSpec, 'name' | 'startNs' | 'traffic'> {
  readonly name?: string;
  readonly startNs?: number;
  readonly traffic?: TrafficSpec;
  readonly count?: number;
  readonly everyNs?: number;
}
type RawTopology =
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
type RawPartition = PartitionSpec & { readonly hosts?: readonly string[] };

interface RawTrace {
  readonly acks?: boolean;
  readonly intervalNs?: number;
  readonly packets?: boolean | readonly string[];
  readonly snaplen?: number;
}

interface RawScenario {
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
function checkParts({ topology, sysctl }: RawScenario, problems: Problems): void {
  const trial = new Trial(problems);
  for (const [path, duplex] of linksIn(topology)) {
    const { back, mtu: _, between: __, ...forth } = duplex as RawLink;
    trial.link(forth, path);
    trial.link(back ?? {}, [...path, 'back']);
  }
  trial.settings(sysctl ?? {}, ['sysctl']);
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

/** Of the index of fairness: each is a number in the summary. */
const MOST_WINDOWS = 100_000;

/** Names that stand for something, once each; a way for every flow. */
function checkWhole(scenario: Scenario, raw: RawScenario, problems: Problems): void {
  const { hosts, routers, links, flows } = scenario;
  const hostNames = hosts.map(({ name }) => name);
  const nodes = [...hostNames, ...routers];
  const at: Path = raw.topology.kind === 'graph' ? ['topology'] : [];
  for (const name of repeated(nodes)) problems.add(at, `"${name}" is there twice`);
  for (const name of repeated(flows.map((f) => f.name))) {
    problems.add(['flows'], `"${name}" is the name of two flows`);
  }
  checkGroups(flows, raw, problems);
  for (const [i, { between, forth, back }] of links.entries()) {
    const where = raw.topology.kind === 'graph' ? ['topology', 'links', i, 'between'] : [];
    for (const name of between) {
      if (!nodes.includes(name)) problems.add(where, `no "${name}": ${suggestion(name, nodes)}`);
    }
    for (const { rateBps, delayNs } of [forth, back]) {
      if (rateBps === undefined && (delayNs ?? 0) === 0) {
        problems.add(where, `${between.join('–')}: a link has a rate or a delay`);
      }
    }
    if (between[0] === between[1]) problems.add(where, 'a link has two different ends');
  }
  for (const [i, flow] of raw.flows.entries()) {
    checkFlow(flow, hostNames, scenario.durationNs, ['flows', i], problems);
  }
  const { windowNs = Infinity } = raw.fairness ?? {};
  if (scenario.durationNs / windowNs > MOST_WINDOWS) {
    problems.add(['fairness', 'window'], `more than ${MOST_WINDOWS} of them in the run`);
  }
  checkPorts(scenario, problems);
  checkExpectations(scenario, problems);
  if (problems.all.length === 0) checkGraph(scenario, raw, problems);
}

/** A name stands for one flow, or for those of a group: where they are expected or shown there is no more to tell by. */
function checkGroups(flows: readonly FlowSpec[], raw: RawScenario, problems: Problems): void {
  const groups = new Map<string, FlowSpec[]>();
  for (const flow of flows) {
    const name = groupOf(flow);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [flow]);
    else group.push(flow);
  }
  for (const flow of flows) {
    const { name } = flow;
    const others = (groups.get(name) ?? []).filter((one) => one !== flow);
    if (others.length === 0) continue;
    const i = raw.flows.findIndex(
      (own, k) => own.count === undefined && (own.name ?? `flow${k + 1}`) === name,
    );
    const of = `${others[0]!.name}${others.length > 1 ? ' …' : ''}`;
    const message = `"${name}" is the name of a group, too (${of}): "${name}-alone"?`;
    problems.add(['flows', i, 'name'], message);
  }
}

function checkFlow(
  flow: RawFlow,
  hosts: readonly string[],
  durationNs: number,
  at: Path,
  problems: Problems,
): void {
  const { startNs = 0, stopNs, count = 1, everyNs = 0, traffic } = flow;
  for (const end of ['from', 'to'] as const) {
    const name = flow[end];
    if (!hosts.includes(name)) {
      problems.add([...at, end], `no host "${name}": ${suggestion(name, hosts)}`);
    }
  }
  if (flow.from === flow.to) problems.add([...at, 'to'], 'a flow is between two hosts');
  if (stopNs !== undefined && stopNs <= startNs) {
    problems.add([...at, 'stop'], 'it stops before it starts');
  }
  if (startNs >= durationNs) {
    problems.add([...at, 'start'], 'the experiment is over by then');
  } else if (startNs + (count - 1) * everyNs >= durationNs) {
    const begun = Math.ceil((durationNs - startNs) / everyNs);
    problems.add([...at, 'every'], `the experiment is over when ${begun} of ${count} have begun`);
  }
  const steps = traffic?.kind === 'steps' ? traffic.steps : [];
  if (steps.some(({ atNs }, k) => k > 0 && atNs <= steps[k - 1]!.atNs)) {
    problems.add([...at, 'traffic', 'steps'], 'steps are in the order of time');
  }
}

/** Each flow has a port, and which end opened a connection is told by which port is the lower one. */
function checkPorts({ flows, hosts }: Scenario, problems: Problems): void {
  if (flows.length > MOST_FLOWS) {
    problems.add(['flows'], `${MOST_FLOWS} at most, not ${flows.length}`);
  }
  const above = FIRST_PORT + flows.length;
  for (const { name, sysctl = {} } of hosts) {
    const range = sysctl[PORT_RANGE];
    if (range === undefined || Number.parseInt(range, 10) >= above) continue;
    problems.add([], `host "${name}": ${PORT_RANGE} begins above the flows' ports: ${above}`);
    return;
  }
}

const PORT_RANGE = 'net.ipv4.ip_local_port_range';

function checkNames(wished: readonly string[], nodes: readonly string[], problems: Problems): void {
  for (const [i, name] of wished.entries()) {
    if (nodes.includes(name)) continue;
    problems.add(['trace', 'packets', i], `no "${name}": ${suggestion(name, nodes)}`);
  }
}

function checkGraph(scenario: Scenario, raw: RawScenario, problems: Problems): void {
  const graph = new Graph(scenario);
  for (const [i, { name }] of scenario.hosts.entries()) {
    const { length } = graph.edges[i]!;
    if (length !== 1)
      problems.add(['topology', 'links'], `host "${name}" has one link, not ${length}`);
  }
  const ways = scenario.hosts.map((_, host) => graph.towards(host));
  const mtuAt = (host: string): number =>
    scenario.links.find(({ between }) => between.includes(host))?.mtu ?? DEFAULT_MTU;
  for (const [i, { from, to, ip }] of raw.flows.entries()) {
    const isJoined = ways[graph.node(to)]![graph.node(from)] !== -1; // links go both ways
    if (!isJoined) problems.add(['flows', i], `no way from ${from} to ${to}`);
    // RFC 8200 §5: an interface with less has no IPv6.
    const small = [from, to].find((host) => mtuAt(host) < IPV6_MIN_MTU);
    if (small !== undefined && (ip ?? raw.ip) === 6) {
      const message = `IPv6 needs an MTU of ${IPV6_MIN_MTU}: that of ${small} is ${mtuAt(small)}`;
      problems.add(['flows', i], message);
    }
  }
}

function repeated(names: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const name of names) (seen.has(name) ? twice : seen).add(name);
  return twice;
}
