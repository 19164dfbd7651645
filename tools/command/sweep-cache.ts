/** What has been run, by its content: the scenario, the modules it names and what they import, and the code that runs it. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import type { Scenario } from '../../src/sim/experiment/scenario.ts';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { makeFolder } from './make-folder.ts';
import { OWN_SOURCE, sourcesOf } from './sources.ts';

/** Of all of src/, compiled or not. */
export function codeKey(): string {
  const hash = createHash('sha256');
  const names = readdirSync(OWN_SOURCE, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((n) => /\.[jt]s$/.test(n)).sort()) {
    hash.update(name.split(sep).join('/')).update(readFileSync(join(OWN_SOURCE, name)));
  }
  return hash.digest('hex');
}

/** Of users' modules and what they import. */
export function modulesKey(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files.flatMap((one) => sourcesOf(one))) {
    const content = readFileSync(file);
    hash.update(`${basename(file)} ${content.length} `).update(content);
  }
  return hash.digest('hex');
}

export function cellKey(code: string, modules: string, scenario: Scenario): string {
  const hash = createHash('sha256').update(code).update(modules).update(JSON.stringify(scenario));
  return hash.digest('hex').slice(0, 32);
}

export class CellStore {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    makeFolder(folder);
  }

  /** Null where it has not been run, or what is there is no summary. */
  read(key: string): Summary | null {
    try {
      const value = JSON.parse(readFileSync(this.path(key), 'utf8')) as Summary;
      return Array.isArray(value.flows) ? value : null;
    } catch {
      return null;
    }
  }

  /** Under its name only once it is whole. */
  write(key: string, summary: Summary): void {
    const part = `${this.path(key)}.${process.pid}`;
    try {
      writeFileSync(part, `${JSON.stringify(summary)}\n`);
      renameSync(part, this.path(key));
    } catch (error) {
      rmSync(part, { force: true });
      throw error;
    }
  }

  private path(key: string): string {
    return join(this.folder, `${key}.json`);
  }
}
