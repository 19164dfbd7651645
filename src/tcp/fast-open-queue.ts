/**
 * How many connections a listener lets begin by their SYN alone (RFC 7413 §5.1): those that nobody has confirmed yet,
 * and those that the peer has reset, for a minute. Who replays cookies with addresses of others makes these reset what
 * they never asked for; then Fast Open is off for a while, and the handshake in three steps protects the listener.
 */
import { SEC } from '../base/time.ts';

const RESET_NS = 60 * SEC;

export class FastOpenQueue {
  /** Connections in SYN-RECEIVED. */
  private pending = 0;
  /** When each of the resets is forgotten: the oldest first. */
  private readonly resets: number[] = [];

  get length(): number {
    return this.pending + this.resets.length;
  }

  /** For one more: the oldest reset is forgotten for it, if it is old enough. False: there is none. */
  makeRoom(most: number, nowNs: number): boolean {
    if (this.length < most) return true;
    if (this.resets.length === 0 || this.resets[0]! > nowNs) return false;
    this.resets.shift();
    return true;
  }

  began(): void {
    this.pending++;
  }

  /** It is confirmed, or over. */
  ended(): void {
    this.pending--;
  }

  /** The peer reset it, after it was accepted: the application may have worked for nobody. */
  wasReset(nowNs: number): void {
    this.resets.push(nowNs + RESET_NS);
  }
}
