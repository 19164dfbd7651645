/** `ringway maddr`: ip-maddress(8), but for groups of IP: a stack has no list of link-layer addresses to add to. */
import { SourceFilter } from '../../src/net/source-filter.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, isMulticast } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { usageError } from './failure.ts';
import {
  answers,
  badArgument,
  type Family,
  garbage,
  interfaceNamed,
  verbOf,
  type Words,
} from './ip-words.ts';
import { type MaddrView, maddrView } from './maddr.ts';

const VERBS = ['add', 'delete', 'list', 'show', 'lst'] as const;

/** The wish of whoever joins by this command, told from those of sockets: one for each group, as `ip` has it. */
const BY_COMMAND = new SourceFilter(true, []);

export type MaddrAnswer = { readonly list: readonly MaddrView[] } | Record<string, never>;

export function ipMaddr(stack: Stack, words: Words, family: Family): MaddrAnswer {
  const verb = verbOf(words.take(), VERBS, 'maddr');
  if (verb === 'add' || verb === 'delete') {
    change(stack, words, verb === 'add');
    return {};
  }
  let name = '';
  for (let word = words.take(); word !== undefined; word = words.take()) {
    const text = word === 'dev' ? words.need() : word;
    if (name !== '') throw garbage('dev', text);
    name = interfaceNamed(stack, text).name;
  }
  const list = stack.net.interfaces
    .filter((i) => name === '' || i.name === name)
    .map((i) => {
      const view = maddrView(i);
      return { ...view, maddr: view.maddr.filter((m) => family === '' || m.family === family) };
    });
  return { list };
}

function change(stack: Stack, words: Words, isAdded: boolean): void {
  let group: Address | null = null;
  let dev = '';
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'dev') dev = words.need();
    else {
      const text = word === 'address' ? words.need() : word;
      if (group !== null) throw garbage('address', text);
      group = groupOf(text);
    }
  }
  if (dev === '' || group === null) {
    throw usageError(`Not enough information: "${dev === '' ? 'dev' : 'address'}" is required.`);
  }
  const { groups } = interfaceNamed(stack, dev);
  const isThere = groups.find(group)?.has(BY_COMMAND) === true;
  if (isAdded && isThere) throw answers('EEXIST');
  if (!isAdded && !isThere) throw answers('ENOENT');
  if (isAdded) groups.change(group, null, BY_COMMAND);
  else groups.change(group, BY_COMMAND, null);
}

function groupOf(text: string): Address {
  const address = parseAddress(text);
  if (address !== null && isMulticast(address)) return address;
  const why = MacAddress.parse(text) === null ? 'no multicast address' : 'a link-layer address';
  throw badArgument(`Error: "${text}" is ${why}: an IP multicast address is expected.`);
}
