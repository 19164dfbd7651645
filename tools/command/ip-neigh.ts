/** `ringway neigh`: the words of ip-neighbour(8). */
import type { Interface } from '../../src/net/interface.ts';
import { type Neighbour, NUD, nudName } from '../../src/net/neighbour.ts';
import type { Stack } from '../../src/stack/stack.ts';
import type { Address } from '../../src/wire/address.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { usageError } from './failure.ts';
import {
  accept,
  addressOf,
  answers,
  badArgument,
  extended,
  type Family,
  familyOf,
  garbage,
  interfaceNamed,
  isWithin,
  notHere,
  type Prefix,
  prefixOf,
  verbOf,
  type Words,
  wrong,
} from './ip-words.ts';
import { type NeighView, neighView } from './views.ts';

const VERBS = [
  ...['add', 'change', 'chg', 'replace', 'delete', 'get', 'show', 'lst', 'list', 'flush'],
] as const;
/** Those that an administrator may put a neighbour into: its link-layer address is known, or it is given up. */
const SETTABLE: readonly number[] = [
  ...[NUD.PERMANENT, NUD.REACHABLE, NUD.STALE, NUD.DELAY, NUD.PROBE, NUD.FAILED],
];
const STATES: readonly number[] = [...SETTABLE, NUD.INCOMPLETE];
const NOT_HERE = [
  'proxy',
  'use',
  'managed',
  'extern_learn',
  'protocol',
  'vrf',
  'unused',
  'master',
  'nomaster',
];

export type NeighAnswer =
  | { readonly list: readonly NeighView[] }
  | { readonly flushed: number }
  | Record<string, never>;

export function ipNeigh(stack: Stack, words: Words, family: Family): NeighAnswer {
  const verb = verbOf<string>(words.take(), VERBS, 'neigh');
  switch (verb) {
    case 'show':
      return { list: show(stack, selectorOf(stack, words, family)) };
    case 'get':
      return { list: [get(stack, words, family)] };
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
  iface: Interface | null = null;
  to: Prefix | null = null;
  /** Of NUD; none: all. */
  states: number[] = [];

  takes(n: Neighbour): boolean {
    return (
      (this.family === '' || familyOf(n.address) === this.family) &&
      (this.to === null || isWithin(this.to, n.address)) &&
      (this.states.length === 0 || this.states.includes(n.state))
    );
  }
}

function selectorOf(stack: Stack, words: Words, family: Family): Selector {
  const s = new Selector();
  s.family = family;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'dev') s.iface = interfaceNamed(stack, words.need());
    else if (word === 'nud') {
      const name = words.need();
      s.states.push(...(name === 'all' ? STATES : [stateOf(name, STATES)]));
    } else if (NOT_HERE.includes(word)) throw notHere(word);
    else {
      const text = word === 'to' ? words.need() : word;
      if (s.to !== null) throw garbage('to', text);
      if (text !== 'all') s.to = prefixOf(text, family);
    }
  }
  return s;
}

function stateOf(name: string, states: readonly number[]): number {
  const state = STATES.find((s) => nudName(s).toLowerCase() === name);
  if (state === undefined && !['noarp', 'none'].includes(name))
    throw wrong(name, 'nud state is bad');
  if (state === undefined || !states.includes(state)) throw notHere(`nud ${name}`);
  return state;
}

function interfacesOf(stack: Stack, s: Selector): readonly Interface[] {
  return s.iface === null ? stack.net.interfaces : [s.iface];
}

function show(stack: Stack, s: Selector): NeighView[] {
  return interfacesOf(stack, s).flatMap((iface) =>
    iface.neighbours
      .entries()
      .filter((n) => s.takes(n))
      .map((n) => neighView(iface, n)),
  );
}

/** Permanent ones stay, unless they are named by their state. */
function flush(stack: Stack, words: Words, family: Family): NeighAnswer {
  if (words.isEnd) throw badArgument('Flush requires arguments.');
  const s = selectorOf(stack, words, family);
  let flushed = 0;
  for (const { neighbours } of interfacesOf(stack, s)) {
    for (const n of [...neighbours.entries()]) {
      const isKept = n.state === NUD.PERMANENT && s.states.length === 0;
      if (!isKept && s.takes(n) && neighbours.remove(n.address) === 0) flushed++;
    }
  }
  return { flushed };
}

// ---- Changes ----

interface Given {
  address: Address | null;
  dev: string;
  lladdr: string;
  state: number | null;
  isRouter: boolean;
}

function givenOf(words: Words, family: Family): Given {
  const g: Given = { address: null, dev: '', lladdr: '', state: null, isRouter: false };
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'dev') g.dev = words.need();
    else if (word === 'lladdr') g.lladdr = words.need();
    else if (word === 'nud') g.state = stateOf(words.need(), SETTABLE);
    else if (word === 'router') g.isRouter = true;
    else if (NOT_HERE.includes(word)) throw notHere(word);
    else {
      const text = word === 'to' ? words.need() : word;
      if (g.address !== null) throw garbage('to', text);
      g.address = addressOf(text, family);
    }
  }
  return g;
}

function target(stack: Stack, g: Given): { readonly iface: Interface; readonly address: Address } {
  if (g.dev === '' || g.address === null) {
    throw usageError('Device and destination are required arguments.');
  }
  return { iface: interfaceNamed(stack, g.dev), address: g.address };
}

function set(stack: Stack, words: Words, family: Family, verb: string): void {
  const g = givenOf(words, family);
  const { iface, address } = target(stack, g);
  const known = iface.neighbours.find(address);
  const mac = g.lladdr === '' ? null : macOf(g.lladdr);
  if (verb === 'add' && known !== null) throw answers('EEXIST');
  if (verb === 'change' && known === null) throw answers('ENOENT');
  if (iface.isLoopback) throw answers('EINVAL');
  if (g.state === NUD.FAILED) {
    accept(iface.neighbours.fail(address));
    return;
  }
  const link =
    mac ?? (known?.isUsable() === true ? new MacAddress(known.macHigh, known.macLow) : null);
  if (link === null) throw extended('EINVAL', 'No link layer address given.');
  accept(iface.neighbours.put(address, link, g.state ?? NUD.PERMANENT, g.isRouter));
}

function macOf(text: string): MacAddress {
  const mac = MacAddress.parse(text);
  if (mac !== null) return mac;
  const parts = text.split(':');
  const odd = parts.find((part) => !/^[0-9a-f]{1,2}$/i.test(part));
  if (odd !== undefined) throw badArgument(`"${odd}" is invalid lladdr.`);
  throw extended('EINVAL', 'Invalid link address.');
}

function remove(stack: Stack, words: Words, family: Family): void {
  const { iface, address } = target(stack, givenOf(words, family));
  accept(iface.neighbours.remove(address));
}

function get(stack: Stack, words: Words, family: Family): NeighView {
  const g = givenOf(words, family);
  if (g.dev === '' || g.address === null) {
    throw badArgument('Device and address are required arguments.');
  }
  const iface = interfaceNamed(stack, g.dev);
  const n = iface.neighbours.find(g.address);
  if (n === null) throw extended('ENOENT', 'Neighbour entry not found.');
  return neighView(iface, n);
}
