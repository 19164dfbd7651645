/** Verifying a transport's checksum: in O(1) when the device gave the sum of the frame. */
import type { Memory } from '../base/memory.ts';
import { addSum, foldSum, sumBytes } from '../wire/checksum.ts';
import { pseudoHeaderSum } from '../wire/pseudo-header.ts';
import { CSUM, type IpPacket } from './ip-packet.ts';
import type { Network } from './network.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { TRUSTED, SUMMED } = CSUM;

/** Verifies the checksum of a transport that has a pseudo-header, and the length of what IP carries. */
export function transportChecksumIsGood(net: Network, pkt: IpPacket, protocol: number): boolean {
  if (pkt.csum === TRUSTED) return true;
  const { src, dst, payloadLen } = pkt;
  return checksumIsGood(net, pkt, pseudoHeaderSum(src, dst, protocol, payloadLen));
}

/** Verifies a transport checksum; `pseudo` is 0 for ICMPv4, which has no pseudo-header. */
export function checksumIsGood(net: Network, pkt: IpPacket, pseudo: number): boolean {
  if (pkt.csum === TRUSTED) return true;
  return foldSum(addSum(payloadSumOf(net, pkt), pseudo)) === 0xffff;
}

/** The sum of the payload's bytes: the device's, if it gave one. */
function payloadSumOf(net: Network, pkt: IpPacket): number {
  if (pkt.csum === SUMMED) return pkt.payloadSum;
  return sumPayload(net.env.memory, pkt.payloadOff, pkt.payloadLen);
}

/** Below this the loop in JavaScript is done before a native call has returned (`npm run bench -- sum`). */
const BULK_BYTES = 512;

/** The sum of payload bytes, which start at an even position of what is summed. */
export function sumPayload(memory: Memory, off: number, len: number): number {
  const { bulkSum } = memory;
  if (bulkSum !== null && len >= BULK_BYTES) return bulkSum.sum(off, len);
  return sumBytes(memory.slab.dv, off, len, 0);
}
