/**
 * What the tour asks of a peer on another machine: one TCP connection, a line of JSON each way for each
 * request, answered in order. What was opened for a connection ends with it.
 */

/** Beside RFC 862's port, and as easily remembered. */
export const PEER_PORT = 7007;
/** The largest datagram in base64, and room for the rest. */
export const MAX_LINE = 128 * 1024;

export type PeerRequest =
  | { readonly op: 'addresses' }
  | { readonly op: 'ping'; readonly to: string; readonly size: number; readonly count: number }
  | { readonly op: 'exchange'; readonly to: string; readonly port: number; readonly data: string }
  | { readonly op: 'fetch'; readonly host: string; readonly port: number; readonly path: string }
  | {
      readonly op: 'serve';
      readonly what: 'echo' | 'http';
      readonly address: string;
      readonly port: number;
    }
  | { readonly op: 'close'; readonly server: number };

/** In the order of PeerRequest: addresses, EchoResult, base64 or null, Fetched, a number for `close`, null. */
export type PeerAnswer = { readonly result: unknown } | { readonly error: string };

/** Cuts a stream into lines. Returns false when one is longer than any may be. */
export class LineCutter {
  private readonly onLine: (line: string) => void;
  private rest = '';

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  take(text: string): boolean {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.onLine(line);
    return this.rest.length <= MAX_LINE;
  }
}
