/** What is measured: our ring and the same calls in C, in turn. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Memory } from '../../src/base/memory.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import type { RingDevice } from '../../src/live/ring-device.ts';
import { TapDevice } from '../../src/live/tap-device.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { CRing, Source, type Tally } from './c-side.ts';
import { TsRing } from './ts-side.ts';

export const MTU_FRAME = 1514;
export const SUPER_FRAME = 65_226;
const MSS = 1448;
const MAC = '02:00:00:00:be:02';

export interface Case {
  readonly title: string;
  readonly what: 'rx' | 'tx';
  readonly wire: 'tap' | 'veth';
  readonly vnet: boolean;
  readonly frame: number;
  /** Frames a round: what fits the kernel's queue. */
  readonly burst: number;
  /** The mode of bench/c/rings.c that makes the same calls. */
  readonly mode: string;
}

/** The two rings of a case and, for receiving, the two sources; each pair on an interface of its own. */
export interface Rig {
  readonly ts: TsRing | null;
  readonly c: CRing;
  readonly tsSource: Source | null;
  readonly cSource: Source | null;
  /** Frames and bytes that the kernel's end took from each side. */
  taken(side: 'ts' | 'c'): { frames: number; bytes: number };
  close(): Promise<void>;
}

export interface Programs {
  readonly rings: string;
  readonly source: string;
}

function ip(line: string): void {
  execFileSync('ip', line.split(' '));
}

export async function setUp(it: Case, programs: Programs, withTs: boolean): Promise<Rig> {
  const gso = it.frame > MTU_FRAME ? MSS : 0;
  const memory = openMemory({ slabBytes: 64 << 20, chunks: 64, cellBytes: 1 << 20 });
  const isTap = it.wire === 'tap';
  for (const side of isTap ? [] : ['t', 'c']) {
    ip(`link add ${side}0 type veth peer name ${side}1`);
    ip(`link set ${side}0 up`);
    ip(`link set ${side}1 up`);
  }
  const ts = withTs ? new TsRing(openTs(it, memory), memory, it.frame, gso) : null;
  const c = new CRing(programs.rings, it.mode, 'c0', it.frame, gso, MAC);
  await c.ready();
  if (isTap) ip('link set c0 txqueuelen 2000 up');
  const far = (side: string): string => `${side}${isTap ? 0 : 1}`;
  const source = (side: string): Source =>
    new Source(programs.source, far(side), it.frame, gso, MAC);
  const tsSource = it.what === 'rx' && withTs ? source('t') : null;
  const cSource = it.what === 'rx' ? source('c') : null;
  return {
    ts,
    c,
    tsSource,
    cSource,
    taken: (side) => kernelCount(far(side === 'ts' ? 't' : 'c')),
    async close() {
      await tsSource?.close();
      await cSource?.close();
      ts?.close();
      await c.close();
      if (isTap) return;
      ip('link delete t0');
      ip('link delete c0');
    },
  };
}

function openTs(it: Case, memory: Memory): RingDevice {
  const mac = MacAddress.parse(MAC)!;
  if (it.wire === 'tap') {
    return new TapDevice(memory, { name: 't0', mac, vnet: it.vnet, txQueueLen: 2000 });
  }
  return new PacketDevice(memory, { interface: 't0', mac, vnet: it.vnet });
}

/** What an interface has received so far. */
function kernelCount(name: string): { frames: number; bytes: number } {
  const line = readFileSync('/proc/self/net/dev', 'latin1')
    .split('\n')
    .find((text) => text.trimStart().startsWith(`${name}:`));
  const [bytes, frames] = line!
    .slice(line!.indexOf(':') + 1)
    .trim()
    .split(/\s+/)
    .map(Number);
  return { frames: frames!, bytes: bytes! };
}

export function verify(it: Case, who: string, got: Tally, wanted: number): void {
  if (got.frames !== wanted || got.bad !== 0 || got.bytes !== wanted * it.frame) {
    throw new Error(`${it.title}, ${who}: ${got.frames} of ${wanted} frames, ${got.bad} wrong`);
  }
}
