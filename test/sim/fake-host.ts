import type { Env } from '../../src/base/env.ts';
import { NEVER } from '../../src/base/time.ts';
import type { Device } from '../../src/link/device.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { Host } from '../../src/stack/host.ts';
import {
  ethDstHigh,
  ethDstLow,
  ethSrcHigh,
  ethSrcLow,
  writeEthernet,
} from '../../src/wire/ethernet.ts';
import type { MacAddress } from '../../src/wire/mac.ts';

const REQUEST = 0x88b5;
const REPLY = 0x88b6;

export interface Seen {
  readonly n: number;
  readonly atNs: number;
  readonly fromLow: number;
  readonly type: number;
}

/** A host of two message types: it answers every request addressed to it, and keeps what it saw. */
export class FakeHost implements Host {
  readonly env: Env;
  readonly devices: readonly Device[];
  readonly seen: Seen[] = [];
  timers: { atNs: number; what: () => void }[] = [];
  turnBatches: number[] = [];

  constructor(env: Env, device: Device) {
    this.env = env;
    this.devices = [device];
  }

  get device(): Device {
    return this.devices[0]!;
  }

  get replies(): number[] {
    return this.seen.filter((s) => s.type === REPLY).map((s) => s.n);
  }

  /** False when the ring is full. */
  request(to: MacAddress, n: number, len = 64): boolean {
    return this.send(to.high, to.low, REQUEST, n, len);
  }

  receive(index: number, frames: number): void {
    const { desc, chunks } = this.devices[index]!.rx;
    const dv = chunks.slab.dv;
    this.turnBatches.push(frames);
    for (let i = 0; i < frames; i++) {
      const o = desc[i * RX_STRIDE + RX.OFF]!;
      const len = desc[i * RX_STRIDE + RX.LEN]!;
      const type = dv.getUint16(o + 12);
      const n = dv.getUint32(o + 14);
      const { mac } = this.device;
      this.seen.push({ n, atNs: this.env.nowNs, fromLow: ethSrcLow(dv, o), type });
      if (type !== REQUEST || ethDstHigh(dv, o) !== mac.high || ethDstLow(dv, o) !== mac.low) {
        continue;
      }
      this.send(ethSrcHigh(dv, o), ethSrcLow(dv, o), REPLY, n, len);
    }
  }

  fireTimers(): void {
    const due = this.timers.filter((timer) => timer.atNs <= this.env.nowNs);
    this.timers = this.timers.filter((timer) => timer.atNs > this.env.nowNs);
    for (const { what } of due) what();
  }

  drainReady(): void {
    // its applications are the simulator's
  }

  runOutput(): void {
    // it sends at once
  }

  nextDeadlineNs(): number {
    const own = Math.min(NEVER, ...this.timers.map((timer) => timer.atNs));
    return Math.min(own, this.device.nextDeadlineNs());
  }

  private send(high: number, low: number, type: number, n: number, len: number): boolean {
    const { tx, mac } = this.device;
    const at = tx.reserve(len - 14);
    const header = at < 0 ? -1 : tx.begin();
    if (header < 0) return false;
    writeEthernet(tx.slab.dv, header, high, low, mac.high, mac.low, type);
    tx.slab.u8.fill(n, at, at + len - 14);
    tx.slab.dv.setUint32(at, n);
    tx.add(header, 14);
    tx.add(at, len - 14);
    tx.commit();
    return true;
  }
}
