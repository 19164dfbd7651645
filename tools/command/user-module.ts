/** A user's TypeScript or JavaScript file, loaded as an ES module. */
import { readFileSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT, Failure } from './failure.ts';

export const MODULE_EXTENSIONS: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];

/** What it exports. @param code of the error when it cannot be loaded. */
export async function loadModule(file: string, code: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!isEsModule(path)) {
    const message = `${file}: an ES module is named .mts or .mjs, or is in a package of "type": "module"`;
    throw new Failure(code, message, EXIT.USAGE);
  }
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Failure(code, `${file}: ${message}`, EXIT.USAGE);
  }
}

/** Node's rule: by its name, or by the nearest package.json. */
function isEsModule(path: string): boolean {
  if (['.mts', '.mjs'].includes(extname(path))) return true;
  for (let dir = dirname(path); ; dir = dirname(dir)) {
    try {
      const { type } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
        type?: string;
      };
      return type === 'module';
    } catch {
      // none there, or none that can be read
    }
    if (dir === dirname(dir)) return false;
  }
}
