/** TCP's short ways for the usual case have the outcome of the general ones: see `two-worlds`. */
import fc from 'fast-check';
import t from 'tap';
import { FAST_OPEN } from '../../src/tcp/fast-open-option.ts';
import {
  tcpClose,
  tcpEndRecord,
  tcpMarkUrgent,
  tcpPeek,
  tcpQuickAck,
  tcpShutdown,
  tcpShutdownReceive,
  tcpWrite,
  tcpWriteMore,
} from '../../src/tcp/user-calls.ts';
import { seqDiff } from '../../src/wire/seq.ts';
import { type Bytes, ip4, ip6 } from '../net/packets.ts';
import { holds } from '../support/property.ts';
import { parseScript } from './script-text.ts';
import { sortFlags } from './segment-text.ts';
import type { TcpHarnessOptions } from './tcp-harness.ts';
import { difference, type Reader, World } from './two-worlds.ts';

const MSS = 1000;
const { SERVER, SERVER_NO_COOKIE } = FAST_OPEN;
const SUPER_FRAMES = { gro: true, tso4: true, tso6: true, txChecksum: true, maxFrame: 65549 };

// ---- what a dialogue is ----

const OPENINGS = fc.record({
  v6: fc.boolean(),
  hasSuperFrames: fc.boolean(),
  how: fc.constantFrom('active', 'passive', 'fast'),
  hasEcn: fc.boolean(),
  options: fc.constantFrom(
    `mss ${MSS}`,
    `mss ${MSS},sackOK`,
    `mss ${MSS},sackOK,TS val 0 ecr 0,nop,wscale 7`,
  ),
  congestion: fc.constantFrom('cubic', 'cubic', 'reno', 'bbr', 'bbr3', 'dctcp', 'vegas'),
  /** The receive buffer, what all of TCP may hold, what there is, and what the application does. */
  rmemDefault: fc.constantFrom(131072, 131072, 8192),
  memHigh: fc.constantFrom(0, 0, 20000),
  pages: fc.constantFrom(100, 100, 1),
  reader: fc.constantFrom<Reader>('none', 'reads', 'drops', 'drops'),
});
type Opening = Parameters<Parameters<typeof OPENINGS.map>[0]>[0];

const often = <const T>(usual: T, ...others: readonly T[]) =>
  fc.oneof(
    { weight: 3 * others.length, arbitrary: fc.constant(usual) },
    { weight: others.length, arbitrary: fc.constantFrom(...others) },
  );

/** A segment of the peer: numbers are offsets from where the connection is then. */
const SEGMENT = fc.record({
  kind: fc.constant('segment' as const),
  at: often('next', 'next', 'old', 'gap', 'edge'),
  off: fc.nat(5000),
  len: fc.constantFrom(0, 0, 0, 1, 100, 536, MSS, MSS, MSS, MSS, 3 * MSS, 20 * MSS),
  ack: often('all', 'una', 'part', 'old', 'beyond'),
  ackOff: fc.nat(3000),
  win: often(null, 0, 600, 3000, 65535),
  flags: often('', ...'PPPPPPUUEEWWF', 'R'),
  sack: often(null, null, 'some', 'dup'),
  ts: often(null, null, null, null, 'noTS', 'old'),
  tos: often(0, 2, 3),
  /** Others come in the same turn. */
  isJoined: fc.boolean(),
});
type SegmentStep = Parameters<Parameters<typeof SEGMENT.map>[0]>[0];

const CALLS = {
  write: (w: World, n: number) => tcpWrite(w.flow, w.pattern(n)),
  zeros: (w: World, n: number) => w.zeros(n),
  more: (w: World, n: number) => tcpWriteMore(w.flow, w.pattern(n)),
  record: (w: World, n: number) => {
    const got = tcpWrite(w.flow, w.pattern(n));
    tcpEndRecord(w.flow);
    return got;
  },
  urgent: (w: World, n: number) => {
    const got = tcpWrite(w.flow, w.pattern(n));
    if (got > 0) tcpMarkUrgent(w.flow);
    return got;
  },
  read: (w: World, n: number) => w.reads(n),
  drop: (w: World, n: number) => w.drops(n),
  peek: (w: World, n: number) => tcpPeek(w.flow, new Uint8Array(n)),
  readsNow: (w: World) => w.readsAs('reads'),
  dropsNow: (w: World) => w.readsAs('drops'),
  readsLater: (w: World) => w.readsAs('none'),
  quick: (w: World, n: number) => tcpQuickAck(w.flow, n & 1),
  noDelay: (w: World) => w.wish('isNoDelay', true),
  cork: (w: World) => w.wish('isCorked', true),
  uncork: (w: World) => w.wish('isCorked', false),
  clamp: (w: World, n: number) => w.wish('windowClamp', n),
  module: (w: World, n: number) =>
    w.flow.useCongestion(w.tcp.ccModules.available()[n % w.tcp.ccModules.available().length]!),
  /** Takes shorter packets from now on. */
  path: (w: World, n: number) => w.rig.port.iface.limitMtu(n % 2 === 0 ? 620 : 1400),
  shutdown: (w: World) => tcpShutdown(w.flow),
  deaf: (w: World) => tcpShutdownReceive(w.flow),
  close: (w: World) => tcpClose(w.flow),
};
type CallName = keyof typeof CALLS;
const USUAL: readonly CallName[] = ['write', 'zeros', 'zeros', 'read', 'drop', 'drop'];
const LAST: readonly CallName[] = ['shutdown', 'deaf', 'close'];
const OTHERS = (Object.keys(CALLS) as CallName[]).filter((name) => !LAST.includes(name));

const CALL = fc.record({
  kind: fc.constant('call' as const),
  name: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...USUAL) },
    { weight: 6, arbitrary: fc.constantFrom(...OTHERS) },
    { weight: 2, arbitrary: fc.constantFrom(...LAST) },
  ),
  n: fc.oneof(fc.constantFrom(0, 1, MSS, 2 * MSS), fc.nat(40000)),
});
/** Text for another connection. */
const OTHER = fc.record({
  kind: fc.constant('other' as const),
  len: fc.constantFrom(1, 100, MSS),
  reader: fc.constantFrom<Reader>('none', 'reads', 'drops'),
  isJoined: fc.boolean(),
});
const WAIT = fc.record({
  kind: fc.constant('wait' as const),
  ms: fc.constantFrom(1, 5, 10, 30, 45, 100, 250, 1000, 5000, 70000),
});
const STEPS = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: SEGMENT },
    { weight: 3, arbitrary: CALL },
    { weight: 2, arbitrary: WAIT },
    { weight: 1, arbitrary: OTHER },
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
);
type Step = Parameters<Parameters<typeof STEPS.map>[0]>[0][number];

// ---- both worlds go through it ----

class Dialogue {
  private readonly short: World;
  private readonly long: World;
  private readonly isV6: boolean;
  /** The longest text that the device brings. */
  private readonly most: number;
  /** What was said and done, to be read when it went wrong. */
  private readonly lines: string[] = [];

  constructor(opening: Opening) {
    const { v6, hasSuperFrames, hasEcn, rmemDefault, memHigh, congestion } = opening;
    const memory =
      memHigh === 0 ? {} : { memLow: memHigh / 2, memPressure: memHigh / 1.5, memHigh };
    const options: TcpHarnessOptions = {
      v6,
      tcp: { rmemDefault, ecn: hasEcn ? 1 : 0, fastOpen: SERVER | SERVER_NO_COOKIE, ...memory },
      caps: hasSuperFrames ? SUPER_FRAMES : {},
      cellBytes: 1 << 20,
    };
    this.isV6 = v6;
    this.most = hasSuperFrames ? 1 << 16 : MSS;
    this.short = new World(options, congestion, false);
    this.long = new World(options, congestion, true);
    for (const w of this.worlds) {
      open(w, opening);
      w.reader = opening.reader;
      w.leave(opening.pages);
    }
    this.lines.push(JSON.stringify(opening));
    this.compare();
  }

  private get worlds(): World[] {
    return [this.short, this.long];
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) {
      this.take(step);
      this.compare();
      if (this.short.isOver) break;
    }
    const left = this.worlds.map((w) => w.leftOver());
    if (left[0] !== 0 || left[1] !== 0) this.fail(`memory is not back: ${left}`);
  }

  private take(step: Step): void {
    if (step.kind === 'segment') this.receive(step);
    else if (step.kind === 'wait') {
      this.lines.push(`wait ${step.ms} ms`);
      for (const w of this.worlds) w.turn(step.ms);
    } else if (step.kind === 'other') {
      this.lines.push(`${step.len} for another, who ${step.reader}`);
      for (const w of this.worlds) {
        w.arrivesForOther(step.len, step.reader);
        if (!step.isJoined) w.turn();
      }
    } else {
      this.lines.push(`${step.name} ${step.n}`);
      const [short, long] = this.worlds.map((w) => CALLS[step.name](w, step.n));
      if (short !== long) this.fail(`${short}, by the long way ${long}`);
      for (const w of this.worlds) w.turn();
    }
  }

  private receive(step: SegmentStep): void {
    const len = Math.min(step.len, this.most);
    const text = segmentText(this.short, step, len);
    this.lines.push(`< ${text}${step.tos === 0 ? '' : ` # tos ${step.tos}`}`);
    const packet = this.packet(text, step.tos);
    for (const w of this.worlds) {
      w.arrives(packet, len > MSS ? MSS : 0);
      if (!step.isJoined) w.turn();
    }
  }

  private packet(text: string, tos: number): Bytes {
    const packet = this.short.peer.packet(parseScript(`0 < ${text}`)[0]!);
    if (this.isV6) return ip6({ next: 6, tc: tos }, packet.slice(40));
    return ip4({ protocol: 6, df: true, tos }, packet.slice(20));
  }

  private compare(): void {
    const found = difference(this.short.seen(), this.long.seen());
    if (found !== '') this.fail(found);
    for (const w of this.worlds) w.forget();
  }

  private fail(what: string): never {
    throw new Error([...this.lines, what].join('\n'));
  }
}

function open(w: World, { how, hasEcn, options, congestion }: Opening): void {
  const asks = hasEcn || congestion === 'dctcp'; // which needs the marks
  const syn = asks ? 'SEW' : 'S';
  const answer = asks ? 'S.E' : 'S.';
  if (how === 'active') {
    w.run(`
      0     connect
      0     > ${sortFlags(syn)} 0:0(0) <*>
      0.01  < ${answer} 0:0(0) ack 1 win 65535 <${options}>
      0.01  > . 1:1(0) ack 1`);
  } else if (how === 'passive') {
    w.run(`
      0     listen
      0     < ${syn} 0:0(0) win 65535 <${options}>
      0     > ${sortFlags(answer)} 0:0(0) ack 1 <*>
      0.01  < . 1:1(0) ack 1 win 65535`);
  } else {
    w.run(`
      0     set fastOpenQueue 4
      0     listen
      0     < ${syn} 0:100(100) win 65535 <${options}>
      0     > ${sortFlags(answer)} 0:0(0) ack 101 <*>
      0     state SYN-RECEIVED
      0     write 500
      0     > P. 1:501(500) ack 101`);
  }
  w.begin();
}

/** The segment as it is said now. */
function segmentText(w: World, step: SegmentStep, len: number): string {
  const c = w.flow;
  const { off, ackOff, win, flags } = step;
  const next = seqDiff(c.rcv.nxt, c.rcv.irs);
  const una = seqDiff(c.snd.una, c.snd.iss);
  const nxt = seqDiff(c.snd.nxt, c.snd.iss);
  const seqs = {
    next,
    old: next - 1 - off,
    gap: next + 1 + off,
    edge: next + c.rcv.acceptable() - (off % 2000),
  };
  const seq = seqs[step.at];
  const acks = {
    all: nxt,
    una,
    part: una + (ackOff % (nxt - una + 1)),
    old: una - ackOff,
    beyond: nxt + 1 + ackOff,
  };
  const ack = acks[step.ack];
  let text = `${sortFlags(`.${flags}`)} ${seq}:${seq + len}(${len}) ack ${ack}`;
  if (win !== null) text += ` win ${win}`;
  if (flags === 'U') text += ` urg ${1 + (off % 500)}`;
  const options: string[] = [];
  if (step.ts === 'noTS') options.push('noTS');
  if (step.ts === 'old' && c.agreed.hasTimestamps) options.push('nop,nop,TS val 50 ecr 0');
  if (step.sack !== null && c.agreed.hasSack) {
    const from = step.sack === 'dup' ? una - 1 - off : una + (off % (nxt - una + 1));
    const to = Math.min(step.sack === 'dup' ? una : nxt, from + 1 + ackOff);
    if (to > from) options.push(`nop,nop,sack ${from}:${to}`);
  }
  return options.length === 0 ? text : `${text} <${options.join(',')}>`;
}

t.test('any dialogue: what takes a short way comes to the same by the long one', async (t) => {
  const property = fc.property(OPENINGS, STEPS, (opening, steps) => {
    new Dialogue(opening).run(steps);
  });
  holds(t, 'short ways', property, 40);
});
