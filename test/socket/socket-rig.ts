/** A process on the network rig's stack: calls by text, blocking calls as coroutines in virtual time. */
import tap, { type Test } from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { MS } from '../../src/base/time.ts';
import { AF, SOCK } from '../../src/socket/abi.ts';
import { type Blocking, BlockingCalls } from '../../src/socket/blocking-calls.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { formatSockAddr, SockAddr } from '../../src/socket/sock-addr.ts';
import { SocketApi, type SocketApiOptions } from '../../src/socket/socket-api.ts';
import { isV4 } from '../../src/wire/address.ts';
import { type Bytes, data } from '../net/packets.ts';
import { ip, NetHarness, type RigOptions } from '../net/rig.ts';
import { datagram } from '../udp/udp-rig.ts';

export interface ProcessOptions extends RigOptions {
  readonly api?: SocketApiOptions;
}

/** A test that is one dialogue; in the end all descriptors are closed and all memory is back. */
export function dialogue(
  title: string,
  run: (t: Test, h: SocketHarness) => void,
  options: ProcessOptions = {},
): void {
  tap.test(title, async (t) => {
    const h = new SocketHarness(options);
    run(t, h);
    h.end(t);
  });
}

/** A coroutine under way. */
export class Task {
  /** The result, or the errno's name; undefined while it is blocked. */
  result: number | string | undefined;
  atMs = 0;
  readonly sys: BlockingCalls;
  private readonly generator: Blocking<unknown>;
  private condition: (() => boolean) | null = null;
  private readonly h: SocketHarness;

  constructor(h: SocketHarness, body: (sys: BlockingCalls) => Blocking<unknown>) {
    this.h = h;
    this.sys = new BlockingCalls(h.api);
    this.generator = body(this.sys);
  }

  step(): boolean {
    if (this.result !== undefined || (this.condition !== null && !this.condition())) return false;
    const next = this.generator.next();
    if (next.done !== true) this.condition = next.value;
    else {
      const value = next.value as number | undefined;
      this.result = typeof value !== 'number' ? 'done' : value < 0 ? errnoName(value) : value;
      this.atMs = this.h.net.env.nowNs / MS;
    }
    return true;
  }
}

export class SocketHarness extends NetHarness {
  readonly api: SocketApi;
  private tasks: Task[] = [];

  constructor(options: ProcessOptions = {}) {
    super(options);
    this.api = new SocketApi(this.stack, options.api ?? {});
  }

  /** Applications run once the turn's input is done, as the simulator has it. */
  override settle(): void {
    super.settle();
    if (this.api === undefined) return; // called while the rig is being made
    for (let moved = true; moved; ) {
      moved = false;
      for (const task of this.tasks) if (task.step()) moved = true;
      if (moved) super.settle();
    }
  }

  run(body: (sys: BlockingCalls) => Blocking<unknown>): Task {
    const task = new Task(this, body);
    this.tasks.push(task);
    this.settle();
    return task;
  }

  /** Ends those that are still blocked. */
  forgetTasks(): void {
    for (const task of this.tasks) task.sys.cancel();
    this.tasks = [];
  }

  udp(domain: number = AF.INET, flags: number = 0): number {
    return this.api.socket(domain, SOCK.DGRAM | flags, 0);
  }

  /** A socket bound to `address:port`. */
  bound(text: string, flags: number = 0, domain?: number): number {
    const address = addr(text, domain);
    const fd = this.udp(address.family, flags);
    const result = this.api.bind(fd, address);
    if (result !== 0) throw new Error(`bind ${text}: ${errnoName(result)}`);
    return fd;
  }

  sendto(fd: number, len: number, to: string | null, flags: number = 0): number | string {
    const n = this.api.sendto(fd, data(len), flags, to === null ? null : addr(to));
    this.settle();
    return named(n);
  }

  /** `from bytes` or the errno. */
  recv(fd: number, flags: number = 0, room: number = 2048): string {
    const from = new SockAddr();
    const n = this.api.recvfrom(fd, new Uint8Array(room), flags, from);
    return n < 0 ? errnoName(n) : `${formatSockAddr(from)} ${n}`;
  }

  /** A datagram from the peer's port 4000. */
  arrives(len: number, port: number, src = '10.0.0.2', dst = '10.0.0.1'): string {
    return this.give(datagram({ from: 4000, to: port }, data(len), src, dst));
  }

  name(fd: number): string {
    const a = new SockAddr();
    const result = this.api.getsockname(fd, a);
    return result < 0 ? errnoName(result) : formatSockAddr(a);
  }

  peer(fd: number): string {
    const a = new SockAddr();
    const result = this.api.getpeername(fd, a);
    return result < 0 ? errnoName(result) : formatSockAddr(a);
  }

  /** `data:events` of what is ready now. */
  epoll(ep: number, max: number = 8): string[] {
    const out = new EpollEvents(max);
    const n = this.api.epollWait(ep, out, max);
    if (n < 0) return [errnoName(n)];
    return [...out.events.subarray(0, n)].map((e, i) => `${out.data[i]}:${e.toString(16)}`);
  }

  end(t: Test): void {
    this.forgetTasks();
    this.api.closeAll();
    t.equal(this.api.files.size, 0, 'all descriptors are closed');
    t.equal(this.stack.udp.list().length, 0, 'all sockets are closed');
    this.close(t);
  }
}

export const named = (n: number): number | string => (n < 0 ? errnoName(n) : n);

/** `10.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`. */
export function addr(text: string, domain?: number): SockAddr {
  const colon = text.lastIndexOf(':');
  const [host = '', zone] = text.slice(0, colon).replace(/[[\]]/g, '').split('%');
  const address = ip(host);
  const family = domain ?? (isV4(address) && !host.includes(':') ? AF.INET : AF.INET6);
  return new SockAddr().set(family, address, Number(text.slice(colon + 1)), Number(zone ?? 0));
}

/** An int as an option's value. */
export function int32(value: number): Bytes {
  return new Uint8Array(new Int32Array([value]).buffer);
}

/** What an `ioctl` that asks for a number answers: the number, or the errno's name. */
export function asked(api: SocketApi, fd: number, request: number): number | string {
  const into = new Int32Array(1);
  const result = api.ioctl(fd, request, into);
  return result < 0 ? errnoName(result) : into[0]!;
}
