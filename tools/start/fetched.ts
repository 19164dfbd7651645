import { createHash } from 'node:crypto';
import { httpPattern, patternAt } from '../command/http-page.ts';

/** What an HTTP request came to. */
export interface Fetched {
  /** 200, if all is well. */
  readonly status: number;
  readonly bytes: number;
  readonly sha256: string;
  /** From the connect to the last byte. */
  readonly ms: number;
  /** What was wrong, if something was. */
  readonly note: string;
}

/** The hash of `/bytes/N`. */
export function hashOfPattern(bytes: number): string {
  const pattern = httpPattern();
  const hash = createHash('sha256');
  for (let done = 0; done < bytes; ) {
    const part = patternAt(pattern, done, bytes - done);
    hash.update(part);
    done += part.length;
  }
  return hash.digest('hex');
}
