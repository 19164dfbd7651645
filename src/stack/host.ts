import type { Env } from '../base/env.ts';
import type { Device } from '../link/device.ts';

/**
 * What a driver turns: a stack, seen from outside. Live and virtual time differ only in who calls it
 * (docs/architecture.md, "One turn"). One turn, in this order:
 *
 *     env.nowNs = now
 *     for each device:  n = device.rxBatch(budget);  host.receive(i, n)
 *     host.fireTimers();  host.drainReady();  host.runOutput(budget)
 *     for each device:  device.txFlush()
 *     sleep until a device is readable (or writable, if frames remained), or nextDeadlineNs()
 */
export interface Host {
  readonly env: Env;
  readonly devices: readonly Device[];
  /** Works on the batch that `devices[index].rxBatch` just returned. */
  receive(index: number, frames: number): void;
  /** Due deadlines, in order of time, ties in the order of arming. */
  fireTimers(): void;
  /** Applications run here and only here. */
  drainReady(): void;
  /** Sends what waited for room in a device. */
  runOutput(budget: number): void;
  /** When it wants the next turn although nothing arrives, devices included; NEVER if it does not. */
  nextDeadlineNs(): number;
}
