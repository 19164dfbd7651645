import type { Address } from '../wire/address.ts';

/**
 * RFC 6437 §3: each flow has a label of its own, the same for all its packets, that tells nobody what the next one is. So
 * routers spread flows without looking behind the IPv6 header. A cheap keyed hash, as Linux's: what it keeps apart is no
 * secret.
 */
export class FlowLabels {
  private readonly key: number;

  constructor(key: number) {
    this.key = key;
  }

  /** @param ports of TCP and UDP, the source's above; 0 for others. Never 0, which says that there is none. */
  of(src: Address, dst: Address, protocol: number, ports: number): number {
    let h = mix(this.key ^ protocol, ports);
    h = mix(h, dst.w0);
    h = mix(h, dst.w1);
    h = mix(h, dst.w2);
    h = mix(h, dst.w3);
    h = mix(h, src.w2);
    h = mix(h, src.w3);
    return h >>> 12 || 1;
  }
}

function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1 | 0);
  return h ^ (h >>> 15);
}
