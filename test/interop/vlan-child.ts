/**
 * Tagged frames through the kernel: a stack of ours on a TAP device, and another on AF_PACKET at the kernel's
 * end of it, which takes the tags out and hands them over beside the frame: `node vlan-child.ts vnet|plain`.
 *
 *     A  tap ──── wire0 (kernel) ──── AF_PACKET  B
 *        VLAN 100: 10.100.0.1, fd00:100::1      .2, ::2
 *        VLAN 200: 10.200.0.1, fd00:200::1      .2, ::2
 *        VLAN 300: 10.30.0.1
 */
import { createHash } from 'node:crypto';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import type { Interface } from '../../src/net/interface.ts';
import { address, check, connect, mustLinux, SEED, Station, until } from './lab.ts';
import { Ends, fillStream, OurEnd } from './tcp-end.ts';

const vnet = process.argv[2] === 'vnet';
const memory = openMemory();
const driver = new LiveDriver();
const tap = await connect(vnet ? 'tap' : 'tap-plain', memory, 'wire0', []);
await mustLinux('ip link set wire0 addrgenmode none up');
const packet = new PacketDevice(memory, { interface: 'wire0', vnet });
const a = new Station(driver, memory, tap, SEED, []);
const b = new Station(driver, memory, packet, SEED + 1, []);
const BULK = 16 << 20;

function addVlan(station: Station, id: number, ...addresses: string[]): Interface {
  const iface = station.stack.addVlan(station.iface, id, `eth0.${id}`);
  if (typeof iface === 'number') throw new Error(`VLAN ${id}: ${iface}`);
  for (const text of addresses) {
    station.stack.addAddress(iface, address(text), text.includes(':') ? 64 : 24);
  }
  return iface;
}

driver.kick();
const a100 = addVlan(a, 100, '10.100.0.1', 'fd00:100::1');
const b100 = addVlan(b, 100, '10.100.0.2', 'fd00:100::2');
const a200 = addVlan(a, 200, '10.200.0.1', 'fd00:200::1');
const b200 = addVlan(b, 200, '10.200.0.2', 'fd00:200::2');
addVlan(a, 300, '10.30.0.1');

await check('addresses of VLANs pass duplicate address detection', async () => {
  const isReady = (i: Interface) => i.addresses.every((e) => e.state === 'preferred');
  return (await until(() => [a100, b100, a200, b200].every(isReady))) ? null : 'still tentative';
});
for (const id of [100, 200]) {
  for (const size of [0, 56, 1472, 1473, 65507]) {
    await check(`a ping of ${size} bytes each way on VLAN ${id}, IPv4`, async () => {
      const there = await a.ping(`10.${id}.0.2`, size, 1);
      return there ?? (await b.ping(`10.${id}.0.1`, size, 2));
    });
  }
  await check(`a ping of 4000 bytes each way on VLAN ${id}, IPv6`, async () => {
    const there = await a.ping(`fd00:${id}::2`, 4000, 1);
    return there ?? (await b.ping(`fd00:${id}::1`, 4000, 2));
  });
}
const ends = { a: new Ends(a), b: new Ends(b) };
for (const [to, from, at] of [
  ['b', 'a', '10.100.0.2'],
  ['a', 'b', 'fd00:200::1'],
] as const) {
  await check(`TCP to ${at}, ${BULK >> 20} MiB`, () => transfer(ends[from], ends[to], at));
}
await check(`super-frames had tags: ${vnet}`, async () => {
  const { stats } = b100.device;
  const mean = stats.get('rxBytes') / stats.get('rxFrames');
  return mean > 3000 === vnet ? null : `${mean} bytes a frame`;
});
await check('a VLAN that B has not is dropped there, and counted', async () => {
  const { drops } = b.stack.net;
  const before = drops.get('ETH_UNKNOWN_VLAN');
  driver.kick();
  a.stack.net.echoes.send(a.stack.net.echoes.open()!, address('10.30.0.2'), 1, new Uint8Array(8));
  return (await until(() => drops.get('ETH_UNKNOWN_VLAN') > before)) ? null : 'nothing came';
});
await check('closing leaves no memory held', async () => {
  a.close();
  b.close();
  driver.close();
  const { cells, pages, chunks } = memory;
  const isHome = cells.held === 0 && pages.held === 0 && chunks.held <= 2;
  return isHome ? null : `${cells.held} cells, ${pages.held} pages, ${chunks.held} chunks`;
});
process.exit();

async function transfer(from: Ends, to: Ends, at: string): Promise<string | null> {
  const received = new Promise<string>((done) => {
    to.listen(at, 80, (end) => {
      void digest(end).then(done);
    });
  });
  const end = await from.connect(at, 80);
  if (!(end instanceof OurEnd)) return `connect: ${end}`;
  const hash = createHash('sha256');
  const block = new Uint8Array(1 << 18);
  for (let done = 0; done < BULK; done += block.length) {
    fillStream(block, done, SEED);
    hash.update(block);
    const n = await end.write(block);
    if (n !== block.length) return `write: ${n}`;
  }
  end.shutdown();
  const [sent, got] = [hash.digest('hex'), await received];
  end.close();
  return sent === got ? null : `other bytes: ${got}`;
}

async function digest(end: OurEnd): Promise<string> {
  const hash = createHash('sha256');
  const into = new Uint8Array(1 << 18);
  for (;;) {
    const n = await end.read(into);
    if (n < 0) return `read: ${n}`;
    if (n === 0) break;
    hash.update(into.subarray(0, n));
  }
  end.close();
  return hash.digest('hex');
}
