/** Values of the expressions in a call's arguments. */
import { parseAddress } from '../../wire/address-text.ts';
import type { ScriptOptions } from './options.ts';
import {
  type CallAction,
  type Expression,
  type Position,
  type RecordExpression,
  type RecordShape,
  ScriptError,
} from './script.ts';
import { symbolValue } from './symbols.ts';
import type { Buffers, SocketAddress } from './system-under-test.ts';
import { BAD_BUFFER } from './system-under-test.ts';

/** What a call's arguments mean, and how to say that they mean nothing. */
export class Arguments {
  readonly call: CallAction;
  readonly options: ScriptOptions;
  private readonly file: string;
  /** The file descriptors of the script and those of the stack. */
  private readonly fds: ReadonlyMap<number, number>;

  constructor(
    file: string,
    call: CallAction,
    options: ScriptOptions,
    fds: ReadonlyMap<number, number>,
  ) {
    this.file = file;
    this.call = call;
    this.options = options;
    this.fds = fds;
  }

  count(min: number, max: number = min): void {
    const { args, name, at } = this.call;
    if (args.length >= min && args.length <= max) return;
    const wanted = min === max ? `${min}` : `${min} to ${max}`;
    this.fail(at, `${name} has ${wanted} arguments, not ${args.length}`);
  }

  at(index: number): Expression {
    return this.call.args[index]!;
  }

  number(index: number): number {
    return this.valueOf(this.at(index));
  }

  /** The stack's descriptor; one that the script has none for is -1, which no stack has. */
  fd(index: number): number {
    return this.liveFd(this.number(index));
  }

  liveFd(scriptFd: number): number {
    return this.fds.get(scriptFd) ?? -1;
  }

  valueOf(expression: Expression): number {
    switch (expression.kind) {
      case 'integer':
        return expression.value;
      case 'symbol':
        return this.symbol(expression.name, expression.at);
      case 'or':
        return expression.terms.reduce((bits, term) => (bits | this.valueOf(term)) >>> 0, 0);
      case 'list':
        if (expression.items.length === 1) return this.valueOf(expression.items[0]!);
        return this.fail(expression.at, 'expected one number in brackets');
      default:
        return this.fail(expression.at, 'expected a number');
    }
  }

  private symbol(name: string, at: Position): number {
    return symbolValue(name) ?? this.fail(at, `${name} is not known`);
  }

  isEllipsis(index: number): boolean {
    return this.at(index).kind === 'ellipsis';
  }

  isSymbol(index: number, name: string): boolean {
    const expression = this.at(index);
    return expression.kind === 'symbol' && expression.name === name;
  }

  list(index: number): readonly Expression[] {
    const expression = this.at(index);
    return expression.kind === 'list' ? expression.items : this.fail(expression.at, 'expected [ ]');
  }

  record(expression: Expression, shape: RecordShape): RecordExpression {
    if (expression.kind === 'record' && expression.shape === shape) return expression;
    return this.fail(expression.at, `expected a ${shape} in braces`);
  }

  field(record: RecordExpression, name: string): Expression | null {
    return record.fields.find((field) => field.name === name)?.value ?? null;
  }

  /** 0 where it is not written. */
  numberField(record: RecordExpression, name: string): number {
    const expression = this.field(record, name);
    return expression === null ? 0 : this.valueOf(expression);
  }

  /** The buffer at `index` with the length behind it. */
  buffers(index: number): { readonly buffers: Buffers; readonly len: number } {
    const len = this.number(index + 1);
    return { buffers: this.isSymbol(index, 'NULL') ? BAD_BUFFER : [len], len };
  }

  /** `[{..., 10}, {..., 20}]`. */
  vector(expression: Expression): { readonly buffers: Buffers; readonly len: number } {
    if (expression.kind !== 'list') return this.fail(expression.at, 'expected [{…, n}, …]');
    const lengths: number[] = [];
    let isBad = false;
    for (const item of expression.items) {
      if (item.kind !== 'buffer') return this.fail(item.at, 'expected {…, n}');
      if (item.base.kind === 'symbol' && item.base.name === 'NULL') isBad = true;
      lengths.push(this.valueOf(item.len));
    }
    const len = lengths.reduce((sum, length) => sum + length, 0);
    return { buffers: isBad ? BAD_BUFFER : lengths, len };
  }

  /** `...` is the stack's own address, or the peer's; or it is written out. */
  address(index: number, side: 'local' | 'remote'): SocketAddress | 'unspecified' {
    if (this.isSymbol(index, 'AF_UNSPEC')) return 'unspecified';
    return this.addressOf(this.at(index), side);
  }

  private addressOf(expression: Expression, side: 'local' | 'remote'): SocketAddress {
    const { options } = this;
    if (expression.kind === 'ellipsis') {
      return side === 'local'
        ? { address: options.localIp, port: options.bindPort }
        : { address: options.remoteIp, port: options.connectPort };
    }
    const record = this.record(expression, 'sockaddr');
    const text = this.field(record, 'sin_addr');
    const port = this.field(record, 'sin_port');
    const address = text?.kind === 'function' ? this.addressText(text.argument) : null;
    if (address === null) return this.fail(expression.at, 'expected an address');
    const number = port?.kind === 'function' ? this.valueOf(port.argument) : 0;
    return { address, port: number };
  }

  private addressText(expression: Expression) {
    return expression.kind === 'string' ? parseAddress(expression.bytes) : null;
  }

  fail(at: Position, what: string): never {
    throw new ScriptError(this.file, at, what);
  }
}
