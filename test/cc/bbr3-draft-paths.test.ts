/**
 * The appendix "BBR Example Test Cases" of draft-ietf-ccwg-bbr-06, its second half: paths that bunch ACKs, are tiny,
 * change, police, or reorder. Each case by its title; the bounds are the draft's where it has numbers.
 */
import type { Test } from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { MODE, type Mode } from '../../src/cc/bbr3-state.ts';
import { CA_STATE } from '../../src/cc/ca-state.ts';
import { type Bbr3Rig, type DraftCase, MSS, nameOf, near, payload, play } from './bbr3-rig.ts';

const CASES: readonly DraftCase[] = [
  {
    title: 'Achieving Expected STARTUP Bandwidth on a Link With Aggregation',
    paths: [
      { mbps: 20, rttMs: 40, buffer: 4, back: { aggregation: { slotNs: 20 * MS } } },
      { mbps: 10, rttMs: 50, buffer: 4, forth: { aggregation: { slotNs: 15 * MS } } },
      { mbps: 50, rttMs: 20, buffer: 4, back: { aggregation: { frames: 32, waitNs: 10 * MS } } },
    ],
    run(t, r) {
      const { state, view, bbr } = r;
      const { model } = state;
      let burst = 0;
      let burstNs = -1;
      let mostBurst = 0;
      let mostExtra = 0;
      let mostCwnd = 0;
      const watched = watchExtraAcked(r, 1);
      const watch = bbr.onAck;
      bbr.onAck = (rs) => {
        if (state.mode !== MODE.STARTUP) return;
        watch(rs);
        burst = r.nowNs === burstNs ? burst + rs.ackedSacked : rs.ackedSacked;
        burstNs = r.nowNs;
        mostBurst = Math.max(mostBurst, burst);
        mostExtra = Math.max(mostExtra, model.extraAcked);
        mostCwnd = Math.max(mostCwnd, view.cwnd);
      };
      const exit = r.enters(MODE.DRAIN);
      t.equal(exit.from, MODE.STARTUP);
      t.ok(mostExtra > 0.5 * mostBurst, `${mostExtra} extra of ${mostBurst} at once`);
      t.strictSame(watched.wrong, [], 'always the most of this round and the one before');
      t.ok(mostCwnd > 2 * r.bdp, `cwnd ${mostCwnd} of more than ${(2 * r.bdp).toFixed(1)}`);
      t.ok(near(exit.maxBw, r.link, 0.02), `max_bw is ${(exit.maxBw / r.link).toFixed(4)} of it`);
      // Doubling from ten segments, the plateau's three rounds, and three for bunches that come late.
      let rounds = 6;
      for (let pieces = 10; pieces < 2 * r.bdp; pieces *= 2) rounds++;
      t.ok(exit.round <= rounds, `in ${exit.round} rounds of ${rounds}`);
    },
  },
  {
    title: 'Achieving Expected Cruise Bandwidth on a Link With Aggregation',
    paths: [
      { mbps: 20, rttMs: 40, buffer: 4 },
      { mbps: 10, rttMs: 80, buffer: 4 },
    ],
    run(t, r) {
      const { state, view } = r;
      r.enters(MODE.CRUISE);
      const watched = watchExtraAcked(r, 10);
      r.run(4 * r.rttNs);
      const slotNs = r.rttNs / 2;
      const bunch = (r.link * slotNs) / SEC / MSS;
      t.ok(state.model.extraAcked < 3, 'none so far');
      const open = { atNs: 0, bps: 1e9 };
      r.back.setRate({ steps: [open, { atNs: 1 * MS, bps: 0 }], repeatNs: slotNs });
      r.run(4 * r.rttNs);
      t.ok(near(state.model.extraAcked, bunch, 0.1), `${state.model.extraAcked} of ${bunch}`);
      const got = r.goodput(1 * SEC);
      t.equal(state.mode, MODE.CRUISE);
      t.ok(got > 0.98 * r.link, `${(got / r.link).toFixed(3)} of the link`);
      const inFlight = 2 * state.bdp + state.model.extraAcked;
      t.equal(view.cwnd, Math.floor(inFlight), 'cwnd is augmented by it');
      const most = state.model.extraAcked;
      r.back.setRate(Infinity);
      r.run(6 * r.rttNs);
      t.ok(state.model.extraAcked > most - 0.1, 'for as long as ExtraAckedFilterLen rounds');
      r.run(20 * r.rttNs);
      t.ok(state.model.extraAcked < 0.9 * bunch, `and then ${state.model.extraAcked}`);
      t.strictSame(watched.wrong, [], 'always the most of ten rounds');
    },
  },
  {
    title: 'Correctly Managing Sub-Packet BDPs',
    paths: [
      { mbps: 0.064, rttMs: 20, buffer: 200 },
      { mbps: 1, rttMs: 1, buffer: 200 },
      { mbps: 10, rttMs: 0.2, buffer: 100 },
    ],
    run(t, r) {
      const { state, view, bbr } = r;
      t.ok(r.bdp < 1, `${r.bdp.toFixed(2)} packets`);
      r.enters(MODE.DOWN);
      let least = Infinity;
      let leastInProbeRtt = Infinity;
      let isCruising = true;
      bbr.onAck = () => {
        least = Math.min(least, view.cwnd);
        if (state.mode === MODE.PROBE_RTT) leastInProbeRtt = Math.min(leastInProbeRtt, view.cwnd);
        if (state.mode !== MODE.CRUISE) return;
        if (!near(view.pacingRate, 0.99 * r.link, 0.06)) isCruising = false;
      };
      const got = r.goodput(20 * SEC);
      t.equal(least, 4, 'MinPipeCwnd is the floor');
      t.equal(leastInProbeRtt, 4, 'in ProbeRTT');
      t.ok(isCruising, `paced at ${(view.pacingRate / r.link).toFixed(3)} of the link, or near it`);
      t.ok(near(got, r.link, 0.04), `${(got / r.link).toFixed(3)} of it is used`);
    },
  },
  {
    title: 'Increasing Bandwidth 10x and Ensuring Full Bandwidth is Reached',
    paths: [
      { mbps: 10, rttMs: 40, buffer: 1 },
      { mbps: 4, rttMs: 100, buffer: 1 },
    ],
    run(t, r) {
      const { state, bbr } = r;
      const { model } = state;
      r.enters(MODE.CRUISE);
      r.enters(MODE.CRUISE);
      t.ok(model.inflightLongterm < Infinity, 'the buffer has set inflight_longterm');
      r.forth.setRate(r.path.mbps * 1e7);
      const longterms: number[] = [];
      let roundsUp = 0;
      bbr.onAck = () => {
        if (state.mode !== MODE.UP || !model.isRoundStart) return;
        roundsUp++;
        longterms.push(model.inflightLongterm);
      };
      r.until(() => model.maxBw > 0.98 * 10 * r.link, 10 * SEC);
      const steps = longterms.slice(1).map((value, i) => value - longterms[i]!);
      const first = steps.findIndex((step) => step > 0);
      const grown = steps.slice(first, first + 5);
      t.equal(grown.length, 5);
      for (let i = 1; i < grown.length; i++) {
        const ratio = grown[i]! / grown[i - 1]!;
        t.ok(ratio >= 1.6 && ratio <= 2.6, `a step of ${grown[i]} after one of ${grown[i - 1]}`);
      }
      // From one BDP to ten: five rounds to get to inflight_longterm, and each doubles what is added to it; the rate
      // itself grows by a seventh each round trip, where UP's gain has to find it.
      t.ok(roundsUp <= 20, `${roundsUp} rounds of UP`);
      r.enters(MODE.CRUISE);
      const got = r.goodput(5 * SEC) / (10 * r.link);
      t.ok(got > 0.9, `and uses ${got.toFixed(3)} of it`);
    },
  },
  {
    title: 'Decreasing Bandwidth 10x and Ensuring Max Bandwidth Adapts Down',
    paths: [
      { mbps: 100, rttMs: 40, buffer: 0.5 },
      { mbps: 20, rttMs: 60, buffer: 0.5 },
    ],
    run(t, r) {
      const { state, view, bbr } = r;
      const { model } = state;
      r.enters(MODE.CRUISE);
      const cruise = r.enters(MODE.CRUISE);
      const lost = view.lost;
      r.forth.setRate(r.path.mbps * 1e5);
      r.until(() => view.lost > lost);
      t.ok(r.nowNs - cruise.atNs < 2 * SEC);
      const from = model.roundCount;
      r.until(() => model.bwShortterm < 0.5 * r.link);
      t.ok(model.roundCount - from <= 4, 'bw_shortterm is less than half after four rounds');
      let cycles = 0;
      const since = bbr.changes.length;
      for (; cycles < 2; cycles++) {
        t.ok(model.maxBw > 0.9 * r.link, 'max_bw remembers');
        while (r.enters(MODE.DOWN).from !== MODE.UP);
      }
      r.until(() => state.mode === MODE.CRUISE);
      t.notOk(r.modesSince(since).includes('STARTUP'));
      t.ok(
        near(model.maxBw, r.link / 10, 0.02),
        `${(model.maxBw / r.link).toFixed(4)} of what it was`,
      );
    },
  },
  {
    title: 'Handling Token Bucket Policers',
    paths: [
      {
        mbps: 100,
        rttMs: 40,
        buffer: 4,
        forth: { policer: { rateBps: 10e6, burstBytes: 100_000 } },
      },
      { mbps: 50, rttMs: 80, buffer: 4, forth: { policer: { rateBps: 5e6, burstBytes: 50_000 } } },
    ],
    run(t, r) {
      const { state, view, bbr } = r;
      const { model } = state;
      const tokens = payload(r.path.mbps / 10);
      let hasBoth = false;
      bbr.onAck = () => {
        if (model.bwShortterm < Infinity && model.inflightShortterm < Infinity) hasBoth = true;
      };
      r.enters(MODE.CRUISE);
      t.ok(view.lost > 0, 'the bucket is empty');
      r.run(1 * SEC);
      t.ok(hasBoth, 'bw_shortterm and inflight_shortterm have come down');
      r.run(4 * SEC);
      for (let i = 0; i < 3; i++) {
        const { lost, delivered } = view;
        const got = r.goodput(5 * SEC);
        t.ok(near(got, tokens, 0.1), `${(got / tokens).toFixed(3)} of the token rate`);
        const share = (view.lost - lost) / (view.lost - lost + view.delivered - delivered);
        t.ok(share < 0.05, `${(100 * share).toFixed(1)} % lost`);
      }
    },
  },
  {
    title: 'Handling Spurious Fast Recovery',
    paths: [
      { mbps: 10, rttMs: 40, buffer: 4, forth: { mayReorder: true } },
      { mbps: 4, rttMs: 100, buffer: 4, forth: { mayReorder: true } },
      { mbps: 10, rttMs: 40, buffer: 0.7, forth: { mayReorder: true } },
    ],
    run(t, r) {
      r.enters(MODE.UP);
      r.run(1.5 * r.rttNs);
      // For as long as a few segments take, the way is longer by more than RACK waits.
      const takesBack = watchUndo(t, r, CA_STATE.RECOVERY);
      r.forth.setDelay(r.rttNs);
      r.run((3 * MSS * SEC) / r.link);
      r.forth.setDelay(r.rttNs / 2);
      takesBack();
    },
  },
  {
    title: 'Handling Spurious RTO Recovery',
    paths: [
      { mbps: 10, rttMs: 40, buffer: 4 },
      { mbps: 4, rttMs: 100, buffer: 4 },
    ],
    run(t, r) {
      r.enters(MODE.UP);
      r.run(1.5 * r.rttNs);
      const takesBack = watchUndo(t, r, CA_STATE.LOSS);
      r.forth.setDelay(r.rttNs / 2 + 700 * MS);
      r.run(500 * MS);
      r.forth.setDelay(r.rttNs / 2);
      takesBack();
      t.ok(r.rig.client.tcp.mib.get('TCPTimeouts') > 0);
    },
  },
  {
    title: 'Handling Loss During PROBE_UP After inflight_longterm is Set',
    paths: [
      { mbps: 10, rttMs: 40, buffer: 0.7 },
      { mbps: 4, rttMs: 100, buffer: 0.7 },
    ],
    run(t, r) {
      const { state, view, bbr } = r;
      const { model } = state;
      do r.enters(MODE.UP);
      while (model.inflightLongterm === Infinity || state.cycle.wasTooHigh);
      const before = model.inflightLongterm;
      let target = 0;
      bbr.beforeLoss = () => {
        target = Math.min((model.bw * state.minRtt.ns) / SEC / MSS, view.cwnd);
      };
      bbr.losses.length = 0;
      r.forth.setLoss(0.5);
      const exit = r.enters(MODE.DOWN);
      r.forth.setLoss(0);
      t.equal(exit.from, MODE.UP);
      t.notOk(exit.isFullNow, 'before a plateau');
      const loss = bbr.losses[bbr.losses.length - 1]!;
      const lost = exit.lost - loss.priorLost;
      t.ok(lost > 0.02 * loss.txInFlight, `${lost} of ${loss.txInFlight}`);
      // §5.5.10.2: what was in flight where losses passed 2 %, but no less than Beta of the target.
      const safe =
        loss.txInFlight - 1 + Math.max(0, (0.02 * (loss.txInFlight - 1) - (lost - 1)) / 0.98);
      t.equal(model.inflightLongterm, Math.floor(Math.max(Math.floor(safe), 0.7 * target)));
      t.ok(model.inflightLongterm < before, `${model.inflightLongterm} after ${before}`);
      t.ok(model.inflightLongterm >= Math.floor(0.7 * target), 'Beta');
    },
  },
];

/** Checks extra_acked against all samples of its window: those of this round, and of so many before it. */
function watchExtraAcked(r: Bbr3Rig, rounds: number): { readonly wrong: string[] } {
  const { model } = r.state;
  const samples: { readonly round: number; readonly extra: number }[] = [];
  const wrong: string[] = [];
  let { cwnd } = r.view;
  let startNs = r.nowNs;
  let delivered = 0;
  let { bw } = model;
  r.bbr.onAck = (rs) => {
    let expected = (bw * (r.nowNs - startNs)) / SEC / MSS;
    if (delivered <= expected) {
      delivered = 0;
      expected = 0;
      startNs = r.nowNs;
    }
    delivered += rs.ackedSacked;
    const latest = Math.min(delivered - expected, cwnd);
    cwnd = r.view.cwnd;
    samples.push({ round: model.roundCount, extra: latest });
    bw = model.bw;
    while (samples[0]!.round < model.roundCount - rounds) samples.shift();
    const most = Math.max(...samples.map(({ extra }) => extra));
    if (model.extraAcked > most + 1 || model.extraAcked < latest - 1) {
      wrong.push(`${model.extraAcked} in round ${model.roundCount}: ${latest}, at most ${most}`);
    }
  };
  return { wrong };
}

/**
 * Watches a recovery that is for nothing: what it saves at its first loss, what it changes, and that all comes back. Call
 * what it gives once the path is as it was.
 */
function watchUndo(t: Test, r: Bbr3Rig, recovery: number): () => void {
  const { state, view, bbr } = r;
  const { model } = state;
  const bounds = () => [model.bwShortterm, model.inflightShortterm, model.inflightLongterm];
  const saved = () => [
    model.undoBwShortterm,
    model.undoInflightShortterm,
    model.undoInflightLongterm,
  ];
  let first: number[] | null = null;
  let mode: Mode = state.mode;
  let cwnd = 0;
  let undone = 0;
  let worst: number = CA_STATE.OPEN;
  bbr.beforeLoss = () => {
    if (first !== null) return;
    first = bounds();
    mode = state.mode;
    cwnd = view.cwnd;
  };
  bbr.onState = (state) => {
    worst = Math.max(worst, state);
  };
  bbr.afterUndo = () => {
    if (undone++ > 0) return;
    t.strictSame(saved(), first, 'what the first loss saved');
    const now = bounds();
    t.ok(
      first?.every((value, i) => now[i]! >= value),
      `${now} is not below ${first}`,
    );
    t.ok(view.cwnd >= cwnd, 'cwnd, too');
    t.equal(nameOf(mode), 'UP', 'it was probing');
    t.equal(nameOf(state.mode), 'REFILL', 'and goes back to it, by way of a refill');
  };
  const since = bbr.changes.length;
  return () => {
    r.until(() => undone > 0, 5 * SEC);
    t.equal(worst, recovery);
    t.ok(r.modesSince(since).includes('DOWN'), 'the loss had ended the probe');
    const back = r.enters(MODE.UP, 2 * SEC);
    t.equal(back.from, MODE.REFILL, 'it probes again');
    t.ok(model.maxBw > 0.98 * r.link, 'of the rate as it was');
  };
}

play(CASES);
