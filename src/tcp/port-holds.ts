/**
 * Who holds which port: decides EADDRINUSE as Linux does.
 *
 * Holders that are alike in all that matters are counted, not listed: a listener's hundred thousand
 * connections are one entry. Kinds: a socket that was bound, one that listens, and a flow (a handshake, a
 * connection or a TIME-WAIT, which may outlive its socket).
 */
import { type Address, addressEquals, IpAddress, isUnspecified, isV4 } from '../wire/address.ts';

export const HOLD = { FLOW: 0, BOUND: 1, LISTENING: 2 } as const;

/** What one holder is, as far as conflicts go. */
export interface PortClaim {
  readonly local: Address;
  readonly port: number;
  /** The interface it is tied to; 0 = any. */
  readonly boundIndex: number;
  readonly isV6Only: boolean;
  /** SO_REUSEADDR */
  readonly isReuse: boolean;
  /** SO_REUSEPORT */
  readonly isReusePort: boolean;
  /** One of HOLD. */
  readonly kind: number;
}

export class PortHold implements PortClaim {
  readonly local = new IpAddress();
  readonly port: number;
  readonly boundIndex: number;
  readonly isV6Only: boolean;
  readonly isReuse: boolean;
  readonly isReusePort: boolean;
  readonly kind: number;
  /** How many hold the port like this. */
  holders = 0;
  /** The next one of the same port. */
  next: PortHold | null = null;

  constructor(claim: PortClaim) {
    this.local.copy(claim.local);
    this.port = claim.port;
    this.boundIndex = claim.boundIndex;
    this.isV6Only = claim.isV6Only;
    this.isReuse = claim.isReuse;
    this.isReusePort = claim.isReusePort;
    this.kind = claim.kind;
  }
}

export class PortHolds {
  private readonly byPort = new Map<number, PortHold>();

  /** Ports held by anybody. */
  get size(): number {
    return this.byPort.size;
  }

  take(claim: PortClaim): PortHold {
    const first = this.byPort.get(claim.port) ?? null;
    let h = first;
    while (h !== null && !isAlike(h, claim)) h = h.next;
    if (h === null) {
      h = new PortHold(claim);
      h.next = first;
      this.byPort.set(claim.port, h);
    }
    h.holders++;
    return h;
  }

  release(h: PortHold): void {
    h.holders--;
    if (h.holders > 0) return;
    const first = this.byPort.get(h.port)!;
    if (first === h) {
      if (h.next === null) this.byPort.delete(h.port);
      else this.byPort.set(h.port, h.next);
      return;
    }
    let before = first;
    while (before.next !== h) before = before.next!; // it is in its port's list
    before.next = h.next;
  }

  /**
   * Whether somebody else holds the port in a way that excludes the claim. With SO_REUSEADDR on both sides only a
   * listener excludes, with SO_REUSEPORT on both sides nobody (Linux asks for the same user besides: a stack has
   * one). When the port is being chosen (`isChoosing`) nobody shares.
   * @param own the claimant's own hold, or null.
   */
  conflicts(claim: PortClaim, own: PortHold | null, isChoosing: boolean): boolean {
    for (let h = this.byPort.get(claim.port) ?? null; h !== null; h = h.next) {
      if (h === own && h.holders === 1) continue;
      if (h.boundIndex !== 0 && claim.boundIndex !== 0 && h.boundIndex !== claim.boundIndex)
        continue;
      const mayShare =
        (claim.isReuse && h.isReuse && h.kind !== HOLD.LISTENING) ||
        (claim.isReusePort && h.isReusePort);
      if ((isChoosing || !mayShare) && meet(claim, h)) return true;
    }
    return false;
  }

  /** A socket was bound to it: not for connections that choose a port. */
  isBound(port: number): boolean {
    for (let h = this.byPort.get(port) ?? null; h !== null; h = h.next) {
      if (h.kind !== HOLD.FLOW) return true;
    }
    return false;
  }
}

function isAlike(h: PortHold, c: PortClaim): boolean {
  return (
    h.kind === c.kind &&
    h.isReuse === c.isReuse &&
    h.isReusePort === c.isReusePort &&
    h.boundIndex === c.boundIndex &&
    h.isV6Only === c.isV6Only &&
    addressEquals(h.local, c.local)
  );
}

/** One could receive what is meant for the other: the same address, or a wildcard that covers it. */
function meet(a: PortClaim, b: PortClaim): boolean {
  const is4 = isV4(a.local);
  if (is4 === isV4(b.local)) {
    return addressEquals(a.local, b.local) || isUnspecified(a.local) || isUnspecified(b.local);
  }
  const six = is4 ? b : a;
  return isUnspecified(six.local) && !six.isV6Only;
}
