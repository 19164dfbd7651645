/**
 * Memory of a connection: 100,000 idle established ones, half-open ones and TIME-WAITs on one stack, heap,
 * array buffers and slab together, before and after. The peer's frames are made by hand, so that only
 * our side is measured. Fails when an established one takes more than 4 KiB, one too that a request and an answer
 * went through before it became idle, a half-open one more than 512 bytes, a TIME-WAIT more than 256.
 *
 * The TIME-WAITs are those of connections that came and went a thousand at a time, on a stack of their own: the
 * tables that connections share have not grown for 100,000 of them there, so what is counted is what the records
 * take, and the table of flows.
 *
 *     npm run bench -- tcp-memory [connections]
 */
import { Env } from '../src/base/env.ts';
import { Memory } from '../src/base/memory.ts';
import { Rng } from '../src/base/rng.ts';
import { NullTrace } from '../src/base/trace.ts';
import type { FrameSink } from '../src/link/frame-sink.ts';
import { FrameStore } from '../src/link/frame-store.ts';
import { MemoryDevice } from '../src/link/memory-device.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../src/link/ring-layout.ts';
import { Stack } from '../src/stack/stack.ts';
import type { TcpConnection } from '../src/tcp/connection.ts';
import { plainFrom, tcpListen, tcpRead, tcpShutdown, tcpWrite } from '../src/tcp/user-calls.ts';
import { ANY6, IpAddress } from '../src/wire/address.ts';
import { MacAddress } from '../src/wire/mac.ts';
import { TCP_FLAG } from '../src/wire/tcp.ts';
import { peerFrame } from './tcp/peer-frame.ts';

const PORT = 80;
const OURS = new IpAddress().setV4(0x0a000001);
const LIMITS = { established: 4096, 'and used': 4096, 'half-open': 512, 'TIME-WAIT': 256 } as const;
const GOALS = { established: 2048, 'and used': 2048, 'half-open': 256, 'TIME-WAIT': 128 } as const;
type Kind = keyof typeof LIMITS;

/** Notes the sequence number of each SYN-ACK, by the peer's port and address. */
class Answers implements FrameSink {
  readonly isn = new Map<number, number>();
  private readonly store: FrameStore;

  constructor(store: FrameStore) {
    this.store = store;
  }

  room(): number {
    return 1024;
  }

  take(frame: number): void {
    const { dv } = this.store.slab;
    const o = this.store.offsetOf(frame);
    if ((dv.getUint8(o + 47) & TCP_FLAG.SYN) !== 0) {
      this.isn.set(keyOf(dv.getInt32(o + 30), dv.getUint16(o + 36)), dv.getInt32(o + 38));
    }
    this.store.release(frame);
  }
}

const keyOf = (address: number, port: number): number => (address & 0xffff) * 65536 + port;

class Rig {
  readonly stack: Stack;
  readonly accepted: TcpConnection[] = [];
  readonly answers: Answers;
  private readonly device: MemoryDevice;
  private readonly frames: FrameStore;

  constructor() {
    const memory = new Memory({ slabBytes: 128 << 20, chunks: 32, cellBytes: 4 << 20 });
    this.frames = new FrameStore(memory);
    this.stack = new Stack(new Env(memory, new Rng(1), new NullTrace()), this.frames);
    this.stack.env.nowNs = 5e12;
    this.stack.net.config.dadTransmits = 0;
    const caps = { txChecksum: true, rxChecksum: true };
    this.device = new MemoryDevice(this.frames, {
      name: 'e0',
      mac: new MacAddress(0x0200, 1),
      caps,
    });
    this.answers = new Answers(this.frames);
    this.device.connect(this.answers);
    const iface = this.stack.addInterface('e0', this.device);
    this.stack.addAddress(iface, OURS, 8);
    for (let i = 0; i < 40; i++) {
      iface.neighbours.set(addressOf(i * 50_000), new MacAddress(0x0200, 2), true);
    }
    const { config } = this.stack.tcp;
    config.somaxconn = 1 << 24;
    config.maxSynBacklog = 1 << 24;
    const listener = tcpListen(this.stack.tcp, plainFrom(this.stack.tcp, ANY6, PORT), 1 << 24, {
      acceptable: () => {
        if (typeof listener === 'number') return;
        for (let c = listener.accept(); c !== undefined; c = listener.accept()) {
          this.accepted.push(c);
        }
      },
    });
    if (typeof listener === 'number') throw new Error(`not listening: ${listener}`);
  }

  /** A frame of peer number `i`. */
  offer(i: number, seq: number, ack: number, flags: number, textLen = 0): void {
    const bytes = peerFrame(addressOf(i), portOf(i), OURS, PORT, seq, ack, flags, textLen);
    const frame = this.frames.fromBytes(bytes);
    this.frames.words[frame * RX_STRIDE + RX.FLAGS] = RX_FLAG.CSUM_VALID;
    this.device.take(frame);
    if (this.device.queued >= 64) this.turn();
  }

  turn(): void {
    const { stack } = this;
    stack.env.nowNs += 1000;
    for (let d = 0; d < stack.devices.length; d++) {
      const n = stack.devices[d]!.rxBatch(256);
      if (n > 0) stack.receive(d, n);
    }
    stack.fireTimers();
    stack.drainReady();
    stack.runOutput(256);
    for (const device of stack.devices) device.txFlush();
  }

  /** A place for its number, so that it costs the same before and after. */
  remember(i: number): void {
    this.answers.isn.set(keyOf(addressOf(i).w3, portOf(i)), -1);
    this.accepted.length = 0;
  }

  isnOf(i: number): number {
    const isn = this.answers.isn.get(keyOf(addressOf(i).w3, portOf(i)));
    if (isn === undefined) throw new Error(`no SYN-ACK for ${i}`);
    return isn;
  }
}

const addressOf = (i: number): IpAddress =>
  new IpAddress().setV4(0x0a000002 + Math.floor(i / 50_000));
const portOf = (i: number): number => 10_000 + (i % 50_000);

/** Bytes in use after everything unreachable is gone. */
function usedBytes(rig: Rig): number {
  const collect = globalThis.gc as (() => void) | undefined;
  if (collect === undefined) throw new Error('run with --expose-gc');
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  const { pages, chunks, cells } = rig.stack.env.memory;
  const slab = pages.held * pages.blockBytes + chunks.held * chunks.blockBytes + cells.held * 704;
  return heapUsed + external + slab;
}

function begin(rig: Rig, from: number, to: number): void {
  for (let i = from; i < to; i++) rig.offer(i, 1000 + i, 0, TCP_FLAG.SYN);
  for (let i = 0; i < 10; i++) rig.turn();
}

function establish(rig: Rig, from: number, to: number): void {
  for (let i = from; i < to; i++) rig.offer(i, 1001 + i, rig.isnOf(i) + 1, TCP_FLAG.ACK);
  for (let i = 0; i < 10; i++) rig.turn();
  const n = to - from;
  if (rig.accepted.length !== n) throw new Error(`${rig.accepted.length} of ${n} established`);
}

/** A request of each peer, our answer, its ACK; a thousand connections a second. */
function exchange(rig: Rig, from: number, to: number): void {
  for (let i = from; i < to; i += BATCH) {
    exchangeBatch(rig, i, Math.min(to, i + BATCH));
    rig.stack.env.nowNs += 1e9;
    for (let t = 0; t < 10; t++) rig.turn();
  }
  if (rig.accepted.some((c) => c.sendQueue.length > 0)) throw new Error('not acknowledged');
}

function exchangeBatch(rig: Rig, from: number, to: number): void {
  const push = TCP_FLAG.ACK | TCP_FLAG.PSH;
  for (let i = from; i < to; i++) {
    rig.offer(i, 1001 + i, rig.isnOf(i) + 1, push, REQUEST.length);
  }
  for (let i = 0; i < 10; i++) rig.turn();
  for (const c of rig.accepted) {
    if (c.received.readyBytes === 0) continue;
    tcpRead(c, REQUEST);
    if (tcpWrite(c, ANSWER) !== ANSWER.length) throw new Error('no room for an answer');
  }
  for (let i = 0; i < 30; i++) rig.turn();
  for (let i = from; i < to; i++) {
    rig.offer(i, 1001 + i + REQUEST.length, rig.isnOf(i) + 1 + ANSWER.length, TCP_FLAG.ACK);
  }
  for (let i = 0; i < 10; i++) rig.turn();
}

/** We close first: FIN, its ACK and the peer's FIN. */
function close(rig: Rig, from: number, to: number): void {
  for (const [i, c] of rig.accepted.entries()) {
    tcpShutdown(c);
    if (i % 64 === 63) rig.turn();
  }
  for (let i = 0; i < 10; i++) rig.turn();
  for (const c of rig.accepted) c.setOwner(null);
  rig.accepted.length = 0;
  const both = TCP_FLAG.ACK | TCP_FLAG.FIN;
  for (let i = from; i < to; i++) rig.offer(i, 1001 + i, rig.isnOf(i) + 2, both);
  for (let i = 0; i < 10; i++) rig.turn();
}

function report(kind: Kind, bytes: number): void {
  const isGood = bytes <= LIMITS[kind];
  const goal = bytes <= GOALS[kind] ? 'within the goal' : `goal ${GOALS[kind]}`;
  const text = `${bytes.toFixed(0).padStart(5)} bytes each, at most ${LIMITS[kind]}, ${goal}`;
  console.log(`${kind.padEnd(12)} ${text}`);
  if (!isGood) process.exitCode = 1;
}

/** A stack whose code is compiled, with the caches made and a place for the number of each peer to come. */
function warmRig(n: number): Rig {
  const rig = new Rig();
  comeAndGo(rig, 0, BATCH);
  rig.stack.env.nowNs += 61e9;
  for (let i = 0; i < 10; i++) rig.turn();
  for (let i = 0; i < n; i++) rig.remember(i);
  return rig;
}

function comeAndGo(rig: Rig, from: number, to: number): void {
  begin(rig, from, to);
  establish(rig, from, to);
  close(rig, from, to);
}

function measureOpen(count: number): void {
  const rig = warmRig(count);
  const empty = usedBytes(rig);
  begin(rig, 0, count);
  const halfOpen = usedBytes(rig);
  console.log(`${rig.stack.tcp.demux.size} half-open`);
  report('half-open', (halfOpen - empty) / count);
  establish(rig, 0, count);
  report('established', (usedBytes(rig) - empty) / count);
  exchange(rig, 0, count);
  report('and used', (usedBytes(rig) - empty) / count);
}

function measureTimeWait(count: number): void {
  const rig = warmRig(count);
  const empty = usedBytes(rig);
  for (let i = 0; i < count; i += BATCH) comeAndGo(rig, i, Math.min(count, i + BATCH));
  console.log(`${rig.stack.tcp.demux.size} in TIME-WAIT`);
  report('TIME-WAIT', (usedBytes(rig) - empty) / count);
}

const BATCH = 1000;
const REQUEST = new Uint8Array(100);
const ANSWER = new Uint8Array(200);
const count = Number(process.argv[2] ?? 100_000);
measureTimeWait(count);
measureOpen(count);
