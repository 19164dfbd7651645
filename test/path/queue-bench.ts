/** A queue without a link: frames offered and taken at times of the test's choosing. */

import { CHUNK_BYTES, Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { SEC } from '../../src/base/time.ts';
import { FrameStore, NO_FRAME } from '../../src/link/frame-store.ts';
import { PathStreams } from '../../src/path/path-streams.ts';
import type { QueueDiscipline } from '../../src/path/queue.ts';
import { makeQueue, type QueueSpec } from '../../src/path/queue-spec.ts';
import { writeIpv4 } from '../../src/wire/ipv4.ts';
import type { Rig } from '../link/memory-rig.ts';

const UDP = 17;
const NUMBER_AT = 14 + 20 + 8;

/** What came out, and how long it had waited. */
export interface Taken {
  readonly n: number;
  readonly len: number;
  readonly flow: number;
  readonly ecn: number;
  readonly atNs: number;
  readonly waitedNs: number;
}

export interface Arrival {
  readonly atNs: number;
  readonly len: number;
  readonly flow: number;
  readonly ecn?: number;
}

/** A UDP datagram over IPv4 from port `flow`, `n` in its payload. */
export function datagram(n: number, len: number, flow = 1, ecn = 0): Uint8Array {
  const bytes = new Uint8Array(len);
  const dv = new DataView(bytes.buffer);
  dv.setUint16(12, 0x0800);
  writeIpv4(dv, 14, ecn, len - 14, n & 0xffff, 0, 64, UDP, 0x0a000001, 0x0a000002);
  dv.setUint16(34, flow);
  dv.setUint16(36, 9);
  dv.setUint32(NUMBER_AT, n);
  return bytes;
}

/** `len` bytes every `gapNs`, from 0 until `untilNs`. */
export function steady(a: Omit<Arrival, 'atNs'>, gapNs: number, untilNs = SEC): Arrival[] {
  const all: Arrival[] = [];
  for (let atNs = 0; atNs < untilNs; atNs += gapNs) all.push({ ...a, atNs });
  return all;
}

export class QueueBench<Q extends QueueDiscipline = QueueDiscipline> {
  readonly rig: Rig;
  readonly queue: Q;
  readonly dropped: { readonly n: number; readonly why: string; readonly atNs: number }[] = [];
  offered = 0;

  constructor(spec: QueueSpec, rateBps = 80e6, chunks = 48) {
    const slabBytes = (chunks + 1) * CHUNK_BYTES + (1 << 20);
    const memory = new Memory({ slabBytes, chunks, cellBytes: 1 << 18, pages: 1 });
    this.rig = { memory, frames: new FrameStore(memory) };
    const { frames } = this.rig;
    const drops = {
      frameDropped: (_: FrameStore, frame: number, why: string): void => {
        const atNs = this.queue.clock.nowNs;
        this.dropped.push({ n: this.numberOf(frame), why, atNs });
      },
    };
    const world = { frames, drops, streams: new PathStreams(new Rng(1), 'link'), rateBps };
    this.queue = makeQueue(spec, world) as unknown as Q;
  }

  /** Offers frame number 0, 1, 2 … at a time. */
  offer(atNs: number, len = 1000, flow = 1, ecn = 0): void {
    this.offerBytes(atNs, datagram(this.offered++, len, flow, ecn));
  }

  offerBytes(atNs: number, bytes: Uint8Array): void {
    const { frames } = this.rig;
    const frame = frames.fromBytes(bytes);
    if (frame === NO_FRAME) throw new Error('no chunk is free');
    frames.timeNs[frame] = atNs;
    this.queue.clock.advanceTo(atNs);
    this.queue.enqueue(frame);
  }

  take(atNs: number): Taken | null {
    const { frames } = this.rig;
    this.queue.clock.advanceTo(atNs);
    const frame = this.queue.dequeue();
    if (frame === NO_FRAME) return null;
    const { dv } = frames.slab;
    const off = frames.offsetOf(frame);
    const taken = {
      n: this.numberOf(frame),
      len: frames.lengthOf(frame),
      flow: dv.getUint16(off + 34),
      ecn: dv.getUint8(off + 15) & 3,
      atNs,
      waitedNs: atNs - frames.timeNs[frame]!,
    };
    frames.release(frame);
    return taken;
  }

  /** Serves all arrivals at a rate, as a transmitter does, to the last frame. */
  serve(arrivals: readonly Arrival[], rateBps: number): Taken[] {
    const all: Taken[] = [];
    let freeNs = 0;
    const sendUntil = (untilNs: number): void => {
      while (this.queue.count > 0 && freeNs <= untilNs) {
        const taken = this.take(freeNs);
        if (taken === null) return;
        all.push(taken);
        freeNs += Math.floor((taken.len * 8e9) / rateBps);
      }
    };
    for (const a of [...arrivals].sort((x, y) => x.atNs - y.atNs)) {
      sendUntil(a.atNs);
      if (this.queue.count === 0) freeNs = Math.max(freeNs, a.atNs);
      this.offer(a.atNs, a.len, a.flow, a.ecn ?? 0);
    }
    sendUntil(Number.MAX_SAFE_INTEGER);
    return all;
  }

  count(name: Parameters<QueueDiscipline['ledger']['stats']['get']>[0]): number {
    return this.queue.ledger.stats.get(name);
  }

  /** Everything queued is released, and no frame and no chunk is held. */
  isHome(): boolean {
    this.queue.clear();
    const { frames, memory } = this.rig;
    frames.releaseChunk();
    return frames.inUse === 0 && memory.chunks.held === 0 && this.queue.count === 0;
  }

  private numberOf(frame: number): number {
    const { frames } = this.rig;
    return frames.slab.dv.getUint32(frames.offsetOf(frame) + NUMBER_AT);
  }
}
