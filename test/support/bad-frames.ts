/** Frames gone wrong in every way we can think of, from a seed: valid ones, then bent. */
import type { RandomStream } from '../../src/base/rng.ts';
import { IpAddress, writeV6 } from '../../src/wire/address.ts';
import { writeArp } from '../../src/wire/arp.ts';
import { foldChecksum, sumBytes } from '../../src/wire/checksum.ts';
import { writeEthernet } from '../../src/wire/ethernet.ts';
import { writeIcmp } from '../../src/wire/icmp.ts';
import { writeIpv4 } from '../../src/wire/ipv4.ts';
import { writeIpv6 } from '../../src/wire/ipv6.ts';
import type { MacAddress } from '../../src/wire/mac.ts';
import { writeUdp } from '../../src/wire/udp.ts';

const US4 = 0x0a090002;
const US6 = new IpAddress().set(0xfd090000, 0, 0, 2);

/** Writes one frame; returns its length (at least 14: a raw socket sends nothing shorter). */
export function badFrame(random: RandomStream, frame: Uint8Array, us: MacAddress): number {
  const dv = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const kind = random.below(8);
  for (let i = 0; i < frame.length; i++) frame[i] = random.int32();
  const type =
    kind === 0 ? 0x0806 : kind < 4 ? 0x0800 : kind < 7 ? 0x86dd : random.int32() & 0xffff;
  const isGroup = random.below(8) === 0;
  const high = isGroup ? 0xffff : us.high;
  writeEthernet(dv, 0, high, isGroup ? -1 : us.low, 0x0200, random.int32(), type);
  let len = 14 + random.below(frame.length - 14);
  if (kind === 0) len = bentArp(random, dv);
  else if (kind < 4) len = bentIpv4(random, dv, len);
  else if (kind < 7) len = bentIpv6(random, dv, len);
  bend(random, frame, len);
  return random.below(4) === 0 ? 14 + random.below(len - 13) : len;
}

function bentArp(random: RandomStream, dv: DataView): number {
  const sender = 0x0a090000 | random.below(65536);
  writeArp(dv, 14, 1 + random.below(3), 0x0200, random.int32(), sender, 0, 0, US4);
  return 42;
}

function bentIpv4(random: RandomStream, dv: DataView, len: number): number {
  const total = Math.max(28, len - 14);
  const protocol = [1, 17, 17, 6, 255][random.below(5)]!;
  const frag = random.below(3) === 0 ? random.int32() & 0x3fff : 0;
  const src = random.below(4) === 0 ? random.int32() : 0x0a090000 | random.below(65536);
  writeIpv4(
    dv,
    14,
    random.int32() & 255,
    total,
    random.int32() & 0xff,
    frag,
    64,
    protocol,
    src,
    US4,
  );
  if (protocol === 17) writeUdp(dv, 34, random.int32() & 0xffff, 7, total - 20, 0);
  if (protocol === 1) {
    writeIcmp(dv, 34, random.below(20), random.below(20), random.int32());
    dv.setUint16(36, foldChecksum(sumBytes(dv, 34, total - 20, 0)));
  }
  return 14 + total;
}

function bentIpv6(random: RandomStream, dv: DataView, len: number): number {
  const payload = Math.max(8, len - 54);
  const next = [0, 17, 43, 44, 58, 60, 59, 6, 200][random.below(9)]!;
  const src = new IpAddress().set(0xfd090000, 0, 0, random.int32());
  if (random.below(4) === 0) src.set(random.int32(), 0, 0, 1);
  writeIpv6(dv, 14, 0, 0, payload, next, random.below(2) === 0 ? 255 : 64, src, US6);
  if (next === 58) {
    const type = [1, 2, 3, 4, 128, 129, 133, 134, 135, 136, 137, 143][random.below(12)]!;
    writeIcmp(dv, 54, type, 0, random.int32());
    if (payload >= 24) writeV6(US6, dv, 62);
    let sum = 58 + payload;
    for (const w of [src.w0, src.w1, src.w2, src.w3, US6.w0, US6.w3])
      sum += (w >>> 16) + (w & 0xffff);
    dv.setUint16(56, foldChecksum(sumBytes(dv, 54, payload, sum)));
  }
  return 54 + payload;
}

/** Sometimes leaves the frame as it is: the values inside are wrong enough. */
function bend(random: RandomStream, frame: Uint8Array, len: number): void {
  const flips = random.below(3);
  for (let i = 0; i < flips; i++) {
    const at = 14 + random.below(Math.max(1, len - 14));
    frame[at] = frame[at]! ^ (1 << random.below(8));
  }
}
