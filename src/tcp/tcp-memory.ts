/**
 * What TCP of one stack holds, against `net.ipv4.tcp_mem`: pages of send queues and receive buffers, and text that
 * stays in its chunk. Several stacks may share the pools; each has an account of its own.
 *
 *     0 .......... low .......... pressure .......... high ..........
 *                    ^ ends here      ^ begins here       ^ nothing but the least
 *
 * Under pressure windows and buffers do not grow, and a queue takes no more than its share of `high`, which is equal for
 * all connections. Above `high`
 * text beyond a gap finds nothing, and a writer waits; but an empty queue always takes tcp_wmem's least, and an empty
 * receive buffer the text that comes (a page of each, as a rule). So whoever is served goes on, and what was
 * acknowledged is kept. Whether the pool has pages is another question: `page-shares`.
 */
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import type { Clock } from '../base/env.ts';
import { MS, ZERO_NS } from '../base/time.ts';
import type { WordArrays } from '../base/word-arrays.ts';
import { LateCopy, type PageAccount } from './late-copy.ts';
import type { TcpConfig } from './tcp-config.ts';
import { TCP_MIB, type TcpMib } from './tcp-mib.ts';

/** Where it comes from. */
export interface Pools {
  readonly pages: BlockPool;
  readonly chunks: BlockPool;
  readonly arrays: WordArrays;
}

/** No bound. */
const MANY = 1 << 30;

export class TcpMemory implements PageAccount {
  readonly pages: BlockPool;
  readonly chunks: BlockPool;
  readonly arrays: WordArrays;
  readonly late: LateCopy;
  private readonly config: TcpConfig;
  private readonly clock: Clock;
  private readonly mib: TcpMib;
  /** Pages, whatever is in them, and text in chunks. */
  bytes = 0;
  /** Queues and buffers that hold a page. */
  private holders = 0;
  /** Connections that may come to hold some. */
  private sharers = 0;
  isPressed = false;
  private sinceNs = ZERO_NS;

  constructor(pools: Pools, config: TcpConfig, clock: Clock, mib: TcpMib) {
    this.pages = pools.pages;
    this.chunks = pools.chunks;
    this.arrays = pools.arrays;
    this.late = new LateCopy(this, pools.chunks);
    this.config = config;
    this.clock = clock;
    this.mib = mib;
  }

  // ---- in and out ----

  /** For a queue that holds `held`; NO_BLOCK: the pool is empty. */
  takePage(held: number): number {
    const page = this.pages.take();
    if (page === NO_BLOCK) return NO_BLOCK;
    if (held === 0) this.holders++;
    this.charge(this.pages.blockBytes);
    return page;
  }

  /** Of a queue that held `held`; frames under way may still name it. */
  releasePage(page: number, held: number): void {
    if (held === 1) this.holders--;
    this.pages.release(page);
    this.discharge(this.pages.blockBytes);
  }

  charge(bytes: number): void {
    this.bytes += bytes;
    this.look();
  }

  discharge(bytes: number): void {
    this.bytes -= bytes;
    this.look();
  }

  /** So many connections more have begun, or fewer are left, that send and receive. */
  share(more: number): void {
    this.sharers += more;
  }

  // ---- what there is ----

  /** Above tcp_mem's last value. */
  get isOver(): boolean {
    return this.bytes > this.config.memHigh;
  }

  /** Send buffers may be larger: as on Linux only below the first value. */
  get isPlenty(): boolean {
    return !this.isPressed && this.bytes < this.config.memLow;
  }

  /** Pages for anybody, whatever he has: the last of them brings pressure. */
  freePages(): number {
    const free = this.freeLevel - this.bytes;
    if (free < 0) return 0;
    return Math.min(1 + Math.floor(free / this.pages.blockBytes), this.pagesToLimit());
  }

  /** Text of so many bytes may stay in its chunk. */
  mayKeep(bytes: number): boolean {
    return this.bytes + bytes <= this.freeLevel;
  }

  /** Pages for a send queue that holds `held`. */
  pagesToSend(held: number): number {
    const least = Math.ceil(this.config.wmemMin / this.pages.blockBytes);
    return Math.max(this.pagesOf(held), least - held);
  }

  /** Pages for a queue or buffer that holds `held`: what is free, or what its share lacks. Text in order may have more. */
  pagesOf(held: number): number {
    const { memHigh } = this.config;
    const holders = this.holders + (held === 0 ? 1 : 0);
    const sharers = Math.max(holders, this.sharers);
    const share = Math.floor(memHigh / (sharers * this.pages.blockBytes)) - held;
    return Math.max(this.freePages(), Math.min(share, this.pagesToLimit()));
  }

  /** Pages for text in order, in a buffer that holds `held`. */
  pagesInOrder(held: number): number {
    return held === 0 ? MANY : this.pagesToLimit();
  }

  pagesToLimit(): number {
    const room = this.config.memHigh - this.bytes;
    return Math.max(0, Math.floor(room / this.pages.blockBytes));
  }

  private get freeLevel(): number {
    return this.isPressed ? this.config.memLow : this.config.memPressure;
  }

  // ---- pressure ----

  private look(): void {
    if (this.isPressed) {
      if (this.bytes < this.config.memLow) this.leave();
    } else if (this.bytes > this.config.memPressure) this.enter();
  }

  private enter(): void {
    this.isPressed = true;
    this.sinceNs = this.clock.nowNs;
    this.mib.count(TCP_MIB.TCPMemoryPressures);
  }

  private leave(): void {
    this.isPressed = false;
    const ms = Math.floor((this.clock.nowNs - this.sinceNs) / MS);
    this.mib.add(TCP_MIB.TCPMemoryPressuresChrono, ms);
  }
}
