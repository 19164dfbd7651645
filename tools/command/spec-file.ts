/** A file of ours that says something: YAML with the lines of what is wrong in it, or a module that exports the same. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import type { Path, Problem } from '../../src/sim/experiment/schema/read-shape.ts';
import { EXIT, Failure } from './failure.ts';
import { MODULE_EXTENSIONS } from './sources.ts';
import { loadModule } from './user-module.ts';

export const CODE = 'ERR_SCENARIO';

/** Where a place in the value stands in the file, as `12:5`; '' for a module. */
export type Place = (path: Path) => string;

export const NO_PLACE: Place = () => '';

export async function readSpec(file: string): Promise<[unknown, Place]> {
  return MODULE_EXTENSIONS.includes(extname(file)) ? await fromModule(file) : fromYaml(file);
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
  try {
    return [document.toJS(), place];
  } catch (error) {
    // An alias of nothing, or aliases of aliases that come to more than any scenario has.
    if (!(error instanceof ReferenceError)) throw error;
    throw new Failure(CODE, `${file}: ${error.message}`, EXIT.USAGE);
  }
}

async function fromModule(file: string): Promise<[unknown, Place]> {
  const loaded = await loadModule(file, CODE);
  if (loaded.default === undefined) {
    throw new Failure(CODE, `${file}: no default export`, EXIT.USAGE);
  }
  return [loaded.default, NO_PLACE];
}

/** One line for each problem. */
export function specFailure(file: string, problems: readonly Problem[], place: Place): Failure {
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
