/** Frames of a TCP peer that is not there, with the options Linux sends: one at a time, for set-up. */
import type { Address } from '../../src/wire/address.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, writeEthernet } from '../../src/wire/ethernet.ts';
import { IPPROTO } from '../../src/wire/ip-protocol.ts';
import { IPV4_DF, IPV4_HEADER_LEN, writeIpv4 } from '../../src/wire/ipv4.ts';
import { seqOf } from '../../src/wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN, writeTcp } from '../../src/wire/tcp.ts';

/** MSS 1460, SACK permitted, timestamps, window scale 7. */
const SYN_OPTIONS = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7];
const OPTIONS = [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0];

/** From `src` to `dst`, with so much text; the transport checksum is left out. */
export function peerFrame(
  src: Address,
  srcPort: number,
  dst: Address,
  dstPort: number,
  seq: number,
  ack: number,
  flags: number,
  textLen = 0,
): Uint8Array {
  const options = (flags & TCP_FLAG.SYN) !== 0 ? SYN_OPTIONS : OPTIONS;
  const tcpLen = TCP_HEADER_LEN + options.length;
  const total = IPV4_HEADER_LEN + tcpLen + textLen;
  const bytes = new Uint8Array(ETH_HEADER_LEN + total);
  const dv = new DataView(bytes.buffer);
  writeEthernet(dv, 0, 0x0200, 1, 0x0200, 2, ETHERTYPE_IPV4);
  writeIpv4(dv, ETH_HEADER_LEN, 0, total, 0, IPV4_DF, 64, IPPROTO.TCP, src.w3, dst.w3);
  const at = ETH_HEADER_LEN + IPV4_HEADER_LEN;
  writeTcp(dv, at, srcPort, dstPort, seqOf(seq), seqOf(ack), tcpLen, flags, 1000, 0);
  bytes.set(options, at + TCP_HEADER_LEN);
  return bytes;
}
