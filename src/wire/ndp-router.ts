/** What routers say: solicitation, advertisement and redirect (RFC 4861 §4.1, §4.2, §4.5), and their options. */

/** A solicitation without options; they start there. */
export const ROUTER_SOLICIT_LEN = 8;
/** An advertisement without options; they start there. */
export const ROUTER_ADVERT_LEN = 16;
export const raHopLimit = (dv: DataView, o: number): number => dv.getUint8(o + 4);
/** Seconds. */
export const raLifetime = (dv: DataView, o: number): number => dv.getUint16(o + 6);
/** Milliseconds; 0: the router does not say. */
export const raReachableTime = (dv: DataView, o: number): number => dv.getUint32(o + 8);
export const raRetransTimer = (dv: DataView, o: number): number => dv.getUint32(o + 12);
/** The byte with the router's preference (RFC 4191 §2.2): bits 3 and 4. */
export const raFlags = (dv: DataView, o: number): number => dv.getUint8(o + 5);

export const REDIRECT_LEN = 40;
export const REDIRECT_TARGET = 8;
export const REDIRECT_DESTINATION = 24;

/** RFC 4861 §4.6.2 */
export const OPT_PREFIX = 3;
export const OPT_PREFIX_LEN = 32;
export const pioBits = (dv: DataView, o: number): number => dv.getUint8(o + 2);
export const pioFlags = (dv: DataView, o: number): number => dv.getUint8(o + 3);
export const PIO_ON_LINK = 0x80;
export const PIO_AUTONOMOUS = 0x40;
/** Seconds; LIFETIME_INFINITE stands for ever. */
export const pioValid = (dv: DataView, o: number): number => dv.getUint32(o + 4);
export const pioPreferred = (dv: DataView, o: number): number => dv.getUint32(o + 8);
export const PIO_PREFIX = 16;
export const LIFETIME_INFINITE = 0xffffffff;

/** RFC 4861 §4.6.4 */
export const OPT_MTU = 5;
export const OPT_MTU_LEN = 8;
export const mtuOption = (dv: DataView, o: number): number => dv.getUint32(o + 4);

/** Route information (RFC 4191 §2.3): 8, 16 or 24 bytes, as many as the prefix needs. */
export const OPT_ROUTE = 24;
export const ROUTE_PREFIX = 8;
export const rioBits = (dv: DataView, o: number): number => dv.getUint8(o + 2);
export const rioFlags = (dv: DataView, o: number): number => dv.getUint8(o + 3);

/** RFC 8106 §5.1, §5.2 */
export const OPT_RDNSS = 25;
export const OPT_DNSSL = 31;
export const DNS_DATA = 8;
/** Of a route or DNS option. */
export const optLifetime = (dv: DataView, o: number): number => dv.getUint32(o + 4);

/** RFC 4191 §2.1: 1 high, 0 medium, -1 low; NO_PREFERENCE is the reserved value. */
export const NO_PREFERENCE = 2;
export function preferenceOf(flags: number): number {
  const bits = (flags >>> 3) & 3;
  if (bits === 2) return NO_PREFERENCE;
  return bits === 3 ? -1 : bits;
}
