/** Changes to a running stack: `addr add`, `route del`, `neigh flush` …, made in the process that has it. */
import { EEXIST, errnoName } from '../../src/base/errno.ts';
import type { Interface } from '../../src/net/interface.ts';
import type { RouteMetrics } from '../../src/net/route-table.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, addressEquals, isV4, networkOf } from '../../src/wire/address.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { Failure, usageError } from './failure.ts';
import { addAddress, addVlan } from './live-stack.ts';

/** `dev eth0 via 10.0.0.1`: pairs behind a subject. */
type Pairs = ReadonlyMap<string, string>;

/** What can be changed. */
export const CHANGED_OBJECTS = ['addr', 'link', 'route', 'neigh'] as const;
export type ChangedObject = (typeof CHANGED_OBJECTS)[number];

/** `words` as behind `ringway addr`: verb, subject, pairs. Throws a Failure. */
export function applyChange(stack: Stack, object: ChangedObject, words: readonly string[]): void {
  const [verb, ...rest] = words;
  const change = CHANGES[`${object} ${verb}`];
  if (change === undefined) throw usageError(`ringway ${object}: what is "${verb}"? see --help`);
  change(stack, rest);
}

const CHANGES: Readonly<Record<string, (stack: Stack, words: readonly string[]) => void>> = {
  'addr add': (stack, words) => {
    const [subject, pairs] = split(words, ['dev'], 'addr add ADDRESS/LEN dev IFACE');
    addAddress(stack, interfaceOf(stack, pairs), prefixOf(subject));
  },
  'addr del': (stack, words) => {
    const [subject, pairs] = split(words, ['dev'], 'addr del ADDRESS[/LEN] dev IFACE');
    const { address } = prefixOf(subject);
    refuse(stack.removeAddress(interfaceOf(stack, pairs), address), `address ${subject}`);
  },
  'link add': addLink,
  'route add': (stack, words) => setRoute(stack, words, 'add'),
  'route replace': (stack, words) => setRoute(stack, words, 'replace'),
  'route del': deleteRoute,
  'neigh add': (stack, words) => setNeighbour(stack, words, true),
  'neigh replace': (stack, words) => setNeighbour(stack, words, false),
  'neigh del': (stack, words) => {
    const [subject, pairs] = split(words, ['dev'], 'neigh del ADDRESS dev IFACE');
    const { neighbours } = interfaceOf(stack, pairs);
    refuse(neighbours.remove(addressOf(subject)), `neighbour ${subject}`);
  },
  'neigh flush': (stack, words) => {
    const pairs = pairsOf(words, ['dev'], 'neigh flush [dev IFACE]');
    const only = pairs.has('dev') ? interfaceOf(stack, pairs) : null;
    for (const iface of stack.net.interfaces) {
      if (only === null || iface === only) iface.neighbours.clear();
    }
  },
};

const LINK_USAGE = 'link add link IFACE [name NAME] [mtu N] type vlan id N';

function addLink(stack: Stack, words: readonly string[]): void {
  const pairs = pairsOf(words, ['link', 'name', 'mtu', 'type', 'id'], LINK_USAGE);
  const [parent, id, mtu] = [pairs.get('link'), pairs.get('id'), pairs.get('mtu')];
  const isNumber = (text: string | undefined) => text !== undefined && /^\d{1,5}$/.test(text);
  const isVlan = pairs.get('type') === 'vlan' && isNumber(id);
  if (parent === undefined || !isVlan || (mtu !== undefined && !isNumber(mtu))) {
    throw usageError(`usage: ringway ${LINK_USAGE}`);
  }
  const name = pairs.get('name') ?? `${parent}.${id}`;
  addVlan(stack, interfaceNamed(stack, parent), Number(id), name, mtu ? Number(mtu) : null);
}

const ROUTE_USAGE =
  'route add|replace|del default|PREFIX [via GATEWAY] [dev IFACE] [metric N]' +
  ' [mtu [lock] N] [advmss N] [initcwnd N]';

function setRoute(stack: Stack, words: readonly string[], verb: 'add' | 'replace'): void {
  const { prefix, bits, gateway, iface, metric, metrics } = routeOf(stack, words);
  if (gateway === null && iface === null) throw usageError(`usage: ringway ${ROUTE_USAGE}`);
  const result =
    verb === 'add'
      ? stack.addRoute(prefix, bits, gateway, iface, metric, metrics)
      : stack.replaceRoute(prefix, bits, gateway, iface, metric, metrics);
  if (result < 0 && gateway !== null && errnoName(result) === 'ENETUNREACH') {
    const text = `gateway ${formatAddress(gateway)} is not on a link of the stack`;
    throw new Failure('ENETUNREACH', text);
  }
  refuse(result, `route ${words[0]}`);
}

function deleteRoute(stack: Stack, words: readonly string[]): void {
  const { prefix, bits, gateway, iface, metric } = routeOf(stack, words);
  const length = isV4(prefix) ? bits + 96 : bits;
  const network = networkOf(prefix, length);
  const removed = stack.net.routes.removeWhere(
    (r) =>
      r.bits === length &&
      addressEquals(r.prefix, network) &&
      (iface === null || r.iface === iface) &&
      (metric === undefined || r.metric === metric) &&
      (gateway === null || (r.gateway !== null && addressEquals(r.gateway, gateway))),
  );
  if (removed === 0) throw new Failure('ESRCH', `the stack has no route ${words.join(' ')}`);
}

function routeOf(
  stack: Stack,
  words: readonly string[],
): {
  prefix: Address;
  bits: number;
  gateway: Address | null;
  iface: Interface | null;
  metric: number | undefined;
  metrics: RouteMetrics;
} {
  const lockAt = words.indexOf('lock');
  const isMtuLocked = lockAt > 0 && words[lockAt - 1] === 'mtu';
  const plain = isMtuLocked ? words.toSpliced(lockAt, 1) : words;
  const keys = ['via', 'dev', 'metric', 'mtu', 'advmss', 'initcwnd'];
  const [subject, pairs] = split(plain, keys, ROUTE_USAGE);
  const via = pairs.get('via');
  const gateway = via === undefined ? null : addressOf(via);
  const isDefault = subject === 'default';
  const any = gateway !== null && !isV4(gateway) ? '::/0' : '0.0.0.0/0';
  const { address, bits } = prefixOf(isDefault ? any : subject);
  const numberOf = (key: string): number | undefined => {
    const text = pairs.get(key);
    if (text !== undefined && !/^\d{1,9}$/.test(text)) throw usageError(`${key} ${text}?`);
    return text === undefined ? undefined : Number(text);
  };
  return {
    prefix: address,
    bits,
    gateway,
    iface: pairs.has('dev') ? interfaceOf(stack, pairs) : null,
    metric: numberOf('metric'),
    metrics: {
      mtu: numberOf('mtu') ?? 0,
      isMtuLocked,
      advmss: numberOf('advmss') ?? 0,
      initcwnd: numberOf('initcwnd') ?? 0,
    },
  };
}

/** As with `ip`, what is added must not be there yet. */
function setNeighbour(stack: Stack, words: readonly string[], isNew: boolean): void {
  const usage = 'neigh add|replace ADDRESS lladdr MAC dev IFACE [nud permanent|reachable]';
  const [subject, pairs] = split(words, ['lladdr', 'dev', 'nud'], usage);
  const mac = MacAddress.parse(pairs.get('lladdr') ?? '');
  const nud = pairs.get('nud') ?? 'permanent';
  if (mac === null || mac.isGroup || (nud !== 'permanent' && nud !== 'reachable')) {
    throw usageError(`usage: ringway ${usage}`);
  }
  const { neighbours } = interfaceOf(stack, pairs);
  const address = addressOf(subject);
  if (isNew && neighbours.find(address) !== null) refuse(-EEXIST, `neighbour ${subject}`);
  refuse(neighbours.set(address, mac, nud === 'permanent'), `neighbour ${subject}`);
}

function split(
  words: readonly string[],
  keys: readonly string[],
  usage: string,
): readonly [string, Pairs] {
  const [subject, ...rest] = words;
  if (subject === undefined) throw usageError(`usage: ringway ${usage}`);
  return [subject, pairsOf(rest, keys, usage)];
}

function pairsOf(words: readonly string[], keys: readonly string[], usage: string): Pairs {
  const pairs = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) {
    const [key, value] = [words[i]!, words[i + 1]];
    if (!keys.includes(key) || value === undefined || pairs.has(key)) {
      throw usageError(`usage: ringway ${usage}`);
    }
    pairs.set(key, value);
  }
  return pairs;
}

function interfaceOf(stack: Stack, pairs: Pairs): Interface {
  const name = pairs.get('dev');
  if (name === undefined) throw usageError('which interface? add: dev IFACE');
  return interfaceNamed(stack, name);
}

function interfaceNamed(stack: Stack, name: string): Interface {
  const iface = stack.interfaceByName(name);
  if (iface === null) throw new Failure('ENODEV', `the stack has no interface ${name}`);
  return iface;
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw usageError(`${text} is not an IP address`);
  return address;
}

function prefixOf(text: string): NonNullable<ReturnType<typeof parsePrefix>> {
  const prefix = parsePrefix(text);
  if (prefix === null) throw usageError(`${text} is not an address or a prefix`);
  return prefix;
}

function refuse(result: number, what: string): void {
  if (result >= 0) return;
  const code = errnoName(result);
  const why =
    code === 'EEXIST'
      ? 'is there already'
      : code === 'ENOENT' || code === 'EADDRNOTAVAIL'
        ? 'is not there'
        : 'is refused';
  throw new Failure(code, `${what} ${why} (${code})`);
}
