/** `ringway addr`: the words of ip-address(8). */
import { errnoName } from '../../src/base/errno.ts';
import { NEVER, SEC } from '../../src/base/time.ts';
import type { Interface, InterfaceAddress } from '../../src/net/interface.ts';
import { changeSubnetRoute } from '../../src/stack/address-routes.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { addressEquals, IpAddress, isLoopback, isMulticast, isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import {
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
import { type AddressView, type AddrView, addressView, addrView, FOREVER } from './views.ts';

const VERBS = [
  'add',
  'change',
  'chg',
  'replace',
  'delete',
  'show',
  'list',
  'lst',
  'flush',
] as const;
const FLAGS = [
  'tentative',
  'dadfailed',
  'deprecated',
  'temporary',
  'dynamic',
  'permanent',
  'primary',
] as const;
type Flag = (typeof FLAGS)[number];
const SCOPES = ['global', 'link', 'host'] as const;
/** Known to `ip`; nothing here would act by them. */
const NOT_HERE = ['peer', 'anycast', 'label', 'home', 'mngtmpaddr', 'autojoin', 'secondary'];
const MOST_SECONDS = FOREVER - 1;

export type AddrAnswer =
  | { readonly list: readonly AddrView[] }
  | { readonly flushed: number }
  | { readonly warning: string }
  | Record<string, never>;

export function ipAddr(stack: Stack, words: Words, family: Family): AddrAnswer {
  const verb = verbOf(words.take(), VERBS, 'addr');
  switch (verb) {
    case 'show':
      return { list: show(stack, selectorOf(stack, words, family)) };
    case 'flush':
      return flush(stack, words, family);
    case 'delete':
      return remove(stack, words, family);
    default:
      give(stack, words, family, verb === 'add');
      return {};
  }
}

// ---- Which ----

class Selector {
  family: Family = '';
  iface: Interface | null = null;
  isOnlyUp = false;
  to: Prefix | null = null;
  scope = '';
  flags: Flag[] = [];

  /** More than an interface is asked for: those without such an address are not shown. */
  get isFine(): boolean {
    return this.family !== '' || this.to !== null || this.scope !== '' || this.flags.length > 0;
  }

  takesLink(iface: Interface): boolean {
    return (this.iface === null || this.iface === iface) && (!this.isOnlyUp || iface.isEnabled);
  }

  takes(entry: InterfaceAddress, view: AddressView): boolean {
    if (this.family !== '' && view.family !== this.family) return false;
    if (this.to !== null && !isWithin(this.to, entry.address)) return false;
    if (this.scope !== '' && view.scope !== this.scope) return false;
    return this.flags.every((flag) => hasFlag(view, flag));
  }
}

function hasFlag(view: AddressView, flag: Flag): boolean {
  if (flag === 'primary') return true; // there are no secondary ones here
  return flag === 'permanent' ? view.dynamic !== true : view[flag] === true;
}

function selectorOf(stack: Stack, words: Words, family: Family): Selector {
  const selector = new Selector();
  selector.family = family;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'to') selector.to = prefixOf(words.need(), family);
    else if (word === 'scope') selector.scope = scopeOf(words.need(), 'invalid "scope"');
    else if (word === 'up') selector.isOnlyUp = true;
    else if (isFlag(word)) selector.flags.push(word);
    else if (NOT_HERE.includes(word)) throw notHere(word);
    else {
      const name = word === 'dev' ? words.need() : word;
      if (selector.iface !== null) throw garbage('dev', name);
      selector.iface = stack.interfaceByName(name);
      if (selector.iface === null) throw badArgument(`Device "${name}" does not exist.`);
    }
  }
  return selector;
}

function isFlag(word: string): word is Flag {
  return FLAGS.some((flag) => flag === word);
}

/** @param otherwise what `ip` says of another one. */
function scopeOf(text: string, otherwise: string): string {
  if (SCOPES.some((s) => s === text)) return text;
  throw wrong(text, otherwise);
}

function show(stack: Stack, selector: Selector): AddrView[] {
  const now = stack.env.nowNs;
  return stack.net.interfaces
    .filter((i) => selector.takesLink(i))
    .map((iface) => ({ ...addrView(iface, now), addr_info: selected(iface, selector, now) }))
    .filter((view) => !selector.isFine || view.addr_info.length > 0);
}

function selected(iface: Interface, selector: Selector, nowNs: number): AddressView[] {
  return entriesOf(iface, selector, nowNs).map((entry) => addressView(iface, entry, nowNs));
}

function entriesOf(iface: Interface, selector: Selector, nowNs: number): InterfaceAddress[] {
  return iface.addresses.filter((entry) => selector.takes(entry, addressView(iface, entry, nowNs)));
}

// ---- Changes ----

function flush(stack: Stack, words: Words, family: Family): AddrAnswer {
  if (words.isEnd) throw badArgument('Flush requires arguments.');
  const selector = selectorOf(stack, words, family);
  let flushed = 0;
  for (const iface of stack.net.interfaces) {
    if (!selector.takesLink(iface)) continue;
    for (const { address } of entriesOf(iface, selector, stack.env.nowNs)) {
      if (stack.removeAddress(iface, address) === 0) flushed++;
    }
  }
  return { flushed };
}

interface Given {
  prefix: Prefix | null;
  hasLength: boolean;
  dev: string;
  valid: number;
  preferred: number;
  metric: number | undefined;
  dad: boolean;
  prefixRoute: boolean;
  /** `+` is what there always is. */
  broadcast: string;
}

/** Behind add, change, replace and delete. */
function givenOf(words: Words, family: Family): Given {
  const given: Given = {
    prefix: null,
    hasLength: false,
    dev: '',
    valid: FOREVER,
    preferred: FOREVER,
    metric: undefined,
    dad: true,
    prefixRoute: true,
    broadcast: '+',
  };
  for (let word = words.take(); word !== undefined; word = words.take()) readWord(word);
  return given;

  function readWord(word: string): void {
    if (word === 'dev') given.dev = words.need();
    else if (word === 'valid_lft') given.valid = lifetimeOf(words.need(), word);
    else if (word === 'preferred_lft') given.preferred = lifetimeOf(words.need(), word);
    else if (word === 'metric' || word === 'priority' || word === 'preference') {
      given.metric = words.number('"metric" value is invalid', 0, FOREVER);
    } else if (word === 'nodad') given.dad = false;
    else if (word === 'noprefixroute') given.prefixRoute = false;
    else if (word === 'broadcast' || word === 'brd') {
      given.broadcast = words.need();
    } else if (word === 'scope') {
      throw notHere(`scope ${scopeOf(words.need(), 'invalid scope value.')}`);
    } else if (NOT_HERE.includes(word)) throw notHere(word);
    else {
      const text = word === 'local' ? words.need() : word;
      if (given.prefix !== null) throw garbage('local', text);
      given.prefix = prefixOf(text, family);
      given.hasLength = text.includes('/');
    }
  }
}

function lifetimeOf(text: string, key: string): number {
  if (text === 'forever') return FOREVER;
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= MOST_SECONDS) return seconds;
  throw wrong(text, `${key} value`);
}

function give(stack: Stack, words: Words, family: Family, isNew: boolean): void {
  const given = givenOf(words, family);
  if (given.dev === '') throw badArgument('Not enough information: "dev" argument is required.');
  if (given.valid === 0) throw badArgument('valid_lft is zero');
  if (given.valid < given.preferred) throw badArgument('preferred_lft is greater than valid_lft');
  if (given.prefix === null) throw answers('EOPNOTSUPP');
  checkBroadcast(given.broadcast, given.prefix);
  const iface = interfaceNamed(stack, given.dev);
  const { address, bits } = given.prefix;
  const { metric, dad, prefixRoute } = given;
  const known = iface.find(address);
  if (isNew || known === undefined) {
    const options = { dad, prefixRoute, ...(metric === undefined ? {} : { metric }) };
    const result = stack.addAddress(iface, address, bits, options);
    if (result < 0) throw refusal(result, given.prefix, iface);
  }
  const entry = iface.find(address)!; // it is there now
  if (known !== undefined) changeSubnetRoute(stack.net, iface, known, metric, prefixRoute);
  const isLent = given.valid !== FOREVER || given.preferred !== FOREVER;
  if (!isLent && known === undefined) return;
  stack.lifetimes.set(iface, entry, endOf(stack, given.valid), endOf(stack, given.preferred));
}

/** Each IPv4 subnet has its directed broadcast address here, and no other. */
function checkBroadcast(text: string, { address, bits }: Prefix): void {
  if (text === '+') return;
  const last = new IpAddress().setV4(address.w3 | ~(bits === 0 ? 0 : -1 << (32 - bits)));
  const isThat = isV4(address) && bits < 31 && text === formatAddress(last);
  if (!isThat) throw notHere(`brd ${text}`);
}

function endOf(stack: Stack, seconds: number): number {
  return seconds === FOREVER ? NEVER : stack.env.nowNs + seconds * SEC;
}

/** As Linux says why an address cannot be. */
function refusal(result: number, { address }: Prefix, iface: Interface): Error {
  const code = errnoName(result);
  const v4 = isV4(address);
  if (code === 'EEXIST') {
    return extended(
      code,
      v4 ? 'ipv4: Address already assigned.' : 'ipv6: address already assigned.',
    );
  }
  if (code === 'EADDRNOTAVAIL') {
    return extended(code, `${v4 ? 'ipv4' : 'ipv6'}: Address is assigned to another interface.`);
  }
  if (!v4 && isMulticast(address)) {
    return extended(code, 'ipv6: Cannot assign multicast address without "IFA_F_MCAUTOJOIN" flag.');
  }
  if (!v4 && isLoopback(address) && !iface.isLoopback) {
    return extended(code, 'ipv6: Cannot assign loopback address on this device.');
  }
  return answers(code);
}

function remove(stack: Stack, words: Words, family: Family): AddrAnswer {
  const given = givenOf(words, family);
  if (given.dev === '') throw badArgument('Not enough information: "dev" argument is required.');
  if (given.prefix === null) throw answers('EOPNOTSUPP');
  const iface = interfaceNamed(stack, given.dev);
  const { address, bits } = given.prefix;
  const v4 = isV4(address);
  const length = v4 ? bits + 96 : bits;
  const isWild = v4 && !given.hasLength;
  const entry = iface.addresses.find(
    (a) => addressEquals(a.address, address) && (isWild || a.bits === length),
  );
  if (entry === undefined) {
    const kind = familyOf(address) === 'inet' ? 'ipv4: Address' : 'ipv6: address';
    throw extended('EADDRNOTAVAIL', `${kind} not found.`);
  }
  stack.removeAddress(iface, address);
  if (!isWild || entry.bits === 128) return {};
  return { warning: 'Warning: without a prefix length, whatever length it had was removed.' };
}
