/**
 * A scenario in virtual time.
 *
 *     Scenario ──► Experiment: a simulator with stacks (hosts), routers and links, and the flows between them
 *                  run(untilNs) ──► flows' counters, links' counters; whoever watches hears of all else
 */
import { assert } from '../../base/assert.ts';
import type { MemorySizes } from '../../base/memory.ts';
import type { CcModule } from '../../cc/congestion-control.ts';
import { type CcFaults, guarded } from '../../cc/guarded.ts';
import type { MemoryDevice } from '../../link/memory-device.ts';
import { writeAnySysctl } from '../../stack/all-sysctls.ts';
import { Stack } from '../../stack/stack.ts';
import type { SimLink } from '../sim-link.ts';
import { Simulator } from '../simulator.ts';
import { addressOf, type IpVersion, MAC_HIGH, macOf, PREFIX } from './addresses.ts';
import { Flow } from './flow.ts';
import { Graph } from './graph.ts';
import { checkMemory, LOOPBACK_RING, memoryFor, NIC_RING } from './memory-sizes.ts';
import { type LinkEnd, PacketTrace, type PacketTraceOptions, unseen } from './packet-trace.ts';
import { Router } from './router.ts';
import {
  DEFAULT_MTU,
  type FlowSpec,
  type GraphLink,
  type HostSpec,
  type Scenario,
} from './scenario.ts';
import { ReadyEnds } from './stream-end.ts';
import { openTraffic } from './traffic.ts';

const NIC_RX_FRAMES = 65536;
/** As every interface has them today: checksums are made where bits may flip, or where somebody looks. */
const NIC_CAPS = { txChecksum: true, rxChecksum: true };

export interface ExperimentOptions {
  /** Users' congestion-control modules, beside the built-in ones: a mistake in one is counted, and Reno goes on. */
  readonly modules?: readonly CcModule[];
  /** Sums up every frame that arrives; reads every byte. */
  readonly isHashed?: boolean;
  readonly memory?: MemorySizes;
  /** Where packets are written down, at whose ends of links. */
  readonly packets?: Omit<PacketTraceOptions, 'comment'>;
}

export class Experiment {
  readonly scenario: Scenario;
  readonly graph: Graph;
  readonly sim: Simulator;
  /** By host, in the scenario's order. */
  readonly stacks: readonly Stack[];
  readonly routers: readonly Router[];
  /** By link: there and back. */
  readonly links: readonly (readonly [SimLink, SimLink])[];
  readonly flows: readonly Flow[];
  /** Of users' modules, all hosts' connections together. */
  readonly faults: readonly CcFaults[];
  private readonly packets: PacketTrace | null;
  /** By host: with whom it has flows, over which IP. */
  private readonly peers: readonly Peers[];

  constructor(scenario: Scenario, options: ExperimentOptions = {}) {
    this.scenario = scenario;
    this.graph = new Graph(scenario);
    const { packets } = options;
    const memory = options.memory ?? memoryFor(scenario, packets === undefined ? 0 : 1);
    const isHashed = options.isHashed === true;
    const { name, seed } = scenario;
    this.sim = new Simulator({ seed, isHashed, memory });
    const { graph, sim } = this;
    const comment = `${name}, seed ${seed}`;
    this.packets = packets === undefined ? null : new PacketTrace(sim, { ...packets, comment });
    this.peers = peersOf(scenario, graph);
    const own = (options.modules ?? []).map((module) => guarded(module));
    this.faults = own.map(({ faults }) => faults);
    const modules = own.map(({ module }) => module);
    const mtus = scenario.hosts.map((_, host) => mtuOf(scenario, graph, host));
    const nics = scenario.hosts.map(({ name }, i) =>
      sim.nic(name, { rxFrames: NIC_RX_FRAMES, ...NIC_RING, caps: NIC_CAPS, mtu: mtus[i]! }),
    );
    this.stacks = scenario.hosts.map((host, i) => this.openStack(host, i, nics[i]!, modules));
    this.routers = this.openRouters();
    this.links = scenario.links.map((link, i) => this.openLink(link, i, nics));
    const hosts = this.stacks.map((stack) => ({ stack, ready: new ReadyEnds() }));
    for (const { stack, ready } of hosts) stack.attachDrain(ready);
    this.flows = scenario.flows.map((spec, i) => {
      const [from, to] = [graph.node(spec.from), graph.node(spec.to)];
      const flow = new Flow(spec, i, hosts[from]!, hosts[to]!, addressOf(to, ipOf(spec)));
      flow.arm(openTraffic(flow, spec.traffic, sim.rng.stream(`flow.${spec.name}`)));
      return flow;
    });
    // Hosts take their first turns when everything is there.
    for (const [i, { name }] of scenario.hosts.entries()) {
      sim.addHost(name, this.stacks[i]!, [nics[i]!]);
    }
  }

  get nowNs(): number {
    return this.sim.nowNs;
  }

  stackOf(host: string): Stack {
    return this.stacks[this.graph.node(host)]!;
  }

  /** Throws when there was not enough memory for what the links held. */
  run(untilNs: number = this.scenario.durationNs): void {
    this.sim.run(untilNs);
    checkMemory(this.sim.memory);
  }

  /** Everything goes; asserts that no memory is left behind. */
  end(): void {
    for (const stack of this.stacks) stack.close();
    this.packets?.close();
    this.sim.end();
  }

  private openStack(
    spec: HostSpec,
    host: number,
    nic: MemoryDevice,
    modules: readonly CcModule[],
  ): Stack {
    const stack = new Stack(this.sim.env(spec.name), this.sim.frames, LOOPBACK_RING);
    for (const module of modules) stack.tcp.ccModules.register(module);
    setParameters(stack, this.scenario);
    stack.tcp.config.somaxconn = 65535;
    for (const [name, value] of Object.entries(spec.sysctl ?? {})) {
      const errno = writeAnySysctl(stack, name, value);
      if (errno < 0) throw new Error(`host ${spec.name}: sysctl ${name}=${value}: errno ${-errno}`);
    }
    const iface = stack.addInterface(nic.name, nic, { linkLocal: false, groupReports: false });
    iface.setPaced(this.scenario.isPaced === true);
    for (const [ip, others] of this.peers[host]!) {
      // Nobody else has it: they are numbered.
      const errno = stack.addAddress(iface, addressOf(host, ip), PREFIX[ip], { dad: false });
      if (errno < 0) throw new Error(`host ${spec.name}: an IPv${ip} address: errno ${-errno}`);
      // Everybody knows everybody: an experiment is not about ARP.
      for (const other of others) iface.neighbours.set(addressOf(other, ip), macOf(other), true);
    }
    return stack;
  }

  private openRouters(): readonly Router[] {
    const { graph, sim, scenario } = this;
    const { hosts } = graph;
    const routes = scenario.routers.map(() => new Int32Array(hosts + 1).fill(-1));
    for (let host = 0; host < hosts; host++) {
      const next = graph.towards(host);
      for (const [i, table] of routes.entries()) table[macOf(host).low] = next[hosts + i]!;
    }
    return routes.map(
      (table, i) => new Router(sim.frames, graph.edges[hosts + i]!.length, MAC_HIGH, table),
    );
  }

  private openLink(
    link: GraphLink,
    index: number,
    nics: readonly MemoryDevice[],
  ): readonly [SimLink, SimLink] {
    const [from, to] = link.between;
    const mtu = link.mtu === undefined ? {} : { mtu: link.mtu };
    const a = this.endOf(index, from, to, nics);
    const b = this.endOf(index, to, from, nics);
    const forth = { ...link.forth, ...mtu, ...a.spec, name: `${from}>${to}` };
    const back = { ...link.back, ...mtu, ...b.spec, name: `${to}>${from}` };
    const duplex = this.sim.connect(a.port, b.port, forth, back);
    return [duplex.forth, duplex.back];
  }

  private endOf(link: number, name: string, peer: string, nics: readonly MemoryDevice[]): LinkEnd {
    const { graph, packets } = this;
    const node = graph.node(name);
    const isHost = node < graph.hosts;
    const isForth = this.scenario.links[link]!.between[0] === name;
    const place = graph.edges[node]!.findIndex((e) => e.link === link && e.isForth === isForth);
    const port = isHost ? nics[node]! : this.routers[node - graph.hosts]!.ports[place]!;
    return packets === null
      ? unseen(port)
      : packets.see(name, peer, isHost ? macOf(node) : null, port);
  }
}

function setParameters({ tcp }: Stack, { modules = {} }: Scenario): void {
  for (const [module, parameters] of Object.entries(modules)) {
    for (const [name, value] of Object.entries(parameters)) {
      const errno = tcp.ccModules.setParameter(module, name, value);
      if (errno < 0) throw new Error(`module ${module}: ${name}=${value}: errno ${-errno}`);
    }
  }
}

type Peers = ReadonlyMap<IpVersion, ReadonlySet<number>>;

const ipOf = ({ ip }: FlowSpec): IpVersion => ip ?? 4;

function peersOf({ hosts, flows }: Scenario, graph: Graph): readonly Peers[] {
  const peers = hosts.map(() => new Map<IpVersion, Set<number>>());
  const add = (host: number, ip: IpVersion, other: number): void => {
    const known = peers[host]!.get(ip);
    if (known === undefined) peers[host]!.set(ip, new Set([other]));
    else known.add(other);
  };
  for (const flow of flows) {
    const [a, b] = [graph.node(flow.from), graph.node(flow.to)];
    add(a, ipOf(flow), b);
    add(b, ipOf(flow), a);
  }
  return peers;
}

/** The one link of a host decides. */
function mtuOf({ links }: Scenario, graph: Graph, host: number): number {
  const edges = graph.edges[host]!;
  assert(edges.length === 1, `host ${graph.names[host]} has one link`);
  return links[edges[0]!.link]!.mtu ?? DEFAULT_MTU;
}
