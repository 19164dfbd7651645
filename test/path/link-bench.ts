import { Rng } from '../../src/base/rng.ts';
import type { FrameSink } from '../../src/link/frame-sink.ts';
import type { FrameStore } from '../../src/link/frame-store.ts';
import type { LinkModel } from '../../src/path/link-model.ts';
import { buildLink, type LinkSpec } from '../../src/path/link-spec.ts';
import { PathStreams } from '../../src/path/path-streams.ts';
import { makeRig, type Rig } from '../link/memory-rig.ts';

export class Turn {
  nowNs = 0;
}

export class Arrivals implements FrameSink {
  readonly seen: { n: number; atNs: number }[] = [];
  free = 0x7fffffff;
  /** Looks at each frame before it is released. */
  watch: (frame: number) => void = () => undefined;
  private readonly frames: FrameStore;
  private readonly clock: Turn;

  constructor(frames: FrameStore, clock: Turn) {
    this.frames = frames;
    this.clock = clock;
  }

  room(): number {
    return this.free;
  }

  take(frame: number): void {
    const n = this.frames.slab.dv.getUint32(this.frames.offsetOf(frame));
    this.seen.push({ n, atNs: this.clock.nowNs });
    this.watch(frame);
    this.frames.release(frame);
  }
}

export interface Options extends LinkSpec {
  readonly seed?: number;
}

/** A link between a test, which sends numbered frames at its own times, and a receiver that notes them. */
export class Bench {
  readonly rig: Rig = makeRig(48);
  readonly clock = new Turn();
  readonly arrivals = new Arrivals(this.rig.frames, this.clock);
  readonly dropped: string[] = [];
  readonly streams: PathStreams;
  readonly link: LinkModel;
  private sent = 0;

  constructor(options: Options) {
    const drops = { frameDropped: (_: FrameStore, __: number, r: string) => this.dropped.push(r) };
    const { frames } = this.rig;
    const rng = new Rng(options.seed ?? 1);
    const world = { frames, clock: this.clock, rng };
    this.streams = new PathStreams(rng, 'link.test');
    this.link = buildLink(world, this.arrivals, this.streams, { ...options, drops });
  }

  send(atNs: number, len = 1000): void {
    this.runTo(atNs);
    this.clock.nowNs = atNs;
    const bytes = new Uint8Array(len);
    new DataView(bytes.buffer).setUint32(0, this.sent++);
    this.link.take(this.rig.frames.fromBytes(bytes));
  }

  runTo(untilNs: number): number {
    let events = 0;
    while (this.link.dueNs <= untilNs) {
      this.clock.nowNs = Math.max(this.clock.nowNs, this.link.dueNs);
      this.link.advance();
      events++;
    }
    return events;
  }

  conserves(): boolean {
    const s = this.link.stats.toObject();
    const ended =
      s.cut +
      s.tooLong +
      s.policed +
      s.lost +
      s.refused +
      s.discarded +
      this.link.queue.ledger.dropped;
    const out = s.delivered + ended;
    return s.frames + s.duplicated === out + this.link.inside;
  }

  isHome(): boolean {
    this.rig.frames.releaseChunk();
    return this.rig.frames.inUse === 0 && this.rig.memory.chunks.held === 0;
  }
}
