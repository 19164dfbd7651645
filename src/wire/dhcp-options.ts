/**
 * The options of one DHCP message, as they are meant: pieces of the same code are joined (RFC 3396), and what
 * the server put into the fields for its name and the boot file is read too (option overload, RFC 2132 §9.3).
 *
 * Two walks over each area: the first checks every length and adds up, the second copies. Each area is read
 * once, whatever it says of itself, so a message cannot lead in circles.
 */
import {
  DHCP_FILE,
  DHCP_FILE_LEN,
  DHCP_OPT,
  DHCP_OPTIONS,
  DHCP_SNAME,
  DHCP_SNAME_LEN,
} from './dhcp.ts';

/** We say that we take 1,500 bytes; a message of more than this is refused unread. */
export const DHCP_MAX_LEN = 4096;
const IN_FILE = 1;
const IN_SNAME = 2;

export class DhcpOptions {
  /** What of each code was found: bytes in all, and where its bytes begin in `bytes`. */
  private readonly lengths = new Int32Array(256);
  private readonly starts = new Int32Array(256);
  private readonly isPresent = new Uint8Array(256);
  private readonly bytes = new Uint8Array(DHCP_MAX_LEN);

  /** A message of `len` bytes at `off`, past the checks of its fixed part. False: it is malformed. */
  read(u8: Uint8Array, off: number, len: number): boolean {
    this.lengths.fill(0);
    this.isPresent.fill(0);
    if (len < DHCP_OPTIONS || len > DHCP_MAX_LEN) return false;
    if (!this.measure(u8, off + DHCP_OPTIONS, off + len)) return false;
    const overload = this.overloadIn(u8, off + DHCP_OPTIONS);
    if (overload < 0) return false;
    const file = off + DHCP_FILE;
    const sname = off + DHCP_SNAME;
    const inFile = (overload & IN_FILE) !== 0;
    const inSname = (overload & IN_SNAME) !== 0;
    if (inFile && !this.measure(u8, file, file + DHCP_FILE_LEN)) return false;
    if (inSname && !this.measure(u8, sname, sname + DHCP_SNAME_LEN)) return false;
    this.place();
    this.gather(u8, off + DHCP_OPTIONS, off + len);
    // RFC 3396 §5: the file field continues the options, the name field comes last.
    if (inFile) this.gather(u8, file, file + DHCP_FILE_LEN);
    if (inSname) this.gather(u8, sname, sname + DHCP_SNAME_LEN);
    return true;
  }

  has(code: number): boolean {
    return this.isPresent[code] === 1;
  }

  /** In bytes; 0 also where there is none. */
  length(code: number): number {
    return this.lengths[code]!;
  }

  /** The byte at `i` of an option that is that long. */
  u8(code: number, i: number): number {
    return this.bytes[this.starts[code]! + i]!;
  }

  u16(code: number, i: number): number {
    return (this.u8(code, i) << 8) | this.u8(code, i + 1);
  }

  /** An int32. */
  u32(code: number, i: number): number {
    return (this.u16(code, i) << 16) | this.u16(code, i + 2);
  }

  /** The first walk: whether every option has a length and lies within the area. An END may be missing. */
  private measure(u8: Uint8Array, from: number, end: number): boolean {
    let at = from;
    while (at < end) {
      const code = u8[at]!;
      if (code === DHCP_OPT.END) return true;
      if (code === DHCP_OPT.PAD) {
        at++;
        continue;
      }
      if (at + 1 >= end) return false;
      const len = u8[at + 1]!;
      if (at + 2 + len > end) return false;
      this.isPresent[code] = 1;
      this.lengths[code]! += len;
      at += 2 + len;
    }
    return true;
  }

  /** The overload option's value, 0 without one, or -1. Only the first area can say that there are others. */
  private overloadIn(u8: Uint8Array, from: number): number {
    if (!this.has(DHCP_OPT.OVERLOAD)) return 0;
    if (this.length(DHCP_OPT.OVERLOAD) !== 1) return -1;
    let at = from;
    while (u8[at] !== DHCP_OPT.OVERLOAD) at += u8[at] === DHCP_OPT.PAD ? 1 : 2 + u8[at + 1]!;
    const value = u8[at + 2]!;
    return value >= 1 && value <= 3 ? value : -1;
  }

  private place(): void {
    let at = 0;
    for (let code = 0; code < 256; code++) {
      this.starts[code] = at;
      at += this.lengths[code]!;
      this.lengths[code] = 0; // `gather` counts them again as it fills them
    }
  }

  private gather(u8: Uint8Array, from: number, end: number): void {
    let at = from;
    while (at < end && u8[at] !== DHCP_OPT.END) {
      const code = u8[at]!;
      if (code === DHCP_OPT.PAD) {
        at++;
        continue;
      }
      const len = u8[at + 1]!;
      const to = this.starts[code]! + this.lengths[code]!;
      for (let i = 0; i < len; i++) this.bytes[to + i] = u8[at + 2 + i]!;
      this.lengths[code]! += len;
      at += 2 + len;
    }
  }
}
