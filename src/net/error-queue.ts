/**
 * Errors that a socket asked to be told of one by one (IP_RECVERR), until they are read. Errors are rare and
 * only those about packets of our own get here, so each is an object; the queue is charged like a receive
 * queue and bounded by the same limit.
 */
import type { Slab } from '../base/slab.ts';
import { IpAddress } from '../wire/address.ts';
import type { NetworkError, QuotedPacket } from './transport.ts';

/** What an error costs besides the bytes it quotes. */
const RECORD_CHARGE = 768;
/** No more of a quoted datagram is kept: RFC 1812 §4.3.2.3 lets routers quote this much. */
export const MAX_QUOTED = 548;

/** Whatever a socket keeps in its error queue. */
export interface KeptError {
  /** Positive, or 0: no error but news. */
  readonly errno: number;
  /** ICMP type; -1 when it did not come from the network. */
  readonly type: number;
  /** Bytes of the queue's limit. */
  readonly charge: number;
}

export class QueuedError implements KeptError {
  /** Positive. */
  readonly errno: number;
  /** ICMP type and code; -1 when the error is our own. */
  readonly type: number;
  readonly code: number;
  /** The path MTU it names, or 0. */
  readonly mtu: number;
  /** Who says so; unspecified when we say it ourselves. */
  readonly from = new IpAddress();
  /** Where the datagram was going. */
  readonly destination = new IpAddress();
  readonly port: number;
  readonly ifaceIndex: number;
  readonly atNs: number;
  /** As much of the datagram's payload as was quoted. */
  readonly payload: Uint8Array;

  constructor(
    why: Pick<NetworkError, 'errno' | 'type' | 'code' | 'mtu' | 'from'>,
    quote: Pick<QuotedPacket, 'dst' | 'ifaceIndex'>,
    port: number,
    atNs: number,
    payload: Uint8Array,
  ) {
    this.errno = why.errno;
    this.type = why.type;
    this.code = why.code;
    this.mtu = why.mtu;
    this.from.copy(why.from);
    this.destination.copy(quote.dst);
    this.port = port;
    this.ifaceIndex = quote.ifaceIndex;
    this.atNs = atNs;
    this.payload = payload;
  }

  get charge(): number {
    return RECORD_CHARGE + this.payload.length;
  }
}

export class ErrorQueue<T extends KeptError = QueuedError> {
  private errors: T[] = [];
  chargedBytes = 0;
  /** Errors that found no room. */
  lost = 0;

  get isEmpty(): boolean {
    return this.errors.length === 0;
  }

  /** False: beyond the limit, and counted. */
  push(error: T, limitBytes: number): boolean {
    if (this.chargedBytes + error.charge > limitBytes) {
      this.lost++;
      return false;
    }
    this.chargedBytes += error.charge;
    this.errors.push(error);
    return true;
  }

  first(): T | null {
    return this.errors[0] ?? null;
  }

  last(): T | null {
    return this.errors[this.errors.length - 1] ?? null;
  }

  shift(): T | null {
    const error = this.errors.shift();
    if (error === undefined) return null;
    this.chargedBytes -= error.charge;
    return error;
  }

  /** A socket's pending error once `taken` is out: as on Linux what the next one says, or none. */
  pendingAfter(taken: KeptError, pending: number): number {
    const next = this.first();
    if (next !== null && next.type >= 0) return next.errno;
    return taken.type >= 0 ? 0 : pending;
  }

  /** Only these stay. */
  keep(isKept: (error: T) => boolean): void {
    this.errors = this.errors.filter(isKept);
    this.chargedBytes = this.errors.reduce((sum, error) => sum + error.charge, 0);
  }

  clear(): void {
    this.errors.length = 0;
    this.chargedBytes = 0;
  }
}

/** What of a quoted datagram lies past its `headerLen` bytes of transport header. */
export function quotedPayload(slab: Slab, quote: QuotedPacket, headerLen: number): Uint8Array {
  const at = quote.off + headerLen;
  const len = Math.min(quote.len - headerLen, MAX_QUOTED);
  return len > 0 ? slab.u8.slice(at, at + len) : new Uint8Array(0);
}
