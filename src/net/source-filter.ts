/** Source filters (RFC 3376 §2, §3; RFC 3810 §4): what one listener wants of a group, and what all together want. */
import { type Address, addressEquals } from '../wire/address.ts';

/** INCLUDE: these sources and no others. EXCLUDE: all but these. Never changed: a new wish is a new filter. */
export class SourceFilter {
  readonly isExclude: boolean;
  readonly sources: readonly Address[];

  constructor(isExclude: boolean, sources: readonly Address[]) {
    this.isExclude = isExclude;
    this.sources = sources;
  }

  /** Per datagram: no closure. */
  has(source: Address): boolean {
    for (let i = 0; i < this.sources.length; i++) {
      if (addressEquals(this.sources[i]!, source)) return true;
    }
    return false;
  }

  admits(source: Address): boolean {
    return this.has(source) !== this.isExclude;
  }

  /** INCLUDE of nothing is the state of a group that nobody listens to (RFC 3376 §3.2). */
  get isNobody(): boolean {
    return !this.isExclude && this.sources.length === 0;
  }

  with(source: Address): SourceFilter {
    return new SourceFilter(this.isExclude, [...this.sources, source]);
  }

  without(source: Address): SourceFilter {
    const rest = this.sources.filter((s) => !addressEquals(s, source));
    return new SourceFilter(this.isExclude, rest);
  }
}

export const EVERY_SOURCE = new SourceFilter(true, []);
export const NO_SOURCE = new SourceFilter(false, []);

/**
 * RFC 3376 §3.2: EXCLUDE if one listener says so, then of what all of those exclude and nobody includes; else
 * INCLUDE of what any of them includes.
 */
export function mergeFilters(filters: readonly SourceFilter[]): SourceFilter {
  if (filters.length === 1 && filters[0]!.sources.length < 2) return filters[0]!;
  const excluding = filters.filter((f) => f.isExclude);
  const including = filters.filter((f) => !f.isExclude);
  if (excluding.length === 0) return new SourceFilter(false, union(including));
  const blocked = union(excluding.slice(0, 1)).filter(
    (s) => excluding.every((f) => f.has(s)) && !including.some((f) => f.has(s)),
  );
  return blocked.length === 0 ? EVERY_SOURCE : new SourceFilter(true, blocked);
}

function union(filters: readonly SourceFilter[]): Address[] {
  const all: Address[] = [];
  for (const f of filters) {
    for (const s of f.sources) if (!all.some((a) => addressEquals(a, s))) all.push(s);
  }
  return all;
}

/** Those of `a` that are not among `b`. */
export function sourcesOnlyIn(a: readonly Address[], b: SourceFilter): Address[] {
  return a.filter((s) => !b.has(s));
}
