/** What bench/c/tcp-peer.c serves, on a stack of ours: sink, source, echo and close, in this order of ports. */
import { EAGAIN } from '../../src/base/errno.ts';
import type { ReadyDrain, Stack } from '../../src/stack/stack.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import type { Acceptor, Listener } from '../../src/tcp/listener.ts';
import { plainFrom, tcpClose, tcpListen, tcpRead, tcpWrite } from '../../src/tcp/user-calls.ts';
import { ANY4 } from '../../src/wire/address.ts';

/** What both sides send over and over. */
export const PATTERN_BYTES = 128 * 1024;

/** Twice, so that from every place on there are PATTERN_BYTES of it. */
export const PATTERN = new Uint8Array(2 * PATTERN_BYTES).map((_, i) => {
  const at = i % PATTERN_BYTES;
  return at * 7 + (at >> 8);
});

abstract class Session implements ConnectionOwner {
  protected readonly c: TcpConnection;
  protected readonly server: OurPeer;
  isListed = false;

  constructor(server: OurPeer, c: TcpConnection) {
    this.server = server;
    this.c = c;
    c.setOwner(this);
    const settings = c.settings.own();
    settings.change({ isNoDelay: true });
    c.setSettings(settings);
  }

  readable(): void {
    this.server.ready(this);
  }

  writable(): void {
    this.server.ready(this);
  }

  closed(errno: number): void {
    this.server.ended(errno);
  }

  abstract run(): void;

  protected end(): void {
    tcpClose(this.c);
    this.server.ended(0);
  }
}

/** Reads to the end of the stream into one buffer, and closes. */
class Sink extends Session {
  private got = 0;

  run(): void {
    const { buffer } = this.server;
    for (;;) {
      const n = tcpRead(this.c, buffer);
      if (n === -EAGAIN) return;
      if (n === 0) break;
      if (this.server.isChecking) this.check(n);
      this.got += n;
    }
    this.end();
  }

  private check(n: number): void {
    const at = this.got % PATTERN_BYTES;
    const wanted = PATTERN.subarray(at, at + n);
    if (Buffer.compare(this.server.buffer.subarray(0, n), wanted) !== 0) {
      throw new Error(`wrong bytes near ${this.got}`);
    }
  }
}

/** Writes as many bytes as it is asked for, and closes. */
class Source extends Session {
  private readonly asked = new Uint8Array(8);
  private left = -1;
  private sent = 0;

  run(): void {
    if (this.left < 0) {
      if (tcpRead(this.c, this.asked) !== 8) return;
      this.left = Number(new DataView(this.asked.buffer).getBigUint64(0));
    }
    while (this.left > 0) {
      const at = this.sent % PATTERN_BYTES;
      const part = at === 0 && this.left >= PATTERN_BYTES ? this.server.pattern : this.rest(at);
      const n = tcpWrite(this.c, part);
      if (n < 0) return; // no room, or the peer has gone
      this.left -= n;
      this.sent += n;
    }
    if (this.left === 0) this.end();
  }

  private rest(at: number): Uint8Array {
    return PATTERN.subarray(at, at + Math.min(this.left, PATTERN_BYTES));
  }
}

/** Gives back what it gets. */
class Echo extends Session {
  run(): void {
    for (;;) {
      const n = tcpRead(this.c, this.server.small);
      if (n === -EAGAIN) return;
      if (n === 0) break;
      tcpWrite(this.c, this.server.small.subarray(0, n));
    }
    this.end();
  }
}

type SessionType = new (server: OurPeer, c: TcpConnection) => Session;

export class OurPeer implements ReadyDrain {
  readonly buffer = new Uint8Array(PATTERN_BYTES);
  readonly small = new Uint8Array(64);
  readonly pattern = PATTERN.subarray(0, PATTERN_BYTES);
  isChecking = false;
  /** Connections that ended with an error. */
  failures = 0;
  private readonly waiting: Session[] = [];
  private readonly acceptable: [Listener, SessionType][] = [];

  constructor(stack: Stack, port: number) {
    stack.attachDrain(this);
    const types: SessionType[] = [Sink, Source, Echo, Sink];
    for (const [i, type] of types.entries()) {
      const acceptor: Acceptor = { acceptable: () => this.acceptable.push([listener, type]) };
      const from = plainFrom(stack.tcp, ANY4, port + i);
      const listener = tcpListen(stack.tcp, from, 128, acceptor) as Listener;
      if (typeof listener === 'number') throw new Error(`listen: ${listener}`);
    }
  }

  ready(s: Session): void {
    if (s.isListed) return;
    s.isListed = true;
    this.waiting.push(s);
  }

  ended(errno: number): void {
    if (errno !== 0) this.failures++;
  }

  get hasReady(): boolean {
    return this.waiting.length > 0 || this.acceptable.length > 0;
  }

  drainReady(): void {
    for (const [listener, type] of this.acceptable.splice(0)) {
      for (let c = listener.accept(); c !== undefined; c = listener.accept()) {
        this.ready(new type(this, c));
      }
    }
    for (let i = 0; i < this.waiting.length; i++) {
      const s = this.waiting[i]!;
      s.isListed = false;
      s.run();
    }
    this.waiting.length = 0;
  }

  closeAll(): void {
    this.waiting.length = 0;
  }
}
