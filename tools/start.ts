/**
 * `npm start`: a stack in a network namespace of its own making, to try things on.
 *
 *     npm start                 runs until Ctrl-C
 *     npm start -- --demo       takes the tour by itself
 *     npm start -- --world tap|packet|memory
 *     npm start -- --here         in the network namespace it is in, as in a container
 *     npm start -- --interface IFACE --address A/LEN [--peer HOST]
 */

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  detectHere,
  detectWorld,
  exitCodeOf,
  onStop,
  startInNamespace,
  type WorldReport,
} from '../src/live/namespace.ts';
import { CC_OPTIONS, ccSpecOf } from './command/cc-spec.ts';
import { EXIT, endWithOutput, Failure, failureOf, report, usageError } from './command/failure.ts';
import {
  COMMON_OPTIONS,
  type OptionSpec,
  type Options,
  optionHelp,
  parseOptions,
} from './command/options.ts';
import { addressOf } from './command/stack-spec.ts';
import { onOrphaned } from './start/ancestors.ts';
import { runInside, type StartOptions } from './start/inside.ts';
import type { Lan } from './start/lan.ts';
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
  { name: 'here', help: 'a TAP device in this network namespace: in a container' },
  { name: 'interface', value: 'IFACE', help: 'AF_PACKET on this one, and its network' },
  {
    name: 'address',
    value: 'A/LEN',
    isRepeatable: true,
    help: 'with --interface: of the stack (repeatable)',
  },
  {
    name: 'peer',
    value: 'HOST[:PORT]',
    help: 'with --interface: who takes the tour with us (tools/start/peer-server.ts)',
  },
  ...CC_OPTIONS,
  { name: 'name', value: 'NAME', help: 'of the control socket (default: start)' },
  ...COMMON_OPTIONS,
];
const HELP = `Usage: npm start -- [--demo] [--world tap|packet|memory] [--here] [-j]
       npm start -- --interface IFACE --address A/LEN… [--peer HOST[:PORT]] [--demo] [-j]

A stack on a TAP device (as root), on AF_PACKET over a veth (in a user namespace), or on a wire in
memory, in namespaces that end with it. With --interface it is one more machine on the network of
an interface that is there.

${optionHelp(OPTIONS)}
`;

function bulkOf(text: string | undefined): number {
  const bytes = text === undefined ? DEFAULT_BULK : Number(text);
  if (Number.isInteger(bytes) && bytes >= 1 && bytes <= 2 ** 40) return bytes;
  throw new Failure('ERR_USAGE', `--bulk ${text}: a number of bytes up to 2^40`, EXIT.USAGE);
}

function worldIn(options: Options): WorldReport {
  const wanted = worldOf(options.text('world'));
  return options.has('here') ? detectHere(wanted) : detectWorld(wanted);
}

function lanOf(options: Options): Lan | null {
  options.notTogether('interface', 'world');
  options.notTogether('interface', 'here');
  const name = options.text('interface');
  if (name === undefined) {
    for (const other of ['address', 'peer']) {
      if (options.has(other)) throw usageError(`--${other} goes with --interface`);
    }
    return null;
  }
  const addresses = options.list('address').map(addressOf);
  if (addresses.length === 0)
    throw usageError('--interface: which --address is the stack to have?');
  return { interface: name, addresses, peer: options.text('peer') ?? null };
}

async function start(argv: readonly string[]): Promise<number> {
  const options = parseOptions(OPTIONS, argv);
  options.atMost(0);
  if (options.has('help')) {
    process.stdout.write(HELP);
    return EXIT.OK;
  }
  const lan = lanOf(options);
  const chosen: StartOptions = {
    report: lan === null ? worldIn(options) : { world: 'packet', entry: 'none', refused: [] },
    lan,
    isDemo: options.has('demo'),
    isJson: options.has('json'),
    name: options.text('name') ?? 'start',
    bulkBytes: bulkOf(options.text('bulk')),
    cc: ccSpecOf(options),
  };
  if (chosen.report.entry === 'none') {
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
