/**
 * Where the core says what happened. Nothing below `live/` logs: it emits an event here, and the sink
 * decides (drop it, hash it for a repeatability test, print it).
 * Two numbers instead of an object, so that tracing makes no garbage.
 */
export interface TraceSink {
  event(name: string, a: number, b: number): void;
}

export class NullTrace implements TraceSink {
  event(): void {
    // nobody listens
  }
}
