import type { Failure } from './failure.ts';
import { COMMON_OPTIONS, type OptionSpec, type Options, optionHelp } from './options.ts';

/** One subcommand of `ringway`. */
export interface Command {
  readonly name: string;
  /** What stands behind the name on a command line. */
  readonly usage: string;
  readonly options: readonly OptionSpec[];
  /** Further lines of help. */
  readonly details?: string;
  /** The exit code of anything that is not a usage error or a result; iputils wants 2 from ping. */
  readonly failureExit?: number;
  /** Says it in another program's words; returns that one's exit status. */
  readonly report?: (failure: Failure, isJson: boolean) => number;
  run(options: Options): Promise<number>;
}

export function commandHelp(command: Command, summary: string): string {
  const details = command.details === undefined ? '' : `\n${command.details.trimEnd()}\n`;
  return [
    `Usage: ringway ${command.name} ${command.usage}`,
    '',
    summary,
    '',
    optionHelp([...command.options, ...COMMON_OPTIONS]),
    details,
  ].join('\n');
}
