/** What was expected of a run, and what was seen, for people: one line each. */
import type { ExpectationSpec, Outcome } from '../../src/sim/experiment/expect/expectation.ts';
import { rateText, timeText } from './figures.ts';

/** `met     cubic: cwnd at least 500, from 5.43 s to 5.46 s: 503 to 511` */
export function outcomeText(outcome: Outcome): string {
  const { expected, isMet } = outcome;
  const told = `${expectationText(expected)}: ${seenText(outcome)}`;
  return `${isMet === null ? 'untold' : isMet ? 'met' : 'MISSED'}`.padEnd(7) + told;
}

export function missedOf(outcomes: readonly Outcome[]): readonly Outcome[] {
  return outcomes.filter(({ isMet }) => isMet === false);
}

/** `4 of 5 expectations met` */
export function countText(outcomes: readonly Outcome[]): string {
  const met = outcomes.filter(({ isMet }) => isMet === true).length;
  const untold = outcomes.filter(({ isMet }) => isMet === null).length;
  const told = `${met} of ${outcomes.length - untold} expectations met`;
  return untold === 0 ? told : `${told}, ${untold} not reached`;
}

export function expectationText(spec: ExpectationSpec): string {
  const whose = spec.of === 'link' ? spec.link : (spec.flow ?? 'all flows');
  return [`${whose}: ${whatText(spec)}`, ...whenText(spec)].join(', ');
}

function whatText(spec: ExpectationSpec): string {
  if (spec.of === 'acks') {
    const { what, phases = [], during, name } = spec;
    if (what === 'phases') return `phases ${phases.join(' ')}`;
    if (what === 'never') return `never ${phases.join(', ')}`;
    if (what === 'time') return `time in ${during} ${bandText(spec)}`;
    const own = what === 'info' ? name! : what;
    const while_ = during === undefined ? '' : ` in ${during}`;
    return `${takeText(spec.take)}${own}${while_} ${bandText(spec)}`;
  }
  if (spec.of === 'link') return `${spec.what} ${bandText(spec)}`;
  const every = spec.everyNs === undefined ? '' : ` every ${timeText(spec.everyNs)}`;
  return `${takeText(spec.take)}${spec.what}${every} ${bandText(spec)}`;
}

const takeText = (take: string | undefined): string =>
  take === undefined || take === 'each' ? '' : `${take} `;

function bandText(spec: ExpectationSpec): string {
  const { min, max } = spec;
  if (min === undefined) return `at most ${valueText(spec, max!)}`;
  if (max === undefined) return `at least ${valueText(spec, min)}`;
  return min === max ? valueText(spec, min) : `${valueText(spec, min)} to ${valueText(spec, max)}`;
}

function whenText({ fromNs, toNs }: ExpectationSpec): readonly string[] {
  if (fromNs === undefined && toNs === undefined) return [];
  const from = fromNs === undefined ? '' : `from ${secondsText(fromNs)}`;
  const to = toNs === undefined ? '' : `to ${secondsText(toNs)}`;
  return [[from, to].filter((text) => text !== '').join(' ')];
}

const secondsText = (ns: number): string => `${ns / 1e9} s`;

function seenText({ expected, isMet, least, most, phases }: Outcome): string {
  if (isMet === null) return 'the run ended before';
  if (phases !== undefined) return phases.join(' ') || 'no phase';
  if (least === null || most === null) return 'there was none';
  const low = valueText(expected, least);
  const high = valueText(expected, most);
  return low === high ? low : `${low} to ${high}`;
}

const SHARES: readonly string[] = ['share', 'retransmitted', 'dropped', 'lost', 'marked'];
const RATES: readonly string[] = ['goodput', 'throughput', 'pacing', 'rate'];
const TIMES: readonly string[] = ['rtt', 'srtt', 'time', 'completion'];

function valueText({ what }: ExpectationSpec, value: number): string {
  if (RATES.includes(what)) return rateText(value);
  if (TIMES.includes(what)) return timeText(value);
  if (SHARES.includes(what)) return `${Number((100 * value).toPrecision(3))} %`;
  return String(Number(value.toPrecision(4)));
}
