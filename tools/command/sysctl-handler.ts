/** Reads and sets the settings of a running stack, for `ringway sysctl`. */
import { errnoName } from '../../src/base/errno.ts';
import type { ControlSession } from '../../src/live/control-server.ts';
import { readAnySysctl, sysctlsUnder, writeAnySysctl } from '../../src/stack/all-sysctls.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { dottedName } from '../../src/stack/sysctl.ts';
import { Failure } from './failure.ts';

const MAX_ITEMS = 1000;
const MAX_TEXT = 4096;

/** What to do: read a name or a branch of names ('' is all of them), or set a name. */
export interface SysctlItem {
  readonly name: string;
  readonly value?: string;
}

/** What came of it: the value that is or was set, or an errno's name and what failed. */
export interface SysctlAnswer {
  readonly name: string;
  readonly value: string;
  readonly error: string;
  /** False: there is no such name. */
  readonly isKnown: boolean;
}

/** One after the other, whatever becomes of those before. */
export function sysctlAnswers(stack: Stack, items: readonly SysctlItem[]): SysctlAnswer[] {
  return items.flatMap((item) =>
    item.value === undefined ? read(stack, item.name) : write(stack, item.name, item.value),
  );
}

function read(stack: Stack, name: string): SysctlAnswer[] {
  const names = sysctlsUnder(stack, name);
  if (names.length === 0) return [unknown(name)];
  return names.map((n) => ({
    name: n,
    value: readAnySysctl(stack, n) ?? '',
    error: '',
    isKnown: true,
  }));
}

function write(stack: Stack, name: string, value: string): SysctlAnswer {
  if (sysctlsUnder(stack, name).length === 0) return unknown(name);
  const result = writeAnySysctl(stack, name, value);
  const error = result === 0 ? '' : errnoName(result);
  return { name: dottedName(name), value, error, isKnown: true };
}

const unknown = (name: string): SysctlAnswer => ({
  name: dottedName(name),
  value: '',
  error: 'ENOENT',
  isKnown: false,
});

/** The control socket's request: {op: 'sysctl', items}. */
export function sysctl(
  live: { readonly stack: Stack; kick(): void },
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  const { items } = request;
  if (!Array.isArray(items) || items.length > MAX_ITEMS || !items.every(isItem)) {
    throw new Failure('EINVAL', 'sysctl: makes no sense');
  }
  live.kick();
  session.result(sysctlAnswers(live.stack, items));
}

function isItem(item: unknown): item is SysctlItem {
  if (typeof item !== 'object' || item === null) return false;
  const { name, value } = item as Record<string, unknown>;
  return isText(name) && (value === undefined || isText(value));
}

const isText = (text: unknown): text is string =>
  typeof text === 'string' && text.length <= MAX_TEXT;
