/**
 * Which sockets `ss` shows: states, and expressions over the ends, as
 *
 *     state established  exclude time-wait  dport = :443  ( src 10.0.0.0/8 or sport >= :1024 )
 */
import { addressEquals, isV4, networkOf } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { usageError } from './failure.ts';
import type { SocketState, SocketView } from './socket-views.ts';

export type Test = (s: SocketView) => boolean;

const SINGLE: Readonly<Record<string, SocketState>> = {
  established: 'ESTAB',
  estab: 'ESTAB',
  'syn-sent': 'SYN-SENT',
  'syn-recv': 'SYN-RECV',
  'fin-wait-1': 'FIN-WAIT-1',
  'fin-wait-2': 'FIN-WAIT-2',
  'time-wait': 'TIME-WAIT',
  closed: 'UNCONN',
  unconnected: 'UNCONN',
  'close-wait': 'CLOSE-WAIT',
  'last-ack': 'LAST-ACK',
  listening: 'LISTEN',
  listen: 'LISTEN',
  closing: 'CLOSING',
};
export const ALL_STATES: readonly SocketState[] = [...new Set(Object.values(SINGLE))];
const without = (...states: readonly SocketState[]): SocketState[] =>
  ALL_STATES.filter((state) => !states.includes(state));
const GROUPS: Readonly<Record<string, readonly SocketState[]>> = {
  all: ALL_STATES,
  connected: without('LISTEN', 'UNCONN'),
  synchronized: without('LISTEN', 'UNCONN', 'SYN-SENT'),
  bucket: ['SYN-RECV', 'TIME-WAIT'],
  big: without('SYN-RECV', 'TIME-WAIT'),
};
/** Without -a, -l or a state. */
export const DEFAULT_STATES = without('LISTEN', 'UNCONN', 'TIME-WAIT', 'SYN-RECV');

function statesOf(name: string | undefined): readonly SocketState[] {
  const known = name !== undefined ? (GROUPS[name] ?? SINGLE[name]) : undefined;
  if (known === undefined) throw usageError(`${name ?? 'nothing'} is not a state`);
  return typeof known === 'string' ? [known] : known;
}

export interface Filter {
  /** Null: the command line names none. */
  readonly states: ReadonlySet<SocketState> | null;
  readonly test: Test;
}

export function parseFilter(words: readonly string[]): Filter {
  const tokens = words.flatMap((word) => word.match(/[()]|[=<>!]=?|[^()!\s=<>]+/g) ?? []);
  let states: Set<SocketState> | null = null;
  while (tokens[0] === 'state' || tokens[0] === 'exclude') {
    const isExcluded = tokens.shift() === 'exclude';
    const named = statesOf(tokens.shift());
    if (isExcluded) {
      const from: ReadonlySet<SocketState> = states ?? new Set(ALL_STATES);
      states = new Set([...from].filter((state) => !named.includes(state)));
    } else states = new Set([...(states ?? []), ...named]);
  }
  const parser = new Expression(tokens);
  return { states, test: tokens.length === 0 ? () => true : parser.whole() };
}

/** or < and < not; `and` may be left out. */
class Expression {
  private readonly tokens: string[];

  constructor(tokens: string[]) {
    this.tokens = tokens;
  }

  whole(): Test {
    const test = this.either();
    if (this.tokens.length > 0) throw usageError(`what is "${this.tokens[0]}" in the filter?`);
    return test;
  }

  private either(): Test {
    let left = this.both();
    while (this.takes('or', '|', '||')) {
      const [a, b] = [left, this.both()];
      left = (s) => a(s) || b(s);
    }
    return left;
  }

  private both(): Test {
    let left = this.single();
    while (this.tokens.length > 0 && !['or', '|', '||', ')'].includes(this.tokens[0]!)) {
      this.takes('and', '&', '&&');
      const [a, b] = [left, this.single()];
      left = (s) => a(s) && b(s);
    }
    return left;
  }

  private single(): Test {
    if (this.takes('not', '!')) {
      const test = this.single();
      return (s) => !test(s);
    }
    if (this.takes('(')) {
      const test = this.either();
      if (!this.takes(')')) throw usageError('a ) is missing in the filter');
      return test;
    }
    const word = this.tokens.shift();
    if (word === 'sport' || word === 'dport') return this.port(word);
    if (word === 'src' || word === 'dst') return this.host(word);
    throw usageError(
      `ss: the filter has ${word ?? 'an end'} where sport, dport, src or dst belongs`,
    );
  }

  private port(word: 'sport' | 'dport'): Test {
    const compare = comparison(this.operator() ?? '=');
    const wanted = portOf(this.tokens.shift() ?? '');
    if (word === 'sport') return (s) => compare(s.localPort, wanted);
    return (s) => compare(s.peerPort, wanted);
  }

  private host(word: 'src' | 'dst'): Test {
    const operator = this.operator() ?? '=';
    const isEqual = ['=', '==', 'eq'].includes(operator);
    if (!isEqual && !['!=', 'ne', 'neq'].includes(operator)) {
      throw usageError(`${word} takes = and != only`);
    }
    const test = hostTest(this.tokens.shift() ?? '');
    if (word === 'src') return (s) => test(s.local, s.localPort) === isEqual;
    return (s) => test(s.peer, s.peerPort) === isEqual;
  }

  private operator(): string | undefined {
    return OPERATORS.has(this.tokens[0] ?? '') ? this.tokens.shift() : undefined;
  }

  private takes(...words: readonly string[]): boolean {
    if (!words.includes(this.tokens[0] ?? '')) return false;
    this.tokens.shift();
    return true;
  }
}

type Comparison = (a: number, b: number) => boolean;
const COMPARISONS: readonly (readonly [readonly string[], Comparison])[] = [
  [['=', '==', 'eq'], (a, b) => a === b],
  [['!=', 'ne', 'neq'], (a, b) => a !== b],
  [['<', 'lt'], (a, b) => a < b],
  [['>', 'gt'], (a, b) => a > b],
  [['<=', 'le', 'leq'], (a, b) => a <= b],
  [['>=', 'ge', 'geq'], (a, b) => a >= b],
];
const OPERATORS: ReadonlySet<string> = new Set(COMPARISONS.flatMap(([names]) => names));

function comparison(operator: string): Comparison {
  return COMPARISONS.find(([names]) => names.includes(operator))![1];
}

function portOf(text: string): number {
  const port = /^:?\d{1,5}$/.test(text) ? Number(text.replace(':', '')) : Number.NaN;
  if (!(port <= 65535)) throw usageError(`${text === '' ? 'nothing' : text} is not a port`);
  return port;
}

/** `10.0.0.1`, `10.0.0.0/8:80`, `[fe80::1]:80`, `fd00::/8`, `:80`, `*`. */
function hostTest(text: string): (host: string, port: number) => boolean {
  const parts = /^(?:\[([^\]]+)\](\/\d+)?|([^[\]/]*?)(\/\d+)?)(?::(\d{1,5}|\*))?$/.exec(text);
  const isBare6 = (text.match(/:/g) ?? []).length > 1 && !text.startsWith('[');
  const [host, bits] = isBare6
    ? (text.split('/') as [string, string | undefined])
    : [parts?.[1] ?? parts?.[3] ?? '', (parts?.[2] ?? parts?.[4])?.slice(1)];
  const portText = isBare6 ? undefined : parts?.[5];
  const port = portText === undefined || portText === '*' ? null : portOf(portText);
  if (host === '' || host === '*') return (_h, p) => port === null || p === port;
  const wanted = parseAddress(host);
  if (wanted === null) throw usageError(`${text} is not an address`);
  const width = isV4(wanted) ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  if (!(length <= width)) throw usageError(`${text} is not a prefix`);
  const mask = isV4(wanted) ? length + 96 : length;
  const network = networkOf(wanted, mask);
  return (h, p) => {
    const address = parseAddress(h.replace(/[[\]]/g, ''));
    if (address === null || isV4(address) !== isV4(wanted)) return false;
    return (port === null || p === port) && addressEquals(networkOf(address, mask), network);
  };
}
