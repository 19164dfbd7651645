/** The usual topologies: which hosts, routers and links there are. */
import { MS } from '../../base/time.ts';
import type { LinkSpec } from '../../path/link-spec.ts';
import type { GraphLink, HostSpec } from './scenario.ts';

export interface Topology {
  readonly hosts: readonly HostSpec[];
  readonly routers: readonly string[];
  readonly links: readonly GraphLink[];
}

/** Both directions of a link. */
export interface Duplex {
  readonly forth: LinkSpec;
  readonly back: LinkSpec;
  readonly mtu?: number;
}

const ACCESS: LinkSpec = { rateBps: 1e9, delayNs: 1 * MS };
export const DEFAULT_ACCESS: Duplex = { forth: ACCESS, back: ACCESS };

const join = (a: string, b: string, link: Duplex): GraphLink => ({ between: [a, b], ...link });

/** Hosts a and b. */
export function pointToPoint(link: Duplex): Topology {
  return { hosts: [{ name: 'a' }, { name: 'b' }], routers: [], links: [join('a', 'b', link)] };
}

/** Hosts left1 … and right1 … on either side of a bottleneck between the routers left and right. */
export function dumbbell(pairs: number, bottleneck: Duplex, access = DEFAULT_ACCESS): Topology {
  const numbers = Array.from({ length: pairs }, (_, i) => i + 1);
  const left = numbers.map((n) => `left${n}`);
  const right = numbers.map((n) => `right${n}`);
  return {
    hosts: [...left, ...right].map((name) => ({ name })),
    routers: ['left', 'right'],
    links: [
      join('left', 'right', bottleneck),
      ...left.map((name) => join(name, 'left', access)),
      ...right.map((name) => join('right', name, access)),
    ],
  };
}

/**
 * Bottlenecks in a row, between the routers r1, r2, r3 …. The hosts begin and end stand at either end; in1 and out1
 * have the first bottleneck between them, in2 and out2 the second.
 */
export function parkingLot(hops: number, bottleneck: Duplex, access = DEFAULT_ACCESS): Topology {
  const numbers = Array.from({ length: hops }, (_, i) => i + 1);
  const sides = numbers.flatMap((n) => [`in${n}`, `out${n}`]);
  return {
    hosts: ['begin', 'end', ...sides].map((name) => ({ name })),
    routers: [...numbers, hops + 1].map((n) => `r${n}`),
    links: [
      ...numbers.map((n) => join(`r${n}`, `r${n + 1}`, bottleneck)),
      join('begin', 'r1', access),
      join(`r${hops + 1}`, 'end', access),
      ...numbers.flatMap((n) => [
        join(`in${n}`, `r${n}`, access),
        join(`r${n + 1}`, `out${n}`, access),
      ]),
    ],
  };
}
