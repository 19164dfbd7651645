/** The interface is enough for an algorithm that reads rates: it does on it what theory says. */
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { type CongestionControl, HOOK } from '../../src/cc/congestion-control.ts';
import { cubic } from '../../src/cc/cubic.ts';
import { reno } from '../../src/cc/reno.ts';
import { obeysTheLaws } from './laws.ts';
import { independent } from './loss-process.ts';
import { rateModel } from './other-modules.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

function value(cc: CongestionControl, name: string): number {
  const told = cc.getInfo(newView());
  const values: Readonly<Record<string, unknown>> =
    told?.kind === 'other' ? told.values : { ...told };
  return Number(values[name]);
}

for (const module of [rateModel]) {
  t.test(`${module.name} keeps the laws`, (t) => {
    obeysTheLaws(t, { module, beta: null }, [cubic, reno]);
    t.end();
  });
}

const RATE = 100e6 / 8 / 1500;

t.test(
  'a rate-based module finds the rate in log2(BDP) round trips, and little queue after',
  (t) => {
    const v = newView();
    v.mss = 1500;
    const model = new PathModel(v, rateModel, { rttNs: 40 * MS, rate: RATE, isPaced: true });
    t.ok((model.cc.hooks & HOOK.CONG_CONTROL) !== 0 && v.isPaced);
    const bdp = RATE * 0.04;
    let rounds = 0;
    while (value(model.cc, 'inStartup') === 1 && rounds < 100) {
      model.runFor(40 * MS);
      rounds++;
    }
    // Doubling from 10 pieces; then three rounds of plateau, of two round trips each: startup holds two windows.
    const expected = Math.log2(bdp / 10) + 3 * 2 + 2;
    t.ok(rounds <= expected + 1, `${rounds} round trips, ${expected.toFixed(1)} expected`);
    const error = Math.abs(value(model.cc, 'bw') / RATE - 1);
    t.ok(error < 0.02, `the rate within ${(100 * error).toFixed(2)} %`);
    model.runFor(2 * SEC);
    model.peakQueue = 0;
    model.runFor(10 * SEC);
    t.ok(model.peakQueue < 0.5 * bdp, `${model.peakQueue} waited, BDP ${bdp.toFixed(0)}`);
    t.end();
  },
);

t.test(
  '1 % of loss: a rate-based module keeps 95 % of the link, CUBIC what the law gives it',
  (t) => {
    const used = [rateModel, cubic].map((module) => {
      const v = newView();
      v.mss = 1500;
      const loss = independent(0.01, new Rng(20263).stream('loss'));
      const options = { rttNs: 40 * MS, rate: RATE, buffer: 333, isPaced: true, loss };
      const model = new PathModel(v, module, options);
      model.runFor(3 * SEC);
      const before = v.delivered;
      model.runFor(20 * SEC);
      if (module === rateModel) {
        const seen = value(model.cc, 'lossRate');
        t.ok(seen > 0 && seen < 0.04, `markedLost saw ${(100 * seen).toFixed(1)} % in a round`);
        t.ok(value(model.cc, 'atSend') > 100, 'and what was in flight');
      }
      return (v.delivered - before) / (20 * RATE);
    });
    t.ok(used[0]! > 0.95, `${(100 * used[0]!).toFixed(1)} % of the link`);
    const law = Math.sqrt(1.5 / 0.01) / (RATE * 0.04);
    t.ok(
      used[1]! < 1.2 * law,
      `CUBIC ${(100 * used[1]!).toFixed(1)} %, the law ${(100 * law).toFixed(1)} %`,
    );
    t.end();
  },
);
