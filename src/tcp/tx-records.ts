/**
 * What was sent and is not acknowledged yet: one record a segment (or super-frame), for all
 * connections of a stack in shared arrays, linked by index. A record makes no garbage and costs
 * 96 bytes; an idle connection has none.
 */
const INITIAL = 256;

/** Int32 words of a record. */
export const REC = {
  /** Sequence number of its first byte, and how many it occupies (SYN and FIN count). */
  SEQ: 0,
  LEN: 1,
  /** MSS-sized pieces: what cwnd counts. */
  PIECES: 2,
  /** REC_STATE bits. */
  STATE: 3,
  /** Neighbours in order of sequence, and in order of (re)transmission. */
  NEXT: 4,
  PREV: 5,
  LATER: 6,
  EARLIER: 7,
  /** Pieces in flight when it was sent, itself included: for BBR. */
  IN_FLIGHT: 8,
  /** How often it was sent. */
  TRANSMISSIONS: 9,
} as const;
const WORDS = 10;
const { NEXT, IN_FLIGHT, TRANSMISSIONS } = REC;

/** Float64 fields of a record. */
export const REC_TIME = {
  /** Last transmission, and the first one. */
  SENT_NS: 0,
  FIRST_NS: 1,
  /** The rate sampler's state when it was last sent. */
  DELIVERED: 2,
  DELIVERED_NS: 3,
  FIRST_TX_NS: 4,
  LOST: 5,
  DELIVERED_CE: 6,
} as const;
const TIMES = 7;

export const REC_STATE = {
  SACKED: 1,
  LOST: 2,
  /** A retransmission is under way. */
  RETRANS: 4,
  EVER_RETRANS: 8,
  APP_LIMITED: 16,
  FIN: 32,
  SYN: 64,
  /** The application asked that nothing be joined to it (MSG_EOR). */
  EOR: 128,
  /** It was sent with PSH, and will be again. */
  PSH: 256,
} as const;

export const NO_RECORD = -1;

export class TxRecords {
  words = new Int32Array(INITIAL * WORDS);
  times = new Float64Array(INITIAL * TIMES);
  private firstFree = NO_RECORD;
  private used = 0;
  live = 0;

  take(): number {
    this.live++;
    const reused = this.firstFree;
    if (reused !== NO_RECORD) {
      this.firstFree = this.words[reused * WORDS + NEXT]!;
      return reused;
    }
    if (this.used * WORDS === this.words.length) this.widen();
    return this.used++;
  }

  give(record: number): void {
    this.live--;
    this.words[record * WORDS + NEXT] = this.firstFree;
    this.firstFree = record;
  }

  get(record: number, field: number): number {
    return this.words[record * WORDS + field]!;
  }

  set(record: number, field: number, value: number): void {
    this.words[record * WORDS + field] = value;
  }

  /** Where its fields of REC begin in `words`: who reads many finds them there, and computes that once. */
  wordsAt(record: number): number {
    return record * WORDS;
  }

  time(record: number, field: number): number {
    return this.times[record * TIMES + field]!;
  }

  /** Where its fields of REC_TIME begin in `times`: who reads many reads them there, as a call may box each. */
  timesAt(record: number): number {
    return record * TIMES;
  }

  setTime(record: number, field: number, value: number): void {
    this.times[record * TIMES + field] = value;
  }

  /** `to` starts as a copy of `from`, links excepted. */
  copy(from: number, to: number): void {
    this.words.copyWithin(to * WORDS, from * WORDS, from * WORDS + NEXT);
    this.set(to, IN_FLIGHT, this.get(from, IN_FLIGHT));
    this.set(to, TRANSMISSIONS, this.get(from, TRANSMISSIONS));
    this.times.copyWithin(to * TIMES, from * TIMES, (from + 1) * TIMES);
  }

  private widen(): void {
    const words = new Int32Array(this.words.length * 2);
    words.set(this.words);
    this.words = words;
    const times = new Float64Array(this.times.length * 2);
    times.set(this.times);
    this.times = times;
  }
}
