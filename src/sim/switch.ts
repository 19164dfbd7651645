import { Counters } from '../base/counters.ts';
import type { Rng } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type FramePort, type FrameSink, GONE } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { ETH_HEADER_LEN, ethDstHigh, ethDstLow, ethSrcHigh, ethSrcLow } from '../wire/ethernet.ts';

export const SWITCH_COUNTERS = [
  'frames',
  /** Sent out of the one port where the address was seen. */
  'forwarded',
  /** Sent out of all other ports: group addresses, and addresses not seen yet. */
  'flooded',
  /** The address is where the frame came from. */
  'filtered',
  /** Copies that a port had no room for. */
  'dropped',
  /** Shorter than an Ethernet header. */
  'malformed',
] as const;

/** Addresses it remembers; more are flooded. Entries do not age: a station that moves is learnt anew when it sends. */
const TABLE_LIMIT = 1024;
const GROUP_BIT = 0x0100;
const NO_LIMIT = 0x7fffffff;

/**
 * A learning Ethernet switch without a cost of its own: what takes time is the links at its ports.
 * As a hub it learns nothing and floods everything.
 */
export class Switch {
  readonly ports: readonly SwitchPort[];
  readonly stats = new Counters(SWITCH_COUNTERS);
  private readonly frames: FrameStore;
  private readonly table: WordTable;
  private readonly isHub: boolean;

  private readonly framesId = this.stats.id('frames');
  private readonly forwardedId = this.stats.id('forwarded');
  private readonly floodedId = this.stats.id('flooded');
  private readonly filteredId = this.stats.id('filtered');
  private readonly droppedId = this.stats.id('dropped');
  private readonly malformedId = this.stats.id('malformed');

  constructor(frames: FrameStore, rng: Rng, name: string, ports: number, isHub = false) {
    this.frames = frames;
    this.isHub = isHub;
    this.table = new WordTable(2, rng.stream(`switch.${name}`), TABLE_LIMIT);
    this.ports = Array.from({ length: ports }, (_, i) => new SwitchPort(this, i));
  }

  /** Takes over a frame that came in at `port`. */
  pass(port: number, frame: number): void {
    const { frames } = this;
    this.stats.count(this.framesId);
    if (frames.lengthOf(frame) < ETH_HEADER_LEN) {
      this.stats.count(this.malformedId);
      frames.release(frame);
      return;
    }
    const dv = frames.slab.dv;
    const o = frames.offsetOf(frame);
    if (!this.isHub) this.learn(port, ethSrcHigh(dv, o), ethSrcLow(dv, o));
    const out = this.isHub ? NOT_FOUND : this.find(ethDstHigh(dv, o), ethDstLow(dv, o));
    if (out === NOT_FOUND) {
      this.flood(port, frame);
    } else if (out === port) {
      this.stats.count(this.filteredId);
      frames.release(frame);
    } else {
      this.stats.count(this.forwardedId);
      this.emit(out, frame);
    }
  }

  private learn(port: number, high: number, low: number): void {
    if ((high & GROUP_BIT) !== 0) return;
    const { key } = this.table;
    key[0] = high;
    key[1] = low;
    if (this.table.size < TABLE_LIMIT || this.table.find() !== NOT_FOUND) this.table.set(port);
  }

  private find(high: number, low: number): number {
    if ((high & GROUP_BIT) !== 0) return NOT_FOUND;
    this.table.key[0] = high;
    this.table.key[1] = low;
    return this.table.find();
  }

  private flood(from: number, frame: number): void {
    this.stats.count(this.floodedId);
    for (let i = 0; i < this.ports.length; i++) {
      if (i !== from) this.emit(i, this.frames.clone(frame));
    }
    this.frames.release(frame);
  }

  private emit(port: number, frame: number): void {
    const outlet = this.ports[port]!.outlet;
    if (outlet !== null && outlet.room() > 0) {
      outlet.take(frame);
      return;
    }
    if (outlet !== null && outlet.room() !== GONE) this.stats.count(this.droppedId);
    this.frames.release(frame);
  }
}

export class SwitchPort implements FramePort {
  /** Null while nothing is plugged in. */
  outlet: FrameSink | null = null;
  private readonly owner: Switch;
  private readonly index: number;

  constructor(owner: Switch, index: number) {
    this.owner = owner;
    this.index = index;
  }

  connect(outlet: FrameSink): void {
    this.outlet = outlet;
  }

  room(): number {
    return NO_LIMIT;
  }

  take(frame: number): void {
    this.owner.pass(this.index, frame);
  }
}
