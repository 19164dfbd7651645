/**
 * Properties over random input, with a fixed seed: the same run everywhere. To look further,
 * `RINGWAY_SEED=… npm test`; `npm run test:long` tries twenty times as many inputs.
 */
import fc from 'fast-check';
import type { Test } from 'tap';

const SEED = Number(process.env.RINGWAY_SEED ?? 20260701);
const FACTOR = process.env.LONG === '1' ? 20 : 1;

/** One assertion: the property held for `runs` inputs, or the smallest one for which it did not. */
export function holds<Ts>(
  t: Test,
  what: string,
  property: fc.IProperty<Ts>,
  runs: number = 200,
): void {
  const result = fc.check(property, {
    seed: SEED,
    numRuns: runs * FACTOR,
    includeErrorInReport: true,
  });
  const title = `${what} (seed ${SEED}, ${result.numRuns} runs)`;
  if (!result.failed) t.pass(title);
  else t.fail(title, { report: fc.defaultReportMessage(result) });
}
