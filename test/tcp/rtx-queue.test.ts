import fc from 'fast-check';
import t from 'tap';
import { Rack } from '../../src/tcp/rack.ts';
import { RtxQueue } from '../../src/tcp/rtx-queue.ts';
import { NO_RECORD, REC, REC_STATE, TxRecords } from '../../src/tcp/tx-records.ts';
import { type Seq, seqAdd, seqBits, seqDiff, seqOf } from '../../src/wire/seq.ts';
import { holds } from '../support/property.ts';

const MSS = 1000;

/** One record of the model: plain values in an array, in order of sequence. */
interface Model {
  seq: number;
  len: number;
  pieces: number;
  isSacked: boolean;
  isLost: boolean;
  isResent: boolean;
  sentAt: number;
}

type Step =
  | { readonly op: 'send'; readonly len: number }
  | { readonly op: 'sack' | 'lose' | 'resend' | 'split'; readonly at: number }
  | { readonly op: 'ack'; readonly bytes: number }
  | { readonly op: 'undo' }
  | { readonly op: 'renege' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constant('send' as const), len: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({
    op: fc.constantFrom('sack' as const, 'lose' as const, 'resend' as const, 'split' as const),
    at: fc.nat(400_000),
  }),
  fc.record({ op: fc.constant('ack' as const), bytes: fc.nat(60_000) }),
  fc.record({ op: fc.constant('undo' as const) }),
  fc.record({ op: fc.constant('renege' as const) }),
);

/** The queue and its model, driven by the same steps. */
class Pair {
  readonly records = new TxRecords();
  readonly queue = new RtxQueue(this.records);
  model: Model[] = [];
  readonly start: number;
  una = 0;
  nxt = 0;
  now = 0;

  constructor(start: number) {
    this.start = start;
  }

  seq(offset: number): Seq {
    return seqAdd(seqOf(this.start), offset);
  }

  run(s: Step): void {
    this.now++;
    if (s.op === 'send') this.send(s.len);
    else if (s.op === 'undo') {
      this.queue.clearLost();
      for (const m of this.model) m.isLost = false;
    } else if (s.op === 'renege') {
      this.queue.renege();
      for (const m of this.model) m.isSacked = false;
    } else if (s.op === 'ack') this.ack(Math.min(this.una + s.bytes, this.nxt));
    else if (this.nxt > this.una) this.change(s.op, this.una + (s.at % (this.nxt - this.una)));
  }

  private send(len: number): void {
    const pieces = Math.ceil(len / MSS);
    this.queue.append(this.seq(this.nxt), len, pieces, 0, { nowNs: this.now });
    const fresh = { isSacked: false, isLost: false, isResent: false };
    this.model.push({ seq: this.nxt, len, pieces, ...fresh, sentAt: this.now });
    this.nxt += len;
  }

  private ack(to: number): void {
    while (this.model.length > 0 && this.model[0]!.seq + this.model[0]!.len <= to) {
      this.model.shift();
      this.queue.removeFirst();
    }
    const m = this.model[0];
    if (m !== undefined && m.seq < to) {
      this.queue.trimFirst(to - m.seq, MSS);
      m.len -= to - m.seq;
      m.seq = to;
      m.pieces = Math.min(m.pieces, Math.max(1, Math.ceil(m.len / MSS)));
    }
    this.una = to;
  }

  private change(op: 'sack' | 'lose' | 'resend' | 'split', at: number): void {
    const i = this.model.findIndex((m) => m.seq <= at && at < m.seq + m.len);
    const m = this.model[i]!;
    const r = this.queue.find(this.seq(at));
    if (op === 'split') this.split(i, r, at - m.seq);
    if (op === 'split' || m.isSacked) return;
    if (op === 'sack') {
      this.queue.markSacked(r);
      m.isSacked = true;
      if (m.isLost) m.isResent = false; // a retransmission of what is not thought lost goes on
      m.isLost = false;
      this.queue.mergeSacked(r);
      this.merge(i);
    } else if (op === 'lose') {
      this.queue.markLost(r);
      m.isLost = true;
      m.isResent = false;
    } else {
      this.queue.markRetransmitted(r, { nowNs: this.now });
      m.isResent = true;
      m.sentAt = this.now;
    }
  }

  /** SACKed neighbours are one record, unless a retransmission is under way. */
  private merge(i: number): void {
    const isPlain = (m: Model | undefined) => m?.isSacked === true && !m.isResent;
    const join = (first: number) => {
      const a = this.model[first];
      const b = this.model[first + 1];
      if (a === undefined || b === undefined || !isPlain(a) || !isPlain(b)) return;
      a.len += b.len;
      a.pieces += b.pieces;
      this.model.splice(first + 1, 1);
    };
    join(i);
    join(i - 1);
  }

  private split(i: number, r: number, len: number): void {
    if (len === 0) return;
    this.queue.split(r, len, MSS);
    const m = this.model[i]!;
    const rest = m.len - len;
    const second = { ...m, seq: m.seq + len, len: rest, pieces: Math.ceil(rest / MSS) };
    this.model.splice(i + 1, 0, second);
    m.len = len;
    m.pieces = Math.ceil(len / MSS);
  }

  /** Every record, every count, every look-up. */
  agrees(): boolean {
    const { queue, model } = this;
    let r = queue.first;
    for (const m of model) {
      if (r === NO_RECORD || seqDiff(queue.seqOfRecord(r), this.seq(m.seq)) !== 0) return false;
      if (this.records.get(r, REC.LEN) !== m.len || queue.pieces(r) !== m.pieces) return false;
      if (queue.has(r, REC_STATE.SACKED) !== m.isSacked) return false;
      if (queue.has(r, REC_STATE.LOST) !== m.isLost) return false;
      if (queue.has(r, REC_STATE.RETRANS) !== m.isResent) return false;
      if (queue.find(this.seq(m.seq)) !== r || queue.find(this.seq(m.seq + m.len - 1)) !== r)
        return false;
      r = queue.next(r);
    }
    const sum = (is: (m: Model) => boolean) => model.filter(is).reduce((n, m) => n + m.pieces, 0);
    return (
      r === NO_RECORD &&
      queue.packetsOut === sum(() => true) &&
      queue.sackedOut === sum((m) => m.isSacked) &&
      queue.lostOut === sum((m) => m.isLost) &&
      queue.retransOut === sum((m) => m.isResent) &&
      this.records.live === model.length &&
      this.timeOrderAgrees()
    );
  }

  /** The list by time holds what was sent and is neither SACKed nor lost, oldest first. */
  private timeOrderAgrees(): boolean {
    const waiting = this.model.filter((m) => m.isLost && !m.isResent).map((m) => m.seq);
    const lost: number[] = [];
    for (let r = this.queue.lost.first; r !== NO_RECORD; r = this.records.get(r, REC.LATER)) {
      lost.push(seqDiff(this.queue.seqOfRecord(r), this.seq(0)));
    }
    if (String(lost) !== String(waiting)) return false;
    const inFlight = this.model.filter((m) => !m.isSacked && (!m.isLost || m.isResent));
    const seen: number[] = [];
    let last = -1;
    for (let r = this.queue.sent.oldest; r !== NO_RECORD; r = this.records.get(r, REC.LATER)) {
      const offset = seqDiff(this.queue.seqOfRecord(r), this.seq(0));
      const m = inFlight.find((x) => x.seq === offset);
      if (m === undefined || m.sentAt < last) return false;
      last = m.sentAt;
      seen.push(offset);
    }
    return seen.length === inFlight.length;
  }
}

t.test('the queue agrees with a plain list, wherever on the circle it starts', (t) => {
  for (const start of [0, 0x7fffff00, -300, -200_000]) {
    const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const pair = new Pair(start);
      return steps.every((s) => {
        pair.run(s);
        return pair.agrees();
      });
    });
    holds(t, `ISN ${start}`, property, 300);
  }
  t.end();
});

t.test('finding a record costs the same at 100 and at 100,000 segments in flight', (t) => {
  const cost = (segments: number): number => {
    const queue = new RtxQueue(new TxRecords());
    for (let i = 0; i < segments; i++) queue.append(seqOf(i * 1448 - 5), 1448, 1, 0, { nowNs: i });
    const before = queue.steps;
    for (let i = 0; i < 1000; i++) queue.find(seqOf(((i * 7919) % segments) * 1448));
    return queue.steps - before;
  };
  const few = cost(100);
  const many = cost(100_000);
  t.ok(many <= few * 1.5, `${few} steps for 1,000 look-ups among 100, ${many} among 100,000`);
  t.end();
});

t.test('outside SND.UNA … SND.NXT nothing is found', (t) => {
  const queue = new RtxQueue(new TxRecords());
  t.equal(queue.find(seqOf(5)), NO_RECORD, 'in an empty queue');
  queue.append(seqOf(-10), 20, 1, 0, { nowNs: 0 });
  t.equal(queue.find(seqOf(-11)), NO_RECORD, 'one byte before');
  t.equal(queue.find(seqOf(10)), NO_RECORD, 'one byte behind');
  t.not(queue.find(seqOf(9)), NO_RECORD, 'the last byte');
  t.equal(seqBits(queue.endOfRecord(queue.first)), 10);
  queue.clear();
  t.equal(queue.inFlight(), 0);
  t.end();
});

/** Steps of the queue for a flight of `n`, every tenth of which was lost once: SACKs, loss, repair, timeout. */
function stepsOfRecovery(n: number): { sack: number; loss: number; timeout: number } {
  const records = new TxRecords();
  const queue = new RtxQueue(records);
  const rack = new Rack();
  const path = (nowNs: number) => ({ minRttNs: 10, srttNs: 10, nowNs });
  const lost = { recordLost: (r: number) => queue.markLost(r) };
  const at = (i: number) => seqOf(i * MSS);
  for (let i = 0; i < n; i++) queue.append(at(i), MSS, 1, 0, { nowNs: i });
  let before = queue.steps;
  const phase = (): number => {
    const per = (queue.steps - before) / n;
    before = queue.steps;
    return per;
  };
  for (let i = 0; i < n; i++) {
    if (i % 10 === 0) continue;
    // As an ACK does: every block it carries is looked up and walked through from its left edge.
    const left = i - (i % 10) + 1;
    for (let r = queue.find(at(left)); r !== NO_RECORD; r = queue.next(r)) {
      queue.look();
      if (seqDiff(queue.seqOfRecord(r), at(i)) > 0) break;
      if (queue.has(r, REC_STATE.SACKED)) continue;
      rack.delivered(records, r, queue.endOfRecord(r), false, path(n + i));
      queue.markSacked(r);
      r = queue.mergeSacked(r);
    }
  }
  const sack = phase();
  for (let i = 0; i < n; i += 10) {
    rack.delivered(records, i, at(i + 1), false, path(3 * n + i));
    rack.detect(queue, records, path(4 * n), lost);
    if (queue.lost.first !== NO_RECORD) queue.markRetransmitted(queue.lost.first, path(4 * n + i));
  }
  const loss = phase();
  for (let r = queue.first; r !== NO_RECORD; r = queue.next(r)) {
    queue.look();
    if (!queue.has(r, REC_STATE.SACKED)) queue.markLost(r);
  }
  while (queue.lost.first !== NO_RECORD) queue.markRetransmitted(queue.lost.first, path(9 * n));
  queue.clear();
  return { sack, loss, timeout: phase() };
}

t.test(
  'RFC 8985 §1: work per ACK does not grow with what is in flight: SACK, loss, timeout',
  (t) => {
    const few = stepsOfRecovery(100);
    const many = stepsOfRecovery(100_000);
    for (const phase of ['sack', 'loss', 'timeout'] as const) {
      t.ok(
        many[phase] <= few[phase] * 1.5 + 0.5,
        `${phase}: ${few[phase].toFixed(2)} steps a segment at 100, ${many[phase].toFixed(2)} at 100,000`,
      );
    }
    t.end();
  },
);
