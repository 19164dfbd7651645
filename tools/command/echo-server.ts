import { EAGAIN, errnoName } from '../../src/base/errno.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { Stack } from '../../src/stack/stack.ts';
import {
  READY,
  type ReadyListener,
  UdpSendControl,
  type UdpSocket,
} from '../../src/udp/udp-socket.ts';
import { ANY6, isLinkLocal6 } from '../../src/wire/address.ts';
import { Failure } from './failure.ts';

const MAX_DATAGRAM = 65535;
/** Echo, daytime, qotd, chargen, time: what answers without being asked for more (RFC 862 to 868). */
const ANSWERING_PORTS: readonly number[] = [7, 13, 17, 19, 37];

/**
 * RFC 862 over UDP, both families: every datagram goes back to where it came from. Not to another server
 * that answers everything: one forged datagram would keep the two busy for ever (CERT CA-1996-01).
 */
export class UdpEchoServer implements ReadyListener {
  echoed = 0;
  /** Answers that could not be sent, for good. */
  unanswered = 0;
  /** From a port of ours that echoes, or one where such servers are. */
  refused = 0;
  private readonly stack: Stack;
  private readonly socket: UdpSocket;
  private readonly buffer = new Uint8Array(MAX_DATAGRAM);
  private readonly datagram = new Datagram();
  private readonly control = new UdpSendControl();
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
      if (n < 0) continue;
      if (this.mayLoop(this.datagram.port)) this.refused++;
      else if (!this.answer(n)) return;
    }
  }

  private mayLoop(port: number): boolean {
    return port === this.socket.localPort || ANSWERING_PORTS.includes(port);
  }

  /** False: it has to wait. */
  private answer(n: number): boolean {
    const { src, dst, port, ifaceIndex } = this.datagram;
    // RFC 1122 §4.1.3.5: from the address that was asked; a group or a broadcast is nobody's address.
    const isOurs = this.stack.net.locals.ownerOf(dst, ifaceIndex) !== null;
    this.control.setSource(isOurs ? dst : ANY6, 0);
    const data = this.buffer.subarray(0, n);
    const sent = this.stack.udp.sendTo(
      this.socket,
      data,
      src,
      port,
      isLinkLocal6(src) ? ifaceIndex : 0,
      this.control,
    );
    this.waiting = sent === -EAGAIN ? n : -1;
    if (sent >= 0) this.echoed++;
    else if (sent !== -EAGAIN) this.unanswered++;
    return sent !== -EAGAIN;
  }
}
