/** A user's TypeScript or JavaScript file, loaded as an ES module. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT, Failure } from './failure.ts';

const TYPESCRIPT: readonly string[] = ['.ts', '.mts'];
export const MODULE_EXTENSIONS: readonly string[] = [...TYPESCRIPT, '.js', '.mjs'];

/** Of an absolute path: Node loads each URL once. */
export type UrlOf = (path: string) => string;

const urlOfFile: UrlOf = (path) => pathToFileURL(path).href;

/** What it exports. @param code of the error when it cannot be loaded. */
export async function loadModule(
  file: string,
  code: string,
  urlOf: UrlOf = urlOfFile,
): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!isEsModule(path)) {
    const message = `${file}: an ES module is named .mts or .mjs, or is in a package of "type": "module"`;
    throw new Failure(code, message, EXIT.USAGE);
  }
  if (isNoFile(path)) throw new Failure(code, `${file}: is no regular file`, EXIT.USAGE);
  if (TYPESCRIPT.includes(extname(path)) && !(await isTypeScriptLoaded())) {
    const message = `${file}: Node ${process.version} loads no TypeScript: Node 22.18 does, tsx does (npm install tsx), and a .mjs needs neither`;
    throw new Failure(code, message, EXIT.USAGE);
  }
  try {
    return (await import(urlOf(path))) as Record<string, unknown>;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Failure(code, `${file}: ${message}`, EXIT.USAGE);
  }
}

/** By Node itself, by who has loaded this file, or by tsx, if it is installed. */
async function isTypeScriptLoaded(): Promise<boolean> {
  const { typescript } = process.features as { typescript?: unknown };
  if (extname(import.meta.url) === '.ts' || typescript) return true;
  try {
    (await import('tsx/esm/api')).register();
    return true;
  } catch {
    return false;
  }
}

/** Node would wait for ever for a pipe's other end, and with it whatever else is to be loaded. What is not there, it says itself. */
function isNoFile(path: string): boolean {
  try {
    return !statSync(path).isFile();
  } catch {
    return false;
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
