/** Congestion control: what a module does on an ACK, alone and at a call site that has met many kinds. */
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { builtinModules } from '../../src/cc/builtin.ts';
import { CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import { CcStats, CcView } from '../../src/cc/cc-view.ts';
import { type CcModule, CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubic, cubicWith } from '../../src/cc/cubic.ts';
import { reno } from '../../src/cc/reno.ts';
import { AckSample, LossSample, RateSample } from '../../src/cc/samples.ts';
import type { AllocCase } from './measure.ts';

const RTT_NS = 20 * MS;
/** ACKs: often enough that what a loss does is compiled too (interpreted, its doubles cost 16 bytes each). */
const LOSS_EVERY = 100;
/** Every so many losses one is a timeout. */
const LOSSES_PER_TIMEOUT = 16;

/** What a sender does with its module, in Linux's order. Times start beyond int32, and rates go there. */
class Sender {
  private readonly v: CcView;
  private readonly cc: CongestionControl;
  private readonly ack = new AckSample();
  private readonly rate = new RateSample();
  private readonly loss = new LossSample();
  private readonly acksPerLoss: number;
  private acks = 0;
  private losses = 0;

  constructor(module: CcModule, acksPerLoss: number = LOSS_EVERY) {
    this.acksPerLoss = acksPerLoss;
    this.v = new CcView(new Rng(1).stream('cc'), new CcStats());
    this.cc = module.create();
    this.v.nowNs = 5e12 + 0.5;
    this.v.isCwndLimited = true;
    this.cc.init(this.v);
  }

  onAck(): void {
    const { v, cc, ack, rate } = this;
    this.acks = (this.acks + 1) % this.acksPerLoss;
    v.nowNs += (2 * RTT_NS) / v.cwnd;
    v.srttNs = RTT_NS + (this.acks & 255) * 1000.5;
    v.delivered += 2;
    v.sndUna += 2 * v.mss;
    v.sndNxt = v.sndUna + v.cwnd * v.mss;
    ack.pktsAcked = 2;
    ack.rttNs = v.srttNs;
    rate.priorNs = v.nowNs - v.srttNs;
    rate.priorDelivered = v.delivered - v.cwnd;
    rate.priorInFlight = v.cwnd;
    rate.delivered = v.cwnd;
    rate.intervalNs = v.srttNs;
    rate.rttNs = v.srttNs;
    rate.ackedSacked = 2;
    rate.txInFlight = v.cwnd;
    rate.hasSack = true;
    rate.isAppLimited = (this.acks & 63) === 0;
    v.maxInFlight = v.cwnd;
    v.isAppLimited = rate.isAppLimited;
    rate.losses = this.acks === 0 ? 1 : 0;
    v.lost += rate.losses;
    v.inFlight = Math.max(0, v.cwnd - 2);
    v.nextDepartureNs = v.nowNs + 1000.5;
    cc.pktsAcked(v, ack);
    cc.inAckEvent(v, 0);
    if (this.acks === 0) this.onLoss();
    cc.congControl(v, rate, 0);
    cc.congAvoid(v, 2);
    if (this.acks === this.acksPerLoss >> 1) cc.cwndEvent(v, CA_EVENT.TX_START);
    v.lastSentNs = v.nowNs;
  }

  private onLoss(): void {
    const { v, cc } = this;
    this.losses = (this.losses + 1) % LOSSES_PER_TIMEOUT;
    v.lost += 1;
    this.loss.pieces = 1;
    this.loss.txInFlight = v.cwnd;
    this.loss.priorLost = v.lost - 1;
    this.loss.startSeq = v.sndUna;
    this.loss.endSeq = v.sndUna + v.mss;
    this.loss.hasSack = true;
    cc.markedLost(v, this.loss);
    v.priorCwnd = v.cwnd;
    v.setSsthresh(cc.ssthresh(v));
    const isTimeout = this.losses === 0;
    cc.setState(v, isTimeout ? CA_STATE.LOSS : CA_STATE.RECOVERY);
    v.setCwnd(isTimeout ? 1 : v.ssthresh);
    if ((this.losses & 3) === 1) v.setCwnd(cc.undoCwnd(v));
    cc.setState(v, CA_STATE.OPEN);
  }
}

/** Paces at the rate it sees: rates pass 2^31 and are no integers. */
class RateFollower extends CongestionControl {
  override ssthresh(v: CcView): number {
    return v.ssthresh;
  }

  override congControl(v: CcView, sample: RateSample): void {
    const bytesPerSecond = (sample.delivered * v.mss * SEC) / sample.intervalNs;
    v.setPacingRate(Math.max(1, bytesPerSecond * 1000 * (1 + v.random() / 8)));
    v.setCwnd(100 + v.randomBelow(100));
  }
}

class Holder extends CongestionControl {
  private readonly window: number;

  constructor(window: number) {
    super();
    this.window = window;
  }

  override ssthresh(): number {
    return this.window;
  }

  override congAvoid(v: CcView): void {
    v.setCwnd(this.window);
  }
}

class OtherHolder extends Holder {}
class ThirdHolder extends Holder {}

function oneSender(module: CcModule, acksPerLoss: number = LOSS_EVERY): () => void {
  const sender = new Sender(module, acksPerLoss);
  return () => sender.onAck();
}

const rateFollower: CcModule = { name: 'follow', flags: 0, create: () => new RateFollower() };

function manyKinds(): () => void {
  const modules: readonly CcModule[] = [
    reno,
    cubic,
    rateFollower,
    { name: 'hold', flags: 0, create: () => new Holder(20) },
    { name: 'hold2', flags: 0, create: () => new OtherHolder(30) },
    { name: 'hold3', flags: 0, create: () => new ThirdHolder(40) },
  ];
  const senders = modules.map((module) => new Sender(module));
  return () => {
    for (let i = 0; i < senders.length; i++) senders[i]!.onAck();
  };
}

const known = builtinModules();
/** What a stack starts with, one by one. */
const registered: readonly AllocCase[] = known.available().map((name) => ({
  name: `${name} on an ACK`,
  packetsPerCall: 1,
  build: () => oneSender(known.find(name)!),
}));

export const cases: readonly AllocCase[] = [
  ...registered,
  {
    name: 'cubic by RFC 9438 on an ACK',
    packetsPerCall: 1,
    build: () => oneSender(cubicWith('rfc', { rfc9438: true })),
  },
  {
    name: 'cubic with HyStart++, mostly in slow start',
    packetsPerCall: 1,
    build: () => oneSender(cubicWith('plus', { hystartPlus: true }), 6),
  },
  { name: 'cubic, mostly in slow start', packetsPerCall: 1, build: () => oneSender(cubic, 6) },
  {
    name: 'a rate-based module on an ACK',
    packetsPerCall: 1,
    build: () => oneSender(rateFollower),
  },
  { name: 'six kinds of modules at one call site', packetsPerCall: 6, build: manyKinds },
];
