import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Counters } from '../../src/base/counters.ts';
import { ENODEV } from '../../src/base/errno.ts';
import { Memory } from '../../src/base/memory.ts';
import { NEVER } from '../../src/base/time.ts';
import { DEVICE_COUNTERS, PLAIN_CAPS, RxRing } from '../../src/link/device.ts';
import { TxRing } from '../../src/link/tx-ring.ts';
import type { PollableDevice } from '../../src/live/pollable.ts';
import { MacAddress } from '../../src/wire/mac.ts';

const RECORD = 64;
const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK } = constants;

export function smallMemory(): Memory {
  return new Memory({ slabBytes: 16 << 20, chunks: 4, cellBytes: 1 << 20 });
}

/** What FIFO devices have in common: the contract, without protocol content. */
abstract class FifoDevice implements PollableDevice {
  readonly name: string;
  readonly mac = new MacAddress(0x0200, 1);
  readonly caps = PLAIN_CAPS;
  readonly mtu = 1500;
  readonly stats = new Counters(DEVICE_COUNTERS);
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly fd: number;
  isUp = true;
  isClosed = false;
  /** What txFlush and rxBatch answer instead of working, when not 0: -errno. */
  broken = 0;
  /** Times the driver asked for the link's state; what it finds then. */
  linkChecks = 0;
  linkFound = true;

  constructor(memory: Memory, name: string, fd: number) {
    this.name = name;
    this.fd = fd;
    this.rx = new RxRing(memory.chunks, 64);
    this.tx = new TxRing(memory.slab, null, 1024, 1 << 20);
  }

  abstract rxBatch(budget: number): number;
  abstract txFlush(): number;

  /** Commits a frame of RECORD bytes. */
  send(): void {
    const at = this.tx.begin();
    this.tx.add(at, RECORD);
    this.tx.commit();
  }

  refreshLink(): number {
    this.linkChecks++;
    this.isUp = this.linkFound;
    return this.broken;
  }

  nextDeadlineNs(): number {
    return NEVER;
  }

  close(): void {
    if (!this.isClosed) closeSync(this.fd);
    this.isClosed = true;
    this.isUp = false;
  }
}

function withFifo<T>(use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-fifo-'));
  try {
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    return use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Receives what the test injects; counts what is sent. */
export class RxFifo extends FifoDevice {
  flushed = 0;
  private readonly record = new Uint8Array(RECORD);

  constructor(memory: Memory, name = 'rx') {
    super(
      memory,
      name,
      withFifo((path) => openSync(path, O_RDWR | O_NONBLOCK)),
    );
  }

  inject(frames = 1): void {
    for (let i = 0; i < frames; i++) writeSync(this.fd, this.record);
  }

  rxBatch(budget: number): number {
    if (this.broken !== 0) return this.broken;
    if (this.rx.chunks.free === 0) {
      this.stats.count(this.stats.id('rxStalls'));
      return 0;
    }
    let n = 0;
    while (n < budget && this.readOne()) n++;
    return n;
  }

  txFlush(): number {
    if (this.broken !== 0) return this.broken;
    this.flushed += this.tx.inFlight;
    this.tx.complete(this.tx.inFlight);
    return 0;
  }

  private readOne(): boolean {
    try {
      return readSync(this.fd, this.record) === RECORD;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
  }
}

/** Sends into a FIFO of 64 KiB that the test drains: room runs out, as in a real device. */
export class TxFifo extends FifoDevice {
  private readonly reader: number;
  private readonly record = new Uint8Array(RECORD);
  received = 0;

  constructor(memory: Memory, name = 'tx') {
    const { reader, writer } = withFifo((path) => ({
      reader: openSync(path, O_RDONLY | O_NONBLOCK),
      writer: openSync(path, O_WRONLY | O_NONBLOCK),
    }));
    super(memory, name, writer);
    this.reader = reader;
  }

  rxBatch(): number {
    return this.broken;
  }

  txFlush(): number {
    while (this.tx.inFlight > 0 && this.writeOne()) this.tx.complete(1);
    return this.isClosed ? -ENODEV : this.tx.inFlight;
  }

  /** Reads all that has been sent so far. */
  drain(): void {
    const bytes = new Uint8Array(1 << 16);
    try {
      while (true) {
        const n = readSync(this.reader, bytes);
        if (n === 0) return;
        this.received += n / RECORD;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }

  /** From now on the kernel reports POLLERR for `fd`. */
  closeReader(): void {
    closeSync(this.reader);
  }

  private writeOne(): boolean {
    try {
      return writeSync(this.fd, this.record) === RECORD;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
  }
}
