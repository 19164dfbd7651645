import { Counters } from '../../base/counters.ts';
import { type FramePort, type FrameSink, GONE } from '../../link/frame-sink.ts';
import type { FrameStore } from '../../link/frame-store.ts';
import { ETH_HEADER_LEN, ethDstHigh, ethDstLow } from '../../wire/ethernet.ts';

export const ROUTER_COUNTERS = [
  'frames',
  'forwarded',
  /** To groups, to nobody here, or too short: nothing that an experiment's hosts send. */
  'unroutable',
  /** The way out took no more. */
  'refused',
] as const;

// Own constants: see CONTRIBUTING.md, "Hot modules".
const FRAMES = ROUTER_COUNTERS.indexOf('frames');
const FORWARDED = ROUTER_COUNTERS.indexOf('forwarded');
const UNROUTABLE = ROUTER_COUNTERS.indexOf('unroutable');
const REFUSED = ROUTER_COUNTERS.indexOf('refused');
const NO_LIMIT = 0x7fffffff;

/**
 * Passes frames on between links, without a cost of its own: what takes time, waits or loses is the links. It knows
 * every host beforehand, by its hardware address, and changes no byte: a packet is the same at every hop, and its TTL is
 * what it was. Who wants a router that lives by RFC 1812 takes a stack with forwarding on.
 */
export class Router {
  readonly stats = new Counters(ROUTER_COUNTERS);
  readonly ports: readonly RouterPort[];
  private readonly frames: FrameStore;
  private readonly macHigh: number;
  /** By the low word of a host's hardware address: the port, or -1. */
  private readonly routes: Int32Array;

  constructor(frames: FrameStore, ports: number, macHigh: number, routes: Int32Array) {
    this.frames = frames;
    this.macHigh = macHigh;
    this.routes = routes;
    this.ports = Array.from({ length: ports }, () => new RouterPort(this));
  }

  /** Takes over a frame that came in at some port. */
  pass(frame: number): void {
    const { stats } = this;
    stats.count(FRAMES);
    const outlet = this.outletFor(frame);
    if (outlet === null) {
      stats.count(UNROUTABLE);
      this.frames.release(frame);
    } else if (outlet.room() > 0) {
      stats.count(FORWARDED);
      outlet.take(frame);
    } else {
      if (outlet.room() !== GONE) stats.count(REFUSED);
      this.frames.release(frame);
    }
  }

  private outletFor(frame: number): FrameSink | null {
    const { frames } = this;
    if (frames.lengthOf(frame) < ETH_HEADER_LEN) return null;
    const { dv } = frames.slab;
    const o = frames.offsetOf(frame);
    if (ethDstHigh(dv, o) !== this.macHigh) return null;
    const host = ethDstLow(dv, o);
    if (host < 0 || host >= this.routes.length) return null;
    const port = this.routes[host]!;
    return port < 0 ? null : this.ports[port]!.outlet;
  }
}

export class RouterPort implements FramePort {
  /** Null while nothing is plugged in. */
  outlet: FrameSink | null = null;
  private readonly owner: Router;

  constructor(owner: Router) {
    this.owner = owner;
  }

  connect(outlet: FrameSink): void {
    this.outlet = outlet;
  }

  room(): number {
    return NO_LIMIT;
  }

  take(frame: number): void {
    this.owner.pass(frame);
  }
}
