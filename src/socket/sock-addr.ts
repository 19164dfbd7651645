/**
 * A socket address of either family: scratch that the caller owns and calls refill. An IPv4 address keeps
 * its mapped form (`::ffff:a.b.c.d`), so one of family AF_INET and its mapped twin differ in `family` only.
 */
import { EAFNOSUPPORT, EINVAL } from '../base/errno.ts';
import { type Address, ANY4, ANY6, IpAddress } from '../wire/address.ts';
import { formatAddress, formatV4 } from '../wire/address-text.ts';
import { AF } from './abi.ts';

/** sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6). */
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;

export class SockAddr {
  /** One of AF. */
  family: number = AF.UNSPEC;
  readonly address = new IpAddress();
  port = 0;
  /** sin6_scope_id: the interface a link-local address belongs to, 0 = not said. */
  scopeId = 0;

  set(family: number, address: Address, port: number, scopeId: number = 0): this {
    this.family = family;
    this.address.copy(address);
    this.port = port;
    this.scopeId = family === AF.INET6 ? scopeId : 0;
    return this;
  }

  copy(from: SockAddr): this {
    return this.set(from.family, from.address, from.port, from.scopeId);
  }

  /** No address: `connect` to it disconnects. */
  clear(): this {
    return this.set(AF.UNSPEC, ANY6, 0);
  }

  any(family: number, port: number = 0): this {
    return this.set(family, family === AF.INET ? ANY4 : ANY6, port);
  }

  /** struct sockaddr_in or sockaddr_in6 at `at`; returns its length, 0 for no family. */
  encode(dv: DataView, at: number): number {
    if (this.family === AF.UNSPEC) return 0;
    dv.setUint16(at, this.family, true);
    dv.setUint16(at + 2, this.port);
    const a = this.address;
    if (this.family === AF.INET) {
      dv.setInt32(at + 4, a.w3);
      dv.setInt32(at + 8, 0);
      dv.setInt32(at + 12, 0);
      return SOCKADDR_IN_BYTES;
    }
    dv.setInt32(at + 4, 0); // flow information: none
    dv.setInt32(at + 8, a.w0);
    dv.setInt32(at + 12, a.w1);
    dv.setInt32(at + 16, a.w2);
    dv.setInt32(at + 20, a.w3);
    dv.setInt32(at + 24, this.scopeId, true);
    return SOCKADDR_IN6_BYTES;
  }

  /** Returns 0, -EINVAL (too short) or -EAFNOSUPPORT. */
  decode(dv: DataView, at: number, len: number): number {
    if (len < 2) return -EINVAL;
    const family = dv.getUint16(at, true);
    if (family === AF.INET) {
      if (len < SOCKADDR_IN_BYTES) return -EINVAL;
      this.set(family, ANY4, dv.getUint16(at + 2));
      this.address.setV4(dv.getInt32(at + 4));
      return 0;
    }
    if (family !== AF.INET6) return -EAFNOSUPPORT;
    if (len < SOCKADDR_IN6_BYTES) return -EINVAL;
    this.set(family, ANY6, dv.getUint16(at + 2), dv.getInt32(at + 24, true));
    this.address.readV6(dv, at + 8);
    return 0;
  }
}

/** `10.0.0.1:80`, `[fe80::1%2]:80`, `[::ffff:10.0.0.1]:80`; not for the data path. */
export function formatSockAddr(a: SockAddr): string {
  if (a.family === AF.UNSPEC) return 'unspecified';
  if (a.family === AF.INET) return `${formatV4(a.address.w3)}:${a.port}`;
  const isMapped = a.address.w0 === 0 && a.address.w1 === 0 && a.address.w2 === 0xffff;
  const zone = a.scopeId === 0 ? '' : `%${a.scopeId}`;
  return `[${isMapped ? '::ffff:' : ''}${formatAddress(a.address)}${zone}]:${a.port}`;
}
