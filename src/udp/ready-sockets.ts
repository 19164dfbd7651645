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
  private ready: UdpSocket[] = [];
  private draining: UdpSocket[] = [];
  /** How much of `draining` is done: a listener that throws must not keep the rest from being told. */
  private drained = 0;
  private readonly refused: UdpSocket[] = [];

  get hasReady(): boolean {
    return this.ready.length > 0 || this.draining.length > 0;
  }

  mark(s: UdpSocket, bits: number): void {
    if (s.readyBits === 0) this.ready.push(s);
    s.readyBits |= bits;
  }

  /** Runs the applications. What they make ready waits for the next turn. */
  drain(): void {
    if (this.draining.length === 0) {
      if (this.ready.length === 0) return;
      const batch = this.ready;
      this.ready = this.draining;
      this.draining = batch;
    }
    const batch = this.draining;
    while (this.drained < batch.length) {
      const s = batch[this.drained++]!;
      const bits = s.readyBits;
      s.readyBits = 0;
      if (!s.isClosed && s.listener !== null) s.listener.onReady(bits);
    }
    batch.length = 0;
    this.drained = 0;
  }

  /** A send found no room in this ring: the socket hears when there is some. */
  refuse(s: UdpSocket, tx: TxRing): void {
    if (s.refusedBy === null) this.refused.push(s);
    s.refusedBy = tx;
    s.refusedAt = tx.ctrl[CTRL.TX_TAIL]!;
  }

  /** Somebody who was refused can try again. */
  canRetry(): boolean {
    for (let i = 0; i < this.refused.length; i++) {
      if (hasMovedOn(this.refused[i]!)) return true;
    }
    return false;
  }

  /** Marks those who can. */
  retry(): void {
    let left = 0;
    for (let i = 0; i < this.refused.length; i++) {
      const s = this.refused[i]!;
      if (s.isClosed || hasMovedOn(s)) {
        s.refusedBy = null;
        this.mark(s, READY.OUT);
      } else this.refused[left++] = s;
    }
    this.refused.length = left;
  }
}

function hasMovedOn(s: UdpSocket): boolean {
  const tx = s.refusedBy!; // set while the socket is in the list
  return tx.ctrl[CTRL.TX_TAIL] !== s.refusedAt && tx.isHalfFree();
}
