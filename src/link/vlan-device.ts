import { Counters } from '../base/counters.ts';
import { NEVER } from '../base/time.ts';
import type { MacAddress } from '../wire/mac.ts';
import { PRIORITY_SHIFT } from '../wire/vlan.ts';
import { DEVICE_COUNTERS, type Device, type DeviceCaps, type RxRing } from './device.ts';
import type { TxRing } from './tx-ring.ts';

/**
 * One VLAN of a device. Rings, address and offloads are the device's; its own are the tag, the MTU and the
 * counters, which count frames without the tag. Frames get the tag in place, when they are committed, so
 * that whoever writes one need not know; the stack hands received ones to the VLAN's interface. The driver
 * turns the device below, and never this one.
 */
export class VlanDevice implements Device {
  readonly name: string;
  readonly id: number;
  readonly mtu: number;
  readonly mac: MacAddress;
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly stats = new Counters(DEVICE_COUNTERS);
  readonly lower: Device;
  /** Linux's egress-qos-map: a packet's priority → 802.1Q's priority code point; 0 where there is none. */
  private readonly egress = new Map<number, number>();

  private readonly rxFramesId = this.stats.id('rxFrames');
  private readonly rxBytesId = this.stats.id('rxBytes');
  private readonly txFramesId = this.stats.id('txFrames');
  private readonly txBytesId = this.stats.id('txBytes');

  /** @param mtu no more than the device's: the tag does not count, the frame is 4 bytes longer. */
  constructor(lower: Device, name: string, id: number, mtu: number) {
    this.lower = lower;
    this.name = name;
    this.id = id;
    this.mtu = mtu;
    this.mac = lower.mac;
    this.rx = lower.rx;
    this.tx = lower.tx;
  }

  get caps(): DeviceCaps {
    return this.lower.caps;
  }

  get isUp(): boolean {
    return this.lower.isUp;
  }

  /** What is mapped to another code point than 0, in the order of the priorities. */
  get egressMap(): readonly (readonly [from: number, to: number])[] {
    return [...this.egress].sort(([a], [b]) => a - b);
  }

  /** @param to 0 to 7. */
  mapPriority(from: number, to: number): void {
    if (to === 0) this.egress.delete(from);
    else this.egress.set(from, to);
  }

  /** The frame begun in the ring is ours. @param priority SO_PRIORITY's. */
  tagFrame(priority: number): void {
    const pcp = this.egress.size === 0 ? 0 : (this.egress.get(priority >>> 0) ?? 0);
    const len = this.tx.tag((pcp << PRIORITY_SHIFT) | this.id);
    this.stats.count(this.txFramesId);
    this.stats.add(this.txBytesId, len);
  }

  /** A frame of ours has arrived, `len` bytes without its tag. */
  countReceived(len: number): void {
    this.stats.count(this.rxFramesId);
    this.stats.add(this.rxBytesId, len);
  }

  rxBatch(_budget: number): number {
    return 0;
  }

  txFlush(): number {
    return this.lower.txFlush();
  }

  nextDeadlineNs(): number {
    return NEVER;
  }

  close(): void {
    // The rings are the lower device's, which closes them.
  }
}
