/** `addr`, `link`, `route`, `neigh`, `maddr`: ip(8)'s words, texts and exit status; the stack reads the words. */
import { controlCall } from '../../src/live/control-client.ts';
import type { Command } from './command.ts';
import { EXIT, type Failure } from './failure.ts';
import { labelText } from './ip-addrlabel.ts';
import type { IpObject } from './ip-handler.ts';
import { maddrText } from './maddr.ts';
import type { OptionSpec, Options } from './options.ts';
import { FAMILY_OPTIONS, NAME_OPTION, print } from './show.ts';
import type { GotView, LinkStatsView } from './views.ts';
import { addrText, gotText, linkStatsText, linkText, neighText, routeText } from './views-text.ts';

/** ip(8)'s: 1 for names of nothing, 2 for what the kernel refuses, and what makes no sense. */
const IP_EXIT = { NO: 1, REFUSED: 2, USAGE: 255 } as const;

interface StackStats {
  readonly accepted: number;
  readonly dropped: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly driver: Readonly<Record<string, number>>;
}

interface Answer {
  readonly list?: readonly object[];
  readonly got?: GotView;
  readonly flushed?: number;
  readonly warning?: string;
  readonly stack?: StackStats;
}

const STATISTICS: OptionSpec = {
  name: 'statistics',
  short: 's',
  help: 'of links: frames, bytes, drops by reason, batches, wake-ups; of a flush: how many',
};

/** As `ip` says it, without a program's name; a JSON object with -j. That no stack runs is our own to say. */
function reportAsIp({ exit, code, message }: Failure, isJson: boolean): number {
  if (isJson) console.log(JSON.stringify({ error: message, code }));
  else console.error(message);
  return exit === EXIT.STACK ? exit : ipExit(code);
}

export function ipExit(code: string): number {
  if (code === 'ERR_USAGE') return IP_EXIT.USAGE;
  return code.startsWith('ERR_') ? IP_EXIT.NO : IP_EXIT.REFUSED;
}

function command(
  name: IpObject,
  usage: string,
  own: readonly OptionSpec[],
  text: (item: never) => string,
  details: string,
): Command {
  return {
    name,
    usage,
    options: [...own, NAME_OPTION],
    details,
    report: reportAsIp,
    run: async (options) => {
      options.notTogether('4', '6');
      const family = options.has('4') ? 'inet' : options.has('6') ? 'inet6' : '';
      const statistics = options.has('statistics');
      const request = { op: name, words: options.words, family, statistics };
      const call = await controlCall(options.text('name'), request);
      return show(options, (await call.result) as Answer, text);
    },
  };
}

function show(options: Options, answer: Answer, text: (item: never) => string): number {
  const { list, got, flushed, warning, stack } = answer;
  const isJson = options.has('json');
  if (warning !== undefined) console.error(warning);
  if (flushed !== undefined) showFlushed(options, flushed);
  if (got !== undefined) console.log(isJson ? JSON.stringify([got]) : gotText(got));
  if (list === undefined) return EXIT.OK;
  if (stack === undefined) return print(options, list, text);
  // `ip -s -j link` has links only: what belongs to the whole stack stands in each of them.
  if (isJson) console.log(JSON.stringify(list.map((link) => ({ ...link, stack }))));
  else showStatistics(list as readonly LinkStatsView[], stack);
  return EXIT.OK;
}

function showFlushed(options: Options, flushed: number): void {
  if (options.has('json')) console.log(JSON.stringify({ flushed }));
  else if (!options.has('statistics')) return;
  else if (flushed === 0) console.log('Nothing to flush.');
  else {
    console.log(`\n*** Round 1, deleting ${flushed} entries ***`);
    console.log('*** Flush is complete after 1 round ***');
  }
}

function showStatistics(links: readonly LinkStatsView[], stack: StackStats): void {
  const { accepted, dropped, drops, driver } = stack;
  for (const link of links) console.log(linkStatsText(link));
  const pairs = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  console.log(`stack: frames accepted ${accepted}, dropped ${dropped}`);
  if (dropped > 0) console.log(`    drops: ${pairs(drops)}`);
  console.log(`    driver: ${pairs(driver)}`);
}

export const linkCommand = command(
  'link',
  '[show [dev] IFACE] [type vlan] [-s] | add link IFACE [name NAME] [mtu N] type vlan id N [egress-qos-map FROM:TO…] | set IFACE up|down | set VLAN type vlan egress-qos-map FROM:TO… | del VLAN',
  [STATISTICS],
  linkText,
  'Words, texts and exit status are those of ip-link(8).',
);

export const addrCommand = command(
  'addr',
  '[show SELECTOR] | add|change|replace ADDRESS[/LEN] dev IFACE [WORDS] | del ADDRESS/LEN dev IFACE | flush SELECTOR',
  [...FAMILY_OPTIONS, STATISTICS],
  addrText,
  `
SELECTOR: [dev] IFACE, to PREFIX, scope SCOPE, up, permanent, dynamic, tentative, dadfailed, deprecated, temporary
WORDS: valid_lft SECONDS, preferred_lft SECONDS, metric N, nodad, noprefixroute, brd +
Words, texts and exit status are those of ip-address(8).`,
);

export const routeCommand = command(
  'route',
  '[show SELECTOR] | get ADDRESS [oif IFACE] | add|append|prepend|change|replace|del ROUTE | flush SELECTOR',
  [...FAMILY_OPTIONS, STATISTICS],
  routeText,
  `
ROUTE: default|PREFIX [via ADDRESS] [dev IFACE] [metric N] [src ADDRESS] [proto NAME|N] [onlink]
       [mtu [lock] N] [advmss N] [initcwnd N], or one that leads nowhere:
       blackhole|unreachable|prohibit|throw PREFIX [metric N] [proto NAME|N]
SELECTOR: [exact] PREFIX, root PREFIX, match PREFIX, dev IFACE, via PREFIX, proto NAME, metric N, type TYPE
Words, texts and exit status are those of ip-route(8).`,
);

export const neighCommand = command(
  'neigh',
  '[show SELECTOR] | get ADDRESS dev IFACE | add|change|replace ADDRESS lladdr MAC dev IFACE [nud STATE] [router] | del ADDRESS dev IFACE | flush SELECTOR',
  [...FAMILY_OPTIONS, STATISTICS],
  neighText,
  `
SELECTOR: [to] PREFIX, dev IFACE, nud STATE
STATE: permanent (what is added without one), reachable, stale, delay, probe, failed; shown and flushed also: incomplete
Words, texts and exit status are those of ip-neighbour(8).`,
);

export const maddrCommand = command(
  'maddr',
  '[show [dev IFACE]] | add|del GROUP dev IFACE',
  FAMILY_OPTIONS,
  maddrText,
  'As ip-maddress(8), but GROUP is an IP address: the interface listens, and routers are told.',
);

export const addrlabelCommand = command(
  'addrlabel',
  '[list] | add prefix PREFIX label N [precedence N] | del prefix PREFIX label N | flush',
  [],
  labelText,
  `
The policy table of RFC 6724: which source goes with which destination (label), which destination of a name is tried
first (precedence; without one, that of the row that held the prefix before). Words as of ip-addrlabel(8).`,
);
