/**
 * Text to tokens. Of all patterns that match at a place the longest wins, and among equals the first:
 * `1.5` is one number, `00ab` one word, `...` never three dots. A word is a word whether it is reserved
 * or not; the parser knows by the place. What no pattern takes is a `char`, so that free text (the note
 * behind a result) survives; anywhere else the parser refuses it.
 */
import { parseAddress } from '../../wire/address-text.ts';
import { type Position, ScriptError } from './script.ts';

export type TokenKind =
  | 'float'
  | 'integer'
  | 'hex'
  | 'word'
  | 'string'
  | 'command'
  | 'code'
  | 'ellipsis'
  | 'ipv4'
  | 'ipv6'
  | 'option'
  | 'char'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a quoted thing, what is between the quotes, escapes not yet undone. */
  readonly text: string;
  readonly at: Position;
  /** Offsets of the whole token in the source. */
  readonly from: number;
  readonly to: number;
}

/** In the order of precedence among matches of equal length. */
const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ['option', /--[A-Za-z][A-Za-z0-9_]*/y],
  ['float', /-?[0-9]*\.[0-9]+/y],
  ['integer', /-?[0-9]+/y],
  ['hex', /0x[0-9a-fA-F]+/y],
  ['ipv4', /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/y],
  ['word', /[A-Za-z0-9_]+/y],
  ['ellipsis', /\.\.\./y],
];

/** Enclosed tokens: how they open, how the whole looks, what they are called in messages. */
const ENCLOSED: readonly (readonly [TokenKind, string, RegExp, string])[] = [
  ['string', '"', /"((?:\\[\s\S]|[^"\\])*)"/y, 'string'],
  ['command', '`', /`((?:\\[\s\S]|[^`\\])*)`/y, 'command'],
  ['code', '%{', /%\{([\s\S]*?)\}%/y, 'code'],
];

const BLANKS = /(?:[ \t\r\n\f\v]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
/** A candidate for an IPv6 address: as much of hexadecimal and colons as there is. */
const IPV6_RUN = /[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(?:\.[0-9]+\.[0-9]+\.[0-9]+)?/y;

/** All tokens, the last one of kind `end`. Throws ScriptError for what is opened and never closed. */
export function tokenize(file: string, text: string): Token[] {
  const lexer = new Lexer(file, text);
  const tokens: Token[] = [];
  for (;;) {
    const token = lexer.next();
    tokens.push(token);
    if (token.kind === 'end') return tokens;
  }
}

class Lexer {
  private readonly file: string;
  private readonly text: string;
  private at = 0;
  private line = 1;
  private lineStart = 0;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  next(): Token {
    this.skipBlanks();
    if (this.at >= this.text.length) return this.take('end', '', 0);
    for (const [kind, opening, pattern, name] of ENCLOSED) {
      if (!this.text.startsWith(opening, this.at)) continue;
      const whole = this.match(pattern);
      if (whole === null) this.fail(`this ${name} has no end`);
      return this.take(kind, whole[1]!, whole[0].length);
    }
    const longest = this.longest();
    return this.take(longest.kind, longest.text, longest.text.length);
  }

  private longest(): { kind: TokenKind; text: string } {
    let best: { kind: TokenKind; text: string } = { kind: 'char', text: this.text[this.at]! };
    let length = 0;
    for (const [kind, pattern] of PATTERNS) {
      const found = this.match(pattern);
      if (found === null || found[0].length <= length) continue;
      best = { kind, text: found[0] };
      length = best.text.length;
    }
    const v6 = this.ipv6();
    return v6 !== null && v6.length > length ? { kind: 'ipv6', text: v6 } : best;
  }

  /** An address, also when one more colon follows it; `1:1001` is none. */
  private ipv6(): string | null {
    const run = this.match(IPV6_RUN)?.[0];
    if (run === undefined) return null;
    for (const text of [run, run.replace(/:$/, ''), run.replace(/\..*/, '')]) {
      if (text.includes(':') && parseAddress(text) !== null) return text;
    }
    return null;
  }

  private skipBlanks(): void {
    const blanks = this.match(BLANKS)![0];
    this.advance(blanks.length);
    if (this.text.startsWith('/*', this.at)) this.fail('this comment has no end');
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    // A fresh object: patterns are shared by all lexers and `lastIndex` is state.
    const own = new RegExp(pattern);
    own.lastIndex = this.at;
    return own.exec(this.text);
  }

  private take(kind: TokenKind, text: string, length: number): Token {
    const token = { kind, text, at: this.position(), from: this.at, to: this.at + length };
    this.advance(length);
    return token;
  }

  private advance(length: number): void {
    const end = this.at + length;
    for (;;) {
      const newline = this.text.indexOf('\n', this.at);
      if (newline < 0 || newline >= end) break;
      this.line++;
      this.lineStart = newline + 1;
      this.at = newline + 1;
    }
    this.at = end;
  }

  private position(): Position {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  private fail(what: string): never {
    throw new ScriptError(this.file, this.position(), what);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Undoes `\f \n \r \t \v \xHH`, one character a byte. Null for any other escape. */
export function unescapeString(text: string): string | null {
  let isGood = true;
  const bytes = text.replace(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (_all, hex, letter) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const plain = ESCAPES[letter];
    if (plain === undefined) isGood = false;
    return plain ?? '';
  });
  return isGood ? bytes : null;
}
