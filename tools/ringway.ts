/** The `ringway` command: finds the subcommand, and turns what went wrong into one line and an exit code. */

import { type Command, commandHelp } from './command/command.ts';
import { COMMANDS } from './command/commands.ts';
import { EXIT, endWithOutput, failureOf, report, usageError } from './command/failure.ts';
import { COMMON_OPTIONS, parseOptions } from './command/options.ts';
import { VERSION } from './command/version.ts';

function help(): string {
  return [
    'Usage: ringway COMMAND [OPTIONS]',
    '',
    'A TCP/IP stack beside the kernel.',
    '',
    ...COMMANDS.map((c) => `  ${c.name.padEnd(11)}  ${c.summary}`),
    '',
    '  -h, --help     this text; of a command: ringway COMMAND --help',
    '  -V, --version  the version',
    '',
    'Exit codes: 0 done; 1 the answer is no (ping: no reply; packetdrill: a failure); 2 the command line makes no sense;',
    '3 the system or the stack refuses; 4 no such stack, or it runs already. ping: 2 for 2, 3 and 4.',
    'The manual: docs/ringway.md',
    '',
  ].join('\n');
}

/** Returns the exit code. */
async function ringway(argv: readonly string[]): Promise<number> {
  // -j may stand before the command as well.
  const at = argv.findIndex((arg) => arg !== '-j' && arg !== '--json');
  const name = argv[at];
  if (at < 0 || name === undefined) throw usageError('which command? see ringway --help');
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return EXIT.OK;
  }
  if (name === '--version' || name === '-V') {
    const isJson = argv.some(isJsonFlag);
    process.stdout.write(
      isJson ? `${JSON.stringify({ version: VERSION })}\n` : `ringway ${VERSION}\n`,
    );
    return EXIT.OK;
  }
  const entry = COMMANDS.find((c) => c.name === name);
  if (entry === undefined) {
    const what = name.startsWith('-') ? 'option' : 'command';
    throw usageError(`unknown ${what} ${name}; see ringway --help`);
  }
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)];
  return run(await entry.load(), entry.summary, rest);
}

async function run(command: Command, summary: string, argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions([...command.options, ...COMMON_OPTIONS], argv);
    if (options.has('help')) {
      process.stdout.write(commandHelp(command, summary));
      return EXIT.OK;
    }
    return await command.run(options);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    const isJson = argv.some(isJsonFlag);
    if (command.report !== undefined) return command.report(failure, isJson);
    report(failure, `ringway ${command.name}`, isJson);
    return command.failureExit ?? failure.exit;
  }
}

function isJsonFlag(arg: string): boolean {
  return arg === '-j' || arg === '--json' || /^-[a-zA-Z]*j[a-zA-Z]*$/.test(arg);
}

endWithOutput();
const argv = process.argv.slice(2);
try {
  process.exitCode = await ringway(argv);
} catch (error) {
  const failure = failureOf(error);
  if (failure === null) throw error;
  process.exitCode = report(failure, 'ringway', argv.some(isJsonFlag));
}
