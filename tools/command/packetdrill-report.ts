/** What is said about scripts: one line each, and how many. */
import type { Verdict } from '../../src/sim/packetdrill/run-text.ts';

export interface ScriptReport extends Verdict {
  readonly file: string;
}

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
  /** Of virtual time, all scripts together. */
  readonly seconds: number;
}

export const isFailed = ({ status }: ScriptReport): boolean => status === 'fail';

export function summaryOf(reports: readonly ScriptReport[]): Summary {
  const count = (wanted: Verdict['status']) =>
    reports.filter(({ status }) => status === wanted).length;
  return {
    passed: count('pass'),
    failed: count('fail'),
    unsupported: count('unsupported'),
    seconds: reports.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** One line; more of them when `isVerbose`. */
export function textOf(report: ScriptReport, isVerbose: boolean): string {
  const { file, status, line, message, expected, actual } = report;
  const place = line > 0 ? `${file}:${line}` : file;
  if (status === 'pass') return withDetails(`${file}: pass`, report, isVerbose);
  if (status === 'unsupported') return `${place}: unsupported: ${message}`;
  const sides =
    expected === null || isVerbose ? '' : ` | expected ${expected} | actual ${actual ?? 'nothing'}`;
  return withDetails(`${place}: fail: ${message}${sides}`, report, isVerbose);
}

function withDetails(first: string, report: ScriptReport, isVerbose: boolean): string {
  if (!isVerbose) return first;
  const lines = [first];
  if (report.expected !== null) {
    lines.push(`    expected  ${report.expected}`, `    actual    ${report.actual ?? 'nothing'}`);
  }
  for (const { line, message, expected, actual } of report.warnings) {
    const sides = expected === null ? '' : ` | expected ${expected} | actual ${actual}`;
    lines.push(`    warning, line ${line}: ${message}${sides}`);
  }
  for (const text of report.printed) lines.push(`    prints ${text.trimEnd()}`);
  if (report.seconds > 0) lines.push(`    ${report.seconds.toFixed(3)} s of virtual time`);
  return lines.join('\n');
}
