/** What the two SYNs agreed on: fixed for the life of a connection. */
export class Agreed {
  /** Largest segment the peer takes, options not counted (RFC 9293 §3.7.1). */
  readonly peerMss: number;
  readonly hasTimestamps: boolean;
  readonly hasSack: boolean;
  readonly hasWindowScale: boolean;
  /** Shift of the windows the peer sends, and of those we send. */
  readonly sndShift: number;
  readonly rcvShift: number;
  /** Added to our clock in the timestamps of this connection (RFC 7323 §5.4). */
  readonly tsOffset: number;
  /** RFC 3168 §6.1.1. */
  readonly hasEcn: boolean;

  constructor(
    peerMss: number,
    hasTimestamps: boolean,
    hasSack: boolean,
    hasWindowScale: boolean,
    sndShift: number,
    rcvShift: number,
    tsOffset: number,
    hasEcn: boolean,
  ) {
    this.peerMss = peerMss;
    this.hasTimestamps = hasTimestamps;
    this.hasSack = hasSack;
    this.hasWindowScale = hasWindowScale;
    this.sndShift = sndShift;
    this.rcvShift = rcvShift;
    this.tsOffset = tsOffset;
    this.hasEcn = hasEcn;
  }
}

/** Without an MSS option: RFC 9293 MUST-15 (IPv6: RFC 8200's 1280 less headers). */
export const DEFAULT_MSS4 = 536;
export const DEFAULT_MSS6 = 1220;
/** Bytes of NOP, NOP and the timestamps option in each segment. */
export const TIMESTAMP_BYTES = 12;
