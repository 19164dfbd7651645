/** Run by ../rings.test.ts in a network namespace of its own: threads, exits and garbage. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { PacketDevice } from '../../../src/live/packet-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import {
  counter,
  hasInterface,
  isEqual,
  makeVeth,
  OURS,
  queue,
  quietKernel,
  randomFrame,
  receive,
  send,
  smallMemory,
} from './rig.ts';

const CHILD = fileURLToPath(new URL('lifetime-child.ts', import.meta.url));
const WORKER = fileURLToPath(new URL('lifetime-worker.mjs', import.meta.url));

quietKernel();
makeVeth('v0', 'v1');

t.test('rings work in several threads at once, each with its own', async (t) => {
  const workers = ['w0', 'w1'].map((name) => new Worker(WORKER, { argv: ['echo', name] }));
  t.same(await Promise.all(workers.map((worker) => once(worker, 'message'))), [
    ['ready'],
    ['ready'],
  ]);
  for (const [i, worker] of workers.entries()) {
    const kernel = new PacketDevice(smallMemory(), { interface: `w${i}`, promiscuous: true });
    const sent = Array.from({ length: 50 }, () => randomFrame(120));
    for (const frame of sent) send(kernel, frame);
    const told = once(worker, 'message');
    worker.postMessage(50);
    const [echoed] = await told;
    t.equal(echoed, 50);
    t.ok(isEqual(receive(kernel, 50), sent), 'back, byte for byte');
    kernel.close();
  }
  for (const worker of workers) {
    worker.postMessage(0);
    t.same(await once(worker, 'exit'), [0]);
  }
  t.notOk(hasInterface('w0'));
});

t.test('a worker that is stopped with rings open leaves nothing behind', async (t) => {
  const worker = new Worker(WORKER, { argv: ['hold', 'w0', 'v0'] });
  t.same(await once(worker, 'message'), ['ready']);
  t.ok(hasInterface('w0'));
  await worker.terminate();
  t.notOk(hasInterface('w0'), 'its TAP device is closed');
  const again = new TapDevice(smallMemory(), { name: 'w0', exclusive: true });
  again.close();
});

for (const how of ['return', 'exit', 'throw'] as const) {
  t.test(`a process that ends with rings open and frames in flight: ${how}`, async (t) => {
    const run = spawnSync(process.execPath, ['--import=tsx', CHILD, how, 'p0', 'v0'], {
      encoding: 'utf8',
    });
    t.equal(run.signal, null, 'no crash');
    t.equal(run.status, how === 'throw' ? 1 : 0, run.stderr);
    t.notOk(hasInterface('p0'));
  });
}

t.test('a device that is forgotten is closed when its memory is collected', async (t) => {
  const child = [process.execPath, '--import=tsx', '--expose-gc', CHILD, 'forget', 'p0', 'v0'];
  const run = spawnSync(child[0]!, child.slice(1), { encoding: 'utf8' });
  t.equal(run.status, 0, run.stderr);
  t.match(run.stdout, /collected/);
});

t.test('opening and closing many times leaks neither fds nor chunks', async (t) => {
  const memory = smallMemory();
  const fds: number[] = [];
  for (let i = 0; i < 20; i++) {
    const tap = new TapDevice(memory, {
      name: 'many0',
      mac: OURS,
      txFrames: 8,
      txPayloadBytes: 4096,
    });
    const packet = new PacketDevice(memory, {
      interface: 'many0',
      ringBytes: 1 << 20,
      txFrames: 8,
      txPayloadBytes: 4096,
    });
    fds.push(packet.fd);
    queue(packet, randomFrame(64));
    packet.tx.commit();
    packet.txFlush();
    t.equal(receive(tap, 1).length, 1);
    t.equal(counter(packet, 'txFrames'), 1);
    packet.close();
    tap.close();
  }
  t.equal(fds[19], fds[1], 'the same numbers again');
  t.equal(memory.chunks.held, 0);
});
