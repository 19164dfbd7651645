/**
 * Bytes of the send stream whose fate the application asked to hear of: the last byte of a send for transmit
 * timestamps (SO_TIMESTAMPING), the bytes of a send for MSG_ZEROCOPY. Both lists are in the order of the stream:
 *
 *     SND.UNA ....|.......SND.NXT......|........ end of what was written
 *               mark                 mark
 *
 * A mark is an object, made once a send by whoever asked for it; a connection without marks has none of this.
 */
import { type Seq, seqAdd, seqDiff, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import type { SendQueue } from './send-queue.ts';

/** What became of a marked byte, as bits. */
export const FATE = {
  /** Left to be sent. */
  SCHEDULED: 1,
  /** Given to the device. */
  SENT: 2,
  ACKNOWLEDGED: 4,
} as const;
const LEAVING = FATE.SCHEDULED | FATE.SENT;

/** Told of marks, and of ICMP errors that do not end the connection, by a socket that asked for one of them. */
export interface SendWatcher {
  /**
   * The byte before `end`: `fate` is one of FATE. A byte that is sent again leaves again. Borrowed: `queue`, where the
   * text is, of which the `len` bytes before `end` were in the segment, and `from` is where they begin.
   */
  reached(fate: number, end: Seq, queue: SendQueue, from: number, len: number): void;
  /** The sends `first` to `last` with MSG_ZEROCOPY have no use for their bytes any more. */
  released(first: number, last: number): void;
  /** Reported, not fatal (IP_RECVERR). */
  softError(errno: number): void;
}

/** One byte: the last of a send. */
interface Stamp {
  readonly end: Seq;
  /** FATE bits. */
  readonly wants: number;
}

/** One send, or several whose bytes may share a segment. */
interface Copied {
  end: Seq;
  readonly first: number;
  last: number;
  bytes: number;
  /** The call that it belongs to goes on. */
  isOpen: boolean;
}

/** Sends are joined up to this size, as on Linux. */
const MOST_JOINED = 512 << 10;

export class SendMarks {
  private readonly stamps: Stamp[] = [];
  private readonly copies: Copied[] = [];

  /** Notifications that are due one day. */
  get pendingCopies(): number {
    return this.copies.length;
  }

  /** The call whose bytes these are is not over. */
  get isCopyOpen(): boolean {
    return this.copies.at(-1)?.isOpen === true;
  }

  stamp(end: Seq, wants: number): void {
    this.stamps.push({ end, wants });
  }

  /** `bytes` were written up to `end` by send `id`, which goes on if `isOpen`. */
  copied(id: number, end: Seq, bytes: number, isOpen: boolean, sndNxt: Seq): void {
    const last = this.copies.at(-1);
    const isSame = last?.isOpen === true;
    const isUnsent = last !== undefined && seqGt(last.end, sndNxt);
    if (last !== undefined && (isSame || (isUnsent && last.bytes + bytes <= MOST_JOINED))) {
      last.end = end;
      last.bytes += bytes;
      last.last = id;
      last.isOpen = isOpen;
    } else this.copies.push({ end, first: id, last: id, bytes, isOpen });
  }

  /** The call ends with less than it was asked for. */
  closeCopy(watcher: SendWatcher | null, una: Seq): void {
    const last = this.copies.at(-1);
    if (last?.isOpen !== true) return;
    last.isOpen = false;
    this.releaseUpTo(watcher, una);
  }

  /** `len` bytes from `seq` on have left. */
  sent(watcher: SendWatcher, queue: SendQueue, una: Seq, seq: Seq, len: number): void {
    const segmentEnd = seqAdd(seq, len);
    for (let i = this.firstBehind(seq); i < this.stamps.length; i++) {
      const { end, wants } = this.stamps[i]!;
      if (seqGt(end, segmentEnd)) return;
      if ((wants & LEAVING) === 0) continue;
      const from = seqDiff(seq, una);
      const part = seqDiff(end, seq);
      for (const fate of [FATE.SCHEDULED, FATE.SENT]) {
        if ((wants & fate) !== 0) watcher.reached(fate, end, queue, from, part);
      }
    }
  }

  /** Before the bytes from `una` to `ack` leave the queue. */
  acknowledged(watcher: SendWatcher | null, queue: SendQueue, una: Seq, ack: Seq): void {
    let from = 0;
    while (this.stamps.length > 0 && seqLe(this.stamps[0]!.end, ack)) {
      const { end, wants } = this.stamps.shift()!;
      const upTo = seqDiff(end, una);
      if ((wants & FATE.ACKNOWLEDGED) !== 0) {
        watcher?.reached(FATE.ACKNOWLEDGED, end, queue, from, upTo - from);
      }
      from = upTo;
    }
    this.releaseUpTo(watcher, ack);
  }

  /** The first stamp of a byte at or behind `seq`: O(log n). */
  private firstBehind(seq: Seq): number {
    let low = 0;
    let high = this.stamps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqLe(this.stamps[middle]!.end, seq)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private releaseUpTo(watcher: SendWatcher | null, ack: Seq): void {
    while (this.copies.length > 0) {
      const { end, first, last, isOpen } = this.copies[0]!;
      if (isOpen || seqLt(ack, end)) return;
      this.copies.shift();
      watcher?.released(first, last);
    }
  }

  /** Nothing more is sent: every byte is free; nobody will say when one arrived. */
  end(watcher: SendWatcher | null): void {
    this.stamps.length = 0;
    for (const { first, last } of this.copies) watcher?.released(first, last);
    this.copies.length = 0;
  }
}
