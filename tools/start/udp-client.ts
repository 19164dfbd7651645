import { errnoName } from '../../src/base/errno.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { Stack } from '../../src/stack/stack.ts';
import type { ReadyListener, UdpSocket } from '../../src/udp/udp-socket.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { Failure } from '../command/failure.ts';
import type { Turner } from '../command/ping-run.ts';

/** For each answer. */
export const ANSWER_MS = 2000;
const MAX_DATAGRAM = 65535;

export interface Closer {
  close(): void;
}

/** One datagram out of a stack, and what comes back. */
export async function exchangeUdp(
  stack: Stack,
  turner: Turner,
  to: string,
  port: number,
  data: Uint8Array,
): Promise<Uint8Array | null> {
  turner.kick();
  const socket = stack.udp.open('dual');
  try {
    const sent = stack.udp.sendTo(socket, data, parseAddress(to)!, port);
    if (sent < 0) throw new Failure(errnoName(sent), `UDP to ${to}: ${errnoName(sent)}`);
    return await answer(stack, socket);
  } finally {
    turner.kick();
    stack.udp.close(socket);
  }
}

function answer(stack: Stack, socket: UdpSocket): Promise<Uint8Array | null> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(null), ANSWER_MS);
    const listener: ReadyListener = {
      onReady: () => {
        const into = new Uint8Array(MAX_DATAGRAM);
        const n = stack.udp.receive(socket, into, new Datagram());
        clearTimeout(timer);
        done(n < 0 ? null : into.slice(0, n));
      },
    };
    socket.listener = listener;
  });
}
