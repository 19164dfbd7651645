import type { Address } from '../wire/address.ts';
import type { TcpSettings } from './tcp-settings.ts';

/** What a segment is matched with. */
export interface FlowId {
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
  /** The interface that a link-local address or SO_BINDTODEVICE ties it to; 0 = any. */
  readonly boundIndex: number;
}

/** Whose segments leave: their IP header is as its application wishes. */
export interface Sender extends FlowId {
  readonly settings: TcpSettings;
  /** The ECN field of its next segment (RFC 3168 §5). */
  readonly ect: number;
}

/** Who hears of a connection: a socket. Only marks readiness; applications run after the input. */
export interface ConnectionOwner {
  /** Text, or the end of the stream, can be read. */
  readable(): void;
  /** Room in the send buffer again. */
  writable(): void;
  /** All over: errno 0 after an orderly close. No more calls follow. */
  closed(errno: number): void;
}
