/**
 * `npm start -- --interface IFACE`: the stack is one more machine on a network that is there, as a container's is.
 *
 *     the peer's kernel (--peer) ── the network ── IFACE ── AF_PACKET ── Ringway (--address)
 *                                                    └── the kernel, with other addresses
 */
import { isV4, prefixEquals } from '../../src/wire/address.ts';
import { formatAddress, parseAddress } from '../../src/wire/address-text.ts';
import type { AddressSpec } from '../command/stack-spec.ts';
import type { Ends, Family, WireEnds } from './step.ts';

/** Prefix lengths of IPv4 lie behind the 96 bits that make it a mapped address. */
const MAPPED_BITS = 96;

export interface Lan {
  readonly interface: string;
  readonly addresses: readonly AddressSpec[];
  /** Where tools/start/peer-server.ts listens, for the tour; null: nobody is known. */
  readonly peer: string | null;
}

/** The first of each family, or ''. */
export function lanAddresses(lan: Lan): Record<Family, string> {
  const first = (family: Family): string => {
    const own = lan.addresses.find((a) => familyOf(a.address) === family);
    return own === undefined ? '' : formatAddress(own.address);
  };
  return { v4: first('v4'), v6: first('v6') };
}

/** For each family an address of ours and one of theirs in its subnet. */
export function lanEnds(lan: Lan, theirs: readonly string[]): WireEnds {
  return { v4: endsOf(lan, theirs, 'v4'), v6: endsOf(lan, theirs, 'v6') };
}

function endsOf(lan: Lan, theirs: readonly string[], family: Family): Ends | null {
  for (const { address, bits } of lan.addresses) {
    if (familyOf(address) !== family) continue;
    const prefix = family === 'v4' ? bits + MAPPED_BITS : bits;
    const near = theirs.find((text) => {
      const their = parseAddress(text);
      return their !== null && prefixEquals(address, their, prefix);
    });
    if (near !== undefined) return { ours: formatAddress(address), theirs: near };
  }
  return null;
}

function familyOf(address: AddressSpec['address']): Family {
  return isV4(address) ? 'v4' : 'v6';
}
