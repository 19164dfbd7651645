import {
  type Address,
  ANY4,
  ANY6,
  type IpAddress,
  isLinkLocal4,
  isLinkLocal6,
  isLinkScopeMulticast6,
  isLoopback,
  isV4,
} from '../wire/address.ts';
import type { Interface, InterfaceAddress } from './interface.ts';

/**
 * The source address for a destination out of an interface, written to `to`: unspecified if the
 * interface has none of the family.
 *
 * The part of RFC 6724 §5 that a host with static addresses needs: never a tentative address, then the
 * destination's scope (rule 2), then unique-local for unique-local (rule 6; §2.1 gives fc00::/7 a label of
 * its own), then the longest common prefix (rule 8). IPv4: a link-local address
 * only for link-local destinations, if there is a choice (RFC 3927 §2.6.1); then the address whose subnet
 * holds the destination, else the first, as on Linux; the caller passes the gateway if there is one.
 */
export function setSourceFor(to: IpAddress, iface: Interface, destination: Address): void {
  const v4 = isV4(destination);
  const wantsLinkLocal = isLinkLocal6(destination) || isLinkScopeMulticast6(destination);
  let best: InterfaceAddress | null = null;
  let bestScore = -1;
  for (const entry of iface.addresses) {
    if (isV4(entry.address) !== v4 || entry.state !== 'preferred') continue;
    const fitsScope = v4
      ? isLinkLocal4(entry.address) === isLinkLocal4(destination)
      : isLinkLocal6(entry.address) === wantsLinkLocal;
    const shared = commonBits(entry.address, destination);
    const common = v4 && shared < entry.bits ? 0 : Math.min(shared, entry.bits);
    const fitsLabel = isUniqueLocal6(entry.address) === isUniqueLocal6(destination);
    const score =
      (fitsScope ? 1000 : 0) +
      (isLoopback(entry.address) ? 0 : 500) +
      (fitsLabel ? 200 : 0) +
      common;
    if (score > bestScore) {
      best = entry;
      bestScore = score;
    }
  }
  to.copy(best?.address ?? (v4 ? ANY4 : ANY6));
}

/** fc00::/7 (RFC 4193). */
function isUniqueLocal6(a: Address): boolean {
  return a.w0 >>> 25 === 0x7e;
}

function commonBits(a: Address, b: Address): number {
  if (a.w0 !== b.w0) return Math.clz32(a.w0 ^ b.w0);
  if (a.w1 !== b.w1) return 32 + Math.clz32(a.w1 ^ b.w1);
  if (a.w2 !== b.w2) return 64 + Math.clz32(a.w2 ^ b.w2);
  return 96 + Math.clz32(a.w3 ^ b.w3);
}
