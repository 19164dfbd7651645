/** A congestion-control module from a file: TypeScript or JavaScript, by its path. */
import { EINVAL } from '../../src/base/errno.ts';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import { isCcName } from '../../src/cc/registry.ts';
import { EXIT, Failure } from './failure.ts';
import { loadModule, type UrlOf } from './user-module.ts';

const CODE = 'ERR_CC_MODULE';

/** The one that it exports, by default or by a name. */
export async function loadCcModule(file: string, urlOf?: UrlOf): Promise<CcModule> {
  const exported = await loadModule(file, CODE, urlOf);
  const found = [...new Set(Object.values(exported).filter(isModule))];
  const [module, ...more] = found;
  if (module === undefined) throw ccFailure(`${file}: exports no congestion-control module`);
  if (more.length > 0) {
    throw ccFailure(`${file}: exports several modules: ${found.map((m) => m.name).join(', ')}`);
  }
  const { name, phases } = module;
  if (phases !== undefined && !isWords(phases)) throw ccFailure(`${file}: phases: a list of words`);
  if (!isCcName(name)) {
    const letters = '1 to 15 letters, digits, "_", "-" and "."';
    throw ccFailure(`${file}: "${name}" is no name for a module: ${letters}`);
  }
  if (builtinModules().find(name) !== undefined) {
    throw ccFailure(`${file}: "${name}" is the name of a module that is there already`);
  }
  if (register(file, module) === -EINVAL) {
    throw ccFailure(`${file}: "${name}" has neither congAvoid nor congControl`);
  }
  return module;
}

/** It makes one to see whether it can work. */
function register(file: string, module: CcModule): number {
  try {
    return builtinModules().register(module);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw ccFailure(`${file}: create: ${why}`);
  }
}

const isWords = (value: unknown): boolean =>
  Array.isArray(value) && value.every((word) => typeof word === 'string');

function isModule(value: unknown): value is CcModule {
  if (typeof value !== 'object' || value === null) return false;
  const { name, create } = value as Partial<CcModule>;
  return typeof name === 'string' && typeof create === 'function';
}

export function ccFailure(message: string): Failure {
  return new Failure(CODE, message, EXIT.USAGE);
}
