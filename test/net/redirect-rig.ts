/** A router's word (RFC 792) that another is a better first hop, about a packet that we have sent. */
import {
  addressBytes,
  type Bytes,
  GATEWAY_MAC,
  icmp4,
  ip4,
  OUR_MAC,
  type Seen,
} from './packets.ts';
import type { NetHarness, Port } from './rig.ts';

export interface Redirect4 {
  readonly from?: string;
  readonly to?: string;
  readonly gateway?: string;
  readonly code?: number;
  readonly quote?: Bytes;
  readonly mac?: string;
}

/** Its fate. */
export function redirect4(h: NetHarness, about: Seen, r: Redirect4 = {}, port?: Port): string {
  const g = addressBytes(r.gateway ?? '10.0.0.253');
  const rest = ((g[0]! << 24) | (g[1]! << 16) | (g[2]! << 8) | g[3]!) >>> 0;
  const message = icmp4({ type: 5, code: r.code ?? 1, rest }, r.quote ?? about.frame.slice(14));
  const packet = ip4({ src: r.from ?? '10.0.0.254', dst: r.to ?? about.src }, message);
  return h.give(packet, { src: GATEWAY_MAC, dst: r.mac ?? OUR_MAC }, port);
}
