import t from 'tap';
import { Memory } from '../../src/base/memory.ts';
import { PLAIN_CAPS } from '../../src/link/device.ts';
import { OFFER, RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { NativeRing } from '../../src/live/addon.ts';
import { RingDevice, RingHalf } from '../../src/live/ring-device.ts';
import { MacAddress } from '../../src/wire/mac.ts';

const LEN = 1000;
const ROOM = 65_600;

/** Stands for the C++ side: places what waits into the chunks offered, as native/rx_placer.h does. */
class FakeNative implements NativeRing {
  readonly fd = -1;
  waiting = 0;
  stalls = 0;
  private readonly half: RingHalf;

  constructor(half: RingHalf) {
    this.half = half;
  }

  rxBatch(budget: number): number {
    const { offer, rx } = this.half;
    let n = 0;
    while (n < budget && this.waiting > 0) {
      if (rx.chunks.blockBytes - offer[OFFER.FILL]! < ROOM) {
        offer[OFFER.CURRENT]!++;
        offer[OFFER.FILL] = 0;
      }
      const current = offer[OFFER.CURRENT]!;
      if (current >= offer[OFFER.COUNT]!) break;
      const chunk = offer[OFFER.CHUNK + current]!;
      const d = n++ * RX_STRIDE;
      rx.desc[d + RX.OFF] = rx.chunks.offsetOf(chunk) + offer[OFFER.FILL]!;
      rx.desc[d + RX.LEN] = LEN;
      rx.desc[d + RX.CHUNK] = chunk;
      offer[OFFER.FILL]! += (LEN + 63) & -64;
      this.waiting--;
    }
    if (n === 0 && this.waiting > 0) this.stalls++;
    return n;
  }

  txFlush(): number {
    return 0;
  }

  refreshLink(): number {
    return 0;
  }

  close(): void {
    // nothing of the kernel's
  }
}

class FakeDevice extends RingDevice {}

function rig(chunks: number) {
  const memory = new Memory({ slabBytes: 16 << 20, chunks, cellBytes: 1 << 20 });
  const half = new RingHalf(memory, {});
  const native = new FakeNative(half);
  const is = { name: 'fake', mac: new MacAddress(0x0200, 1), mtu: 1500, caps: PLAIN_CAPS };
  return { memory, native, device: new FakeDevice(half, native, is) };
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
