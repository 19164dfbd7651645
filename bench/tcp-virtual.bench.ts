/**
 * Virtual time: frames delivered to a host for each second of processor time, TCP flows between two hosts
 * that share a bottleneck with 20 ms of round trip and a queue as long as the pipe. All that a
 * simulation does counts: events, the link and its queue, both ends' TCP, the applications' copies.
 * (Whole experiments, beside ns-3: `npm run bench -- ns3`.)
 *
 *     npm run bench -- tcp-virtual [flows]
 */
import { SEC } from '../src/base/time.ts';
import { cubic } from '../src/cc/cubic.ts';
import { Simulator } from '../src/sim/simulator.ts';
import { Stack } from '../src/stack/stack.ts';
import type { Listener } from '../src/tcp/listener.ts';
import { plainFrom, tcpConnect, tcpListen } from '../src/tcp/user-calls.ts';
import { ANY6, IpAddress } from '../src/wire/address.ts';
import { range } from './quantile.ts';
import { PORT, Sink, Source } from './tcp/rig.ts';

const ROUNDS = 5;
const ROUND_NS = 1e9;
const DELAY_NS = 10e6;
/** Flows, and the bottleneck that they share. */
const CASES: readonly (readonly [number, number])[] = [
  [1, 1e9],
  [10, 1e9],
  [1000, 2e9],
];

class World {
  readonly sim: Simulator;
  readonly stacks: Stack[] = [];
  private readonly sinks: Sink[] = [];
  private readonly sources: Source[] = [];

  constructor(flows: number, rateBps: number) {
    const pipeBytes = (rateBps * 2 * DELAY_NS) / 8 / SEC;
    const chunks = Math.ceil((pipeBytes * 4) / (256 << 10)) + 64;
    const memory = { slabBytes: 1.5 * 2 ** 30, chunks, cellBytes: 4 << 20, pages: 60_000 };
    this.sim = new Simulator({ seed: 1, isHashed: false, memory });
    const { sim } = this;
    const nics = [this.host('client', 1), this.host('server', 2)] as const;
    const queue = { kind: 'drop-tail', limitBytes: pipeBytes, limitFrames: 1e6 } as const;
    const link = { rateBps, delayNs: DELAY_NS, queue };
    sim.connect(nics[0].nic, nics[1].nic, link, link);
    sim.run(2 * SEC); // duplicate address detection
    this.listen(this.stacks[1]!);
    for (let i = 0; i < flows; i++) nics[0].host.after(i * 1e5, () => this.connect());
    sim.run(sim.nowNs + 1 * SEC);
    if (this.sinks.length !== flows) throw new Error(`${this.sinks.length} of ${flows} connected`);
    nics[0].host.after(0, () => this.start());
    sim.run(sim.nowNs + 1 * SEC);
  }

  private host(name: string, n: number) {
    const nic = this.sim.nic(name, { rxFrames: 65536, txFrames: 4096 });
    const stack = new Stack(this.sim.env(name), this.sim.frames);
    const modules = stack.tcp.ccModules;
    if (modules.find('cubic') === undefined) modules.register(cubic);
    modules.setDefault('cubic');
    stack.addAddress(stack.addInterface('eth0', nic), new IpAddress().setV4(0x0a000000 + n), 24);
    this.stacks.push(stack);
    return { nic, host: this.sim.addHost(name, stack, [nic]) };
  }

  private listen(stack: Stack): void {
    stack.tcp.config.somaxconn = 65535;
    const listener = tcpListen(stack.tcp, plainFrom(stack.tcp, ANY6, PORT), 65535, {
      acceptable: () => {
        const c = listener.accept();
        if (c !== undefined) this.sinks.push(new Sink(c, 65536));
      },
    }) as Listener;
  }

  private connect(): void {
    const { tcp } = this.stacks[0]!;
    tcpConnect(tcp, new IpAddress().setV4(0x0a000002), PORT, plainFrom(tcp, ANY6, 0), {
      established: (c) => {
        this.sources.push(new Source(c, 14480));
      },
      failed: (errno) => {
        throw new Error(`not connected: errno ${errno}`);
      },
    });
  }

  private start(): void {
    for (const source of this.sources) source.writable();
  }

  get bytes(): number {
    return this.sinks.reduce((sum, sink) => sum + sink.bytes, 0);
  }

  get frames(): number {
    return this.stacks.reduce((sum, s) => sum + s.devices[1]!.stats.get('rxFrames'), 0);
  }

  get lost(): number {
    return this.stacks[0]!.tcp.mib.get('RetransSegs');
  }
}

interface Round {
  readonly perSecond: number;
  readonly goodputBps: number;
}

function round(world: World, stepNs: number): Round {
  const { frames, bytes } = world;
  const startNs = world.sim.nowNs;
  const before = process.cpuUsage();
  let ns = 0;
  while (ns < ROUND_NS) {
    world.sim.run(world.sim.nowNs + stepNs);
    const { user, system } = process.cpuUsage(before);
    ns = (user + system) * 1000;
  }
  const virtualNs = world.sim.nowNs - startNs;
  const goodputBps = ((world.bytes - bytes) * 8e9) / virtualNs;
  if (goodputBps === 0) throw new Error('nothing arrives');
  return { perSecond: ((world.frames - frames) / ns) * 1e9, goodputBps };
}

const only = Number(process.argv[2] ?? 0);
console.log('flows  bottleneck   thousand frames/s (lowest–highest)   goodput      retransmitted');
for (const [flows, rateBps] of CASES) {
  if (only !== 0 && only !== flows) continue;
  const world = new World(flows, rateBps);
  const stepNs = (0.02 * SEC * 1e9) / rateBps;
  round(world, stepNs);
  const rounds = Array.from({ length: ROUNDS }, () => round(world, stepNs));
  const rates = rounds.map((r) => r.perSecond / 1e3);
  const goodput = rounds.reduce((sum, r) => sum + r.goodputBps, 0) / ROUNDS;
  const percent = ((100 * goodput) / rateBps).toFixed(1);
  const lost = ((100 * world.lost) / world.frames).toFixed(2);
  const columns = [
    String(flows).padStart(5),
    `${rateBps / 1e9} Gbit/s`.padEnd(11),
    range(rates, 0).padEnd(35),
    `${percent} %`.padEnd(11),
    `${lost} %`,
  ];
  console.log(columns.join('  '));
}
