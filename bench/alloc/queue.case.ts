/** Queue disciplines under a load of 5/4 of what leaves, in bursts, of every ECN codepoint: per frame offered. */
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { MS, US } from '../../src/base/time.ts';
import { FrameStore, NO_FRAME } from '../../src/link/frame-store.ts';
import { PathStreams } from '../../src/path/path-streams.ts';
import { makeQueue, type QueueSpec } from '../../src/path/queue-spec.ts';
import { datagram } from '../../test/path/queue-bench.ts';
import type { AllocCase } from './measure.ts';

const SIZES = { slabBytes: 64 << 20, chunks: 32, cellBytes: 1 << 20 };
const BATCH = 20;
/** 1,000 bytes at 80 Mbit/s. */
const FRAME_NS = 100 * US;

const SPECS: readonly QueueSpec[] = [
  { kind: 'drop-tail', limitFrames: 100 },
  { kind: 'drop-head', limitFrames: 100 },
  { kind: 'red', ecn: true },
  { kind: 'codel', ecn: true, ceThresholdNs: 4 * MS },
  { kind: 'fq-codel', limitFrames: 100 },
  { kind: 'pie', ecn: true },
  { kind: 'dualpi2' },
];

class Turn {
  /** Past int32 from the start, as in a run of hours. */
  nowNs = 5e12;
}

function load(spec: QueueSpec): () => void {
  const frames = new FrameStore(new Memory(SIZES));
  const queue = makeQueue(spec, {
    frames,
    drops: null,
    streams: new PathStreams(new Rng(1), 'link'),
    rateBps: 80e6,
  });
  const packets = Array.from({ length: 64 }, (_, i) => datagram(i, 1000, i >> 2, i & 3));
  const turn = new Turn();
  let next = 0;
  return () => {
    queue.clock.advanceTo(turn.nowNs);
    for (let i = 0; i < BATCH; i++) {
      const frame = frames.fromBytes(packets[next]!);
      next = (next + 1) & 63;
      frames.timeNs[frame] = turn.nowNs;
      queue.enqueue(frame);
    }
    for (let i = 0; i < (BATCH * 4) / 5; i++) {
      turn.nowNs += FRAME_NS;
      queue.clock.advanceTo(turn.nowNs);
      const frame = queue.dequeue();
      if (frame !== NO_FRAME) frames.release(frame);
    }
  };
}

export const cases: readonly AllocCase[] = SPECS.map((spec) => ({
  name: `queue ${spec.kind}`,
  packetsPerCall: BATCH,
  build: () => load(spec),
  // PIE and DualPI2 update once in 190 packets.
  hasRarePaths: true,
}));
