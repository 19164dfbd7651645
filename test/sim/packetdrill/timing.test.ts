/** When events are due and what lateness is forgiven, in exact virtual time. */
import t from 'tap';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import type { ScriptEvent } from '../../../src/sim/packetdrill/script.ts';
import { Timeline } from '../../../src/sim/packetdrill/timing.ts';

const MS = 1_000_000;
const START = 500 * MS;
const IN = '< . 1:1(0) ack 1 win 9';
const OUT = '> . 1:1(0) ack 1';
const CALL = 'f() = 0';

function events(...lines: readonly string[]): readonly ScriptEvent[] {
  return parseScript('x.pkt', lines.join('\n')).events;
}
/** Milliseconds after the start. */
const at = (ms: number): number => START + ms * MS;
const timeline = (toleranceMs = 4, tolerancePercent = 12.5): Timeline =>
  new Timeline({ toleranceNs: toleranceMs * MS, tolerancePercent }, START);

t.test('a relative time counts from when the event before was finished', async (t) => {
  const [call, out, next, fixed] = events(`0 ${CALL}`, `+.1 ${OUT}`, `+.1 ${CALL}`, `.25 ${CALL}`);
  const times = timeline();
  t.equal(times.due(call!).fromNs, at(0));
  times.done(call!, times.due(call!), at(0));
  const due = times.due(out!);
  t.equal(due.fromNs, at(100));
  times.done(out!, due, at(103));
  t.equal(times.due(next!).fromNs, at(203), 'from when the packet was seen');
  t.equal(times.due(fixed!).fromNs, at(250));
});

t.test('between inbound packets lateness does not add up', async (t) => {
  const [first, second, call] = events(`0 ${IN}`, `+.1 ${IN}`, `+.1 ${CALL}`);
  const times = timeline();
  times.done(first!, times.due(first!), at(2));
  const due = times.due(second!);
  t.equal(due.fromNs, at(100), 'from when the first was due');
  times.done(second!, due, at(102));
  t.equal(times.due(call!).fromNs, at(202), 'anything else: from when it was done');
});

t.test(
  'the tolerance is a share of the time since the event before, and at least a constant',
  async (t) => {
    const [first, soon, later] = events(`0 ${CALL}`, `+.01 ${CALL}`, `1.01 ${CALL}`);
    const times = timeline();
    times.done(first!, times.due(first!), at(0));
    const due = times.due(soon!);
    t.equal(due.allowedNs, 4 * MS, '12.5 % of 10 ms is less than 4 ms');
    t.equal(times.lateness(due, at(14)), null);
    t.equal(times.lateness(due, at(14) + 1), 'late: due at 0.010000 s, it was 0.014000 s');
    times.done(soon!, due, at(10));
    t.equal(times.due(later!).allowedNs, 125 * MS);
  },
);

t.test('the first event is never late', async (t) => {
  const [first] = events(`0 ${CALL}`);
  const times = timeline();
  t.equal(times.lateness(times.due(first!), at(9999)), null);
});

t.test('an outbound packet is neither early nor late', async (t) => {
  const [first, point, range, any] = events(`0 ${CALL}`, `.1 ${OUT}`, `.2~.3 ${OUT}`, `* ${OUT}`);
  const times = timeline(4, 0);
  times.done(first!, times.due(first!), at(0));
  const due = times.due(point!);
  t.equal(times.offTime(due, at(96)), null);
  t.equal(times.offTime(due, at(104)), null);
  t.equal(times.offTime(due, at(95)), 'early: due at 0.100000 s, it came at 0.095000 s');
  t.equal(times.offTime(due, at(105)), 'late: due at 0.100000 s, it came at 0.105000 s');
  t.equal(times.giveUpNs(due, at(0)), at(2200), 'its time, as much again, and two seconds');
  times.done(point!, due, at(100));
  const span = times.due(range!);
  t.equal(times.offTime(span, at(196)), null);
  t.equal(times.offTime(span, at(304)), null);
  t.equal(
    times.offTime(span, at(305)),
    'late: due at 0.200000 s to 0.300000 s, it came at 0.305000 s',
  );
  times.done(range!, span, at(250));
  const whenever = times.due(any!);
  t.equal(times.offTime(whenever, at(3_000_000)), null);
  t.equal(times.giveUpNs(whenever, at(250)), at(250) + 3600_000 * MS);
});

t.test('after a packet that came at any time, it was due when it came', async (t) => {
  const [first, any, next] = events(`0 ${CALL}`, `* ${OUT}`, `+.1 ${CALL}`);
  const times = timeline();
  times.done(first!, times.due(first!), at(0));
  times.done(any!, times.due(any!), at(5000));
  t.match(times.due(next!), { fromNs: at(5100), sincePreviousNs: 100 * MS });
});

t.test(
  'a blocking call returns on the anchor of its start, within a share of its length',
  async (t) => {
    const [first, call] = events(`0 ${CALL}`, `+.1...1.1 ${CALL}`);
    const times = timeline();
    times.done(first!, times.due(first!), at(50));
    const due = times.due(call!);
    t.equal(due.fromNs, at(150));
    t.equal(due.returnNs, at(1150));
    t.equal(times.offReturn(due, at(1150 + 125)), null);
    t.equal(times.offReturn(due, at(1150 - 125)), null);
    t.equal(times.offReturn(due, at(1276)), 'returned late: due at 1.150000 s, it was 1.276000 s');
    t.match(times.offReturn(due, at(1024)), /^returned early/);
  },
);
