/**
 * The virtual-time driver: seconds of network in milliseconds, the same every time.
 *
 *        ┌──────────── events: one binary heap on (time, arming number) ───────────┐
 *        │   host A's turn      link A→B      link B→A      host B's turn     …    │
 *        └──────┬───────────────────┬─────────────────────────────┬────────────────┘
 *               ▼                   ▼                             ▼
 *     ┌─ SimHost ────────┐   ┌─ SimLink ────────────────┐   ┌─ SimHost ────────┐
 *     │ Host (a stack)   │   │ queue → transmitter →    │   │ Host (a stack)   │
 *     │ applications     │   │         in flight (FIFO) │   │ applications     │
 *     │ nic.txFlush ─────┼──►│ take            advance ─┼──►│ nic.take, wake   │
 *     └──────────────────┘   └──────────────────────────┘   └──────────────────┘
 *
 * **Time.** The clock jumps to the earliest event and stands still while everything due at that instant
 * happens, in the order in which it was armed. What an instant arms for itself happens within it: a
 * frame that a link without delay hands over wakes its host at once, after the links that are due too,
 * so a turn sees all frames of its instant.
 *
 * **Cost.** A link has one heap entry per direction, however many frames it carries; a host has one.
 * With one a frame the heap would grow with what is in flight, and each packet's way through it.
 * Frames are gathered once, into chunks that all devices share, and move as numbers.
 *
 * **Repeatability.** All randomness comes from the seed, in streams named after hosts and links; ties
 * are broken by arming number; nothing depends on addresses in memory or on a clock. `traceHash` sums up
 * every frame that arrived, where and when: same seed, same hash.
 *
 * **Memory.** A simulation that runs out of chunks waits, as a device does (the frames stay in transmit
 * rings), and says so if nothing can ever give one back. `end` checks that every chunk, cell and frame
 * has come home.
 */
import { assert } from '../base/assert.ts';
import { Deadline, DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import { Env } from '../base/env.ts';
import { Memory, type MemorySizes } from '../base/memory.ts';
import { Rng } from '../base/rng.ts';
import { NEVER } from '../base/time.ts';
import { NullTrace, type TraceSink } from '../base/trace.ts';
import type { FramePort } from '../link/frame-sink.ts';
import { FrameStore } from '../link/frame-store.ts';
import { MemoryDevice, type MemoryDeviceOptions } from '../link/memory-device.ts';
import type { LinkSpec } from '../path/link-spec.ts';
import type { Host } from '../stack/host.ts';
import { MacAddress } from '../wire/mac.ts';
import { SimClock } from './sim-clock.ts';
import { type HostWorld, SimHost } from './sim-host.ts';
import { SimLink, type SimLinkWorld } from './sim-link.ts';
import { TraceHash } from './trace-hash.ts';

/** Lazily touched; room for some hundred interfaces beside the pools. */
const DEFAULT_SIZES: MemorySizes = { slabBytes: 256 << 20, chunks: 256, cellBytes: 32 << 20 };
/** A simulated interface sends at the end of every turn: its rings can be small. */
const NIC_TX_FRAMES = 256;
const NIC_TX_PAYLOAD_BYTES = 256 << 10;

export interface SimulatorOptions {
  /** Print it, and the run repeats. */
  readonly seed: number;
  readonly memory?: MemorySizes;
  /** Where stacks say what happened. */
  readonly trace?: TraceSink;
  /** False when nobody compares runs: hashing reads every byte of every frame. */
  readonly isHashed?: boolean;
}

export interface Duplex {
  /** From the first port to the second, and back. */
  readonly forth: SimLink;
  readonly back: SimLink;
}

export class Simulator implements SimLinkWorld, HostWorld {
  readonly clock = new SimClock();
  readonly events = new DeadlineQueue();
  readonly memory: Memory;
  readonly frames: FrameStore;
  readonly rng: Rng;
  readonly trace: TraceHash | null;
  private readonly traceSink: TraceSink;
  private readonly hosts: SimHost[] = [];
  private readonly links: SimLink[] = [];
  private nics = 0;
  /** Hosts with frames they could not send, woken at the next instant. */
  private blocked: SimHost[] = [];
  /** Events so far. */
  fired = 0;

  constructor(options: SimulatorOptions) {
    this.memory = new Memory({ ...DEFAULT_SIZES, ...options.memory });
    this.frames = new FrameStore(this.memory);
    this.rng = new Rng(options.seed);
    this.trace = options.isHashed === false ? null : new TraceHash();
    this.traceSink = options.trace ?? new NullTrace();
  }

  get nowNs(): number {
    return this.clock.nowNs;
  }

  /** 16 hexadecimal digits over every frame that arrived; empty when hashing is off. */
  get traceHash(): string {
    return this.trace === null ? '' : this.trace.digest();
  }

  /** The surroundings of a new stack: shared memory, randomness of its own, drawn from the seed by name. */
  env(name: string): Env {
    const random = this.rng.stream(`host.${name}`);
    const seed = (random.int32() >>> 0) * 0x100000 + (random.int32() >>> 12);
    return new Env(this.memory, new Rng(seed), this.traceSink);
  }

  /** An interface to give to a stack and to `connect`; its address is counted up from 02:00:00:00:00:01. */
  nic(name: string, options: Partial<MemoryDeviceOptions> = {}): MemoryDevice {
    this.nics++;
    return new MemoryDevice(this.frames, {
      mac: new MacAddress(0x0200, this.nics),
      txFrames: NIC_TX_FRAMES,
      txPayloadBytes: NIC_TX_PAYLOAD_BYTES,
      ...options,
      name,
    });
  }

  /**
   * @param nics the memory devices at the bottom of `host.devices`, below any middleware: a frame that
   *   arrives at one of them wakes the host.
   */
  addHost(name: string, host: Host, nics: readonly MemoryDevice[]): SimHost {
    const added = new SimHost(this, name, host, nics);
    this.hosts.push(added);
    return added;
  }

  /** Joins two ports (interfaces, switch ports) by a link, alike in both directions or not. */
  connect(a: FramePort, b: FramePort, forth: LinkSpec = {}, back: LinkSpec = forth): Duplex {
    const duplex = { forth: this.addLink(b, forth), back: this.addLink(a, back) };
    a.connect(duplex.forth);
    b.connect(duplex.back);
    return duplex;
  }

  /** Calls `what` at a time, outside of any host: to change the network under way. */
  at(timeNs: number, what: () => void): void {
    assert(timeNs >= this.nowNs, 'the past is over');
    this.events.arm(new Deadline(new Call(what), 0), timeNs);
  }

  /** Everything up to and including `untilNs`; the clock then shows `untilNs`, or the last event for NEVER. */
  run(untilNs: number): void {
    while (this.instant(untilNs));
    if (untilNs !== NEVER) this.clock.advanceTo(untilNs);
  }

  /** Until `isReached` holds at the end of an instant (true), or nothing is left up to `limitNs` (false). */
  runUntil(isReached: () => boolean, limitNs: number = NEVER): boolean {
    while (!isReached()) {
      if (!this.instant(limitNs)) return false;
    }
    return true;
  }

  sendBlocked(host: SimHost): void {
    if (!this.blocked.includes(host)) this.blocked.push(host);
  }

  /** Closes every device and link, then asserts that all memory is back. Stacks are closed by their owner, before. */
  end(): void {
    for (const host of this.hosts) host.close();
    for (const link of this.links) link.close();
    this.assertQuiescent();
  }

  /** No frame in flight, no chunk and no cell held by anybody. */
  assertQuiescent(): void {
    this.frames.releaseChunk();
    const { chunks, cells } = this.memory;
    assert(this.frames.inUse === 0, `${this.frames.inUse} frames are still in flight`);
    assert(chunks.held === 0, `${chunks.held} chunks are still held`);
    assert(cells.held === 0, `${cells.held} cells are still held`);
  }

  /** All that is due at the next instant, if that is not after `untilNs`. */
  private instant(untilNs: number): boolean {
    const nextNs = this.events.nextNs();
    if (nextNs === NEVER) return this.blocked.length > 0 && this.retryStuck();
    if (nextNs > untilNs) return false;
    this.clock.advanceTo(nextNs);
    if (this.blocked.length > 0) this.retryBlocked();
    this.fired += this.events.fire(nextNs);
    return true;
  }

  /** Nothing is due ever, but hosts have frames to send: once more, now. */
  private retryStuck(): boolean {
    const woken = this.blocked.length;
    this.retryBlocked();
    const fired = this.events.fire(this.clock.nowNs);
    this.fired += fired;
    const hasMoved = fired > woken || this.blocked.length < woken;
    assert(hasMoved, 'out of chunks, and nothing in flight that could give one back');
    return true;
  }

  private retryBlocked(): void {
    const { blocked } = this;
    this.blocked = [];
    for (const host of blocked) host.wake();
  }

  private addLink(target: FramePort, spec: LinkSpec): SimLink {
    const id = this.links.length;
    const link = new SimLink(this, id, spec.name ?? `${id}`, target, spec);
    this.links.push(link);
    return link;
  }
}

class Call implements Expirable {
  private readonly what: () => void;

  constructor(what: () => void) {
    this.what = what;
  }

  expire(): void {
    this.what();
  }
}
