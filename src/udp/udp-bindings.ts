import type { PortUse } from '../net/ephemeral-ports.ts';
import { type Address, addressEquals, isUnspecified, isV4 } from '../wire/address.ts';
import type { UdpFamily, UdpSocket } from './udp-socket.ts';

/**
 * Who holds which port: decides EADDRINUSE as Linux does. Two sockets conflict on a port when one
 * could receive what is meant for the other: same address, or a wildcard that covers it, in a family
 * both speak, on interfaces that are not kept apart; unless both have SO_REUSEADDR, or both SO_REUSEPORT (a
 * stack has one user).
 */
export class UdpBindings implements PortUse {
  private readonly byPort = new Map<number, UdpSocket[]>();
  /** What `isPortFree` is asked about: set by `asking`. */
  private asker!: UdpSocket;
  private address!: Address;
  private family: UdpFamily = 'ipv4';
  private boundIndex = 0;

  /** Prepares a search for a port that the socket could take with this address and interface. */
  asking(s: UdpSocket, address: Address, boundIndex: number): this {
    this.asker = s;
    this.address = address;
    this.family = s.family;
    this.boundIndex = boundIndex;
    return this;
  }

  isPortFree(port: number): boolean {
    const holders = this.byPort.get(port);
    return holders === undefined || !holders.some((s) => this.conflicts(s));
  }

  /** Whoever has the port. */
  holdersOf(port: number): readonly UdpSocket[] {
    return this.byPort.get(port) ?? NOBODY;
  }

  add(s: UdpSocket): void {
    const holders = this.byPort.get(s.localPort);
    if (holders === undefined) this.byPort.set(s.localPort, [s]);
    else holders.push(s);
  }

  remove(s: UdpSocket): void {
    const holders = this.byPort.get(s.localPort);
    if (holders === undefined) return;
    const at = holders.indexOf(s);
    if (at >= 0) holders.splice(at, 1);
    if (holders.length === 0) this.byPort.delete(s.localPort);
  }

  private conflicts(s: UdpSocket): boolean {
    if (share(s, this.asker)) return false;
    if (s.boundIndex !== 0 && this.boundIndex !== 0 && s.boundIndex !== this.boundIndex)
      return false;
    if (addressEquals(s.local, this.address)) return s.family === this.family || overlap(s, this);
    if (!isUnspecified(s.local) && !isUnspecified(this.address)) return false;
    return overlap(s, this);
  }

  /** The families `asking` was called with can meet. */
  speaksV4(): boolean {
    return speaks(this.family, this.address, true);
  }

  speaksV6(): boolean {
    return speaks(this.family, this.address, false);
  }
}

const NOBODY: readonly UdpSocket[] = [];

/** Whether two sockets may have the same ends. */
export function share(a: UdpSocket, b: UdpSocket): boolean {
  return (a.isReuseAddress && b.isReuseAddress) || (a.isReusePort && b.isReusePort);
}

function overlap(s: UdpSocket, asked: UdpBindings): boolean {
  return (
    (speaks(s.family, s.local, true) && asked.speaksV4()) ||
    (speaks(s.family, s.local, false) && asked.speaksV6())
  );
}

/** Whether a socket bound like this receives datagrams of a family. */
export function speaks(family: UdpFamily, local: Address, v4: boolean): boolean {
  if (family === 'ipv4') return v4;
  if (family === 'ipv6') return !v4;
  return isUnspecified(local) && !isV4(local) ? true : isV4(local) === v4;
}
