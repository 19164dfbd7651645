/**
 * The local control socket of a running stack: where it is, and what is said over it.
 *
 *     client:   one line of JSON, {"op": …}; then silence, or the end of its half: "enough"
 *     server:   lines of JSON:  {"event": …}*   {"bytes": n} and then n raw bytes*
 *               one last line:  {"result": …}   or   {"error": "…", "code": "…"}
 *
 * One request for each connection. The socket is in ./.ringway, for the owner only: a relative path is
 * short, whatever the folder, and a Unix socket's path may have no more than 107 bytes.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';

export const CONTROL_DIR = '.ringway';
const SUFFIX = '.sock';
/** A request that is longer is no request. */
export const MAX_REQUEST_BYTES = 64 * 1024;
/** No answer has lines this long: listings of full tables have about a megabyte. */
export const MAX_LINE_BYTES = 16 << 20;

export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: string;
  /** A running stack said so; else there was none that could. */
  readonly isAnswer: boolean;

  constructor(code: string, message: string, isAnswer = false) {
    super(message);
    this.code = code;
    this.isAnswer = isAnswer;
  }
}

export function isControlName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(name);
}

export function controlPath(name: string): string {
  return `${CONTROL_DIR}/${name}${SUFFIX}`;
}

/** The names that have a socket here, dead ones included. */
export function controlNames(): string[] {
  try {
    return readdirSync(CONTROL_DIR)
      .filter((file) => file.endsWith(SUFFIX))
      .map((file) => file.slice(0, -SUFFIX.length))
      .filter(isControlName)
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    if (code === 'EACCES') throw notOurs();
    throw error;
  }
}

/** ./.ringway, made or made private. */
export function openControlDir(): void {
  try {
    mkdirSync(CONTROL_DIR, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') {
      throw new ControlError(
        code ?? 'EIO',
        `no control socket: ./${CONTROL_DIR} cannot be made here (${code}); run in a folder of your own`,
      );
    }
  }
  const mode = checkControlDir();
  if ((mode & 0o077) !== 0) chmodSync(CONTROL_DIR, 0o700);
}

/**
 * Throws when ./.ringway is somebody else's: root in /tmp would take a stranger's word, and write its
 * files where the stranger's links point. Returns the mode; 0 when there is no such folder.
 */
export function checkControlDir(): number {
  const stat = lstatSync(CONTROL_DIR, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) {
    throw new ControlError('ENOTDIR', `no control socket: ./${CONTROL_DIR} is not a folder`);
  }
  if (stat.uid !== process.getuid?.()) throw notOurs();
  return stat.mode;
}

function notOurs(): ControlError {
  return new ControlError(
    'EACCES',
    `./${CONTROL_DIR} belongs to another user; run as that user, or in a folder of your own`,
  );
}
