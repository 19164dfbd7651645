/** What the two SYNs agreed on: fixed for the life of a connection. Made by `Agreements`. */
export class Agreed {
  /** Largest segment the peer takes, options not counted (RFC 9293 §3.7.1). */
  readonly peerMss: number;
  readonly hasTimestamps: boolean;
  readonly hasSack: boolean;
  readonly hasWindowScale: boolean;
  /** Shift of the windows the peer sends, and of those we send. */
  readonly sndShift: number;
  readonly rcvShift: number;
  /** RFC 3168 §6.1.1. */
  readonly hasEcn: boolean;

  constructor(
    peerMss: number,
    hasTimestamps: boolean,
    hasSack: boolean,
    hasWindowScale: boolean,
    sndShift: number,
    rcvShift: number,
    hasEcn: boolean,
  ) {
    this.peerMss = peerMss;
    this.hasTimestamps = hasTimestamps;
    this.hasSack = hasSack;
    this.hasWindowScale = hasWindowScale;
    this.sndShift = sndShift;
    this.rcvShift = rcvShift;
    this.hasEcn = hasEcn;
  }
}

/** Clients agree on few combinations; who tries them all gets objects that are not kept. */
const MOST_KEPT = 1024;

/** Those of a stack: equal ones are one, however many connections have it. */
export class Agreements {
  private readonly kept = new Map<number, Agreed>();

  of(
    peerMss: number,
    hasTimestamps: boolean,
    hasSack: boolean,
    hasWindowScale: boolean,
    sndShift: number,
    rcvShift: number,
    hasEcn: boolean,
  ): Agreed {
    const bits =
      (hasTimestamps ? 1 : 0) | (hasSack ? 2 : 0) | (hasWindowScale ? 4 : 0) | (hasEcn ? 8 : 0);
    const key = peerMss | (bits << 16) | (sndShift << 20) | (rcvShift << 24);
    const known = this.kept.get(key);
    if (known !== undefined) return known;
    const made = new Agreed(
      peerMss,
      hasTimestamps,
      hasSack,
      hasWindowScale,
      sndShift,
      rcvShift,
      hasEcn,
    );
    if (this.kept.size < MOST_KEPT) this.kept.set(key, made);
    return made;
  }
}

/** Without an MSS option: RFC 9293 MUST-15 (IPv6: RFC 8200's 1280 less headers). */
export const DEFAULT_MSS4 = 536;
export const DEFAULT_MSS6 = 1220;
/** Bytes of NOP, NOP and the timestamps option in each segment. */
export const TIMESTAMP_BYTES = 12;
