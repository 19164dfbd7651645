import { Memory } from '../../src/base/memory.ts';
import type { Device } from '../../src/link/device.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { MacAddress } from '../../src/wire/mac.ts';

export const MAC_A = new MacAddress(0x0200, 0x0a);
export const MAC_B = new MacAddress(0x0200, 0x0b);

export interface Rig {
  readonly memory: Memory;
  readonly frames: FrameStore;
}

export function makeRig(chunks = 16): Rig {
  const memory = new Memory({ slabBytes: 64 << 20, chunks, cellBytes: 1 << 20 });
  return { memory, frames: new FrameStore(memory) };
}

/** A frame whose bytes say which one it is. */
export function numbered(n: number, len: number): Uint8Array {
  const bytes = new Uint8Array(len);
  for (let i = 0; i < len; i++) bytes[i] = (Math.imul(n + 1, 0x9e37) + i) >>> (i & 3);
  return bytes;
}

/** Commits a frame cut into a header slot and a copied payload; false when the ring has no room. */
export function commit(device: Device, bytes: Uint8Array, headerLen = 14): boolean {
  const { tx } = device;
  const at = tx.reserve(bytes.length);
  if (at < 0) return false;
  const header = tx.begin();
  if (header < 0) return false;
  const cut = Math.min(headerLen, bytes.length);
  tx.slab.u8.set(bytes.subarray(0, cut), header);
  tx.slab.u8.set(bytes.subarray(cut), at);
  tx.add(header, cut);
  if (bytes.length > cut) tx.add(at, bytes.length - cut);
  tx.commit();
  return true;
}

export function send(device: Device, bytes: Uint8Array): number {
  if (!commit(device, bytes)) throw new Error('no room in the ring');
  return device.txFlush();
}

/** Everything the device has now, as arrays; its last batch is given back. */
export function receiveAll(device: Device, budget = 256): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let n = device.rxBatch(budget); n > 0; n = device.rxBatch(budget)) {
    for (let i = 0; i < n; i++) all.push(frameAt(device, i));
  }
  return all;
}

export function frameAt(device: Device, index: number): Uint8Array {
  const { desc, chunks } = device.rx;
  const off = desc[index * RX_STRIDE + RX.OFF]!;
  return chunks.slab.u8.slice(off, off + desc[index * RX_STRIDE + RX.LEN]!);
}
