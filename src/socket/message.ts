import { MSG } from './abi.ts';
import type { ControlMessage } from './control-message.ts';
import { controlSpace } from './control-message.ts';
import { SockAddr } from './sock-addr.ts';

/** `struct msghdr`: what `sendmsg` and `recvmsg` work on. Scratch that its owner fills and calls refill. */
export class Message {
  /** Where to, or from whom; family AF_UNSPEC: not said. */
  readonly name = new SockAddr();
  /** The buffers, in order. */
  iov: readonly Uint8Array[];
  readonly control: ControlMessage[] = [];
  /** msg_controllen of `recvmsg`: what does not fit is left out, and MSG_CTRUNC says so. */
  controlRoom: number;
  /** msg_flags after `recvmsg`. */
  flags = 0;

  constructor(iov: readonly Uint8Array[] = [], controlRoom: number = 65536) {
    this.iov = iov;
    this.controlRoom = controlRoom;
  }

  setIov(iov: readonly Uint8Array[]): this {
    this.iov = iov;
    return this;
  }

  get bytes(): number {
    let sum = 0;
    for (let i = 0; i < this.iov.length; i++) sum += this.iov[i]!.length;
    return sum;
  }

  /** Before a message is received into it. */
  reset(): void {
    this.name.clear();
    this.control.length = 0;
    this.flags = 0;
  }

  addFlags(flags: number): void {
    this.flags |= flags;
  }

  /** False when there is no room: then `flags` say so. */
  addControl(m: ControlMessage): boolean {
    let used = controlSpace(m);
    for (const other of this.control) used += controlSpace(other);
    if (used > this.controlRoom) {
      this.flags |= MSG.CTRUNC;
      return false;
    }
    this.control.push(m);
    return true;
  }
}

/** The first `len` bytes of `from` into the buffers, in order. */
export function scatter(from: Uint8Array, len: number, iov: readonly Uint8Array[]): void {
  let at = 0;
  for (const piece of iov) {
    const n = Math.min(piece.length, len - at);
    if (n <= 0) return;
    piece.set(from.subarray(at, at + n));
    at += n;
  }
}
