/** A scenario from a file: YAML with the lines of what is wrong in it, or a module that exports the same. */
import { readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { parseMahimahi } from '../../src/path/mahimahi.ts';
import type { Scenario } from '../../src/sim/experiment/scenario.ts';
import { type JsonSchema, jsonSchemaOf } from '../../src/sim/experiment/schema/json-schema.ts';
import { readScenario, type TraceWish } from '../../src/sim/experiment/schema/read-scenario.ts';
import type { Path, Problem } from '../../src/sim/experiment/schema/read-shape.ts';
import { SCENARIO_SHAPE } from '../../src/sim/experiment/schema/scenario-shape.ts';
import { suggestion } from '../../src/sim/experiment/schema/suggest.ts';
import { loadCcModule } from './cc-file.ts';
import { EXIT, Failure } from './failure.ts';
import { loadModule, MODULE_EXTENSIONS } from './user-module.ts';

export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly trace: TraceWish;
  /** Of flows whose congestion control is a file. */
  readonly modules: readonly CcModule[];
}

/** Where a place in the value stands in the file, as `12:5`; '' for a module. */
type Place = (path: Path) => string;

const CODE = 'ERR_SCENARIO';

export function scenarioSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A Ringway scenario',
    ...jsonSchemaOf(SCENARIO_SHAPE),
  };
}

export async function loadScenario(file: string, name: string): Promise<LoadedScenario> {
  const isModule = MODULE_EXTENSIONS.includes(extname(file));
  const [value, place] = isModule ? await fromModule(file) : fromYaml(file);
  const { scenario, trace, problems } = readScenario(value, name);
  if (scenario === null) throw failure(file, problems, place);
  return { trace, ...(await withModules(withTraces(scenario, file), file, place)) };
}

function fromYaml(file: string): [unknown, Place] {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${line}:${col}`;
  };
  const [error] = document.errors;
  if (error !== undefined) {
    const message = error.message.split(/ at line |\n/)[0]!;
    throw new Failure(CODE, `${file}:${at(error.pos[0])}: ${message}`, EXIT.USAGE);
  }
  // What is not there has the place of what it would be in.
  const place: Place = (path) => {
    for (let i = path.length; i >= 0; i--) {
      const node = i === 0 ? document.contents : document.getIn(path.slice(0, i), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return '1:1';
  };
  return [document.toJS(), place];
}

async function fromModule(file: string): Promise<[unknown, Place]> {
  const loaded = await loadModule(file, CODE);
  if (loaded.default === undefined) {
    throw new Failure(CODE, `${file}: no default export`, EXIT.USAGE);
  }
  return [loaded.default, () => ''];
}

function failure(file: string, problems: readonly Problem[], place: Place): Failure {
  const lines = problems.map(({ path, message }) => {
    const where = [file, place(path)].filter((part) => part !== '').join(':');
    const what = path.length === 0 ? '' : `${path.join('.')}: `;
    return `${where}: ${what}${message}`;
  });
  const [only] = lines;
  if (lines.length === 1) return new Failure(CODE, only!, EXIT.USAGE);
  const message = `${file}: ${lines.length} problems`;
  return new Failure(CODE, message, EXIT.USAGE, lines);
}

/** A link's trace is the path of a file; then it is what stands in it. */
function withTraces(scenario: Scenario, file: string): Scenario {
  const one = (spec: LinkSpec): LinkSpec => {
    const { rateBps } = spec;
    if (typeof rateBps !== 'object' || !('trace' in rateBps)) return spec;
    const path = resolve(dirname(file), rateBps.trace);
    const trace = readFileSync(path, 'utf8');
    try {
      parseMahimahi(trace);
    } catch (error) {
      throw new Failure(CODE, `${path}: ${(error as Error).message}`, EXIT.USAGE);
    }
    return { ...spec, rateBps: { trace } };
  };
  const links = scenario.links.map((link) => ({
    ...link,
    forth: one(link.forth),
    back: one(link.back),
  }));
  return { ...scenario, links };
}

/** A flow's congestion control may be the path of a module, from the scenario's folder; then it is its name. */
async function withModules(
  scenario: Scenario,
  file: string,
  place: Place,
): Promise<{ scenario: Scenario; modules: readonly CcModule[] }> {
  const loaded = new Map<string, CcModule>();
  const known = builtinModules().available();
  const problems: Problem[] = [];
  for (const { name, cc } of scenario.flows) {
    if (cc === undefined || known.includes(cc) || loaded.has(cc)) continue;
    if (MODULE_EXTENSIONS.includes(extname(cc)))
      loaded.set(cc, await loadCcModule(resolve(dirname(file), cc)));
    else
      problems.push({
        path: ['flows'],
        message: `${name}: no congestion control "${cc}": ${suggestion(cc, known)}`,
      });
  }
  if (problems.length > 0) throw failure(file, problems, place);
  const flows = scenario.flows.map((flow) => {
    const module = flow.cc === undefined ? undefined : loaded.get(flow.cc);
    return module === undefined ? flow : { ...flow, cc: module.name };
  });
  return { scenario: { ...scenario, flows }, modules: [...loaded.values()] };
}
