/** ARP as text, both ways, and what a stack sends as a list of moments. */
import { SEC } from '../../src/base/time.ts';
import {
  addressBytes,
  addressText,
  BROADCAST_MAC,
  type Bytes,
  ethernet,
  hex,
  join,
  OUR_MAC,
  PEER_MAC,
  type Seen,
} from '../net/packets.ts';
import type { NetHarness } from '../net/rig.ts';

const macText = (b: Bytes): string =>
  Array.from(b, (x) => x.toString(16).padStart(2, '0')).join(':');

/** `probe A`, `announce A`, `who-has A tell B`, `A is-at MAC`; other frames as the harness reads them. */
export function arpLine(seen: Seen): string {
  if (seen.kind !== 'arp') return seen.line;
  const p = seen.payload;
  const sender = addressText(p.slice(14, 18));
  const target = addressText(p.slice(24, 28));
  if (macText(p.slice(8, 14)) !== OUR_MAC) return 'BAD sender';
  if (p[7] === 2) return `${sender} is-at ${OUR_MAC} to ${seen.to}`;
  if (seen.to !== BROADCAST_MAC) return `who-has ${target} tell ${sender} to ${seen.to}`;
  if (sender === '0.0.0.0') return `probe ${target}`;
  return sender === target ? `announce ${target}` : `who-has ${target} tell ${sender}`;
}

export interface Arp {
  readonly op?: number;
  readonly mac?: string;
  readonly sender: string;
  readonly target?: string;
}

/** From a peer, as a broadcast; `target` is the sender's own address unless given. */
export function arpFrame(a: Arp): Bytes {
  const mac = a.mac ?? PEER_MAC;
  const packet = join(
    [0, 1, 8, 0, 6, 4, 0, a.op ?? 1],
    hex(mac),
    addressBytes(a.sender),
    [0, 0, 0, 0, 0, 0],
    addressBytes(a.target ?? a.sender),
  );
  return ethernet(packet, { dst: BROADCAST_MAC, src: mac, type: 0x0806, pad: 18 });
}

export interface Moment {
  /** In seconds. */
  readonly at: number;
  readonly line: string;
}

/** Lets time pass and lists what leaves, when. */
export function watch(
  h: NetHarness,
  seconds: number,
  text: (seen: Seen) => string = arpLine,
): Moment[] {
  const until = h.now + seconds;
  const moments: Moment[] = [];
  const note = (): void => {
    for (const seen of h.sent()) moments.push({ at: h.now, line: text(seen) });
  };
  note();
  for (let next = h.stack.nextDeadlineNs() / SEC; next <= until; ) {
    h.advance(Math.max(1e-9, next - h.now));
    note();
    next = h.stack.nextDeadlineNs() / SEC;
  }
  h.advance(until - h.now);
  note();
  return moments;
}
