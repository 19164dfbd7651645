/** Socket options as values: one table says what each does, and the documentation is checked against it. */
import { EINVAL, ENOPROTOOPT, EOPNOTSUPP } from '../base/errno.ts';
import { AF, SOL } from './abi.ts';

/**
 * What happens to an option: it acts; it is kept and returned, and nothing here can act on it (advisory);
 * or it is refused with an errno, which is better than a lie.
 */
export type OptionStatus = 'implemented' | 'advisory' | 'refused';

export interface SocketOption<T> {
  readonly level: number;
  /** As in C: `IP_TTL`. */
  readonly name: string;
  readonly number: number;
  readonly status: OptionStatus;
  /** For refused ones. */
  readonly errno: number;
  /** For the documentation: what there is to know. */
  readonly note: string;
  /** A name, of any length; others are as long as an int, at least. */
  readonly isText: boolean;
  get(e: T, into: Uint8Array): number;
  set(e: T, value: Uint8Array): number;
}

export type OptionHead = Readonly<
  Pick<SocketOption<unknown>, 'level' | 'name' | 'number' | 'note'>
>;

/**
 * An int; null: it cannot be read, or set. `set` returns 0 or -errno. As on Linux an option of SOL_IP fits in
 * one byte, either way, and others are cut when they are read.
 */
export function intOption<T>(
  head: OptionHead,
  get: ((e: T) => number) | null,
  set: ((e: T, value: number) => number) | null,
  status: OptionStatus = 'implemented',
): SocketOption<T> {
  return {
    ...head,
    status,
    errno: 0,
    isText: false,
    get: (e, into) => {
      if (get === null) return -ENOPROTOOPT;
      const value = get(e);
      const isByte = head.level === SOL.IP && into.length < 4 && value >= 0 && value <= 255;
      return writeInt(value, isByte ? into.subarray(0, 1) : into);
    },
    set: (e, value) => {
      if (set === null) return -ENOPROTOOPT;
      const n = readInt(value);
      return n === null ? -EINVAL : set(e, n);
    },
  };
}

/** Something that is not an int. */
export function bytesOption<T>(
  head: OptionHead,
  get: ((e: T, into: Uint8Array) => number) | null,
  set: ((e: T, value: Uint8Array) => number) | null,
): SocketOption<T> {
  return { ...textOption(head, get, set), isText: false };
}

/** A name: neither zero at its end nor a length is asked for. */
export function textOption<T>(
  head: OptionHead,
  get: ((e: T, into: Uint8Array) => number) | null,
  set: ((e: T, value: Uint8Array) => number) | null,
): SocketOption<T> {
  return {
    ...head,
    status: 'implemented',
    errno: 0,
    isText: true,
    get: (e, into) => (get === null ? -ENOPROTOOPT : get(e, into)),
    set: (e, value) => (set === null ? -ENOPROTOOPT : set(e, value)),
  };
}

export function refusedOption<T>(head: OptionHead, errno: number = ENOPROTOOPT): SocketOption<T> {
  return {
    ...head,
    status: 'refused',
    errno,
    isText: false,
    get: () => -errno,
    set: () => -errno,
  };
}

/** By level and number. */
export function optionMap<T>(options: readonly SocketOption<T>[]): OptionMap<T> {
  return new Map(options.map((o) => [optionKey(o.level, o.number), o]));
}

export function optionKey(level: number, number: number): number {
  return level * 65536 + number;
}

/** An int in the machine's order; a shorter value is the first byte, as IP options take it. Null: empty. */
export function readInt(value: Uint8Array): number | null {
  if (value.length === 0) return null;
  if (value.length < 4) return value[0]!;
  return value[0]! | (value[1]! << 8) | (value[2]! << 16) | (value[3]! << 24);
}

/** As much of the int as fits; returns how much. */
export function writeInt(value: number, into: Uint8Array): number {
  const n = Math.min(into.length, 4);
  for (let i = 0; i < n; i++) into[i] = (value >>> (8 * i)) & 255;
  return n;
}

export type OptionMap<T> = ReadonlyMap<number, SocketOption<T>>;

/** The families and protocols whose options a socket may know. */
export interface OptionOwner {
  readonly domain: number;
  /** IPPROTO_TCP is SOL_TCP, IPPROTO_UDP is SOL_UDP. */
  readonly protocol: number;
}

/** Linux wants an int's length before it looks which option it is; SOL_IP takes a byte. */
function isIntLevel(e: OptionOwner, level: number): boolean {
  return level === SOL.SOCKET || level === e.protocol;
}

/** `getsockopt`: the value's length, or -errno. As on Linux, AF_INET has an errno of its own for other levels. */
export function getFrom<T extends OptionOwner>(
  options: OptionMap<T>,
  e: T,
  level: number,
  name: number,
  into: Uint8Array,
): number {
  const option = options.get(optionKey(level, name));
  if (option !== undefined) return option.get(e, into);
  const isForeign = e.domain === AF.INET && level !== SOL.IP && !isIntLevel(e, level);
  return isForeign ? -EOPNOTSUPP : -ENOPROTOOPT;
}

export function setIn<T extends OptionOwner>(
  options: OptionMap<T>,
  e: T,
  level: number,
  name: number,
  value: Uint8Array,
): number {
  const option = options.get(optionKey(level, name));
  if (value.length < 4 && option?.isText !== true && isIntLevel(e, level)) return -EINVAL;
  return option === undefined ? -ENOPROTOOPT : option.set(e, value);
}
