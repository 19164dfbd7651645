/**
 * How much memory an experiment's hosts and links may come to need, all in one slab below 2 GiB.
 *
 * What links hold at most, all of them full at once, is more than any slab where there are hundreds of hosts, and far from
 * what they ever hold. So an experiment gets what there is, and one that needs more fails: with too little hosts would wait for memory,
 * and the figures would be another network's.
 */
import type { Memory, MemorySizes } from '../../base/memory.ts';
import { SEC } from '../../base/time.ts';
import { longestDelayNs } from '../../path/delay-spec.ts';
import type { LinkSpec } from '../../path/link-spec.ts';
import { peakBps } from '../../path/rate-spec.ts';
import type { Scenario } from './scenario.ts';

/** Nothing of TCP's is copied into a ring, so the largest datagram (an ICMP error) is all that has to fit. */
const RING_BYTES = 66 << 10;
export const NIC_RING = { txFrames: 256, txPayloadBytes: RING_BYTES };
/** Nobody talks to himself. */
export const LOOPBACK_RING = { txFrames: 16, txPayloadBytes: RING_BYTES };
/** Rings of a host's interface and of its loopback, where it reassembles, and TCP's scratch. */
const HOST_BYTES = 344 << 10;

const CHUNK = 256 << 10;
const PAGE = 16384;
/** Between two blocks. */
const LINE = 64;
const FRAME = 1514;
/** By kind, where it is not 1,000 (docs/path.md). */
const DEFAULT_QUEUE_FRAMES: Readonly<Record<string, number>> = {
  'fq-codel': 10_240,
  dualpi2: 10_000,
};
/** A flow's buffers begin with 6, and have doubled by the end of its slow start. */
const PAGES_A_FLOW = 32;
/**
 * Where there is room: slow start goes to twice what a deep queue holds, a send buffer has two such windows, and half of all
 * pages stay free.
 */
const MORE_WINDOWS = 8;
const LEAST_CHUNKS = 64;
const LEAST_PAGES = 4096;
/** For larger buffers than usual (tcp_wmem). What is not used is not there: the slab is touched lazily. */
const MORE_PAGES = 28_672;
const CELL_BYTES = 8 << 20;
const OTHER_BYTES = 16 << 20;
const MOST_SLAB = 1.9 * 2 ** 30;

/**
 * Room for what the links can hold at once, as frames and, twice, in send and receive buffers, and for the flows' buffers,
 * as far as there is room; and `more` chunks for others.
 */
export function memoryFor({ hosts, links, flows }: Scenario, more: number): MemorySizes {
  const held = links.reduce((n, { forth, back }) => n + bytesIn(forth) + bytesIn(back), 0);
  const least = sizesOf(hosts.length, LEAST_CHUNKS + more, LEAST_PAGES);
  const left = MOST_SLAB - least.slabBytes;
  if (left < 0) {
    const gib = (least.slabBytes / 2 ** 30).toPrecision(3);
    throw new Error(`${hosts.length} hosts would need ${gib} GiB of memory, more than 1.9`);
  }
  const chunks = (1.25 * held) / CHUNK;
  const pages = MORE_PAGES + (2 * held) / PAGE + PAGES_A_FLOW * flows.length;
  const part = Math.min(1, left / (chunks * (CHUNK + LINE) + pages * (PAGE + LINE)));
  const spare = left - part * (chunks * (CHUNK + LINE) + pages * (PAGE + LINE));
  const windows = Math.min(spare / (PAGE + LINE), (MORE_WINDOWS * held) / PAGE);
  return sizesOf(
    hosts.length,
    least.chunks + Math.floor(part * chunks),
    least.pages + Math.floor(part * pages + windows),
  );
}

function sizesOf(hosts: number, chunks: number, pages: number): Required<MemorySizes> {
  const pools = chunks * (CHUNK + LINE) + pages * (PAGE + LINE);
  const slabBytes = hosts * HOST_BYTES + CELL_BYTES + OTHER_BYTES + pools;
  return { slabBytes, chunks, pages, cellBytes: CELL_BYTES };
}

/** Not a mistake of the scenario's, nor of ours: it is too large for one slab. */
export class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
}

/** Nobody had to wait for a chunk, and half of the pages were always free: below that TCP begins to save. */
export function checkMemory({ chunks, pages }: Memory): void {
  if (chunks.leastFree > 0 && pages.leastFree >= pages.capacity >> 1) return;
  const [packets, buffers] = [chunks, pages].map((p) => (p.capacity * p.blockBytes) / 2 ** 20);
  const room = `${packets!.toFixed(0)} MiB for packets, ${(buffers! / 2).toFixed(0)} for buffers`;
  throw new OutOfMemory(`it holds more than there is memory for (${room})`);
}

/** What waits for the link and what is on the way, at most. */
function bytesIn({ rateBps, delayNs, queue }: LinkSpec): number {
  const frames = queue?.limitFrames ?? DEFAULT_QUEUE_FRAMES[queue?.kind ?? ''] ?? 1000;
  const waiting = Math.min(queue?.limitBytes ?? Infinity, frames * FRAME);
  if (rateBps === undefined) return waiting;
  return waiting + (peakBps(rateBps) / 8) * (longestDelayNs(delayNs ?? 0) / SEC);
}
