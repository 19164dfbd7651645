/**
 * The Fast Open option (RFC 7413 §4.1.1): a cookie of 4 to 16 bytes, or none at all, which asks for one. It has a kind
 * of its own, 34, and the one of its experiment, 254 with an identifier (RFC 6994), which Linux still understands.
 */
import type { Slab } from '../base/slab.ts';
import { FAST_OPEN_EXPERIMENT, TCP_OPT } from '../wire/tcp.ts';
import type { Segment } from './segment.ts';

/** Bits of tcp_fastopen, as Linux has them. */
export const FAST_OPEN = {
  CLIENT: 0x1,
  SERVER: 0x2,
  /** Data in a SYN without a cookie. */
  CLIENT_NO_COOKIE: 0x4,
  /** And taken from one. */
  SERVER_NO_COOKIE: 0x200,
  /** Every listener, as if it had asked with a limit of its backlog. */
  ALL_LISTENERS: 0x400,
} as const;

export const MIN_COOKIE_LEN = 4;
export const MAX_COOKIE_LEN = 16;
/** A cookie's length where there is no option that means anything; 0 asks for a cookie. */
export const NO_COOKIE = -1;

const BASE_LEN = 2;
const EXPERIMENTAL_BASE_LEN = 4;

/** What an option says about Fast Open: who keeps it owns it. */
export class FastOpenCookie {
  readonly bytes = new Uint8Array(MAX_COOKIE_LEN);
  /** Bytes of it; 0 is a request, NO_COOKIE nothing. */
  len = NO_COOKIE;
  /** It came, or leaves, under the experimental kind. */
  isExperimental = false;

  clear(): void {
    this.len = NO_COOKIE;
    this.isExperimental = false;
  }

  /** A request, if `len` is 0. `bytes` are written first, by whoever calls. */
  set(len: number, isExperimental: boolean): void {
    this.len = len;
    this.isExperimental = isExperimental;
  }

  copy(from: FastOpenCookie): this {
    this.bytes.set(from.bytes);
    this.set(from.len, from.isExperimental);
    return this;
  }

  /** Does the segment bring exactly this cookie? */
  matches(slab: Slab, seg: Segment): boolean {
    if (seg.cookieLen !== this.len) return false;
    for (let i = 0; i < this.len; i++) {
      if (slab.u8[seg.cookieOff + i] !== this.bytes[i]) return false;
    }
    return true;
  }

  /** What the segment's option brings, if there is one. */
  takeFrom(slab: Slab, seg: Segment): void {
    this.set(seg.cookieLen, seg.isCookieExperimental);
    for (let i = 0; i < seg.cookieLen; i++) this.bytes[i] = slab.u8[seg.cookieOff + i]!;
  }
}

/** The length that the segment may say it has: NO_COOKIE for one of impossible length, which is as good as none. */
export const validCookieLen = (len: number): number =>
  len === 0 || (len >= MIN_COOKIE_LEN && len <= MAX_COOKIE_LEN) ? len : NO_COOKIE;

/** How many bytes of options it takes, padding included. Precondition: there is something to say. */
export function fastOpenOptionLen(cookie: FastOpenCookie): number {
  const base = cookie.isExperimental ? EXPERIMENTAL_BASE_LEN : BASE_LEN;
  return (base + cookie.len + 3) & ~3;
}

/** Writes it at `at`, padded to words with NOPs; returns the place behind. */
export function writeFastOpenOption(dv: DataView, at: number, cookie: FastOpenCookie): number {
  const { len, bytes, isExperimental } = cookie;
  let to = at + BASE_LEN;
  dv.setUint8(at, isExperimental ? TCP_OPT.EXPERIMENT : TCP_OPT.FAST_OPEN);
  dv.setUint8(at + 1, (isExperimental ? EXPERIMENTAL_BASE_LEN : BASE_LEN) + len);
  if (isExperimental) {
    dv.setUint16(to, FAST_OPEN_EXPERIMENT);
    to = at + EXPERIMENTAL_BASE_LEN;
  }
  for (let i = 0; i < len; i++) dv.setUint8(to + i, bytes[i]!);
  const end = at + fastOpenOptionLen(cookie);
  for (let i = to + len; i < end; i++) dv.setUint8(i, TCP_OPT.NOP);
  return end;
}
