/**
 * Which of our addresses to send from: RFC 6724 §5 for IPv6, the address on the next hop's subnet for IPv4
 * (RFC 1122 §3.3.4.3). Of the rules of §5 there are all but 4 (home addresses: we are no mobile node) and 5.5
 * (prefixes of the next hop; Linux has it not either).
 */
import {
  type Address,
  ANY4,
  ANY6,
  addressEquals,
  IpAddress,
  isLinkLocal4,
  isLoopback,
  isMulticast,
  isV4,
} from '../wire/address.ts';
import { commonPrefix, SCOPE, scopeOf } from './address-scope.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { PolicyTable } from './policy-table.ts';

/** RFC 5014: what a socket would rather have (IPV6_ADDR_PREFERENCES); the default asks use_tempaddr. */
export const PREFER_SOURCE = { DEFAULT: 0, TEMPORARY: 1, PUBLIC: 2 } as const;
const PREFERENCE_BITS = 3;

/** What of a path decides. */
interface SourcedPath {
  readonly source: Address;
  readonly destination: Address;
  readonly iface: Interface;
}

export class SourceAddresses {
  private readonly interfaces: readonly Interface[];
  private readonly policy: PolicyTable;
  /** What one choice compares with: scratch. */
  private scope = 0;
  private label = 0;
  private outIndex = 0;
  private prefersTemporary = false;
  private best: InterfaceAddress | null = null;
  private bestIndex = 0;
  private readonly wished = new IpAddress();

  constructor(interfaces: readonly Interface[], policy: PolicyTable) {
    this.interfaces = interfaces;
    this.policy = policy;
  }

  /**
   * The source for a destination out of an interface, written to `to`: unspecified if there is none of the
   * family. For IPv4 the caller passes the gateway, if there is one, as the destination.
   */
  choose(to: IpAddress, out: Interface, destination: Address, preference: number): void {
    const v4 = isV4(destination);
    const found = v4 ? this.choose4(out, destination) : this.choose6(out, destination, preference);
    to.copy(found?.address ?? (v4 ? ANY4 : ANY6));
  }

  /** The source of a path, for who has a preference of his own. Borrowed, until the next call. */
  towards(path: SourcedPath, preference: number): Address {
    const { source, destination, iface } = path;
    const wish = preference & PREFERENCE_BITS;
    const isSettled = wish === PREFER_SOURCE.DEFAULT || isV4(destination) || iface.isLoopback;
    if (isSettled) return source;
    this.choose(this.wished, iface, destination, wish);
    return this.wished;
  }

  /**
   * On the interface, link-local for link-local if there is a choice (RFC 3927 §2.6.1), then the address whose subnet
   * holds the destination, else the first; else another interface's.
   */
  private choose4(out: Interface, near: Address): InterfaceAddress | null {
    let best: InterfaceAddress | null = null;
    let most = -1;
    for (const entry of out.addresses) {
      if (!isV4(entry.address) || entry.state !== 'preferred') continue;
      const fits = isLinkLocal4(entry.address) === isLinkLocal4(near) ? 256 : 0;
      const fit = fits + commonPrefix(entry.address, entry.bits, near);
      if (fit > most) {
        best = entry;
        most = fit;
      }
    }
    return best ?? this.borrowed4();
  }

  /** An interface without an address sends from one of the host's, as on Linux; not from one that means little elsewhere. */
  borrowed4(): InterfaceAddress | null {
    for (const iface of this.interfaces) {
      const entry = iface.addresses.find(
        (a) => isV4(a.address) && a.state === 'preferred' && scopeOf(a.address) === SCOPE.GLOBAL,
      );
      if (entry !== undefined) return entry;
    }
    return null;
  }

  private choose6(out: Interface, to: Address, preference: number): InterfaceAddress | null {
    this.scope = scopeOf(to);
    this.label = this.policy.rowOf(to).label;
    this.outIndex = out.index;
    const isDefault = preference === PREFER_SOURCE.DEFAULT;
    this.prefersTemporary = isDefault
      ? out.conf6.get('use_tempaddr') >= 2
      : preference === PREFER_SOURCE.TEMPORARY;
    this.best = null;
    // RFC 6724 §4: what stays on a link is sent from an address of that link.
    if (isMulticast(to) || this.scope <= SCOPE.LINK) this.consider(out, to);
    else for (let i = 0; i < this.interfaces.length; i++) this.consider(this.interfaces[i]!, to);
    return this.best;
  }

  private consider(iface: Interface, to: Address): void {
    for (let i = 0; i < iface.addresses.length; i++) {
      const entry = iface.addresses[i]!;
      const { address } = entry;
      if (isV4(address) || entry.state !== 'preferred') continue;
      // RFC 4291 §2.5.3: ::1 is no source for anywhere else.
      if (isLoopback(address) && !isLoopback(to)) continue;
      if (this.best !== null && !this.isBetter(entry, iface.index, this.best, to)) continue;
      this.best = entry;
      this.bestIndex = iface.index;
    }
  }

  /** RFC 6724 §5, rule by rule: the first that tells the two apart decides; if none does, who came first stays. */
  private isBetter(a: InterfaceAddress, index: number, b: InterfaceAddress, to: Address): boolean {
    // Rule 1: the destination itself.
    if (addressEquals(b.address, to)) return false;
    if (addressEquals(a.address, to)) return true;
    // Rule 2: the smallest scope that reaches the destination; if none does, the largest.
    const scopeA = scopeOf(a.address);
    const scopeB = scopeOf(b.address);
    if (scopeA < scopeB) return scopeA >= this.scope;
    if (scopeB < scopeA) return scopeB < this.scope;
    // Rule 3: none that is deprecated.
    if (a.isDeprecated !== b.isDeprecated) return b.isDeprecated;
    // Rule 5: of the interface it leaves by.
    const isOutA = index === this.outIndex;
    if (isOutA !== (this.bestIndex === this.outIndex)) return isOutA;
    // Rule 6: of the destination's kind.
    const fitsA = this.policy.rowOf(a.address).label === this.label;
    if (fitsA !== (this.policy.rowOf(b.address).label === this.label)) return fitsA;
    // Rule 7: temporary or not, as whoever sends wants it.
    const isTemporaryA = a.origin === 'temporary';
    if (isTemporaryA !== (b.origin === 'temporary')) return isTemporaryA === this.prefersTemporary;
    // Rule 8: the longest prefix in common.
    return commonPrefix(a.address, a.bits, to) > commonPrefix(b.address, b.bits, to);
  }
}
