/**
 * A fixed set of named counters in one Float64Array: exact to 2^53, and no boxed number per count
 * (a module-level or object counter past 2^31 costs 16 bytes each time).
 */
export class Counters<Name extends string> {
  readonly values: Float64Array;
  private readonly index: ReadonlyMap<Name, number>;

  readonly names: readonly Name[];

  constructor(names: readonly Name[]) {
    this.names = names;
    this.values = new Float64Array(names.length);
    this.index = new Map(names.map((name, i) => [name, i]));
  }

  /** Resolve once, at construction; then `count(id)` on the data path. */
  id(name: Name): number {
    return this.index.get(name)!;
  }

  count(id: number): void {
    this.values[id]!++;
  }

  add(id: number, n: number): void {
    this.values[id]! += n;
  }

  get(name: Name): number {
    return this.values[this.id(name)]!;
  }

  toObject(): Record<Name, number> {
    return Object.fromEntries(this.names.map((n, i) => [n, this.values[i]!])) as Record<
      Name,
      number
    >;
  }
}
