import { LinkList } from '../base/link-list.ts';
import { CTRL } from '../link/ring-layout.ts';
import type { TxRing } from '../link/tx-ring.ts';
import { READY, type UdpSocket } from './udp-socket.ts';

/**
 * Sockets whose application has to be told something: filled while frames come in and deadlines fire,
 * emptied by `drain`, which runs the applications. Beside them those whose send found no room in a
 * device: they are told when that device has moved on and half of its ring is free, so that
 * each wake-up follows some progress and a stuck device makes nobody spin.
 */
export class ReadySockets {
  private readonly ready = new LinkList<UdpSocket>();
  private readonly refused = new LinkList<UdpSocket>();

  get hasReady(): boolean {
    return this.ready.first !== null;
  }

  mark(s: UdpSocket, bits: number): void {
    if (s.readyBits === 0) this.ready.push(s.readyLink);
    s.readyBits |= bits;
  }

  /**
   * Runs the applications. What they make ready waits for the next turn; when one throws, the rest are
   * told in the next turn.
   */
  drain(): void {
    const { last } = this.ready;
    if (last === null) return;
    // An application may close the stack, which empties the list.
    while (this.ready.first !== null) {
      const s = this.ready.shift();
      const bits = s.readyBits;
      s.readyBits = 0;
      if (!s.isClosed && s.listener !== null) s.listener.onReady(bits);
      if (s === last.owner) return;
    }
  }

  /** A send found no room in this ring: the socket hears when there is some. */
  refuse(s: UdpSocket, tx: TxRing): void {
    if (s.refusedBy === null) this.refused.push(s.refusedLink);
    s.refusedBy = tx;
    s.refusedAt = tx.ctrl[CTRL.TX_TAIL]!;
  }

  /** Somebody who was refused can try again. */
  canRetry(): boolean {
    for (let link = this.refused.first; link !== null; link = link.next) {
      if (hasMovedOn(link.owner)) return true;
    }
    return false;
  }

  /** Marks those who can. */
  retry(): void {
    const { last } = this.refused;
    if (last === null) return;
    for (;;) {
      const s = this.refused.shift();
      if (s.isClosed || hasMovedOn(s)) {
        s.refusedBy = null;
        this.mark(s, READY.OUT);
      } else this.refused.push(s.refusedLink);
      if (s === last.owner) return;
    }
  }
}

function hasMovedOn(s: UdpSocket): boolean {
  const tx = s.refusedBy!; // set while the socket is in the list
  return tx.ctrl[CTRL.TX_TAIL] !== s.refusedAt && tx.isHalfFree();
}
