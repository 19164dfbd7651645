/** An AF_PACKET socket: we are one more machine on an interface that the kernel uses as well. */
import { release } from 'node:os';
import type { Memory } from '../base/memory.ts';
import type { DeviceCaps } from '../link/device.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import type { MacAddress } from '../wire/mac.ts';
import { loadAddon, type NativeRing } from './addon.ts';
import { randomMac } from './random-mac.ts';
import {
  MAX_SUPER_FRAME,
  type NativeMemory,
  RingDevice,
  RingHalf,
  type RingSizes,
} from './ring-device.ts';

/** How PACKET_FANOUT spreads frames over the sockets of a group (linux/if_packet.h). */
export const FANOUT_MODE = { hash: 0, lb: 1, cpu: 2, rollover: 3, random: 4, queue: 5 } as const;

export interface PacketOptions extends RingSizes {
  readonly interface: string;
  /** Our own address beside the kernel's. Default: a random local one. */
  readonly mac?: MacAddress;
  /** See every frame, not only those to our address and to groups. Default false. */
  readonly promiscuous?: boolean;
  /** Super-frames and unfinished checksums, both ways. Default true. */
  readonly vnet?: boolean;
  /** Frames that the kernel itself sends on the interface are not received. Default true. */
  readonly ignoreOutgoing?: boolean;
  /** Sockets that share the interface's frames, one per worker. */
  readonly fanout?: { readonly group: number; readonly mode?: keyof typeof FANOUT_MODE };
  /** Sends past the interface's queueing discipline. Default false: it gains nothing (docs/decisions/0008). */
  readonly bypassQdisc?: boolean;
  /**
   * Kernel memory of the receive ring, in whole MiB: 630 frames each at an MTU of 1500. Default 4 MiB
   * (64, with 15 frames of any size each, where `receiveBuffer` is not granted).
   */
  readonly ringBytes?: number;
  /** Kernel memory for super-frames, which do not fit the ring. Default 32 MiB, if the system allows 4. */
  readonly receiveBuffer?: number;
  /** Bytes the kernel holds for us before EAGAIN. Default 4 MiB, if the system allows as much. */
  readonly sendBuffer?: number;
  /** As of `TapOptions`. */
  readonly synRate?: number;
}

export interface PacketFacts {
  readonly name: string;
  readonly mtu: number;
  readonly kernelMac: string;
  readonly vnet: boolean;
  readonly ringFrames: number;
  /** Super-frames are kept beside the ring and copied once; else in the ring, and twice. */
  readonly superFrameQueue: boolean;
  /** 0: SYNs have no limit. */
  readonly synRate: number;
  /** SYNs that pass at once: all but 1,000 frames of the queue, or half of it; 512 at most. 0 without a limit. */
  readonly synBurst: number;
}

interface NativePacketRing extends NativeRing {
  describe(): PacketFacts;
  refreshStats(): number;
  /** SYNs beyond the rate, so far. */
  synDrops(): number;
}

interface PacketAddon {
  readonly PacketRing: new (memory: NativeMemory, options: object) => NativePacketRing;
}

export class PacketDevice extends RingDevice {
  readonly facts: PacketFacts;
  /** Of `rxDropped`: SYNs beyond `synRate`. */
  synDropped = 0;
  private readonly ring: NativePacketRing;

  /** Throws an Error with code, errno and syscall when the interface cannot be used. */
  constructor(memory: Memory, options: PacketOptions) {
    const half = new RingHalf(memory, options);
    const mac = options.mac ?? randomMac();
    const native = new (loadAddon<PacketAddon>().PacketRing)(half.forNative(), {
      ...options,
      mac: options.promiscuous === true ? undefined : mac.toString(),
      fanoutGroup: options.fanout?.group,
      fanoutMode: FANOUT_MODE[options.fanout?.mode ?? 'hash'],
    });
    const facts = native.describe();
    super(half, native, { name: facts.name, mac, mtu: facts.mtu, caps: capsOf(facts) });
    this.facts = facts;
    this.ring = native;
  }

  /** Adds the kernel's drops to `rxDropped` now; the data path does so only when a frame says that some were lost. */
  refreshStats(): void {
    this.ring.refreshStats();
    if (this.facts.synRate > 0) this.addSynDrops(this.ring.synDrops());
  }

  private addSynDrops(drops: number): void {
    this.stats.add(this.stats.id('rxDropped'), drops - this.synDropped);
    this.synDropped = drops;
  }
}

function capsOf(facts: PacketFacts): DeviceCaps {
  return {
    maxFrame: facts.vnet ? MAX_SUPER_FRAME : facts.mtu + ETH_HEADER_LEN,
    txChecksum: true,
    rxChecksum: true,
    tso4: facts.vnet,
    tso6: facts.vnet,
    tsoEcn: facts.vnet,
    uso: facts.vnet && kernelTakesUso(),
    // Without a vnet header too: the kernel merges frames before it looks for packet sockets.
    gro: true,
  };
}

/** UDP segmentation behind a vnet header came with Linux 6.2; a socket has no call to ask. */
function kernelTakesUso(): boolean {
  const [major, minor] = release().split('.').map(Number);
  return major! > 6 || (major! === 6 && minor! >= 2);
}
