/**
 * A stranger who knows everything but the numbers: RFC 5961 and RFC 5927, by Linux's rules and one of ours.
 *
 * What that is worth: a guess at random hits a given number once in 2³² tries. Going through the numbers by a window
 * at a time surely finds the window, once in 2³² / window tries; but a RST or SYN there only brings a challenge, and
 * text there needs an ACK that is believed as well. What ends a connection is a RST with exactly RCV.NXT, or with
 * the end of what is SACKed, if there is a gap: at most two numbers in 2³².
 */
import t, { type Test } from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { DROP_NAMES, type DropName } from '../../src/net/drops.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Forgery, Stranger } from './stranger.ts';
import { dialogue } from './tcp-harness.ts';
import { End, TcpPair } from './tcp-pair.ts';

/** Of each kind; half of them at random, half step by step; half at each end. */
const TRIES = process.env.LONG === '1' ? 1_000_000 : 20_000;
const BURST = 250;
const EVERY_NS = 25 * MS;

const UNREACHABLE = 3;
const TIME_EXCEEDED = 11;
/** The MTU that is told. */
const TOO_LARGE = 600;

const KINDS: Readonly<Record<string, Forgery>> = {
  RST: { flags: 'R' },
  'RST with ACK': { flags: 'R.' },
  SYN: { flags: 'S' },
  'SYN-ACK': { flags: 'S.' },
  'bare ACK': { flags: '.' },
  text: { flags: 'P.', text: 100 },
  FIN: { flags: 'F.' },
  'urgent text': { flags: 'PU.', text: 10, urg: 5 },
  'text without ACK': { flags: 'P', text: 100 },
  'host unreachable': { icmp: [UNREACHABLE, 1, 0] },
  'port unreachable': { icmp: [UNREACHABLE, 3, 0] },
  'time exceeded': { icmp: [TIME_EXCEEDED, 0, 0] },
  'too large': { icmp: [UNREACHABLE, 4, TOO_LARGE] },
};

/** Two ends that both write a little all the time, so that something is always under way. */
class Talk {
  readonly pair: TcpPair;
  readonly ends: readonly [End, End] = [new End(0, true), new End(0, true)];
  written = 0;

  constructor(timestamps: number) {
    this.pair = new TcpPair({ seed: 4711, delayNs: 20 * MS });
    const { pair, ends } = this;
    for (const s of this.stacks) s.tcp.config.timestamps = timestamps;
    pair.listen((c) => ends[1].attach(c));
    pair.connect({ established: (c) => ends[0].attach(c), failed: () => undefined });
    this.pass(SEC);
  }

  get stacks(): readonly [Stack, Stack] {
    return [this.pair.client, this.pair.server];
  }

  pass(ns: number): void {
    this.pair.sim.run(this.pair.sim.nowNs + ns);
  }

  /** Both write, and `attack` happens: time goes on until it is through. Returns what there was at most. */
  rounds(n: number, attack: (round: number) => void): Peak {
    const peak = new Peak();
    for (let round = 0; round < n; round++) {
      this.written += 1000;
      for (const [i, end] of this.ends.entries())
        this.pair.hosts[i]!.after(0, () => end.send(1000));
      this.pass(EVERY_NS / 2);
      this.pair.sim.at(this.pair.sim.nowNs, () => attack(round));
      this.pass(EVERY_NS / 2);
      peak.note(this);
    }
    return peak;
  }

  sum(name: 'OutSegs' | 'TCPChallengeACK' | 'TCPACKSkippedChallenge'): number {
    return this.stacks.reduce((sum, s) => sum + s.tcp.mib.get(name), 0);
  }

  /** Frames that went no further, by reason. */
  drops(): Map<DropName, number> {
    const byReason = DROP_NAMES.map((name): [DropName, number] => [
      name,
      this.stacks.reduce((sum, s) => sum + s.net.drops.get(name), 0),
    ]);
    return new Map(byReason.filter(([, n]) => n > 0));
  }
}

/** The most memory that was held. */
class Peak {
  pages = 0;
  records = 0;
  flows = 0;
  chunks = 0;

  note({ stacks }: Talk): void {
    const { memory } = stacks[0].env;
    this.pages = Math.max(this.pages, memory.pages.held);
    this.chunks = Math.max(this.chunks, memory.chunks.held);
    this.records = Math.max(this.records, ...stacks.map((s) => s.tcp.records.live));
    this.flows = Math.max(this.flows, ...stacks.map((s) => s.tcp.demux.size));
  }
}

function attack(t: Test, what: Forgery, timestamps: number): void {
  const talk = new Talk(timestamps);
  const rounds = TRIES / BURST;
  const usual = talk.rounds(40, () => undefined);
  const before = talk.sum('OutSegs');
  talk.rounds(rounds, () => undefined);
  const usually = talk.sum('OutSegs') - before;

  const strangers = talk.ends.map(
    (end, side) => new Stranger(talk.pair, side, end.connection!, what, TRIES / 4),
  );
  const challengedBefore = talk.sum('TCPChallengeACK') + talk.sum('TCPACKSkippedChallenge');
  const dropsBefore = talk.drops();
  const outBefore = talk.sum('OutSegs');
  const peak = talk.rounds(rounds, (round) => {
    const stranger = strangers[round & 1]!;
    if (round < rounds / 2) stranger.atRandom(BURST);
    else stranger.stepping(BURST);
  });
  const answers = talk.sum('OutSegs') - outBefore - usually;
  talk.pass(5 * SEC);

  const dropped = [...talk.drops()]
    .map(([name, n]): [DropName, number] => [name, n - (dropsBefore.get(name) ?? 0)])
    .filter(([name, n]) => n > 0 && (what.icmp === undefined || name === 'ICMP_NO_SOCKET'));
  const all = dropped.reduce((sum, [, n]) => sum + n, 0);
  const sent = strangers.reduce((sum, s) => sum + s.sent, 0);
  const said = dropped.map(([k, n]) => `${k} ${n}`).join(', ');
  t.equal(sent, TRIES);
  for (const end of talk.ends) {
    t.equal(end.closedWith, null, 'the connection stands');
    t.equal(end.received, talk.written, 'all that was written has arrived');
    t.equal(end.wrong, -1, 'and nothing else');
  }
  const hits = TRIES - all;
  if (what.icmp === undefined) t.equal(hits, 0, `each was dropped for a reason: ${said}`);
  else t.ok(hits > 0 && hits < TRIES / 1000, `${hits} quoted what was under way: ${said}`);
  const limit = 2 * ((2 * rounds * EVERY_NS) / SEC + 1);
  if (what.icmp?.[2] !== TOO_LARGE) {
    // An answer may come instead of a delayed ACK, or before one that would have waited.
    t.ok(answers <= limit + usually / 20, `${answers} answers, usually ${usually}`);
  } else for (const { connection } of talk.ends) t.ok(connection!.mss() >= TOO_LARGE - 52);
  if (/[RS.]/.test(what.flags ?? '')) {
    const challenged = talk.sum('TCPChallengeACK') + talk.sum('TCPACKSkippedChallenge');
    t.ok(challenged > challengedBefore, 'going through the numbers finds the window');
    t.ok(talk.sum('TCPChallengeACK') <= limit, 'challenges keep to their limit');
  }
  for (const key of ['pages', 'records', 'flows', 'chunks'] as const) {
    t.ok(
      peak[key] <= usual[key] + (what.icmp ? 8 : 1),
      `${key}: ${peak[key]}, usually ${usual[key]}`,
    );
  }
  for (const end of talk.ends) end.connection!.release();
  for (const s of talk.stacks) s.close();
  talk.pair.sim.end();
}

for (const [kind, what] of Object.entries(KINDS)) {
  t.test(`RFC 5961, RFC 5927: ${TRIES} of a kind break nothing: ${kind}`, async (t) => {
    attack(t, what, 0);
    attack(t, what, 1);
  });
}

dialogue(
  'RFC 5961 §5.2: text outside the window is answered twice a second when its ACK is a guess',
  (_, h) => {
    h.passive();
    h.run(`
      0.1  < P. 900001:900101(100) ack 777777
      0.1  > . 1:1(0) ack 1
      0.2  < P. 900001:900101(100) ack 777777
      0.3  < P 900001:900101(100)
      0.4  < F. -900001:-900001(0) ack -777777
      0.5  < PU. 900001:900101(100) ack 777777 urg 5
      0.5  mib TCPACKSkippedSeq 4
      0.5  < P. 900001:900101(100) ack 1
      0.5  > . 1:1(0) ack 1
      0.6  < P. 900001:900101(100) ack 777777
      0.6  > . 1:1(0) ack 1`);
  },
);
