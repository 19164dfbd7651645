/** What there is to see in a chart, in one sentence. */
import type { FairnessSummary } from '../../src/sim/experiment/fairness.ts';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { percent, rateText, timeText } from '../command/figures.ts';
import type { FlowSteps, RunData, Steps } from './run-data.ts';

function largest<T>(all: readonly T[], of: (one: T) => number): T | null {
  return all.reduce<T | null>(
    (best, one) => (best === null || of(one) > of(best) ? one : best),
    null,
  );
}

export function goodput({ flows, durationNs }: Summary): string {
  const sum = flows.reduce((n, f) => n + f.delivered, 0);
  const first = largest(flows, (f) => f.delivered);
  if (first === null || sum === 0) return 'Nothing arrived.';
  const all = `${rateText((sum * 8e9) / durationNs)} in all`;
  if (flows.length === 1) return `${all}.`;
  return `${all}; the largest share is ${first.name}'s, ${Math.round((100 * first.delivered) / sum)} %.`;
}

export function rtt({ flows }: Summary): string {
  const known = flows.flatMap(({ rtt }) => (rtt === null ? [] : [rtt]));
  if (known.length === 0) return '';
  const least = timeText(Math.min(...known.map((q) => q.least)));
  const medians = known.map((q) => q.p50);
  const [low, high] = [timeText(Math.min(...medians)), timeText(Math.max(...medians))];
  const p99 = timeText(Math.max(...known.map((q) => q.p99)));
  return `At least ${least}; ${low === high ? `median ${low}` : `medians ${low} to ${high}`}; 99 % within ${p99}.`;
}

const mostIn = (values: Steps): number => values.reduce((m, v) => (v > m ? v : m), 0);

export function most(
  flows: readonly FlowSteps[],
  field: 'cwnd' | 'inFlight' | 'pacing',
  unit: string,
): string {
  const first = largest(flows, (f) => mostIn(f[field]));
  if (first === null) return '';
  const whose = flows.length === 1 ? '' : ` (${first.name})`;
  return `At most ${Number(mostIn(first[field]).toPrecision(3))} ${unit}${whose}.`;
}

export function queue({ queues }: RunData): string {
  const [name, values] = largest([...queues], ([, q]) => mostIn(q.packets)) ?? [];
  return values === undefined ? '' : `${name}: at most ${mostIn(values.packets)} packets wait.`;
}

export function drops({ links }: Summary): string {
  const first = largest(links, (l) => l.dropped);
  if (first === null || first.dropped === 0) return 'None.';
  const all = links.reduce((n, l) => n + l.dropped, 0);
  return all === first.dropped
    ? `${all}, all at ${first.name}.`
    : `${all}; ${first.dropped} at ${first.name}.`;
}

export function retransmitted({ flows }: Summary): string {
  const sent = flows.reduce((n, f) => n + f.sent, 0);
  const again = flows.reduce((n, f) => n + f.retransmitted, 0);
  const worst = largest(flows, (f) => (f.sent === 0 ? 0 : f.retransmitted / f.sent));
  if (again === 0 || worst === null) return 'None.';
  const all = `${percent(again, sent)} of all segments`;
  if (flows.length === 1) return `${all}.`;
  return `${all}; the largest share is ${worst.name}'s, ${percent(worst.retransmitted, worst.sent)}.`;
}

export function fairness({ epochs, threshold, windowNs }: FairnessSummary): string {
  const last = epochs.at(-1)!;
  const window = timeText(windowNs);
  const fair = last.jain.filter((x) => x !== null && x >= threshold).length;
  const since = `${last.flows} flows from ${timeText(last.fromNs)} on`;
  if (last.convergenceNs === null) {
    return `${since}: ${fair} of ${last.jain.length} windows of ${window} have ${threshold}, the last has not.`;
  }
  if (last.convergenceNs === 0)
    return `${since}: never below ${threshold}, in windows of ${window}.`;
  return `${since}: ${threshold} for good after ${timeText(last.convergenceNs)}, in windows of ${window}.`;
}
