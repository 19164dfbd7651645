/**
 * Two stacks, 100 km of fibre between them, ten seconds of pings in a few milliseconds:
 *
 *     npx tsx examples/virtual-ping.ts
 *
 * The seed decides everything: run it again and every line is the same.
 */
import { MS, SEC, US } from '../src/base/time.ts';
import { Datagram } from '../src/net/datagram-store.ts';
import type { Application } from '../src/sim/application.ts';
import type { SimHost } from '../src/sim/sim-host.ts';
import { Simulator } from '../src/sim/simulator.ts';
import { Stack } from '../src/stack/stack.ts';
import { parseAddress } from '../src/wire/address-text.ts';

const SEED = 1;
const sim = new Simulator({ seed: SEED });
const nics = [sim.nic('left'), sim.nic('right')] as const;
sim.connect(nics[0], nics[1], { rateBps: 1e9, delayNs: 500 * US, loss: 0.1 });

const hosts: SimHost[] = [];
const stacks = nics.map((nic, i) => {
  const stack = new Stack(sim.env(nic.name), sim.frames);
  stack.addAddress(stack.addInterface('eth0', nic), parseAddress(`10.0.0.${i + 1}`)!, 24);
  hosts.push(sim.addHost(nic.name, stack, [nic]));
  return stack;
});

/** Runs inside the left host's turns: `yield` gives the number of nanoseconds to wait. */
function* ping(stack: Stack): Application {
  const socket = stack.net.echoes.open()!;
  const reply = new Datagram();
  const into = new Uint8Array(64);
  for (let seq = 1; seq <= 10; seq++) {
    const sentNs = sim.nowNs;
    stack.net.echoes.send(socket, parseAddress('10.0.0.2')!, seq, new Uint8Array(56));
    yield 1 * SEC;
    const isAnswered = stack.net.echoes.receive(socket, into, reply) >= 0;
    const time = ((reply.atNs - sentNs) / MS).toFixed(3);
    console.log(isAnswered ? `seq ${seq}: ${time} ms` : `seq ${seq}: lost`);
  }
  stack.net.echoes.close(socket);
}

const task = hosts[0]!.run(ping(stacks[0]!));
sim.runUntil(() => task.isDone);
console.log(`${sim.nowNs / SEC} s of network, trace ${sim.traceHash}`);
for (const stack of stacks) stack.close();
sim.end();
