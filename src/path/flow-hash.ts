import { HalfSipHash } from '../base/half-siphash.ts';
import type { RandomStream } from '../base/rng.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { ethSrcHigh, ethSrcLow, ethType } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import {
  IPV4_MF,
  IPV4_OFFSET_MASK,
  ipVersion,
  ipv4Dst,
  ipv4Frag,
  ipv4HeaderLen,
  ipv4Protocol,
  ipv4Src,
} from '../wire/ipv4.ts';
import {
  extLen,
  extNextHeader,
  IPV6_DST,
  IPV6_HEADER_LEN,
  IPV6_SRC,
  ipv6NextHeader,
} from '../wire/ipv6.ts';
import { ipHeaderOf, NO_IP } from './ip-header.ts';

const ADDRESS_BYTES = 16;
/** More extension headers than that are nobody's flow: what is known by then tells it apart. */
const MOST_HEADERS = 8;

/**
 * Which flow a frame belongs to: addresses, protocol and ports (RFC 8290 §4.1), under a key of its own so that
 * nobody can choose ports that collide. Fragments have no ports, so all of one packet go one way; what
 * is no IP goes by who sent it and its type.
 */
export class FlowHash {
  private readonly hash: HalfSipHash;

  constructor(random: RandomStream) {
    this.hash = HalfSipHash.fromStream(random);
  }

  /** 0 … `buckets` - 1, alike for all frames of a flow. */
  bucketOf(frames: FrameStore, frame: number, buckets: number): number {
    return Math.floor(((this.digest(frames, frame) >>> 0) / 4294967296) * buckets);
  }

  private digest(frames: FrameStore, frame: number): number {
    const { dv } = frames.slab;
    const { hash } = this;
    const off = frames.offsetOf(frame);
    const end = off + frames.lengthOf(frame);
    const ip = ipHeaderOf(frames, frame);
    hash.start();
    if (ip === NO_IP) {
      if (end - off >= 14) {
        hash.word((ethType(dv, off) << 16) | ethSrcHigh(dv, off));
        hash.word(ethSrcLow(dv, off));
      }
    } else if (ipVersion(dv, ip) === 4) {
      this.hash4(dv, ip, end);
    } else {
      this.hash6(dv, ip, end);
    }
    return hash.finish();
  }

  private hash4(dv: DataView, ip: number, end: number): void {
    const { hash } = this;
    const protocol = ipv4Protocol(dv, ip);
    hash.word(ipv4Src(dv, ip));
    hash.word(ipv4Dst(dv, ip));
    hash.word(protocol);
    const isFragment = (ipv4Frag(dv, ip) & (IPV4_MF | IPV4_OFFSET_MASK)) !== 0;
    if (!isFragment) this.hashPorts(dv, ip + ipv4HeaderLen(dv, ip), end, protocol);
  }

  private hash6(dv: DataView, ip: number, end: number): void {
    const { hash } = this;
    for (let i = 0; i < ADDRESS_BYTES; i += 4) {
      hash.word(dv.getInt32(ip + IPV6_SRC + i));
      hash.word(dv.getInt32(ip + IPV6_DST + i));
    }
    let protocol = ipv6NextHeader(dv, ip);
    let at = ip + IPV6_HEADER_LEN;
    for (let i = 0; i < MOST_HEADERS && isSkipped(protocol) && at + 8 <= end; i++) {
      protocol = extNextHeader(dv, at);
      at += extLen(dv, at);
    }
    hash.word(protocol);
    this.hashPorts(dv, at, end, protocol);
  }

  /** TCP and UDP begin with both ports. */
  private hashPorts(dv: DataView, at: number, end: number, protocol: number): void {
    const hasPorts = protocol === IPPROTO.TCP || protocol === IPPROTO.UDP;
    if (hasPorts && at + 4 <= end) this.hash.word(dv.getInt32(at));
  }
}

function isSkipped(nextHeader: number): boolean {
  return (
    nextHeader === IPPROTO.HOP_BY_HOP ||
    nextHeader === IPPROTO.ROUTING ||
    nextHeader === IPPROTO.DST_OPTS
  );
}
