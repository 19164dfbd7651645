/**
 * SYN cookies: RFC 4987 §3.6. A listener whose SYN queue is full remembers nothing of a SYN: what it has to know again
 * when the ACK comes is in what it sends, and comes back with that ACK.
 *
 *     ISS:        1 bit which key · 3 bits which MSS · 28 bits of a keyed hash of the flow, its first number and these 4 bits
 *     TS value:   26 bits clock · 1 bit ECN · 1 bit SACK · 4 bits window scale (15: none)        (as Linux lays it out)
 *
 * A key serves for a minute, and its cookies for a minute more; then both are gone. Whoever does not see our SYN-ACKs
 * has one chance in 2^28 with each guess.
 */
import type { RandomStream } from '../base/rng.ts';
import { SipHash } from '../base/siphash.ts';
import { SEC } from '../base/time.ts';
import { isV4 } from '../wire/address.ts';
import { hashAddress } from '../wire/pseudo-header.ts';
import { type Seq, seqBits, seqOf } from '../wire/seq.ts';
import type { FlowId } from './endpoint.ts';

/** Linux's TCP_SYNCOOKIE_PERIOD; for two of them a cookie may be good. */
const PERIOD_NS = 60 * SEC;
const COOKIE_LIFE_NS = 2 * PERIOD_NS;

/** Common segment sizes (RFC 9293 §3.7.1's defaults, tunnels, Ethernet, jumbo frames): the largest not above the peer's. */
const SIZES4 = Int32Array.of(48, 536, 1220, 1300, 1380, 1440, 1460, 8960);
const SIZES6 = Int32Array.of(48, 1220, 1280, 1340, 1380, 1420, 1440, 8940);
const SIZE_BITS = 28;
const KEY_BIT = 31;
const HASH_MASK = (1 << SIZE_BITS) - 1;

export class SynCookies {
  private readonly random: RandomStream;
  /** Of the even minutes, and of the odd ones. */
  private readonly keys: SipHash[] = [];
  private readonly minuteOf = Int32Array.of(-2, -2);
  private madeAtNs = -Infinity;

  constructor(random: RandomStream) {
    this.random = random;
  }

  /**
   * While no cookie is out, nothing that looks like one is. Of the whole stack, as the keys are: the listener that made
   * it may be gone when it comes back, and another one of its port have the ACK (SO_REUSEPORT, or a server that was
   * started again).
   */
  mayBeOut(nowNs: number): boolean {
    return nowNs - this.madeAtNs <= COOKIE_LIFE_NS;
  }

  /** The first number of our answer. */
  make(id: FlowId, peerIsn: Seq, mss: number, nowNs: number): Seq {
    this.madeAtNs = nowNs;
    const minute = Math.floor(nowNs / PERIOD_NS) | 0;
    const parity = minute & 1;
    if (this.minuteOf[parity] !== minute) {
      this.keys[parity] = SipHash.fromStream(this.random);
      this.minuteOf[parity] = minute;
    }
    const head = (parity << KEY_BIT) | (sizeIndex(id, mss) << SIZE_BITS);
    return seqOf(head | (this.hash(parity, id, peerIsn, head) & HASH_MASK));
  }

  /** The MSS that a cookie of ours carries; 0 if it is none, or too old. */
  check(id: FlowId, peerIsn: Seq, cookie: Seq, nowNs: number): number {
    const bits = seqBits(cookie);
    const parity = bits >>> KEY_BIT;
    const minute = Math.floor(nowNs / PERIOD_NS) | 0;
    const from = this.minuteOf[parity]!;
    if (from !== minute && from !== minute - 1) return 0;
    const head = bits & ~HASH_MASK;
    if ((this.hash(parity, id, peerIsn, head) & HASH_MASK) !== (bits & HASH_MASK)) return 0;
    return sizesFor(id)[(bits >>> SIZE_BITS) & 7]!;
  }

  private hash(parity: number, id: FlowId, peerIsn: Seq, head: number): number {
    const hash = this.keys[parity]!;
    hash.start();
    hashAddress(hash, id.local);
    hashAddress(hash, id.remote);
    hash.word((id.localPort << 16) | id.remotePort);
    hash.word(seqBits(peerIsn));
    hash.word(head);
    return hash.finish();
  }
}

const sizesFor = (id: FlowId): Int32Array => (isV4(id.remote) ? SIZES4 : SIZES6);

function sizeIndex(id: FlowId, mss: number): number {
  const sizes = sizesFor(id);
  let i = sizes.length - 1;
  while (i > 0 && sizes[i]! > mss) i--;
  return i;
}

const NO_SCALE = 15;
const SACK_BIT = 1 << 4;
const ECN_BIT = 1 << 5;
const OPTION_MASK = 63;

/** The options in the low bits of our clock: the latest such value that is not ahead of it. */
export function cookieTimestamp(
  clock: number,
  windowShift: number,
  hasSack: boolean,
  hasEcn: boolean,
): number {
  const options =
    (windowShift < 0 ? NO_SCALE : windowShift) | (hasSack ? SACK_BIT : 0) | (hasEcn ? ECN_BIT : 0);
  const ts = (clock & ~OPTION_MASK) | options;
  return options > (clock & OPTION_MASK) ? (ts - OPTION_MASK - 1) | 0 : ts;
}

/** The shift of the peer's windows, or -1: none was agreed on. */
export function cookieShift(ts: number): number {
  const shift = ts & NO_SCALE;
  return shift === NO_SCALE ? -1 : shift;
}

export const cookieHasSack = (ts: number): boolean => (ts & SACK_BIT) !== 0;
export const cookieHasEcn = (ts: number): boolean => (ts & ECN_BIT) !== 0;
