/**
 * Connections that found no room in their device. They go on when it has moved on and half of its ring is free:
 * each attempt follows some progress, a stuck device makes nobody spin, and whoever waited first goes first.
 *
 * This is all the queue limit there is: see docs/decisions/0010-no-small-queues.md.
 */
import { CTRL } from '../link/ring-layout.ts';
import type { TxRing } from '../link/tx-ring.ts';
import type { TcpConnection } from './connection.ts';
import { ConnectionList } from './connection-list.ts';

export class RoomWait {
  private readonly waiting = new ConnectionList();

  get isEmpty(): boolean {
    return this.waiting.count === 0;
  }

  /** A connection is in it once, however often it was refused. */
  add(c: TcpConnection, tx: TxRing): void {
    if (c.refusedBy === null) this.waiting.add(c);
    c.refused(tx, tx.ctrl[CTRL.TX_TAIL]!);
    c.tcp.net.bell.ring();
  }

  canRetry(): boolean {
    for (let i = 0; i < this.waiting.count; i++) {
      if (mayGoOn(this.waiting.at(i))) return true;
    }
    return false;
  }

  /** Those that can send again want output. */
  retry(): void {
    const { waiting } = this;
    if (waiting.count === 0) return;
    let left = 0;
    for (let i = 0; i < waiting.count; i++) {
      const c = waiting.at(i);
      if (!mayGoOn(c)) {
        waiting.move(i, left++);
        continue;
      }
      c.refused(null, 0);
      if (!c.tcp.isGone(c)) c.tcp.wantsOutput(c);
    }
    waiting.keep(left);
  }
}

function mayGoOn(c: TcpConnection): boolean {
  const tx = c.refusedBy!; // set while it waits
  if (c.tcp.isGone(c)) return true;
  return tx.ctrl[CTRL.TX_TAIL] !== c.refusedAt && tx.isHalfFree();
}
