import type { Bell } from '../base/bell.ts';
import { LinkList } from '../base/link-list.ts';
import type { ReadyList } from '../base/ready-list.ts';
import { CTRL } from '../link/ring-layout.ts';
import type { TxRing } from '../link/tx-ring.ts';
import { READY, type UdpSocket } from './udp-socket.ts';

/**
 * Sockets whose send found no room in a device: they are told when that device has moved on and half of its
 * ring is free, so that each wake-up follows some progress and a stuck device makes nobody spin.
 */
export class RefusedSockets {
  private readonly list = new LinkList<UdpSocket>();
  private readonly bell: Bell;

  constructor(bell: Bell) {
    this.bell = bell;
  }

  get isEmpty(): boolean {
    return this.list.first === null;
  }

  /** A send found no room in this ring: the socket hears when there is some. */
  add(s: UdpSocket, tx: TxRing): void {
    if (s.refusedBy === null) this.list.push(s.refusedLink);
    s.refusedBy = tx;
    s.refusedAt = tx.ctrl[CTRL.TX_TAIL]!;
    this.bell.ring();
  }

  /** Somebody who was refused can try again. */
  canRetry(): boolean {
    for (let link = this.list.first; link !== null; link = link.next) {
      if (hasMovedOn(link.owner)) return true;
    }
    return false;
  }

  /** Marks those who can. */
  retry(ready: ReadyList): void {
    const { last } = this.list;
    if (last === null) return;
    for (;;) {
      const s = this.list.shift();
      if (s.isClosed || hasMovedOn(s)) {
        s.refusedBy = null;
        ready.mark(s.readyMark, READY.OUT);
      } else this.list.push(s.refusedLink);
      if (s === last.owner) return;
    }
  }
}

function hasMovedOn(s: UdpSocket): boolean {
  const tx = s.refusedBy!; // set while the socket is in the list
  return tx.ctrl[CTRL.TX_TAIL] !== s.refusedAt && tx.isHalfFree();
}
