/** A scenario from a file, with the modules and traces that it names. */
import { readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { parseMahimahi } from '../../src/path/mahimahi.ts';
import { alone } from '../../src/sim/experiment/harm.ts';
import type { Scenario } from '../../src/sim/experiment/scenario.ts';
import { checkPhases } from '../../src/sim/experiment/schema/check-phases.ts';
import { type JsonSchema, jsonSchemaOf } from '../../src/sim/experiment/schema/json-schema.ts';
import { readScenario, type TraceWish } from '../../src/sim/experiment/schema/read-scenario.ts';
import { type Path, type Problem, Problems } from '../../src/sim/experiment/schema/read-shape.ts';
import { SCENARIO_SHAPE } from '../../src/sim/experiment/schema/scenario-shape.ts';
import { suggestion } from '../../src/sim/experiment/schema/suggest.ts';
import { loadCcModule } from './cc-file.ts';
import { MODULE_EXTENSIONS } from './sources.ts';
import { NO_PLACE, type Place, readSpec, specFailure } from './spec-file.ts';

export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly trace: TraceWish;
  /** Of flows whose congestion control is a file; and those files. */
  readonly modules: readonly CcModule[];
  readonly moduleFiles: readonly string[];
}

export function scenarioSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A Ringway scenario',
    ...jsonSchemaOf(SCENARIO_SHAPE),
  };
}

/** @param only a group: its flows alone. @param cc a name, or a file by its whole path: of flows that name none. */
export async function loadScenario(
  file: string,
  name: string,
  only: string | null = null,
  cc: string | null = null,
): Promise<LoadedScenario> {
  const [value, place] = await readSpec(file);
  return scenarioOf(value, file, name, only, place, cc);
}

/** What stands in a file, or would: paths in it are from the file's folder. */
export async function scenarioOf(
  value: unknown,
  file: string,
  name: string,
  only: string | null = null,
  place: Place = NO_PLACE,
  cc: string | null = null,
): Promise<LoadedScenario> {
  const { scenario, trace, problems } = readScenario(value, name);
  if (scenario === null) throw specFailure(file, problems, place);
  const { topology } = value as { topology: unknown };
  const unread = traceProblems(topology, file, ['topology']);
  if (unread.length > 0) throw specFailure(file, unread, place);
  const own = only === null ? scenario : alone(scenario, only);
  const loaded = await withModules(withCc(withTraces(own, file), cc), file, place);
  const wrong = new Problems();
  const known = builtinModules();
  for (const module of loaded.modules) known.register(module);
  checkPhases(loaded.scenario, known, wrong);
  if (wrong.all.length > 0) throw specFailure(file, wrong.all, place);
  return { trace, ...loaded };
}

/** Of the files that stand as `trace` of a rate: whether they are there, and are traces. */
function traceProblems(value: unknown, file: string, path: Path): readonly Problem[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, own]): readonly Problem[] => {
    const at = [...path, Array.isArray(value) ? Number(name) : name];
    if (path.at(-1) !== 'rate' || name !== 'trace') return traceProblems(own, file, at);
    try {
      parseMahimahi(readFileSync(resolve(dirname(file), own), 'utf8'));
      return [];
    } catch (error) {
      const message = `${own}: ${(error as Error).message.replace(/, open .*/, '')}`;
      return [{ path: at, message }];
    }
  });
}

/** A link's trace is the path of a file; then it is what stands in it. */
function withTraces(scenario: Scenario, file: string): Scenario {
  const one = (spec: LinkSpec): LinkSpec => {
    const { rateBps } = spec;
    if (typeof rateBps !== 'object' || !('trace' in rateBps)) return spec;
    const path = resolve(dirname(file), rateBps.trace);
    return { ...spec, rateBps: { trace: readFileSync(path, 'utf8') } };
  };
  const links = scenario.links.map((link) => ({
    ...link,
    forth: one(link.forth),
    back: one(link.back),
  }));
  return { ...scenario, links };
}

function withCc(scenario: Scenario, cc: string | null): Scenario {
  if (cc === null) return scenario;
  return { ...scenario, flows: scenario.flows.map((flow) => ({ ...flow, cc: flow.cc ?? cc })) };
}

/** A flow's congestion control may be the path of a module, from the scenario's folder; then it is its name. */
async function withModules(
  scenario: Scenario,
  file: string,
  place: Place,
): Promise<Pick<LoadedScenario, 'scenario' | 'modules' | 'moduleFiles'>> {
  const loaded = new Map<string, CcModule>();
  const known = builtinModules().available();
  const problems: Problem[] = [];
  for (const { name, cc } of scenario.flows) {
    if (cc === undefined || known.includes(cc) || loaded.has(cc)) continue;
    if (MODULE_EXTENSIONS.includes(extname(cc))) {
      const module = await loadCcModule(resolve(dirname(file), cc));
      const [twin] = [...loaded].find(([, m]) => m !== module && m.name === module.name) ?? [];
      if (twin !== undefined) {
        const message = `${name}: ${twin} and ${cc} are both named "${module.name}"`;
        problems.push({ path: ['flows'], message });
      }
      loaded.set(cc, module);
    } else
      problems.push({
        path: ['flows'],
        message: `${name}: no congestion control "${cc}": ${suggestion(cc, known)}`,
      });
  }
  if (problems.length > 0) throw specFailure(file, problems, place);
  const flows = scenario.flows.map((flow) => {
    const module = flow.cc === undefined ? undefined : loaded.get(flow.cc);
    return module === undefined ? flow : { ...flow, cc: module.name };
  });
  const moduleFiles = [...loaded.keys()].map((cc) => resolve(dirname(file), cc));
  return { scenario: { ...scenario, flows }, modules: [...loaded.values()], moduleFiles };
}
