/** A TAP device of the kernel: we are the machine at the other end of its wire. */
import type { Memory } from '../base/memory.ts';
import type { DeviceCaps } from '../link/device.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import type { MacAddress } from '../wire/mac.ts';
import { loadAddon, type NativeRing } from './addon.ts';
import { kernelDrops } from './kernel-drops.ts';
import { randomMac } from './random-mac.ts';
import {
  MAX_SUPER_FRAME,
  type NativeMemory,
  RingDevice,
  RingHalf,
  type RingSizes,
} from './ring-device.ts';

export interface TapOptions extends RingSizes {
  /** At most 15 bytes; `tap%d` or nothing lets the kernel choose. */
  readonly name?: string;
  /** Our own address on the wire. Default: a random local one. */
  readonly mac?: MacAddress;
  /** The address of the kernel's end. Default: as it is (the kernel makes one up). */
  readonly kernelMac?: MacAddress;
  readonly mtu?: number;
  /** Sets the kernel's end up. Default true. */
  readonly up?: boolean;
  /** Whether the device outlives us. Default: as it is (a new one does not). */
  readonly persist?: boolean;
  /** This is one queue of several; each is a TapDevice with the same name. */
  readonly multiQueue?: boolean;
  /** Fails with EBUSY when the device exists already. */
  readonly exclusive?: boolean;
  /** Fails with ENODEV when it does not. */
  readonly mustExist?: boolean;
  /** Super-frames and unfinished checksums, as far as the kernel agrees. Default true. */
  readonly vnet?: boolean;
  /** With `vnet`: what the kernel may hand to us undone. All default to true. */
  readonly checksum?: boolean;
  readonly tso?: boolean;
  readonly tsoEcn?: boolean;
  readonly uso?: boolean;
  /** Bytes the kernel takes from us before EAGAIN (TUNSETSNDBUF). Default: the kernel's, without limit. */
  readonly sendBuffer?: number;
  /** Frames the kernel queues for us before it drops. Default: 1512 for a device that we make, else as it is. */
  readonly txQueueLen?: number;
  /**
   * SYNs a second that the kernel lets through to the queue, after `facts.synBurst` at once; what is sent again after a second passes
   * at a rate of its own (docs/decisions/0016). 0: all. Default 16,000 where the system allows a limit, and with one queue.
   */
  readonly synRate?: number;
}

/** What was agreed with the kernel. */
export interface TapFacts {
  readonly name: string;
  readonly mtu: number;
  readonly kernelMac: string;
  readonly txQueueLen: number;
  readonly vnet: boolean;
  readonly checksum: boolean;
  readonly tso4: boolean;
  readonly tso6: boolean;
  readonly tsoEcn: boolean;
  readonly uso: boolean;
  /** 0: SYNs have no limit. */
  readonly synRate: number;
  /** SYNs that pass at once: all but 1,000 frames of the queue, or half of it; 512 at most. 0 without a limit. */
  readonly synBurst: number;
}

interface NativeTapRing extends NativeRing {
  describe(): TapFacts;
  /** SYNs beyond the rate, so far. */
  synDrops(): number;
}

interface TapAddon {
  readonly TapRing: new (memory: NativeMemory, options: object) => NativeTapRing;
}

export class TapDevice extends RingDevice {
  readonly facts: TapFacts;
  /** Of `rxDropped`: SYNs beyond `synRate`. */
  synDropped = 0;
  private readonly ring: NativeTapRing;
  /** The kernel's own drop count when we opened it. */
  private readonly dropsBefore: number;
  private dropsSeen = 0;

  /** Throws an Error with code, errno and syscall when the device cannot be had. */
  constructor(memory: Memory, options: TapOptions = {}) {
    const half = new RingHalf(memory, options);
    const native = new (loadAddon<TapAddon>().TapRing)(half.forNative(), {
      ...options,
      kernelMac: options.kernelMac?.toString(),
    });
    const facts = native.describe();
    const mac = options.mac ?? randomMac();
    super(half, native, { name: facts.name, mac, mtu: facts.mtu, caps: capsOf(facts) });
    this.facts = facts;
    this.ring = native;
    this.dropsBefore = kernelDrops(facts.name, 'tx');
  }

  /**
   * Adds to `rxDropped` what the kernel dropped because its queue to us was full, or as a SYN too many: TAP has
   * no counter on the fd, so this reads a file and belongs to a status line, not to a turn. With several
   * queues the count is the device's.
   */
  refreshStats(): void {
    if (this.facts.synRate > 0) this.synDropped = this.ring.synDrops();
    const drops = Math.max(0, kernelDrops(this.name, 'tx') - this.dropsBefore);
    if (drops <= this.dropsSeen) return;
    this.stats.add(this.stats.id('rxDropped'), drops - this.dropsSeen);
    this.dropsSeen = drops;
  }
}

function capsOf(facts: TapFacts): DeviceCaps {
  return {
    // The kernel takes super-frames from us whatever it may hand to us: only the header is needed.
    maxFrame: facts.vnet ? MAX_SUPER_FRAME : facts.mtu + ETH_HEADER_LEN,
    txChecksum: true,
    rxChecksum: true,
    tso4: facts.vnet,
    tso6: facts.vnet,
    tsoEcn: facts.vnet,
    // The same kernel version brought it in both directions.
    uso: facts.uso,
    gro: facts.tso4 || facts.tso6,
  };
}
