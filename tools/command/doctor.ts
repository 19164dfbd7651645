/** `ringway doctor`: what this machine allows this user, and what to do about the rest. Changes nothing. */
import type { Command } from './command.ts';
import type { Check } from './doctor-check.ts';
import { examine, type Findings, type World } from './doctor-checks.ts';
import { INSIDE, tryInside } from './doctor-inside.ts';
import { interfaceChecks, interfaceNames } from './doctor-interface.ts';
import { LinuxSystem, type System } from './doctor-system.ts';
import { EXIT, Failure } from './failure.ts';
import type { Options } from './options.ts';

/** The longest name's. */
const WIDTH = 'net.core.optmem_max'.length;

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '[--interface IFACE]',
  options: [
    {
      name: 'interface',
      short: 'i',
      value: 'IFACE',
      help: 'its queue, offloads and other end too',
    },
  ],
  details: `
One line a check: ok, warn (it works, not at its best) or no, what was found, and the remedy. Then what would
work here. It opens and closes, and changes nothing; what it tries, it tries in namespaces that end with it.
Exit code 0: a TAP device or AF_PACKET would work for this user; 1: neither.`,
  run: async (options) => {
    options.atMost(0);
    if (process.env[INSIDE] === '1') {
      console.log(JSON.stringify(tryInside()));
      return EXIT.OK;
    }
    return doctor(new LinuxSystem(), options, (line) => console.log(line));
  },
};

/** Returns the exit code. */
export function doctor(system: System, options: Options, print: (line: string) => void): number {
  const name = options.text('interface');
  if (name !== undefined && !interfaceNames(system).includes(name)) {
    throw new Failure('ENODEV', `--interface ${name}: no such interface; \`ip link\` lists them`);
  }
  const { checks, worlds, best } = examine(system);
  const findings: Findings = {
    checks: name === undefined ? checks : [...checks, ...interfaceChecks(system, name, checks)],
    worlds,
    best,
  };
  if (options.has('json')) print(JSON.stringify(findings));
  else for (const line of reportLines(findings)) print(line);
  return best === 'tap' || best === 'packet' || best === 'packet-namespace' ? EXIT.OK : EXIT.NO;
}

function reportLines({ checks, worlds, best }: Findings): string[] {
  return [
    ...checks.map(checkLine),
    '',
    'What would work here:',
    ...worlds.map(worldLine),
    '',
    bestLine(best),
  ];
}

function checkLine({ verdict, check, found, remedy }: Check): string {
  return `${verdict.padEnd(4)}  ${check.padEnd(WIDTH)}  ${found}${remedy === '' ? '' : ` -> ${remedy}`}`;
}

function worldLine({ works, world, note }: World): string {
  return `${works ? 'ok  ' : 'no  '}  ${world.padEnd(WIDTH)}  ${note}`;
}

function bestLine(best: Findings['best']): string {
  switch (best) {
    case 'tap':
      return 'The best for this user: a TAP device.';
    case 'packet':
      return 'The best for this user: AF_PACKET on an interface.';
    case 'packet-namespace':
      return 'The best for this user: AF_PACKET in namespaces of its own.';
    case 'memory':
      return 'Nothing but a wire in memory would work for this user.';
    case 'simulation':
      return 'Nothing but virtual time would work for this user.';
  }
}
