/** What stands behind `route add` and its like: ip-route(8)'s ROUTE. */
import type { Interface } from '../../src/net/interface.ts';
import type { RouteFacts, RouteMetrics, RouteType } from '../../src/net/route-table.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, isV4 } from '../../src/wire/address.ts';
import { usageError } from './failure.ts';
import {
  addressOf,
  extended,
  type Family,
  familyOf,
  garbage,
  interfaceNamed,
  notHere,
  type Prefix,
  prefixOf,
  type Words,
  wrong,
} from './ip-words.ts';

export interface GivenRoute {
  /** None given: '', of what is removed any. */
  readonly type: RouteType | '';
  readonly prefix: Prefix;
  readonly gateway: Address | null;
  readonly iface: Interface | null;
  readonly metric: number | undefined;
  readonly metrics: RouteMetrics;
  readonly facts: RouteFacts;
  readonly hasProtocol: boolean;
}

const MAX32 = 2 ** 32 - 1;
/** Their numbers are in no table of ours: names are kept as names, as rt_protos has them. */
const PROTOCOLS = ['kernel', 'boot', 'static', 'ra', 'dhcp', 'redirect', 'zebra', 'bird', 'bgp'];
const TYPES: readonly string[] = ['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw'];
const OTHER_TYPES = ['local', 'broadcast', 'multicast', 'anycast', 'nat'];
/** Known to `ip`; nothing here would act by them. */
const NOT_HERE = [
  ...['tos', 'dsfield', 'nhid', 'nexthop', 'encap', 'weight', 'as', 'rtt', 'rttvar', 'window'],
  ...['cwnd', 'ssthresh', 'realms', 'realm', 'rto_min', 'hoplimit', 'initrwnd', 'features'],
  ...['quickack', 'congctl', 'pref', 'expires', 'fastopen_no_cookie', 'reordering', 'vrf'],
  ...['ttl-propagate', 'pervasive'],
];

/** The words in the order they come; the family is known when the first address is. */
class Reading {
  type: RouteType | '' = '';
  prefix = '';
  via = '';
  viaFamily: Family = '';
  dev = '';
  source = '';
  scope = '';
  protocol = '';
  metric: number | undefined = undefined;
  mtu = 0;
  isMtuLocked = false;
  advmss = 0;
  initcwnd = 0;
  isOnlink = false;

  take(word: string, words: Words): void {
    if (word === 'via') this.takeVia(words);
    else if (word === 'dev' || word === 'oif') this.dev = words.need();
    else if (word === 'src') this.source = words.need();
    else if (word === 'scope') this.scope = scopeOf(words.need());
    else if (word === 'proto' || word === 'protocol') this.protocol = protocolOf(words.need());
    else if (['metric', 'priority', 'preference'].includes(word)) {
      this.metric = words.number('"metric" value is invalid', 0, MAX32);
    } else if (word === 'mtu') {
      this.isMtuLocked = words.skip('lock');
      this.mtu = words.number('"mtu" value is invalid', 0, MAX32);
    } else if (word === 'advmss') this.advmss = words.number('"mss" value is invalid', 0, 65535);
    else if (word === 'initcwnd') {
      this.initcwnd = words.number('"initcwnd" value is invalid', 0, 65535);
    } else if (word === 'onlink') this.isOnlink = true;
    else if (word === 'table') takeTable(words.need());
    else if (NOT_HERE.includes(word) || OTHER_TYPES.includes(word)) throw notHere(word);
    else if (this.type === '' && this.prefix === '' && isType(word)) {
      this.type = word;
      this.prefix = words.need();
    } else this.takePrefix(word === 'to' ? words.need() : word);
  }

  /** What leads nowhere has nothing of a way. */
  checkType(v4: boolean): void {
    const { type, dev, via } = this;
    if (type === '' || type === 'unicast') return;
    if (via !== '' || (v4 && dev !== '')) {
      const text = 'Gateway, device and multipath can not be specified for this route type.';
      throw extended('EINVAL', text);
    }
    const { scope, source, mtu, advmss, initcwnd, isOnlink } = this;
    const isOdd = scope !== '' || source !== '' || isOnlink || mtu + advmss + initcwnd > 0;
    if (isOdd) throw notHere(`mtu, source or scope of ${type}`);
  }

  private takeVia(words: Words): void {
    if (this.via !== '') throw wrong('via', 'use nexthop syntax to specify multiple via');
    const kind = words.peek();
    if (kind === 'inet' || kind === 'inet6') {
      this.viaFamily = kind;
      words.take();
    }
    this.via = words.need();
  }

  private takePrefix(text: string): void {
    if (this.prefix !== '') throw garbage('to', text);
    this.prefix = text;
  }
}

export function isType(word: string): word is RouteType {
  return TYPES.includes(word);
}

export function givenRoute(stack: Stack, words: Words, family: Family): GivenRoute {
  if (words.isEnd) throw usageError('usage: ringway route { add | del | … } PREFIX …; see --help');
  const given = new Reading();
  for (let word = words.take(); word !== undefined; word = words.take()) given.take(word, words);
  const { prefix: text, via } = given;
  const isNamed = text === '' || text === 'default' || text === 'any';
  const hinted = family === '' && isNamed && via.includes(':') ? 'inet6' : family;
  const prefix = prefixOf(text === '' ? 'default' : text, hinted);
  const kind = familyOf(prefix.address);
  if (given.viaFamily !== '' && given.viaFamily !== kind) throw notHere(`via ${given.viaFamily}`);
  const gateway = via === '' ? null : addressOf(via, kind);
  const { type } = given;
  given.checkType(kind === 'inet');
  const leadsNowhere = type !== '' && type !== 'unicast';
  if (!leadsNowhere) checkScope(given.scope, gateway, prefix);
  const named = given.dev === '' ? null : interfaceNamed(stack, given.dev);
  return {
    type,
    prefix,
    gateway,
    // As on Linux, whatever device is named.
    iface: leadsNowhere ? stack.net.interfaces[0]! : named,
    metric: given.metric,
    metrics: {
      mtu: given.mtu,
      isMtuLocked: given.isMtuLocked,
      advmss: given.advmss,
      initcwnd: given.initcwnd,
    },
    facts: {
      type: type === '' ? 'unicast' : type,
      protocol: given.protocol === '' ? 'boot' : given.protocol,
      source: given.source === '' ? null : addressOf(given.source, kind),
      isOnlink: given.isOnlink,
    },
    hasProtocol: given.protocol !== '',
  };
}

function scopeOf(text: string): string {
  if (['global', 'link', 'host', 'site', 'nowhere'].includes(text)) return text;
  throw wrong(text, 'invalid "scope" value');
}

/** What is on the link has scope link, what goes through a gateway global: there are no others here. */
function checkScope(scope: string, gateway: Address | null, prefix: Prefix): void {
  if (scope === '' || !isV4(prefix.address)) return;
  if (scope === (gateway === null ? 'link' : 'global')) return;
  if (gateway !== null) throw extended('ENETUNREACH', 'Nexthop has invalid gateway.');
  throw notHere(`scope ${scope}`);
}

function protocolOf(text: string): string {
  const isNumber = /^\d{1,3}$/.test(text) && Number(text) <= 255;
  if (isNumber || PROTOCOLS.includes(text)) return text;
  throw wrong(text, '"protocol" value is invalid');
}

function takeTable(name: string): void {
  if (name !== 'main' && name !== '254') throw notHere(`table ${name}`);
}
