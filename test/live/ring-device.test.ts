import t from 'tap';
import { Memory } from '../../src/base/memory.ts';
import { RX } from '../../src/link/ring-layout.ts';
import { RingHalf } from '../../src/live/ring-device.ts';
import { FakeDevice, FakeNative } from './fake-native.ts';

function rig(chunks: number) {
  const memory = new Memory({ slabBytes: 16 << 20, chunks, cellBytes: 1 << 20 });
  const half = new RingHalf(memory, {});
  const native = new FakeNative(half);
  return { memory, native, device: new FakeDevice(half, native) };
}

t.test('after a batch of nothing the hottest chunk is filled from its start', (t) => {
  const { memory, native, device } = rig(8);
  const { chunks } = memory;
  const hottest = chunks.take();
  chunks.release(hottest);
  for (let i = 0; i < 3; i++) {
    t.equal(device.rxBatch(64), 0);
    t.equal(chunks.held, 0, 'an idle device holds nothing');
    native.waiting = 2;
    t.equal(device.rxBatch(64), 2);
    t.equal(device.rx.desc[RX.CHUNK], hottest);
    t.equal(device.rx.desc[RX.OFF], chunks.offsetOf(hottest));
    t.equal(chunks.held, 1);
  }
  device.close();
  t.equal(chunks.held, 0);
  t.end();
});

t.test('one free chunk is enough, after nothing too', (t) => {
  const { native, device } = rig(1);
  t.equal(device.rxBatch(64), 0);
  native.waiting = 1;
  t.equal(device.rxBatch(64), 1);
  t.equal(native.stalls, 0);
  device.close();
  t.end();
});
