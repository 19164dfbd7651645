/** What both sides of `npm run bench -- ns3` simulate, and what each says of a run. */
import { MS, SEC } from '../../src/base/time.ts';

/** Flows from left to right hosts, one bottleneck, drop-tail queues counted in frames. */
export interface Shape {
  readonly cc: string;
  readonly flows: number;
  /** Hosts on each side; flow i is between those with number i modulo pairs. */
  readonly pairs: number;
  readonly durationNs: number;
  /** From one flow's start to the next one's. */
  readonly everyNs: number;
  readonly mss: number;
  /** ns-3's buffers. Ringway's are autotuned, up to Linux's limits (6 MiB to receive, 4 MiB to send). */
  readonly bufferBytes: number;
  readonly bottleneckBps: number;
  readonly bottleneckDelayNs: number;
  readonly bottleneckQueue: number;
  readonly accessBps: number;
  readonly accessDelayNs: number;
  readonly accessQueue: number;
}

/** More would make ns-3 look its routes up in longer lists: 100 pairs for 100 flows take it 1.7 times as long. */
const MOST_PAIRS = 10;
const RTT_NS = 40 * MS;
const FRAME = 1500;

/** 40 ms of round trip, a queue as long as the pipe. */
export function shapeOf(flows: number, bottleneckBps: number, seconds: number, cc: string): Shape {
  const accessDelayNs = 1 * MS;
  return {
    cc,
    flows,
    pairs: Math.min(flows, MOST_PAIRS),
    durationNs: seconds * SEC,
    everyNs: Math.round(SEC / 2 / flows),
    mss: 1448,
    bufferBytes: 6 << 20,
    bottleneckBps,
    bottleneckDelayNs: RTT_NS / 2 - 2 * accessDelayNs,
    bottleneckQueue: Math.round((bottleneckBps * RTT_NS) / SEC / 8 / FRAME),
    accessBps: Math.max(1e9, 10 * bottleneckBps),
    accessDelayNs,
    accessQueue: 1000,
  };
}

/** A line of JSON of either side. Processor time is of the whole process, helper threads too. */
export interface RunFigures {
  /** Before virtual time begins: loading, building the network. */
  readonly setUpCpu: number;
  /** Seconds. */
  readonly wall: number;
  readonly cpu: number;
  /** Of the second half of virtual time. */
  readonly lateWall: number;
  readonly lateCpu: number;
  /** IP packets that arrived at hosts, ACKs too. */
  readonly frames: number;
  readonly lateFrames: number;
  /** Bytes that applications have read. */
  readonly delivered: number;
  readonly segments: number;
  readonly retransmitted: number;
  /** By the bottleneck's queue, from left to right; and what that link carried. */
  readonly dropped: number;
  readonly bottleneckBytes: number;
  /** The middle of the flows' median round trips. */
  readonly rttNs: number;
  readonly events: number;
  readonly peakRss: number;
}
