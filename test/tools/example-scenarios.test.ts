/** The scenarios and sweeps of examples/ are right, and run. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SEC } from '../../src/base/time.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { loadScenario } from '../../tools/command/scenario-file.ts';
import { cellsAreRead } from '../support/sweep-cells.ts';

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
  t.test(name, (t) => cellsAreRead(t, name));
}
