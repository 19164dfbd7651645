/** Who follows the connections of a stack: a trace, a recorder. One for all of them, and as a rule nobody. */
import type { TcpConnection } from './connection.ts';

export const FLOW_EVENT = {
  ESTABLISHED: 0,
  /** All that follows from an ACK is done: windows, rates and counts are the new ones. */
  ACK: 1,
  /** The retransmission timer fired, and what it sends has left. */
  TIMEOUT: 2,
  /** The same of a tail-loss probe (RFC 8985 §7). */
  PROBE: 3,
  /** The connection is over, or a record of TIME-WAIT; everything can be read a last time. */
  ENDED: 4,
} as const;
export type FlowEvent = (typeof FLOW_EVENT)[keyof typeof FLOW_EVENT];

export interface FlowWatcher {
  /** Only looks; nothing of the connection may be changed. */
  flowEvent(c: TcpConnection, event: FlowEvent): void;
}

export class FlowWatch {
  private watcher: FlowWatcher | null = null;

  /** Null: nobody. */
  by(watcher: FlowWatcher | null): void {
    this.watcher = watcher;
  }

  tell(c: TcpConnection, event: FlowEvent): void {
    if (this.watcher !== null) this.watcher.flowEvent(c, event);
  }
}
