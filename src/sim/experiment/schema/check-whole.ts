/** Whether what a scenario's parts say makes sense together: names, ways, times. */
import { IPV6_MIN_MTU } from '../../../wire/ipv6.ts';
import { windowMistake } from '../fairness.ts';
import { FIRST_PORT } from '../flow.ts';
import { Graph } from '../graph.ts';
import { byGroup } from '../group-summary.ts';
import { DEFAULT_MTU, type FlowSpec, type Scenario } from '../scenario.ts';
import type { RawFlow, RawScenario } from './raw-scenario.ts';
import { checkExpectations } from './read-expect.ts';
import type { Path, Problems } from './read-shape.ts';
import { MOST_FLOWS } from './scenario-shape.ts';
import { suggestion } from './suggest.ts';

/** Names that stand for something, once each; a way for every flow. */
export function checkWhole(scenario: Scenario, raw: RawScenario, problems: Problems): void {
  const { hosts, routers, links, flows } = scenario;
  const hostNames = hosts.map(({ name }) => name);
  const nodes = [...hostNames, ...routers];
  const at: Path = raw.topology.kind === 'graph' ? ['topology'] : [];
  for (const name of repeated(nodes)) problems.add(at, `"${name}" is there twice`);
  for (const name of repeated(flows.map((f) => f.name))) {
    problems.add(['flows'], `"${name}" is the name of two flows`);
  }
  checkGroups(flows, raw, problems);
  const joined = new Set<string>();
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
    const pair = between.toSorted().join(' ');
    if (joined.has(pair)) problems.add(where, 'these have a link, which all packets would take');
    joined.add(pair);
  }
  for (const [i, flow] of raw.flows.entries()) {
    checkFlow(flow, hostNames, scenario.durationNs, ['flows', i], problems);
  }
  const { windowNs } = raw.fairness ?? {};
  const mistake = windowNs === undefined ? null : windowMistake(windowNs, scenario.durationNs);
  if (mistake !== null) {
    problems.add(['fairness', 'window'], mistake);
  }
  checkPorts(scenario, problems);
  checkExpectations(scenario, problems);
  if (problems.all.length === 0) checkGraph(scenario, raw, problems);
}

/** A name stands for one flow, or for those of a group: where they are expected or shown there is no more to tell by. */
function checkGroups(flows: readonly FlowSpec[], raw: RawScenario, problems: Problems): void {
  const groups = byGroup(flows, (flow) => flow);
  const places = raw.flows.flatMap(({ count = 1 }, i) => new Array<number>(count).fill(i));
  for (const [k, flow] of flows.entries()) {
    const { name } = flow;
    const others = (groups.get(name) ?? []).filter((one) => one !== flow);
    if (others.length === 0) continue;
    const i = places[k]!;
    const of = `${others[0]!.name}${others.length > 1 ? ' …' : ''}`;
    const another = `${raw.flows[i]!.name ?? `flow${i + 1}`}-alone`;
    problems.add(
      ['flows', i, 'name'],
      `"${name}" is the name of a group, too (${of}): "${another}"?`,
    );
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

export function checkNames(
  wished: readonly string[],
  nodes: readonly string[],
  problems: Problems,
): void {
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
