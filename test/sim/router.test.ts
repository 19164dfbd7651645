/** Two stacks with a third between them that forwards, in virtual time. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { Application } from '../../src/sim/application.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { Stack } from '../../src/stack/stack.ts';
import { parseAddress } from '../../src/wire/address-text.ts';

const ip = (text: string) => parseAddress(text)!;
const NARROW = 1300;

/**     a 10.1.0.2 ──1500, 5 ms── router ──1300, 5 ms── b 10.2.0.2 */
function routedPair(sim: Simulator): { a: Stack; b: Stack; host: SimHost; router: Stack } {
  const make = (
    name: string,
    mtus: readonly number[],
    networks: readonly number[],
    own: number,
  ) => {
    const stack = new Stack(sim.env(name), sim.frames);
    const nics = mtus.map((mtu, i) => {
      const nic = sim.nic(`${name}${i}`, { mtu });
      const iface = stack.addInterface(`eth${i}`, nic);
      stack.addAddress(iface, ip(`10.${networks[i]}.0.${own}`), 24);
      stack.addAddress(iface, ip(`fd00:${networks[i]}::${own}`), 64);
      return nic;
    });
    return { stack, nics, host: sim.addHost(name, stack, nics) };
  };
  const a = make('a', [1500], [1], 2);
  const router = make('router', [1500, NARROW], [1, 2], 1);
  const b = make('b', [NARROW], [2], 2);
  const link = { rateBps: 100e6, delayNs: 5 * MS };
  sim.connect(a.nics[0]!, router.nics[0]!, link);
  sim.connect(router.nics[1]!, b.nics[0]!, link);
  router.stack.net.config.forwarding4 = 1;
  router.stack.net.config.forwarding6 = 1;
  for (const [stack, network] of [
    [a.stack, 1],
    [b.stack, 2],
  ] as const) {
    stack.addDefaultRoute(ip(`10.${network}.0.1`));
    stack.addDefaultRoute(ip(`fd00:${network}::1`));
  }
  return { a: a.stack, b: b.stack, host: a.host, router: router.stack };
}

/** Pings with each size, again until a reply comes: the first large one may only learn the path's MTU. */
function* pings(
  sim: Simulator,
  stack: Stack,
  to: string,
  sizes: number[],
  tries: number[],
): Application {
  const { echoes } = stack.net;
  const socket = echoes.open()!;
  const into = new Uint8Array(65536);
  const reply = new Datagram();
  for (const [i, size] of sizes.entries()) {
    const data = Uint8Array.from({ length: size }, (_, at) => at * 7 + i);
    let got = -1;
    for (tries[i] = 0; got !== size && tries[i]! < 5; tries[i]!++) {
      echoes.send(socket, ip(to), i, data);
      for (let end = sim.nowNs + SEC; sim.nowNs < end && got !== size; ) {
        yield MS;
        got = echoes.receive(socket, into, reply);
      }
    }
    if (got !== size || !data.every((byte, at) => byte === into[at]))
      throw new Error(`${size} bytes`);
  }
  echoes.close(socket);
}

t.test(
  'a stack of ours is the router between two others, and tells what fits its narrow link',
  async (t) => {
    const sim = new Simulator({
      seed: 1812,
      memory: { slabBytes: 64 << 20, chunks: 32, cellBytes: 8 << 20 },
    });
    const { a, b, host, router } = routedPair(sim);
    sim.run(3 * SEC);
    for (const to of ['10.2.0.2', 'fd00:2::2']) {
      const tries: number[] = [];
      const task = host.run(pings(sim, a, to, [0, 56, 1200, 1400, 1400, 8000, 60000], tries));
      t.ok(
        sim.runUntil(() => task.isDone, sim.nowNs + 100 * SEC),
        to,
      );
      // What does not fit is lost once, and then cut at its source.
      const isSix = to.includes(':');
      t.strictSame(tries.slice(0, 3), [1, 1, 1]);
      t.strictSame(tries.slice(4), [1, 1, 1]);
      t.ok(tries[3] === 1 || tries[3] === 2);
      t.equal(a.net.paths.lookup(ip(to), 0)!.mtu(a.env), tries[3] === 2 ? NARROW : 1500);
      if (isSix) t.equal(tries[3], 2, 'no router cuts IPv6');
    }
    const { ip4, ip6 } = router.net.mib;
    t.ok(ip4.get('OutForwDatagrams') > 80 && ip6.get('OutForwDatagrams') > 80);
    t.equal(router.net.drops.get('FORWARD_NO_ROOM'), 0);
    for (const stack of [a, b, router]) stack.close();
    sim.end();
  },
);
