import { PLAIN_CAPS } from '../../src/link/device.ts';
import { CTRL, LINK, OFFER, RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { NativeRing } from '../../src/live/addon.ts';
import { RingDevice, type RingHalf } from '../../src/live/ring-device.ts';
import { MacAddress } from '../../src/wire/mac.ts';

/** Of every frame. */
const LEN = 1000;
/** What C++ asks for before it reads. */
const ROOM = 65_600;

/** Stands for the C++ side: places what waits into the chunks offered, as native/rx_placer.h does. */
export class FakeNative implements NativeRing {
  readonly fd: number;
  waiting = 0;
  stalls = 0;
  private readonly half: RingHalf;

  constructor(half: RingHalf, fd = -1) {
    this.half = half;
    this.fd = fd;
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
    const { ctrl } = this.half.tx;
    ctrl[CTRL.TX_TAIL] = ctrl[CTRL.TX_HEAD]!;
    return 0;
  }

  refreshLink(): number {
    return 0;
  }

  close(): void {
    // nothing of the kernel's
  }
}

/** A ring device over it, whose link is up. */
export class FakeDevice extends RingDevice {
  constructor(half: RingHalf, native: FakeNative) {
    half.tx.ctrl[CTRL.LINK] = LINK.UP;
    super(half, native, {
      name: 'fake',
      mac: new MacAddress(0x0200, 1),
      mtu: 1500,
      caps: PLAIN_CAPS,
    });
  }
}
