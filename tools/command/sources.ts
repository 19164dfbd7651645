/** What a user's module is made of, for whoever wants to know whether any of it has changed. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, extname, resolve, sep } from 'node:path';
import { MODULE_EXTENSIONS } from './user-module.ts';

/** A text that looks like a file beside it: what is imported, and what it may read. One too many does no harm. */
const NAMED = /(['"`])(\.{1,2}\/[^'"`\n]+|\/[^'"`\n]+\.[cm]?[jt]s)\1/g;

/** The file, the files that it names, those that these name, and so on; but for packages and what is in the folder `known`. */
export function sourcesOf(file: string, known: string): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path) || path.startsWith(known + sep)) return;
    found.add(path);
    if (!MODULE_EXTENSIONS.includes(extname(path))) return;
    for (const [, , name] of readFileSync(path, 'utf8').matchAll(NAMED)) {
      const named = fileAt(resolve(dirname(path), name!));
      if (named !== null) visit(named);
    }
  };
  visit(resolve(file));
  return [...found];
}

/** `x.js` may be written for `x.ts`, as TypeScript has it. */
function fileAt(path: string): string | null {
  const candidates = [path, path.replace(/\.([cm]?)js$/, '.$1ts')];
  return candidates.find((one) => statSync(one, { throwIfNoEntry: false })?.isFile()) ?? null;
}
