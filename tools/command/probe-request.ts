/** What `ping` and `traceroute` ask of whom they are told to probe, and of what comes over a control socket. */
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, isLinkLocal6, isV4 } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { Failure, usageError } from './failure.ts';
import type { Options } from './options.ts';

/** The one word of a command line, an address that -4 and -6 do not contradict. `missing` is said if there is none. */
export function destinationOf(options: Options, missing: string): { text: string; v4: boolean } {
  options.notTogether('4', '6');
  const text = options.words[0];
  if (text === undefined) throw usageError(missing);
  options.atMost(1);
  const address = parseAddress(text.split('%')[0]!);
  if (address === null) throw usageError(`${text} is not an IP address (names are not looked up)`);
  const v4 = isV4(address);
  if (options.has('4') && !v4) throw usageError(`-4, but ${text} is an IPv6 address`);
  if (options.has('6') && v4) throw usageError(`-6, but ${text} is an IPv4 address`);
  return { text, v4 };
}

export interface ProbeTarget {
  readonly address: Address;
  /** 0: by route. */
  readonly ifaceIndex: number;
}

/**
 * Where to, and out of which interface. A link-local destination means nothing without one (RFC 4007 §6): that which is
 * named, by `option` or behind a %, or the only one besides loopback. Throws a Failure.
 */
export function probeTarget(
  stack: Stack,
  request: { readonly destination: string; readonly device: string },
  option: string,
): ProbeTarget {
  const [text, zone] = request.destination.split('%');
  const address = parseAddress(text!);
  if (address === null) throw new Failure('EINVAL', `${text} is not an IP address`);
  const device = request.device !== '' ? request.device : (zone ?? '');
  if (device !== '') return { address, ifaceIndex: indexOf(stack, device) };
  if (!isLinkLocal6(address)) return { address, ifaceIndex: 0 };
  const links = stack.net.interfaces.filter((i) => !i.isLoopback);
  if (links.length === 1) return { address, ifaceIndex: links[0]!.index };
  throw new Failure('EINVAL', `a link-local destination needs ${option} or %interface`);
}

function indexOf(stack: Stack, name: string): number {
  const iface = stack.interfaceByName(name);
  if (iface !== null) return iface.index;
  const names = stack.net.interfaces.map((i) => i.name).join(', ');
  throw new Failure('ENODEV', `the stack has no interface ${name}; it has ${names}`);
}

/** The fields of something that is not trusted: what makes no sense is a Failure that names it. */
export class GivenFields {
  private readonly command: string;
  private readonly given: Readonly<Record<string, unknown>>;

  constructor(command: string, given: Readonly<Record<string, unknown>>) {
    this.command = command;
    this.given = given;
  }

  text(name: string): string {
    const value = this.given[name];
    if (typeof value !== 'string' || value.length > 100) throw this.bad(name);
    return value;
  }

  number(name: string, least: number, most: number): number {
    const value = this.given[name];
    if (!Number.isSafeInteger(value)) throw this.bad(name);
    const n = value as number;
    if (n < least || n > most) throw this.bad(name);
    return n;
  }

  isTrue(name: string): boolean {
    return this.given[name] === true;
  }

  private bad(name: string): Failure {
    return new Failure('EINVAL', `${this.command}: ${name} makes no sense`);
  }
}
