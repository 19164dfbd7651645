/** Real devices under a driver, in a namespace of its own: `device-child.ts <scenario>`; prints JSON. */
import { createSocket } from 'node:dgram';
import { type DeviceReport, type DriverOptions, LiveDriver } from '../../src/live/driver.ts';
import {
  addAddress,
  createVeth,
  deleteLink,
  setLink,
  writeSysctl,
} from '../../src/live/netlink.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import type { RingDevice } from '../../src/live/ring-device.ts';
import { TapDevice } from '../../src/live/tap-device.ts';
import { smallMemory } from './fifo-device.ts';
import { andSleep, ScriptHost, until } from './script-host.ts';

const memory = smallMemory();
const reports: DeviceReport[] = [];
const told = () =>
  reports.splice(0).map(({ errno, isDetached, message }) => ({ errno, isDetached, message }));

/** The kernel says something on the link, to everybody there. */
const socket = createSocket('udp4');
await new Promise<void>((done) => socket.bind(0, done));
socket.setBroadcast(true);
const speak = () => socket.send('hello', 9, '10.7.7.255');

async function drive(device: RingDevice, options: DriverOptions = {}) {
  const host = new ScriptHost(memory, [device]);
  const onDeviceError = (report: DeviceReport) => void reports.push(report);
  const driver = new LiveDriver({ ...options, onDeviceError });
  await andSleep(driver, () => driver.add(host));
  return { host, driver };
}

function quiet(link: string): void {
  writeSysctl(`ipv6/conf/${link}/disable_ipv6`, 1);
  addAddress(link, '10.7.7.1', 24);
}

async function tap(): Promise<object> {
  const device = new TapDevice(memory, { name: 'tap7' });
  quiet('tap7');
  const { host, driver } = await drive(device);
  speak();
  await until(() => host.received > 0);
  const { turns, wakeups } = driver.stats.toObject();
  deleteLink('tap7');
  await until(() => reports.length > 0);
  const gone = told();
  await andSleep(driver, () => driver.kick());
  driver.close();
  return { received: host.received, isWoken: wakeups > 0 && turns > 1, gone, isUp: device.isUp };
}

async function packet(): Promise<object> {
  createVeth('veth-a', 'veth-b', { isUp: true }, { isUp: true });
  writeSysctl('ipv6/conf/veth-b/disable_ipv6', 1);
  quiet('veth-a');
  const device = new PacketDevice(memory, { interface: 'veth-b', ringBytes: 1 << 20 });
  const { host, driver } = await drive(device);
  speak();
  await until(() => host.received > 0);
  setLink('veth-b', { isUp: false });
  await until(() => reports.length > 0);
  const down = told();
  setLink('veth-b', { isUp: true });
  await until(() => device.isUp);
  const before = host.received;
  speak();
  await until(() => host.received > before);
  deleteLink('veth-b');
  await until(() => reports.some((report) => report.isDetached));
  const gone = told().at(-1);
  driver.close();
  return { down, gone };
}

/** The socket keeps reporting that the link went down while frames wait that came before. */
async function downWithFrames(): Promise<object> {
  createVeth('veth-a', 'veth-b', { isUp: true }, { isUp: true });
  for (const link of ['veth-a', 'veth-b']) writeSysctl(`ipv6/conf/${link}/disable_ipv6`, 1);
  const ringBytes = 1 << 20;
  const device = new PacketDevice(memory, { interface: 'veth-b', ringBytes });
  const peer = new PacketDevice(memory, { interface: 'veth-a', ringBytes });
  const { host, driver } = await drive(device, { rxBudget: 1 });
  for (let i = 0; i < 100; i++) {
    const at = peer.tx.begin();
    peer.tx.slab.u8.fill(0xff, at, at + 60);
    peer.tx.add(at, 60);
    peer.tx.commit();
  }
  peer.txFlush();
  setLink('veth-b', { isUp: false });
  await until(() => reports.length > 0);
  const [report] = told();
  setLink('veth-b', { isUp: true });
  await until(() => device.isUp || report!.isDetached);
  driver.close();
  device.close();
  peer.close();
  return { received: host.received, report };
}

/** Someone holds all memory: the frames wait in the kernel, nobody spins, and none is lost. */
async function stalled(): Promise<object> {
  const device = new TapDevice(memory, { name: 'tap7', vnet: false });
  quiet('tap7');
  const taken: number[] = [];
  while (memory.chunks.free > 0) taken.push(memory.chunks.take());
  const { host, driver } = await drive(device);
  for (let i = 0; i < 10; i++) speak();
  await until(() => device.stats.get('rxStalls') > 0);
  const { turns } = driver.stats.toObject();
  await new Promise((done) => setTimeout(done, 20));
  const isCalm = driver.stats.get('turns') <= turns + 1;
  const whileStalled = host.received;
  for (const chunk of taken) memory.chunks.release(chunk);
  driver.kick();
  await until(() => host.received >= 10);
  const { received } = host;
  speak();
  await until(() => host.received > received);
  driver.close();
  device.close();
  return { isCalm, whileStalled };
}

const scenarios = { tap, packet, downWithFrames, stalled };
console.log(JSON.stringify(await scenarios[process.argv[2] as keyof typeof scenarios]()));
socket.close();
