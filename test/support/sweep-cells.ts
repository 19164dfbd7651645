import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { changed, changesOf, type SweepSpec } from '../../src/sim/experiment/sweep.ts';
import { scenarioOf } from '../../tools/command/scenario-file.ts';
import { readSpec } from '../../tools/command/spec-file.ts';

/** A sweep of examples/: each cell of it can be read as a scenario. */
export async function cellsAreRead(t: Test, name: string): Promise<void> {
  const [value] = await readSpec(join('examples', name));
  const spec = value as SweepSpec;
  const file = join('examples', dirname(name), spec.scenario);
  const [base] = await readSpec(file);
  const cells = changesOf(spec);
  t.ok(cells.length > 1);
  for (const changes of cells) {
    const own = changed(base, changes);
    if ('noPlace' in own) t.fail(`no place ${own.noPlace}`);
    else await t.resolves(scenarioOf(own.value, file, name));
  }
}
