/** The last 64 bits of an IPv6 address: RFC 4291 appendix A, RFC 7217, RFC 8981 §3.3. */
import type { RandomStream } from '../base/rng.ts';
import { SipHash } from '../base/siphash.ts';
import { type Address, type IpAddress, linkLocalOf } from '../wire/address.ts';
import type { MacAddress } from '../wire/mac.ts';

/** A redraw meets a reserved identifier once in 2^56: more draws than this do not happen. */
const DRAWS = 16;

/** The modified EUI-64 of a MAC behind the first 64 bits of `prefix`. */
export function setEui64(to: IpAddress, prefix: Address, mac: MacAddress): IpAddress {
  const id = linkLocalOf(mac.high, mac.low);
  return to.set(prefix.w0, prefix.w1, id.w2, id.w3);
}

/**
 * RFC 7217 §5: F(Prefix, Net_Iface, DAD_Counter, secret) with SipHash keyed by the secret. Net_Iface is the
 * interface's name, so that the address outlives a MAC drawn anew at each start.
 */
export function setStable(
  to: IpAddress,
  prefix: Address,
  ifname: string,
  attempt: number,
  secret: Address,
): IpAddress {
  const hash = new SipHash(Int32Array.of(secret.w0, secret.w1, secret.w2, secret.w3));
  for (let draw = 0; draw < DRAWS; draw++) {
    hash.start();
    for (const word of [prefix.w0, prefix.w1, attempt, draw, ifname.length]) hash.word(word);
    for (let i = 0; i < ifname.length; i++) hash.word(ifname.charCodeAt(i));
    hash.finish();
    if (!isReserved(hash.high, hash.low)) break;
  }
  return to.set(prefix.w0, prefix.w1, hash.high, hash.low);
}

/** RFC 8981 §3.3.1: from a random number generator. */
export function setRandom(to: IpAddress, prefix: Address, random: RandomStream): IpAddress {
  let high = random.int32();
  let low = random.int32();
  for (let draw = 0; draw < DRAWS && isReserved(high, low); draw++) {
    high = random.int32();
    low = random.int32();
  }
  return to.set(prefix.w0, prefix.w1, high, low);
}

/** RFC 5453: subnet-router anycast, the IANA block of 0200:5eff:fe00, and the reserved anycast block. */
function isReserved(high: number, low: number): boolean {
  if (high === 0 && low === 0) return true;
  if (high === 0x02005eff && low >>> 24 === 0xfe) return true;
  return high === (0xfdffffff | 0) && low >>> 0 >= 0xffffff80;
}
