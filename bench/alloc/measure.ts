/**
 * Garbage per packet of one case, in a process of its own:
 *
 *     node --expose-gc --min-semi-space-size=64 --max-semi-space-size=64 \
 *       --no-concurrent-recompilation --import=tsx bench/alloc/measure.ts <file> <name>
 *
 * With a young generation of 64 MiB nothing is collected while we measure, so what a chunk of packets
 * allocates is exactly what the used heap grows by. The median over the chunks is the steady state: code
 * that the optimising compiler finishes in the middle of one chunk is not garbage of the packets. Something
 * allocated once in a thousand packets is in every chunk, and seen. The compiler works in the foreground, so
 * that a busy machine measures what an idle one does. Prints one line of JSON.
 */
import { pathToFileURL } from 'node:url';
import { getHeapStatistics } from 'node:v8';

/** One path through the code under the gate. */
export interface AllocCase {
  readonly name: string;
  /** Packets (or operations) that one call of the closure works on. */
  readonly packetsPerCall: number;
  /** Sets everything up and returns what is measured. */
  build(): () => void;
  /**
   * Some of it runs only with every hundredth packet or less (a timeout, a recovery): it is optimised sooner, so that
   * optimised code is measured there, too.
   */
  readonly hasRarePaths?: boolean;
  /** For controls only: this much garbage is made on purpose, and the gate has to see it. */
  readonly makesBytes?: number;
}

export interface Measurement {
  readonly bytesPerPacket: number;
  /** The chunk with most: what one-off costs looked like. */
  readonly worstChunk: number;
  readonly packets: number;
}

const WARM_UP_PACKETS = 150_000;
const ROUNDS = 6;
const CHUNK_PACKETS = 20_000;
const CHUNKS = 11;

function runPackets(run: () => void, packets: number, perCall: number): number {
  const calls = Math.ceil(packets / perCall);
  for (let i = 0; i < calls; i++) run();
  return calls * perCall;
}

function usedHeap(): number {
  return getHeapStatistics().used_heap_size;
}

/** What asking costs: the statistics object itself. */
function costOfAsking(): number {
  const costs = new Float64Array(9);
  for (let i = 0; i < costs.length; i++) {
    const before = usedHeap();
    costs[i] = usedHeap() - before;
  }
  return costs.sort()[4]!;
}

/**
 * Measures until the case is in its steady state, in at most ROUNDS rounds: an optimisation that turned out
 * wrong may be taken back long after the warm-up and done again. What makes garbage makes it in every round.
 */
export function measure(c: AllocCase, collect: () => void): Measurement {
  const run = c.build();
  const steady = c.makesBytes ?? 0;
  let best: Measurement | null = null;
  for (let i = 0; i < ROUNDS; i++) {
    runPackets(run, WARM_UP_PACKETS, c.packetsPerCall);
    collect();
    const now = measureOnce(run, c.packetsPerCall);
    if (best === null || now.bytesPerPacket < best.bytesPerPacket) best = now;
    if (Math.abs(best.bytesPerPacket - steady) < 0.01) break;
  }
  return best!;
}

function measureOnce(run: () => void, packetsPerCall: number): Measurement {
  costOfAsking();
  const overhead = costOfAsking();
  const grown = new Float64Array(CHUNKS);
  let packets = 0;
  for (let i = 0; i < CHUNKS; i++) {
    const before = usedHeap();
    const n = runPackets(run, CHUNK_PACKETS, packetsPerCall);
    // Below zero: something was collected, so there was garbage, more than a chunk of it can show.
    const delta = usedHeap() - before - overhead;
    grown[i] = delta < -overhead ? Infinity : Math.max(0, delta) / n;
    packets += n;
  }
  grown.sort();
  return { bytesPerPacket: grown[CHUNKS >> 1]!, worstChunk: grown[CHUNKS - 1]!, packets };
}

async function main(file: string, name: string): Promise<void> {
  const { cases } = (await import(pathToFileURL(file).href)) as { cases: readonly AllocCase[] };
  const chosen = cases.find((c) => c.name === name);
  if (chosen === undefined) throw new Error(`${file} has no case "${name}"`);
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  console.log(JSON.stringify(measure(chosen, globalThis.gc as () => void)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(process.argv[2]!, process.argv[3]!);
}
