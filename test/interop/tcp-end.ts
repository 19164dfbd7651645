/**
 * Our end of TCP connections for scenarios: promises over the calls of `user-calls.ts`. The stack marks
 * who is ready; `Ends` resolves their promises at the end of a turn, and what they then do is a kick away.
 */
import { EAGAIN } from '../../src/base/errno.ts';
import type { ReadyDrain } from '../../src/stack/stack.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import type { Opener } from '../../src/tcp/handshake.ts';
import type { Acceptor, Listener } from '../../src/tcp/listener.ts';
import {
  plainFrom,
  tcpAbort,
  tcpClose,
  tcpConnect,
  tcpConnectFast,
  tcpListen,
  tcpRead,
  tcpShutdown,
  tcpWrite,
} from '../../src/tcp/user-calls.ts';
import { ANY6 } from '../../src/wire/address.ts';
import { address, type Station } from './lab.ts';

/** Bytes that tell where in the stream they are, of any offset, without a table. */
export function fillStream(into: Uint8Array, offset: number, seed: number): void {
  const words = new Int32Array(into.buffer, into.byteOffset, into.length >> 2);
  for (let i = 0, at = (offset >> 2) + seed; i < words.length; i++, at++) {
    words[i] = Math.imul(at ^ (at >>> 15), 0x2c1b3c6d) ^ at;
  }
}

type Wake = () => void;

/** One of our connections. Calls that wait resolve at the end of a turn. */
export class OurEnd implements ConnectionOwner {
  readonly c: TcpConnection;
  /** How it ended: 0 or an errno; null while it lives. */
  ended: number | null = null;
  private readonly ends: Ends;
  private wakes: Wake[] = [];

  constructor(ends: Ends, c: TcpConnection) {
    this.ends = ends;
    this.c = c;
    c.setOwner(this);
  }

  readable(): void {
    this.ends.mark(this);
  }

  writable(): void {
    this.ends.mark(this);
  }

  closed(errno: number): void {
    this.ended = errno;
    this.ends.mark(this);
  }

  wake(): void {
    const due = this.wakes;
    this.wakes = [];
    for (const wake of due) wake();
  }

  private news(): Promise<void> {
    return new Promise((done) => this.wakes.push(done));
  }

  /** Bytes, 0 at the end of the stream, or the errno it ended with, negative. */
  async read(into: Uint8Array): Promise<number> {
    for (;;) {
      this.ends.enter();
      const n = tcpRead(this.c, into);
      if (n > 0) return n;
      if (this.ended !== null && this.ended !== 0) return -this.ended;
      if (n !== -EAGAIN) return n;
      await this.news();
    }
  }

  /** All of it, or -errno. */
  async write(data: Uint8Array): Promise<number> {
    for (let done = 0; done < data.length; ) {
      this.ends.enter();
      const n = tcpWrite(this.c, done === 0 ? data : data.subarray(done));
      if (n > 0) done += n;
      else if (n !== -EAGAIN) return this.ended ? -this.ended : n;
      else await this.news();
    }
    return data.length;
  }

  /** Waits until it is over; returns how. */
  async over(): Promise<number> {
    while (this.ended === null) await this.news();
    return this.ended;
  }

  shutdown(): void {
    this.ends.enter();
    tcpShutdown(this.c);
  }

  close(): void {
    this.ends.enter();
    tcpClose(this.c);
  }

  abort(): void {
    this.ends.enter();
    tcpAbort(this.c);
  }
}

class OurOpen implements Opener {
  private readonly ends: Ends;
  private readonly done: (end: OurEnd | number) => void;

  constructor(ends: Ends, done: (end: OurEnd | number) => void) {
    this.ends = ends;
    this.done = done;
  }

  established(c: TcpConnection): void {
    this.done(new OurEnd(this.ends, c));
  }

  failed(errno: number): void {
    this.done(-errno);
  }
}

/** Accepts for as long as the station lives, and tells `serve` of each. */
class OurServer implements Acceptor {
  private readonly ends: Ends;
  private readonly serve: (end: OurEnd) => void;
  listener: Listener | null = null;

  constructor(ends: Ends, serve: (end: OurEnd) => void) {
    this.ends = ends;
    this.serve = serve;
  }

  acceptable(): void {
    this.ends.markServer(this);
  }

  acceptAll(): void {
    for (let c = this.listener!.accept(); c !== undefined; c = this.listener!.accept()) {
      this.serve(new OurEnd(this.ends, c));
    }
  }
}

export class Ends implements ReadyDrain {
  private readonly station: Station;
  private readonly ready = new Set<OurEnd>();
  private readonly servers = new Set<OurServer>();

  constructor(station: Station) {
    this.station = station;
    station.stack.attachDrain(this);
  }

  enter(): void {
    this.station.driver.kick();
  }

  mark(end: OurEnd): void {
    this.ready.add(end);
  }

  markServer(server: OurServer): void {
    this.servers.add(server);
  }

  get hasReady(): boolean {
    return this.ready.size + this.servers.size > 0;
  }

  drainReady(): void {
    for (const server of this.servers) server.acceptAll();
    this.servers.clear();
    const due = [...this.ready];
    this.ready.clear();
    for (const end of due) end.wake();
  }

  closeAll(): void {
    this.ready.clear();
  }

  /** -errno when it fails. */
  connect(to: string, port: number): Promise<OurEnd | number> {
    return new Promise((done) => {
      this.enter();
      const { tcp } = this.station.stack;
      const opener = new OurOpen(this, done);
      const h = tcpConnect(tcp, address(to), port, plainFrom(tcp, ANY6, 0), opener);
      if (typeof h === 'number') done(h);
    });
  }

  /** With as much of `text` in its SYN as may be: `taken` bytes. */
  connectFast(
    to: string,
    port: number,
    text: Uint8Array,
  ): Promise<{ end: OurEnd | number; taken: number }> {
    return new Promise((done) => {
      this.enter();
      const { tcp } = this.station.stack;
      let taken = 0;
      const opener = new OurOpen(this, (end) => done({ end, taken }));
      const h = tcpConnectFast(tcp, address(to), port, plainFrom(tcp, ANY6, 0), opener);
      if (typeof h === 'number') done({ end: h, taken });
      else taken = h.startWith([text]);
    });
  }

  /** `fastOpens`: TCP_FASTOPEN. */
  listen(at: string, port: number, serve: (end: OurEnd) => void, fastOpens = 0): void {
    const server = new OurServer(this, serve);
    this.enter();
    const { tcp } = this.station.stack;
    const from = plainFrom(tcp, address(at), port);
    const settings = from.settings.own();
    settings.change({ fastOpenQueue: fastOpens });
    const l = tcpListen(tcp, { ...from, settings }, 1024, server);
    if (typeof l === 'number') throw new Error(`listen on ${at} port ${port}: ${l}`);
    server.listener = l;
  }
}
