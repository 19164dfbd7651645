/**
 * FQ-CoDel (RFC 8290): a queue with CoDel for each flow, served by deficit round robin, sparse flows first.
 *
 *     frame ── FlowHash ──► bucket ──► FlowQueue ──► CoDel ──┐
 *                                                            ▼
 *       newFlows  [a]→[b]          served first: a flow that has just become active
 *       oldFlows  [c]→[d]→[e]      round robin, a quantum of bytes each
 *
 * A flow that uses up its quantum goes to the end of oldFlows; one that has nothing to send leaves oldFlows,
 * but from newFlows it goes through oldFlows first, or it could stay new for ever by sending now and then
 * (RFC 8290 §4.2).
 */
import { assert } from '../base/assert.ts';
import { Link, LinkList } from '../base/link-list.ts';
import type { RandomStream } from '../base/rng.ts';
import { FrameList } from '../link/frame-list.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { CodelLaw, type CodelOptions, CodelState } from './codel-control.ts';
import { FlowHash } from './flow-hash.ts';
import { QueueClock, type QueueDiscipline, type QueueLimits } from './queue.ts';
import { DROPPED, QueueLedger } from './queue-ledger.ts';

/** `limitFrames` 10240, `limitBytes` 32 MiB, `ecn` true unless said. */
export interface FqCodelSpec extends QueueLimits, CodelOptions {
  /** Buckets that flows are hashed into. Default 1024. */
  readonly flows?: number;
  /** Bytes a flow may send before it is another's turn. Default 1514. */
  readonly quantumBytes?: number;
}

/** RFC 8290 §5.2.3, and Linux: of all flows together. */
const LIMIT_FRAMES = 10240;
/** Linux: memory_limit. */
const LIMIT_BYTES = 32 << 20;
/** RFC 8290 §5.2.5. */
const FLOWS = 1024;
/** RFC 8290 §5.2.4: an MTU-sized frame with its Ethernet header. */
const QUANTUM_BYTES = 1514;
/** RFC 8290 §4.1: half of the longest queue is dropped at once, but no more than this; finding it costs a look at each flow. */
const MOST_DROPPED_AT_ONCE = 64;

class FlowQueue {
  readonly link = new Link<FlowQueue>(this);
  readonly list: FrameList;
  readonly codel: CodelState;
  /** Bytes it may send still in its turn; written by FqCodel, as `isActive` is. */
  deficit = 0;
  isActive = false;

  constructor(law: CodelLaw) {
    this.list = new FrameList(law.frames);
    this.codel = new CodelState(law, this.list);
  }
}

export class FqCodel implements QueueDiscipline {
  count = 0;
  bytes = 0;
  readonly ledger: QueueLedger;
  readonly clock = new QueueClock();
  readonly isTransparent = false;
  private readonly frames: FrameStore;
  private readonly law: CodelLaw;
  private readonly hash: FlowHash;
  /** By bucket; made when a flow first falls into it, and kept. */
  private readonly flows: (FlowQueue | null)[];
  private readonly newFlows = new LinkList<FlowQueue>();
  private readonly oldFlows = new LinkList<FlowQueue>();
  private readonly quantumBytes: number;
  private readonly limitFrames: number;
  private readonly limitBytes: number;

  /** @param random keys the hash of flows. */
  constructor(
    frames: FrameStore,
    random: RandomStream,
    spec: FqCodelSpec = {},
    drops: DropListener | null = null,
  ) {
    const flows = spec.flows ?? FLOWS;
    assert(flows >= 1, 'there is a bucket for a flow');
    this.frames = frames;
    this.ledger = new QueueLedger(frames, drops);
    this.law = new CodelLaw(frames, this.clock, this.ledger, { ecn: true, ...spec });
    this.hash = new FlowHash(random);
    this.flows = new Array<FlowQueue | null>(flows).fill(null);
    this.quantumBytes = spec.quantumBytes ?? QUANTUM_BYTES;
    this.limitFrames = Math.max(1, spec.limitFrames ?? LIMIT_FRAMES);
    this.limitBytes = spec.limitBytes ?? LIMIT_BYTES;
    assert(this.quantumBytes >= 1, 'a flow may send something in its turn');
  }

  /** RFC 8290 §4.1. */
  enqueue(frame: number): void {
    const flow = this.flowAt(this.hash.bucketOf(this.frames, frame, this.flows.length));
    flow.list.push(frame);
    this.count++;
    this.bytes += this.frames.lengthOf(frame);
    if (!flow.isActive) {
      flow.isActive = true;
      flow.deficit = this.quantumBytes;
      this.newFlows.push(flow.link);
    }
    while (this.count > this.limitFrames || (this.count > 1 && this.bytes > this.limitBytes)) {
      this.dropFromLongest();
    }
  }

  /** RFC 8290 §4.2. */
  dequeue(): number {
    for (;;) {
      const isNew = this.newFlows.first !== null;
      const flows = isNew ? this.newFlows : this.oldFlows;
      if (flows.first === null) return NO_FRAME;
      const flow = flows.first.owner;
      if (flow.deficit <= 0) {
        flow.deficit += this.quantumBytes;
        flows.shift();
        this.oldFlows.push(flow.link);
        continue;
      }
      const frame = this.takeFrom(flow);
      if (frame !== NO_FRAME) {
        flow.deficit -= this.frames.lengthOf(frame);
        if (this.count === 0) this.retireAll();
        return frame;
      }
      flows.shift();
      if (isNew && this.oldFlows.first !== null) this.oldFlows.push(flow.link);
      else flow.isActive = false;
    }
  }

  clear(): number {
    let released = 0;
    this.retireAll();
    for (const flow of this.flows) {
      if (flow === null) continue;
      released += flow.list.clear();
      flow.codel.reset();
    }
    this.count = 0;
    this.bytes = 0;
    return released;
  }

  private flowAt(bucket: number): FlowQueue {
    const known = this.flows[bucket]!;
    if (known !== null) return known;
    const made = new FlowQueue(this.law);
    this.flows[bucket] = made;
    return made;
  }

  /** Nothing is queued: whoever comes next is new. (A transmitter does not ask a queue that it knows to be empty.) */
  private retireAll(): void {
    while (this.newFlows.first !== null) this.newFlows.shift().isActive = false;
    while (this.oldFlows.first !== null) this.oldFlows.shift().isActive = false;
  }

  /** What its CoDel lets through; what it drops is no longer here either. */
  private takeFrom(flow: FlowQueue): number {
    const { count, bytes } = flow.list;
    const frame = flow.codel.dequeue();
    this.count -= count - flow.list.count;
    this.bytes -= bytes - flow.list.bytes;
    return frame;
  }

  /** From the head, half of its bytes: so the flow learns soonest, and the next look is not for every frame. */
  private dropFromLongest(): void {
    const flow = this.longest();
    const enough = flow.list.bytes / 2;
    let gone = 0;
    let n = 0;
    while (n < MOST_DROPPED_AT_ONCE && gone < enough) {
      const frame = flow.list.shift();
      gone += this.frames.lengthOf(frame);
      this.ledger.drop(frame, DROPPED.OVERLIMIT);
      n++;
    }
    this.count -= n;
    this.bytes -= gone;
    flow.codel.countDrops(n);
  }

  private longest(): FlowQueue {
    let most: FlowQueue | null = null;
    for (let link = this.newFlows.first; link !== null; link = link.next) {
      if (most === null || link.owner.list.bytes > most.list.bytes) most = link.owner;
    }
    for (let link = this.oldFlows.first; link !== null; link = link.next) {
      if (most === null || link.owner.list.bytes > most.list.bytes) most = link.owner;
    }
    assert(most !== null && most.list.count > 0, 'a queue over its limit holds something');
    return most;
  }
}
