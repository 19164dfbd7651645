/**
 * The two bits of RFC 3168 §5 in the frames that pass a queue: read, and set to "congestion experienced".
 *
 *     IPv4   |ver ihl|DSCP  ECN|  length  | …  | checksum |        the checksum is mended (RFC 1624)
 *     IPv6   |ver 4|DSCP 6|ECN 2| flow label … |                   no checksum covers it
 */
import type { FrameStore } from '../link/frame-store.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../link/ring-layout.ts';
import { updateChecksum } from '../wire/checksum.ts';
import { ipVersion } from '../wire/ipv4.ts';
import { ipHeaderOf, NO_IP } from './ip-header.ts';

/** RFC 3168 §5. ECT(1) is the mark of scalable senders (RFC 9331 §4.1). */
export const ECN = { NOT_ECT: 0, ECT1: 1, ECT0: 2, CE: 3 } as const;

const IPV4_CHECKSUM_AT = 10;
/** Of the first 16 bits of an IPv6 header. */
const IPV6_ECN_SHIFT = 4;

/** The codepoint of a frame; what is no IP packet knows no ECN. */
export function ecnOf(frames: FrameStore, frame: number): number {
  const ip = ipHeaderOf(frames, frame);
  if (ip === NO_IP) return ECN.NOT_ECT;
  const { dv } = frames.slab;
  if (ipVersion(dv, ip) === 4) return dv.getUint8(ip + 1) & 3;
  return (dv.getUint16(ip) >>> IPV6_ECN_SHIFT) & 3;
}

/**
 * Marks the frame, in bytes of its own: those it has may be shared with a duplicate. True also for one that
 * is marked already. False, and nothing touched, for one whose ends know no ECN (RFC 3168 §5: drop it), or
 * when there is no memory for the copy.
 */
export function markCe(frames: FrameStore, frame: number): boolean {
  const ecn = ecnOf(frames, frame);
  if (ecn === ECN.NOT_ECT) return false;
  if (ecn === ECN.CE) return true;
  if (!frames.ownBytes(frame)) return false;
  const { dv } = frames.slab;
  const ip = ipHeaderOf(frames, frame);
  const before = dv.getUint16(ip);
  if (ipVersion(dv, ip) === 4) {
    const after = before | ECN.CE;
    dv.setUint16(ip, after);
    const check = dv.getUint16(ip + IPV4_CHECKSUM_AT);
    dv.setUint16(ip + IPV4_CHECKSUM_AT, updateChecksum(check, before, after));
  } else {
    dv.setUint16(ip, before | (ECN.CE << IPV6_ECN_SHIFT));
    // A sum of the whole packet that a device took is no longer its sum (over IPv4 the checksum makes up for it).
    frames.words[frame * RX_STRIDE + RX.FLAGS]! &= ~RX_FLAG.CSUM_COMPLETE;
  }
  return true;
}
