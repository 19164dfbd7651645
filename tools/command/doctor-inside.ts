/** The part of `ringway doctor` that runs in namespaces of its own: what it makes there is gone when it ends. */
import { openMemory } from '../../src/live/native-sum.ts';
import { createVeth } from '../../src/live/netlink.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';

/** In the environment of the child that is inside. */
export const INSIDE = 'RINGWAY_DOCTOR_INSIDE';

/** A few MiB: nothing is received. */
const SMALL = { slabBytes: 64 << 20, chunks: 16, cellBytes: 1 << 20 } as const;

export interface Trial {
  /** What could not be done; nothing: all of it works. */
  readonly failed: '' | 'unshare' | 'namespace' | 'veth' | 'ring';
  readonly why: string;
  /** Super-frames and unfinished checksums. */
  readonly vnet: boolean;
}

/** A veth pair, and a ring on one end of it. */
export function tryInside(): Trial {
  let failed: Trial['failed'] = 'veth';
  try {
    createVeth('probe0', 'probe1');
    failed = 'ring';
    return { failed: '', why: '', vnet: openRing() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { failed, why, vnet: false };
  }
}

/** Whether the kernel takes the vnet header; without it, a ring all the same. */
function openRing(): boolean {
  const memory = openMemory(SMALL);
  try {
    new PacketDevice(memory, { interface: 'probe0' }).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== 'PACKET_VNET_HDR') throw error;
    new PacketDevice(memory, { interface: 'probe0', vnet: false }).close();
    return false;
  }
}
