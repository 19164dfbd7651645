/** Neighbour discovery (RFC 4861 §4.3, §4.4): solicitation and advertisement, both 24 bytes + options. */
export const NDP_NEIGHBOUR_LEN = 24;
/** The target address's offset, for `IpAddress.readV6`. */
export const NDP_TARGET = 8;
export const NDP_OPTIONS = 24;

export const ndpFlags = (dv: DataView, o: number): number => dv.getInt32(o + 4);
export const NA_ROUTER = 0x80000000 | 0;
export const NA_SOLICITED = 0x40000000;
export const NA_OVERRIDE = 0x20000000;

/** Options: type, length in units of 8 bytes (RFC 4861 §4.6). */
export const NDP_OPT_SOURCE_LINK = 1;
export const NDP_OPT_TARGET_LINK = 2;
/** The packet that a redirect is about. */
export const NDP_OPT_REDIRECTED = 4;
export const NDP_OPT_NONCE = 14;
export const ndpOptType = (dv: DataView, o: number): number => dv.getUint8(o);
export const ndpOptLen = (dv: DataView, o: number): number => dv.getUint8(o + 1) * 8;
export const NDP_LINK_OPT_LEN = 8;

export function writeLinkOption(
  dv: DataView,
  o: number,
  type: number,
  macHigh: number,
  macLow: number,
): void {
  dv.setUint8(o, type);
  dv.setUint8(o + 1, 1);
  dv.setUint16(o + 2, macHigh);
  dv.setInt32(o + 4, macLow);
}

/** RFC 4861 §6.1, §7.1: neighbour discovery is only believed from the link itself. */
export const NDP_HOP_LIMIT = 255;
