/** Addresses as people write them. Not for the data path: strings are garbage. */
import { type Address, IpAddress, isV4 } from './address.ts';

/** `10.0.0.1`, `fe80::1`, `::ffff:10.0.0.1`; null when it is not an address. No zone, no prefix. */
export function parseAddress(text: string): IpAddress | null {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** `10.0.0.1/24` or `fe80::1/64`; a bare address is a host prefix. `bits` counts within its family. */
export function parsePrefix(text: string): { address: IpAddress; bits: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const longest = isV4(address) ? 32 : 128;
  if (slash < 0) return { address, bits: longest };
  const tail = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(tail)) return null;
  const bits = Number(tail);
  return bits <= longest ? { address, bits } : null;
}

export function formatAddress(a: Address): string {
  return isV4(a) ? formatV4(a.w3) : formatV6(a);
}

function parseV4(text: string): IpAddress | null {
  const word = v4Word(text);
  return word === null ? null : new IpAddress().setV4(word);
}

/** Dotted quad only, no octal, no short forms: what inet_pton takes. */
function v4Word(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let word = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    word = (word << 8) | Number(part);
  }
  return word;
}

function parseV6(text: string): IpAddress | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const g = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (i: number) => (g[i]! << 16) | g[i + 1]!;
  return new IpAddress().set(word(0), word(2), word(4), word(6));
}

/** The 16-bit groups of one side of `::`; an IPv4 tail counts as two. Null when malformed. */
function groupsOf(side: string, mayEndInV4: boolean): number[] | null {
  if (side === '') return [];
  const groups: number[] = [];
  const parts = side.split(':');
  for (const [i, part] of parts.entries()) {
    if (mayEndInV4 && i === parts.length - 1 && part.includes('.')) {
      const word = v4Word(part);
      if (word === null) return null;
      groups.push(word >>> 16, word & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups.length <= 8 ? groups : null;
}

export function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** RFC 5952: lower case, the longest run of two or more zero groups becomes `::`, the first if tied. */
function formatV6(a: Address): string {
  const g: number[] = [];
  for (const w of [a.w0, a.w1, a.w2, a.w3]) g.push(w >>> 16, w & 0xffff);
  let bestAt = -1;
  let bestLen = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && g[i + n] === 0) n++;
    if (n > bestLen) {
      bestAt = i;
      bestLen = n;
    }
    if (n > 0) i += n;
  }
  const hex = g.map((x) => x.toString(16));
  if (bestAt < 0) return hex.join(':');
  return `${hex.slice(0, bestAt).join(':')}::${hex.slice(bestAt + bestLen).join(':')}`;
}
