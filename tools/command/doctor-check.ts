/** `warn`: it works, but not at its best, or could not be found out. */
export type Verdict = 'ok' | 'warn' | 'no';

/** One line of `ringway doctor`. */
export interface Check {
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do; nothing when there is nothing to be done. */
  readonly remedy: string;
}

export function check(name: string, verdict: Verdict, found: string, remedy = ''): Check {
  return { check: name, verdict, found, remedy };
}

/** The first two numbers of `5.10.0-8-amd64` or `20.17.0`. */
export function versionOf(text: string): [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0)];
}
