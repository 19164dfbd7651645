/** The `ringway` command: finds the subcommand, and turns what went wrong into one line and an exit code. */

import { captureCommand } from './command/capture.ts';
import { type Command, commandHelp } from './command/command.ts';
import { EXIT, type Failure, failureOf, report, usageError } from './command/failure.ts';
import { nstatCommand } from './command/nstat.ts';
import { COMMON_OPTIONS, parseOptions } from './command/options.ts';
import { pingCommand } from './command/ping.ts';
import { addrCommand, linkCommand, neighCommand, routeCommand } from './command/show.ts';
import { upCommand } from './command/up.ts';
import { VERSION } from './command/version.ts';

const COMMANDS: readonly Command[] = [
  upCommand,
  pingCommand,
  captureCommand,
  nstatCommand,
  addrCommand,
  linkCommand,
  routeCommand,
  neighCommand,
];

function help(): string {
  return [
    'Usage: ringway COMMAND [OPTIONS]',
    '',
    'A TCP/IP stack beside the kernel.',
    '',
    ...COMMANDS.map((c) => `  ${c.name.padEnd(8)}  ${c.summary}`),
    '',
    '  -h, --help     this text; of a command: ringway COMMAND --help',
    '  -V, --version  the version',
    '',
    'Exit codes: 0 done; 1 the answer is no (ping: no reply); 2 the command line makes no sense;',
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
  const command = COMMANDS.find((c) => c.name === name);
  if (command === undefined) {
    const what = name.startsWith('-') ? 'option' : 'command';
    throw usageError(`unknown ${what} ${name}; see ringway --help`);
  }
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)];
  return run(command, rest);
}

async function run(command: Command, argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions([...command.options, ...COMMON_OPTIONS], argv);
    if (options.has('help')) {
      process.stdout.write(commandHelp(command));
      return EXIT.OK;
    }
    return await command.run(options);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    report(failure, `ringway ${command.name}`, argv.some(isJsonFlag));
    return command.failureExit ?? failure.exit;
  }
}

function isJsonFlag(arg: string): boolean {
  return arg === '-j' || arg === '--json' || /^-[a-zA-Z]*j[a-zA-Z]*$/.test(arg);
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.OK);
});

const argv = process.argv.slice(2);
try {
  process.exitCode = await ringway(argv);
} catch (error) {
  const failure: Failure | null = failureOf(error);
  if (failure === null) throw error;
  process.exitCode = report(failure, 'ringway', argv.some(isJsonFlag));
}
