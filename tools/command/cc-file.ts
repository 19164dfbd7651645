/** A congestion-control module from a file: TypeScript or JavaScript, by its path. */
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import { EXIT, Failure } from './failure.ts';
import { loadModule } from './user-module.ts';

const CODE = 'ERR_CC_MODULE';

/** The one that it exports, by default or by a name. */
export async function loadCcModule(file: string): Promise<CcModule> {
  const exported = await loadModule(file, CODE);
  const found = [...new Set(Object.values(exported).filter(isModule))];
  const [module, ...more] = found;
  if (module === undefined) throw failure(`${file}: exports no congestion-control module`);
  if (more.length > 0) {
    throw failure(`${file}: exports several modules: ${found.map((m) => m.name).join(', ')}`);
  }
  const registry = builtinModules();
  if (registry.find(module.name) !== undefined) {
    throw failure(`${file}: "${module.name}" is the name of a module that is there already`);
  }
  if (registry.register(module) !== 0) {
    throw failure(`${file}: a module has a name of 1 to 15 letters, and congAvoid or congControl`);
  }
  return module;
}

function isModule(value: unknown): value is CcModule {
  if (typeof value !== 'object' || value === null) return false;
  const { name, create } = value as Partial<CcModule>;
  return typeof name === 'string' && typeof create === 'function';
}

function failure(message: string): Failure {
  return new Failure(CODE, message, EXIT.USAGE);
}
