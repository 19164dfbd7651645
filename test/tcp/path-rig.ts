/**
 * Two stacks and a bottleneck in virtual time, for whoever measures: flows that write as fast as they may, and what
 * their segments look like on the wire. Nobody looks at bytes here (`tcp-pair.ts` does).
 */

import type { MemorySizes } from '../../src/base/memory.ts';
import { SEC } from '../../src/base/time.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import type { Device, DeviceCaps } from '../../src/link/device.ts';
import type { FrameSink } from '../../src/link/frame-sink.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import type { QueueSpec } from '../../src/path/queue-spec.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import type { SimLink } from '../../src/sim/sim-link.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { Stack } from '../../src/stack/stack.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import type { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { TcpSettings, type TcpSettingValues } from '../../src/tcp/tcp-settings.ts';
import { tcpConnect, tcpListen, tcpRead, tcpWrite } from '../../src/tcp/user-calls.ts';
import { ANY4, IpAddress } from '../../src/wire/address.ts';

const MEMORY: MemorySizes = { slabBytes: 256 << 20, chunks: 256, cellBytes: 8 << 20, pages: 4096 };
const SUPER_FRAMES: Partial<DeviceCaps> = {
  maxFrame: 65549,
  txChecksum: true,
  rxChecksum: true,
  tso4: true,
  tso6: true,
  tsoEcn: true,
  gro: true,
};
const PORT = 80;
const MANY_FRAMES = 1_000_000;

export interface PathOptions {
  readonly rateBps: number;
  /** One way. */
  readonly delayNs: number;
  /** Room in the queue to the server. */
  readonly queueBytes?: number;
  /** That queue; as many frames as there are without. */
  readonly queue?: QueueSpec;
  readonly loss?: number;
  /** What else a direction does: jitter, a policer, aggregation. */
  readonly forth?: Partial<LinkSpec>;
  readonly back?: Partial<LinkSpec>;
  readonly seed?: number;
  /** The devices cut and join segments. */
  readonly superFrames?: boolean;
  readonly tcp?: Partial<TcpConfig>;
  readonly modules?: readonly CcModule[];
  readonly memory?: MemorySizes;
}

/** A segment with text as it left the client. */
export interface Departure {
  readonly atNs: number;
  readonly port: number;
  readonly seq: number;
  readonly len: number;
}

/** One end: writes as much as it is told and is given room for, and throws away what it reads. */
export class BulkEnd implements ConnectionOwner {
  connection: TcpConnection | null = null;
  received = 0;
  error = 0;
  isReading = true;
  private left = 0;
  private readonly block: Uint8Array;
  private readonly into = new Uint8Array(1 << 20);

  constructor(blockBytes: number) {
    this.block = new Uint8Array(blockBytes);
  }

  attach(c: TcpConnection): void {
    this.connection = c;
    c.setOwner(this);
    this.writable();
    this.readable();
  }

  /** So many more, as soon as there is room. */
  write(bytes: number): void {
    this.left += bytes;
    if (this.connection !== null) this.writable();
  }

  writable(): void {
    while (this.left > 0) {
      const n = Math.min(this.block.length, this.left);
      const part = n === this.block.length ? this.block : this.block.subarray(0, n);
      const taken = tcpWrite(this.connection!, part);
      if (taken <= 0) return;
      this.left -= taken;
    }
  }

  readable(): void {
    if (!this.isReading) return;
    for (;;) {
      const n = tcpRead(this.connection!, this.into);
      if (n <= 0) return;
      this.received += n;
    }
  }

  closed(errno: number): void {
    this.error = errno;
    this.connection!.release();
  }
}

export class PathRig {
  readonly sim: Simulator;
  readonly client: Stack;
  readonly server: Stack;
  readonly forth: SimLink;
  readonly back: SimLink;
  readonly departures: Departure[] = [];
  readonly host: SimHost;
  listener: Listener;
  private readonly accepted: BulkEnd[] = [];

  constructor(options: PathOptions) {
    const { rateBps, delayNs } = options;
    const memory = options.memory ?? MEMORY;
    this.sim = new Simulator({ seed: options.seed ?? 1, memory, isHashed: false });
    const { sim } = this;
    const nic = { txFrames: 1024, rxFrames: 4096, batchFrames: 1024 };
    const caps = options.superFrames === true ? { caps: SUPER_FRAMES } : {};
    const nicA = sim.nic('a', { ...nic, ...caps });
    const nicB = sim.nic('b', { ...nic, ...caps });
    this.client = this.stack('client', options);
    this.server = this.stack('server', options);
    attachTo(this.client, nicA, 1);
    attachTo(this.server, nicB, 2);
    this.host = sim.addHost('client', this.client, [nicA]);
    sim.addHost('server', this.server, [nicB]);
    const forth: LinkSpec = {
      rateBps,
      delayNs,
      queue: {
        limitFrames: MANY_FRAMES,
        limitBytes: options.queueBytes ?? Infinity,
        ...(options.queue ?? { kind: 'drop-tail' }),
      },
      ...(options.loss === undefined ? {} : { loss: options.loss }),
      ...options.forth,
    };
    const links = sim.connect(nicA, nicB, forth, {
      delayNs,
      queue: { kind: 'drop-tail', limitFrames: MANY_FRAMES },
      ...options.back,
    });
    this.forth = links.forth;
    this.back = links.back;
    nicA.connect(new Watch(sim, links.forth, this.departures));
    this.listener = this.listen(this.server.tcp.defaults);
    sim.run(SEC / 100);
  }

  /** Listens anew, with other settings. */
  listen(settings: TcpSettings): Listener {
    const { tcp } = this.server;
    const from = { local: ANY4, port: PORT, boundIndex: 0, settings };
    if (this.listener !== undefined) closeListener(tcp, this.listener);
    const l = tcpListen(tcp, from, 4096, {
      acceptable: () => {
        for (let c = l.accept(); c !== undefined; c = l.accept()) this.take(c);
      },
    }) as Listener;
    this.listener = l;
    return l;
  }

  /** A connection that is established when this returns; `far` is its other end. */
  open(
    wishes: Partial<TcpSettingValues> = {},
    blockBytes = 1 << 16,
  ): { near: BulkEnd; far: BulkEnd } {
    const near = new BulkEnd(blockBytes);
    const settings = new TcpSettings();
    settings.change(wishes);
    const from = { local: ANY4, port: 0, boundIndex: 0, settings };
    const before = this.accepted.length;
    this.inTurn(() =>
      tcpConnect(this.client.tcp, new IpAddress().setV4(0x0a000002), PORT, from, {
        established: (c) => near.attach(c),
        failed: (errno) => {
          near.error = errno;
        },
      }),
    );
    const isOpen = (): boolean => near.connection !== null && this.accepted.length > before;
    if (!this.sim.runUntil(isOpen, this.sim.nowNs + 60 * SEC)) throw new Error('it did not open');
    return { near, far: this.accepted[this.accepted.length - 1]! };
  }

  /** Within a turn of the client, now. */
  inTurn(what: () => void): void {
    this.host.after(0, what);
    this.sim.run(this.sim.nowNs);
  }

  /** So many bytes more, written by the client as soon as there is room. */
  write(end: BulkEnd, bytes: number): void {
    this.inTurn(() => end.write(bytes));
  }

  run(ns: number): void {
    this.sim.run(this.sim.nowNs + ns);
  }

  close(): void {
    this.client.close();
    this.server.close();
    this.sim.end();
  }

  private take(c: TcpConnection): void {
    const end = new BulkEnd(1 << 16);
    this.accepted.push(end);
    end.attach(c);
  }

  private stack(name: string, options: PathOptions): Stack {
    const stack = new Stack(this.sim.env(name), this.sim.frames);
    stack.net.config.dadTransmits = 0;
    Object.assign(stack.tcp.config, options.tcp);
    for (const module of options.modules ?? []) stack.tcp.ccModules.register(module);
    return stack;
  }
}

function attachTo(stack: Stack, device: Device, n: number): void {
  const iface = stack.addInterface('eth0', device, { linkLocal: false, groupReports: false });
  stack.addAddress(iface, new IpAddress().setV4(0x0a000000 + n), 24);
}

/** Bytes a second delivered to the application while `ns` pass. */
export function goodput(rig: PathRig, far: BulkEnd, ns: number): number {
  const before = far.received;
  rig.run(ns);
  return ((far.received - before) * SEC) / ns;
}

/** Notes what leaves, on its way into the link. */
class Watch implements FrameSink {
  private readonly sim: Simulator;
  private readonly next: FrameSink;
  private readonly seen: Departure[];

  constructor(sim: Simulator, next: FrameSink, seen: Departure[]) {
    this.sim = sim;
    this.next = next;
    this.seen = seen;
  }

  room(): number {
    return this.next.room();
  }

  take(frame: number): void {
    const { frames } = this.sim;
    const { dv } = frames.slab;
    const at = frames.words[frame * RX_STRIDE + RX.OFF]! + 14;
    if (dv.getUint8(at) === 0x45 && dv.getUint8(at + 9) === 6) {
      const tcp = at + 20;
      const len = dv.getUint16(at + 2) - 20 - (dv.getUint8(tcp + 12) >> 4) * 4;
      const port = dv.getUint16(tcp);
      const seq = dv.getInt32(tcp + 4);
      if (len > 0) this.seen.push({ atNs: this.sim.nowNs, port, seq, len });
    }
    this.next.take(frame);
  }
}
