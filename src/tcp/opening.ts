/**
 * A connection that is being opened, as others see it: a `Handshake`; or, where a listener remembers none, what stands
 * in for it when a SYN cookie leaves and comes back (`cookie-opening`).
 */
import type { Seq } from '../wire/seq.ts';
import type { Agreed } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import type { Sender } from './endpoint.ts';
import type { FastOpenCookie } from './fast-open-option.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import type { TcpState } from './tcp-state.ts';

/** Who sends a SYN, or SYN-ACK. */
export interface SynSender extends Sender {
  readonly tcp: Tcp;
  readonly iss: Seq;
  readonly peerIsn: Seq;
  readonly hasTimestamps: boolean;
  readonly hasSack: boolean;
  readonly hasWindowScale: boolean;
  readonly hasEcn: boolean;
  readonly rcvShift: number;
  readonly recentTimestamp: number;
  /** SND.NXT */
  readonly sndNxt: Seq;
  /** What its SYN says in the Fast Open option; null, or NO_COOKIE: it has none. */
  readonly fastOpenCookie: FastOpenCookie | null;
  /** TSval of a segment that leaves now. */
  tsVal(): number;
  rcvWindow(): number;
}

/** What a connection begins with. */
export interface Opening extends Sender {
  readonly tcp: Tcp;
  readonly state: TcpState;
  /** What its connection's application wishes. */
  readonly inherited: TcpSettings;
  readonly isPassive: boolean;
  readonly iss: Seq;
  readonly peerIsn: Seq;
  readonly peerWindowBytes: number;
  readonly recentTimestamp: number;
  readonly tsOffset: number;
  /** From our SYN to its answer; 0: that says nothing (RFC 6298 §3); -1: nobody knows. */
  readonly rttNs: number;
  readonly retransmissions: number;
  readonly timeouts: number;
  readonly sinceTimeoutMs: number;
  agreed(): Agreed;
  /** The connection is made, and has seen nothing of the segment yet: it gets what the opening has for it. */
  begun(c: TcpConnection, seg: Segment): void;
  rcvWindow(): number;
  /** The connection is there: its owner takes it. */
  established(c: TcpConnection): void;
}
