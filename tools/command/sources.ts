/** What a user's module is made of, for whoever wants to know whether any of it has changed, or can be loaded at all. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const MODULE_EXTENSIONS: readonly string[] = ['.ts', '.mts', '.js', '.mjs'];

/** Ringway's own, beside which this file stands, compiled or not. */
export const OWN_SOURCE = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src');

/** A text that looks like a file beside it: what is imported, and what it may read. One too many does no harm. */
const NAMED = /(['"`])(\.{1,2}\/[^'"`\n]+|\/[^'"`\n]+\.[cm]?[jt]s)\1/g;

/** The file, the files that it names, those that these name, and so on; but for packages and Ringway's own. */
export function sourcesOf(file: string): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path) || path.startsWith(OWN_SOURCE + sep)) return;
    found.add(path);
    for (const named of namesIn(path).map(fileAt)) if (named !== null) visit(named);
  };
  visit(resolve(file));
  return [...found];
}

/** A module that it names, or one of those, and that is a pipe or a device: who imports it may wait for ever. */
export function endlessIn(file: string): string | null {
  const modules = sourcesOf(file).flatMap(namesIn).filter(isModuleName);
  return modules.find(isEndless) ?? null;
}

/** Whole paths. */
function namesIn(path: string): readonly string[] {
  if (!isModuleName(path)) return [];
  const named = [...readFileSync(path, 'utf8').matchAll(NAMED)];
  return named.map(([, , name]) => resolve(dirname(path), name!));
}

const isModuleName = (path: string): boolean => MODULE_EXTENSIONS.includes(extname(path));

function isEndless(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

/** `x.js` may be written for `x.ts`, as TypeScript has it. */
function fileAt(path: string): string | null {
  const candidates = [path, path.replace(/\.([cm]?)js$/, '.$1ts')];
  return candidates.find((one) => statSync(one, { throwIfNoEntry: false })?.isFile()) ?? null;
}
