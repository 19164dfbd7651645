/** What lifetime.ts runs as a worker or as a process: opens rings and ends in the way it is told. */
import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { RX, RX_STRIDE } from '../../../src/link/ring-layout.ts';
import { PacketDevice } from '../../../src/live/packet-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import { hasInterface, queue, randomFrame, smallMemory } from './rig.ts';

const [how, tapName, packetName] = process.argv.slice(2);
const memory = smallMemory();

/** Sends back what comes in, from where it lies: header and payload by reference. */
function echo(tap: TapDevice, count: number): number {
  let echoed = 0;
  while (echoed < count) {
    const n = tap.rxBatch(64);
    for (let i = 0; i < n; i++) {
      const at = i * RX_STRIDE;
      tap.tx.begin();
      tap.tx.addHeld(
        tap.rx.desc[at + RX.OFF]!,
        tap.rx.desc[at + RX.LEN]!,
        tap.rx.desc[at + RX.CHUNK]!,
      );
      tap.tx.commit();
    }
    echoed += n;
    tap.txFlush();
  }
  return echoed;
}

function open(): TapDevice {
  const tap = new TapDevice(memory, { name: tapName! });
  if (packetName !== undefined) new PacketDevice(memory, { interface: packetName });
  queue(tap, randomFrame(100));
  tap.tx.commit();
  return tap;
}

async function forget(): Promise<void> {
  (() => open())();
  for (let i = 0; i < 50 && hasInterface(tapName!); i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await setImmediate();
  }
  console.log(hasInterface(tapName!) ? 'still there' : 'collected');
}

if (how === 'echo') {
  const tap = new TapDevice(memory, { name: tapName! });
  parentPort!.on('message', (count: number) => {
    if (count === 0) {
      tap.close();
      parentPort!.close();
    } else parentPort!.postMessage(echo(tap, count));
  });
  parentPort!.postMessage('ready');
} else if (how === 'forget') {
  await forget();
} else {
  open();
  if (how === 'hold') {
    parentPort!.on('message', () => undefined);
    parentPort!.postMessage('ready');
  }
  if (how === 'exit') process.exit(0);
  if (how === 'throw') throw new Error('as planned');
}
