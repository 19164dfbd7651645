/**
 * An idealised sender, path and receiver in virtual time, to drive a module through the interface alone.
 *
 * Ideal: every loss is known one round trip after the send, repaired for free, and recovery is perfect (the window
 * is ssthresh at once and the flight drains to it). So what is left is the module's own law. Pieces travel in
 * clumps with one ACK each; a clump is at least `perAck` pieces and 1/128 of the window, which makes windows of
 * 100,000 pieces affordable.
 */
import { SEC } from '../../src/base/time.ts';
import { CA_ACK, CA_EVENT, CA_STATE, type CaState } from '../../src/cc/ca-state.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { type CcModule, type CongestionControl, HOOK } from '../../src/cc/congestion-control.ts';
import { swapModule } from '../../src/cc/registry.ts';
import { AckSample, LossSample, RateSample } from '../../src/cc/samples.ts';
import type { LossProcess } from './loss-process.ts';

export interface PathOptions {
  readonly rttNs: number;
  readonly loss?: LossProcess;
  /** The bottleneck: pieces a second, and how many wait before it. */
  readonly rate?: number;
  readonly buffer?: number;
  /** Pieces are CE-marked while more than this wait. */
  readonly markAbove?: number;
  readonly perAck?: number;
  /** Departures spaced by the pacing rate: Linux's 2 and 1.2 windows a round trip, or the module's own. */
  readonly isPaced?: boolean;
  /** Before the bottleneck: pieces a second, and how many may pass at once; what is more is dropped. */
  readonly policer?: { readonly rate: number; readonly burst: number };
}

interface Clump {
  readonly pieces: number;
  readonly lost: number;
  readonly marked: number;
  readonly sentNs: number;
  readonly ackNs: number;
  readonly inFlight: number;
  readonly delivered: number;
  readonly deliveredCe: number;
  readonly deliveredNs: number;
  readonly firstSentNs: number;
  readonly lostBefore: number;
  readonly isLimited: boolean;
}

export class PathModel {
  readonly v: CcView;
  cc: CongestionControl;
  /** Reductions because of loss or marks. */
  reductions = 0;
  /** The most pieces that waited at the bottleneck. */
  peakQueue = 0;
  /** Called after each ACK. */
  onAck: () => void = () => undefined;

  private readonly o: Required<PathOptions>;
  private flight: Clump[] = [];
  private first = 0;
  private freeNs = 0;
  private nextSendNs = 0;
  private reductionEnd = 0;
  private deliveredNs = 0;
  private firstSentNs = 0;
  private rate: number;
  private tokens: number;
  private tokensNs = 0;
  /** Samples are marked as those of a limited application until so much is delivered. */
  private limitedUntil = 0;
  private readonly ack = new AckSample();
  private readonly rateSample = new RateSample();
  private readonly loss = new LossSample();

  constructor(v: CcView, module: CcModule, options: PathOptions) {
    this.v = v;
    this.o = {
      loss: { lostAmong: () => 0 },
      rate: Infinity,
      buffer: Infinity,
      markAbove: Infinity,
      perAck: 1,
      isPaced: true,
      policer: { rate: Infinity, burst: 0 },
      ...options,
    };
    this.rate = this.o.rate;
    this.tokens = this.o.policer.burst;
    v.nowNs = SEC;
    v.srttNs = 0;
    v.minRttNs = Infinity;
    this.cc = module.create();
    this.cc.init(v);
  }

  swap(module: CcModule): void {
    this.cc = swapModule(this.v, this.cc, module);
  }

  /** The bottleneck changes; what waits for it leaves as it was told. */
  setRate(piecesPerSecond: number): void {
    this.rate = piecesPerSecond;
  }

  /** Pieces that wait at the bottleneck. */
  get queue(): number {
    return Math.max(0, Math.round(((this.freeNs - this.v.nowNs) * this.rate) / SEC));
  }

  runFor(ns: number): void {
    this.runUntil(this.v.nowNs + ns);
  }

  runUntil(endNs: number): void {
    for (;;) {
      const sendNs = this.nextDeparture();
      const ackNs = this.first < this.flight.length ? this.flight[this.first]!.ackNs : Infinity;
      const next = Math.min(sendNs, ackNs);
      if (next > endNs) break;
      this.v.nowNs = next;
      if (ackNs <= sendNs) this.arrive();
      else this.depart();
    }
    this.v.nowNs = endNs;
  }

  /** The mean window over some time: what was delivered a round trip. */
  meanWindow(ns: number): number {
    const before = this.v.delivered;
    this.runFor(ns);
    return ((this.v.delivered - before) * this.o.rttNs) / ns;
  }

  /** The retransmission timer fires: everything in flight counts as lost. */
  timeout(): void {
    const { v } = this;
    this.flight = [];
    this.first = 0;
    v.lost += v.inFlight;
    v.inFlight = 0;
    v.sndUna = v.sndNxt;
    this.saveForUndo();
    v.setSsthresh(this.cc.ssthresh(v));
    this.cc.cwndEvent(v, CA_EVENT.LOSS);
    v.setCwnd(1);
    v.setCwndCnt(0);
    this.enter(CA_STATE.LOSS);
    this.reductionEnd = v.sndNxt;
  }

  /** The last reduction was spurious. */
  undo(): void {
    const { v } = this;
    v.setCwnd(this.cc.undoCwnd(v));
    v.setSsthresh(Math.max(v.ssthresh, v.priorSsthresh));
    this.enter(CA_STATE.OPEN);
  }

  /** Nothing to send for a while: the flight comes home, and time passes. */
  idle(ns: number): void {
    const end = this.v.nowNs + ns;
    this.limitedUntil = this.v.delivered + this.v.inFlight;
    while (this.first < this.flight.length && this.flight[this.first]!.ackNs <= end) {
      this.v.nowNs = this.flight[this.first]!.ackNs;
      this.arrive();
    }
    this.v.nowNs = end;
  }

  private clumpSize(): number {
    return Math.max(this.o.perAck, this.v.cwnd >> 7);
  }

  private nextDeparture(): number {
    const { v } = this;
    const room = v.cwnd - v.inFlight;
    if (v.inFlight > 0 && room < this.clumpSize()) return Infinity;
    return Math.max(v.nowNs, this.o.isPaced ? this.nextSendNs : 0);
  }

  private depart(): void {
    const { v, o } = this;
    const pieces = Math.min(this.clumpSize(), v.cwnd - v.inFlight);
    if (v.inFlight === 0) {
      v.isAppLimited = this.limitedUntil > 0;
      this.cc.cwndEvent(v, CA_EVENT.TX_START);
      this.deliveredNs = v.nowNs;
      this.firstSentNs = v.nowNs;
    }
    const startNs = Math.max(v.nowNs, this.freeNs);
    const { rate } = this;
    const waiting = rate === Infinity ? 0 : Math.round(((startNs - v.nowNs) * rate) / SEC);
    const policed = this.police(pieces);
    const overflow = Math.min(pieces - policed, Math.max(0, waiting + pieces - policed - o.buffer));
    const dropped = policed + overflow;
    const lost = Math.min(pieces, dropped + o.loss.lostAmong(pieces));
    this.peakQueue = Math.max(this.peakQueue, waiting + pieces - dropped);
    this.freeNs = rate === Infinity ? 0 : startNs + ((pieces - dropped) * SEC) / rate;
    const leftNs = Math.max(startNs, this.freeNs);
    v.inFlight += pieces;
    v.maxInFlight = Math.max(v.maxInFlight, v.inFlight);
    v.sndNxt += pieces * v.mss;
    v.lastSentNs = v.nowNs;
    this.flight.push({
      pieces,
      lost,
      marked: waiting > o.markAbove ? pieces - lost : 0,
      sentNs: v.nowNs,
      ackNs: leftNs + o.rttNs,
      inFlight: v.inFlight,
      delivered: v.delivered,
      deliveredCe: v.deliveredCe,
      deliveredNs: this.deliveredNs,
      firstSentNs: this.firstSentNs,
      lostBefore: v.lost,
      isLimited: this.limitedUntil > 0,
    });
    this.nextSendNs = Math.max(this.nextSendNs, v.nowNs) + this.spacing(pieces);
    v.nextDepartureNs = this.nextSendNs;
  }

  /** How many of them find no token. */
  private police(pieces: number): number {
    const { rate, burst } = this.o.policer;
    if (rate === Infinity) return 0;
    const { nowNs } = this.v;
    this.tokens = Math.min(burst, this.tokens + ((nowNs - this.tokensNs) * rate) / SEC);
    this.tokensNs = nowNs;
    const passed = Math.min(pieces, Math.floor(this.tokens));
    this.tokens -= passed;
    return pieces - passed;
  }

  private spacing(pieces: number): number {
    const { v } = this;
    if (v.pacingRate !== Infinity) return (pieces * v.mss * SEC) / v.pacingRate;
    const gain = v.cwnd < v.ssthresh / 2 ? 2 : 1.2;
    return (pieces * this.o.rttNs) / (gain * v.cwnd);
  }

  private arrive(): void {
    const { v, cc } = this;
    const clump = this.flight[this.first++]!;
    if (this.first > 4096) {
      this.flight = this.flight.slice(this.first);
      this.first = 0;
    }
    const got = clump.pieces - clump.lost;
    this.fillRateSample(clump, got);
    v.inFlight -= clump.pieces;
    v.sndUna += clump.pieces * v.mss;
    v.delivered += got;
    v.deliveredCe += clump.marked;
    v.lost += clump.lost;
    this.deliveredNs = v.nowNs;
    this.firstSentNs = clump.sentNs;
    const flags = clump.marked > 0 ? CA_ACK.ECE : 0;
    if (got > 0) this.measure(clump, got);
    cc.inAckEvent(v, flags);
    if (clump.lost > 0) this.markLost(clump);
    this.changeState(clump);
    if (this.limitedUntil > 0 && v.delivered > this.limitedUntil) this.limitedUntil = 0;
    if ((cc.hooks & HOOK.CONG_CONTROL) !== 0) {
      cc.congControl(v, this.rateSample, flags);
      if (cc.sendsLittle(v)) this.limitedUntil = v.delivered + v.inFlight;
    } else if (got > 0 && !this.isReducing()) cc.congAvoid(v, got);
    this.onAck();
  }

  private measure(clump: Clump, got: number): void {
    const { v, ack } = this;
    const rttNs = v.nowNs - clump.sentNs;
    v.srttNs = v.srttNs === 0 ? rttNs : v.srttNs + (rttNs - v.srttNs) / 8;
    v.minRttNs = Math.min(v.minRttNs, rttNs);
    ack.pktsAcked = got;
    ack.rttNs = rttNs;
    ack.inFlight = clump.inFlight;
    this.cc.pktsAcked(v, ack);
  }

  private markLost(clump: Clump): void {
    const { loss } = this;
    loss.pieces = clump.lost;
    loss.txInFlight = clump.inFlight;
    loss.priorDelivered = clump.delivered;
    loss.priorDeliveredCe = clump.deliveredCe;
    loss.priorLost = clump.lostBefore;
    loss.sentNs = clump.sentNs;
    this.cc.markedLost(this.v, loss);
  }

  private changeState(clump: Clump): void {
    const { v } = this;
    if (v.caState !== CA_STATE.OPEN && v.sndUna > this.reductionEnd) {
      const wasReducing = this.isReducing();
      this.enter(CA_STATE.OPEN);
      if (wasReducing) this.cc.cwndEvent(v, CA_EVENT.COMPLETE_CWR);
    }
    if (v.caState !== CA_STATE.OPEN) return;
    if (clump.lost > 0) this.reduce(CA_STATE.RECOVERY);
    else if (clump.marked > 0) this.reduce(CA_STATE.CWR);
  }

  private reduce(state: CaState): void {
    const { v } = this;
    this.reductions++;
    this.saveForUndo();
    v.setSsthresh(this.cc.ssthresh(v));
    v.setCwndCnt(0);
    this.enter(state);
    this.reductionEnd = v.sndNxt;
    if ((this.cc.hooks & HOOK.CONG_CONTROL) === 0) v.setCwnd(v.ssthresh);
  }

  private saveForUndo(): void {
    this.v.priorCwnd = this.v.cwnd;
    this.v.priorSsthresh = this.v.ssthresh;
  }

  private enter(state: CaState): void {
    this.cc.setState(this.v, state);
    this.v.caState = state;
  }

  private isReducing(): boolean {
    const { caState } = this.v;
    return caState === CA_STATE.CWR || caState === CA_STATE.RECOVERY;
  }

  private fillRateSample(clump: Clump, got: number): void {
    const { v, rateSample: rs } = this;
    rs.priorNs = clump.deliveredNs;
    rs.priorDelivered = clump.delivered;
    rs.priorDeliveredCe = clump.deliveredCe;
    rs.delivered = v.delivered + got - clump.delivered;
    rs.deliveredCe = v.deliveredCe + clump.marked - clump.deliveredCe;
    rs.sndIntervalNs = clump.sentNs - clump.firstSentNs;
    rs.rcvIntervalNs = v.nowNs - clump.deliveredNs;
    rs.intervalNs = Math.max(rs.sndIntervalNs, rs.rcvIntervalNs);
    rs.rttNs = v.nowNs - clump.sentNs;
    rs.losses = clump.lost;
    rs.ackedSacked = got;
    rs.priorInFlight = v.inFlight;
    rs.lastEndSeq = v.sndUna + clump.pieces * v.mss;
    rs.txInFlight = clump.inFlight;
    rs.priorLost = clump.lostBefore;
    rs.lost = v.lost + clump.lost - clump.lostBefore;
    rs.isEce = clump.marked > 0;
    rs.isAppLimited = clump.isLimited;
  }
}
