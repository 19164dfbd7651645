/**
 * The Python of `%{ }%` blocks, as far as it goes: simple statements on lines or behind semicolons —
 * assert, assignment, += and its kin, calls — and expressions. Anything else is a CodeSyntaxError.
 */

export class CodeSyntaxError extends Error {
  override readonly name = 'CodeSyntaxError';
  /** Counted from 0, within the block. */
  readonly line: number;

  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

export interface Statement {
  readonly line: number;
  readonly kind: 'assert' | 'assign' | 'value';
  /** The name assigned to. */
  readonly target: string;
  /** What is asserted, assigned or computed. */
  readonly value: Code;
  /** The message of an assertion. */
  readonly message: Code | null;
}

export type Code =
  | { readonly kind: 'literal'; readonly value: bigint | number | string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'tuple'; readonly items: readonly Code[] }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Code[] }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Code }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Code;
      readonly right: Code;
    }
  /** `a < b <= c`: operators[i] stands between operands[i] and operands[i + 1]. */
  | {
      readonly kind: 'compare';
      readonly operators: readonly string[];
      readonly operands: readonly Code[];
    };

interface CodeToken {
  readonly kind: 'name' | 'number' | 'string' | 'sign' | 'newline' | 'end';
  readonly text: string;
  readonly line: number;
}

const TOKEN =
  /[ \t\r]+|#[^\n]*|\\\n|(?<newline>\n)|(?<number>0[xX][0-9a-fA-F]+|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?<sign>\*\*=?|\/\/=?|<<=?|>>=?|[-+*/%&|^<>=!]=|[-+*/%&|^~<>=(),;])/y;

function codeTokens(text: string): CodeToken[] {
  const tokens: CodeToken[] = [];
  const pattern = new RegExp(TOKEN);
  let line = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) throw new CodeSyntaxError(line, `unknown sign ${text[at]}`);
    const kind = Object.entries(match.groups!).find(([, found]) => found !== undefined)?.[0];
    const found = match[0];
    if (found === '(') depth++;
    if (found === ')') depth--;
    // Inside parentheses a line does not end.
    if (kind === 'newline' ? depth === 0 : kind !== undefined) {
      tokens.push({ kind: kind as CodeToken['kind'], text: found, line });
    }
    if (found.endsWith('\n')) line++;
  }
  tokens.push({ kind: 'end', text: 'the end', line });
  return tokens;
}

export function parseCode(text: string): readonly Statement[] {
  return new CodeParser(codeTokens(text)).statements();
}

/** From the loosest to the tightest; `compare` and the unary operators stand between them. */
const BINARY: readonly (readonly string[])[] = [
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '//', '%'],
];
const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];
const KEYWORDS = new Set(
  'if else elif for while def class import from return lambda with try except raise del pass in is'.split(
    ' ',
  ),
);

class CodeParser {
  private readonly tokens: readonly CodeToken[];
  private at = 0;

  constructor(tokens: readonly CodeToken[]) {
    this.tokens = tokens;
  }

  statements(): readonly Statement[] {
    const statements: Statement[] = [];
    for (;;) {
      while (this.isKind('newline') || this.is(';')) this.at++;
      if (this.isKind('end')) return statements;
      statements.push(this.statement());
      const isOver = this.isKind('newline') || this.isKind('end') || this.is(';');
      if (!isOver) this.fail(`unexpected ${this.next.text}`);
    }
  }

  private statement(): Statement {
    const { line } = this.next;
    if (this.skipName('assert')) {
      const value = this.test();
      const message = this.skip(',') ? this.test() : null;
      return { line, kind: 'assert', target: '', value, message };
    }
    const operator = this.tokens[this.at + 1]?.text ?? '';
    const isAssignment =
      this.next.kind === 'name' && /^([-+*/%&|^]|\/\/|<<|>>|\*\*)?=$/.test(operator);
    if (!isAssignment)
      return { line, kind: 'value', target: '', value: this.testList(), message: null };
    const target = this.name();
    this.at++;
    let value = this.testList();
    if (operator !== '=') {
      const left: Code = { kind: 'name', name: target };
      value = { kind: 'binary', operator: operator.slice(0, -1), left, right: value };
    }
    return { line, kind: 'assign', target, value, message: null };
  }

  /** Expressions with commas between them are a tuple. */
  private testList(): Code {
    const first = this.test();
    if (!this.is(',')) return first;
    const items = [first];
    while (this.skip(',') && this.startsExpression()) items.push(this.test());
    return { kind: 'tuple', items };
  }

  private test(): Code {
    let left = this.conjunction();
    while (this.skipName('or')) {
      left = { kind: 'binary', operator: 'or', left, right: this.conjunction() };
    }
    return left;
  }

  private conjunction(): Code {
    let left = this.negation();
    while (this.skipName('and')) {
      left = { kind: 'binary', operator: 'and', left, right: this.negation() };
    }
    return left;
  }

  private negation(): Code {
    if (this.skipName('not')) return { kind: 'unary', operator: 'not', operand: this.negation() };
    const operands = [this.binary(0)];
    const operators: string[] = [];
    while (COMPARISONS.some((sign) => this.is(sign))) {
      operators.push(this.next.text);
      this.at++;
      operands.push(this.binary(0));
    }
    return operators.length === 0 ? operands[0]! : { kind: 'compare', operators, operands };
  }

  private binary(level: number): Code {
    if (level === BINARY.length) return this.unary();
    let left = this.binary(level + 1);
    while (BINARY[level]!.some((sign) => this.is(sign))) {
      const operator = this.next.text;
      this.at++;
      left = { kind: 'binary', operator, left, right: this.binary(level + 1) };
    }
    return left;
  }

  private unary(): Code {
    for (const operator of ['-', '+', '~']) {
      if (this.skip(operator)) return { kind: 'unary', operator, operand: this.unary() };
    }
    const base = this.primary();
    if (!this.skip('**')) return base;
    return { kind: 'binary', operator: '**', left: base, right: this.unary() };
  }

  private primary(): Code {
    const token = this.next;
    switch (token.kind) {
      case 'number':
        this.at++;
        return { kind: 'literal', value: numberOf(token.text) };
      case 'string': {
        let value = '';
        for (; this.next.kind === 'string'; this.at++) value += stringOf(this.next.text);
        return { kind: 'literal', value };
      }
      case 'name': {
        const name = this.name();
        return this.skip('(') ? { kind: 'call', name, args: this.items() } : { kind: 'name', name };
      }
      default:
        if (!this.skip('(')) return this.fail(`unexpected ${token.text.trim() || 'end of line'}`);
        return this.parenthesised();
    }
  }

  private parenthesised(): Code {
    if (this.skip(')')) return { kind: 'tuple', items: [] };
    const inner = this.testList();
    if (!this.skip(')')) this.fail(`expected ')', not ${this.next.text}`);
    return inner;
  }

  private items(): readonly Code[] {
    const items: Code[] = [];
    while (!this.skip(')')) {
      items.push(this.test());
      if (!this.skip(',') && !this.is(')')) this.fail(`expected ')', not ${this.next.text}`);
    }
    return items;
  }

  private get next(): CodeToken {
    return this.tokens[this.at]!;
  }

  private isKind(kind: CodeToken['kind']): boolean {
    return this.next.kind === kind;
  }

  private is(sign: string): boolean {
    return this.next.kind === 'sign' && this.next.text === sign;
  }

  private skip(sign: string): boolean {
    if (!this.is(sign)) return false;
    this.at++;
    return true;
  }

  private skipName(name: string): boolean {
    if (this.next.kind !== 'name' || this.next.text !== name) return false;
    this.at++;
    return true;
  }

  private name(): string {
    const { text } = this.next;
    if (KEYWORDS.has(text)) this.fail(`${text} is beyond the Python that is understood here`);
    this.at++;
    return text;
  }

  private startsExpression(): boolean {
    const { kind } = this.next;
    return (
      kind === 'name' || kind === 'number' || kind === 'string' || this.is('(') || this.is('-')
    );
  }

  private fail(what: string): never {
    throw new CodeSyntaxError(this.next.line, what);
  }
}

function numberOf(text: string): bigint | number {
  return /^\d+$|^0[xX]/.test(text) ? BigInt(text) : Number(text);
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function stringOf(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (_all, letter) => ESCAPED[letter] ?? letter);
}
