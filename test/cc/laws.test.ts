/** Every module that a stack starts with keeps the laws; and the laws find out modules that do not. */
import t from 'tap';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { type CcModule, CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubicWith } from '../../src/cc/cubic.ts';
import type { AckSample } from '../../src/cc/samples.ts';
import { additiveIncrease } from '../../src/cc/window-growth.ts';
import { obeysTheLaws } from './laws.ts';

/** What each module promises to leave of the window on a loss. */
const BETA: Readonly<Record<string, number | null>> = {
  reno: 0.5,
  cubic: 717 / 1024,
  bbr: null,
  bbr3: null,
  dctcp: null,
  vegas: 0.5,
};

const known = builtinModules();
const all = known.available().map((name) => known.find(name)!);

t.test('the default is cubic, as on Linux', (t) => {
  t.equal(known.defaultModule.name, 'cubic');
  t.strictSame(known.available(), ['cubic', 'reno', 'bbr', 'bbr3', 'dctcp', 'vegas']);
  t.end();
});

/** CUBIC's other ways: what its parameters choose. */
const others = [
  cubicWith('cubic-rfc9438', { rfc9438: true }),
  cubicWith('cubic-plus', { hystartPlus: true }),
];
for (const module of others) {
  t.test(`${module.name} keeps the laws`, (t) => {
    obeysTheLaws(t, { module, beta: 717 / 1024 }, all);
    t.end();
  });
}

for (const module of all) {
  t.test(`${module.name} keeps the laws`, (t) => {
    const beta = BETA[module.name];
    t.not(beta, undefined, 'its share is in the table');
    obeysTheLaws(t, { module, beta: beta ?? null }, all);
    t.end();
  });
}

/** Good as it stands; each outlaw breaks one rule. */
class Honest extends CongestionControl {
  override ssthresh(v: CcView): number {
    return Math.max(2, v.cwnd >> 1);
  }

  override congAvoid(v: CcView, acked: number): void {
    if (v.isCwndLimited) additiveIncrease(v, Math.max(2, v.cwnd), acked);
  }
}

class DividesByZero extends Honest {
  override congAvoid(v: CcView, acked: number): void {
    if (v.isCwndLimited) v.setCwnd(v.cwnd + acked / (v.cwnd - 10));
  }
}
class GrowsWhenIdle extends Honest {
  override congAvoid(v: CcView): void {
    v.setCwnd(v.cwnd + 1);
  }
}
class Greedy extends Honest {
  override congAvoid(v: CcView, acked: number): void {
    if (v.isCwndLimited) v.setCwnd(v.cwnd + 2 * acked);
  }
}
class Timid extends Honest {
  override ssthresh(): number {
    return 2;
  }
}
class Stubborn extends Honest {
  override ssthresh(v: CcView): number {
    return Math.max(2, v.cwnd);
  }
}
class ForgetsUndo extends Honest {
  override undoCwnd(v: CcView): number {
    return v.cwnd;
  }
}
class Grabs extends Honest {
  override init(v: CcView): void {
    v.setCwnd(v.cwnd * 2);
  }
}
class Drifts extends Honest {
  private readonly secret: { value: number };
  constructor(secret: { value: number }) {
    super();
    this.secret = secret;
  }
  override pktsAcked(v: CcView, _sample: AckSample): void {
    this.secret.value++;
    if (v.cwnd > 1 && this.secret.value % 3 === 0) v.setCwnd(v.cwnd - 1);
  }
}
class Stalls extends Honest {
  override congAvoid(v: CcView): void {
    v.setPacingRate(1);
  }
}

const shared = { value: 1 };
const OUTLAWS: readonly (readonly [string, () => CongestionControl, RegExp | null])[] = [
  ['honest', () => new Honest(), null],
  ['infinite', () => new DividesByZero(), /stay whole numbers/],
  ['grows-idle', () => new GrowsWhenIdle(), /not the limit does not grow/],
  ['greedy', () => new Greedy(), /adds no more/],
  ['timid', () => new Timid(), /leaves 0.500 at least/],
  ['stubborn', () => new Stubborn(), /leaves 0.500 at least/],
  ['no-undo', () => new ForgetsUndo(), /taken back whole/],
  ['grabs', () => new Grabs(), /changing modules/],
  ['drifts', () => new Drifts(shared), /the same seed/],
  ['stalls', () => new Stalls(), /no path stalls it/],
];

/** The titles of the laws that a module breaks: what obeysTheLaws would have failed. */
function brokenLaws(module: CcModule): string[] {
  const broken: string[] = [];
  const judge = {
    pass: () => true,
    fail: (title: string) => broken.push(title),
  };
  obeysTheLaws(judge as never, { module, beta: 0.5 }, [module]);
  return broken;
}

for (const [name, create, law] of OUTLAWS) {
  t.test(law === null ? 'an honest module is left alone' : `${name} is found out`, (t) => {
    const broken = brokenLaws({ name, flags: 0, create });
    if (law === null) t.strictSame(broken, []);
    else
      t.ok(
        broken.some((title) => law.test(title)),
        `broken: ${broken.join('; ')}`,
      );
    t.end();
  });
}
