/** Two stacks on a simulated link, a process on each: TCP through the integer API, in virtual time. */
import type { Test } from 'tap';
import tap from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { AF, O_NONBLOCK, POLL, SOCK } from '../../src/socket/abi.ts';
import { type Blocking, BlockingCalls } from '../../src/socket/blocking-calls.ts';
import { PollFd } from '../../src/socket/poll.ts';
import { formatSockAddr, SockAddr } from '../../src/socket/sock-addr.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { Stack } from '../../src/stack/stack.ts';
import { ip } from '../net/rig.ts';
import { addr } from './socket-rig.ts';

const MEMORY = { slabBytes: 128 << 20, chunks: 64, cellBytes: 4 << 20, pages: 4096 };
/** One way. */
export const DELAY_MS = 10;
const NIC = { mtu: 1500 };

export const CLIENT = '10.0.0.1';
export const SERVER = '10.0.0.2';
export const CLIENT6 = '2001:db8::1';
export const SERVER6 = '2001:db8::2';

/** A coroutine under way: `result` is the value, or the errno's name; undefined while it is blocked. */
export class Task {
  result: number | string | undefined;
  atMs = 0;
}

/** One process. Calls between turns happen at the simulator's time, as an application's own timer would have them. */
export class Side {
  readonly stack: Stack;
  readonly host: SimHost;
  readonly api: SocketApi;
  private readonly sim: Simulator;
  private readonly calls: BlockingCalls[] = [];

  constructor(sim: Simulator, name: string, nic: ReturnType<Simulator['nic']>, own: string[]) {
    this.sim = sim;
    this.stack = new Stack(sim.env(name), sim.frames);
    this.stack.net.config.dadTransmits = 0;
    const iface = this.stack.addInterface('eth0', nic, { linkLocal: false, groupReports: false });
    for (const a of own) this.stack.addAddress(iface, ip(a), a.includes(':') ? 64 : 24);
    this.host = sim.addHost(name, this.stack, [nic]);
    this.api = new SocketApi(this.stack);
  }

  /** A call outside a turn: the host gets one at once. */
  do<T>(what: (api: SocketApi) => T): T {
    this.stack.env.nowNs = this.sim.nowNs;
    const result = what(this.api);
    this.host.wake();
    return result;
  }

  /** The same, with errnos by name. */
  call(what: (api: SocketApi) => number): number | string {
    const n = this.do(what);
    return n < 0 ? errnoName(n) : n;
  }

  run(body: (sys: BlockingCalls) => Blocking<unknown>): Task {
    const sys = new BlockingCalls(this.api);
    this.calls.push(sys);
    const task = new Task();
    const { sim } = this;
    this.host.run(
      (function* () {
        const value = (yield* body(sys)) as number | undefined;
        task.result = typeof value !== 'number' ? 'done' : value < 0 ? errnoName(value) : value;
        task.atMs = sim.nowNs / MS;
      })(),
    );
    return task;
  }

  /** A non-blocking socket. */
  tcp(domain: number = AF.INET): number {
    return this.do((api) => api.socket(domain, SOCK.STREAM | O_NONBLOCK, 0));
  }

  bound(text: string): number {
    const to = addr(text);
    const fd = this.tcp(to.family);
    this.must((api) => api.bind(fd, to));
    return fd;
  }

  listening(text: string, backlog = 8): number {
    const fd = this.bound(text);
    this.must((api) => api.listen(fd, backlog));
    return fd;
  }

  must(what: (api: SocketApi) => number): number {
    const n = this.do(what);
    if (n < 0) throw new Error(errnoName(n));
    return n;
  }

  /** POLL bits, by name. */
  poll(fd: number, wanted: number = -1): string {
    const entry = new PollFd(fd, wanted);
    this.do((api) => api.poll([entry]));
    return eventNames(entry.revents);
  }

  /** The bytes read as text, or `len`, or the errno. */
  read(fd: number, room = 65536, flags = 0): string {
    const into = new Uint8Array(room);
    const n = this.do((api) => api.recv(fd, into, flags));
    return n < 0 ? errnoName(n) : String.fromCharCode(...into.subarray(0, Math.min(n, 64)));
  }

  write(fd: number, text: string, flags = 0): number | string {
    const bytes = Uint8Array.from(text, (ch) => ch.charCodeAt(0));
    return this.call((api) => api.send(fd, bytes, flags));
  }

  name(fd: number): string {
    const a = new SockAddr();
    const n = this.do((api) => api.getsockname(fd, a));
    return n < 0 ? errnoName(n) : formatSockAddr(a);
  }

  peer(fd: number): string {
    const a = new SockAddr();
    const n = this.do((api) => api.getpeername(fd, a));
    return n < 0 ? errnoName(n) : formatSockAddr(a);
  }

  get(fd: number, level: number, name: number): number | string {
    return this.call((api) => api.getInt(fd, level, name));
  }

  set(fd: number, level: number, name: number, value: number): number | string {
    return this.call((api) => api.setInt(fd, level, name, value));
  }

  forget(): void {
    for (const sys of this.calls) sys.cancel();
  }
}

const NAMES: readonly (readonly [number, string])[] = [
  [POLL.IN, 'IN'],
  [POLL.PRI, 'PRI'],
  [POLL.OUT, 'OUT'],
  [POLL.ERR, 'ERR'],
  [POLL.HUP, 'HUP'],
  [POLL.NVAL, 'NVAL'],
  [POLL.RDHUP, 'RDHUP'],
];

/** Without RDNORM and its like, which follow their twins. */
export function eventNames(events: number): string {
  return NAMES.filter(([bit]) => (events & bit) !== 0)
    .map(([, name]) => name)
    .join(' ');
}

export class TcpRig {
  readonly sim: Simulator;
  readonly a: Side;
  readonly b: Side;

  constructor(seed = 1, pages = MEMORY.pages) {
    this.sim = new Simulator({ seed, memory: { ...MEMORY, pages } });
    const { sim } = this;
    const nicA = sim.nic('a', NIC);
    const nicB = sim.nic('b', NIC);
    this.a = new Side(sim, 'a', nicA, [CLIENT, '10.0.0.3', CLIENT6]);
    this.b = new Side(sim, 'b', nicB, [SERVER, SERVER6]);
    const link = { rateBps: 1e9, delayNs: DELAY_MS * MS };
    sim.connect(nicA, nicB, link, link);
    this.ms(1);
  }

  ms(ms: number): void {
    this.sim.run(this.sim.nowNs + ms * MS);
  }

  sec(sec: number): void {
    this.sim.run(this.sim.nowNs + sec * SEC);
  }

  /** An established connection: [client's, server's, the listener]. */
  joined(to = `${SERVER}:80`, backlog = 8): [number, number, number] {
    const l = this.b.listening(to, backlog);
    const c = this.connect(to);
    this.ms(5 * DELAY_MS);
    const s = this.b.must((api) => api.accept(l, null, O_NONBLOCK));
    return [c, s, l];
  }

  connect(to: string): number {
    const address = addr(to);
    const c = this.a.tcp(address.family);
    this.a.do((api) => api.connect(c, address));
    return c;
  }

  /** Everything is closed; after TIME-WAIT nothing is left anywhere. */
  end(t: Test): void {
    for (const side of [this.a, this.b]) {
      side.forget();
      side.do((api) => api.closeAll());
    }
    this.sec(400);
    for (const side of [this.a, this.b]) {
      const { tcp, env } = side.stack;
      t.equal(tcp.demux.size, 0, 'no endpoint');
      t.equal(tcp.demux.holds.size, 0, 'no port');
      t.equal(tcp.records.live, 0, 'no record');
      t.equal(env.memory.pages.held, 0, 'no page');
      t.equal(env.memory.cells.held, 0, 'no cell');
      side.stack.close();
    }
    this.sim.end();
  }
}

/** A test that is one dialogue between two processes; in the end all is given back. */
export function dialogue(title: string, run: (t: Test, r: TcpRig) => void): void {
  tap.test(title, async (t) => {
    const r = new TcpRig();
    run(t, r);
    r.end(t);
  });
}
