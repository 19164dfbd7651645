import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import { MacAddress } from '../wire/mac.ts';
import type { FrameStore } from './frame-store.ts';
import { MemoryDevice, type MemoryDeviceOptions } from './memory-device.ts';

/** Linux gives `lo` 64 KiB: the largest IP packet needs no fragments to itself. */
const LOOPBACK_MTU = 65536;

/** A smaller transmit ring, where there are thousands of stacks. */
export type LoopbackRing = Pick<MemoryDeviceOptions, 'txFrames' | 'txPayloadBytes'>;

/** A device that receives what it sends. Nothing leaves memory, so checksums stay partial. */
export function openLoopback(
  frames: FrameStore,
  name: string = 'lo',
  mtu: number = LOOPBACK_MTU,
  ring: LoopbackRing = {},
): MemoryDevice {
  const device = new MemoryDevice(frames, {
    ...ring,
    name,
    mac: new MacAddress(0, 0),
    mtu,
    caps: { maxFrame: mtu + ETH_HEADER_LEN, txChecksum: true, rxChecksum: true },
  });
  device.connect(device);
  return device;
}
