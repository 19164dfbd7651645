/** Which address of a name to try first: RFC 6724 §6. */
import { type Address, IpAddress, isUnspecified, isV4 } from '../wire/address.ts';
import { commonPrefix, scopeOf } from './address-scope.ts';
import type { Network } from './network.ts';
import type { PolicyRow } from './policy-table.ts';

/** A destination and what the rules want to know of it, looked up once. */
class Candidate {
  readonly address: Address;
  readonly isUsable: boolean;
  /** The source's and the destination's scope are one. */
  readonly fitsScope: boolean;
  readonly isSourceDeprecated: boolean;
  readonly fitsLabel: boolean;
  readonly row: PolicyRow;
  readonly scope: number;
  readonly common: number;

  constructor(net: Network, address: Address) {
    const path = net.paths.lookup(address, 0);
    // A path may be another's after the next look-up: what is kept of it is copied.
    const source = new IpAddress();
    if (path !== null) source.copy(path.source);
    const entry = path === null ? null : net.locals.entryOf(source, path.iface.index);
    this.address = address;
    this.isUsable = path !== null && !isUnspecified(source);
    this.scope = scopeOf(address);
    this.row = net.policy.rowOf(address);
    this.fitsScope = this.isUsable && scopeOf(source) === this.scope;
    this.fitsLabel = this.isUsable && net.policy.rowOf(source).label === this.row.label;
    this.isSourceDeprecated = entry?.isDeprecated ?? false;
    this.common = entry === null ? 0 : commonPrefix(source, entry.bits, address);
  }
}

/**
 * The addresses in the order in which to try them, each as it would be sent to now. Of the rules of RFC 6724 §6
 * there are all but 4 (home addresses) and 7 (encapsulation): we have neither. What no rule tells apart stays in
 * the order in which it was given (rule 10).
 */
export function sortDestinations(net: Network, addresses: readonly Address[]): Address[] {
  return addresses
    .map((address) => new Candidate(net, address))
    .sort(compare)
    .map((c) => c.address);
}

/** Negative: `a` is tried first. */
function compare(a: Candidate, b: Candidate): number {
  if (a.isUsable !== b.isUsable) return a.isUsable ? -1 : 1; // rule 1
  if (a.fitsScope !== b.fitsScope) return a.fitsScope ? -1 : 1; // rule 2
  if (a.isSourceDeprecated !== b.isSourceDeprecated) return b.isSourceDeprecated ? -1 : 1; // rule 3
  if (a.fitsLabel !== b.fitsLabel) return a.fitsLabel ? -1 : 1; // rule 5
  const precedence = b.row.precedence - a.row.precedence; // rule 6
  if (precedence !== 0) return precedence;
  if (a.scope !== b.scope) return a.scope - b.scope; // rule 8
  return isV4(a.address) === isV4(b.address) ? b.common - a.common : 0; // rule 9
}
