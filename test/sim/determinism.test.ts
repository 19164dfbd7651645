/**
 * The same seed gives the same bytes, on every version of Node: five scenarios, which have among them every congestion
 * control, queue, traffic and model of a link that there is, run on each of them, and come to the sums in determinism/pinned.json.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { builtinModules } from '../../src/cc/builtin.ts';
import { SCENARIO_SHAPE } from '../../src/sim/experiment/schema/scenario-shape.ts';
import type { Fields, Shape } from '../../src/sim/experiment/schema/shape.ts';
import { readSpec } from '../../tools/command/spec-file.ts';
import { OTHER_NODES, otherNode } from '../../tools/dev/nodes.ts';
import { requires } from '../support/requires.ts';
import { allSums, pinnedOf, scenarioFiles } from './determinism/run.ts';

const RUN = 'test/sim/determinism/run.ts';

/** The kinds that a shape has, as `queue: red`; of these, those that values have, where there are any. */
function kindsOf(
  shape: Shape,
  name: string,
  values: readonly unknown[] | null,
  found: Set<string>,
): Set<string> {
  switch (shape.type) {
    case 'list':
    case 'map':
      return kindsOf(
        shape.of,
        name,
        values?.flatMap((v) => Object.values(v as object)) ?? null,
        found,
      );
    case 'either':
      return kindsOf(
        shape.other,
        name,
        values?.filter((v) => typeof v === 'object') ?? null,
        found,
      );
    case 'record':
      return kindsOfFields(shape.fields, values, found);
    case 'variant':
    case 'forms': {
      const all = shape.type === 'variant' ? shape.kinds : shape.forms;
      for (const [kind, fields] of Object.entries(all)) {
        const own = values?.filter((v) => {
          const said = v as Record<string, unknown>;
          return shape.type === 'variant' ? said.kind === kind : kind in said;
        });
        if (own?.length === 0) continue;
        found.add(`${name}: ${kind}`);
        kindsOfFields(fields, own ?? null, found);
      }
      return found;
    }
    default:
      return found;
  }
}

function kindsOfFields(
  fields: Fields,
  values: readonly unknown[] | null,
  found: Set<string>,
): Set<string> {
  for (const [name, { shape }] of Object.entries(fields)) {
    const own = values?.flatMap((v) => (name in (v as object) ? [(v as never)[name]] : []));
    kindsOf(shape, name, own ?? null, found);
  }
  return found;
}

t.test('nothing that a scenario can name is left out', async (t) => {
  const values: unknown[] = [];
  for (const file of scenarioFiles()) values.push((await readSpec(file))[0]);
  // What is expected of a run does not change it.
  const { expect: _, ...fields } = SCENARIO_SHAPE.fields;
  const acting: Shape = { type: 'record', fields };
  const all = kindsOf(acting, '', null, new Set());
  t.ok(all.has('queue: red') && all.has('loss: every') && all.has('traffic: page'));
  t.same([...all].sort(), [...kindsOf(acting, '', values, new Set())].sort());
  const used = values.flatMap((v) => (v as { flows: { cc?: string }[] }).flows.map(({ cc }) => cc));
  const ips = values.flatMap((v) => (v as { flows: { ip?: number }[] }).flows.map(({ ip }) => ip));
  t.ok(ips.includes(6));
  for (const name of builtinModules().available()) t.ok(used.includes(name), name);
  t.end();
});

const ADVICE = 'if this change is meant: npm run pin (test/sim/determinism/run.ts)';
const pinned = JSON.parse(readFileSync('test/sim/determinism/pinned.json', 'utf8'));
const here = await allSums();

t.test(`Node ${process.versions.node}: the sums are those of the file`, (t) => {
  t.same(pinnedOf(here), pinned, ADVICE);
  t.end();
});

for (const major of OTHER_NODES) {
  const skip = requires({ nodes: [major] });
  t.test(`Node ${major}: the same sums`, { skip }, async (t) => {
    const node = otherNode(major)!;
    const { stdout } = await promisify(execFile)(node, ['--import=tsx', RUN]);
    t.same(JSON.parse(stdout), here);
    t.end();
  });
}
