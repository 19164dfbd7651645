/** The `ringway` command as users type it, in a folder. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

export const RINGWAY = resolve('bin/ringway.js');

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function ringwayIn(folder: string, ...args: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RINGWAY, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}
