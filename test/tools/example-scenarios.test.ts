/** The scenarios and sweeps of examples/ are right, and run. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SEC } from '../../src/base/time.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { changed, changesOf, type SweepSpec } from '../../src/sim/experiment/sweep.ts';
import { loadScenario, scenarioOf } from '../../tools/command/scenario-file.ts';
import { readSpec } from '../../tools/command/spec-file.ts';

const files = readdirSync('examples').filter((name) => name.endsWith('.yaml'));
const sweeps = files.filter((name) => name.endsWith('-sweep.yaml'));

for (const name of files.filter((file) => !sweeps.includes(file))) {
  t.test(name, async (t) => {
    const { scenario, modules } = await loadScenario(join('examples', name), name);
    const x = new Experiment({ ...scenario, durationNs: 3 * SEC }, { modules });
    x.run();
    for (const { spec, delivered, failures } of x.flows) {
      t.same(failures, []);
      if (spec.startNs < 2 * SEC) t.ok(delivered > 0, `${spec.name}: ${delivered} bytes`);
    }
    t.ok(x.faults.every(({ count }) => count === 0));
    x.end();
  });
}

for (const name of sweeps) {
  t.test(name, async (t) => {
    const [value] = await readSpec(join('examples', name));
    const spec = value as SweepSpec;
    const file = join('examples', spec.scenario);
    const [base] = await readSpec(file);
    const cells = changesOf(spec);
    t.ok(cells.length > 1);
    for (const changes of cells) {
      const own = changed(base, changes);
      if ('noPlace' in own) t.fail(`no place ${own.noPlace}`);
      else await t.resolves(scenarioOf(own.value, file, name));
    }
  });
}
