import type { RandomStream, Rng } from '../base/rng.ts';

/**
 * The random streams of one path, `<name>.<kind>`: what one part draws does not shift what another does. There is
 * one of each kind, so that a part that is made anew draws on.
 */
export class PathStreams {
  private readonly rng: Rng;
  private readonly name: string;
  private readonly made = new Map<string, RandomStream>();

  /** @param name `link.<name>` for a link. */
  constructor(rng: Rng, name: string) {
    this.rng = rng;
    this.name = name;
  }

  of(kind: string): RandomStream {
    const known = this.made.get(kind);
    if (known !== undefined) return known;
    const stream = this.rng.stream(`${this.name}.${kind}`);
    this.made.set(kind, stream);
    return stream;
  }
}
