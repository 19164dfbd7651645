/**
 * A UDP echo server on a TAP device, in the fewest lines that are still correct. As root:
 *
 *     npx tsx examples/udp-echo.ts tap0 10.9.0.2 &
 *     ip address add 10.9.0.1/24 dev tap0
 *     socat - UDP:10.9.0.2:7
 *
 * Without arguments it echoes to itself over its own loopback, once, and ends.
 */
import { randomFillSync } from 'node:crypto';
import { Env } from '../src/base/env.ts';
import { EAGAIN } from '../src/base/errno.ts';
import { Memory } from '../src/base/memory.ts';
import { Rng } from '../src/base/rng.ts';
import { NullTrace } from '../src/base/trace.ts';
import { LiveDriver } from '../src/live/driver.ts';
import { TapDevice } from '../src/live/tap-device.ts';
import { Datagram } from '../src/net/datagram-store.ts';
import { Stack } from '../src/stack/stack.ts';
import type { UdpSocket } from '../src/udp/udp-socket.ts';
import { ANY6, LOOPBACK4 } from '../src/wire/address.ts';
import { parseAddress } from '../src/wire/address-text.ts';

const [tap, address] = process.argv.slice(2);
const memory = new Memory();
const driver = new LiveDriver();
const env = new Env(memory, Rng.fromEntropy(randomFillSync(new Int32Array(4))), new NullTrace());
env.nowNs = driver.now();
const stack = new Stack(env);
if (tap !== undefined && address !== undefined) {
  const device = new TapDevice(memory, { name: tap });
  stack.addAddress(stack.addInterface(tap, device), parseAddress(address)!, 24);
}
driver.add(stack);

const buffer = new Uint8Array(65535);
const datagram = new Datagram();

/** Calls `use` with each datagram that waits: the application's turn, once the input is done. */
function onEach(socket: UdpSocket, use: (data: Uint8Array) => void): void {
  socket.listener = {
    onReady: () => {
      while (!socket.isClosed) {
        const n = stack.udp.receive(socket, buffer, datagram);
        if (n === -EAGAIN) return;
        if (n >= 0) use(buffer.subarray(0, n)); // below 0: an error about an earlier answer
      }
    },
  };
}

const server = stack.udp.open('dual');
stack.udp.bind(server, ANY6, 7);
onEach(server, (data) => stack.udp.sendTo(server, data, datagram.src, datagram.port));

if (tap === undefined) {
  const client = stack.udp.open('ipv4');
  onEach(client, (data) => {
    console.log(`echoed: ${new TextDecoder().decode(data)}`);
    driver.close();
    stack.close();
  });
  driver.kick(); // we are outside a turn
  stack.udp.sendTo(client, new TextEncoder().encode('once around'), LOOPBACK4, 7);
}
