/**
 * The peer itself is the attacker: it makes segments tiny, cuts its ACKs, acknowledges what it never got, and tells
 * of stretches that suit it. What it costs us is bounded, and what it gains is no more than an honest ACK gives.
 */
import t, { type Test } from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { tcpWrite } from '../../src/tcp/user-calls.ts';
import { seqDiff } from '../../src/wire/seq.ts';
import { dialogue, TcpHarness } from './tcp-harness.ts';

/** The MSS option of the SYN, and the text of a full segment: without timestamps, and with. */
const SIZES: readonly (readonly [option: string, plain: number, stamped: number])[] = [
  ['nop', 536, 524],
  ['mss 0', 536, 524],
  ['mss 1', 48, 36],
  ['mss 47', 48, 36],
  ['mss 48', 48, 36],
  ['mss 49', 49, 37],
  ['mss 100', 100, 88],
  ['mss 65535', 1460, 1448],
];

t.test('CVE-2019-11479: an MSS below tcp_min_snd_mss is that, and one of 0 is none', async (t) => {
  for (const [option, plain, stamped] of SIZES) {
    for (const [options, size] of [
      [option, plain],
      [`${option},TS val 1 ecr 0`, stamped],
    ] as const) {
      for (const open of ['passive', 'active'] as const) {
        const h = new TcpHarness();
        h[open]({ options });
        h.trace = [];
        h.run('0.1 write 4000');
        const [first] = h.trace;
        t.equal(h.flow.mss(), size, `${open}, ${options}`);
        t.match(first, /1:\d+\(\d*\) ack 1/);
        h.end(t);
      }
    }
  }
});

t.test('a super-frame of tiny segments fits into the ring of the device', async (t) => {
  const h = new TcpHarness({ txFrames: 64 });
  h.passive({ rtt: 0.001, options: 'mss 1,wscale 7' });
  h.trace = [];
  h.run(`
    0.1  < . 1:1(0) ack 1
    0.1  write 4000
    0.2  < . 1:1(0) ack 481
    0.3  < . 1:1(0) ack 1441
    0.4  < . 1:1(0) ack 3361
    0.5  < . 1:1(0) ack 4001`);
  t.equal(seqDiff(h.flow.snd.nxt, h.flow.snd.iss), 4001, 'all of it has left');
  h.flow.release();
  h.end(t);
});

// ---- ACKs ----

const RENO_AND_CUBIC = ['reno', 'cubic'] as const;
const STEPS = process.env.LONG === '1' ? [1, 10, 250] : [10, 250];

/** Ten segments are acknowledged, `step` bytes at a time: the window at the end, and the most that was sent at once. */
function windowAfter(module: string, ssthresh: number, step: number): number {
  const h = new TcpHarness();
  h.passive({ rtt: 0.1, options: 'mss 1000,sackOK' });
  const { congestion } = h.flow;
  congestion.change(h.tcp.ccModules.find(module)!);
  congestion.view.setSsthresh(ssthresh);
  h.trace = [];
  h.run('0.2 write 10000');
  for (let ack = step; ack <= 10000; ack += step) h.run(`0.3 < . 1:1(0) ack ${1 + ack}`);
  return congestion.view.cwnd;
}

t.test('RFC 3465 §2.1: an ACK for each few bytes grows the window no more than one', async (t) => {
  for (const module of RENO_AND_CUBIC) {
    for (const [ssthresh, most] of [
      [0x7fffffff, 20],
      [10, 11],
    ] as const) {
      const whole = windowAfter(module, ssthresh, 1000);
      t.ok(whole <= most, `${module}: ${whole}`);
      for (const step of STEPS) {
        const cut = windowAfter(module, ssthresh, step);
        t.equal(cut, whole, `${module}, ssthresh ${ssthresh}, ${step} bytes at a time`);
      }
    }
  }
});

t.test('an ACK of what was never sent grows nothing: dropped, and challenged once', async (t) => {
  const h = new TcpHarness();
  h.passive({ rtt: 0.1, options: 'mss 1000,sackOK' });
  h.trace = [];
  h.run('0.2 write 10000');
  const sent = h.trace.length;
  for (let i = 0; i < 50; i++) h.run(`0.21 < . 1:1(0) ack ${10002 + 1000 * i}`);
  t.equal(h.flow.congestion.view.cwnd, 10);
  t.equal(h.trace.length - sent, 1, 'one challenge');
  t.equal(h.rig.net.drops.get('TCP_ACK_UNSENT_DATA'), 50);
  t.equal(h.mib('TCPACKSkippedChallenge'), 49);
  h.end(t);
});

t.test('optimistic ACKs: the peer’s window and the send buffer are what bounds them', async (t) => {
  const h = new TcpHarness();
  h.settings = h.settings.own();
  h.settings.change({ sndbufBytes: 400_000 });
  h.passive({ rtt: 0.1, options: 'mss 1000,sackOK', win: 30000 });
  h.trace = [];
  const { snd, congestion } = h.flow;
  let most = 0;
  let written = 0;
  for (let ms = 200; ms < 300; ms++) {
    written += 30000;
    h.run(`${ms / 1000} write 30000`);
    const flight = seqDiff(snd.nxt, snd.una);
    most = Math.max(most, flight);
    const before = congestion.view.cwnd;
    h.run(`${ms / 1000} < . 1:1(0) ack ${1 + seqDiff(snd.nxt, snd.iss) - 1} win 30000`);
    if (congestion.view.cwnd > before + Math.ceil(flight / 1000)) t.fail('it grew by more');
  }
  t.ok(most <= 30000, `${most} bytes under way at most`);
  t.ok(seqDiff(snd.nxt, snd.iss) - 1 <= written);
  h.flow.release();
  h.end(t);
});

for (const win of [20000, 65535]) {
  t.test(
    `forged duplicates without SACK: each lets one segment go, up to a window of ${win}`,
    async (t) => {
      const h = new TcpHarness();
      h.settings = h.settings.own();
      h.settings.change({ sndbufBytes: 400_000 });
      h.passive({ rtt: 0.1, options: 'mss 1000', win });
      h.trace = [];
      h.run('0.2 write 100000');
      const { snd, rtx, congestion } = h.flow;
      for (let i = 0; i < 1000; i++) {
        const before = seqDiff(snd.nxt, snd.una);
        h.run('0.3 < . 1:1(0) ack 1');
        if (seqDiff(snd.nxt, snd.una) - before > 1000) t.fail('more than one went');
        if (rtx.sackedOut >= rtx.packetsOut) t.fail('all is thought to have arrived');
        if (congestion.view.cwnd > 10 || rtx.inFlight() > 10) t.fail('the window has grown');
      }
      t.ok(seqDiff(snd.nxt, snd.una) <= win, `${seqDiff(snd.nxt, snd.una)} bytes under way`);
      t.equal(h.mib('TCPRenoRecovery'), 1, 'one recovery');
      h.flow.release();
      h.end(t);
    },
  );
}

// ---- SACK ----

const FLOOD = process.env.LONG === '1' ? 100_000 : 1500;
const MSS = 100;

/** A sender of 240,000 bytes in segments of 100, as many of them under way as the send buffer holds. */
function sender(sndbufBytes: number): TcpHarness {
  const h = new TcpHarness();
  h.settings = h.settings.own();
  h.settings.change({ sndbufBytes });
  h.passive({ rtt: 0.001, options: `mss ${MSS},sackOK,wscale 7`, win: 65535 });
  h.trace = [];
  h.run('0.15 < . 1:1(0) ack 1');
  h.flow.congestion.view.setCwnd(4000);
  tcpWrite(h.flow, h.pattern(240_000));
  h.run('0.2 nothing');
  return h;
}

interface Flood {
  readonly most: number;
  readonly mean: number;
  readonly records: number;
}

/** What the ACKs of a liar cost: records looked at, for one and for all; and the most records there were. */
function flood(t: Test, h: TcpHarness, lie: Lie): Flood {
  const random = new Rng(7).stream('flood');
  const { snd, rtx } = h.flow;
  const end = seqDiff(snd.nxt, snd.iss);
  const first = rtx.steps;
  let before = first;
  let most = 0;
  let records = rtx.count;
  let una = 1;
  let told = 0;
  for (; told < FLOOD && una < end - 3000; told++) {
    if (lie === 'moving' && random.below(8) === 0) una += random.below(150);
    const blocks = Array.from({ length: 4 }, (_, i) => {
      if (lie === 'every second') {
        const left = 1 + MSS * (1 + ((8 * told + 2 * i) % (Math.floor(end / MSS) - 2)));
        return `${left}:${left + MSS}`;
      }
      const left = una + 1 + random.below(end - una - 1);
      return `${left}:${Math.min(end, left + 1 + random.below(3000))}`;
    });
    h.run(`+0.0001 < . 1:1(0) ack ${una} <sack ${blocks.join(' ')}>`);
    most = Math.max(most, rtx.steps - before);
    before = rtx.steps;
    records = Math.max(records, rtx.count);
    if (rtx.count > rtx.packetsOut) t.fail('more records than segments');
  }
  return { most, mean: (before - first) / told, records };
}

type Lie = 'anything' | 'moving' | 'every second';

t.test('CVE-2019-11477, CVE-2019-11478: SACKs of anything cost a few steps each', async (t) => {
  for (const sndbufBytes of [300_000, 20_000]) {
    for (const lie of ['anything', 'moving', 'every second'] as const) {
      const h = sender(sndbufBytes);
      const { packetsOut, count } = h.flow.rtx;
      t.ok(count * 10 < packetsOut, `${packetsOut} segments in ${count} super-frames`);
      const { most, mean, records } = flood(t, h, lie);
      // A record is found by its stretch of 16 KiB: that bounds a block, whatever is under way.
      const bound = lie === 'every second' ? (4 * 16384) / MSS : 30;
      t.ok(mean < bound, `${lie}: ${mean} records looked at for an ACK`);
      t.ok(most <= packetsOut, `once ${most}, when they are found lost`);
      const charged = 832 * records + h.flow.sendQueue.length;
      t.ok(charged <= 2 * (sndbufBytes + 133_000) + 4 * 832, `${records} records at most`);
      const refused = h.mib('TCPWqueueTooBig');
      if (lie === 'every second') t.ok(refused > 0, `${refused} cuts refused`);
      h.run(`+1 < . 1:1(0) ack ${seqDiff(h.flow.snd.nxt, h.flow.snd.iss)}`);
      t.equal(h.flow.rtx.count, 0, 'the end of it is an end');
      h.flow.release();
      h.end(t);
    }
  }
});

dialogue('SACK blocks that cannot be are counted, D-SACKs by what is wrong with them', (t, h) => {
  h.passive({ rtt: 0.1, options: 'mss 1000,sackOK' });
  h.run(`
    0.2    write 1000
    0.2    > P. 1:1001(1000) ack 1
    0.21   < . 1:1(0) ack 1 <sack 3001:4001>        # never sent
    0.22   < . 1:1(0) ack 1 <sack 901:501>          # backwards
    0.23   < . 1:1(0) ack 1 <sack 501:9001>         # not all of it sent
    0.23   mib TCPSACKDiscard 3
    …      > P. 1:1001(1000) ack 1                  # a tail-loss probe
    +0.1   < . 1:1(0) ack 1001
    +0.1   write 1000
    +0     > P. 1001:2001(1000) ack 1
    +0.01  < . 1:1(0) ack 1001 <sack 1:1001>        # too late for an undo
    +0     mib TCPDSACKIgnoredNoUndo 1
    +0.1   < . 1:1(0) ack 2001
    +0.1   write 4000
    +0     > . 2001:3001(1000) ack 1
    +0     > P. 3001:4001(1000) ack 1
    +0     > . 4001:5001(1000) ack 1
    +0     > P. 5001:6001(1000) ack 1
    +0.05  < . 1:1(0) ack 2001 <sack 3001:6001>
    +0     > . 2001:3001(1000) ack 1
    +0.05  < . 1:1(0) ack 6001`);
  const grown = h.flow.congestion.view.cwnd;
  h.run(`
    +0.1   write 1000
    +0     > P. 6001:7001(1000) ack 1
    +0.01  < . 1:1(0) ack 6001 <sack 1001:2001>     # from before the recovery
    +0     mib TCPDSACKIgnoredOld 1
    +0.1   < . 1:1(0) ack 7001`);
  for (let i = 0; i < 20; i++) h.run(`+0.001 < . 1:1(0) ack 7001 <sack 2001:3001>`);
  t.equal(h.mib('TCPDSACKIgnoredDubious'), 20, 'more than was ever resent');
  t.ok(h.flow.congestion.view.cwnd <= grown + 1, 'D-SACKs are no deliveries without end');
});
