/** Fragments of either family, made and read by hand. */
import { type Bytes, fragment6, icmp4, icmp6, ip4, ip6, join, type Seen } from './packets.ts';
import { dialogue, type NetHarness, type RigOptions } from './rig.ts';

/** What the two families differ in. */
export interface Family {
  readonly name: string;
  readonly peer: string;
  /** An echo request without its IP header. */
  request(body: Bytes): Bytes;
  piece(offset: number, more: boolean, bytes: Bytes, id?: number, tos?: number): Bytes;
  /** A frame with a piece of identification 0, given others in place. */
  numbered(frame: Bytes): (id: number) => Bytes;
  counters(h: NetHarness): NetHarness['net']['mib']['ip4'];
  store(h: NetHarness): NetHarness['net']['reassembly4'];
  readonly lifetimeSec: number;
}

export const V4: Family = {
  name: 'IPv4',
  peer: '10.0.0.2',
  request: (body) => icmp4({ type: 8, rest: 0x70001 }, body),
  piece: (offset, mf, bytes, id = 1, tos = 0) => ip4({ id, mf, offset, tos }, bytes),
  numbered: (frame) => {
    const sum = ~((frame[24]! << 8) | frame[25]!) & 0xffff;
    return (id) => {
      const check = ~(((sum + id) & 0xffff) + ((sum + id) >>> 16)) & 0xffff;
      frame.set([id >>> 8, id & 255], 18);
      frame.set([check >>> 8, check & 255], 24);
      return frame;
    };
  },
  counters: (h) => h.net.mib.ip4,
  store: (h) => h.net.reassembly4,
  lifetimeSec: 30,
};
export const V6: Family = {
  name: 'IPv6',
  peer: '2001:db8::2',
  request: (body) => icmp6({ type: 128, rest: 0x70001 }, body),
  piece: (offset, more, bytes, id = 1, tc = 0) =>
    ip6({ next: 44, tc }, join(fragment6(58, offset, more, id), bytes)),
  numbered: (frame) => (id) => {
    frame.set([id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255], 58);
    return frame;
  },
  counters: (h) => h.net.mib.ip6,
  store: (h) => h.net.reassembly6,
  lifetimeSec: 60,
};

/** The same dialogue in both families; titles are `what`, then the family. */
export function both(
  what: string,
  run: (t: Parameters<Parameters<typeof dialogue>[1]>[0], h: NetHarness, f: Family) => void,
  options: RigOptions = {},
): void {
  for (const f of [V4, V6]) {
    dialogue(`${what} (${f.name})`, (t, h) => run(t, h, f), options);
  }
}

/** Cuts a message at the given places. */
export function cut(f: Family, message: Bytes, at: readonly number[], id: number = 1): Bytes[] {
  const ends = [...at, message.length];
  return ends.map((end, i) => {
    const from = i === 0 ? 0 : ends[i - 1]!;
    return f.piece(from, i < ends.length - 1, message.slice(from, end), id);
  });
}

/** What a peer makes of our frames: the message, or null when the pieces do not fit. */
export function whole(seen: readonly Seen[]): Bytes | null {
  if (seen.length === 1 && !seen[0]!.mf && seen[0]!.offset <= 0) return seen[0]!.payload;
  const sorted = [...seen].sort((a, b) => a.offset - b.offset);
  let at = 0;
  for (const [i, s] of sorted.entries()) {
    const isLast = i === sorted.length - 1;
    const fits = s.offset === at && s.mf === !isLast && (isLast || s.payload.length % 8 === 0);
    if (!fits || s.id !== sorted[0]!.id || s.df) return null;
    at += s.payload.length;
  }
  return join(...sorted.map((s) => s.payload));
}

/** The data of the echo reply we sent, if it is one. */
export function replied(h: NetHarness): Bytes | null {
  const message = whole(h.sent());
  return message !== null && [0, 129].includes(message[0]!) ? message.slice(8) : null;
}
