/** Our own mistake, never the peer's or the application's (ARCHITECTURE, "Errors, in three kinds"). */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(what);
}

/** Ends a `switch` over a union: a case added later does not compile until it is handled. */
export function assertNever(x: never): never {
  throw new InvariantError(`unexpected case: ${String(x)}`);
}
