/**
 * The appendix "BBR Example Test Cases" of draft-ietf-ccwg-bbr-06, each by its title, in virtual time: real TCP over
 * links with a rate, a delay and a queue. The bounds are the draft's where it has numbers; else they are said here.
 */
import type { Test } from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { MODE } from '../../src/cc/bbr3-state.ts';
import {
  type Bbr3Rig,
  BULK,
  type DraftCase,
  MSS,
  near,
  type Path,
  payload,
  play,
} from './bbr3-rig.ts';

/** From home to far away; all but the last have a queue in which Startup and UP lose nothing. */
const DEEP: readonly Path[] = [
  { mbps: 10, rttMs: 40, buffer: 4 },
  { mbps: 50, rttMs: 10, buffer: 4 },
  { mbps: 2, rttMs: 300, buffer: 4 },
];

/** From Startup to the first UP. */
function toUp(r: Bbr3Rig): void {
  r.enters(MODE.UP);
}

const CASES: readonly DraftCase[] = [
  {
    title: 'Exiting STARTUP on Bandwidth Plateau',
    paths: DEEP,
    run(t, r) {
      const rates: number[] = [];
      r.bbr.onAck = (rs) => {
        if (r.state.mode === MODE.STARTUP && r.state.model.isRoundStart && !rs.isAppLimited) {
          rates.push(r.state.model.sampleRate);
        }
      };
      const exit = r.enters(MODE.DRAIN);
      t.equal(exit.from, MODE.STARTUP);
      t.equal(exit.flatRounds, 3, 'three rounds');
      rates.push((exit.sample.delivered * MSS * SEC) / exit.sample.intervalNs);
      const base = rates[rates.length - 4]!;
      for (const rate of rates.slice(-3)) t.ok(rate < 1.25 * base, 'grew by less than a quarter');
      t.ok(exit.isFullNow && exit.isReached);
      t.equal(exit.lost, 0, 'and not for losses');
      t.ok(near(exit.maxBw, r.link, 0.02), `max_bw is ${(exit.maxBw / r.link).toFixed(4)} of it`);
    },
  },
  {
    title: 'Exiting STARTUP on Loss When Application-Limited',
    paths: [
      { mbps: 50, rttMs: 40, buffer: 4 },
      { mbps: 20, rttMs: 200, buffer: 4 },
    ],
    sends: ({ mbps }) => 0.5 * payload(mbps),
    run(t, r) {
      r.run(2 * SEC);
      t.equal(r.state.mode, MODE.STARTUP, 'without losses it would not end');
      r.forth.setLoss(0.2);
      const exit = r.enters(MODE.DRAIN, 2 * SEC);
      t.equal(exit.from, MODE.STARTUP);
      t.ok(exit.sample.isAppLimited, 'the samples are limited by the application');
      const share = exit.sample.lost / exit.sample.txInFlight;
      t.ok(share > 0.02, `${(100 * share).toFixed(1)} % lost over a round trip`);
      t.ok(exit.flatRounds < 3, 'there was no plateau');
      t.ok(exit.isFullNow && exit.isReached, 'the pipe is full');
    },
  },
  {
    title: 'Exiting DRAIN Based on Inflight',
    paths: DEEP,
    run(t, r) {
      const { state, view } = r;
      const entry = r.enters(MODE.DRAIN);
      r.until(() => r.nowNs > entry.atNs);
      t.equal(state.pacingGain, 0.5, 'DrainPacingGain');
      t.ok(near(view.pacingRate, 0.5 * 0.99 * state.model.bw, 1e-9), 'is acted upon');
      let isAbove = true;
      r.bbr.onAck = () => {
        if (state.mode === MODE.DRAIN && view.inFlight <= r.inflightAt(state.model.bw)) {
          isAbove = false;
        }
      };
      const exit = r.enters(MODE.DOWN);
      t.equal(exit.from, MODE.DRAIN);
      t.ok(isAbove, 'not sooner than the flight is down');
      t.ok(exit.inFlight <= r.inflightAt(state.model.bw), 'to Inflight(1.0)');
      t.ok(exit.round <= entry.round + 3, 'and not because it took too long');
    },
  },
  {
    title: 'Exiting DRAIN Based on Time',
    paths: [
      { mbps: 10, rttMs: 40, buffer: 8 },
      { mbps: 50, rttMs: 10, buffer: 8 },
    ],
    run(t, r) {
      const { state, view } = r;
      const entry = r.enters(MODE.DRAIN);
      // A tenth less alone is drained at half the rate. The path gets longer, too: its BDP is more than the model's.
      r.forth.setRate(0.9 * r.path.mbps * 1e6);
      r.forth.setDelay(6 * r.rttNs);
      let least = Infinity;
      r.bbr.onAck = () => {
        if (state.mode !== MODE.DRAIN) return;
        least = Math.min(least, view.inFlight / r.inflightAt(state.model.bw));
      };
      const exit = r.enters(MODE.DOWN);
      t.ok(least > 1, `in flight was ${least.toFixed(2)} of Inflight(1.0) or more`);
      t.equal(exit.from, MODE.DRAIN);
      t.equal(exit.round, entry.round + 4, 'after the third round trip');
      t.ok(exit.inFlight > r.inflightAt(state.model.bw), 'though the flight is not down');
    },
  },
  {
    title: 'Exiting PROBE_UP on Bandwidth Plateau',
    paths: DEEP,
    run(t, r) {
      const { state, view } = r;
      const entry = r.enters(MODE.UP);
      let most = 0;
      let limited = 0;
      r.bbr.onAck = (rs) => {
        if (state.mode !== MODE.UP) return;
        most = Math.max(most, view.inFlight / state.bdp);
        if (rs.isAppLimited) limited++;
      };
      const exit = r.enters(MODE.DOWN);
      t.equal(exit.from, MODE.UP);
      t.equal(limited, 0, 'the application was not the limit');
      t.ok(most >= 1.25, `${most.toFixed(2)} BDP were in flight`);
      t.equal(exit.lost, entry.lost, 'nothing was lost');
      t.equal(exit.flatRounds, 3, 'three rounds without much growth');
      t.ok(exit.isFullNow);
    },
  },
  {
    title: 'Exiting PROBE_UP on Loss When Application-Limited',
    paths: DEEP,
    run(t, r) {
      toUp(r);
      r.send(r.link / 2);
      const { state, bbr } = r;
      let isLimited = false;
      bbr.onAck = (rs) => {
        isLimited = rs.isAppLimited;
      };
      r.until(() => isLimited);
      r.run(4 * r.rttNs);
      t.equal(state.mode, MODE.UP, 'limited, it stays');
      const before = state.model.inflightLongterm;
      bbr.losses.length = 0;
      r.forth.setLoss(0.3);
      const exit = r.enters(MODE.DOWN, 5 * SEC);
      t.equal(exit.from, MODE.UP);
      t.notOk(exit.isFullNow, 'not for a plateau');
      const loss = bbr.losses[bbr.losses.length - 1]!;
      const lost = exit.lost - loss.priorLost;
      t.ok(lost > 0.02 * loss.txInFlight, `${lost} of ${loss.txInFlight} were lost`);
      t.ok(loss.isAppLimited, 'of what the application limited');
      t.ok(state.cycle.wasTooHigh, 'the next probe will be a cautious one');
      // §5.5.10.2: that says nothing of how much fits.
      t.equal(state.model.inflightLongterm, before);
    },
  },
  {
    title: 'Never Exiting PROBE_UP (or STARTUP) When Application-Limited With No Loss: PROBE_UP',
    paths: DEEP,
    run(t, r) {
      toUp(r);
      r.send(r.link / 3);
      staysIn(t, r, MODE.UP);
    },
  },
  {
    title: 'Never Exiting PROBE_UP (or STARTUP) When Application-Limited With No Loss: STARTUP',
    paths: DEEP,
    sends: ({ mbps }) => payload(mbps) / 3,
    run(t, r) {
      r.run(10 * r.rttNs);
      staysIn(t, r, MODE.STARTUP);
    },
  },
  {
    title: 'Exiting PROBE_DOWN on Inflight',
    paths: [...DEEP, { mbps: 10, rttMs: 40, buffer: 0.5 }, { mbps: 50, rttMs: 40, buffer: 0.1 }],
    run(t, r) {
      toUp(r);
      r.enters(MODE.DOWN);
      const { state, view } = r;
      const { model } = state;
      let isEarly = false;
      let gain = 0;
      const isDown = (): boolean => {
        const withHeadroom = 0.85 * model.inflightLongterm;
        return view.inFlight <= withHeadroom && view.inFlight <= r.inflightAt(model.maxBw);
      };
      r.bbr.onAck = () => {
        if (state.mode !== MODE.DOWN) return;
        gain = state.pacingGain;
        if (isDown()) isEarly = true;
      };
      const exit = r.enters(MODE.CRUISE);
      t.equal(exit.from, MODE.DOWN);
      t.equal(gain, 0.9, 'ProbeDownPacingGain');
      t.notOk(isEarly, 'as long as more was in flight');
      t.ok(isDown(), 'until no more was than both bounds say');
      t.equal(model.inflightLongterm < Infinity, r.path.buffer < 1, 'with headroom or without');
    },
  },
  {
    title: 'Exiting PROBE_DOWN After Max Time',
    paths: [
      { mbps: 6, rttMs: 60, buffer: 4, seed: 2 },
      { mbps: 5, rttMs: 60, buffer: 4, seed: 4 },
    ],
    run(t, r) {
      r.enters(MODE.PROBE_RTT); // with these waits the next is far enough
      toUp(r);
      const entry = r.enters(MODE.DOWN);
      r.forth.setRate(0.9 * r.path.mbps * 1e6);
      const { state, view, bbr } = r;
      let least = Infinity;
      bbr.onAck = () => {
        if (state.mode !== MODE.DOWN) return;
        least = Math.min(least, view.inFlight / r.inflightAt(state.model.maxBw));
      };
      const exit = r.enters(MODE.REFILL, 4 * SEC);
      t.equal(exit.from, MODE.DOWN, 'without CRUISE');
      t.ok(least > 1, `in flight was ${least.toFixed(2)} of Inflight(1.0) or more`);
      const waited = exit.atNs - entry.atNs;
      t.ok(waited > state.cycle.waitNs, `${waited / SEC} s: after bw_probe_wait`);
      t.ok(waited < state.cycle.waitNs + 0.5 * r.rttNs, 'with the next ACK');
      t.ok(
        state.cycle.waitNs >= 2 * SEC && state.cycle.waitNs < 3 * SEC,
        'of two to three seconds',
      );
    },
  },
  {
    title: 'Entering and Exiting PROBE_RTT',
    paths: DEEP,
    run(t, r) {
      const { state, view, bbr } = r;
      let lastLower = 0;
      let least = Infinity;
      let heldNs = 0;
      bbr.onAck = (rs) => {
        if (state.mode === MODE.PROBE_RTT) {
          const most = Math.max(0.5 * state.bdp, 4);
          t.ok(view.cwnd <= most, 'half a window');
          if (heldNs === 0 && view.inFlight <= most) heldNs = r.nowNs;
        } else if (rs.rttNs < least) {
          least = rs.rttNs;
          lastLower = r.nowNs;
        }
      };
      const entry = r.enters(MODE.PROBE_RTT);
      t.ok(entry.atNs - lastLower > 5 * SEC, 'ProbeRTTInterval without a lower RTT');
      r.until(() => r.nowNs > entry.atNs);
      t.equal(state.cwndGain, 0.5, 'ProbeRTTCwndGain');
      const exit = r.enters(MODE.DOWN);
      t.equal(exit.from, MODE.PROBE_RTT);
      t.ok(heldNs > 0 && exit.atNs - heldNs >= 200 * MS, 'ProbeRTTDuration');
      t.ok(exit.atNs - heldNs < 200 * MS + 3 * r.rttNs, 'and little more');
      t.ok(exit.round > entry.round, 'and a round trip');
      r.until(() => r.nowNs > exit.atNs);
      t.equal(state.mode, MODE.CRUISE, 'on from DOWN at once: nothing is queued');
      r.run(2 * r.rttNs);
      t.ok(view.inFlight >= 0.9 * r.bdp, 'it sends again');
      t.ok(near(state.minRtt.ns, r.rttNs, 0.1), 'and knows the RTT without a queue');
    },
  },
  {
    title: 'Skipping PROBE_RTT Due to Application-Limited Sending',
    paths: DEEP,
    run(t, r) {
      const { state, view, bbr } = r;
      r.enters(MODE.CRUISE);
      r.send(0);
      r.until(() => view.inFlight === 0 && r.c.inFlight() === 0);
      r.run(6 * SEC);
      t.equal(bbr.idleStarts, 1, 'only the first flight of all began with nothing to send');
      const since = bbr.changes.length;
      r.send(BULK);
      r.until(() => bbr.idleStarts > 1);
      t.ok(state.isIdleRestart, 'idle_restart');
      r.run(3 * r.rttNs);
      t.notOk(state.isIdleRestart, 'until something is delivered');
      r.run(2 * SEC);
      t.notOk(r.modesSince(since).includes('PROBE_RTT'), 'the silence has drained the queue');
      const next = r.enters(MODE.PROBE_RTT);
      t.ok(next.atNs > 0, 'the next is due as ever');
    },
  },
  {
    title: 'Entering and Exiting PROBE_RTT During STARTUP',
    paths: DEEP,
    sends: ({ mbps }) => payload(mbps) / 10,
    run(t, r) {
      const entry = r.enters(MODE.PROBE_RTT);
      t.equal(entry.from, MODE.STARTUP, 'a slow start of more than 5 s');
      t.notOk(entry.isReached);
      const exit = r.enters(MODE.STARTUP);
      t.equal(exit.from, MODE.PROBE_RTT);
      t.ok(exit.atNs - entry.atNs >= 200 * MS);
      r.send(BULK);
      const end = r.enters(MODE.DRAIN);
      t.equal(end.from, MODE.STARTUP, 'and the search goes on');
      t.ok(near(end.maxBw, r.link, 0.02), `max_bw is ${(end.maxBw / r.link).toFixed(4)} of it`);
    },
  },
  {
    title: 'Handling Application-Limited Sending During PROBE_REFILL',
    paths: DEEP,
    run(t, r) {
      const { state, bbr } = r;
      const entry = r.enters(MODE.REFILL);
      r.send(r.link / 10);
      let limited = 0;
      let hasMoved = false;
      let before = state.model.maxBw;
      bbr.onAck = (rs) => {
        const { maxBw, sampleRate } = state.model;
        if (rs.isAppLimited && sampleRate < before) {
          limited++;
          if (maxBw !== before) hasMoved = true;
        }
        before = maxBw;
      };
      const up = r.enters(MODE.UP);
      t.equal(up.from, MODE.REFILL);
      t.equal(up.round, entry.round + 1, 'after one round trip');
      r.run(4 * r.rttNs);
      t.ok(limited > 0, 'samples were limited, and lower than max_bw');
      t.notOk(hasMoved, 'and did not change it');
      t.equal(state.mode, MODE.UP, 'without a plateau that is none');
      bbr.onAck = () => undefined;
      r.send(BULK);
      t.equal(r.enters(MODE.DOWN).from, MODE.UP);
      t.equal(r.enters(MODE.UP).from, MODE.REFILL, 'and the next probe is as usual');
      t.ok(near(state.model.maxBw, r.link, 0.02));
    },
  },
];

/** For thirty seconds; the path gets a little faster each second, so that there is no need for a ProbeRTT. */
function staysIn(t: Test, r: Bbr3Rig, mode: number): void {
  const since = r.bbr.changes.length;
  let limited = 0;
  let all = 0;
  r.bbr.onAck = (rs) => {
    if (rs.priorDelivered > 0) all++;
    if (rs.isAppLimited) limited++;
  };
  for (let i = 1; i <= 30; i++) {
    r.forth.setDelay((r.rttNs * (1 - i / 100)) / 2);
    r.run(SEC);
  }
  t.strictSame(r.modesSince(since), [], 'no change');
  t.equal(r.state.mode, mode);
  t.ok(limited > 0.9 * all, `${limited} of ${all} samples were limited`);
  t.equal(r.view.lost, 0);
}

play(CASES);
