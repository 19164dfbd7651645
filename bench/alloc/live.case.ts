/**
 * A turn of the live driver over a ring device whose native half is TypeScript: no root, no frames of the
 * kernel, and all of our own code between the poller's callback and the system calls. Per frame, received and sent.
 */
import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Env } from '../../src/base/env.ts';
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { NEVER } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';
import type { Device } from '../../src/link/device.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { REASON, WORD } from '../../src/live/clock.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { RingHalf } from '../../src/live/ring-device.ts';
import type { Host } from '../../src/stack/host.ts';
import { FakeDevice, FakeNative } from '../../test/live/fake-native.ts';
import type { AllocCase } from './measure.ts';

/** Sends each frame back, by reference, behind a header of its own. */
class EchoHost implements Host {
  readonly env: Env;
  readonly devices: readonly Device[];

  constructor(memory: Memory, device: Device) {
    this.env = new Env(memory, new Rng(1), new NullTrace());
    this.devices = [device];
  }

  receive(index: number, frames: number): void {
    const { rx, tx } = this.devices[index]!;
    for (let i = 0; i < frames; i++) {
      const d = i * RX_STRIDE;
      const header = tx.begin();
      if (header < 0) throw new Error('no room');
      tx.add(header, 14);
      tx.addHeld(rx.desc[d + RX.OFF]! + 14, rx.desc[d + RX.LEN]! - 14, rx.desc[d + RX.CHUNK]!);
      tx.commit();
    }
  }

  fireTimers = nothing;
  drainReady = nothing;
  runOutput = nothing;

  nextDeadlineNs(): number {
    return NEVER;
  }
}

function nothing(): void {
  // this host has neither timers nor applications
}

/** Something that a poller can watch. */
function openFifo(): number {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-alloc-'));
  try {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    return openSync(join(folder, 'fifo'), constants.O_RDWR | constants.O_NONBLOCK);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function turns(frames: number): () => void {
  const memory = new Memory({ slabBytes: 64 << 20, chunks: 32, cellBytes: 1 << 20 });
  const half = new RingHalf(memory, {});
  const native = new FakeNative(half, openFifo());
  const driver = new LiveDriver();
  driver.unref();
  driver.add(new EchoHost(memory, new FakeDevice(half, native)));
  // What the poller does around a turn: words in, words out.
  const inside = driver as unknown as { readonly words: Float64Array; turn(): void };
  const { words } = inside;
  words[WORD.NOW] = 5e12; // past int32, as in a run of hours
  return () => {
    words[WORD.NOW]! += 100_000;
    words[WORD.REASONS] = REASON.READABLE;
    words[WORD.READABLE] = 1;
    native.waiting = frames;
    inside.turn();
    if (native.waiting !== 0 || native.stalls !== 0) throw new Error('frames were left');
  };
}

export const cases: readonly AllocCase[] = [
  { name: 'live turn, 64 frames', packetsPerCall: 64, build: () => turns(64) },
  { name: 'live turn, one frame', packetsPerCall: 1, build: () => turns(1) },
];
