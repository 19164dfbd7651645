/** A queue without a link: frames offered and taken at times of the test's choosing. */
import { type FrameStore, NO_FRAME } from '../../src/link/frame-store.ts';
import type { QueueDiscipline } from '../../src/path/queue.ts';
import { makeQueue, type QueueSpec, type QueueWorld } from '../../src/path/queue-spec.ts';
import { writeIpv4 } from '../../src/wire/ipv4.ts';
import { makeRig, type Rig } from '../link/memory-rig.ts';

const UDP = 17;
const NUMBER_AT = 14 + 20 + 8;

/** What came out, and how long it had waited. */
export interface Taken {
  readonly n: number;
  readonly flow: number;
  readonly ecn: number;
  readonly waitedNs: number;
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

export class QueueBench {
  readonly rig: Rig = makeRig(48);
  readonly queue: QueueDiscipline;
  readonly dropped: { readonly n: number; readonly why: string; readonly atNs: number }[] = [];
  private offered = 0;

  constructor(spec: QueueSpec, world: Partial<QueueWorld> = {}) {
    const { frames } = this.rig;
    this.queue = makeQueue(spec, {
      frames,
      drops: {
        frameDropped: (_: FrameStore, frame: number, why: string) => {
          const atNs = this.queue.clock.nowNs;
          this.dropped.push({ n: this.numberOf(frame), why, atNs });
        },
      },
      ...world,
    });
  }

  /** Offers frame number 0, 1, 2 … at a time. */
  offer(atNs: number, len = 1000, flow = 1, ecn = 0): void {
    const { frames } = this.rig;
    const frame = frames.fromBytes(datagram(this.offered++, len, flow, ecn));
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
      flow: dv.getUint16(off + 34),
      ecn: dv.getUint8(off + 15) & 3,
      waitedNs: atNs - frames.timeNs[frame]!,
    };
    frames.release(frame);
    return taken;
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
