import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import { FaultDevice } from '../../src/path/fault.ts';
import type { FaultProfile } from '../../src/path/fault-path.ts';
import type { Application } from '../../src/sim/application.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { Switch } from '../../src/sim/switch.ts';
import { Stack } from '../../src/stack/stack.ts';
import { type Address, IpAddress, linkLocalOf } from '../../src/wire/address.ts';

const MEMORY = { slabBytes: 64 << 20, chunks: 32, cellBytes: 8 << 20 };

interface Node {
  readonly stack: Stack;
  readonly host: SimHost;
  readonly v4: Address;
  readonly v6: Address;
}

class Segment {
  readonly sim: Simulator;
  readonly nodes: Node[] = [];
  private readonly bridge: Switch;
  private readonly faults: FaultProfile;

  constructor(seed: number, faults: FaultProfile = {}) {
    this.sim = new Simulator({ seed, memory: MEMORY });
    this.bridge = new Switch(this.sim.frames, this.sim.rng, 'segment', 8);
    this.faults = faults;
  }

  /** A stack at 10.0.0.<n>, 5 ms and 100 Mbit/s from the switch. */
  add(): Node {
    const { sim } = this;
    const n = this.nodes.length + 1;
    const nic = sim.nic(`nic${n}`);
    const env = sim.env(`stack${n}`);
    const stack = new Stack(env, sim.frames);
    const device = new FaultDevice(nic, sim.frames, env, env.rng, { rx: this.faults });
    const iface = stack.addInterface('eth0', device);
    const v4 = new IpAddress().setV4(0x0a000000 + n);
    stack.addAddress(iface, v4, 24);
    sim.connect(nic, this.bridge.ports[n - 1]!, { rateBps: 100e6, delayNs: 5 * MS });
    const host = sim.addHost(`stack${n}`, stack, [nic]);
    const node = { stack, host, v4, v6: linkLocalOf(nic.mac.high, nic.mac.low) };
    this.nodes.push(node);
    return node;
  }

  end(): void {
    for (const { stack } of this.nodes) stack.close();
    this.sim.end();
  }
}

interface Pinged {
  readonly rttsMs: number[];
  lost: number;
}

/** Pings every 100 ms from a simulated application; a reply may take a second. */
function* ping(
  segment: Segment,
  from: Node,
  to: Address,
  sizes: number[],
  out: Pinged,
): Application {
  const { stack } = from;
  const socket = stack.net.echoes.open()!;
  socket.boundIndex = 2;
  const reply = new Datagram();
  const into = new Uint8Array(65536);
  for (const [seq, size] of sizes.entries()) {
    const data = Uint8Array.from({ length: size }, (_, i) => i * 7 + seq);
    const sentNs = segment.sim.nowNs;
    const result = stack.net.echoes.send(socket, to, seq, data);
    if (result !== 0) throw new Error(`send: ${result}`);
    let got = -1;
    for (let waited = 0; got < 0 && waited < 1000; waited++) {
      yield MS;
      do got = stack.net.echoes.receive(socket, into, reply);
      while (got >= 0 && reply.port !== seq); // a duplicate of an earlier one
    }
    if (got < 0) out.lost++;
    else {
      if (got !== size || !data.every((byte, i) => byte === into[i])) throw new Error('wrong data');
      out.rttsMs.push((reply.atNs - sentNs) / MS);
    }
    yield 100 * MS;
  }
  stack.net.echoes.close(socket);
}

t.test('three stacks on a switch ping each other, IPv4 and IPv6, in virtual time', async (t) => {
  const segment = new Segment(1);
  const [a, b, c] = [segment.add(), segment.add(), segment.add()];
  segment.sim.run(3 * SEC); // duplicate address detection
  for (const to of [b.v4, c.v4, b.v6, c.v6]) {
    const out: Pinged = { rttsMs: [], lost: 0 };
    const task = a.host.run(ping(segment, a, to, [56, 56, 0, 1472, 8000, 60000], out));
    t.ok(segment.sim.runUntil(() => task.isDone, segment.sim.nowNs + 100 * SEC));
    t.equal(out.lost, 0);
    const [first, second] = out.rttsMs as [number, number];
    // Two links each way, and once more both ways for the neighbour's address.
    t.ok(first > 40 && first < 41, `${first} ms`);
    t.ok(second > 20 && second < 20.1, `${second} ms`);
  }
  segment.end();
});

t.test(
  'bad networks: what is lost is lost, what arrives is right, and all memory comes back',
  async (t) => {
    const faults = { loss: 0.05, duplication: 0.1, corruption: 0.1, reordering: 0.2 };
    const run = (seed: number): { hash: string; out: Pinged } => {
      const segment = new Segment(seed, faults);
      const [a, b] = [segment.add(), segment.add()];
      segment.sim.run(3 * SEC);
      const out: Pinged = { rttsMs: [], lost: 0 };
      const sizes = Array.from({ length: 60 }, (_, i) => (i * 331) % 5000);
      const task = a.host.run(ping(segment, a, b.v4, sizes, out));
      t.ok(segment.sim.runUntil(() => task.isDone, 1000 * SEC));
      segment.sim.run(segment.sim.nowNs + 120 * SEC); // reassembly gives up
      segment.end();
      return { hash: segment.sim.traceHash, out };
    };
    const one = run(9);
    t.equal(one.out.lost + one.out.rttsMs.length, 60);
    t.ok(one.out.lost > 0 && one.out.rttsMs.length > 15, `${one.out.lost} of 60 lost`);
    t.same(run(9), one, 'same seed, same trace hash');
    t.not(run(10).hash, one.hash);
  },
);
