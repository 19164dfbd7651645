/** `ringway route`: the words of ip-route(8). */
import { errnoName } from '../../src/base/errno.ts';
import { CAST } from '../../src/net/ip-packet.ts';
import { whyNoPath } from '../../src/net/no-path.ts';
import type { Path } from '../../src/net/path-cache.ts';
import { Route, type RouteType } from '../../src/net/route-table.ts';
import { isHost, routeTo } from '../../src/net/route-to.ts';
import type { Stack } from '../../src/stack/stack.ts';
import {
  type Address,
  addressEquals,
  isLinkLocal6,
  isUnspecified,
  isV4,
  networkOf,
} from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { type GivenRoute, givenRoute, isType } from './ip-route-words.ts';
import {
  answers,
  badArgument,
  extended,
  type Family,
  familyOf,
  garbage,
  interfaceNamed,
  isWithin,
  lengthOf,
  notHere,
  type Prefix,
  prefixOf,
  verbOf,
  type Words,
  wrong,
} from './ip-words.ts';
import { type GotView, mainRoutes, type RouteView, routeView, secondsLeft } from './views.ts';

const VERBS = [
  ...['list', 'show', 'lst', 'get', 'add', 'append', 'prepend', 'change', 'chg', 'replace'],
  ...['delete', 'flush'],
] as const;

export type RouteAnswer =
  | { readonly list: readonly RouteView[] }
  | { readonly got: GotView }
  | { readonly flushed: number }
  | Record<string, never>;

export function ipRoute(stack: Stack, words: Words, family: Family): RouteAnswer {
  const verb = verbOf<string>(words.take(), VERBS, 'route');
  switch (verb) {
    case 'show': {
      const selector = selectorOf(stack, words, family);
      const now = stack.env.nowNs;
      return { list: listed(stack, selector).map((r) => routeView(r, now)) };
    }
    case 'get':
      return { got: get(stack, words, family) };
    case 'flush':
      return flush(stack, words, family);
    case 'delete':
      remove(stack, words, family);
      return {};
    default:
      set(stack, words, family, verb);
      return {};
  }
}

// ---- Which ----

class Selector {
  family: Family = '';
  dev = '';
  via: Prefix | null = null;
  protocol = '';
  metric: number | null = null;
  type: RouteType | '' = '';
  exact: Prefix | null = null;
  root: Prefix | null = null;
  match: Prefix | null = null;
  /** `default` without a family: of both. */
  isDefault = false;

  takes(route: Route): boolean {
    const { prefix, bits, gateway, iface, facts, metric, leadsSomewhere } = route;
    const { via, exact, root, match } = this;
    return (
      (this.family === '' || familyOf(prefix) === this.family) &&
      (!this.isDefault || bits === (isV4(prefix) ? 96 : 0)) &&
      (this.dev === '' || (iface.name === this.dev && (leadsSomewhere || !isV4(prefix)))) &&
      (this.type === '' || facts.type === this.type) &&
      (via === null || (gateway !== null && isWithin(via, gateway))) &&
      (this.protocol === '' ||
        protocolText(route) === this.protocol ||
        facts.protocol === this.protocol) &&
      (this.metric === null || metric === this.metric) &&
      (exact === null || (isWithin(exact, prefix, bits) && bits === lengthOf(exact))) &&
      (root === null || isWithin(root, prefix, bits)) &&
      (match === null || holds(route, match))
    );
  }
}

function protocolText(route: Route): string {
  return routeView(route, 0).protocol ?? 'boot';
}

function holds({ prefix, bits }: Route, match: Prefix): boolean {
  if (isV4(prefix) !== isV4(match.address) || bits > lengthOf(match)) return false;
  return addressEquals(networkOf(match.address, bits), prefix);
}

function selectorOf(stack: Stack, words: Words, family: Family): Selector {
  const s = new Selector();
  s.family = family;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'dev' || word === 'oif') s.dev = interfaceNamed(stack, words.need()).name;
    else if (word === 'via') s.via = prefixOf(words.need(), family);
    else if (word === 'proto' || word === 'protocol') s.protocol = words.need();
    else if (word === 'metric')
      s.metric = words.number('"metric" value is invalid', 0, 2 ** 32 - 1);
    else if (word === 'table') mainTable(words.need());
    else if (word === 'root') s.root = prefixOf(words.need(), family);
    else if (word === 'match') s.match = prefixOf(words.need(), family);
    else if (word === 'type') s.type = typeNamed(words.need());
    else if (word === 'scope' || word === 'src') throw notHere(word);
    else {
      if (word === 'to' && words.skip('root')) s.root = prefixOf(words.need(), family);
      else if (word === 'to' && words.skip('match')) s.match = prefixOf(words.need(), family);
      else {
        const isKey = word === 'to' || word === 'exact';
        if (word === 'to') words.skip('exact');
        const text = isKey ? words.need() : word;
        if (family === '' && (text === 'default' || text === 'all')) s.isDefault = text !== 'all';
        else s.exact = prefixOf(text, family);
      }
    }
  }
  return s;
}

function typeNamed(name: string): RouteType {
  if (isType(name)) return name;
  if (['local', 'broadcast', 'multicast', 'anycast', 'nat'].includes(name)) throw notHere(name);
  throw wrong(name, 'node type value is invalid');
}

function mainTable(name: string): void {
  if (name === 'main' || name === '254' || name === 'all') return;
  throw extended('ENOENT', 'FIB table does not exist.');
}

function listed(stack: Stack, selector: Selector): Route[] {
  return mainRoutes(stack).filter((r) => selector.takes(r));
}

function flush(stack: Stack, words: Words, family: Family): RouteAnswer {
  if (words.isEnd) throw badArgument('"ringway route flush" requires arguments.');
  const doomed = new Set(listed(stack, selectorOf(stack, words, family)));
  return { flushed: stack.net.routes.removeWhere((r) => doomed.has(r)) };
}

// ---- Changes ----

function set(stack: Stack, words: Words, family: Family, verb: string): void {
  const given = givenRoute(stack, words, family);
  const route = made(stack, given);
  const { routes } = stack.net;
  const rival = routes.rival(route);
  if (verb === 'change' && rival === null) {
    if (isV4(route.prefix)) throw answers('ENOENT');
    throw extended('ENOENT', 'Can not replace route - no match found.');
  }
  if (verb === 'add' && rival !== null) throw answers('EEXIST');
  if (verb === 'change' || verb === 'replace') routes.replace(route);
  else if (!(verb === 'prepend' ? routes.prepend(route) : routes.add(route)))
    throw answers('EEXIST');
}

/** A route that can be; throws with Linux's words. */
function made(stack: Stack, given: GivenRoute): Route {
  const { prefix, gateway, iface, metric, metrics, facts } = given;
  const { address, bits } = prefix;
  const v4 = isV4(address);
  const length = lengthOf(prefix);
  if (v4 && !addressEquals(networkOf(address, length), address)) {
    throw extended('EINVAL', 'Invalid prefix for given prefix length.');
  }
  if (gateway !== null && iface === null && isLinkLocal6(gateway)) {
    throw extended('EINVAL', 'Egress device not specified.');
  }
  const route = routeTo(stack.net, address, bits, gateway, iface, metric, metrics, facts);
  if (route instanceof Route) return route;
  const code = errnoName(route);
  if (code === 'ENETUNREACH') {
    throw v4 ? extended(code, 'Nexthop has invalid gateway.') : answers('EHOSTUNREACH');
  }
  if (code === 'EINVAL' && gateway !== null && !isHost(stack.net, gateway)) {
    throw extended(code, v4 ? 'Nexthop has invalid gateway.' : 'Invalid gateway address.');
  }
  const isOurs = (a: Address | null) => a !== null && stack.net.locals.ownerOf(a, 0) !== null;
  if (code === 'EINVAL' && isOurs(gateway)) {
    const text = v4 ? 'Nexthop has invalid gateway.' : 'Gateway can not be a local address.';
    throw extended(code, text);
  }
  if (code === 'EINVAL' && facts.source !== null) {
    throw extended(code, v4 ? 'Invalid prefsrc address.' : 'Invalid source address.');
  }
  throw answers(code);
}

/** As Linux: the first that fits what is given. */
function remove(stack: Stack, words: Words, family: Family): void {
  const given = givenRoute(stack, words, family);
  const { type, prefix, gateway, iface, metric, facts, hasProtocol } = given;
  const length = lengthOf(prefix);
  const network = networkOf(prefix.address, length);
  const { routes } = stack.net;
  const first = routes.routes.find(
    (r) =>
      r.bits === length &&
      addressEquals(r.prefix, network) &&
      (iface === null || r.iface === iface) &&
      (type === '' || r.facts.type === type) &&
      (metric === undefined || r.metric === metric) &&
      (!hasProtocol || protocolText(r) === facts.protocol || r.facts.protocol === facts.protocol) &&
      (gateway === null || (r.gateway !== null && addressEquals(r.gateway, gateway))),
  );
  if (first === undefined) throw answers('ESRCH');
  routes.removeWhere((r) => r === first);
}

// ---- Which way ----

function get(stack: Stack, words: Words, family: Family): GotView {
  let to: Address | null = null;
  let index = 0;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'oif' || word === 'dev') index = interfaceNamed(stack, words.need()).index;
    else if (['from', 'iif', 'tos', 'mark', 'uid', 'ipproto', 'sport', 'dport'].includes(word)) {
      throw notHere(word);
    } else {
      const text = word === 'to' ? words.need() : word;
      if (to !== null) throw garbage('to', text);
      to = prefixOf(text, family).address;
    }
  }
  if (to === null) throw badArgument('need at least a destination address');
  const path = stack.net.paths.lookup(to, index);
  if (path === null) throw answers(errnoName(whyNoPath(stack.net, to, index)));
  return gotView(stack, path);
}

function gotView(stack: Stack, path: Path): GotView {
  const { destination, nextHop, iface, source, cast } = path;
  const v4 = isV4(destination);
  const isVia = cast === CAST.UNICAST && !addressEquals(nextHop, destination);
  const type = iface.isLoopback ? 'local' : typeOf(cast);
  const isHeard = cast === CAST.BROADCAST || (v4 && iface.groups.admits(destination, source));
  const cache = [...(iface.isLoopback || isHeard ? ['local'] : []), ...cacheOf(cast)];
  const { nowNs } = stack.env;
  const isLearned = path.pmtu !== 0 && path.pmtuExpiresNs > nowNs;
  return {
    ...(type === '' ? {} : { type }),
    dst: formatAddress(destination),
    ...(v4 ? {} : { from: '::' as const }),
    ...(isVia ? { gateway: formatAddress(nextHop) } : {}),
    dev: iface.name,
    ...(!v4 && type !== '' ? { table: 'local' as const } : {}),
    ...(isUnspecified(source) ? {} : { prefsrc: formatAddress(source) }),
    flags: [],
    ...(isLearned ? { metrics: [{ mtu: path.mtu(stack.env) }] } : {}),
    ...(isLearned ? { expires: secondsLeft(path.pmtuExpiresNs, nowNs) } : {}),
    ...(v4 ? { cache } : {}),
  };
}

function typeOf(cast: number): 'broadcast' | 'multicast' | '' {
  if (cast === CAST.BROADCAST) return 'broadcast';
  return cast === CAST.MULTICAST ? 'multicast' : '';
}

function cacheOf(cast: number): string[] {
  if (cast === CAST.BROADCAST) return ['brd'];
  return cast === CAST.MULTICAST ? ['mc'] : [];
}
