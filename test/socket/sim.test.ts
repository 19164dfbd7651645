/** Blocking calls as the applications of simulated hosts: the same coroutines, driven by the simulator. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { Application, SimTask } from '../../src/sim/application.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { AF, EPOLL, POLL, SO, SOCK, SOL } from '../../src/socket/abi.ts';
import { BlockingCalls } from '../../src/socket/blocking-calls.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { Stack } from '../../src/stack/stack.ts';
import { data } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { addr } from './socket-rig.ts';

const DELAY_MS = 30;

interface Node {
  readonly host: SimHost;
  readonly stack: Stack;
  readonly api: SocketApi;
}

function addNode(sim: Simulator, name: string, address: string, seed: Simulator): Node {
  const nic = sim.nic('eth0');
  const stack = new Stack(seed.env(name), sim.frames);
  stack.net.config.dadTransmits = 0;
  const iface = stack.addInterface('eth0', nic, { linkLocal: false, groupReports: false });
  stack.addAddress(iface, ip(address), 24);
  const host = sim.addHost(name, stack, [nic]);
  return { host, stack, api: new SocketApi(stack) };
}

/** Sends everything back, for as long as it lasts. */
function* server(sys: BlockingCalls): Application {
  const { api } = sys;
  const fd = api.socket(AF.INET, SOCK.DGRAM, 0);
  api.bind(fd, addr('0.0.0.0:7'));
  const ep = api.epollCreate();
  api.epollCtl(ep, EPOLL.ADD, fd, POLL.IN, fd);
  const events = new EpollEvents(4);
  const from = new SockAddr();
  const into = new Uint8Array(2048);
  for (;;) {
    yield* sys.epollWait(ep, events, 4, -1);
    const n = api.recvfrom(fd, into, 0, from);
    yield* sys.sendto(fd, into.slice(0, n), 0, from);
  }
}

/** Ten round trips, then one to nobody. */
function* client(sys: BlockingCalls, seen: string[]): Application {
  const { api } = sys;
  const fd = api.socket(AF.INET, SOCK.DGRAM, 0);
  const timeout = new Uint8Array(new BigInt64Array([1n, 0n]).buffer);
  api.setsockopt(fd, SOL.SOCKET, SO.RCVTIMEO, timeout);
  const into = new Uint8Array(2048);
  for (let i = 0; i < 10; i++) {
    const before = api.stack.env.nowNs;
    yield* sys.sendto(fd, data(100 + i), 0, addr('10.0.0.2:7'));
    const n = yield* sys.recvfrom(fd, into, 0);
    seen.push(`${n} after ${(api.stack.env.nowNs - before) / MS} ms`);
    yield 10 * MS;
  }
  yield* sys.sendto(fd, data(5), 0, addr('10.0.0.99:7'));
  const before = api.stack.env.nowNs;
  const n = yield* sys.recvfrom(fd, into, 0);
  seen.push(`${n} after ${(api.stack.env.nowNs - before) / MS} ms`);
}

function run(seed: number): { seen: string[]; hash: string; task: SimTask; turns: number } {
  const sim = new Simulator({ seed });
  const a = addNode(sim, 'a', '10.0.0.1', sim);
  const b = addNode(sim, 'b', '10.0.0.2', sim);
  const nics = [a, b].map((n) => n.stack.interfaceByName('eth0')!.device);
  type Nic = ReturnType<Simulator['nic']>;
  sim.connect(nics[0] as Nic, nics[1] as Nic, { delayNs: DELAY_MS * MS });
  const seen: string[] = [];
  b.host.run(server(new BlockingCalls(b.api)));
  const task = a.host.run(client(new BlockingCalls(a.api), seen));
  sim.run(10 * SEC);
  for (const node of [a, b]) {
    node.api.closeAll();
    node.stack.close();
  }
  const hash = sim.traceHash;
  const { turns } = b.host;
  sim.end();
  return { seen, hash, task, turns };
}

t.test(
  'an echo over a link of 30 ms: every round trip to the nanosecond, and a time-out',
  async (t) => {
    const { seen, hash, task, turns } = run(5);
    t.equal(task.isDone, true);
    t.same(
      seen.slice(1, 10),
      Array.from({ length: 9 }, (_, i) => `${101 + i} after ${2 * DELAY_MS} ms`),
    );
    t.equal(seen[0], `100 after ${3 * DELAY_MS} ms`, 'the first one waits for the announcement');
    t.equal(seen[10], '-11 after 1000 ms', 'SO_RCVTIMEO');
    t.ok(turns < 40, `${turns} turns of the server: nothing polls`);
    t.equal(run(5).hash, hash, 'the same again');
  },
);
