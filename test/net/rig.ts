/**
 * One stack on one memory device, and time that the test tells: frames go in as bytes, each with its fate,
 * and come out read. When the test ends all memory must be back.
 *
 *     us  10.0.0.1/24  2001:db8::1/64  fe80::ff:fe00:1     peer .2 and ::2, gateway .254 and ::fe
 */
import tap, { type Test } from 'tap';
import { Env } from '../../src/base/env.ts';
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { SEC } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';
import type { DeviceCaps } from '../../src/link/device.ts';
import type { FrameSink } from '../../src/link/frame-sink.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { MemoryDevice } from '../../src/link/memory-device.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import { DROP_NAMES } from '../../src/net/drops.ts';
import type { EchoSocket } from '../../src/net/echo-socket.ts';
import type { Interface } from '../../src/net/interface.ts';
import type { Conf6Name } from '../../src/net/ipv6-conf.ts';
import type { NetConfig } from '../../src/net/net-config.ts';
import type { Network } from '../../src/net/network.ts';
import { Stack } from '../../src/stack/stack.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import {
  type Bytes,
  data,
  type Ethernet,
  ethernet,
  GATEWAY_MAC,
  join,
  OUR_MAC,
  PEER_MAC,
  read,
  type Seen,
} from './packets.ts';

const MARGIN = 512;

export const ip = (text: string) => parseAddress(text)!;

export interface RigOptions {
  readonly addresses?: readonly string[];
  readonly mtu?: number;
  readonly caps?: Partial<DeviceCaps>;
  readonly seed?: number;
  readonly cellBytes?: number;
  readonly txFrames?: number;
  readonly config?: Partial<NetConfig>;
  /** net.ipv6.conf.all, before there is an interface. */
  readonly conf6?: Partial<Record<Conf6Name, number>>;
  /** Default true: routes to the world through the gateway. */
  readonly gateway?: boolean;
  /** Default false: what routers are told of our groups is a test's own subject. */
  readonly groupReports?: boolean;
}

/** How a frame reaches us, beyond its bytes. */
export interface Arrival extends Ethernet {
  readonly flags?: number;
  readonly sum?: number;
  readonly csum?: number;
  /** Of a super-frame: type << 16 | size. */
  readonly gso?: number;
}

/** Where frames that leave an interface end up. */
class Wire implements FrameSink {
  readonly frames: Bytes[] = [];
  /** What each was marked with: its segments' type and size. */
  readonly gso: number[] = [];
  /** The other end has gone; the other end takes nothing now. */
  isDown = false;
  isFull = false;
  private readonly store: FrameStore;

  constructor(store: FrameStore) {
    this.store = store;
  }

  room(): number {
    if (this.isDown) return -1;
    return this.isFull ? 0 : 1 << 20;
  }

  /** A checksum that was left to the device is completed here, as its hardware would. */
  take(frame: number): void {
    if (!this.store.makeOwn(frame)) throw new Error('no chunk');
    const off = this.store.offsetOf(frame);
    this.gso.push(this.store.words[frame * RX_STRIDE + RX.GSO]!);
    this.frames.push(this.store.slab.u8.slice(off, off + this.store.lengthOf(frame)));
    this.store.release(frame);
  }
}

/** An interface of the stack with its device and what is on the wire behind it. */
export class Port {
  readonly iface: Interface;
  readonly device: MemoryDevice;
  readonly wire: Wire;

  constructor(iface: Interface, device: MemoryDevice, wire: Wire) {
    this.iface = iface;
    this.device = device;
    this.wire = wire;
  }

  sent(): Seen[] {
    return this.wire.frames.splice(0).map(read);
  }

  lines(): string[] {
    return this.sent().map((s) => s.line);
  }
}

/** A test that is one dialogue with one stack. */
export function dialogue(
  title: string,
  run: (t: Test, h: NetHarness) => void,
  options: RigOptions = {},
): void {
  tap.test(title, async (t) => {
    const h = new NetHarness(options);
    run(t, h);
    h.close(t);
  });
}

export class NetHarness {
  readonly memory: Memory;
  readonly frames: FrameStore;
  readonly stack: Stack;
  readonly net: Network;
  readonly port: Port;
  readonly ports: Port[] = [];
  surroundings = 0xee;
  private readonly datagram = new Datagram();
  private readonly into = new Uint8Array(65536);

  constructor(options: RigOptions = {}) {
    this.memory = new Memory({
      slabBytes: (24 << 20) + (options.cellBytes ?? 8 << 20),
      chunks: 16,
      cellBytes: options.cellBytes ?? 8 << 20,
    });
    this.frames = new FrameStore(this.memory);
    const env = new Env(this.memory, new Rng(options.seed ?? 791), new NullTrace());
    this.stack = new Stack(env, this.frames);
    this.net = this.stack.net;
    Object.assign(this.net.config, { dadTransmits: 0 }, options.config);
    for (const [name, value] of Object.entries(options.conf6 ?? {})) {
      this.net.config.conf6.set(name as Conf6Name, value);
    }
    this.port = this.addPort('eth0', OUR_MAC, options);
    for (const text of options.addresses ?? ['10.0.0.1/24', '2001:db8::1/64']) {
      this.addAddress(this.port, text);
    }
    this.knows('10.0.0.2', PEER_MAC);
    this.knows('2001:db8::2', PEER_MAC);
    this.knows('fe80::2', PEER_MAC);
    this.knows('10.0.0.254', GATEWAY_MAC);
    this.knows('2001:db8::fe', GATEWAY_MAC);
    if (options.gateway ?? true) {
      this.stack.addDefaultRoute(ip('10.0.0.254'));
      this.stack.addDefaultRoute(ip('2001:db8::fe'));
    }
    this.settle();
    for (const port of this.ports) port.wire.frames.length = 0; // announcements
  }

  addPort(name: string, mac: string, options: RigOptions = {}): Port {
    const wire = new Wire(this.frames);
    const device = new MemoryDevice(this.frames, {
      name,
      mac: MacAddress.parse(mac)!,
      mtu: options.mtu ?? 1500,
      txFrames: options.txFrames ?? 256,
      txPayloadBytes: 1 << 18,
      ...(options.caps === undefined ? {} : { caps: options.caps }),
    });
    device.connect(wire);
    const groupReports = options.groupReports ?? false;
    const iface = this.stack.addInterface(name, device, { groupReports });
    const port = new Port(iface, device, wire);
    this.ports.push(port);
    return port;
  }

  addAddress(port: Port, text: string): number {
    const { address, bits } = parsePrefix(text)!;
    const result = this.stack.addAddress(port.iface, address, bits);
    this.settle();
    return result;
  }

  /** Resolution is the subject of other tests. */
  knows(address: string, mac: string, port: Port = this.port): void {
    port.iface.neighbours.set(ip(address), MacAddress.parse(mac)!, true);
  }

  get now(): number {
    return this.net.env.nowNs / SEC;
  }

  /** An IP packet arrives. Its fate: `accepted` or the reason; counted once, whatever happens. */
  give(packet: Bytes, how: Arrival = {}, port: Port = this.port): string {
    return this.giveFrame(ethernet(packet, how), how, port);
  }

  giveFrame(bytes: Bytes, how: Arrival = {}, port: Port = this.port): string {
    // Around the frame stands what `surroundings` says: nothing that happens may depend on it.
    const margin = new Uint8Array(MARGIN).fill(this.surroundings);
    const frame = this.frames.fromBytes(join(margin, bytes, margin));
    const w = frame * RX_STRIDE;
    this.frames.words[w + RX.OFF]! += MARGIN;
    this.frames.words[w + RX.LEN] = bytes.length;
    this.frames.words[w + RX.FLAGS] = how.flags ?? 0;
    this.frames.words[w + RX.SUM] = how.sum ?? 0;
    this.frames.words[w + RX.CSUM] = how.csum ?? 0;
    this.frames.words[w + RX.GSO] = how.gso ?? 0;
    port.device.take(frame);
    const before = this.net.drops.counts.slice();
    this.receive(port.device);
    const changed = [...this.net.drops.counts].flatMap((n, i) => (n === before[i] ? [] : [i]));
    const [reason] = changed;
    const isCountedOnce =
      changed.length === 1 && this.net.drops.counts[reason!] === before[reason!]! + 1;
    if (!isCountedOnce) return `counted ${changed.length} times`;
    this.settle();
    return reason === 0 ? 'accepted' : DROP_NAMES[reason! - 1]!;
  }

  /** Gives all of them; the fates in order. */
  giveAll(packets: readonly Bytes[], how: Arrival = {}): string[] {
    return packets.map((p) => this.give(p, how));
  }

  /** What left since the last call, in a line each. */
  lines(): string[] {
    return this.port.lines();
  }

  sent(): Seen[] {
    return this.port.sent();
  }

  /** Lets time pass, deadline by deadline, as a driver does. */
  advance(seconds: number): void {
    const { env } = this.net;
    const until = env.nowNs + Math.round(seconds * SEC);
    for (
      let next = this.stack.nextDeadlineNs();
      next <= until;
      next = this.stack.nextDeadlineNs()
    ) {
      env.nowNs = Math.max(env.nowNs, next);
      this.settle();
    }
    env.nowNs = until;
    this.settle();
  }

  /** Turns until nothing moves: loopback frames, timers due now, output. */
  settle(): void {
    for (let turns = 0; turns < 100; turns++) {
      let moved = 0;
      for (const device of this.stack.devices) moved += this.receive(device as MemoryDevice);
      this.stack.fireTimers();
      this.stack.drainReady();
      this.stack.runOutput(1000);
      for (const device of this.stack.devices) {
        const waiting = device.tx.inFlight;
        moved += waiting - Math.max(0, device.txFlush());
      }
      if (moved === 0) return;
    }
    throw new Error('it never comes to rest');
  }

  private receive(device: MemoryDevice): number {
    const n = device.rxBatch(256);
    if (n > 0) this.stack.receive(this.stack.devices.indexOf(device), n);
    if (n > 0) device.rxBatch(0); // gives the batch back
    return Math.max(0, n);
  }

  echo(): EchoSocket {
    return this.net.echoes.open()!;
  }

  ping(s: EchoSocket, to: string, body: Bytes = data(8), seq: number = 1): number {
    const result = this.net.echoes.send(s, ip(to), seq, body);
    this.settle();
    return result;
  }

  /** The oldest reply: `from seq bytes`, or the errno. */
  reply(
    s: EchoSocket,
  ): { from: string; seq: number; body: Bytes; ttl: number; tos: number } | number {
    const n = this.net.echoes.receive(s, this.into, this.datagram);
    if (n < 0) return n;
    const { src, port, ttl, tos } = this.datagram;
    return { from: formatAddress(src), seq: port, body: this.into.slice(0, n), ttl, tos };
  }

  /** Closes the stack and asserts that nothing of it holds memory. */
  close(t: Test): void {
    this.stop();
    t.equal(this.memory.cells.held, 0, 'all cells are back');
    t.equal(this.memory.chunks.held, 0, 'all chunks are back');
    t.equal(this.frames.inUse, 0, 'no frame is left');
  }

  /** Closes the stack; how many cells, chunks and frames it still holds. */
  stop(): number {
    this.stack.close();
    this.frames.releaseChunk();
    return this.memory.cells.held + this.memory.chunks.held + this.frames.inUse;
  }
}
