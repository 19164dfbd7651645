/**
 * Who was asked for less than a second ago and then lost his place to a flood.
 *
 * An unanswered entry may be evicted at any age, so that a flood leaves new neighbours a chance; but
 * when the same address comes back, it must not be asked for more than once a second (RFC 1122
 * §2.3.2.1). A direct-mapped table remembers as much; a collision forgets the older of the two.
 * It is made when the first such eviction happens: most stacks never need it.
 */
import type { RandomStream } from '../base/rng.ts';
import type { Address } from '../wire/address.ts';

const PLACES = 1024;

export class SolicitHistory {
  private words = new Int32Array(0);
  private notBefore = new Float64Array(0);
  private readonly seed: number;

  constructor(random: RandomStream) {
    this.seed = random.int32();
  }

  note(address: Address, when: { readonly notBeforeNs: number }): void {
    if (this.notBefore.length === 0) {
      this.words = new Int32Array(PLACES * 4);
      this.notBefore = new Float64Array(PLACES);
    }
    const place = this.placeOf(address);
    this.words[place * 4] = address.w0;
    this.words[place * 4 + 1] = address.w1;
    this.words[place * 4 + 2] = address.w2;
    this.words[place * 4 + 3] = address.w3;
    this.notBefore[place] = when.notBeforeNs;
  }

  /** The earliest time for the next solicitation; 0 when nothing is remembered. */
  earliestNs(address: Address): number {
    if (this.notBefore.length === 0) return 0;
    const place = this.placeOf(address);
    const isSame =
      this.words[place * 4 + 3] === address.w3 &&
      this.words[place * 4 + 2] === address.w2 &&
      this.words[place * 4 + 1] === address.w1 &&
      this.words[place * 4] === address.w0;
    return isSame ? this.notBefore[place]! : 0;
  }

  /** Keyed, so that nobody outside can choose which addresses collide. */
  private placeOf(a: Address): number {
    let h = this.seed;
    h = Math.imul(h ^ a.w0, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15) ^ a.w1, 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13) ^ a.w2, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15) ^ a.w3, 0xc2b2ae35);
    return (h ^ (h >>> 16)) & (PLACES - 1);
  }
}
