/**
 * Whether flows' modules have the phases that a scenario expects. A word that nobody says is never said: `never` and `time` would
 * be met for ever.
 */
import { type CcModule, phasesOf } from '../../../cc/congestion-control.ts';
import type { CcRegistry } from '../../../cc/registry.ts';
import type { AckSpec } from '../expect/expectation.ts';
import { endOf, flowsNamed } from '../expect/flow-names.ts';
import type { Scenario } from '../scenario.ts';
import type { Path, Problems } from './read-shape.ts';
import { suggestion } from './suggest.ts';

const DEFAULT_CC = 'net.ipv4.tcp_congestion_control';

/** @param modules all that flows name. */
export function checkPhases(scenario: Scenario, modules: CcRegistry, problems: Problems): void {
  for (const [i, spec] of (scenario.expect ?? []).entries()) {
    if (spec.of !== 'acks') continue;
    const { what, during, phases = [] } = spec;
    const own = modulesOf(spec, scenario, modules);
    for (const [k, word] of phases.entries()) {
      checkWord(word, own, what === 'never', ['expect', i, what, k], problems);
    }
    if (during !== undefined) {
      checkWord(during, own, what === 'time', ['expect', i, 'during'], problems);
    }
  }
}

/** @param isMetByNone a word that is never said would do. */
function checkWord(
  word: string,
  modules: ReadonlySet<CcModule>,
  isMetByNone: boolean,
  at: Path,
  problems: Problems,
): void {
  const known: string[] = [];
  for (const module of modules) {
    const phases = phasesOf(module);
    if (phases === null) {
      if (!isMetByNone) return; // what is not seen is missed
      problems.add(
        at,
        `"${module.name}" does not say which phases it has: "phases", beside "create"`,
      );
      return;
    }
    known.push(...phases);
  }
  if (known.includes(word)) return;
  const names = [...modules].map(({ name }) => name).join(', ');
  problems.add(at, `no phase "${word}" of ${names}: ${suggestion(word, [...new Set(known)])}`);
}

function modulesOf(
  { flow }: AckSpec,
  { flows, hosts }: Scenario,
  modules: CcRegistry,
): ReadonlySet<CcModule> {
  const [name, end] = endOf(flow);
  return new Set(
    flowsNamed(flows, name).map(({ cc, from, to }) => {
      const host = hosts.find((one) => one.name === (end === 0 ? from : to));
      const own = cc ?? host?.sysctl?.[DEFAULT_CC];
      return (own === undefined ? undefined : modules.find(own)) ?? modules.defaultModule;
    }),
  );
}
