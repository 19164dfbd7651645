/**
 * Rules of draft-ietf-ccwg-bbr-06 that its own test cases (bbr3-draft-*.test.ts) do not reach, each fed by hand, an ACK
 * at a time; and what it shares with the rest of the stack.
 */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { Bbr3, bbr3 } from '../../src/cc/bbr3.ts';
import { MODE } from '../../src/cc/bbr3-state.ts';
import { CA_EVENT, CA_STATE, type CaState } from '../../src/cc/ca-state.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { LossSample, RateSample } from '../../src/cc/samples.ts';
import { PathRig } from '../tcp/path-rig.ts';
import { Bbr3Rig, near } from './bbr3-rig.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

const RTT = 50 * MS;
const MSS = 1448;

/** A sender by hand: a window of pieces a round trip, acknowledged two by two, at a rate that it is told. */
class Hand {
  readonly v: CcView = newView();
  readonly bbr = new Bbr3();
  readonly rs = new RateSample();
  private readonly loss = new LossSample();

  constructor() {
    const { v } = this;
    v.mss = MSS;
    v.cwnd = 10;
    v.srttNs = RTT;
    this.bbr.init(v);
  }

  get state() {
    return this.bbr.state;
  }

  /** A round trip in which so many pieces, which were in flight, are delivered and sent anew. */
  round(most: number, changes: Partial<RateSample> = {}): void {
    const { v, rs, bbr } = this;
    const pieces = this.state.mode === MODE.PROBE_RTT ? Math.min(most, v.cwnd) : most;
    for (let left = pieces; left > 0; left -= 2) {
      const acked = Math.min(2, left);
      v.nowNs += (RTT * acked) / pieces;
      v.delivered += acked;
      v.sndUna += acked * MSS;
      v.inFlight = Math.max(0, pieces - acked);
      v.maxInFlight = pieces;
      Object.assign(rs, {
        priorNs: v.nowNs - RTT,
        priorDelivered: Math.max(0, v.delivered - pieces),
        delivered: pieces,
        intervalNs: RTT,
        rttNs: RTT,
        ackedSacked: acked,
        txInFlight: pieces,
        lost: 0,
        losses: 0,
        hasSack: true,
        isEce: false,
        isAppLimited: false,
        ...changes,
      });
      bbr.congControl(v, rs);
    }
  }

  /** A record of so many pieces, the last of `lost` lost since it left; `from` is its place. */
  lose(from: number, changes: Partial<LossSample> = {}): void {
    const { v, loss, bbr } = this;
    Object.assign(loss, {
      pieces: 1,
      txInFlight: 100,
      priorLost: v.lost,
      startSeq: from * MSS,
      endSeq: (from + 1) * MSS,
      hasSack: true,
      isAppLimited: false,
      ...changes,
    });
    v.lost += loss.pieces;
    bbr.markedLost(v, loss);
  }

  enter(state: CaState): void {
    const { v, bbr } = this;
    if (state > v.caState) v.setSsthresh(bbr.ssthresh(v));
    bbr.setState(v, state);
    v.caState = state;
  }

  /** To UP, over a path of so many pieces. */
  toUp(pieces: number): void {
    for (let i = 0; i < 100 && this.state.mode !== MODE.UP; i++) this.round(pieces);
  }
}

t.test(
  '§5.3.1.3: losses end Startup where they are in six places, for a round of recovery',
  (t) => {
    for (const [places, gap, ends] of [
      [6, 2, true],
      [5, 2, false],
      [12, 1, false], // one long gap
    ] as const) {
      const h = new Hand();
      h.round(100);
      h.round(200);
      for (let i = 0; i < places; i++) h.lose(gap * i);
      h.enter(CA_STATE.RECOVERY);
      h.round(200, { lost: 20, priorDelivered: 0 });
      t.equal(h.state.mode, MODE.STARTUP, 'in the round trip of the losses it goes on');
      h.round(200, { lost: 20 });
      t.equal(h.state.pipe.isReached, ends, `${places} losses, ${gap} apart`);
      if (ends) t.ok(h.state.model.inflightLongterm >= 200, 'what was delivered is safe');
    }
    t.end();
  },
);

t.test('§5.3.1.3: without SACK any loss ends Startup, once it recovers', (t) => {
  const h = new Hand();
  h.round(100);
  h.lose(0, { hasSack: false });
  h.round(200, { hasSack: false, losses: 1 });
  t.notOk(h.state.pipe.isReached, 'reordering, so far');
  h.enter(CA_STATE.RECOVERY);
  h.round(200, { hasSack: false, losses: 1 });
  t.ok(h.state.pipe.isReached);
  t.end();
});

t.test(
  '§5.5.10.2: inflight_longterm is where in a burst losses passed 2 %, or Beta of the target',
  (t) => {
    for (const [txInFlight, pieces, lostBefore, longterm] of [
      [100, 20, 0, 81], // 80, and 1.6 / 0.98 of the burst
      [100, 20, 1, 80], // and (1.6 - 1) / 0.98
      [100, 1, 4, 99],
      [30, 10, 0, 70], // Beta of 100
    ] as const) {
      const h = new Hand();
      h.toUp(100);
      t.equal(Math.round(h.state.bdp), 100);
      h.v.setCwnd(100);
      h.v.lost += lostBefore;
      h.lose(0, { txInFlight, pieces, priorLost: h.v.lost - lostBefore });
      t.equal(h.state.model.inflightLongterm, longterm, `${pieces} of ${txInFlight}`);
      t.equal(h.state.mode, MODE.DOWN);
      h.lose(9, { txInFlight: 10, pieces: 5 });
      t.equal(h.state.model.inflightLongterm, longterm, 'only once a probe');
    }
    t.end();
  },
);

t.test(
  '§5.3.3.6: after a probe that lost too much the next one turns back early, and the third does not',
  (t) => {
    const h = new Hand();
    h.toUp(100);
    h.v.setCwnd(120);
    h.lose(0, { txInFlight: 110, pieces: 5 });
    t.equal(h.state.mode, MODE.DOWN);
    const longterm = h.state.model.inflightLongterm;
    h.round(90);
    h.toUp(90);
    t.equal(h.state.mode, MODE.UP);
    h.v.inFlight = longterm;
    h.bbr.congControl(h.v, h.rs);
    t.equal(h.state.mode, MODE.DOWN, 'as soon as so much is in flight');
    t.ok(h.state.cycle.wasPrecautionary);
    h.round(90);
    t.equal(h.state.mode, MODE.REFILL, 'no loss: at once again');
    h.round(90);
    t.equal(h.state.mode, MODE.UP);
    h.v.inFlight = longterm;
    h.bbr.congControl(h.v, h.rs);
    t.equal(h.state.mode, MODE.UP, 'and it stays');
    t.end();
  },
);

t.test('§5.6.4.4: the end of recovery gives cwnd back, within what the model bounds', (t) => {
  const h = new Hand();
  h.toUp(100);
  h.round(100);
  const before = h.v.cwnd;
  h.lose(0, { txInFlight: 300 });
  h.enter(CA_STATE.LOSS);
  h.v.setCwnd(1);
  h.round(4, { txInFlight: 300 });
  t.ok(h.v.cwnd < before / 2, 'by what is acknowledged');
  h.enter(CA_STATE.OPEN);
  t.equal(h.v.cwnd, before);
  t.end();
});

t.test('§5.4.1: a flow that was silent begins again at bw, and not at a gain', (t) => {
  const h = new Hand();
  h.toUp(100);
  t.ok(near(h.v.pacingRate, 1.25 * 0.99 * h.state.model.bw, 1e-9), 'UP');
  h.v.inFlight = 0;
  h.bbr.cwndEvent(h.v, CA_EVENT.TX_START);
  t.ok(near(h.v.pacingRate, 1.25 * 0.99 * h.state.model.bw, 1e-9), 'losses, too, empty the pipe');
  h.v.isAppLimited = true;
  h.bbr.cwndEvent(h.v, CA_EVENT.TX_START);
  t.ok(near(h.v.pacingRate, 0.99 * h.state.model.bw, 1e-9));
  t.end();
});

t.test('§5.3.4.3: what is sent in ProbeRTT counts as limited; nothing else does', (t) => {
  const h = new Hand();
  const modes = new Map<number, boolean>();
  for (let i = 0; i < 140; i++) {
    h.round(50);
    modes.set(h.state.mode, h.bbr.sendsLittle());
  }
  t.ok(modes.get(MODE.PROBE_RTT));
  modes.delete(MODE.PROBE_RTT);
  t.ok(modes.size >= 3 && ![...modes.values()].includes(true));
  t.end();
});

t.test('§5.3.3.9: what was in flight and lost no more than 2 % raises inflight_longterm', (t) => {
  const h = new Hand();
  h.toUp(100);
  h.lose(0, { txInFlight: 110, pieces: 5 });
  const longterm = h.state.model.inflightLongterm;
  h.round(20, { txInFlight: longterm + 50, lost: 10 });
  t.equal(h.state.model.inflightLongterm, longterm, 'more was lost');
  h.round(20, { txInFlight: longterm + 50, lost: 3 });
  t.equal(h.state.model.inflightLongterm, longterm + 50);
  t.end();
});

t.test('§5.5.4: a cycle with samples of a slow application forgets nothing', (t) => {
  const h = new Hand();
  const { model } = h.state;
  h.round(100);
  const { maxBw } = model;
  model.advanceMaxBw();
  h.round(10, { isAppLimited: true });
  model.advanceMaxBw();
  h.round(10);
  t.equal(model.maxBw, maxBw);
  h.round(120, { isAppLimited: true });
  t.ok(model.maxBw > maxBw, 'one that is higher counts');
  model.advanceMaxBw();
  h.round(10);
  model.advanceMaxBw();
  h.round(10);
  t.ok(model.maxBw < maxBw / 5, 'two cycles of low ones are believed');
  t.end();
});

t.test('§5.6.2: until the pipe was full the pace only grows', (t) => {
  const h = new Hand();
  const first = h.v.pacingRate;
  t.ok(
    near(first, (2.77 * 10 * MSS * SEC) / RTT, 1e-9),
    'the initial window in the RTT of the handshake',
  );
  h.round(5, { isAppLimited: true });
  t.equal(h.v.pacingRate, first, 'a slow application does not lower it');
  h.round(50);
  const grown = h.v.pacingRate;
  t.ok(grown > 4 * first);
  h.state.model.lowerBounds(h.v);
  h.state.model.boundBw();
  h.state.setPacingRate(h.v, 1);
  t.equal(h.v.pacingRate, grown);
  h.state.pipe.fill();
  h.state.setPacingRate(h.v, 1);
  t.ok(h.v.pacingRate < grown);
  t.end();
});

t.test('§5.5.7: min_rtt is the least of ten seconds, and of what a ProbeRTT found', (t) => {
  const h = new Hand();
  h.round(20);
  const from = h.v.nowNs;
  t.equal(h.state.minRtt.ns, RTT);
  let changedNs = 0;
  while (h.v.nowNs < from + 20 * SEC) {
    h.round(20, { rttNs: 2 * RTT });
    if (changedNs === 0 && h.state.minRtt.ns !== RTT) changedNs = h.v.nowNs;
  }
  t.equal(h.state.minRtt.ns, 2 * RTT);
  t.ok(
    changedNs >= from + 10 * SEC - RTT && changedNs < from + 11 * SEC,
    `${(changedNs - from) / SEC} s`,
  );
  h.round(20, { rttNs: RTT / 2 });
  t.equal(h.state.minRtt.ns, RTT / 2, 'a lower one at once');
  t.end();
});

t.test('§3.7: a CE mark is a loss: it ends Startup, and a probe', (t) => {
  const v = newView();
  v.mss = MSS;
  const rate = 2000;
  const m = new PathModel(v, bbr3, { rttNs: RTT, rate, markAbove: 20 });
  const { state } = m.cc as Bbr3;
  m.runFor(30 * RTT);
  t.ok(state.pipe.isReached);
  t.ok(state.pipe.flatRounds < 3, 'not by a plateau');
  t.ok(state.model.inflightLongterm < 1.5 * rate * (RTT / SEC) * 2, 'what fits is known');
  let most = 0;
  m.onAck = () => {
    most = Math.max(most, v.inFlight);
  };
  m.peakQueue = 0;
  m.runFor(20 * SEC);
  t.ok(m.peakQueue < 60, `${m.peakQueue} wait at most, where marks begin at 20`);
  t.ok(most > 0.9 * rate * (RTT / SEC), 'and the pipe is full');
  t.end();
});

t.test(
  '1 % of random loss leaves two thirds of the link, where RFC 9438 §5.2 has twelve segments a round trip',
  (t) => {
    const r = new Bbr3Rig({ mbps: 20, rttMs: 40, buffer: 1, forth: { loss: 0.01 } });
    r.run(5 * SEC);
    const got = r.goodput(20 * SEC);
    t.ok(got > 0.65 * r.link, `${(got / r.link).toFixed(3)} of the link`);
    t.equal(r.rig.client.tcp.mib.get('TCPTimeouts'), 0);
    r.close();
    t.end();
  },
);

t.test('it shares a link with its kind, and with CUBIC, whatever the buffer', (t) => {
  for (const [other, bdps] of [
    ['bbr3', 1],
    ['cubic', 1],
    ['cubic', 4],
  ] as const) {
    const rig = new PathRig({
      rateBps: 20e6,
      delayNs: 20 * MS,
      queueBytes: bdps * 100_000,
      tcp: { rmemDefault: 4 << 20 },
    });
    const first = rig.open({ congestion: 'bbr3' });
    rig.write(first.near, 1e9);
    rig.run(2 * SEC);
    const second = rig.open({ congestion: other });
    rig.write(second.near, 1e9);
    rig.run(15 * SEC);
    const before = [first.far.received, second.far.received] as const;
    rig.run(30 * SEC);
    const a = first.far.received - before[0];
    const b = second.far.received - before[1];
    const jain = (a + b) ** 2 / (2 * (a * a + b * b));
    t.ok(
      jain > 0.95,
      `${other}, ${bdps} BDP: ${a} and ${b} bytes, Jain's index ${jain.toFixed(3)}`,
    );
    rig.close();
  }
  t.end();
});

t.test('by name on a socket: it paces, and TCP_CC_INFO has what it believes', (t) => {
  const rig = new PathRig({ rateBps: 20e6, delayNs: 20 * MS, queueBytes: 200_000 });
  const { near: end } = rig.open({ congestion: 'bbr3' });
  rig.write(end, 1e9);
  rig.run(3 * SEC);
  const { congestion } = end.connection!;
  t.ok(congestion.view.isPaced);
  const told = congestion.cc.getInfo(congestion.view);
  t.match(told, { kind: 'bbr', minRttUs: /^4\d{4}$/ });
  if (told?.kind === 'bbr')
    t.ok(near(told.bytesPerSecond * 8, 19.1e6, 0.02), `${told.bytesPerSecond}`);
  rig.close();
  t.end();
});
