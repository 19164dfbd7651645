import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from './failure.ts';

/** The scripts that paths stand for, each once, in order. A missing path is a mistake of the command line. */
export function findScripts(paths: readonly string[], wantsV6: boolean): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    if (isFolder(path)) for (const file of scriptsIn(path, wantsV6)) found.add(file);
    else found.add(path);
  }
  return [...found];
}

function isFolder(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw usageError(`${path} does not exist`);
  return stat.isDirectory();
}

function scriptsIn(folder: string, wantsV6: boolean): string[] {
  const other = wantsV6 ? 'v4.pkt' : 'v6.pkt';
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.pkt') && !name.endsWith(other))
    .sort()
    .map((name) => join(folder, name));
}

/** One character a byte: what is in strings and comments need not be UTF-8. */
export const readScript = (file: string): string => readFileSync(file, 'latin1');
