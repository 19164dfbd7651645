/**
 * One number for a whole simulation: every frame that arrived anywhere, its bytes, its link and its time.
 * Two runs with the same digest did the same. MurmurHash3's word mixing, a word at a time; to compare
 * runs, not to resist anybody.
 */
export class TraceHash {
  private a = 0x2545f491;
  private b = 0x4f6cdd1d;
  private counted = 0;

  get frames(): number {
    return this.counted;
  }

  /** `timeHigh` and `timeLow` are the halves of the time in nanoseconds. */
  frame(
    link: number,
    timeHigh: number,
    timeLow: number,
    dv: DataView,
    off: number,
    len: number,
  ): void {
    const bytes = hashBytes(dv, off, len);
    this.counted++;
    this.a = mix(mix(mix(this.a, timeLow), bytes), link);
    this.b = mix(mix(mix(this.b, timeHigh), bytes ^ this.a), timeLow);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(this.a) + hex(this.b);
  }
}

function hashBytes(dv: DataView, off: number, len: number): number {
  let h = len;
  let at = off;
  for (const end = off + (len & -4); at < end; at += 4) h = mix(h, dv.getInt32(at));
  let tail = 0;
  for (const end = off + len; at < end; at++) tail = (tail << 8) | dv.getUint8(at);
  return mix(h, tail);
}

function mix(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const x = h ^ Math.imul(k, 0x1b873593);
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
