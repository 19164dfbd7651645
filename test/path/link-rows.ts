/** Links, frames sent through them, and when they arrive, as tables. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { Bench } from './link-bench.ts';

export interface Row {
  readonly says: string;
  readonly spec: LinkSpec;
  /** When frames are sent, and how long they are: [ms, bytes]. */
  readonly sends: readonly (readonly [number, number])[];
  /** Which arrive, and when: [number, ms]. */
  readonly arrive: readonly (readonly [number, number])[];
}

/** Frames at one time. */
export const burst = (atMs: number, n: number, len = 1000): [number, number][] =>
  Array.from({ length: n }, () => [atMs, len]);

/** Sends, and looks in between `looks` times a millisecond: nothing may depend on it. */
function run(row: Row, looks: number): Bench {
  const b = new Bench(row.spec);
  for (const [atMs, len] of row.sends) {
    poll(b, atMs * MS, looks);
    b.send(atMs * MS, len);
  }
  poll(b, b.clock.nowNs + 50 * MS, looks);
  b.runTo(100 * SEC);
  return b;
}

function poll(b: Bench, untilNs: number, looks: number): void {
  if (looks === 0) return;
  for (let ns = b.clock.nowNs; ns < untilNs; ns += MS / looks) {
    b.runTo(ns);
    b.clock.nowNs = Math.max(b.clock.nowNs, ns);
    b.link.advance();
  }
}

/** A test a row: the same arrivals, to the nanosecond, whoever looks when. */
export function testRows(rows: readonly Row[]): void {
  for (const row of rows) {
    t.test(row.says, async (t) => {
      for (const looks of [0, 3]) {
        const b = run(row, looks);
        t.same(
          b.arrivals.seen.map(({ n, atNs }) => [n, atNs / MS]),
          row.arrive,
          `looked at ${looks} times a millisecond`,
        );
        t.ok(b.conserves() && b.isHome());
      }
    });
  }
}
