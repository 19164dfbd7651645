/** A user's module that makes mistakes: its connection goes on with Reno, and the mistake is told. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { type CcModule, CongestionControl } from '../../src/cc/congestion-control.ts';
import { type CcFaults, guarded } from '../../src/cc/guarded.ts';
import { reno } from '../../src/cc/reno.ts';
import { renoGrowth } from '../../src/cc/window-growth.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { pointToPoint } from '../../src/sim/experiment/topology.ts';
import { newView } from './rig.ts';

/** Reno, until the hundredth call of a hook. */
class Good extends CongestionControl {
  protected calls = 0;

  override ssthresh(v: CcView): number {
    return Math.max(2, v.cwnd >> 1);
  }

  override congAvoid(v: CcView, acked: number): void {
    this.calls++;
    if (this.calls === 100) this.mistake(v);
    else renoGrowth(v, acked);
  }

  protected mistake(_v: CcView): void {
    // none
  }
}

function thrown(what: unknown): never {
  throw what;
}

const MISTAKES: readonly (readonly [string, (v: CcView) => void, RegExp])[] = [
  [
    'throws',
    () => {
      throw new Error('index 7 of 5');
    },
    /^congAvoid: index 7 of 5$/,
  ],
  [
    'throws no error',
    () => {
      throw 'a text';
    },
    /^congAvoid: a text$/,
  ],
  ['sets NaN', (v) => v.setCwnd(Number.NaN), /^congAvoid: .*cwnd is a number/],
  [
    'writes NaN',
    (v) => {
      v.cwnd = Number.NaN;
    },
    /^congAvoid: left cwnd NaN/,
  ],
  [
    'writes a BigInt',
    (v) => {
      v.cwnd = 10n as unknown as number;
    },
    /^congAvoid: left cwnd 10,/,
  ],
  [
    'writes a rate as text',
    (v) => {
      v.pacingRate = '1e6' as unknown as number;
    },
    /^congAvoid: .*pacing rate 1e6,/,
  ],
  [
    'writes 0',
    (v) => {
      v.cwnd = 0;
    },
    /^congAvoid: left cwnd 0/,
  ],
  ['sets 0', (v) => v.setCwnd(0), /^congAvoid: set a window or a threshold of 0 or less$/],
  ['sets a threshold below 0', (v) => v.setSsthresh(-1), /threshold of 0 or less$/],
  ['sets a window without bounds', (v) => v.setCwnd(Infinity), /^congAvoid: left cwnd 2147483647/],
  [
    'sets a threshold of nothing',
    (v) => {
      v.ssthresh = -1;
    },
    /ssthresh -1/,
  ],
  ['sets a rate of 0', (v) => v.setPacingRate(0), /^congAvoid: .*a pacing rate is positive/],
  [
    'sets a rate of NaN',
    (v) => {
      v.pacingRate = Number.NaN;
    },
    /pacing rate NaN/,
  ],
  ['sets a tiny rate', (v) => v.setPacingRate(1e-9), /pacing rate 1e-9/],
  [
    'writes the largest number there is',
    (v) => {
      v.cwnd = 1e308;
    },
    /^congAvoid: left cwnd 1e\+308/,
  ],
  [
    'writes a limit that is the sender’s',
    (v) => {
      v.cwndClamp = Number.NaN;
      v.setCwnd(100);
    },
    /cwndClamp NaN/,
  ],
  [
    'writes the application’s limit',
    (v) => {
      v.maxPacingRate = 0;
    },
    /maxPacingRate 0/,
  ],
  [
    'throws what has no text',
    () => thrown(Object.create(null)),
    /^congAvoid: threw what has no text$/,
  ],
  ['spoils its credit', (v) => v.setCwndCnt(Number.NaN), /cwndCnt NaN/],
];

function moduleOf(create: () => CongestionControl): CcModule {
  return { name: 'mine', flags: 0, create };
}

/** Bytes that arrive in ten seconds, over a link that loses one packet in 500. */
function run(module: CcModule): { delivered: number; faults: CcFaults } {
  const link = { rateBps: 10e6, delayNs: 10 * MS, loss: { every: 500 } };
  const x = new Experiment(
    {
      ...{ name: 'guard', seed: 1, durationNs: 10 * SEC },
      ...pointToPoint({ forth: link, back: { delayNs: 10 * MS } }),
      flows: [
        { name: 'it', from: 'a', to: 'b', cc: 'mine', startNs: 0, traffic: { kind: 'bulk' } },
      ],
    },
    { modules: [module] },
  );
  x.run();
  const { delivered, failures } = x.flows[0]!;
  t.same(failures, []);
  x.end();
  return { delivered, faults: x.faults[0]! };
}

const plain = run({ ...reno, name: 'mine' }).delivered;

t.test('a good module is as without a guard', (t) => {
  const { delivered, faults } = run(moduleOf(() => new Good()));
  t.equal(delivered, plain);
  t.equal(faults.count, 0);
  t.equal(faults.first, '');
  t.end();
});

for (const [title, mistake, first] of MISTAKES) {
  t.test(`one that ${title}`, (t) => {
    class Bad extends Good {
      protected override mistake(v: CcView): void {
        mistake(v);
      }
    }
    const { delivered, faults } = run(moduleOf(() => new Bad()));
    t.ok(delivered > 0.95 * plain, `${delivered} bytes, Reno ${plain}`);
    t.equal(faults.count, 1, 'once: it is not asked again');
    t.equal(faults.module, 'mine');
    t.match(faults.first, first);
    t.end();
  });
}

const throws = (): never => {
  throw new Error('no');
};
/** What TypeScript lets through: a method that returns a promise where nothing is expected. */
class Async extends Good {
  override async congAvoid(v: CcView, acked: number): Promise<void> {
    super.congAvoid(v, acked);
    throw new Error('nobody hears of it');
  }
}
const OTHERS: readonly (readonly [string, () => CongestionControl, RegExp])[] = [
  [
    'ssthresh returns NaN',
    () =>
      new (class extends Good {
        override ssthresh() {
          return Number.NaN;
        }
      })(),
    /^ssthresh: returned NaN$/,
  ],
  [
    'ssthresh returns nothing',
    () =>
      new (class extends Good {
        override ssthresh() {
          return undefined as unknown as number;
        }
      })(),
    /^ssthresh: returned undefined$/,
  ],
  [
    'ssthresh returns a BigInt',
    () =>
      new (class extends Good {
        override ssthresh() {
          return 10n as unknown as number;
        }
      })(),
    /^ssthresh: returned 10$/,
  ],
  [
    'ssthresh returns text',
    () =>
      new (class extends Good {
        override ssthresh() {
          return '10' as unknown as number;
        }
      })(),
    /^ssthresh: returned 10$/,
  ],
  [
    'minTsoSegs returns a BigInt',
    () =>
      new (class extends Good {
        override minTsoSegs() {
          return 2n as unknown as number;
        }
      })(),
    /^minTsoSegs: returned 2$/,
  ],
  [
    'sndbufExpand returns a BigInt',
    () =>
      new (class extends Good {
        override sndbufExpand() {
          return 2n as unknown as number;
        }
      })(),
    /^sndbufExpand: returned 2$/,
  ],
  ['a hook is async', () => new Async(), /^congAvoid: is async: a hook is done when it returns$/],
  [
    'ssthresh is async',
    () =>
      new (class extends Good {
        override ssthresh() {
          return Promise.reject(new Error('nobody hears of it')) as unknown as number;
        }
      })(),
    /^ssthresh: is async/,
  ],
  [
    'init throws',
    () =>
      new (class extends Good {
        override init() {
          throws();
        }
      })(),
    /^init: no$/,
  ],
  [
    'setState throws',
    () =>
      new (class extends Good {
        override setState() {
          throws();
        }
      })(),
    /^setState: no$/,
  ],
  [
    'cwndEvent throws',
    () =>
      new (class extends Good {
        override cwndEvent() {
          throws();
        }
      })(),
    /^cwndEvent: no$/,
  ],
  [
    'inAckEvent throws',
    () =>
      new (class extends Good {
        override inAckEvent() {
          throws();
        }
      })(),
    /^inAckEvent: no$/,
  ],
  [
    'pktsAcked throws',
    () =>
      new (class extends Good {
        override pktsAcked() {
          throws();
        }
      })(),
    /^pktsAcked: no$/,
  ],
  [
    'markedLost throws',
    () =>
      new (class extends Good {
        override markedLost() {
          throws();
        }
      })(),
    /^markedLost: no$/,
  ],
  [
    'congControl throws',
    () =>
      new (class extends Good {
        override congControl() {
          throws();
        }
      })(),
    /^congControl: no$/,
  ],
  [
    'minTsoSegs throws',
    () =>
      new (class extends Good {
        override minTsoSegs() {
          return throws();
        }
      })(),
    /^minTsoSegs: no$/,
  ],
  [
    'sndbufExpand returns 0',
    () =>
      new (class extends Good {
        override sndbufExpand() {
          return 0;
        }
      })(),
    /^sndbufExpand: returned 0$/,
  ],
  [
    'sendsLittle throws',
    () =>
      new (class extends Good {
        override congControl() {
          // leaves the window alone
        }
        override sendsLittle() {
          return throws();
        }
      })(),
    /^sendsLittle: no$/,
  ],
];

for (const [title, create, first] of OTHERS) {
  t.test(title, (t) => {
    const { delivered, faults } = run(moduleOf(create));
    t.ok(delivered > 0.9 * plain);
    t.ok(faults.count === 1 || faults.count === 2, 'once at each end');
    t.match(faults.first, first);
    t.end();
  });
}

t.test('one that cannot even be made', (t) => {
  let made = 0;
  const { delivered, faults } = run(
    moduleOf(() => (made++ < 2 ? new Good() : throws())), // each host asks once when it is registered
  );
  t.equal(delivered, plain);
  t.equal(faults.count, 2, 'at both ends');
  t.equal(faults.first, 'create: no');
  t.end();
});

t.test('its phase is a word, or none', (t) => {
  const { module, faults } = guarded(
    moduleOf(() => Object.assign(new Good(), { phaseName: () => 7 as unknown as string })),
  );
  const view = newView();
  t.equal(module.create().phaseName(view), null);
  t.equal(faults.count, 0);
  const bad = guarded(moduleOf(() => Object.assign(new Good(), { phaseName: throws })));
  t.equal(bad.module.create().phaseName(view), null);
  t.equal(bad.faults.first, 'phaseName: no');
  const fine = guarded(moduleOf(() => Object.assign(new Good(), { phaseName: () => 'probing' })));
  t.equal(fine.module.create().phaseName(view), 'probing');
  t.end();
});

t.test('what people are shown may throw; the module goes on', (t) => {
  const { delivered, faults } = run(
    moduleOf(
      () =>
        new (class extends Good {
          override getInfo() {
            return throws();
          }
          override release() {
            throws();
          }
        })(),
    ),
  );
  t.equal(delivered, plain);
  t.equal(faults.first, 'release: no');
  t.end();
});

const SPOILERS: readonly (readonly [hook: string, (v: CcView, cc: CongestionControl) => void])[] = [
  ['release', (v, cc) => cc.release(v)],
  ['getInfo', (v, cc) => void cc.getInfo(v)],
  ['phaseName', (v, cc) => void cc.phaseName(v)],
  ['sendsLittle', (v, cc) => void cc.sendsLittle(v)],
];

for (const [hook, call] of SPOILERS) {
  t.test(`${hook} changes nothing for the worse`, (t) => {
    const spoil = (v: CcView): never => {
      v.cwnd = Number.NaN;
      v.pacingRate = 0;
      v.setCwndCnt(Infinity);
      v.cwndClamp = -1;
      return undefined as never;
    };
    const own = Object.assign(new Good(), { [hook]: spoil });
    const { module, faults } = guarded(moduleOf(() => own));
    const v = newView();
    v.setCwnd(77);
    call(v, module.create());
    t.same([v.cwnd, v.pacingRate, v.cwndCnt, v.cwndClamp], [77, Infinity, 0, 0x7fffffff]);
    t.equal(faults.count, 1);
    t.match(faults.first, `${hook}: left cwnd NaN`);
    t.end();
  });
}

t.test('who stands in is told', (t) => {
  const { module } = guarded(moduleOf(() => new Good()));
  t.equal(module.create().standIn, '');
  t.equal(guarded(moduleOf(throws)).module.create().standIn, 'reno', 'from the start');
  t.end();
});
