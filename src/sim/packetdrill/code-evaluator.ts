/**
 * Runs `%{ }%` blocks with Python's arithmetic: integers of any size, `/` a float, `//` and `%` towards
 * minus infinity, comparisons in chains. Names that a block assigns are there for the blocks after it.
 */

import { power } from '../../base/elementary.ts';
import { formatText, textOf } from './code-format.ts';
import { type Code, CodeSyntaxError, parseCode, type Statement } from './code-syntax.ts';
import type { CodeAction } from './script.ts';

/** True and false are numbers too, as in Python. */
export type CodeValue = bigint | number | string | boolean | null | readonly CodeValue[];

/** What TCP_INFO and its relatives said at the time of a block: `tcpi_snd_cwnd` … */
export type CodeVariables = Readonly<Record<string, number | bigint>>;

export interface CodeFailure {
  /** In the script's file. */
  readonly line: number;
  /** `unsupported`: beyond what is understood here; nothing is wrong with the script. */
  readonly kind: 'assertion' | 'error' | 'unsupported';
  readonly what: string;
}

const CONSTANTS: CodeVariables = {
  TCP_ESTABLISHED: 1,
  TCP_SYN_SENT: 2,
  TCP_SYN_RECV: 3,
  TCP_FIN_WAIT1: 4,
  TCP_FIN_WAIT2: 5,
  TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7,
  TCP_CLOSE_WAIT: 8,
  TCP_LAST_ACK: 9,
  TCP_LISTEN: 10,
  TCP_CLOSING: 11,
  TCP_CA_Open: 0,
  TCP_CA_Disorder: 1,
  TCP_CA_CWR: 2,
  TCP_CA_Recovery: 3,
  TCP_CA_Loss: 4,
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_ECN: 8,
  TCPI_OPT_ECN_SEEN: 16,
  TCPI_OPT_SYN_DATA: 32,
  TCPI_OPT_USEC_TS: 64,
  TCPI_OPT_TFO_CHILD: 128,
};

class CodeError extends Error {
  override readonly name = 'CodeError';
}

/** Why a block cannot be run here, or null. */
export function codeProblem(block: CodeAction): CodeFailure | null {
  try {
    parseCode(block.text);
    return null;
  } catch (error) {
    if (!(error instanceof CodeSyntaxError)) throw error;
    return { line: block.at.line + error.line, kind: 'unsupported', what: error.message };
  }
}

/** The blocks of one script, in order. */
export class CodeSession {
  /** What `print` printed, a line each. */
  readonly printed: string[] = [];
  private readonly names = new Map<string, CodeValue>();

  constructor() {
    this.assign(CONSTANTS);
  }

  run(block: CodeAction, variables: CodeVariables): CodeFailure | null {
    const problem = codeProblem(block);
    if (problem !== null) return problem;
    this.assign(variables);
    for (const statement of parseCode(block.text)) {
      const failed = this.tryStatement(statement);
      if (failed !== null) return { ...failed, line: block.at.line + statement.line };
    }
    return null;
  }

  private assign(variables: CodeVariables): void {
    for (const [name, value] of Object.entries(variables)) {
      this.names.set(name, Number.isInteger(value) ? BigInt(value) : value);
    }
  }

  private tryStatement(statement: Statement): Pick<CodeFailure, 'kind' | 'what'> | null {
    try {
      return this.statement(statement);
    } catch (error) {
      if (!(error instanceof CodeError)) throw error;
      return { kind: 'error', what: error.message };
    }
  }

  private statement(statement: Statement): Pick<CodeFailure, 'kind' | 'what'> | null {
    const value = this.value(statement.value);
    if (statement.kind === 'assign') this.names.set(statement.target, value);
    if (statement.kind !== 'assert' || isTrue(value)) return null;
    const message = statement.message === null ? '' : textOf(this.value(statement.message));
    return { kind: 'assertion', what: `assertion failed${message === '' ? '' : `: ${message}`}` };
  }

  private value(code: Code): CodeValue {
    switch (code.kind) {
      case 'literal':
        return code.value;
      case 'name':
        return this.name(code.name);
      case 'tuple':
        return code.items.map((item) => this.value(item));
      case 'call':
        return this.call(code.name, code.args);
      case 'unary':
        return unary(code.operator, this.value(code.operand));
      case 'binary':
        return this.binary(code.operator, code.left, code.right);
      case 'compare':
        return this.compare(code.operators, code.operands);
    }
  }

  private name(name: string): CodeValue {
    if (name === 'True' || name === 'False') return name === 'True';
    if (name === 'None') return null;
    const value = this.names.get(name);
    if (value === undefined) throw new CodeError(`name '${name}' is not defined`);
    return value;
  }

  private call(name: string, args: readonly Code[]): CodeValue {
    const values = args.map((arg) => this.value(arg));
    if (name === 'print') {
      this.printed.push(values.map(textOf).join(' '));
      return null;
    }
    if (name === 'str') return textOf(values[0] ?? '');
    const numbers = values.map((value) => numeric(value));
    const [first] = numbers;
    if (first === undefined) throw new CodeError(`${name}() wants an argument`);
    switch (name) {
      case 'abs':
        return first < 0 ? -first : first;
      case 'int':
        return typeof first === 'bigint' ? first : BigInt(Math.trunc(first));
      case 'float':
        return Number(first);
      case 'min':
        return numbers.reduce((a, b) => (b < a ? b : a));
      case 'max':
        return numbers.reduce((a, b) => (b > a ? b : a));
      default:
        throw new CodeError(`there is no function ${name} here`);
    }
  }

  private binary(operator: string, left: Code, right: Code): CodeValue {
    const a = this.value(left);
    if (operator === 'and') return isTrue(a) ? this.value(right) : a;
    if (operator === 'or') return isTrue(a) ? a : this.value(right);
    const b = this.value(right);
    if (operator === '%' && typeof a === 'string') return format(a, b);
    if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
    return arithmetic(operator, numeric(a), numeric(b));
  }

  private compare(operators: readonly string[], operands: readonly Code[]): boolean {
    let left = this.value(operands[0]!);
    for (const [i, operator] of operators.entries()) {
      const right = this.value(operands[i + 1]!);
      if (!isOrdered(operator, left, right)) return false;
      left = right;
    }
    return true;
  }
}

function isTrue(value: CodeValue): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function numeric(value: CodeValue): bigint | number {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  throw new CodeError(`${textOf(value)} is not a number`);
}

function unary(operator: string, value: CodeValue): CodeValue {
  if (operator === 'not') return !isTrue(value);
  const number = numeric(value);
  if (operator === '-') return -number;
  if (operator === '+') return number;
  return ~integer(number);
}

function integer(value: bigint | number): bigint {
  if (typeof value === 'bigint') return value;
  throw new CodeError(`${textOf(value)} is not an integer`);
}

function arithmetic(operator: string, a: bigint | number, b: bigint | number): CodeValue {
  const isDivision = operator === '/' || operator === '//' || operator === '%';
  if (isDivision && Number(b) === 0) throw new CodeError('division by zero');
  if ('|&^<<>>'.includes(operator)) return bitwise(operator, integer(a), integer(b));
  if (operator === '/') return Number(a) / Number(b);
  if (typeof a === 'bigint' && typeof b === 'bigint' && !(operator === '**' && b < 0n)) {
    return onIntegers(operator, a, b);
  }
  return onFloats(operator, Number(a), Number(b));
}

function bitwise(operator: string, a: bigint, b: bigint): bigint {
  if (operator === '|') return a | b;
  if (operator === '&') return a & b;
  if (operator === '^') return a ^ b;
  if (b < 0n || b > 4096n) throw new CodeError(`a shift by ${b}`);
  return operator === '<<' ? a << b : a >> b;
}

function onIntegers(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '**':
      return a ** b;
    default: {
      // Python rounds down, JavaScript towards zero.
      const rest = ((a % b) + b) % b;
      return operator === '%' ? rest : (a - rest) / b;
    }
  }
}

function onFloats(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '**':
      return power(a, b);
    case '//':
      return Math.floor(a / b);
    default:
      return a - b * Math.floor(a / b);
  }
}

function isOrdered(operator: string, left: CodeValue, right: CodeValue): boolean {
  if (operator === '==') return isEqual(left, right);
  if (operator === '!=') return !isEqual(left, right);
  const areStrings = typeof left === 'string' && typeof right === 'string';
  const [a, b] = areStrings ? [left, right] : [numeric(left), numeric(right)];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

function isEqual(a: CodeValue, b: CodeValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  }
  const isNumber = (value: CodeValue) => ['bigint', 'number', 'boolean'].includes(typeof value);
  // A bigint equals a number of the same value under ==, never under ===.
  if (isNumber(a) && isNumber(b)) return !(numeric(a) < numeric(b)) && !(numeric(a) > numeric(b));
  return a === b;
}

function format(template: string, value: CodeValue): string {
  const text = formatText(template, Array.isArray(value) ? value : [value]);
  if (text === null) throw new CodeError(`'${template}' does not fit its arguments`);
  return text;
}
