import type { FrameStore } from '../link/frame-store.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ethType } from '../wire/ethernet.ts';
import { IPV4_HEADER_LEN, ipVersion } from '../wire/ipv4.ts';
import { IPV6_HEADER_LEN } from '../wire/ipv6.ts';
import { isTagType, VLAN_TAG_LEN, vlanType } from '../wire/vlan.ts';

/** The frame is no IP packet, or has not all of its header. */
export const NO_IP = -1;

/**
 * Where in the slab the frame's IP header begins, behind one 802.1Q or 802.1ad tag or none; or NO_IP. Its
 * version says which it is, and agrees with the Ethernet type.
 */
export function ipHeaderOf(frames: FrameStore, frame: number): number {
  const { dv } = frames.slab;
  const off = frames.offsetOf(frame);
  const len = frames.lengthOf(frame);
  if (len < ETH_HEADER_LEN + IPV4_HEADER_LEN) return NO_IP;
  let type = ethType(dv, off);
  let headerLen = ETH_HEADER_LEN;
  if (isTagType(type)) {
    type = vlanType(dv, off);
    headerLen += VLAN_TAG_LEN;
  }
  const ip = off + headerLen;
  const left = len - headerLen;
  if (type === ETHERTYPE_IPV4)
    return left >= IPV4_HEADER_LEN && ipVersion(dv, ip) === 4 ? ip : NO_IP;
  if (type === ETHERTYPE_IPV6)
    return left >= IPV6_HEADER_LEN && ipVersion(dv, ip) === 6 ? ip : NO_IP;
  return NO_IP;
}
