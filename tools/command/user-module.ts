/** A user's TypeScript or JavaScript file, loaded as an ES module. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT, Failure } from './failure.ts';
import { endlessIn } from './sources.ts';

const TYPESCRIPT: readonly string[] = ['.ts', '.mts'];
/** A module that waits for something at its top level may never be there. */
const LOAD_LIMIT_MS = 10_000;

/** Of an absolute path: Node loads each URL once. */
export type UrlOf = (path: string) => string;

const urlOfFile: UrlOf = (path) => pathToFileURL(path).href;

/** What it exports. @param code of the error when it cannot be loaded. */
export async function loadModule(
  file: string,
  code: string,
  urlOf: UrlOf = urlOfFile,
  limitMs: number = LOAD_LIMIT_MS,
): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!isEsModule(path)) {
    const message = `${file}: an ES module is named .mts or .mjs, or is in a package of "type": "module"`;
    throw new Failure(code, message, EXIT.USAGE);
  }
  if (!existsSync(path)) throw new Failure(code, `${file}: no such file`, EXIT.USAGE);
  if (isNoFile(path)) throw new Failure(code, `${file}: is no regular file`, EXIT.USAGE);
  const endless = endlessFrom(path);
  if (endless !== null) {
    throw new Failure(code, `${file}: imports ${endless}, which is no regular file`, EXIT.USAGE);
  }
  if (TYPESCRIPT.includes(extname(path)) && !(await isTypeScriptLoaded())) {
    const message = `${file}: Node ${process.version} loads no TypeScript: Node 22.18 does, tsx does (npm install tsx), and a .mjs needs neither`;
    throw new Failure(code, message, EXIT.USAGE);
  }
  try {
    return await inTime(import(urlOf(path)), limitMs);
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

function inTime<T>(loaded: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    const message = `is not loaded after ${limitMs / 1000} s: does it await something that does not come?`;
    timer = setTimeout(() => fail(new Error(message)), limitMs);
  });
  return Promise.race([loaded, late]).finally(() => clearTimeout(timer));
}

/** What cannot be read Node says itself. */
function endlessFrom(path: string): string | null {
  try {
    return endlessIn(path);
  } catch {
    return null;
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
