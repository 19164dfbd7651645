/**
 * `npm start`: a stack in a network namespace of its own making, to try things on.
 *
 *     npm start                 runs until Ctrl-C
 *     npm start -- --demo       takes the tour by itself
 *     npm start -- --world tap|packet|memory
 */

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { detectWorld, exitCodeOf, onStop, startInNamespace } from '../src/live/namespace.ts';
import { EXIT, endWithOutput, Failure, failureOf, report } from './command/failure.ts';
import { COMMON_OPTIONS, type OptionSpec, optionHelp, parseOptions } from './command/options.ts';
import { onOrphaned } from './start/ancestors.ts';
import { runInside, type StartOptions } from './start/inside.ts';
import { worldOf } from './start/world.ts';

const DEFAULT_BULK = 2 ** 30;
const OPTIONS: readonly OptionSpec[] = [
  { name: 'demo', help: 'take the tour by itself, print what passed, exit 0 if all did' },
  {
    name: 'world',
    value: 'tap|packet|memory',
    help: 'this one, or fail (default: the best possible)',
  },
  {
    name: 'bulk',
    value: 'BYTES',
    help: 'of each large transfer of the demo (default: 1 GiB)',
  },
  { name: 'name', value: 'NAME', help: 'of the control socket (default: start)' },
  ...COMMON_OPTIONS,
];
const HELP = `Usage: npm start -- [--demo] [--world tap|packet|memory] [-j]

A stack on a TAP device (as root), on AF_PACKET over a veth (in a user namespace), or on a wire in
memory, in namespaces that end with it.

${optionHelp(OPTIONS)}
`;

function bulkOf(text: string | undefined): number {
  const bytes = text === undefined ? DEFAULT_BULK : Number(text);
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= 2 ** 40) return bytes;
  throw new Failure('ERR_USAGE', `--bulk ${text}: a number of bytes up to 2^40`, EXIT.USAGE);
}

async function start(argv: readonly string[]): Promise<number> {
  const options = parseOptions(OPTIONS, argv);
  options.atMost(0);
  if (options.has('help')) {
    process.stdout.write(HELP);
    return EXIT.OK;
  }
  const chosen: StartOptions = {
    report: detectWorld(worldOf(options.text('world'))),
    isDemo: options.has('demo'),
    isJson: options.has('json'),
    name: options.text('name') ?? 'start',
    bulkBytes: bulkOf(options.text('bulk')),
  };
  if (chosen.report.world === 'memory') {
    onOrphaned(() => process.kill(process.pid, 'SIGTERM'));
    return runInside(chosen);
  }
  const script = new URL(`start/child${extname(import.meta.url)}`, import.meta.url);
  const child = startInNamespace({
    entry: chosen.report.entry,
    script: fileURLToPath(script),
    args: [JSON.stringify(chosen)],
  });
  onStop(() => child.stop());
  onOrphaned(() => child.stop());
  return exitCodeOf(await child.ended);
}

endWithOutput();
const argv = process.argv.slice(2);
try {
  process.exitCode = await start(argv);
} catch (error) {
  const failure = failureOf(error);
  if (failure === null) throw error;
  const isJson = argv.some((arg) => arg === '-j' || arg === '--json');
  process.exitCode = report(failure, 'ringway', isJson);
}
