/** Who follows the connections of a stack: traces, meters; as a rule nobody. */
import type { TcpConnection } from './connection.ts';

export const FLOW_EVENT = {
  ESTABLISHED: 0,
  /** An ACK came while something was in flight, and all that follows is done: windows, rates, counts are the new ones. */
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
  /** A FIN without text was sent again: among TCP_INFO's retransmissions, and not among its segments with data. */
  finResent?(c: TcpConnection): void;
}

export class FlowWatch {
  private readonly watchers: FlowWatcher[] = [];

  add(watcher: FlowWatcher): void {
    this.watchers.push(watcher);
  }

  tell(c: TcpConnection, event: FlowEvent): void {
    const { watchers } = this;
    for (let i = 0; i < watchers.length; i++) watchers[i]!.flowEvent(c, event);
  }

  finResent(c: TcpConnection): void {
    for (const watcher of this.watchers) watcher.finResent?.(c);
  }
}
