/**
 * What holds for every congestion-control module, whatever it is fed: properties over random dialogues. A module
 * under test is a row with what it promises; `obeysTheLaws` does the rest.
 */
import fc from 'fast-check';
import type { Test } from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { CA_ACK, CA_EVENT, CA_STATE, type CaState } from '../../src/cc/ca-state.ts';
import { CcStats, CcView, INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import { type CcModule, type CongestionControl, HOOK } from '../../src/cc/congestion-control.ts';
import { swapModule } from '../../src/cc/registry.ts';
import { AckSample, LossSample, RateSample } from '../../src/cc/samples.ts';
import { holds } from '../support/property.ts';
import { independent } from './loss-process.ts';
import { PathModel } from './path-model.ts';

export interface Promised {
  readonly module: CcModule;
  /** A loss leaves at least this share of the window; null: the module has a model of the path instead. */
  readonly beta: number | null;
}

/** Says what a module asks for before the view makes it sane. */
class StrictView extends CcView {
  override setCwnd(pieces: number): void {
    if (!(pieces >= 1 && pieces < 1e12)) throw new Error(`cwnd ${pieces}`);
    super.setCwnd(pieces);
  }

  override setSsthresh(pieces: number): void {
    if (!(pieces >= 2 && pieces <= INFINITE_SSTHRESH)) throw new Error(`ssthresh ${pieces}`);
    super.setSsthresh(pieces);
  }

  override setPacingRate(bytesPerSecond: number): void {
    if (!(bytesPerSecond > 0)) throw new Error(`pacing rate ${bytesPerSecond}`);
    super.setPacingRate(bytesPerSecond);
  }
}

type Step =
  | { readonly kind: 'ack'; readonly acked: number; readonly rttNs: number; readonly ece: boolean }
  | { readonly kind: 'wait'; readonly ns: number }
  | { readonly kind: 'limited'; readonly is: boolean }
  | { readonly kind: 'loss' | 'mark' | 'timeout' | 'undo' | 'idle' | 'swap' }
  | { readonly kind: 'window'; readonly cwnd: number };

/** From what happens all the time to what never should: RTTs of nothing and of hours, ACKs of a million pieces. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ack' as const),
      acked: fc.integer({ min: 1, max: 64 }),
      rttNs: fc.integer({ min: MS, max: 300 * MS }),
      ece: fc.boolean(),
    }),
  },
  fc.record({
    kind: fc.constant('ack' as const),
    acked: fc.integer({ min: 1, max: 1_000_000 }),
    rttNs: fc.constantFrom(-1, 0, 1, 3600 * SEC),
    ece: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('wait' as const),
    ns: fc.oneof(fc.integer({ min: 0, max: SEC }), fc.constantFrom(1, 60 * SEC, 86_400 * SEC)),
  }),
  fc.record({ kind: fc.constant('limited' as const), is: fc.boolean() }),
  fc.record({
    kind: fc.constantFrom('loss', 'mark', 'timeout', 'undo', 'idle', 'swap' as const),
  }),
  fc.record({
    kind: fc.constant('window' as const),
    cwnd: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 10_000_000 })),
  }),
);
const steps = fc.array(step, { minLength: 1, maxLength: 80 });

/** Plays a dialogue as the sender would, and looks after every step. */
class Dialogue {
  readonly v: CcView;
  cc: CongestionControl;
  readonly trace: number[] = [];
  private readonly others: readonly CcModule[];
  private swaps = 0;
  private readonly ack = new AckSample();
  private readonly rate = new RateSample();
  private readonly lost = new LossSample();

  constructor(module: CcModule, others: readonly CcModule[] = [module], seed: number = 1) {
    this.others = others;
    this.v = new StrictView(new Rng(seed).stream('cc'), new CcStats());
    this.v.nowNs = SEC;
    this.v.isCwndLimited = true;
    this.cc = module.create();
    this.cc.init(this.v);
    this.look();
  }

  play(all: readonly Step[]): this {
    for (const one of all) this.take(one);
    return this;
  }

  take(one: Step): void {
    const { v, cc } = this;
    if (one.kind === 'ack') this.onAck(one.acked, one.rttNs, one.ece ? CA_ACK.ECE : 0);
    else if (one.kind === 'wait') v.nowNs += one.ns;
    else if (one.kind === 'limited') v.isCwndLimited = one.is;
    else if (one.kind === 'window') v.setCwnd(one.cwnd);
    else if (one.kind === 'loss') this.reduce(CA_STATE.RECOVERY);
    else if (one.kind === 'mark') this.reduce(CA_STATE.CWR);
    else if (one.kind === 'timeout') this.timeout();
    else if (one.kind === 'undo') this.undo();
    else if (one.kind === 'idle') cc.cwndEvent(v, CA_EVENT.TX_START);
    else this.swap();
    this.look();
  }

  reduce(state: CaState): void {
    const { v, cc, lost } = this;
    lost.pieces = 1;
    lost.txInFlight = v.cwnd;
    if (state === CA_STATE.RECOVERY) {
      v.lost++;
      cc.markedLost(v, lost);
    }
    v.priorCwnd = v.cwnd;
    v.priorSsthresh = v.ssthresh;
    v.setSsthresh(cc.ssthresh(v));
    this.enter(state);
    if ((cc.hooks & HOOK.CONG_CONTROL) === 0) v.setCwnd(v.ssthresh);
  }

  onAck(acked: number, rttNs: number, flags: number): void {
    const { v, cc, ack, rate } = this;
    v.delivered += acked;
    v.sndUna += acked * v.mss;
    v.sndNxt = v.sndUna + v.cwnd * v.mss;
    v.inFlight = Math.max(0, v.cwnd - acked);
    if ((flags & CA_ACK.ECE) !== 0) v.deliveredCe += acked;
    if (rttNs >= 0) {
      v.srttNs = rttNs;
      v.minRttNs = Math.min(v.minRttNs, rttNs);
    }
    ack.pktsAcked = acked;
    ack.rttNs = rttNs;
    cc.pktsAcked(v, ack);
    cc.inAckEvent(v, flags);
    if (v.caState !== CA_STATE.OPEN && acked > v.cwnd) this.enter(CA_STATE.OPEN);
    rate.rttNs = rttNs;
    rate.ackedSacked = acked;
    rate.delivered = rttNs > 0 ? acked : -1;
    rate.intervalNs = rttNs > 0 ? rttNs : -1;
    rate.priorDelivered = v.delivered - acked;
    rate.priorNs = v.nowNs - Math.max(rttNs, 0);
    rate.isEce = flags !== 0;
    if ((cc.hooks & HOOK.CONG_CONTROL) !== 0) cc.congControl(v, rate, flags);
    else if (v.caState !== CA_STATE.CWR && v.caState !== CA_STATE.RECOVERY) cc.congAvoid(v, acked);
    v.lastSentNs = v.nowNs;
  }

  private timeout(): void {
    const { v, cc } = this;
    v.priorCwnd = v.cwnd;
    v.priorSsthresh = v.ssthresh;
    v.setSsthresh(cc.ssthresh(v));
    cc.cwndEvent(v, CA_EVENT.LOSS);
    v.setCwnd(1);
    v.setCwndCnt(0);
    this.enter(CA_STATE.LOSS);
  }

  private undo(): void {
    const { v, cc } = this;
    if (v.caState === CA_STATE.OPEN) return;
    v.setCwnd(cc.undoCwnd(v));
    v.setSsthresh(Math.max(v.ssthresh, v.priorSsthresh));
    this.enter(CA_STATE.OPEN);
  }

  private swap(): void {
    this.swaps++;
    const before = this.v.cwnd;
    this.cc = swapModule(this.v, this.cc, this.others[this.swaps % this.others.length]!);
    if (this.v.cwnd > before) throw new Error(`a swap made ${this.v.cwnd} of ${before}`);
  }

  private enter(state: CaState): void {
    this.cc.setState(this.v, state);
    this.v.caState = state;
  }

  private look(): void {
    const { v, cc } = this;
    if (!Number.isInteger(v.cwnd) || v.cwnd < 1) throw new Error(`cwnd ${v.cwnd}`);
    if (!Number.isInteger(v.ssthresh) || v.ssthresh < 2) throw new Error(`ssthresh ${v.ssthresh}`);
    if (!Number.isInteger(v.cwndCnt) || v.cwndCnt < 0) throw new Error(`cwndCnt ${v.cwndCnt}`);
    if (!(v.pacingRate > 0)) throw new Error(`pacing rate ${v.pacingRate}`);
    const told = cc.getInfo(v);
    const values = told?.kind === 'other' ? told.values : { ...told, kind: 0 };
    for (const [name, value] of Object.entries(values)) {
      if (Number.isNaN(value)) throw new Error(`${name} is no number`);
    }
    this.trace.push(v.cwnd, v.ssthresh, v.pacingRate);
  }
}

/** Runs `module` through all laws; `others` are what it is swapped with. */
export function obeysTheLaws(
  t: Test,
  { module, beta }: Promised,
  others: readonly CcModule[],
): void {
  const { name } = module;
  const isWindowBased = (module.create().hooks & HOOK.CONG_CONTROL) === 0;
  holds(
    t,
    `${name}: window and threshold stay whole numbers within their bounds`,
    fc.property(steps, (all) => {
      new Dialogue(module).play(all.filter(({ kind }) => kind !== 'swap'));
    }),
  );
  holds(
    t,
    `${name}: changing modules on the way harms nothing`,
    fc.property(steps, (all) => {
      new Dialogue(module, [...others, module]).play(all);
    }),
  );
  holds(
    t,
    `${name}: the same seed and dialogue give the same windows`,
    fc.property(steps, fc.nat(), (all, seed) => {
      const [a, b] = [1, 2].map(() => new Dialogue(module, others, seed).play(all).trace);
      return a!.every((value, i) => Object.is(value, b![i]));
    }),
  );
  holds(
    t,
    `${name}: a spurious reduction is taken back whole`,
    fc.property(steps, steps, (before, during) => {
      const d = new Dialogue(module).play(before);
      d.reduce(CA_STATE.RECOVERY);
      const had = d.v.priorCwnd;
      d.play(during.filter(({ kind }) => kind === 'wait' || kind === 'limited'));
      return d.cc.undoCwnd(d.v) >= had;
    }),
  );
  if (isWindowBased) growsByTheRules(t, module);
  if (beta !== null) reducesAtMostTo(t, module, beta);
  neverStalls(t, module);
}

function growsByTheRules(t: Test, module: CcModule): void {
  holds(
    t,
    `${module.name}: a window that is not the limit does not grow`,
    fc.property(steps, steps, (before, after) => {
      const d = new Dialogue(module).play(before);
      d.v.isCwndLimited = false;
      const had = d.v.cwnd;
      d.play(after.filter(({ kind }) => kind === 'ack' || kind === 'wait' || kind === 'idle'));
      return d.v.cwnd <= had;
    }),
  );
  holds(
    t,
    `${module.name}: an ACK adds no more than it acknowledges`,
    fc.property(steps, fc.integer({ min: 1, max: 1000 }), (before, acked) => {
      const d = new Dialogue(module).play(before);
      const had = d.v.cwnd;
      d.cc.congAvoid(d.v, acked);
      return d.v.cwnd <= had + acked;
    }),
  );
}

function reducesAtMostTo(t: Test, module: CcModule, beta: number): void {
  holds(
    t,
    `${module.name}: a loss takes something, and leaves ${beta.toFixed(3)} at least`,
    fc.property(steps, fc.integer({ min: 1, max: 2_000_000 }), (before, cwnd) => {
      const d = new Dialogue(module).play(before);
      d.v.setCwnd(cwnd);
      const left = d.cc.ssthresh(d.v);
      const isReduced = cwnd <= 2 ? left === 2 : left < cwnd;
      return Number.isInteger(left) && isReduced && left >= Math.max(2, Math.floor(beta * cwnd));
    }),
    400,
  );
}

/** Over real bottlenecks, with losses and after timeouts: there is always progress, and a fair part of the rate. */
function neverStalls(t: Test, module: CcModule): void {
  const path = fc.record({
    rttMs: fc.integer({ min: 1, max: 300 }),
    windows: fc.integer({ min: 4, max: 400 }),
    buffer: fc.integer({ min: 4, max: 400 }),
    lossPerMille: fc.integer({ min: 0, max: 20 }),
    seed: fc.nat(),
  });
  holds(
    t,
    `${module.name}: no path stalls it`,
    fc.property(path, ({ rttMs, windows, buffer, lossPerMille, seed }) => {
      const rng = new Rng(seed);
      const v = new StrictView(rng.stream('cc'), new CcStats());
      v.isCwndLimited = true;
      const loss = independent(lossPerMille / 1000 + 1e-9, rng.stream('loss'));
      const rate = (windows * 1000) / rttMs;
      const model = new PathModel(v, module, { rttNs: rttMs * MS, rate, buffer, loss });
      // A round trip through a full buffer.
      const roundNs = rttMs * (1 + buffer / windows) * MS;
      for (let i = 0; i < 4; i++) {
        model.runFor(10 * roundNs);
        const before = v.delivered;
        model.runFor(20 * roundNs);
        if (v.delivered - before < 20) throw new Error(`${v.delivered - before} in 20 round trips`);
        if (i === 1) model.timeout();
        if (i === 2) model.idle(10 * SEC);
      }
    }),
    60,
  );
}
