/** `ringway link`: the words of ip-link(8), as far as a stack has links to make. */
import { errnoName } from '../../src/base/errno.ts';
import type { Interface } from '../../src/net/interface.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { VID_MAX } from '../../src/wire/vlan.ts';
import { usageError } from './failure.ts';
import {
  accept,
  answers,
  badArgument,
  extended,
  garbage,
  interfaceNamed,
  notHere,
  verbOf,
  type Words,
  wrong,
} from './ip-words.ts';

const VERBS = ['add', 'set', 'change', 'replace', 'delete', 'show', 'list', 'lst'] as const;
/** Linux's IFNAMSIZ has one byte more. */
const MOST_NAME = 15;
const MOST_MTU = 65535;
const MOST_PRIORITY = 7;
/** SO_PRIORITY's. */
const MOST_MARK = 2 ** 32 - 1;

/** Known to `ip`; nothing here would act by them. */
const SETTINGS = [
  ...['mtu', 'name', 'address', 'broadcast', 'txqueuelen', 'txqlen', 'qlen', 'master', 'nomaster'],
  ...['netns', 'arp', 'multicast', 'allmulticast', 'promisc', 'trailers', 'alias', 'group', 'vf'],
  ...['addrgenmode', 'carrier', 'protodown', 'state', 'mode', 'xdp', 'vrf', 'link-netnsid'],
];

/** Links to show; null: something was changed. */
export function ipLink(stack: Stack, words: Words): readonly Interface[] | null {
  const verb = verbOf(words.take(), VERBS, 'link');
  switch (verb) {
    case 'show':
      return selected(stack, words);
    case 'add':
      add(stack, words);
      return null;
    case 'delete':
      remove(stack, words);
      return null;
    case 'set':
      set(stack, words);
      return null;
    default:
      throw notHere(`link ${verb}`);
  }
}

function selected(stack: Stack, words: Words): readonly Interface[] {
  let only: Interface | null = null;
  let kind = '';
  let isOnlyUp = false;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'up') isOnlyUp = true;
    else if (word === 'type') kind = words.need();
    else {
      const name = word === 'dev' ? words.need() : word;
      if (only !== null) throw garbage('dev', name);
      only = stack.interfaceByName(name);
      if (only === null) throw badArgument(`Device "${name}" does not exist.`);
    }
  }
  return stack.net.interfaces.filter(
    (i) =>
      (only === null || i === only) &&
      (!isOnlyUp || i.isEnabled) &&
      (kind === '' || (kind === 'vlan' && i.vlan !== null)),
  );
}

interface GivenLink {
  name: string;
  parent: string;
  mtu: number | undefined;
  id: number | undefined;
  egress: readonly (readonly [number, number])[];
}

function add(stack: Stack, words: Words): void {
  const given = nothingGiven();
  let type = '';
  for (let word = words.take(); word !== undefined && type === ''; ) {
    if (word === 'link') given.parent = words.need();
    else if (word === 'mtu') given.mtu = words.number('Invalid "mtu" value', 0, MOST_MTU);
    else if (word === 'type') {
      type = words.need();
      break;
    } else {
      const name = word === 'name' || word === 'dev' ? words.need() : word;
      if (given.name !== '') throw garbage('name', name);
      given.name = nameOf(name);
    }
    word = words.take();
  }
  if (type === '') throw badArgument('Not enough information: "type" argument is required');
  if (type !== 'vlan') throw extended('EOPNOTSUPP', 'Unknown device type.');
  readVlan(given, words);
  makeVlan(stack, given);
}

function nameOf(name: string): string {
  const isName =
    /^[^\s/:]+$/.test(name) && name.length <= MOST_NAME && name !== '.' && name !== '..';
  if (!isName) throw wrong(name, '"name" not a valid ifname');
  return name;
}

function readVlan(given: GivenLink, words: Words): void {
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'id') given.id = words.number('id is invalid', 0, MOST_MTU);
    else if (word === 'protocol' || word === 'proto') {
      const protocol = words.need();
      if (!/^802\.1q$/i.test(protocol)) throw notHere(`protocol ${protocol}`);
    } else if (word === 'egress-qos-map') given.egress = mapOf(words);
    else if (
      [
        'reorder_hdr',
        'gvrp',
        'mvrp',
        'loose_binding',
        'bridge_binding',
        'ingress-qos-map',
      ].includes(word)
    ) {
      throw notHere(word);
    } else throw badArgument(`vlan: unknown command "${word}"?`);
  }
}

/** `0:3 6:5 …`: a packet's priority, and the code point that it leaves with. */
function mapOf(words: Words): [number, number][] {
  const map: [number, number][] = [];
  do {
    const text = words.need();
    const [, from, to] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
    if (from === undefined || Number(from) > MOST_MARK) throw wrong(text, 'invalid qos-map');
    if (Number(to) > MOST_PRIORITY) throw extended('EINVAL', '8021q: Invalid egress qos map.');
    map.push([Number(from), Number(to)]);
  } while (/^\d+:\d+$/.test(words.peek() ?? ''));
  return map;
}

/** `set IFACE up`, `down`, `type vlan egress-qos-map FROM:TO…`, in any order but for the last; nothing else of a link is set here. */
function set(stack: Stack, words: Words): void {
  let name = '';
  let isUp: boolean | null = null;
  let hasType = false;
  for (let word = words.take(); word !== undefined && !hasType; ) {
    if (word === 'up' || word === 'down') isUp = word === 'up';
    else if (isSetting(word)) throw notHere(word);
    else if (word === 'type') hasType = true;
    else {
      const given = word === 'dev' ? words.need() : word;
      if (name !== '') throw garbage('dev', given);
      name = given;
    }
    if (!hasType) word = words.take();
  }
  if (name === '') throw usageError('Not enough information: "dev" argument is required.');
  const iface = interfaceNamed(stack, name);
  if (hasType) setVlan(iface, words);
  if (isUp !== null) accept(stack.setLink(iface, isUp));
}

function setVlan({ vlan }: Interface, words: Words): void {
  if (words.need() !== 'vlan' || vlan === null) throw answers('EOPNOTSUPP');
  const given = nothingGiven();
  readVlan(given, words);
  if (given.id !== undefined) throw answers('EOPNOTSUPP');
  for (const [from, to] of given.egress) vlan.mapPriority(from, to);
}

function isSetting(word: string): boolean {
  return SETTINGS.includes(word);
}

function remove(stack: Stack, words: Words): void {
  words.skip('dev');
  const name = words.take();
  if (name === undefined) throw usageError('Not enough information: "dev" argument is required.');
  if (words.skip('type') && words.need() !== 'vlan')
    throw extended('EOPNOTSUPP', 'Unknown device type.');
  const extra = words.take();
  if (extra !== undefined) throw garbage('dev', extra);
  accept(stack.removeVlan(interfaceNamed(stack, name)));
}

function nothingGiven(): GivenLink {
  return { name: '', parent: '', mtu: undefined, id: undefined, egress: [] };
}

function makeVlan(stack: Stack, given: GivenLink): void {
  const { id, mtu } = given;
  if (given.parent === '') throw extended('ENODEV', '8021q: link not specified.');
  const parent = interfaceNamed(stack, given.parent);
  if (id === undefined) throw extended('EINVAL', '8021q: VLAN properties not specified.');
  if (id > VID_MAX) throw extended('ERANGE', '8021q: Invalid VLAN id.');
  const name = given.name === '' ? `${parent.name}.${id}` : given.name;
  const result = stack.addVlan(parent, id, name, mtu === undefined ? {} : { mtu });
  if (typeof result !== 'number') {
    for (const [from, to] of given.egress) result.vlan?.mapPriority(from, to);
    return;
  }
  const code = errnoName(result);
  if (code === 'EOPNOTSUPP') throw extended(code, '8021q: VLANs not supported on device.');
  if (code === 'EEXIST' && stack.interfaceByName(name) === null) {
    throw extended(code, '8021q: VLAN device already exists.');
  }
  throw answers(code);
}
