/** A 48-bit Ethernet address as two int32 parts: small enough to pass by value, no garbage. */
export class MacAddress {
  /** The first two bytes. */
  readonly high: number;
  /** The last four bytes, as int32. */
  readonly low: number;

  constructor(high: number, low: number) {
    this.high = high & 0xffff;
    this.low = low | 0;
  }

  /** `02:00:00:00:00:01`; null when it is not one. */
  static parse(text: string): MacAddress | null {
    if (!/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) return null;
    const b = text.split(/[:-]/).map((part) => Number.parseInt(part, 16));
    const low = (b[2]! << 24) | (b[3]! << 16) | (b[4]! << 8) | b[5]!;
    return new MacAddress((b[0]! << 8) | b[1]!, low);
  }

  toString(): string {
    const { high, low } = this;
    const b = [high >>> 8, high, low >>> 24, low >>> 16, low >>> 8, low];
    return b.map((n) => (n & 255).toString(16).padStart(2, '0')).join(':');
  }

  /** The group bit: multicast or broadcast, never a source. */
  get isGroup(): boolean {
    return (this.high & 0x0100) !== 0;
  }

  get isZero(): boolean {
    return this.high === 0 && this.low === 0;
  }
}
