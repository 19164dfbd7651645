/**
 * The words behind `ringway addr`, `route` … read as ip(8) reads them, and its words for what is wrong. What a word may
 * be is decided in the process that has the stack; the code that goes back says which exit status `ip` has for it:
 * ERR_USAGE 255 (makes no sense), other ERR_… 1 (names nothing that can be), an errno 2 (what the kernel would refuse).
 */
import { errnoName } from '../../src/base/errno.ts';
import type { Interface } from '../../src/net/interface.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, isV4, prefixEquals } from '../../src/wire/address.ts';
import { parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { Failure, usageError } from './failure.ts';

export type Family = 'inet' | 'inet6' | '';

/** A prefix; `bits` within its family. */
export interface Prefix {
  readonly address: Address;
  readonly bits: number;
}

export class Words {
  private readonly words: readonly string[];
  private at = 0;

  constructor(words: readonly string[]) {
    this.words = words;
  }

  get isEnd(): boolean {
    return this.at >= this.words.length;
  }

  /** Undefined at the end. */
  peek(): string | undefined {
    return this.words[this.at];
  }

  take(): string | undefined {
    return this.words[this.at++];
  }

  /** What stands behind a word that needs something. */
  need(): string {
    const word = this.take();
    if (word === undefined) throw usageError('Command line is not complete. Try option "help"');
    return word;
  }

  /** Takes the next word if it is one of these. */
  skip(...any: readonly string[]): boolean {
    const word = this.peek();
    if (word === undefined || !any.includes(word)) return false;
    this.at++;
    return true;
  }

  /** A whole number from `least` to `most`; `what` is said of another one. */
  number(what: string, least: number, most: number): number {
    const text = this.need();
    const n = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= least && n <= most)) throw wrong(text, what);
    return n;
  }
}

/** Verbs that mean what another one does. */
const SAME = { list: 'show', lst: 'show', chg: 'change' } as const;
type Same = typeof SAME;
type Plain<T> = T extends keyof Same ? Same[T] : T;

/** What the first of the verbs means that begins as the word does, as `ip` takes `a` for `add`; `show` without a word. */
export function verbOf<T extends string>(
  word: string | undefined,
  verbs: readonly T[],
  object: string,
): Plain<T> | 'show' {
  if (word === undefined) return 'show';
  const verb = word === '' ? undefined : verbs.find((v) => v.startsWith(word));
  if (verb === undefined) {
    throw usageError(`Command "${word}" is unknown, try "ringway ${object} --help".`);
  }
  return (Object.hasOwn(SAME, verb) ? SAME[verb as keyof Same] : verb) as Plain<T>;
}

/** A word where `key` could stand only once, or nothing of the kind. */
export function garbage(key: string, word: string): Failure {
  return usageError(`Error: either "${key}" is duplicate, or "${word}" is a garbage.`);
}

export function wrong(word: string, what: string): Failure {
  return usageError(`Error: argument "${word}" is wrong: ${what}`);
}

/** Known to `ip`, but not here: it is not passed over in silence. */
export function notHere(word: string): Failure {
  return new Failure('EOPNOTSUPP', `Error: "${word}" is not supported by this stack.`);
}

/** Exit status 1. */
export function badArgument(message: string): Failure {
  return new Failure('ERR_ARGUMENT', message);
}

export function noDevice(name: string): Failure {
  return new Failure('ERR_NO_DEVICE', `Cannot find device "${name}"`);
}

const STRERROR: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENETDOWN: 'Network is down',
  EHOSTUNREACH: 'No route to host',
  EINVAL: 'Invalid argument',
  ENETUNREACH: 'Network is unreachable',
  ENOBUFS: 'No buffer space available',
  ENODEV: 'No such device',
  ENOENT: 'No such file or directory',
  EOPNOTSUPP: 'Operation not supported',
  ERANGE: 'Numerical result out of range',
  ESRCH: 'No such process',
};

/** What the kernel says without a text of its own. @param code an errno's name */
export function answers(code: string): Failure {
  return new Failure(code, `RTNETLINK answers: ${STRERROR[code] ?? code}`);
}

/** What the kernel says with a text (netlink's extended acknowledgement). */
export function extended(code: string, text: string): Failure {
  return new Failure(code, `Error: ${text}`);
}

/** A result of the stack, negative when it is refused. */
export function accept(result: number): void {
  if (result < 0) throw answers(errnoName(result));
}

export function interfaceNamed(stack: Stack, name: string): Interface {
  const iface = stack.interfaceByName(name);
  if (iface === null) throw noDevice(name);
  return iface;
}

/** `default` and `any` are prefixes too, of the family wanted. */
export function prefixOf(text: string, family: Family): Prefix {
  const named = text === 'default' || text === 'any' || text === 'all';
  const prefix = named
    ? parsePrefix(family === 'inet6' ? '::/0' : '0.0.0.0/0')
    : parsePrefix(withZeros(text));
  if (prefix === null || !isOf(prefix.address, family)) {
    const kind = family === '' || prefix === null ? 'any valid' : family;
    throw badArgument(`Error: ${kind} prefix is expected rather than "${text}".`);
  }
  return prefix;
}

/** `10/8` and `10.1/16` as `ip` takes them. */
function withZeros(text: string): string {
  const [, short, bits] = /^(\d{1,3}(?:\.\d{1,3}){0,2})\/(\d{1,2})$/.exec(text) ?? [];
  if (short === undefined) return text;
  return `${short}${'.0'.repeat(4 - short.split('.').length)}/${bits}`;
}

export function addressOf(text: string, family: Family): Address {
  const address = parseAddress(text);
  if (address === null || !isOf(address, family)) {
    const kind = family === '' ? 'any valid' : family;
    throw badArgument(`Error: ${kind} address is expected rather than "${text}".`);
  }
  return address;
}

export function familyOf(address: Address): 'inet' | 'inet6' {
  return isV4(address) ? 'inet' : 'inet6';
}

export function isOf(address: Address, family: Family): boolean {
  return family === '' || familyOf(address) === family;
}

/** Of 128, as the stack counts. */
export function lengthOf({ address, bits }: Prefix): number {
  return isV4(address) ? bits + 96 : bits;
}

/** Whether an address, or a prefix of `bits` (of 128), lies within. */
export function isWithin(outer: Prefix, address: Address, bits = 128): boolean {
  const length = lengthOf(outer);
  return (
    isV4(outer.address) === isV4(address) &&
    bits >= length &&
    prefixEquals(outer.address, address, length)
  );
}
