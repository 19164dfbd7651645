/** What a congestion-control module is called with, when, and in which order: a module that writes it down. */
import t from 'tap';
import { MS } from '../../src/base/time.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from '../../src/cc/ca-state.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { CC_FLAG, type CcModule, CongestionControl } from '../../src/cc/congestion-control.ts';
import { Reno } from '../../src/cc/reno.ts';
import type { AckSample, LossSample, RateSample } from '../../src/cc/samples.ts';
import { dialogue, TcpHarness } from './tcp-harness.ts';

const nameOf = (words: Record<string, number>, value: number): string =>
  Object.keys(words).find((k) => words[k] === value) ?? '?';

/** Reno that writes down each call. */
class Spy extends Reno {
  calls: string[] = [];

  override init(v: CcView): void {
    this.calls.push(`init ${v.cwnd}`);
  }

  override release(): void {
    this.calls.push('release');
  }

  override ssthresh(v: CcView): number {
    this.calls.push(`ssthresh of ${v.cwnd}`);
    return super.ssthresh(v);
  }

  override setState(v: CcView, state: CaState): void {
    this.calls.push(`${nameOf(CA_STATE, v.caState)} to ${nameOf(CA_STATE, state)}`);
  }

  override cwndEvent(_v: CcView, event: CaEvent): void {
    this.calls.push(nameOf(CA_EVENT, event));
  }

  override inAckEvent(v: CcView, flags: number): void {
    this.calls.push(`ack ${flags} una ${v.sndUna} nxt ${v.sndNxt} delivered ${v.delivered}`);
  }

  override pktsAcked(v: CcView, s: AckSample): void {
    const rtt = s.rttNs < 0 ? 'none' : `${Math.round(s.rttNs / MS)} ms`;
    this.calls.push(`acked ${s.pktsAcked} rtt ${rtt} flight ${v.inFlight}`);
  }

  override markedLost(v: CcView, s: LossSample): void {
    const way = s.hasSack ? 'by SACK' : 'by duplicates';
    this.calls.push(
      `lost ${s.pieces} from ${s.startSeq} to ${s.endSeq} ${way}, ` +
        `sent with ${s.txInFlight} in flight, ${v.lost} in all`,
    );
  }

  override congAvoid(v: CcView, acked: number): void {
    this.calls.push(`avoid ${acked}${v.isCwndLimited ? ' limited' : ''}`);
    super.congAvoid(v, acked);
  }

  override undoCwnd(v: CcView): number {
    this.calls.push(`undo to ${v.priorCwnd}`);
    return super.undoCwnd(v);
  }

  since(): string[] {
    const { calls } = this;
    this.calls = [];
    return calls;
  }
}

/** The same, with a window and a rate of its own. */
class Controller extends CongestionControl {
  calls: string[] = [];

  override ssthresh(): number {
    return 2;
  }

  override congControl(v: CcView, s: RateSample, flags: number): void {
    const rate = s.delivered < 0 ? 'none' : `${s.delivered} in ${Math.round(s.intervalNs / MS)} ms`;
    this.calls.push(
      `control ${flags} prior ${s.priorInFlight} acked ${s.ackedSacked} lost ${s.losses} rate ${rate}` +
        ` tx ${s.txInFlight}${s.isAppLimited ? ' app' : ''}${s.isRetrans ? ' retrans' : ''}`,
    );
    v.setCwnd(20);
    v.setPacingRate(1e9);
  }

  override congAvoid(): void {
    this.calls.push('avoid');
  }
}

function spied(h: TcpHarness, cc: CongestionControl, flags: number = CC_FLAG.NON_RESTRICTED): void {
  const spy: CcModule = { name: 'spy', flags, create: () => cc };
  h.tcp.ccModules.register(spy);
  h.tcp.ccModules.setDefault('spy');
}

function dialogueWith(
  title: string,
  run: (t: import('tap').Test, h: TcpHarness, spy: Spy) => void,
) {
  dialogue(title, (t, h) => {
    const spy = new Spy();
    spied(h, spy);
    h.passive({ rtt: 0.1 });
    t.strictSame(
      spy.since(),
      ['init 10', 'ack 0 una 0 nxt 0 delivered 1'],
      'at the ACK of our SYN',
    );
    run(t, h, spy);
  });
}

dialogueWith('the order on a plain ACK', (t, h, spy) => {
  h.run(`
    2      write 2000
    2      > . 1:1001(1000) ack 1
    2      > P. 1001:2001(1000) ack 1`);
  t.strictSame(spy.since(), ['CWND_RESTART', 'TX_START'], 'the first flight after idleness');
  h.run('2.1    < . 1:1(0) ack 2001');
  t.strictSame(spy.since(), [
    'acked 2 rtt 100 ms flight 0',
    'ack 2 una 2000 nxt 2000 delivered 3',
    'avoid 2',
  ]);
});

dialogueWith(
  'a loss: markedLost, ssthresh and setState in this order; then the end',
  (t, h, spy) => {
    h.run(`
    0.15   write 5000
    0.15   > . 1:1001(1000) ack 1
    0.15   > P. 1001:2001(1000) ack 1
    0.15   > . 2001:3001(1000) ack 1
    0.15   > P. 3001:4001(1000) ack 1
    0.15   > P. 4001:5001(1000) ack 1`);
    t.strictSame(spy.since(), ['TX_START']);
    h.run(`
    0.25   < . 1:1(0) ack 1 <sack 1001:4001>
    0.25   > . 1:1001(1000) ack 1`);
    t.strictSame(spy.since(), [
      'acked 0 rtt 100 ms flight 2',
      'ack 1 una 0 nxt 5000 delivered 4',
      'lost 1 from 0 to 1000 by SACK, sent with 2 in flight, 1 in all',
      'ssthresh of 10',
      'OPEN to RECOVERY',
    ]);
    h.run('0.35   < . 1:1(0) ack 5001');
    t.strictSame(spy.since(), [
      'acked 5 rtt none flight 0',
      'ack 2 una 5000 nxt 5000 delivered 6',
      'RECOVERY to OPEN',
      'COMPLETE_CWR',
      'avoid 2',
    ]);
  },
);

dialogueWith('a timeout: LOSS, and the state after the threshold', (t, h, spy) => {
  h.run(`
    0.15   write 1000
    0.15   > P. 1:1001(1000) ack 1
    …      > P. 1:1001(1000) ack 1
    …      > P. 1:1001(1000) ack 1`);
  t.strictSame(
    spy.since().filter((call) => !call.startsWith('lost')),
    ['TX_START', 'ssthresh of 10', 'LOSS', 'OPEN to LOSS', 'TX_START'],
    'a probe, then the timeout: what is resent starts a flight',
  );
});

dialogue('congControl takes the place of congAvoid and of the reduction', (t, h) => {
  const cc = new Controller();
  spied(h, cc);
  h.passive({ rtt: 0.1 });
  const { view } = h.flow.congestion;
  h.run(`
    0.15   write 5000
    0.15   > . 1:1001(1000) ack 1
    0.15   > . 1001:2001(1000) ack 1
    0.15   > . 2001:3001(1000) ack 1
    0.15   > . 3001:4001(1000) ack 1
    0.15   > P. 4001:5001(1000) ack 1
    0.25   < . 1:1(0) ack 1 <sack 1001:4001>
    0.25   > . 1:1001(1000) ack 1`);
  t.strictSame(cc.calls, ['control 1 prior 5 acked 3 lost 1 rate 3 in 100 ms tx 5 app']);
  t.equal(view.caState, CA_STATE.RECOVERY, "the state is still the sender's affair");
  t.equal(view.cwnd, 20, "the window is the module's");
  t.equal(view.pacingRate, 1e9, 'and so is the rate');
});

/** One piece in flight, and a word of its own on whether that is little. */
class One extends CongestionControl {
  isLittle = false;
  limited: boolean[] = [];
  starts: boolean[] = [];

  override init(v: CcView): void {
    v.setCwnd(1);
  }

  override ssthresh(): number {
    return 2;
  }

  override congControl(_v: CcView, s: RateSample): void {
    this.limited.push(s.isAppLimited);
  }

  override sendsLittle(): boolean {
    return this.isLittle;
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event === CA_EVENT.TX_START) this.starts.push(v.isAppLimited);
  }
}

dialogue('sendsLittle marks what leaves while it is true; TX_START knows of the mark', (t, h) => {
  const cc = new One();
  spied(h, cc);
  h.passive({ rtt: 0.1 });
  h.run(`
    0.15   write 5000
    0.15   > . 1:1001(1000) ack 1
    0.25   < . 1:1(0) ack 1001
    0.25   > . 1001:2001(1000) ack 1`);
  cc.isLittle = true;
  h.run(`
    0.35   < . 1:1(0) ack 2001
    0.35   > . 2001:3001(1000) ack 1
    0.45   < . 1:1(0) ack 3001
    0.45   > . 3001:4001(1000) ack 1`);
  cc.isLittle = false;
  h.run(`
    0.55   < . 1:1(0) ack 4001
    0.55   > P. 4001:5001(1000) ack 1
    0.65   < . 1:1(0) ack 5001`);
  t.strictSame(cc.limited, [true, false, true, true, false]);
  t.strictSame(cc.starts, [true, false, true, true, false], 'of each of the five flights');
});

/** How long nothing was sent before each flight. */
class Pauses extends Reno {
  readonly pausesMs: number[] = [];

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event === CA_EVENT.TX_START) this.pausesMs.push((v.nowNs - v.lastSentNs) / MS);
  }
}

dialogue('TX_START knows when text left last: cubic leaves the pause out', (t, h) => {
  const cc = new Pauses();
  spied(h, cc);
  h.passive({ rtt: 0.1 });
  h.run(`
    0.15   write 1000
    0.15   > P. 1:1001(1000) ack 1
    0.25   < . 1:1(0) ack 1001
    0.40   write 1000
    0.40   > P. 1001:2001(1000) ack 1`);
  t.same(cc.pausesMs, [50, 250], 'from the end of the handshake; from the last segment');
});

t.test('hooks that a module does not have are not called', async (t) => {
  const h = new TcpHarness();
  const cc = new Controller();
  spied(h, cc);
  h.passive({ rtt: 0.1 });
  for (const hook of [
    'setState',
    'cwndEvent',
    'inAckEvent',
    'pktsAcked',
    'markedLost',
    'minTsoSegs',
  ])
    Object.defineProperty(cc, hook, { value: () => t.fail(`${hook} was called`) });
  h.run(`
    1      write 1000
    1      > P. 1:1001(1000) ack 1
    1.1    < . 1:1(0) ack 1001`);
  t.equal(cc.calls.length, 1);
  h.end(t);
});

t.test('a module that asks for it hears of CE marks and of their absence', async (t) => {
  for (const [flags, heard] of [
    [CC_FLAG.NON_RESTRICTED, []],
    [CC_FLAG.NON_RESTRICTED | CC_FLAG.NEEDS_ECN, ['ECN_NO_CE', 'ECN_IS_CE']],
    [CC_FLAG.NON_RESTRICTED | CC_FLAG.WANTS_CE_EVENTS, ['ECN_NO_CE', 'ECN_IS_CE']],
  ] as const) {
    const h = new TcpHarness();
    const spy = new Spy();
    spied(h, spy, flags);
    h.passive({ rtt: 0.1 });
    const { congestion } = h.flow;
    congestion.dataArrived(false);
    congestion.dataArrived(true);
    t.strictSame(
      spy.calls.filter((call) => call.startsWith('ECN')),
      heard,
    );
    h.end(t);
  }
});
