/** `dhcp`, `ra`: what a running stack was lent and told; and what all commands that show something have in common. */
import { controlCall } from '../../src/live/control-client.ts';
import { type DhcpView, dhcpText } from './autoconf4.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import type { OptionSpec, Options } from './options.ts';
import { type RaView, raText } from './ra.ts';

export const NAME_OPTION: OptionSpec = {
  name: 'name',
  value: 'NAME',
  help: 'which running stack (needed when there are several)',
};
export const FAMILY_OPTIONS: readonly OptionSpec[] = [
  { name: '4', help: 'IPv4 only' },
  { name: '6', help: 'IPv6 only' },
];

export function print(
  options: Options,
  list: readonly object[],
  text: (item: never) => string,
): number {
  if (options.has('json')) console.log(JSON.stringify(list));
  else for (const item of list) console.log(text(item as never));
  return EXIT.OK;
}

async function ask(options: Options, request: object): Promise<unknown> {
  const call = await controlCall(options.text('name'), request);
  return call.result;
}

export const dhcpCommand: Command = {
  name: 'dhcp',
  usage: '[show] | renew | release',
  options: [NAME_OPTION],
  run: async (options) => {
    const { words } = options;
    const answer = await ask(options, { op: 'dhcp', words });
    return Array.isArray(answer) ? print(options, answer as DhcpView[], dhcpText) : EXIT.OK;
  },
};

export const raCommand: Command = {
  name: 'ra',
  usage: '[show [dev IFACE]]',
  options: [NAME_OPTION],
  run: async (options) => {
    const device = shownDevice(options, 'ra');
    const all = (await ask(options, { op: 'ra' })) as RaView[];
    const shown = all.filter((v) => device === '' || v.ifname === device);
    if (device !== '' && shown.length === 0) {
      throw usageError(`the stack has no interface ${device}; see ringway link`);
    }
    return print(options, shown, raText);
  },
};

/** `show`, `show dev NAME`, or nothing; returns the interface's name, or '' for all. */
function shownDevice(options: Options, command: string): string {
  const words = options.words[0] === 'show' ? options.words.slice(1) : [...options.words];
  if (words[0] === 'dev') words.shift();
  if (words.length > 1) throw usageError(`ringway ${command}: what is "${words[1]}"? see --help`);
  return words[0] ?? '';
}
