/**
 * The folder in which `ringway sim` leaves a run. Files have their names only once all of them are whole:
 *
 *     check ──► trace.jsonl.part … ──► run ──► summary.json.part ──► the run before goes, .part goes
 *
 * so that a mistake, a full disk or a kill leaves the run that was there. What is not a run's is not touched.
 */
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { isSummary } from '../report/run-data.ts';
import { isSweep } from '../report/sweep-data.ts';
import { EXIT, Failure } from './failure.ts';
import { makeFolder } from './make-folder.ts';

const SUMMARY = 'summary.json';
/** In the order in which they go: who is killed in between has no traces of another run beside a summary. */
const NAMES = [SUMMARY, 'trace.jsonl', 'packets.pcapng'] as const;
type RunFile = (typeof NAMES)[number];

export class RunFolder {
  readonly path: string;
  private readonly begun: RunFile[] = [];

  /** Throws a Failure where no run may go; it makes the folder, and nothing in it. */
  constructor(path: string) {
    this.path = path;
    if (existsSync(path) && !statSync(path).isDirectory()) throw refused(`${path}: is no folder`);
    if (isSweep(path)) throw refused(`${path}: has a sweep in it: a run goes to another folder`);
    const there = NAMES.filter((name) => existsSync(join(path, name)));
    if (there.length > 0 && !hasRun(path)) {
      const what = `${there.join(' and ')} that ringway sim has not written`;
      throw refused(`${path}: has ${what}: a run goes to another folder`);
    }
    makeFolder(path);
    accessSync(path, constants.W_OK | constants.X_OK);
  }

  /** Where to write it until the end. */
  begin(name: RunFile): string {
    this.begun.push(name);
    return this.partOf(name);
  }

  /** In place of the run before, and all that it has left. */
  end(summary: Summary): void {
    writeFileSync(this.begin(SUMMARY), `${JSON.stringify(summary, null, 2)}\n`);
    for (const name of NAMES) rmSync(join(this.path, name), { force: true });
    for (const name of this.begun) renameSync(this.partOf(name), join(this.path, name));
  }

  /** It came to nothing. */
  abandon(): void {
    for (const name of this.begun) rmSync(this.partOf(name), { force: true });
  }

  private partOf(name: RunFile): string {
    return join(this.path, `${name}.part`);
  }
}

function hasRun(folder: string): boolean {
  try {
    return isSummary(JSON.parse(readFileSync(join(folder, SUMMARY), 'utf8')));
  } catch {
    return false; // it is not there, or is something else
  }
}

function refused(message: string): Failure {
  return new Failure('ERR_OUT', message, EXIT.USAGE);
}
