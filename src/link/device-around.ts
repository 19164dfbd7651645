import type { MacAddress } from '../wire/mac.ts';
import type { Device, DeviceCaps, DeviceStats, RxRing } from './device.ts';
import type { TxRing } from './tx-ring.ts';

/** A device in front of another one: to the stack it is that one, with its name, its address and its counters. */
export abstract class DeviceAround implements Device {
  readonly name: string;
  readonly mac: MacAddress;
  readonly caps: DeviceCaps;
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly stats: DeviceStats;
  readonly mtu: number;
  /** Whoever waits for frames looks here for the device that gets them. */
  readonly inner: Device;

  /** Where frames pass through rings of its own it says which. */
  constructor(inner: Device, rx: RxRing = inner.rx, tx: TxRing = inner.tx) {
    this.inner = inner;
    this.name = inner.name;
    this.mac = inner.mac;
    this.caps = inner.caps;
    this.rx = rx;
    this.tx = tx;
    this.stats = inner.stats;
    this.mtu = inner.mtu;
  }

  get isUp(): boolean {
    return this.inner.isUp;
  }

  abstract rxBatch(budget: number): number;

  abstract txFlush(): number;

  nextDeadlineNs(): number {
    return this.inner.nextDeadlineNs();
  }

  close(): void {
    this.inner.close();
  }
}
