/**
 * System calls: `name(argument, …) = result [ERRNO] [(note)]`, and the expressions of their arguments.
 * A record `{name=value, …}` is told by its names; one with names of no shape, or of two, is refused.
 */
import type {
  CallAction,
  Expression,
  RecordExpression,
  RecordField,
  RecordShape,
} from './script.ts';
import type { TokenReader } from './token-reader.ts';

export function parseCall(reader: TokenReader): CallAction {
  const { at } = reader;
  const name = reader.word('a system call');
  reader.expect('(', `behind ${name}`);
  const args = parseItems(reader, ')', `the arguments of ${name}`);
  reader.expect('=', `behind ${name}(…)`);
  const result = parseExpression(reader);
  const errno = reader.isKind('word') ? reader.next().text : null;
  const note = reader.skip('(') ? reader.untilClosing('the note') : null;
  return { kind: 'call', at, name, args, result, errno, note };
}

/** Expressions with commas between them, up to and with `closing`. */
function parseItems(reader: TokenReader, closing: string, where: string): readonly Expression[] {
  const items: Expression[] = [];
  if (reader.skip(closing)) return items;
  do items.push(parseExpression(reader));
  while (reader.skip(','));
  reader.expect(closing, `behind ${where}`);
  return items;
}

function parseExpression(reader: TokenReader): Expression {
  const { at } = reader;
  const first = parseTerm(reader);
  if (!reader.is('|')) return first;
  const terms = [first];
  while (reader.skip('|')) terms.push(parseTerm(reader));
  return { kind: 'or', at, terms };
}

function parseTerm(reader: TokenReader): Expression {
  const token = reader.peek();
  const { at } = token;
  switch (token.kind) {
    case 'ellipsis':
      reader.next();
      return { kind: 'ellipsis', at };
    case 'integer':
    case 'hex':
      return {
        kind: 'integer',
        at,
        value: reader.integer('an integer', -(2 ** 53), 2 ** 53),
      };
    case 'string':
      return { kind: 'string', at, bytes: reader.string() };
    case 'word':
      return parseWord(reader);
    default:
      if (reader.skip('[')) return { kind: 'list', at, items: parseItems(reader, ']', 'the list') };
      if (reader.is('{')) return parseBraces(reader);
      return reader.fail(`expected a value, not ${reader.shown()}`);
  }
}

const FUNCTIONS = new Set(['htons', 'inet_addr', 'inet6_addr']);

function parseWord(reader: TokenReader): Expression {
  const { at } = reader;
  const name = reader.word('a name');
  if (!FUNCTIONS.has(name)) return { kind: 'symbol', at, name };
  reader.expect('(', `behind ${name}`);
  const argument = parseExpression(reader);
  reader.expect(')', `behind the argument of ${name}`);
  return { kind: 'function', at, name, argument };
}

function parseBraces(reader: TokenReader): Expression {
  const { at } = reader;
  reader.next();
  if (
    reader.isKind('word') &&
    (reader.is('=', 1) || reader.is('(', 1)) &&
    !isFunctionNext(reader)
  ) {
    return parseRecord(reader);
  }
  const base = parseExpression(reader);
  reader.expect(',', 'behind the buffer');
  const len = parseExpression(reader);
  reader.expect('}', 'behind the length of the buffer');
  return { kind: 'buffer', at, base, len };
}

const isFunctionNext = (reader: TokenReader): boolean => FUNCTIONS.has(reader.peek().text);

/** The names each kind of record may have. */
const SHAPES: readonly (readonly [RecordShape, ReadonlySet<string>])[] = [
  ['sockaddr', new Set(['sa_family', 'sin_port', 'sin_addr'])],
  ['msghdr', new Set(['msg_name', 'msg_iov', 'msg_flags', 'msg_control'])],
  ['cmsg', new Set(['cmsg_level', 'cmsg_type', 'cmsg_data'])],
  ['pollfd', new Set(['fd', 'events', 'revents'])],
  ['epoll', new Set(['events', 'fd', 'ptr', 'u32', 'u64'])],
  ['linger', new Set(['onoff', 'linger'])],
  ['timestamp', new Set(['scm_sec', 'scm_nsec'])],
  [
    'extended error',
    new Set(['ee_errno', 'ee_origin', 'ee_type', 'ee_code', 'ee_info', 'ee_data']),
  ],
];

function parseRecord(reader: TokenReader): RecordExpression {
  const { at } = reader;
  const fields: RecordField[] = [];
  let hasMore = true;
  while (hasMore) {
    fields.push(parseField(reader));
    // Statistics are written with bars between them, all other records with commas.
    hasMore = reader.skip(',') || reader.skip('|');
  }
  reader.expect('}', 'behind the record');
  const shape = shapeOf(fields);
  if (shape === null) reader.fail(`{${fields.map((f) => f.name).join(', ')}} is no record`, at);
  return { kind: 'record', at, shape, fields };
}

function parseField(reader: TokenReader): RecordField {
  const { at } = reader;
  const name = reader.word('the name of a field');
  let argument: Expression | null = null;
  if (reader.skip('(')) {
    argument = parseExpression(reader);
    reader.expect(')', `behind the argument of ${name}`);
  }
  reader.expect('=', `behind ${name}`);
  // A bar behind a statistic begins the next one.
  const value = name.startsWith('TCP_NLA_') ? parseTerm(reader) : parseExpression(reader);
  return { at, name, argument, value };
}

/** `{fd=, events=}` is for poll in the order fd, events; epoll says events first. */
function shapeOf(fields: readonly RecordField[]): RecordShape | null {
  if (fields.every(({ name }) => name.startsWith('TCP_NLA_'))) return 'statistics';
  const fitting = SHAPES.filter(([, names]) => fields.every(({ name }) => names.has(name)));
  if (fitting.length > 1) return fields[0]!.name === 'fd' ? 'pollfd' : 'epoll';
  return fitting[0]?.[0] ?? null;
}
