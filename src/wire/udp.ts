/** UDP (RFC 768). */
export const UDP_HEADER_LEN = 8;
/** The checksum field's offset within the header. */
export const UDP_CHECKSUM = 6;

export const udpSrcPort = (dv: DataView, o: number): number => dv.getUint16(o);
export const udpDstPort = (dv: DataView, o: number): number => dv.getUint16(o + 2);
export const udpLen = (dv: DataView, o: number): number => dv.getUint16(o + 4);
export const udpChecksum = (dv: DataView, o: number): number => dv.getUint16(o + 6);

export function writeUdp(
  dv: DataView,
  o: number,
  srcPort: number,
  dstPort: number,
  len: number,
  checksum: number,
): void {
  dv.setUint16(o, srcPort);
  dv.setUint16(o + 2, dstPort);
  dv.setUint16(o + 4, len);
  dv.setUint16(o + 6, checksum);
}
