import { Env } from '../../src/base/env.ts';
import type { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { NEVER } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';
import type { Device } from '../../src/link/device.ts';
import type { LiveDriver } from '../../src/live/driver.ts';
import type { Host } from '../../src/stack/host.ts';

/** A host that does what a test tells it to, and writes down what it was asked. */
export class ScriptHost implements Host {
  readonly env: Env;
  readonly devices: Device[];
  readonly log: string[] = [];
  received = 0;
  deadlineNs = NEVER;
  fired = 0;
  /** Called in the phase of the same name. */
  onReceive: (index: number, frames: number) => void = nothing;
  onFire: () => void = nothing;
  onReady: () => void = nothing;
  onOutput: () => void = nothing;

  constructor(memory: Memory, devices: Device[]) {
    this.env = new Env(memory, new Rng(1), new NullTrace());
    this.devices = devices;
  }

  receive(index: number, frames: number): void {
    this.log.push(`receive ${index} ${frames}`);
    this.received += frames;
    this.onReceive(index, frames);
  }

  fireTimers(): void {
    this.log.push('timers');
    if (this.env.nowNs < this.deadlineNs) return;
    this.deadlineNs = NEVER;
    this.fired++;
    this.onFire();
  }

  drainReady(): void {
    this.log.push('ready');
    this.onReady();
  }

  runOutput(): void {
    this.log.push('output');
    this.onOutput();
  }

  nextDeadlineNs(): number {
    return this.deadlineNs;
  }
}

function nothing(): void {
  // the default for every phase
}

/** Resolves when the condition holds; looks once a millisecond, so that the driver can sleep between. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 1));
}

/** Runs `action` and waits until the driver has gone to sleep after it. */
export async function andSleep(driver: LiveDriver, action: () => void): Promise<void> {
  const before = driver.stats.get('sleeps');
  action();
  await until(() => driver.stats.get('sleeps') > before);
}
