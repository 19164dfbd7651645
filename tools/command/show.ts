/** `addr`, `link`, `route`, `neigh`: what a running stack has, and changes to it. */
import { controlCall } from '../../src/live/control-client.ts';
import { type DhcpView, dhcpText } from './autoconf4.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import { type MaddrView, maddrText } from './maddr.ts';
import type { OptionSpec, Options } from './options.ts';
import { type RaView, raText } from './ra.ts';
import type { AddrView, LinkStatsView, LinkView, NeighView, RouteView } from './views.ts';
import { addrText, linkStatsText, linkText, neighText, routeText } from './views-text.ts';

const NAME_OPTION: OptionSpec = {
  name: 'name',
  value: 'NAME',
  help: 'which running stack (needed when there are several)',
};
const FAMILY_OPTIONS: readonly OptionSpec[] = [
  { name: '4', help: 'IPv4 only' },
  { name: '6', help: 'IPv6 only' },
];

interface StatsAnswer {
  readonly links: readonly LinkStatsView[];
  readonly accepted: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly driver: Readonly<Record<string, number>>;
}

async function ask(options: Options, request: object): Promise<unknown> {
  const call = await controlCall(options.text('name'), request);
  return call.result;
}

/** `show`, `show dev NAME`, or nothing; returns the interface's name, or '' for all. */
function shownDevice(options: Options, command: string): string {
  const words = options.words[0] === 'show' ? options.words.slice(1) : [...options.words];
  if (words[0] === 'dev') words.shift();
  if (words.length > 1) throw usageError(`ringway ${command}: what is "${words[1]}"? see --help`);
  return words[0] ?? '';
}

function isShow(options: Options): boolean {
  const [verb] = options.words;
  return verb === undefined || !['add', 'del', 'replace', 'flush'].includes(verb);
}

async function change(options: Options, object: string): Promise<number> {
  await ask(options, { op: 'change', object, words: options.words });
  return EXIT.OK;
}

/** All of them, or those of one interface, which then has to exist. */
function select<T>(all: readonly T[], device: string, nameOf: (item: T) => string): T[] {
  if (device === '') return [...all];
  return all.filter((item) => nameOf(item) === device);
}

function needDevice(found: readonly unknown[], device: string): void {
  if (device !== '' && found.length === 0) {
    throw usageError(`the stack has no interface ${device}; see ringway link`);
  }
}

function ofFamily<T extends { family: 'inet' | 'inet6' }>(
  all: readonly T[],
  options: Options,
): T[] {
  options.notTogether('4', '6');
  const family = options.has('4') ? 'inet' : options.has('6') ? 'inet6' : '';
  return all.filter((item) => family === '' || item.family === family);
}

function print(options: Options, list: readonly object[], text: (item: never) => string): number {
  if (options.has('json')) console.log(JSON.stringify(list));
  else for (const item of list) console.log(text(item as never));
  return EXIT.OK;
}

export const linkCommand: Command = {
  name: 'link',
  usage: '[show [dev IFACE]] [-s] | add link IFACE [name NAME] [mtu N] type vlan id N',
  options: [
    { name: 'statistics', short: 's', help: 'frames, bytes, drops by reason, batches, wake-ups' },
    NAME_OPTION,
  ],
  run: async (options) => {
    if (!isShow(options)) return change(options, 'link');
    const device = shownDevice(options, 'link');
    if (options.has('statistics')) return linkStatistics(options, device);
    const all = (await ask(options, { op: 'link' })) as LinkView[];
    const links = select(all, device, (l) => l.ifname);
    needDevice(links, device);
    return print(options, links, linkText);
  },
};

async function linkStatistics(options: Options, device: string): Promise<number> {
  const answer = (await ask(options, { op: 'link-stats' })) as StatsAnswer;
  const links = select(answer.links, device, (l) => l.ifname);
  needDevice(links, device);
  const { accepted, dropped, drops, driver } = answer;
  if (options.has('json')) {
    // `ip -s -j link` has links only: what belongs to the whole stack stands in each of them.
    const stack = { accepted, dropped, drops, driver };
    console.log(JSON.stringify(links.map((link) => ({ ...link, stack }))));
    return EXIT.OK;
  }
  for (const link of links) console.log(linkStatsText(link));
  const pairs = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  console.log(`stack: frames accepted ${accepted}, dropped ${dropped}`);
  if (dropped > 0) console.log(`    drops: ${pairs(drops)}`);
  console.log(`    driver: ${pairs(driver)}`);
  return EXIT.OK;
}

export const addrCommand: Command = {
  name: 'addr',
  usage: '[show [dev IFACE]] | add A/LEN dev IFACE | del A dev IFACE',
  options: [...FAMILY_OPTIONS, NAME_OPTION],
  run: async (options) => {
    if (!isShow(options)) return change(options, 'addr');
    const device = shownDevice(options, 'addr');
    const all = (await ask(options, { op: 'addr' })) as AddrView[];
    const links = select(all, device, (l) => l.ifname).map((link) => ({
      ...link,
      addr_info: ofFamily(link.addr_info, options),
    }));
    needDevice(links, device);
    return print(options, links, addrText);
  },
};

export const routeCommand: Command = {
  name: 'route',
  usage: '[show [dev IFACE]] | add|del default|PREFIX [via A] [dev IFACE] [metric N]',
  options: [...FAMILY_OPTIONS, NAME_OPTION],
  run: async (options) => {
    if (!isShow(options)) return change(options, 'route');
    const device = shownDevice(options, 'route');
    const all = ofFamily((await ask(options, { op: 'route' })) as RouteView[], options);
    return print(
      options,
      select(all, device, (r) => r.dev),
      routeText,
    );
  },
};

export const dhcpCommand: Command = {
  name: 'dhcp',
  usage: '[show] | renew | release',
  options: [NAME_OPTION],
  run: async (options) => {
    const [verb] = options.words;
    if (verb !== undefined && verb !== 'show') return change(options, 'dhcp');
    options.atMost(1);
    return print(options, (await ask(options, { op: 'dhcp' })) as DhcpView[], dhcpText);
  },
};

export const raCommand: Command = {
  name: 'ra',
  usage: '[show [dev IFACE]]',
  options: [NAME_OPTION],
  run: async (options) => {
    const device = shownDevice(options, 'ra');
    const all = select((await ask(options, { op: 'ra' })) as RaView[], device, (v) => v.ifname);
    needDevice(all, device);
    return print(options, all, raText);
  },
};

export const neighCommand: Command = {
  name: 'neigh',
  usage:
    '[show [dev IFACE]] | add|replace A lladdr MAC dev IFACE | del A dev IFACE | flush [dev IFACE]',
  options: [...FAMILY_OPTIONS, NAME_OPTION],
  run: async (options) => {
    if (!isShow(options)) return change(options, 'neigh');
    const device = shownDevice(options, 'neigh');
    const all = ofFamily((await ask(options, { op: 'neigh' })) as NeighView[], options);
    return print(
      options,
      select(all, device, (n) => n.dev),
      neighText,
    );
  },
};

export const maddrCommand: Command = {
  name: 'maddr',
  usage: '[show [dev IFACE]]',
  options: [...FAMILY_OPTIONS, NAME_OPTION],
  run: async (options) => {
    const device = shownDevice(options, 'maddr');
    const all = (await ask(options, { op: 'maddr' })) as MaddrView[];
    const shown = select(all, device, (v) => v.ifname).map((v) => ({
      ...v,
      maddr: ofFamily(v.maddr, options),
    }));
    needDevice(shown, device);
    return print(options, shown, maddrText);
  },
};
