/** The ring under test, doing what bench/c/rings.c does: the same frames, the same checks. */
import type { Memory } from '../../src/base/memory.ts';
import { GSO, RX, RX_FLAG, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { SLOT_BYTES } from '../../src/link/tx-ring.ts';
import type { RingDevice } from '../../src/live/ring-device.ts';
import type { Tally } from './c-side.ts';

const BUDGET = 64;
/** Ethernet + IPv4 + TCP with timestamps: the part that is written anew for each frame. */
const HEADER = 66;
/** As in C, and for the reason said there: the slab begins a page. */
const PAYLOAD_IN_PAGE = 1024;
const PAGE = 4096;
const ETHERTYPE = 0x88b5;
const IPV4 = [0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2];

export class TsRing {
  private readonly device: RingDevice;
  private readonly memory: Memory;
  private readonly frame: number;
  private readonly gso: number;
  private readonly seqAt: number;
  /** The sequence number expected next, or sent next. */
  private seq = 0;
  private bad = 0;
  /** One chunk whose bytes every frame sends as payload, by reference. */
  private readonly payload: number;
  private readonly payloadAt: number;

  constructor(device: RingDevice, memory: Memory, frame: number, gso: number) {
    this.device = device;
    this.memory = memory;
    this.frame = frame;
    this.gso = gso;
    this.seqAt = gso === 0 ? 14 : 58;
    this.payload = memory.chunks.take();
    const start = memory.chunks.offsetOf(this.payload);
    this.payloadAt = ((start + PAGE - 1) & -PAGE) + PAYLOAD_IN_PAGE;
    this.fillHeaders();
  }

  close(): void {
    this.device.close();
    this.memory.chunks.release(this.payload);
  }

  run(what: 'rx' | 'tx', frames: number): Tally {
    this.bad = 0;
    const start = process.hrtime.bigint();
    const done = what === 'rx' ? this.receive(frames) : this.send(frames);
    const ns = Number(process.hrtime.bigint() - start);
    return { frames: done, bytes: done * this.frame, ns, bad: this.bad };
  }

  /** Every byte of what waits, against what the source sends: once a case, not timed. */
  check(frames: number): void {
    let seen = 0;
    for (let empty = 0; seen < frames && empty < 100_000; ) {
      const n = this.device.rxBatch(BUDGET);
      if (n === 0) empty++;
      for (let i = 0; i < n; i++) this.checkFrame(i * RX_STRIDE);
      seen += n;
    }
    if (seen !== frames) throw new Error(`${seen} of ${frames} frames came`);
  }

  private receive(want: number): number {
    const { device } = this;
    let done = 0;
    for (let empty = 0; done < want && empty < 1_000_000; ) {
      const n = device.rxBatch(BUDGET);
      if (n <= 0) empty++;
      else done += this.take(n);
    }
    return done;
  }

  private take(n: number): number {
    const { desc } = this.device.rx;
    const { dv } = this.memory.slab;
    const { frame, seqAt } = this;
    let expected = this.seq;
    let bad = 0;
    for (let at = 0; at < n * RX_STRIDE; at += RX_STRIDE) {
      const seq = dv.getInt32(desc[at + RX.OFF]! + seqAt);
      if (desc[at + RX.LEN] !== frame || seq !== expected) bad++;
      expected = (seq + 1) | 0;
    }
    this.seq = expected;
    this.bad += bad;
    return n;
  }

  private send(want: number): number {
    const { tx } = this.device;
    const { dv } = this.memory.slab;
    const { payloadAt } = this;
    const payloadLen = this.frame - HEADER;
    let done = 0;
    while (done < want) {
      const n = Math.min(BUDGET, want - done);
      for (let i = 0; i < n; i++) {
        const header = tx.begin();
        dv.setInt32(header + this.seqAt, this.seq++);
        tx.add(header, HEADER);
        tx.addHeld(payloadAt, payloadLen, this.payload);
        if (this.gso !== 0) {
          tx.setChecksum(34, 16);
          tx.setGso(GSO.TCPV4, this.gso, HEADER);
        }
        tx.commit();
      }
      while (this.device.txFlush() > 0);
      done += n;
    }
    return done;
  }

  /** Header slots keep their bytes from one use to the next: written once, as the C side does. */
  private fillHeaders(): void {
    const { tx } = this.device;
    const { u8, dv } = this.memory.slab;
    const first = tx.headerSlot();
    for (let i = 0; i < tx.capacity; i++) {
      const at = first + i * SLOT_BYTES;
      u8.set([2, 0, 0, 0, 0xbe, 2, 2, 0, 0, 0, 0xbe, 1], at);
      dv.setUint16(at + 12, this.gso === 0 ? ETHERTYPE : 0x0800);
      if (this.gso === 0) continue;
      u8.set(IPV4, at + 14);
      dv.setUint16(at + 16, this.frame - 14);
      u8.set([0x13, 0x88, 0x13, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x10], at + 34);
      u8.set([1, 1, 8, 10], at + 54);
    }
  }

  private checkFrame(at: number): void {
    const { desc } = this.device.rx;
    const { u8, dv } = this.memory.slab;
    const off = desc[at + RX.OFF]!;
    if (desc[at + RX.LEN] !== this.frame) throw new Error(`a frame of ${desc[at + RX.LEN]} bytes`);
    for (let i = this.seqAt + 4; i < this.frame; i++) {
      if (u8[off + i] !== ((i * 7 + (i >> 8)) & 255)) throw new Error(`byte ${i} is wrong`);
    }
    if (dv.getInt32(off + this.seqAt) !== this.seq) throw new Error('out of order');
    this.seq = (this.seq + 1) | 0;
    const flags = desc[at + RX.FLAGS]!;
    if (this.gso === 0 && (flags & RX_FLAG.CSUM_COMPLETE) !== 0)
      this.checkSum(off, desc[at + RX.SUM]!);
    if (this.gso !== 0 && desc[at + RX.GSO] !== ((GSO.TCPV4 << 16) | this.gso)) {
      throw new Error('not a super-frame');
    }
  }

  private checkSum(off: number, sum: number): void {
    let expected = 0;
    for (let i = 14; i < this.frame; i += 2) expected += this.memory.slab.dv.getUint16(off + i);
    while (expected > 0xffff) expected = (expected & 0xffff) + (expected >>> 16);
    if (expected !== sum) throw new Error('the checksum is wrong');
  }
}
