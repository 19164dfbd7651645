import { assert } from '../base/assert.ts';
import { NO_BLOCK } from '../base/block-pool.ts';
import type { Memory } from '../base/memory.ts';
import { completeChecksum } from '../wire/checksum.ts';
import type { MacAddress } from '../wire/mac.ts';
import {
  type Direction,
  EPB_DROPCOUNT,
  EPB_FLAGS,
  EPB_PACKETID,
  finishBlock,
  MAX_TEXT_BYTES,
  OPT_COMMENT,
  PACKET_HEADER_LEN,
  padTo32,
  writeInterface,
  writeOption32,
  writeOption64,
  writePacketHeader,
  writeSection,
  writeStatistics,
  writeTextOption,
} from '../wire/pcapng.ts';
import type { Clock } from './frame-sink.ts';

/** Where a capture goes. Borrowed: the bytes are the writer's again after the call. */
export interface ByteSink {
  /** Takes all bytes and returns 0, or -errno; then the capture stops and the stack goes on. */
  write(u8: Uint8Array, off: number, len: number): number;
}

/** What tcpdump takes by default: every frame whole, super-frames included. */
const DEFAULT_SNAPLEN = 262144;
/** Options of the largest packet block: flags, drop count, number, comment, padding, lengths. */
const BLOCK_OVERHEAD = PACKET_HEADER_LEN + MAX_TEXT_BYTES + 64;

export interface CaptureOptions {
  /** Bytes kept of each frame. */
  readonly snaplen?: number;
  /** What the world's clock showed when `clock.nowNs` was 0: whole seconds since 1970, and the rest. */
  readonly startSec?: number;
  readonly startNs?: number;
  /** Of the whole file. */
  readonly comment?: string;
}

/**
 * A pcapng file in the making: one section, any number of interfaces, blocks gathered in one chunk of
 * slab memory (so that frames are copied slab to slab, without a view) and written out when it is full.
 */
export class CaptureWriter {
  /** Packet blocks written, and frames that could not be because the sink had failed. */
  packets = 0;
  lost = 0;
  /** 0, or the -errno at which the sink gave up. */
  error = 0;
  readonly snaplen: number;
  private readonly memory: Memory;
  private readonly clock: Clock;
  private readonly sink: ByteSink;
  private readonly startSec: number;
  private readonly startNs: number;
  private readonly chunk: number;
  private readonly bufferAt: number;
  private used = 0;
  private interfaces = 0;
  private isClosed = false;
  private timeHigh = 0;
  private timeLow = 0;

  constructor(memory: Memory, clock: Clock, sink: ByteSink, options: CaptureOptions = {}) {
    this.memory = memory;
    this.clock = clock;
    this.sink = sink;
    this.snaplen = options.snaplen ?? DEFAULT_SNAPLEN;
    this.startSec = options.startSec ?? 0;
    this.startNs = options.startNs ?? 0;
    this.chunk = memory.chunks.take();
    assert(this.chunk !== NO_BLOCK, 'a capture needs a free chunk');
    this.bufferAt = memory.chunks.offsetOf(this.chunk);
    this.advance(writeSection(memory.slab.dv, this.bufferAt, 'ringway', options.comment ?? ''));
  }

  /** Returns the number by which packets refer to the interface. */
  addInterface(name: string, mac: MacAddress | null): number {
    this.makeRoom(0);
    const { snaplen, startSec } = this;
    const face = { name, mac, snaplen, startSec };
    this.advance(writeInterface(this.memory.slab.dv, this.bufferAt + this.used, face));
    return this.interfaces++;
  }

  /** Where the caller puts the frame's `len` bytes, before `endPacket`; -1 when the capture has stopped. */
  beginPacket(len: number): number {
    this.makeRoom(len);
    if (this.error !== 0 || this.isClosed) {
      this.lost++;
      return -1;
    }
    return this.bufferAt + this.used + PACKET_HEADER_LEN;
  }

  /** A capture shows what a wire would carry: a partial checksum is completed, in the copy. */
  completeChecksum(len: number, csum: number): void {
    const at = this.bufferAt + this.used + PACKET_HEADER_LEN;
    completeChecksum(this.memory.slab.dv, at, len, csum >>> 16, csum & 0xffff);
  }

  /**
   * `dropped`: frames lost on this interface since the packet before. `id`: the packet's own wherever it is seen, 0 for
   * none. `comment`: empty for none.
   */
  endPacket(
    face: number,
    len: number,
    direction: Direction,
    dropped: number,
    id: number,
    comment: string,
  ): void {
    const dv = this.memory.slab.dv;
    const block = this.bufferAt + this.used;
    const kept = Math.min(len, this.snaplen);
    this.readClock();
    let at = writePacketHeader(dv, block, face, this.timeHigh, this.timeLow, kept, len);
    at = padTo32(dv, at + kept);
    if (direction !== 0) at = writeOption32(dv, at, EPB_FLAGS, direction);
    if (dropped > 0) at = writeOption64(dv, at, EPB_DROPCOUNT, dropped);
    if (id > 0) at = writeOption64(dv, at, EPB_PACKETID, id);
    if (comment !== '') at = writeTextOption(dv, at, OPT_COMMENT, comment);
    this.advance(finishBlock(dv, block, at));
    this.packets++;
  }

  /** The interface is closed: what it saw and what was lost in all. */
  endInterface(face: number, received: number, dropped: number): void {
    this.makeRoom(0);
    if (this.isClosed) return;
    this.readClock();
    const { timeHigh, timeLow } = this;
    const dv = this.memory.slab.dv;
    const block = this.bufferAt + this.used;
    this.advance(writeStatistics(dv, block, face, timeHigh, timeLow, received, dropped));
  }

  /** Hands everything gathered to the sink. Returns 0 or the -errno at which it gave up. */
  flush(): number {
    if (this.used > 0 && this.error === 0) {
      this.error = this.sink.write(this.memory.slab.u8, this.bufferAt, this.used);
    }
    this.used = 0;
    return this.error;
  }

  /** Idempotent. The sink stays the caller's. */
  close(): number {
    if (this.isClosed) return this.error;
    this.flush();
    this.isClosed = true;
    this.memory.chunks.release(this.chunk);
    return this.error;
  }

  private makeRoom(len: number): void {
    const needed = len + BLOCK_OVERHEAD;
    assert(needed <= this.memory.chunks.blockBytes, 'a frame fits into the capture buffer');
    if (this.used + needed > this.memory.chunks.blockBytes && !this.isClosed) this.flush();
  }

  private advance(end: number): void {
    this.used = end - this.bufferAt;
  }

  private readClock(): void {
    const ns = this.clock.nowNs + this.startNs;
    this.timeHigh = (ns / 4294967296) | 0;
    this.timeLow = ns | 0; // ToInt32 takes the low 32 bits exactly, up to 2^53
  }
}
