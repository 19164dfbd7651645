/** Ethernet II: destination (6), source (6), type (2). */
export const ETH_HEADER_LEN = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;

export const BROADCAST_HIGH = 0xffff;
export const BROADCAST_LOW = -1;

export const ethDstHigh = (dv: DataView, o: number): number => dv.getUint16(o);
export const ethDstLow = (dv: DataView, o: number): number => dv.getInt32(o + 2);
export const ethSrcHigh = (dv: DataView, o: number): number => dv.getUint16(o + 6);
export const ethSrcLow = (dv: DataView, o: number): number => dv.getInt32(o + 8);
export const ethType = (dv: DataView, o: number): number => dv.getUint16(o + 12);

export function writeEthernet(
  dv: DataView,
  o: number,
  dstHigh: number,
  dstLow: number,
  srcHigh: number,
  srcLow: number,
  type: number,
): void {
  dv.setInt32(o, (dstHigh << 16) | (dstLow >>> 16));
  dv.setInt32(o + 4, (dstLow << 16) | (srcHigh & 0xffff));
  dv.setInt32(o + 8, srcLow);
  dv.setUint16(o + 12, type);
}
