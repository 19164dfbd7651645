import type { Fetched } from './fetched.ts';
import type { Closer } from './udp-client.ts';

/** What a series of echoes came to. Times in milliseconds. */
export interface EchoResult {
  readonly sent: number;
  readonly received: number;
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  /** What was wrong, if something was. */
  readonly note: string;
}

/** The machine at the other end of the wire: the kernel, or a second stack. */
export interface Peer {
  /** `Linux`, `Ringway`. */
  readonly name: string;
  ping(to: string, size: number, count: number): Promise<EchoResult>;
  /** Sends one datagram and returns what came back, or null when nothing did in time. */
  exchange(to: string, port: number, data: Uint8Array): Promise<Uint8Array | null>;
  /** Echoes UDP datagrams on its own address. */
  serveEcho(address: string, port: number): Promise<Closer>;
  /** GET over HTTP. */
  fetch(host: string, port: number, path: string): Promise<Fetched>;
  /** Serves `/bytes/N` over HTTP on its own address. */
  serveHttp(address: string, port: number): Promise<Closer>;
}

export function echoText(r: EchoResult): string {
  const note = r.note === '' ? '' : `, ${r.note}`;
  if (r.received === 0) return `${r.received}/${r.sent}${note}`;
  const times = [r.min, r.avg, r.max].map((ms) => ms.toFixed(3)).join('/');
  return `${r.received}/${r.sent}, min/avg/max ${times} ms${note}`;
}
