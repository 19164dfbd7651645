/** What the command says when it cannot do what was asked: one line, a code for scripts, an exit code. */
import { AddonError } from '../../src/live/addon.ts';
import { ControlError } from '../../src/live/control-protocol.ts';
import { NamespaceError } from '../../src/live/namespace.ts';

/** What a shell sees. `ping` has iputils' meaning: 0 replies came, 1 none came, 2 anything else. */
export const EXIT = {
  OK: 0,
  /** It ran, and the answer is no: no reply came, a step of the demo failed. */
  NO: 1,
  /** The command line makes no sense. */
  USAGE: 2,
  /** The system or the stack refused: permissions, no such interface, address in use. */
  REFUSED: 3,
  /** No stack to talk to, or one of that name is running already. */
  STACK: 4,
} as const;

export class Failure extends Error {
  override readonly name = 'Failure';
  /** For scripts: an errno name, or ERR_… of our own. */
  readonly code: string;
  readonly exit: number;
  /** More of it, a line each. */
  readonly details: readonly string[];

  constructor(
    code: string,
    message: string,
    exit: number = EXIT.REFUSED,
    details: readonly string[] = [],
  ) {
    super(message);
    this.code = code;
    this.exit = exit;
    this.details = details;
  }
}

export function usageError(message: string): Failure {
  return new Failure('ERR_USAGE', message, EXIT.USAGE);
}

/** Errors that were meant for the user; anything else is a fault of ours and keeps its stack trace. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof Failure) return error;
  if (error instanceof ControlError) {
    if (error.code === 'ERR_USAGE') return usageError(error.message); // it was the stack that read it
    const codes = ['ENOENT', 'EADDRINUSE', 'ENOTUNIQ', 'EPIPE'];
    const isAboutStacks = !error.isAnswer && codes.includes(error.code);
    const exit = isAboutStacks ? EXIT.STACK : EXIT.REFUSED;
    return new Failure(error.code, error.message, exit);
  }
  if (error instanceof NamespaceError || error instanceof AddonError) {
    return new Failure(error.code, error.message);
  }
  const system = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || typeof system.code !== 'string') return null;
  if (typeof system.syscall !== 'string') return null;
  // The addon and netlink put the code first; so does Node.
  let { message } = system;
  for (const prefix of [`${system.code}: `, `${system.syscall}: `]) {
    if (message.startsWith(prefix)) message = message.slice(prefix.length);
  }
  return new Failure(system.code, `${message} (${system.code})`);
}

/** One line on stderr, and its details, or one JSON object on stdout. Returns the exit code. */
export function report(failure: Failure, program: string, isJson: boolean): number {
  if (isJson) {
    const { message, code, details } = failure;
    console.log(
      JSON.stringify({ error: message, code, ...(details.length > 0 ? { details } : {}) }),
    );
  } else {
    console.error(`${program}: ${failure.message.split('\n').join(' ')}`);
    for (const line of failure.details) console.error(line);
  }
  return failure.exit;
}

/** A reader that has seen enough (`| head`) is no error; an output that cannot be written is. */
export function endWithOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.OK);
    console.error(`ringway: the output cannot be written: ${error.message}`);
    process.exit(EXIT.REFUSED);
  });
}
