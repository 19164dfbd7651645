/**
 * Fast Open's cookies (RFC 7413 §4.1.2): a keyed hash of the two addresses, so that nothing is remembered of those who
 * have one. Two keys make it possible to change keys without a loss: cookies of the second, the backup, are still good.
 */
import type { RandomStream } from '../base/rng.ts';
import { SipHash } from '../base/siphash.ts';
import { type Address, isV4 } from '../wire/address.ts';
import type { FlowId } from './endpoint.ts';
import type { FastOpenCookie } from './fast-open-option.ts';

const KEY_BYTES = 16;
const KEY_WORDS = 4;
/** What tcp_fastopen_key shows while there is none. */
const NO_KEY = '00000000-00000000-00000000-00000000';
/** What SipHash gives. */
const COOKIE_BYTES = 8;

export class FastOpenKeys {
  /** Of one key or two, least significant first. */
  private readonly words: Int32Array;
  private readonly hashes: SipHash[] = [];

  constructor(words: Int32Array) {
    this.words = words;
    for (let i = 0; i < words.length; i += KEY_WORDS) {
      this.hashes.push(new SipHash(words.subarray(i, i + KEY_WORDS)));
    }
  }

  static fromStream(random: RandomStream): FastOpenKeys {
    return new FastOpenKeys(Int32Array.from({ length: KEY_WORDS }, () => random.int32()));
  }

  /** TCP_FASTOPEN_KEY: 16 bytes, or 32 with the backup; else null. */
  static fromBytes(bytes: Uint8Array): FastOpenKeys | null {
    if (bytes.length !== KEY_BYTES && bytes.length !== 2 * KEY_BYTES) return null;
    const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return new FastOpenKeys(
      Int32Array.from({ length: bytes.length / 4 }, (_, i) => dv.getInt32(4 * i, true)),
    );
  }

  /** tcp_fastopen_key: four hexadecimal words, a comma and four more for the backup; else null. */
  static fromText(text: string): FastOpenKeys | null {
    const key = '[0-9a-fA-F]{1,8}(?:-[0-9a-fA-F]{1,8}){3}';
    if (!new RegExp(`^${key}(,${key})?$`).test(text)) return null;
    return new FastOpenKeys(Int32Array.from(text.split(/[-,]/), (word) => parseInt(word, 16) | 0));
  }

  static toText(keys: FastOpenKeys | null): string {
    return keys === null ? NO_KEY : keys.asText();
  }

  private asText(): string {
    const hex = [...this.words].map((word) => (word >>> 0).toString(16).padStart(8, '0'));
    const keys = [hex.slice(0, KEY_WORDS), hex.slice(KEY_WORDS)].filter((key) => key.length > 0);
    return keys.map((key) => key.join('-')).join(',');
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(4 * this.words.length);
    const dv = new DataView(bytes.buffer);
    for (const [i, word] of this.words.entries()) dv.setInt32(4 * i, word, true);
    return bytes;
  }

  /** 1, or 2 with a backup. */
  get count(): number {
    return this.hashes.length;
  }

  /** The peer's cookie, by key `which`. Bit for bit Linux's, so that servers of both kinds may stand behind one address. */
  bake(which: number, flow: FlowId, into: FastOpenCookie): void {
    const hash = this.hashes[which]!;
    const { bytes } = into;
    hash.start();
    hashAsOnWire(hash, flow.remote);
    hashAsOnWire(hash, flow.local);
    hash.finish();
    for (let i = 0; i < 4; i++) {
      bytes[i] = hash.low >>> (8 * i);
      bytes[4 + i] = hash.high >>> (8 * i);
    }
    into.set(COOKIE_BYTES, into.isExperimental);
  }
}

/** The address as its bytes lie in a packet. */
function hashAsOnWire(hash: SipHash, a: Address): void {
  if (!isV4(a)) {
    hash.word(swapped(a.w0));
    hash.word(swapped(a.w1));
    hash.word(swapped(a.w2));
  }
  hash.word(swapped(a.w3));
}

const swapped = (w: number): number =>
  (w << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);
