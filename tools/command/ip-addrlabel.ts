/**
 * `ringway addrlabel`: ip-addrlabel(8), on the table by which source addresses are chosen and the addresses of a name
 * ordered (RFC 6724 §2.1). Linux has its labels in the kernel and its precedences in gai.conf(5); here a row has both.
 */
import type { PolicyRow } from '../../src/net/policy-table.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { addressEquals, isV4, networkOf } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import {
  answers,
  badArgument,
  extended,
  lengthOf,
  notHere,
  type Prefix,
  prefixOf,
  verbOf,
  type Words,
} from './ip-words.ts';

const VERBS = ['list', 'show', 'lst', 'add', 'delete', 'flush'] as const;
/** Linux's IPV6_ADDR_LABEL_DEFAULT, which no row may have. */
const NO_LABEL = 0xffffffff;
const MOST_PRECEDENCE = 0x7fffffff;
/** Of RFC 6724's row for everything: that of a row for which there is no wider one. */
const PRECEDENCE = 40;
/** Far more than anybody configures; each look-up walks them. */
const MOST_ROWS = 256;

export interface LabelView {
  readonly address: string;
  readonly prefixlen: number;
  readonly label: number;
  /** Ours. */
  readonly precedence: number;
}

export type LabelAnswer = { readonly list: readonly LabelView[] } | Record<string, never>;

export function ipAddrLabel(stack: Stack, words: Words): LabelAnswer {
  const { policy, routes } = stack.net;
  const verb = verbOf(words.take(), VERBS, 'addrlabel');
  if (verb === 'show') return { list: policy.rows.map(labelView) };
  if (verb === 'flush') {
    if (!words.isEnd) {
      throw badArgument('"ringway addrlabel flush" does not allow extra arguments');
    }
    for (const row of [...policy.rows]) policy.remove(row.prefix, row.bits);
  } else change(stack, words, verb === 'add');
  routes.changed(); // sources are chosen anew
  return {};
}

function change(stack: Stack, words: Words, isAdded: boolean): void {
  let prefix: Prefix | null = null;
  let label: number | null = null;
  let precedence: number | null = null;
  for (let word = words.take(); word !== undefined; word = words.take()) {
    if (word === 'prefix') prefix = labelPrefix(words.need());
    else if (word === 'label') label = words.number('label is invalid', 0, NO_LABEL - 1);
    else if (word === 'precedence' && isAdded) {
      precedence = words.number('precedence is invalid', 0, MOST_PRECEDENCE);
    } else if (word === 'dev') throw notHere('dev');
    else throw badArgument(`Error: "${word}" is none of prefix, label, precedence.`);
  }
  if (prefix === null) throw missing('prefix');
  if (label === null) throw missing('label');
  const { policy } = stack.net;
  const bits = lengthOf(prefix);
  const network = networkOf(prefix.address, bits);
  const known = policy.rows.find((r) => r.bits === bits && addressEquals(r.prefix, network));
  if (!isAdded) {
    if (known === undefined) throw answers('ESRCH'); // the label has to be said; Linux does not compare it either
    policy.remove(network, bits);
    return;
  }
  if (known !== undefined) throw answers('EEXIST');
  if (policy.rows.length >= MOST_ROWS) throw extended('ENOBUFS', 'Too many rows.');
  const wider = policy.rowOf(network);
  const inherited = wider.precedence < 0 ? PRECEDENCE : wider.precedence;
  policy.set(network, bits, precedence ?? inherited, label);
}

function missing(what: string): Error {
  return badArgument(`Not enough information: "${what}" argument is required.`);
}

/** IPv4 in its own form, or mapped, as the list shows it. */
function labelPrefix(text: string): Prefix {
  const [, inner, bits] = /^::ffff:(\d+\.\d+\.\d+\.\d+)\/(\d{2,3})$/i.exec(text) ?? [];
  return prefixOf(inner === undefined ? text : `${inner}/${Number(bits) - 96}`, '');
}

function labelView({ prefix, bits, label, precedence }: PolicyRow): LabelView {
  const isMapped = isV4(prefix) && bits >= 96;
  return {
    address: isMapped ? `::ffff:${formatAddress(prefix)}` : formatAddress(prefix),
    prefixlen: bits,
    label,
    precedence,
  };
}

export function labelText({ address, prefixlen, label, precedence }: LabelView): string {
  return `prefix ${address}/${prefixlen} label ${label} precedence ${precedence}`;
}
