/** Expectations from what a file says: a band's place in it is not its place in the program. */
import type { AckSpec, ExpectationSpec, FlowCountSpec } from '../expect/expectation.ts';
import { endOf, flowsNamed } from '../expect/flow-names.ts';
import type { FlowSpec, Scenario } from '../scenario.ts';
import { EXPECTED_OF } from './expect-shape.ts';
import type { Path, Problems } from './read-shape.ts';
import { suggestion } from './suggest.ts';

/** As the shape leaves one. */
export type RawExpectation = Readonly<Record<string, unknown>>;

export function expectationOf(raw: RawExpectation): ExpectationSpec {
  for (const [of, quantities] of Object.entries(EXPECTED_OF)) {
    const what = Object.keys(quantities).find((name) => name in raw);
    if (what === undefined) continue;
    const { [what]: value, ...rest } = raw;
    const own = Array.isArray(value) ? { phases: value } : (value as object);
    return { of, what, ...rest, ...own } as unknown as ExpectationSpec;
  }
  throw new Error('a shape has one of its forms');
}

/** Names that stand for something, times that come, bands in which something fits. */
export function checkExpectations(scenario: Scenario, problems: Problems): void {
  const { expect = [], flows, links, durationNs } = scenario;
  const names = new Set(flows.map(({ name }) => name));
  const groups = flows.flatMap(({ group }) => (group === undefined ? [] : [group]));
  const ends = links.flatMap(({ between: [a, b] }) => [`${a}>${b}`, `${b}>${a}`]);
  for (const [i, spec] of expect.entries()) {
    const at: Path = ['expect', i];
    const { fromNs = 0, toNs = durationNs, min, max } = spec;
    if (toNs <= fromNs) problems.add(at, 'it ends before it begins');
    else if (toNs > durationNs) problems.add([...at, 'to'], 'the experiment is over by then');
    const isWords = spec.what === 'phases' || spec.what === 'never';
    if (!isWords && min === undefined && max === undefined) {
      problems.add([...at, spec.what], 'min, max, or both');
    }
    if (min !== undefined && max !== undefined && min > max) {
      problems.add([...at, spec.what], 'min is more than max');
    }
    if (spec.of === 'link') {
      const { link } = spec;
      if (!ends.includes(link)) {
        problems.add([...at, 'link'], `no link "${link}": ${suggestion(link, ends)}`);
      }
      continue;
    }
    const [name] = spec.of === 'acks' ? endOf(spec.flow) : [spec.flow];
    if (name !== undefined && flowsNamed(flows, name).length === 0) {
      const known = [...new Set([...names, ...groups])];
      problems.add([...at, 'flow'], `no flow "${name}": ${suggestion(name, known)}`);
    } else checkCount(spec, flowsNamed(flows, name), toNs - fromNs, at, problems);
  }
}

/** Phases are of one connection, and of intervals there is one at least. */
function checkCount(
  spec: AckSpec | FlowCountSpec,
  flows: readonly FlowSpec[],
  ns: number,
  at: Path,
  problems: Problems,
): void {
  const { what } = spec;
  const many = flows.length > 1 ? `${flows.length} flows` : "a page's connections";
  if (PHASES.has(what) && (flows.length > 1 || hasMany(flows[0]!))) {
    problems.add([...at, what], `it is of one connection, not of ${many}`);
  }
  if (spec.of === 'flows' && (spec.everyNs ?? 0) > ns) {
    problems.add([...at, 'every'], 'it is longer than all of the time');
  }
}

/** `never` may be of many. */
const PHASES: ReadonlySet<string> = new Set(['phases', 'time']);

function hasMany({ traffic }: FlowSpec): boolean {
  return traffic.kind === 'page' && traffic.connections !== 1 && traffic.objects > 1;
}
