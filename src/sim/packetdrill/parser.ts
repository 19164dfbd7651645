/**
 * A script's text to its tree, whole or not at all:
 *
 *     file  := option* [init command] event+ [cleanup command]
 *     event := time (packet | system call | `command` | %{ code }%)
 *
 * Whatever is wrong is one ScriptError, `file:line: message`. Checks that need no running stack are made
 * here: the order of times, lengths, names of ICMP messages, which forms fit which direction.
 */
import { SEC, US } from '../../base/time.ts';
import { parseCall } from './call-parser.ts';
import {
  type OptionSetting,
  type Quote,
  resolveOptions,
  type ScriptOptions,
  settingError,
} from './options.ts';
import { parsePacket } from './packet-parser.ts';
import type {
  Action,
  CommandAction,
  EventTime,
  PacketAction,
  Script,
  ScriptEvent,
} from './script.ts';
import { TokenReader } from './token-reader.ts';

/** @param commandLine settings that win over the script's own. */
export function parseScript(
  file: string,
  text: string,
  commandLine: readonly OptionSetting[] = [],
): Script {
  const reader = new TokenReader(file, text);
  const options = parseOptions(reader, commandLine);
  reader.define(options.defines);
  const init = reader.isKind('command') ? parseCommand(reader) : null;
  const events: ScriptEvent[] = [];
  let cleanup: CommandAction | null = null;
  const order = new TimeOrder();
  while (!reader.isKind('end')) {
    if (reader.isKind('command')) {
      cleanup = parseCommand(reader);
      if (!reader.isKind('end')) reader.fail('a command without a time is the first or the last');
      break;
    }
    events.push(parseEvent(reader, options, order));
  }
  if (events.length === 0) reader.fail('a script has at least one event');
  return { file, options, init, events, cleanup };
}

function parseOptions(reader: TokenReader, commandLine: readonly OptionSetting[]): ScriptOptions {
  const settings: OptionSetting[] = [];
  const { at } = reader;
  while (reader.isKind('option')) {
    const position = reader.at;
    const name = reader.next().text.slice(2);
    const setting = reader.skip('=') ? parseValue(reader, name) : bare(name);
    const wrong = settingError(setting);
    if (wrong !== null) reader.fail(wrong, position);
    settings.push(setting);
  }
  const options = resolveOptions(settings, commandLine);
  return typeof options === 'string' ? reader.fail(options, at) : options;
}

const bare = (name: string): OptionSetting => ({ name, value: null, quote: 'none' });

/** Behind `--name=`: a number, an address (with a prefix length), words joined by signs, NAME=value. */
function parseValue(reader: TokenReader, name: string): OptionSetting {
  const first = reader.next();
  if (first.kind === 'end' || first.kind === 'code') reader.fail(`--${name}= has no value`);
  let value = first.text;
  let quote: Quote = quoteOf(first.kind);
  if (first.kind === 'word' && reader.skip('=')) {
    const right = reader.next();
    value = `${value}=${right.text}`;
    quote = quoteOf(right.kind);
  }
  while (reader.is('/') || reader.is(',') || reader.is('-')) {
    value += reader.next().text + reader.next().text;
  }
  return { name, value, quote };
}

function quoteOf(kind: string): Quote {
  return kind === 'string' || kind === 'command' ? kind : 'none';
}

function parseCommand(reader: TokenReader): CommandAction {
  const token = reader.next();
  return { kind: 'command', at: token.at, text: token.text };
}

function parseEvent(reader: TokenReader, options: ScriptOptions, order: TimeOrder): ScriptEvent {
  const { at } = reader;
  const time = parseTime(reader);
  const event = { at, time, action: parseAction(reader, options) };
  const wrong = order.check(event) ?? formError(event);
  if (wrong !== null) reader.fail(wrong, at);
  return event;
}

function parseAction(reader: TokenReader, options: ScriptOptions): Action {
  const token = reader.peek();
  if (reader.is('<') || reader.is('>')) return parsePacket(reader, options);
  if (token.kind === 'command') return parseCommand(reader);
  if (token.kind === 'code') {
    reader.next();
    return { kind: 'code', at: token.at, text: token.text };
  }
  if (token.kind === 'word') return parseCall(reader);
  return reader.fail(`expected a packet, a call, a command or code, not ${reader.shown()}`);
}

function parseTime(reader: TokenReader): EventTime {
  if (reader.skip('*')) return { anchor: 'any', fromNs: 0, toNs: Infinity, returnNs: null };
  const anchor = reader.is('+') ? 'previous' : 'start';
  const fromNs = parseInstant(reader);
  if (reader.skip('~')) {
    if (reader.is('+') !== (anchor === 'previous')) {
      reader.fail('both ends of a range are relative, or neither is');
    }
    const toNs = parseInstant(reader);
    if (toNs < fromNs) reader.fail('a range ends before it begins');
    return { anchor, fromNs, toNs, returnNs: null };
  }
  if (!reader.isKind('ellipsis')) return { anchor, fromNs, toNs: fromNs, returnNs: null };
  reader.next();
  const returnNs = parseInstant(reader);
  if (returnNs < fromNs) reader.fail('a call returns before it begins');
  return { anchor, fromNs, toNs: fromNs, returnNs };
}

function parseInstant(reader: TokenReader): number {
  reader.skip('+');
  const token = reader.peek();
  if (token.kind !== 'integer' && token.kind !== 'float') {
    reader.fail(`expected a time, not ${reader.shown()}`);
  }
  const seconds = Number(token.text);
  if (seconds < 0) reader.fail('a time is not negative');
  reader.next();
  return Math.round((seconds * SEC) / US) * US;
}

/** The first event is at 0, and absolute times do not go back. */
class TimeOrder {
  private latestNs = 0;
  private isFirst = true;

  check({ time }: ScriptEvent): string | null {
    const wasFirst = this.isFirst;
    this.isFirst = false;
    if (wasFirst && (time.anchor === 'any' || time.fromNs !== 0)) {
      return 'the first event is at time 0';
    }
    if (time.anchor !== 'start') return null;
    if (time.fromNs < this.latestNs) return 'this time is before that of an earlier event';
    this.latestNs = time.fromNs;
    return null;
  }
}

function formError({ time, action }: ScriptEvent): string | null {
  const isOutbound = isPacket(action) && !action.isInbound;
  if (!isOutbound && time.anchor === 'any') return 'only an outbound packet may come at any time';
  if (!isOutbound && time.toNs > time.fromNs)
    return 'only an outbound packet may have a time range';
  if (action.kind !== 'call' && time.returnNs !== null) return 'only a system call can block';
  return null;
}

const isPacket = (action: Action): action is PacketAction =>
  action.kind === 'tcp' || action.kind === 'udp' || action.kind === 'icmp';
