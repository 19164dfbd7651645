/** Segments from addresses that nobody has: a few frames, whose source, port and numbers are others each time. */
import { RX, RX_FLAG, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { type Address, isV4 } from '../../src/wire/address.ts';
import {
  ETH_HEADER_LEN,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  writeEthernet,
} from '../../src/wire/ethernet.ts';
import { IPPROTO } from '../../src/wire/ip-protocol.ts';
import { IPV4_DF, IPV4_HEADER_LEN, writeIpv4 } from '../../src/wire/ipv4.ts';
import { IPV6_HEADER_LEN, writeIpv6 } from '../../src/wire/ipv6.ts';
import { seqOf } from '../../src/wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN, writeTcp } from '../../src/wire/tcp.ts';
import type { StackRig } from '../alloc/stack-rig.ts';

/** MSS 1460; with SACK permitted, timestamps and window scale 7. */
const MSS = [2, 4, 5, 180];
const FULL = [...MSS, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 7];
const FRAMES = 64;

export interface Spoofed {
  readonly to: Address;
  /** Any address whose last word is replaced. */
  readonly from: Address;
  readonly port: number;
  readonly flags: number;
  readonly hasTimestamps: boolean;
}

export class Spoofer {
  private readonly rig: StackRig;
  private readonly first: number;
  private readonly offsets: number[] = [];
  private readonly from: number;
  private readonly sourceAt: number;
  private readonly tcpAt: number;
  private next = 0;
  private random: number;

  constructor(rig: StackRig, what: Spoofed, seed: number) {
    this.rig = rig;
    this.random = seed;
    this.from = what.from.w3;
    const v4 = isV4(what.to);
    this.sourceAt = ETH_HEADER_LEN + (v4 ? 12 : 8 + 12);
    this.tcpAt = ETH_HEADER_LEN + (v4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
    const templates = Array.from({ length: FRAMES }, () => {
      const template = rig.prepare(frameOf(what, v4), RX_FLAG.CSUM_VALID);
      this.offsets.push(rig.frames.words[rig.frameOf(template) * RX_STRIDE + RX.OFF]!);
      return template;
    });
    this.first = templates[0]!;
  }

  /** One more, from somewhere else. */
  offer(): void {
    const { dv } = this.rig.memory.slab;
    const off = this.offsets[this.next]!;
    const a = this.draw();
    dv.setInt32(off + this.sourceAt, this.from ^ (a & 0x1ffff));
    if (this.sourceAt === ETH_HEADER_LEN + 12) fixHeader(dv, off + ETH_HEADER_LEN);
    dv.setUint16(off + this.tcpAt, 1024 + (a >>> 17));
    dv.setInt32(off + this.tcpAt + 4, this.draw());
    dv.setInt32(off + this.tcpAt + 8, this.draw());
    this.rig.offer(this.first + this.next);
    this.next = (this.next + 1) % FRAMES;
  }

  /** xorshift32 */
  private draw(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return x;
  }
}

/** The checksum of an IPv4 header without options. */
function fixHeader(dv: DataView, off: number): void {
  let sum = 0;
  dv.setUint16(off + 10, 0);
  for (let i = 0; i < IPV4_HEADER_LEN; i += 2) sum += dv.getUint16(off + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  dv.setUint16(off + 10, ~(sum + (sum >>> 16)));
}

function frameOf(what: Spoofed, v4: boolean): Uint8Array {
  const isSyn = (what.flags & TCP_FLAG.SYN) !== 0;
  const options = isSyn ? (what.hasTimestamps ? FULL : MSS) : [];
  const tcpLen = TCP_HEADER_LEN + options.length;
  const at = ETH_HEADER_LEN + (v4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
  const bytes = new Uint8Array(at + tcpLen);
  const dv = new DataView(bytes.buffer);
  const { from, to } = what;
  writeEthernet(dv, 0, 0x0200, 1, 0x0200, 2, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (v4) {
    const total = IPV4_HEADER_LEN + tcpLen;
    writeIpv4(dv, ETH_HEADER_LEN, 0, total, 0, IPV4_DF, 64, IPPROTO.TCP, from.w3, to.w3);
  } else writeIpv6(dv, ETH_HEADER_LEN, 0, 0, tcpLen, IPPROTO.TCP, 64, from, to);
  writeTcp(dv, at, 1, what.port, seqOf(0), seqOf(0), tcpLen, what.flags, 1000, 0);
  bytes.set(options, at + TCP_HEADER_LEN);
  return bytes;
}
