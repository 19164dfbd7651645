/**
 * A cursor over tokens, for recursive descent: looks one ahead, takes, or fails with file and line.
 * A word that is defined (`-D`) is replaced as it is looked at, unless it is a reserved word.
 */
import { type Token, type TokenKind, tokenize, unescapeString } from './lexer.ts';
import type { Define } from './options.ts';
import { type Position, ScriptError } from './script.ts';

/** Words with a meaning of their own, never a name, so never replaced. */
const RESERVED = new Set(
  (
    'sa_family sin_port sin_addr msg_name msg_iov msg_flags msg_control cmsg_level cmsg_type cmsg_data ' +
    'ee_errno ee_origin ee_type ee_code ee_info ee_data scm_sec scm_nsec fd events revents ptr u32 u64 ' +
    'onoff linger htons inet_addr inet6_addr ipv4 ipv6 icmp udp raw gre GREv0 mpls label tc ttl tos ' +
    'flowlabel flags Flags ect0 ect1 ect01 ce noecn ack win urg eol nop mss wscale sack sackOK TS val ' +
    'ecr md5 FO FOEXP ECN e0b e1b ceb mtu id encap psp spi key seq sum off none checksum present'
  ).split(' '),
);

export class TokenReader {
  readonly file: string;
  private readonly source: string;
  private readonly tokens: readonly Token[];
  private index = 0;
  /** Set once the options are known; the options themselves are read as they stand. */
  private defines: ReadonlyMap<string, Define> = new Map();

  constructor(file: string, source: string) {
    this.file = file;
    this.source = source;
    this.tokens = tokenize(file, source);
  }

  define(defines: ReadonlyMap<string, Define>): void {
    this.defines = defines;
  }

  /** The token `ahead` of the next one; at the end, the `end` token again and again. */
  peek(ahead: number = 0): Token {
    const token = this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
    if (token.kind !== 'word' || RESERVED.has(token.text)) return token;
    const define = this.defines.get(token.text);
    return define === undefined ? token : { ...token, ...replacement(define) };
  }

  get at(): Position {
    return this.peek().at;
  }

  next(): Token {
    const token = this.peek();
    this.index++;
    return token;
  }

  isKind(kind: TokenKind): boolean {
    return this.peek().kind === kind;
  }

  /** A word or a sign, by its text. */
  is(text: string, ahead: number = 0): boolean {
    const token = this.peek(ahead);
    return (token.kind === 'word' || token.kind === 'char') && token.text === text;
  }

  /** Takes the word or sign if it comes next. */
  skip(text: string): boolean {
    if (!this.is(text)) return false;
    this.index++;
    return true;
  }

  expect(text: string, where: string): void {
    if (!this.skip(text)) this.fail(`expected '${text}' ${where}, not ${this.shown()}`);
  }

  /** A decimal or hexadecimal integer within the bounds. */
  integer(what: string, min: number = 0, max: number = 0xffffffff): number {
    const token = this.peek();
    if (token.kind !== 'integer' && token.kind !== 'hex') {
      this.fail(`expected ${what}, not ${this.shown()}`);
    }
    const value = Number(token.text);
    if (!(value >= min && value <= max)) {
      this.fail(`${what} is ${token.text}, not from ${min} to ${max}`);
    }
    this.index++;
    return value;
  }

  word(what: string): string {
    if (!this.isKind('word')) this.fail(`expected ${what}, not ${this.shown()}`);
    return this.next().text;
  }

  /** The bytes of a string, adjacent strings joined. */
  string(): string {
    let bytes = '';
    while (this.isKind('string')) {
      const part = unescapeString(this.peek().text);
      if (part === null)
        this.fail('unknown escape in a string: there are \\f \\n \\r \\t \\v \\xHH');
      bytes += part;
      this.index++;
    }
    return bytes;
  }

  /** Everything up to the parenthesis that closes the one just taken, as written. */
  untilClosing(what: string): string {
    const start = this.peek().from;
    let depth = 1;
    for (;;) {
      const token = this.peek();
      if (token.kind === 'end') this.fail(`expected ')' behind ${what}`);
      if (token.text === '(' && token.kind === 'char') depth++;
      if (token.text === ')' && token.kind === 'char') depth--;
      this.index++;
      if (depth === 0) return this.source.slice(start, token.from).trim();
    }
  }

  /** What comes next, for a message. */
  shown(): string {
    const token = this.peek();
    if (token.kind === 'end') return 'the end of the file';
    const line = this.source.slice(token.from, token.to).split('\n')[0]!;
    return line.length > 40 ? `${line.slice(0, 40)}…` : line;
  }

  fail(what: string, at: Position = this.at): never {
    throw new ScriptError(this.file, at, what);
  }
}

function replacement(define: Define): Pick<Token, 'kind' | 'text'> {
  const { text } = define;
  if (define.quote !== 'none') return { kind: define.quote, text };
  return { kind: /^-?\d+$/.test(text) ? 'integer' : 'word', text };
}
