/**
 * The 802.1Q tag: four bytes between the source address and the type.
 *
 *     dst 6 | src 6 | 0x8100 | PCP 3, DEI 1, VID 12 | type 2 | …
 */
export const VLAN_TAG_LEN = 4;
export const ETHERTYPE_VLAN = 0x8100;
/** 802.1ad: the outer tag of two. */
export const ETHERTYPE_SERVICE_VLAN = 0x88a8;

/** VID 0: no VLAN, only a priority (802.1Q §9.6, table 9-2). */
export const VID_NONE = 0;
/** 4095 is reserved. */
export const VID_MAX = 4094;

/** PCP, DEI and VID, of a frame that is known to be tagged. */
export const vlanTci = (dv: DataView, frame: number): number => dv.getUint16(frame + 14);
/** The type behind the tag. */
export const vlanType = (dv: DataView, frame: number): number => dv.getUint16(frame + 16);
export const vidOf = (tci: number): number => tci & 0xfff;
export const PRIORITY_SHIFT = 13;
export const priorityOf = (tci: number): number => tci >>> PRIORITY_SHIFT;

export const isTagType = (type: number): boolean =>
  type === ETHERTYPE_VLAN || type === ETHERTYPE_SERVICE_VLAN;

/** Moves the addresses of the frame at `frame` to the four bytes in front of it, and puts the tag behind them. */
export function insertVlanTag(dv: DataView, frame: number, tci: number): void {
  const to = frame - VLAN_TAG_LEN;
  dv.setInt32(to, dv.getInt32(frame));
  dv.setInt32(to + 4, dv.getInt32(frame + 4));
  dv.setInt32(to + 8, dv.getInt32(frame + 8));
  dv.setInt32(to + 12, (ETHERTYPE_VLAN << 16) | tci);
}
