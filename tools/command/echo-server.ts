import { EAGAIN, errnoName } from '../../src/base/errno.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { READY, type ReadyListener, type UdpSocket } from '../../src/udp/udp-socket.ts';
import { ANY6, isLinkLocal6 } from '../../src/wire/address.ts';
import { Failure } from './failure.ts';

const MAX_DATAGRAM = 65535;

/** RFC 862 over UDP, both families: every datagram goes back to where it came from. */
export class UdpEchoServer implements ReadyListener {
  echoed = 0;
  /** Answers that could not be sent, for good. */
  unanswered = 0;
  private readonly stack: Stack;
  private readonly socket: UdpSocket;
  private readonly buffer = new Uint8Array(MAX_DATAGRAM);
  private readonly datagram = new Datagram();
  /** An answer that waits for room in the device: its length, or -1. */
  private waiting = -1;

  /** Throws a Failure when the port is taken. */
  constructor(stack: Stack, port: number) {
    this.stack = stack;
    this.socket = stack.udp.open('dual');
    const result = stack.udp.bind(this.socket, ANY6, port);
    if (result < 0) {
      stack.udp.close(this.socket);
      throw new Failure(errnoName(result), `UDP port ${port} is in use; choose another --echo`);
    }
    this.socket.listener = this;
  }

  close(): void {
    this.stack.udp.close(this.socket);
  }

  onReady(bits: number): void {
    if ((bits & READY.ERROR) !== 0) this.stack.udp.takeError(this.socket); // of an earlier answer
    if (this.waiting >= 0 && !this.answer(this.waiting)) return;
    while (!this.socket.isClosed) {
      const n = this.stack.udp.receive(this.socket, this.buffer, this.datagram);
      if (n === -EAGAIN) return;
      if (n >= 0 && !this.answer(n)) return;
    }
  }

  /** False: it has to wait. */
  private answer(n: number): boolean {
    const { src, port, ifaceIndex } = this.datagram;
    const data = this.buffer.subarray(0, n);
    const sent = this.stack.udp.sendTo(
      this.socket,
      data,
      src,
      port,
      isLinkLocal6(src) ? ifaceIndex : 0,
    );
    this.waiting = sent === -EAGAIN ? n : -1;
    if (sent >= 0) this.echoed++;
    else if (sent !== -EAGAIN) this.unanswered++;
    return sent !== -EAGAIN;
  }
}
