/**
 * What a congestion-control module sees of its connection: numbers, and nothing else.
 *
 * Counts are MSS pieces, times are nanoseconds, rates are bytes a second. `tcp/congestion.ts` fills the readable
 * fields before it calls a hook; a hook changes the others through the methods, which keep them sane at once, so
 * that no reader ever meets a window below 1 or a NaN. Values that may pass 2^31 (times, rates, totals) travel
 * in fields: as arguments or results of a call that is not inlined they would cost 16 bytes each.
 */
import { assert } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import type { RandomStream } from '../base/rng.ts';
import { NEVER, ZERO_NS } from '../base/time.ts';
import { CA_STATE, type CaState } from './ca-state.ts';

/** No loss has been seen: slow start has no end (TCP_INFINITE_SSTHRESH of Linux). */
export const INFINITE_SSTHRESH = 0x7fffffff;
/** RFC 6928; it is also where modules start again that forget all they knew. */
export const INITIAL_CWND = 10;
/** The window no module goes beyond until the connection is told another (tcp_sock.snd_cwnd_clamp). */
export const MAX_CWND = 0x7fffffff;

/** TcpExt counters that only a module can count. */
export const CC_COUNTERS = [
  'TCPHystartTrainDetect',
  'TCPHystartTrainCwnd',
  'TCPHystartDelayDetect',
  'TCPHystartDelayCwnd',
] as const;

/** One for each stack. */
export class CcStats {
  readonly counters = new Counters(CC_COUNTERS);
  readonly trainDetect = this.counters.id('TCPHystartTrainDetect');
  readonly trainCwnd = this.counters.id('TCPHystartTrainCwnd');
  readonly delayDetect = this.counters.id('TCPHystartDelayDetect');
  readonly delayCwnd = this.counters.id('TCPHystartDelayCwnd');
  /** Windows and thresholds of 0 and less that were asked for: nobody got them. */
  strays = 0;
  /** Mistakes of users' modules (guarded.ts). */
  faults = 0;

  countFault(): void {
    this.faults++;
  }
}

/**
 * Who says which ECN echo our ACKs carry: nobody, as ECN was not agreed on; the rules of RFC 3168; or a module (DCTCP,
 * RFC 8257 §3.2).
 */
export const ECN_ECHO = { NONE: -2, RFC3168: -1, OFF: 0, ON: 1 } as const;
export type EcnEcho = (typeof ECN_ECHO)[keyof typeof ECN_ECHO];

export class CcView {
  // -- what a module sets, through the methods below

  cwnd = INITIAL_CWND;
  ssthresh = INFINITE_SSTHRESH;
  /** Pieces acknowledged towards the next increase of cwnd (snd_cwnd_cnt). */
  cwndCnt = 0;
  /** Infinity: no limit. Acts when `isPaced`. */
  pacingRate = Infinity;
  /** The connection's departures are spaced by pacingRate. */
  isPaced = false;
  ecnEcho: EcnEcho = ECN_ECHO.RFC3168;

  // -- the moment

  nowNs = ZERO_NS;
  caState: CaState = CA_STATE.OPEN;
  /** In `ssthresh`: the sign of congestion is a mark (RFC 3168), and RFC 8511's smaller step is wanted (tcp_abe). */
  isGentle = false;
  /** The window, not the application or the peer, held the sender back since the last ACK (Linux's is_cwnd_limited rule). */
  isCwndLimited = false;
  /** The sender has run out of data: rate samples of what is in flight say too little. */
  isAppLimited = false;

  // -- the path

  /** Bytes of payload in one piece. */
  mss = 1460;
  /** 0 before the first sample. */
  srttNs = 0;
  /** The least over Linux's window (tcp_min_rtt_wlen, 300 s); NEVER before the first sample. */
  minRttNs = NEVER;

  // -- counts of pieces

  /** Sent, and neither acknowledged, SACKed nor marked lost. */
  inFlight = 0;
  /** The most that was in flight in the last round (max_packets_out). */
  maxInFlight = 0;
  /** Delivered so far, SACKed ones included; each piece once. */
  delivered = 0;
  /** Of those, reported as having met a CE mark. */
  deliveredCe = 0;
  /** Marked lost so far; a piece lost twice counts twice. */
  lost = 0;
  /** cwnd and ssthresh before the reduction that may be undone. */
  priorCwnd = 0;
  priorSsthresh = 0;

  // -- places in the stream: bytes since its start, so that they never wrap

  sndUna = 0;
  sndNxt = 0;
  /** Next byte expected from the peer: what a receiver-side module tells spans of data by. */
  rcvNxt = 0;

  // -- the sender's limits

  cwndClamp = MAX_CWND;
  /** SO_MAX_PACING_RATE. */
  maxPacingRate = Infinity;
  /** The largest super-frame. */
  gsoMaxBytes = 65536;
  /** When text left last; before the first, when the connection began. */
  lastSentNs = ZERO_NS;
  /** When the pacer lets the next frame go. */
  nextDepartureNs = ZERO_NS;

  readonly stats: CcStats;
  private readonly stream: RandomStream;

  constructor(stream: RandomStream, stats: CcStats) {
    this.stream = stream;
    this.stats = stats;
  }

  isInSlowStart(): boolean {
    return this.cwnd < this.ssthresh;
  }

  /** Whole pieces, from 1 to cwndClamp: a fraction is cut off. */
  setCwnd(pieces: number): void {
    assert(!Number.isNaN(pieces), 'cwnd is a number');
    if (pieces <= 0) this.stats.strays++;
    this.cwnd = Math.floor(Math.max(1, Math.min(pieces, this.cwndClamp)));
  }

  /** Whole pieces, at least 2 (RFC 5681 §3.1). */
  setSsthresh(pieces: number): void {
    assert(!Number.isNaN(pieces), 'ssthresh is a number');
    if (pieces <= 0) this.stats.strays++;
    this.ssthresh = Math.floor(Math.max(2, Math.min(pieces, INFINITE_SSTHRESH)));
  }

  setCwndCnt(pieces: number): void {
    this.cwndCnt = pieces;
  }

  /** At most maxPacingRate, and more than 0: a rate of 0 would stop the connection for ever. */
  setPacingRate(bytesPerSecond: number): void {
    assert(bytesPerSecond > 0, 'a pacing rate is positive');
    this.pacingRate = Math.min(bytesPerSecond, this.maxPacingRate);
  }

  /** For modules that cannot do without; it stays on when the connection changes to another module. */
  requirePacing(): void {
    this.isPaced = true;
  }

  /** The sender's, as they were before somebody else wrote them. */
  setLimits(cwndClamp: number, maxPacingRate: number): void {
    this.cwndClamp = cwndClamp;
    this.maxPacingRate = maxPacingRate;
  }

  /** The peers agreed on ECN (RFC 3168 §6.1.1): there are marks to be read. */
  get hasEcn(): boolean {
    return this.ecnEcho !== ECN_ECHO.NONE;
  }

  /** They did not. */
  forbidEcn(): void {
    this.ecnEcho = ECN_ECHO.NONE;
  }

  /**
   * From the next ACK on, ECE is set or not as told. When that changes, an ACK that waits goes out first with the
   * old state, and one with the new state at once.
   */
  setEcnEcho(echo: EcnEcho): void {
    if (this.hasEcn) this.ecnEcho = echo;
  }

  /** Uniform over [0, 1), from the connection's own stream: a simulation repeats. */
  random(): number {
    return this.stream.unit();
  }

  /** Uniform over 0 … n-1. */
  randomBelow(n: number): number {
    return this.stream.below(n);
  }
}
