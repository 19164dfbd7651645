/**
 * A whole stack on a device made of memory, for the allocation gate: frames are prepared once and cloned
 * into the device, what leaves is counted and let go, and a call is one turn as a driver makes it.
 */
import { Env } from '../../src/base/env.ts';
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { NullTrace } from '../../src/base/trace.ts';
import type { DeviceCaps } from '../../src/link/device.ts';
import type { FrameSink } from '../../src/link/frame-sink.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { MemoryDevice } from '../../src/link/memory-device.ts';
import { Pipe } from '../../src/link/pipe.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { DropName } from '../../src/net/drops.ts';
import type { Interface } from '../../src/net/interface.ts';
import { Stack } from '../../src/stack/stack.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';

const US = new MacAddress(0x0200, 1);
const PEER = new MacAddress(0x0200, 2);
/** Longer than the last unsolicited report takes (RFC 2236 §8.10, RFC 2710 §7.10: 10 s). */
const SETTLE_TURNS = 20;
const SETTLE_NS = 2e9;

export const ip = (text: string) => parseAddress(text)!;

/** Counts what leaves. */
class Drain implements FrameSink {
  frames = 0;
  bytes = 0;
  private readonly store: FrameStore;

  constructor(store: FrameStore) {
    this.store = store;
  }

  room(): number {
    return 1024;
  }

  take(frame: number): void {
    this.frames++;
    this.bytes += this.store.lengthOf(frame);
    this.store.release(frame);
  }
}

export interface StackRigOptions {
  readonly caps?: Partial<DeviceCaps>;
}

export class StackRig {
  readonly memory = new Memory({ slabBytes: 96 << 20, chunks: 16, cellBytes: 16 << 20 });
  readonly frames = new FrameStore(this.memory);
  readonly stack: Stack;
  readonly device: MemoryDevice;
  readonly iface: Interface;
  readonly out: Drain;
  wakeNs = 0;
  private readonly templates: number[] = [];

  constructor(options: StackRigOptions = {}) {
    const env = new Env(this.memory, new Rng(1), new NullTrace());
    env.nowNs = 5e12; // past int32, as on any stack that has run for a while
    this.stack = new Stack(env, this.frames);
    this.stack.net.config.dadTransmits = 0;
    const caps = options.caps ?? {};
    this.device = new MemoryDevice(this.frames, { name: 'bench0', mac: US, caps });
    this.out = new Drain(this.frames);
    this.device.connect(this.out);
    this.iface = this.stack.addInterface('bench0', this.device, { groupReports: false });
    this.stack.addAddress(this.iface, ip('10.0.0.1'), 24);
    this.stack.addAddress(this.iface, ip('2001:db8::1'), 64);
    for (const peer of ['10.0.0.2', '2001:db8::2', 'fe80::2']) {
      this.iface.neighbours.set(ip(peer), PEER, true);
    }
    this.letSettle();
  }

  /** Groups are reported, and reported again: what leaves of itself has left before anything is counted. */
  private letSettle(): void {
    for (let i = 0; i < SETTLE_TURNS; i++) {
      this.stack.env.nowNs += SETTLE_NS;
      this.turn();
    }
  }

  /** Prepares a frame that `offer` hands in as often as it is called. */
  prepare(bytes: Uint8Array, flags = 0, sum = 0, csum = 0, gso = 0): number {
    const frame = this.frames.fromBytes(bytes);
    const w = frame * RX_STRIDE;
    this.frames.words[w + RX.FLAGS] = flags;
    this.frames.words[w + RX.SUM] = sum;
    this.frames.words[w + RX.CSUM] = csum;
    this.frames.words[w + RX.GSO] = gso;
    this.templates.push(frame);
    return this.templates.length - 1;
  }

  /** The frame itself: whoever offers it may write other bytes into it, once the last offer has been received. */
  frameOf(template: number): number {
    return this.templates[template]!;
  }

  offer(template: number): void {
    this.device.take(this.frames.clone(this.templates[template]!));
  }

  turn(): void {
    turn(this.stack);
    this.sleep();
  }

  /** On its own, as drivers do it: a time stays unboxed only where what gives it is inlined. */
  private sleep(): void {
    this.wakeNs = this.stack.nextDeadlineNs();
  }

  /** What a case claims about its run: a gate over packets that were dropped would prove nothing. */
  check(what: string, condition: boolean): void {
    if (!condition) throw new Error(`${what}: ${JSON.stringify(this.stack.net.drops.toObject())}`);
  }

  dropped(name: DropName): number {
    return this.stack.net.drops.get(name);
  }
}

/** A driver's turn, 10 µs after the last. */
export function turn(stack: Stack): void {
  stack.env.nowNs += 10_000;
  const { devices } = stack;
  for (let i = 0; i < devices.length; i++) {
    const n = devices[i]!.rxBatch(256);
    if (n > 0) stack.receive(i, n);
  }
  stack.fireTimers();
  stack.drainReady();
  stack.runOutput(256);
  for (let i = 0; i < devices.length; i++) devices[i]!.txFlush();
}

/** Two stacks back to back, 10.0.0.1 and 10.0.0.2, 2001:db8::1 and 2001:db8::2. */
export function pipedStacks(): readonly [Stack, Stack] {
  const memory = new Memory({ slabBytes: 96 << 20, chunks: 16, cellBytes: 16 << 20 });
  const frames = new FrameStore(memory);
  const pipe = new Pipe(frames, { name: 'a0', mac: US }, { name: 'b0', mac: PEER });
  const make = (device: MemoryDevice, own: number, other: number): Stack => {
    const stack = new Stack(new Env(memory, new Rng(own), new NullTrace()), frames);
    stack.env.nowNs = 5e12;
    stack.net.config.dadTransmits = 0;
    const iface = stack.addInterface(device.name, device, { groupReports: false });
    stack.addAddress(iface, ip(`10.0.0.${own}`), 24);
    stack.addAddress(iface, ip(`2001:db8::${own}`), 64);
    const mac = new MacAddress(0x0200, other);
    iface.neighbours.set(ip(`10.0.0.${other}`), mac, true);
    iface.neighbours.set(ip(`2001:db8::${other}`), mac, true);
    return stack;
  };
  const stacks = [make(pipe.a, 1, 2), make(pipe.b, 2, 1)] as const;
  for (const stack of stacks) turn(stack);
  return stacks;
}
