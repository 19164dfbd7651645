/** ARP for IPv4 over Ethernet (RFC 826): 28 bytes, the only hardware and protocol pair we speak. */
export const ARP_LEN = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

/** Hardware Ethernet (1), protocol IPv4, lengths 6 and 4: the first 6 bytes of a packet for us. */
export function arpIsEthernetIpv4(dv: DataView, o: number): boolean {
  return dv.getInt32(o) === 0x00010800 && dv.getUint16(o + 4) === 0x0604;
}
export const arpOperation = (dv: DataView, o: number): number => dv.getUint16(o + 6);
export const arpSenderHigh = (dv: DataView, o: number): number => dv.getUint16(o + 8);
export const arpSenderLow = (dv: DataView, o: number): number => dv.getInt32(o + 10);
export const arpSenderIp = (dv: DataView, o: number): number => dv.getInt32(o + 14);
export const arpTargetHigh = (dv: DataView, o: number): number => dv.getUint16(o + 18);
export const arpTargetLow = (dv: DataView, o: number): number => dv.getInt32(o + 20);
export const arpTargetIp = (dv: DataView, o: number): number => dv.getInt32(o + 24);

export function writeArp(
  dv: DataView,
  o: number,
  operation: number,
  senderHigh: number,
  senderLow: number,
  senderIp: number,
  targetHigh: number,
  targetLow: number,
  targetIp: number,
): void {
  dv.setInt32(o, 0x00010800);
  dv.setUint16(o + 4, 0x0604);
  dv.setUint16(o + 6, operation);
  dv.setUint16(o + 8, senderHigh);
  dv.setInt32(o + 10, senderLow);
  dv.setInt32(o + 14, senderIp);
  dv.setUint16(o + 18, targetHigh);
  dv.setInt32(o + 20, targetLow);
  dv.setInt32(o + 24, targetIp);
}
