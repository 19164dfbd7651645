import { existsSync, readFileSync } from 'node:fs';

/** From the package's own package.json, beside the sources or beside what was compiled from them. */
function readVersion(): string {
  for (const up of ['../../', '../../../']) {
    const file = new URL(`${up}package.json`, import.meta.url);
    if (existsSync(file))
      return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  }
  return 'unknown';
}

export const VERSION = readVersion();
