/** The `ringway` command: finds the subcommand, and turns what went wrong into one line and an exit code. */

import { type Command, commandHelp } from './command/command.ts';
import { EXIT, endWithOutput, failureOf, report, usageError } from './command/failure.ts';
import { COMMON_OPTIONS, parseOptions } from './command/options.ts';
import { VERSION } from './command/version.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Only the command that runs is loaded: most need no stack of their own. */
  load(): Promise<Command>;
}

const COMMANDS: readonly Entry[] = [
  {
    name: 'up',
    summary: 'run a stack on a TAP device, on AF_PACKET, or in memory',
    load: async () => (await import('./command/up.ts')).upCommand,
  },
  {
    name: 'ping',
    summary: 'send ICMP echo requests, from a running stack or from one of its own',
    load: async () => (await import('./command/ping.ts')).pingCommand,
  },
  {
    name: 'traceroute',
    summary: 'the routers on the way to an address, as a running stack sees them',
    load: async () => (await import('./command/traceroute.ts')).tracerouteCommand,
  },
  {
    name: 'capture',
    summary: 'frames of a running stack as pcapng, to a file or to stdout',
    load: async () => (await import('./command/capture.ts')).captureCommand,
  },
  {
    name: 'nstat',
    summary: "a running stack's counters under Linux's names",
    load: async () => (await import('./command/nstat.ts')).nstatCommand,
  },
  {
    name: 'ss',
    summary: 'the sockets of a running stack: states, queues, timers, TCP_INFO',
    load: async () => (await import('./command/ss.ts')).ssCommand,
  },
  {
    name: 'sysctl',
    summary: "a running stack's settings under Linux's names: reads and sets them",
    load: async () => (await import('./command/sysctl.ts')).sysctlCommand,
  },
  {
    name: 'addr',
    summary: 'the addresses of a running stack: show, add, change, replace, del, flush',
    load: async () => (await import('./command/ip-commands.ts')).addrCommand,
  },
  {
    name: 'link',
    summary: 'the interfaces of a running stack, with -s their counters; VLANs: add, set, del',
    load: async () => (await import('./command/ip-commands.ts')).linkCommand,
  },
  {
    name: 'route',
    summary: 'the routes of a running stack: show, get, add, change, replace, del, flush',
    load: async () => (await import('./command/ip-commands.ts')).routeCommand,
  },
  {
    name: 'neigh',
    summary: 'the neighbours of a running stack: show, get, add, change, replace, del, flush',
    load: async () => (await import('./command/ip-commands.ts')).neighCommand,
  },
  {
    name: 'maddr',
    summary:
      'the multicast groups of a running stack, who listens, what routers are told; add, del',
    load: async () => (await import('./command/ip-commands.ts')).maddrCommand,
  },
  {
    name: 'addrlabel',
    summary: 'the policy table of a running stack (RFC 6724): list, add, del, flush',
    load: async () => (await import('./command/ip-commands.ts')).addrlabelCommand,
  },
  {
    name: 'dhcp',
    summary: 'the DHCP lease of a running stack; dhcp renew, dhcp release',
    load: async () => (await import('./command/show.ts')).dhcpCommand,
  },
  {
    name: 'ra',
    summary: 'what routers have advertised to a running stack: routers, DNS servers',
    load: async () => (await import('./command/show.ts')).raCommand,
  },
  {
    name: 'sim',
    summary: 'an experiment in virtual time: hosts, links and flows from a scenario file',
    load: async () => (await import('./command/sim.ts')).simCommand,
  },
  {
    name: 'report',
    summary: 'runs of experiments as one HTML file with charts and tables',
    load: async () => (await import('./command/report.ts')).reportCommand,
  },
  {
    name: 'packetdrill',
    summary: 'run packetdrill scripts against the stack, in virtual time',
    load: async () => (await import('./command/packetdrill.ts')).packetdrillCommand,
  },
  {
    name: 'doctor',
    summary: 'what this machine allows this user: permissions, limits, what would work',
    load: async () => (await import('./command/doctor.ts')).doctorCommand,
  },
];

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
