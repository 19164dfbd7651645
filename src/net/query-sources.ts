import { type Address, IpAddress } from '../wire/address.ts';

/**
 * Beyond so many sources in one query, or asked for by several, the answer is for the whole group: neither memory
 * nor work grows with what somebody asks (RFC 3376 §9.1).
 */
export const MOST_ASKED = 256;

/** The sources that a query names, read from the packet one by one. Borrowed: as long as the packet. */
export class QuerySources {
  count = 0;
  private at = 0;
  private isV4 = true;
  private dv: DataView | null = null;
  private readonly source = new IpAddress();

  /** The group as a whole. */
  none(): this {
    this.count = 0;
    return this;
  }

  /** `count` addresses from `at` on. */
  at4(dv: DataView, at: number, count: number): this {
    return this.lieAt(dv, at, count, true);
  }

  at6(dv: DataView, at: number, count: number): this {
    return this.lieAt(dv, at, count, false);
  }

  /** Borrowed: until the next one is read. */
  read(i: number): Address {
    const { dv, at, source } = this;
    if (this.isV4)
      source.readV4(dv!, at + 4 * i); // lieAt set it, or there is none to read
    else source.readV6(dv!, at + 16 * i);
    return source;
  }

  private lieAt(dv: DataView, at: number, count: number, isV4: boolean): this {
    this.dv = dv;
    this.at = at;
    this.isV4 = isV4;
    this.count = count > MOST_ASKED ? 0 : count;
    return this;
  }
}
