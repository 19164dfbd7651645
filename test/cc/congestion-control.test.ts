/** The interface, the registry, and the arithmetic of window growth. */
import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { EBUSY, EEXIST, EINVAL, ENOENT, EPERM } from '../../src/base/errno.ts';
import { CA_ACK, CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import { INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import { CC_FLAG, CongestionControl, HOOK } from '../../src/cc/congestion-control.ts';
import { cubic } from '../../src/cc/cubic.ts';
import { CcRegistry, swapModule } from '../../src/cc/registry.ts';
import { reno } from '../../src/cc/reno.ts';
import { additiveIncrease, slowStart } from '../../src/cc/window-growth.ts';
import { moduleNamed, newView, Still } from './rig.ts';

t.test('states, events and ACK bits have the numbers of Linux', (t) => {
  t.strictSame(CA_STATE, { OPEN: 0, DISORDER: 1, CWR: 2, RECOVERY: 3, LOSS: 4 });
  t.strictSame(CA_EVENT, {
    TX_START: 0,
    CWND_RESTART: 1,
    COMPLETE_CWR: 2,
    LOSS: 3,
    ECN_NO_CE: 4,
    ECN_IS_CE: 5,
  });
  t.strictSame(CA_ACK, { SLOWPATH: 1, WIN_UPDATE: 2, ECE: 4 });
  t.strictSame([CC_FLAG.NON_RESTRICTED, CC_FLAG.NEEDS_ECN], [1, 2]);
  t.equal(INFINITE_SSTHRESH, 0x7fffffff);
  t.end();
});

t.test('the view keeps what a module sets sane', (t) => {
  const v = newView();
  for (const [set, cwnd, ssthresh] of [
    [7.9, 7, 7],
    [1, 1, 2],
    [0, 1, 2],
    [-3, 1, 2],
    [Infinity, 0x7fffffff, INFINITE_SSTHRESH],
  ] as const) {
    v.setCwnd(set);
    v.setSsthresh(set);
    t.strictSame([v.cwnd, v.ssthresh], [cwnd, ssthresh], `${set}`);
  }
  v.cwndClamp = 50;
  v.setCwnd(51);
  t.equal(v.cwnd, 50, 'the clamp');
  v.maxPacingRate = 1e6;
  v.setPacingRate(2e6);
  t.equal(v.pacingRate, 1e6, 'the application says how fast at most');
  t.throws(() => v.setCwnd(NaN), InvariantError);
  t.throws(() => v.setSsthresh(NaN), InvariantError);
  t.throws(() => v.setPacingRate(NaN), InvariantError);
  t.throws(() => v.setPacingRate(0), InvariantError);
  t.strictSame([v.cwnd, v.pacingRate], [50, 1e6], 'and nothing has changed');
  t.end();
});

t.test('chance is the connection’s own: the same seed, the same numbers', (t) => {
  const draw = (seed: number): number[] => {
    const v = newView(seed);
    return [v.random(), v.random(), v.randomBelow(1000), v.randomBelow(1000)];
  };
  t.strictSame(draw(3), draw(3));
  t.notSame(draw(3), draw(4));
  t.ok(draw(3).every((x) => x >= 0 && x < 1000));
  t.end();
});

t.test('a module’s own hooks are known, the others do nothing', (t) => {
  class Everything extends Still {
    override setState(): void {
      this.release(v);
    }
    override cwndEvent(): void {
      this.release(v);
    }
    override inAckEvent(): void {
      this.release(v);
    }
    override pktsAcked(): void {
      this.release(v);
    }
    override minTsoSegs(): number {
      return 1;
    }
    override congControl(): void {
      this.release(v);
    }
    override sndbufExpand(): number {
      return 3;
    }
    override markedLost(): void {
      this.release(v);
    }
    override getInfo(): null {
      return null;
    }
    override sendsLittle(): boolean {
      return true;
    }
  }
  const v = newView();
  const all = Object.values(HOOK).reduce<number>((a, b) => a | b, 0);
  t.equal(new Everything().hooks, all);
  const still = new Still();
  t.equal(still.hooks, HOOK.CONG_AVOID);
  v.cwnd = 4;
  v.priorCwnd = 20;
  t.equal(still.undoCwnd(v), 20, 'the default undo restores');
  v.cwnd = 30;
  t.equal(still.undoCwnd(v), 30, 'and takes nothing away');
  t.strictSame(
    [still.minTsoSegs(v), still.sndbufExpand(v), still.getInfo(v), still.sendsLittle(v)],
    [0, 2, null, false],
  );
  t.end();
});

t.test('registry: names as in Linux, no name twice', (t) => {
  const modules = new CcRegistry(reno);
  for (const name of ['a', 'dctcp-reno', 'bpf_cc.2', 'x'.repeat(15)]) {
    t.equal(modules.register(moduleNamed(name)), 0, name);
    t.equal(modules.find(name)?.name, name);
    t.equal(modules.register(moduleNamed(name)), -EEXIST, `${name} again`);
  }
  for (const name of ['', 'x'.repeat(16), 'two words', 'tab\t', 'a/b', 'naïve']) {
    t.equal(modules.register(moduleNamed(name)), -EINVAL, JSON.stringify(name));
  }
  t.equal(modules.find('none'), undefined);
  t.end();
});

class Nothing extends CongestionControl {
  override ssthresh(): number {
    return 2;
  }
}

t.test('registry: a module that never sets a window is refused', (t) => {
  const module = { name: 'nothing', flags: 0, create: () => new Nothing() };
  t.equal(new CcRegistry(reno).register(module), -EINVAL);
  t.end();
});

t.test('registry: a module’s parameters, as files under /sys/module', (t) => {
  const modules = new CcRegistry(cubic, reno);
  const old = modules.find('cubic');
  for (const [module, parameter, value, result] of [
    ['cubic', 'hystart_detect', 1, 0],
    ['cubic', 'hystart_detect', 4, -EINVAL],
    ['cubic', 'beta', 1024, -EINVAL],
    ['cubic', 'hystart', 0.5, -EINVAL],
    ['cubic', 'toString', 1, -ENOENT],
    ['reno', 'beta', 1, -ENOENT],
    ['none', 'beta', 1, -ENOENT],
  ] as const) {
    t.equal(modules.setParameter(module, parameter, value), result, `${module}.${parameter}`);
  }
  t.not(modules.find('cubic'), old);
  t.equal(modules.defaultModule, modules.find('cubic'), 'the default is still cubic');
  t.equal(new CcRegistry(cubic).find('cubic'), old, 'another registry knows nothing of it');

  // Slow start ends at initial_ssthresh only without HyStart: the second change keeps the first.
  t.equal(modules.setParameter('cubic', 'hystart', 0), 0);
  t.equal(modules.setParameter('cubic', 'initial_ssthresh', 30), 0);
  const v = newView();
  modules.defaultModule.create().init(v);
  t.equal(v.ssthresh, 30);
  t.end();
});

t.test('registry: a newer module takes the place of one of its name', (t) => {
  const modules = new CcRegistry(reno, moduleNamed('mine'), moduleNamed('costly', 0));
  const newer = moduleNamed('mine');
  t.equal(modules.replace(newer), 0);
  t.equal(modules.find('mine'), newer);
  t.equal(modules.defaultModule, reno);
  t.equal(modules.setDefault('mine'), 0);
  const newest = moduleNamed('mine');
  t.equal(modules.replace(newest), 0);
  t.equal(modules.defaultModule, newest, 'the default is the new one');
  t.equal(modules.replace(moduleNamed('costly')), 0);
  t.strictSame(modules.allowed(), ['reno', 'mine'], 'who may choose it has not changed');
  t.equal(modules.replace(moduleNamed('none')), -ENOENT);
  const still = { ...moduleNamed('mine'), create: () => new Nothing() };
  t.equal(modules.replace(still), -EINVAL);
  t.equal(modules.find('mine'), newest);
  t.strictSame(modules.available(), ['reno', 'mine', 'costly']);
  t.end();
});

t.test('registry: default, available and allowed are what sysctl shows', (t) => {
  const modules = new CcRegistry(reno, moduleNamed('free'), moduleNamed('costly', 0));
  t.equal(modules.defaultModule.name, 'reno');
  t.strictSame(modules.available(), ['reno', 'free', 'costly']);
  t.strictSame(modules.allowed(), ['reno', 'free']);
  t.equal(modules.mayChoose('costly', false), -EPERM);
  t.equal(modules.mayChoose('costly', true), 0);
  t.equal(modules.mayChoose('free', false), 0);
  t.equal(modules.mayChoose('none', true), -ENOENT);
  t.equal(modules.setAllowed(['reno', 'none']), -ENOENT);
  t.strictSame(modules.allowed(), ['reno', 'free'], 'unchanged');
  t.equal(modules.setAllowed(['free']), 0);
  t.strictSame(modules.allowed(), ['free']);
  t.equal(modules.setDefault('none'), -ENOENT);
  t.equal(modules.setDefault('costly'), 0);
  t.equal(modules.defaultModule.name, 'costly');
  t.strictSame(modules.allowed(), ['free', 'costly'], 'the default may be chosen');
  t.equal(modules.unregister('costly'), -EBUSY);
  t.equal(modules.unregister('none'), -ENOENT);
  t.equal(modules.unregister('free'), 0);
  t.strictSame(modules.available(), ['reno', 'costly']);
  t.strictSame(new CcRegistry(reno).available(), ['reno'], 'another registry knows nothing of it');
  t.end();
});

t.test('a live connection changes its module: the old one lets go, the new one starts', (t) => {
  const calls: string[] = [];
  class Noted extends Still {
    readonly label: string;
    constructor(label: string) {
      super();
      this.label = label;
    }
    override init(): void {
      calls.push(`init ${this.label}`);
    }
    override release(): void {
      calls.push(`release ${this.label}`);
    }
  }
  const v = newView();
  v.setCwnd(33);
  const b = { name: 'b', flags: 0, create: () => new Noted('b') };
  const now = swapModule(v, new Noted('a'), b);
  t.strictSame(calls, ['release a', 'init b']);
  t.equal((now as Noted).label, 'b');
  t.equal(v.cwnd, 33);
  t.end();
});

t.test('slow start gives back what is beyond the threshold', (t) => {
  for (const [cwnd, ssthresh, acked, grown, rest] of [
    [10, 100, 10, 20, 0],
    [10, 15, 10, 15, 5],
    [10, 11, 1, 11, 0],
    [10, INFINITE_SSTHRESH, 45, 55, 0],
  ] as const) {
    const v = newView();
    v.setCwnd(cwnd);
    v.setSsthresh(ssthresh);
    t.strictSame([slowStart(v, acked), v.cwnd], [rest, grown], `${cwnd}+${acked} to ${ssthresh}`);
  }
  t.end();
});

t.test('additive increase: one piece a window, however the ACKs are cut', (t) => {
  const v = newView();
  v.setCwnd(10);
  for (let i = 0; i < 9; i++) additiveIncrease(v, 10, 1);
  t.strictSame([v.cwnd, v.cwndCnt], [10, 9]);
  additiveIncrease(v, 10, 1);
  t.strictSame([v.cwnd, v.cwndCnt], [11, 0]);
  additiveIncrease(v, 11, 25);
  t.strictSame([v.cwnd, v.cwndCnt], [13, 3], 'a stretched ACK');
  v.setCwndCnt(50);
  additiveIncrease(v, 13, 1);
  t.strictSame([v.cwnd, v.cwndCnt], [14, 1], 'old credit is one piece, not a burst');
  t.end();
});

t.test('reno: grows by one a window, halves, and waits when it is not the limit', (t) => {
  const v = newView();
  const cc = reno.create();
  v.setCwnd(10);
  cc.congAvoid(v, 10);
  t.equal(v.cwnd, 20, 'slow start doubles');
  v.setSsthresh(25);
  cc.congAvoid(v, 20);
  t.strictSame(
    [v.cwnd, v.cwndCnt],
    [25, 15],
    'the rest of the ACK counts for congestion avoidance',
  );
  cc.congAvoid(v, 10);
  t.equal(v.cwnd, 26);
  v.isCwndLimited = false;
  cc.congAvoid(v, 1000);
  t.equal(v.cwnd, 26, 'not the limit: no growth');
  t.equal(cc.ssthresh(v), 13);
  v.setCwnd(3);
  t.equal(cc.ssthresh(v), 2);
  v.setCwnd(1);
  t.equal(cc.ssthresh(v), 2, 'never below 2');
  t.end();
});
