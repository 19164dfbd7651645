/** What waits in a TCP socket: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD. */
import { EINVAL, ENOTTY } from '../base/errno.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import { STATE } from '../tcp/tcp-state.ts';
import { tcpIsAtMark, tcpReadable } from '../tcp/user-calls.ts';
import { SIOCATMARK, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SOL, TCP_OPTION } from './abi.ts';
import type { ControlMessage } from './control-message.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';

export function tcpQueueLength(e: TcpEndpoint, request: number): number {
  const c = e.connection;
  switch (request) {
    case SIOCINQ:
      if (e.listener !== null) return -EINVAL;
      return c === null ? 0 : tcpReadable(c);
    case SIOCOUTQ:
      if (e.listener !== null) return -EINVAL;
      return c === null ? 0 : c.sendQueue.length + (isFinOutstanding(c) ? 1 : 0);
    case SIOCATMARK:
      return c !== null && tcpIsAtMark(c) ? 1 : 0;
    case SIOCOUTQNSD:
      if (e.listener !== null) return -EINVAL;
      return c === null ? 0 : c.unsentBytes();
    default:
      return -ENOTTY;
  }
}

/** TCP_CM_INQ: the end of the stream counts as a byte, so that whoever reads while there is some meets it. */
export function bytesLeft(e: TcpEndpoint): ControlMessage {
  const c = e.connection;
  const value = c === null ? 0 : c.received.readyBytes + (c.isFinReceived ? 1 : 0);
  return { level: SOL.TCP, type: TCP_OPTION.INQ, kind: 'int', value };
}

/** A FIN that is not acknowledged takes a sequence number, and counts. */
function isFinOutstanding(c: TcpConnection): boolean {
  return c.isFinQueued && c.state !== STATE.FIN_WAIT_2 && c.state !== STATE.CLOSED;
}
