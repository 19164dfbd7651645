/** Devices made of memory, the middleware around them, link models and the simulator: per frame, both ends. */
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { MS, NEVER } from '../../src/base/time.ts';
import { CaptureDevice } from '../../src/link/capture.ts';
import { CaptureWriter } from '../../src/link/capture-writer.ts';
import type { Device } from '../../src/link/device.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { Pipe } from '../../src/link/pipe.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { FaultDevice } from '../../src/path/fault.ts';
import type { FaultProfile } from '../../src/path/fault-path.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import type { Host } from '../../src/stack/host.ts';
import { foldChecksum, sumBytes, sumWord32, updateChecksum } from '../../src/wire/checksum.ts';
import { ETHERTYPE_IPV4, writeEthernet } from '../../src/wire/ethernet.ts';
import { IPPROTO } from '../../src/wire/ip-protocol.ts';
import { writeIpv4 } from '../../src/wire/ipv4.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import type { AllocCase } from './measure.ts';

const SIZES = { slabBytes: 64 << 20, chunks: 32, cellBytes: 1 << 20 };
const BATCH = 16;
const A = { name: 'a', mac: new MacAddress(0x0200, 1) };
const B = { name: 'b', mac: new MacAddress(0x0200, 2) };
const OFFLOADS = { txChecksum: true, rxChecksum: true };

class Turn {
  /** Past int32 from the start, as in a run of hours. */
  nowNs = 5e12;
}

/** A header slot, and a payload that is copied. */
function put(device: Device, len: number): void {
  const { tx } = device;
  const payload = tx.reserve(len);
  const header = tx.begin();
  if (payload < 0 || header < 0) throw new Error('no room');
  writeEthernet(tx.slab.dv, header, 0x0200, 2, 0x0200, 1, ETHERTYPE_IPV4);
  writeIpv4(tx.slab.dv, header + 14, 0, 28 + len, 0, 0, 64, IPPROTO.UDP, 0x0a000001, 0x0a000002);
  tx.add(header, 42);
  tx.add(payload, len);
  if (device.caps.txChecksum) tx.setChecksum(34, 6);
  tx.commit();
}

/** Every frame read; one kept by reference for a turn, as a receive queue does. */
class Reader {
  private kept = -1;
  bytes = 0;

  read(device: Device, budget: number): number {
    const n = device.rxBatch(budget);
    const { desc, chunks } = device.rx;
    if (this.kept >= 0) chunks.release(this.kept);
    this.kept = -1;
    for (let i = 0; i < n; i++) this.bytes = (this.bytes + desc[i * RX_STRIDE + RX.LEN]!) | 0;
    if (n > 0) {
      this.kept = desc[RX.CHUNK]!;
      chunks.hold(this.kept);
    }
    return n;
  }
}

/** `asks`: a deadline that is a new number each time may be boxed, once a turn; one that is off may not. */
function exchange(a: Device, b: Device, clock: Turn, asks = true): () => void {
  const reader = new Reader();
  let len = 0;
  return () => {
    clock.nowNs += 100_000;
    for (let i = 0; i < BATCH; i++) {
      len = (len + 331) % 1400;
      put(a, len + 1);
    }
    let left = a.txFlush();
    if (asks && a.nextDeadlineNs() < 0) throw new Error('no such time');
    while (reader.read(b, 64) > 0 || left > 0) left = a.txFlush();
  };
}

function pipe(): () => void {
  const frames = new FrameStore(new Memory(SIZES));
  const ends = new Pipe(frames, { ...A, caps: OFFLOADS }, { ...B, caps: OFFLOADS, rxFrames: 8 });
  return exchange(ends.a, ends.b, new Turn());
}

function capture(): () => void {
  const memory = new Memory(SIZES);
  const frames = new FrameStore(memory);
  const clock = new Turn();
  const writer = new CaptureWriter(memory, clock, { write: () => 0 }, { startSec: 1_800_000_000 });
  const ends = new Pipe(frames, { ...A, caps: OFFLOADS }, { ...B, caps: OFFLOADS });
  return exchange(new CaptureDevice(ends.a, writer), new CaptureDevice(ends.b, writer), clock);
}

function fault(profile: FaultProfile): () => void {
  const frames = new FrameStore(new Memory(SIZES));
  const clock = new Turn();
  const rng = new Rng(1);
  const ends = new Pipe(frames, A, { ...B, rxFrames: 4096 });
  const a = new FaultDevice(ends.a, frames, clock, rng, { tx: profile });
  const b = new FaultDevice(ends.b, frames, clock, rng, { rx: profile });
  return exchange(a, b, clock, profile.delayNs === undefined);
}

/** Sends a batch each millisecond, reads what comes. */
class Sender implements Host {
  readonly env;
  readonly devices: readonly Device[];
  private readonly reader = new Reader();
  private readonly batch: number;
  /** Initialised here: a field that starts as undefined boxes every double it is given. */
  private dueNs = NEVER;

  constructor(sim: Simulator, device: Device, batch: number) {
    this.env = sim.env(device.name);
    this.devices = [device];
    this.batch = batch;
    if (batch > 0) this.dueNs = MS;
  }

  receive(): void {
    // read below, in batches of its own
  }

  fireTimers(): void {
    if (this.env.nowNs < this.dueNs) return;
    this.dueNs = this.env.nowNs + MS;
    for (let i = 0; i < this.batch; i++) put(this.devices[0]!, 100 + i);
  }

  drainReady(): void {
    this.reader.read(this.devices[0]!, 1);
  }

  runOutput(): void {
    // it sends at once
  }

  nextDeadlineNs(): number {
    return this.dueNs;
  }
}

function simLink(isHashed: boolean, parts: LinkSpec = {}): () => void {
  const sim = new Simulator({ seed: 1, memory: SIZES, isHashed });
  const a = sim.nic('a');
  const b = sim.nic('b');
  sim.connect(a, b, { rateBps: 1e9, delayNs: 3 * MS, loss: 0.01, ...parts });
  sim.addHost('a', new Sender(sim, a, BATCH), [a]);
  sim.addHost('b', new Sender(sim, b, 0), [b]);
  return () => sim.run(sim.nowNs + 100 * MS);
}

function checksum(): () => void {
  const { slab } = new Memory(SIZES);
  const at = slab.carve(2048);
  let len = 0;
  let sum = 0;
  return () => {
    len = (len + 331) % 1480;
    sum = foldChecksum(sumBytes(slab.dv, at, len, sumWord32(sumWord32(0, 0x0a000001), -len)));
    slab.dv.setUint16(at, updateChecksum(sum, len, sum));
  };
}

const ALL: FaultProfile = {
  loss: 0.05,
  duplication: 0.05,
  corruption: 0.05,
  reordering: 0.05,
  delayNs: MS,
  jitterNs: MS,
};

const BUCKET = { rateBps: 20e6, burstBytes: 8000 };
const STEPS = [
  { atNs: 0, bps: 1e9 },
  { atNs: MS, bps: 1e6 },
];
const DELAYS = [
  { atNs: 0, delayNs: MS },
  { atNs: MS, delayNs: 3 * MS },
];
/** Each part of a link by itself. */
const PARTS: Readonly<Record<string, LinkSpec>> = {
  'rate steps': { rateBps: { steps: STEPS, repeatNs: 2 * MS } },
  'a trace': { rateBps: { trace: '1\n1\n2\n2\n3\n3\n5' } },
  'a chain of rates': { rateBps: { onOff: { bps: 1e8, onNs: MS, offNs: MS } } },
  'delays in steps': { delayNs: { steps: DELAYS, repeatNs: 7 * MS } },
  'a policer': { policer: BUCKET },
  'a shaper': { rateBps: { shaper: BUCKET } },
  'an MTU and a flapping partition': {
    mtu: 1000,
    partitions: [
      { flapping: { upNs: 2 * MS, downNs: MS }, flows: [{ from: '10.0.0.1', toPort: 80 }] },
    ],
  },
  'a partition at random': { partitions: [{ random: { upNs: 2 * MS, downNs: MS } }] },
  'bursts of loss': { loss: { gilbertElliott: { toBad: 0.1, toGood: 0.3 } } },
  'losses at times': { loss: { timesNs: Array.from({ length: 1000 }, (_, i) => i * MS) } },
  'corruption and duplication': { corruption: 0.1, duplication: 0.1 },
  'jitter in order': { jitter: { uniformNs: 5 * MS } },
  'normal jitter': { jitter: { normalNs: 2 * MS } },
  'jitter that reorders': { jitter: { uniformNs: 5 * MS }, mayReorder: true },
  slots: { aggregation: { slotNs: 700_000 } },
  groups: { aggregation: { frames: 5, waitNs: MS / 2 } },
};
const partCases = Object.entries(PARTS).map(([name, parts]) => ({
  name: `simulated link with ${name}`,
  packetsPerCall: 100 * BATCH,
  build: () => simLink(false, parts),
  hasRarePaths: true, // an instant that sees all frames of a millisecond
}));

export const cases: readonly AllocCase[] = [
  { name: 'checksum of a packet', packetsPerCall: 1, build: checksum },
  { name: 'pipe, with back-pressure', packetsPerCall: BATCH, build: pipe },
  { name: 'capture, both ends', packetsPerCall: BATCH, build: capture },
  { name: 'fault injection that lets all pass', packetsPerCall: BATCH, build: () => fault({}) },
  { name: 'fault injection of every kind', packetsPerCall: BATCH, build: () => fault(ALL) },
  { name: 'simulated link', packetsPerCall: 100 * BATCH, build: () => simLink(false) },
  {
    name: 'simulated link with trace hash',
    packetsPerCall: 100 * BATCH,
    build: () => simLink(true),
  },
  ...partCases,
];
