/** Two stacks on a simulated link, a connection between them, and a stream that checks itself. */
import type { Env } from '../../src/base/env.ts';
import { MS, SEC } from '../../src/base/time.ts';
import type { Device, DeviceCaps } from '../../src/link/device.ts';
import { FaultDevice } from '../../src/path/fault.ts';
import type { FaultProfile } from '../../src/path/fault-path.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { Stack } from '../../src/stack/stack.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { Opener } from '../../src/tcp/handshake.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import {
  plainFrom,
  tcpConnect,
  tcpListen,
  tcpRead,
  tcpShutdown,
  tcpWrite,
} from '../../src/tcp/user-calls.ts';
import { ANY6, IpAddress } from '../../src/wire/address.ts';

const MEMORY = { slabBytes: 256 << 20, chunks: 64, cellBytes: 8 << 20, pages: 8192 };
export const PORT = 80;

export interface PairOptions {
  readonly seed: number;
  readonly rateBps?: number;
  readonly delayNs?: number;
  readonly queueBytes?: number;
  /** From the server to the client, where it is another way. */
  readonly backDelayNs?: number;
  readonly faults?: FaultProfile;
  readonly caps?: Partial<DeviceCaps>;
  /** Of memory, for both stacks together. */
  readonly pages?: number;
  readonly slabBytes?: number;
  /** Stands between a stack and its device: a capture. */
  readonly wrap?: (device: Device, env: Env) => Device;
}

/** The stream's byte at an offset. */
export const byteAt = (offset: number): number => (Math.imul(offset, 0x9e3779b1) >>> 24) & 255;

/** One end: writes `toSend` bytes and closes, reads to the end, and notes what went wrong. */
export class End {
  connection: TcpConnection | null = null;
  received = 0;
  wrong = -1;
  hasEof = false;
  closedWith: number | null = null;
  onClosed: () => void = () => undefined;
  /** False: what arrives stays in the receive buffer. */
  isReading = true;
  private sent = 0;
  private toSend: number;
  private readonly chunk = new Uint8Array(16384);
  private readonly into = new Uint8Array(65536);
  private isClosing: boolean;

  /** `staysOpen`: it does not close once all is sent. */
  constructor(toSend: number, staysOpen = false) {
    this.toSend = toSend;
    this.isClosing = staysOpen;
  }

  attach(c: TcpConnection): void {
    this.connection = c;
    c.setOwner(this);
    this.writable();
    this.readable();
  }

  /** More, in a turn of its own. */
  send(bytes: number): void {
    this.toSend += bytes;
    this.writable();
  }

  readable(): void {
    if (!this.isReading) return;
    const c = this.connection!;
    for (;;) {
      const n = tcpRead(c, this.into);
      if (n === 0) this.hasEof = true;
      if (n <= 0) break;
      for (let i = 0; i < n && this.wrong < 0; i++) {
        if (this.into[i] !== byteAt(this.received + i)) this.wrong = this.received + i;
      }
      this.received += n;
    }
  }

  writable(): void {
    const c = this.connection!;
    while (this.sent < this.toSend) {
      const n = Math.min(this.chunk.length, this.toSend - this.sent);
      for (let i = 0; i < n; i++) this.chunk[i] = byteAt(this.sent + i);
      const taken = tcpWrite(c, n === this.chunk.length ? this.chunk : this.chunk.subarray(0, n));
      if (taken < 0) return;
      this.sent += taken;
    }
    if (!this.isClosing) {
      this.isClosing = true;
      tcpShutdown(c);
    }
  }

  closed(errno: number): void {
    this.readable();
    this.closedWith = errno;
    this.connection!.release();
    this.onClosed();
  }
}

export class TcpPair {
  readonly sim: Simulator;
  readonly client: Stack;
  readonly server: Stack;
  /** The client's and the server's end of the link. */
  readonly nics: readonly ReturnType<Simulator['nic']>[];
  readonly hosts: SimHost[] = [];
  private readonly serverAddress = new IpAddress().setV4(0x0a000002);

  constructor(options: PairOptions) {
    this.sim = new Simulator({
      seed: options.seed,
      memory: {
        ...MEMORY,
        pages: options.pages ?? MEMORY.pages,
        slabBytes: options.slabBytes ?? MEMORY.slabBytes,
      },
    });
    const { sim } = this;
    const nicA = sim.nic('a', options.caps === undefined ? {} : { caps: options.caps });
    const nicB = sim.nic('b', options.caps === undefined ? {} : { caps: options.caps });
    this.nics = [nicA, nicB];
    this.client = this.host('client', nicA, 1, options);
    this.server = this.host('server', nicB, 2, options);
    const link = {
      rateBps: options.rateBps ?? 100e6,
      delayNs: options.delayNs ?? 5 * MS,
      queue: { kind: 'drop-tail', limitBytes: options.queueBytes ?? Infinity } as const,
    };
    sim.connect(nicA, nicB, link, { ...link, delayNs: options.backDelayNs ?? link.delayNs });
    sim.run(2 * SEC); // duplicate address detection
  }

  private host(
    name: string,
    nic: ReturnType<Simulator['nic']>,
    n: number,
    options: PairOptions,
  ): Stack {
    const { sim } = this;
    const env = sim.env(name);
    const stack = new Stack(env, sim.frames);
    const device = new FaultDevice(nic, sim.frames, env, env.rng, { rx: options.faults ?? {} });
    const iface = stack.addInterface('eth0', options.wrap?.(device, env) ?? device, {
      groupReports: false,
    });
    stack.addAddress(iface, new IpAddress().setV4(0x0a000000 + n), 24);
    this.hosts.push(sim.addHost(name, stack, [nic]));
    return stack;
  }

  /** A stack learns the time when it is turned; an onlooker between turns has to say it. */
  tellTime(): void {
    for (const { env } of [this.client, this.server]) env.nowNs = this.sim.nowNs;
  }

  /** The server is gone: nothing that is sent to it arrives. */
  cut(): void {
    this.nics[1]!.close();
  }

  /** An active open in a turn of the client. */
  connect(opener: Opener): void {
    this.hosts[0]!.after(0, () => this.connectNow(opener));
  }

  connectNow(opener: Opener): void {
    const { tcp } = this.client;
    tcpConnect(tcp, this.serverAddress, PORT, plainFrom(tcp, ANY6, 0), opener);
  }

  listen(onAccept: (c: TcpConnection) => void, backlog = 16, isAccepting = true): Listener {
    const { tcp } = this.server;
    const l = tcpListen(tcp, plainFrom(tcp, ANY6, PORT), backlog, {
      acceptable: () => {
        if (!isAccepting) return;
        for (let c = l.accept(); c !== undefined; c = l.accept()) onAccept(c);
      },
    }) as Listener;
    return l;
  }

  /** Both sides send and close; runs until both are over or the time is up. */
  exchange(
    clientBytes: number,
    serverBytes: number,
    limitNs: number,
  ): { client: End; server: End } {
    const client = new End(clientBytes);
    const server = new End(serverBytes);
    this.listen((c) => server.attach(c));
    this.connect({
      established: (c) => client.attach(c),
      failed: (errno) => {
        client.closedWith = errno;
      },
    });
    const until = this.sim.nowNs + limitNs;
    this.sim.runUntil(() => client.closedWith !== null && server.closedWith !== null, until);
    return { client, server };
  }

  /** After TIME-WAIT nothing is left. */
  end(): { pages: number; cells: number; records: number; flows: number } {
    this.sim.run(this.sim.nowNs + 200 * SEC);
    const { tcp } = this.client;
    const left = {
      pages: this.client.env.memory.pages.held,
      cells: this.client.env.memory.cells.held,
      records: tcp.records.live + this.server.tcp.records.live,
      flows: tcp.demux.size + this.server.tcp.demux.size,
    };
    this.client.close();
    this.server.close();
    this.sim.end();
    return left;
  }
}
