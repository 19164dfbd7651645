/**
 * Two stacks back to back in one process, with TCP connections between them, for benchmarks and for the
 * allocation gate. A turn is what a driver does, once for each side, 10 µs apart; nothing sleeps.
 */
import { assert } from '../../src/base/assert.ts';
import { Env } from '../../src/base/env.ts';
import { Memory, type MemorySizes, PAGE_BYTES } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { NEVER } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';
import { cubic } from '../../src/cc/cubic.ts';
import type { DeviceCaps } from '../../src/link/device.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { MemoryDevice } from '../../src/link/memory-device.ts';
import { Stack } from '../../src/stack/stack.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import {
  plainFrom,
  tcpConnect,
  tcpDiscard,
  tcpListen,
  tcpRead,
  tcpWrite,
} from '../../src/tcp/user-calls.ts';
import { chargedBytes } from '../../src/tcp/write-room.ts';
import { ANY6, IpAddress } from '../../src/wire/address.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { Wire, type WireFaults } from './wire.ts';

export const PORT = 80;
const TURN_NS = 10_000;
const BATCH = 256;

/** A device like a TAP with a vnet header: checksums left undone, super-frames both ways. */
export const SUPER_FRAMES: Partial<DeviceCaps> = {
  maxFrame: 65_550,
  txChecksum: true,
  rxChecksum: true,
  tso4: true,
  tso6: true,
  gro: true,
};

export interface TcpRigOptions extends WireFaults {
  readonly caps?: Partial<DeviceCaps>;
  readonly cc?: 'reno' | 'cubic';
  readonly memory?: MemorySizes;
}

export class TcpRig {
  readonly memory: Memory;
  readonly frames: FrameStore;
  readonly a: Stack;
  readonly b: Stack;
  readonly forth: Wire;
  readonly back: Wire;
  readonly address = new IpAddress().setV4(0x0a000002);
  readonly devices: readonly [MemoryDevice, MemoryDevice];
  private wakeNs = 0;

  constructor(options: TcpRigOptions = {}) {
    this.memory = new Memory(
      options.memory ?? { slabBytes: 128 << 20, chunks: 64, cellBytes: 4 << 20 },
    );
    this.frames = new FrameStore(this.memory);
    const device = (name: string, n: number) =>
      new MemoryDevice(this.frames, {
        name,
        mac: new MacAddress(0x0200, n),
        caps: options.caps ?? {},
      });
    const left = device('a0', 1);
    const right = device('b0', 2);
    this.forth = new Wire(this.frames, right, options);
    this.back = new Wire(this.frames, left, {});
    this.devices = [left, right];
    left.connect(this.forth);
    right.connect(this.back);
    this.a = this.stack(left, 1, options.cc);
    this.b = this.stack(right, 2, options.cc);
    this.turn();
  }

  private stack(device: MemoryDevice, own: number, cc: string | undefined): Stack {
    const stack = new Stack(new Env(this.memory, new Rng(own), new NullTrace()), this.frames);
    stack.env.nowNs = 5e12; // past int32, as on any stack that has run for a while
    stack.net.config.dadTransmits = 0;
    const modules = stack.tcp.ccModules;
    if (modules.find('cubic') === undefined) modules.register(cubic);
    modules.setDefault(cc ?? 'cubic');
    const iface = stack.addInterface(device.name, device, { groupReports: false });
    stack.addAddress(iface, new IpAddress().setV4(0x0a000000 + own), 24);
    const other = 3 - own;
    const mac = new MacAddress(0x0200, other);
    iface.neighbours.set(new IpAddress().setV4(0x0a000000 + other), mac, true);
    return stack;
  }

  /** A driver's turn of each side. */
  turn(): void {
    this.turnOf(this.a);
    this.turnOf(this.b);
  }

  turnOf(stack: Stack): void {
    stack.env.nowNs += TURN_NS;
    const { devices } = stack;
    for (let i = 0; i < devices.length; i++) {
      const n = devices[i]!.rxBatch(BATCH);
      if (n > 0) stack.receive(i, n);
    }
    stack.fireTimers();
    stack.drainReady();
    stack.runOutput(BATCH);
    for (let i = 0; i < devices.length; i++) devices[i]!.txFlush();
  }

  /** Nothing is under way: both clocks go to the next deadline of either. */
  sleep(): void {
    this.wakeNs = this.a.nextDeadlineNs();
    this.wakeNs = Math.min(this.wakeNs, this.b.nextDeadlineNs());
    assert(this.wakeNs !== NEVER, 'both sides wait for ever');
    this.a.env.nowNs = Math.max(this.a.env.nowNs, this.wakeNs - TURN_NS);
    this.b.env.nowNs = Math.max(this.b.env.nowNs, this.wakeNs - TURN_NS);
  }

  /** Somebody who accepts all connections, as many as come in a turn. */
  listen(accepted: (c: TcpConnection) => void): void {
    this.b.tcp.config.somaxconn = 65535;
    const listener = tcpListen(this.b.tcp, plainFrom(this.b.tcp, ANY6, PORT), 65535, {
      acceptable: () => {
        for (let c = listener.accept(); c !== undefined; c = listener.accept()) accepted(c);
      },
    }) as Listener;
  }

  connect(established: (c: TcpConnection) => void): void {
    const opened = tcpConnect(this.a.tcp, this.address, PORT, plainFrom(this.a.tcp, ANY6, 0), {
      established,
      failed: (errno) => {
        throw new Error(`not connected: errno ${errno}`);
      },
    });
    assert(typeof opened !== 'number', 'an active open begins');
  }

  /** One connection, established on both sides. */
  pair(): readonly [TcpConnection, TcpConnection] {
    let client: TcpConnection | null = null;
    let server: TcpConnection | null = null;
    this.listen((c) => {
      server = c;
    });
    this.connect((c) => {
      client = c;
    });
    for (let i = 0; i < 10 && (client === null || server === null); i++) this.turn();
    assert(client !== null && server !== null, 'connected');
    return [client, server];
  }
}

/** Writes the same bytes for ever, as much as the send buffer takes. */
export class Source implements ConnectionOwner {
  protected readonly c: TcpConnection;
  protected readonly bytes: Uint8Array;

  constructor(c: TcpConnection, chunkBytes: number) {
    this.c = c;
    this.bytes = new Uint8Array(chunkBytes).fill(7);
    c.growSendBuffer(2 * chunkBytes);
    c.setOwner(this);
  }

  readable(): void {
    throw new Error('nobody sends to a source');
  }

  /** Until it is refused: only then does the send buffer grow. */
  writable(): void {
    let n = tcpWrite(this.c, this.bytes);
    while (n > 0) n = tcpWrite(this.c, this.bytes);
  }

  closed(errno: number): void {
    throw new Error(`closed: errno ${errno}`);
  }
}

/**
 * Writes whole pages only, for the allocation gate: a part of one would need a view (decision 2 ends there). It is
 * never refused, so its send buffer is as large as it will ever be from the start.
 */
export class PageSource extends Source {
  constructor(c: TcpConnection) {
    super(c, PAGE_BYTES);
    c.growSendBuffer(c.tcp.config.wmemMax);
  }

  override writable(): void {
    const { c, bytes } = this;
    // A page may begin a buffer, which is charged besides its bytes.
    while (c.sndbufBytes - chargedBytes(c) >= 2 * bytes.length) {
      if (tcpWrite(c, bytes) !== bytes.length) return;
    }
  }
}

/** Reads all there is into the same buffer. */
export class Sink implements ConnectionOwner {
  bytes = 0;
  protected readonly c: TcpConnection;
  private readonly into: Uint8Array;

  constructor(c: TcpConnection, bufferBytes: number = 256 << 10) {
    this.c = c;
    this.into = new Uint8Array(bufferBytes);
    c.setOwner(this);
  }

  readable(): void {
    let n = this.take();
    while (n > 0) {
      this.bytes += n;
      n = this.take();
    }
  }

  protected take(): number {
    return tcpRead(this.c, this.into);
  }

  writable(): void {
    // has nothing to say
  }

  closed(errno: number): void {
    throw new Error(`closed: errno ${errno}`);
  }
}

/** Takes all there is without a copy: copying to an application's array makes a view a page. */
export class Drain extends Sink {
  constructor(c: TcpConnection) {
    super(c, 0);
  }

  protected override take(): number {
    return tcpDiscard(this.c, 1 << 30);
  }
}
