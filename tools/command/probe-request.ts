/** What `ping` and `traceroute` ask of whom they are told to probe, and of what comes over a control socket. */
import { isV4 } from '../../src/wire/address.ts';
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
