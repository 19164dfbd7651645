/** Sends malformed frames out of an interface: `node generator.ts IFACE OUR_MAC COUNT SEED`. */
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { badFrame } from '../support/bad-frames.ts';

const [iface, macText, countText, seedText] = process.argv.slice(2);
const count = Number(countText);
const mac = MacAddress.parse(macText!)!;
const memory = new Memory({ slabBytes: 64 << 20, chunks: 16, cellBytes: 1 << 20 });
const device = new PacketDevice(memory, { interface: iface!, vnet: false, ringBytes: 1 << 20 });
const random = new Rng(Number(seedText)).stream('generator');
const frame = new Uint8Array(1514);
let sent = 0;

while (sent < count) {
  const len = badFrame(random, frame, mac);
  const at = device.tx.reserve(len);
  const slot = at < 0 ? -1 : device.tx.begin();
  if (slot < 0) {
    await flush();
    continue;
  }
  memory.slab.u8.set(frame.subarray(0, len), at);
  device.tx.add(at, len);
  device.tx.commit();
  sent++;
}
await flush();

/** Until the kernel has taken everything, with a bound in time. */
async function flush(): Promise<void> {
  for (let tried = 0; device.txFlush() > 0 && tried < 2000; tried++) {
    await new Promise((r) => setTimeout(r, 1));
  }
}
const left = device.tx.inFlight;
const lost = device.stats.get('txDropped');
process.stdout.write(JSON.stringify({ sent: sent - left - lost, left }));
device.close();
