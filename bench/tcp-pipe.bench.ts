/**
 * One TCP connection between two stacks in one process: segments and bits a second of one core. Both sides'
 * work counts, and the copy from the one device to the other that stands for the wire; no system calls.
 * Processor time, so that a busy machine counts little; the median of rounds, and the spread.
 *
 *     npm run bench -- tcp-pipe [word]       only the cases whose name contains the word
 */
import { range } from './quantile.ts';
import { Sink, Source, SUPER_FRAMES, TcpRig, type TcpRigOptions } from './tcp/rig.ts';

const ROUNDS = 7;
const ROUND_NS = 1e9;

interface Case {
  readonly name: string;
  readonly options: TcpRigOptions;
  /** Bytes the source writes at once. */
  readonly chunk: number;
}

const OFFLOAD = { txChecksum: true, rxChecksum: true };
const CASES: readonly Case[] = [
  { name: 'MSS 1448, checksums by the device', options: { caps: OFFLOAD }, chunk: 14480 },
  { name: 'MSS 1448, checksums in JavaScript', options: {}, chunk: 14480 },
  {
    name: 'MSS 1448, 1 in 100 lost',
    options: { caps: OFFLOAD, loseEvery: 100 },
    chunk: 14480,
  },
  {
    name: 'MSS 1448, 1 in 20 overtaken',
    options: { caps: OFFLOAD, swapEvery: 20 },
    chunk: 14480,
  },
  { name: 'super-frames', options: { caps: SUPER_FRAMES }, chunk: 65536 },
];

interface Round {
  readonly bytes: number;
  readonly segments: number;
  readonly ns: number;
}

class Transfer {
  readonly rig: TcpRig;
  private readonly source: Source;
  private readonly sink: Sink;

  constructor(c: Case) {
    this.rig = new TcpRig(c.options);
    const [client, server] = this.rig.pair();
    this.source = new Source(client, c.chunk);
    this.sink = new Sink(server);
    this.source.writable();
    client.tcp.wantsOutput(client);
  }

  /** Turns for as long as a round takes; fails when nothing arrives. */
  round(): Round {
    const { rig, sink } = this;
    const bytes = sink.bytes;
    const segments = rig.forth.frames + rig.back.frames;
    const before = process.cpuUsage();
    let ns = 0;
    while (ns < ROUND_NS) {
      const start = sink.bytes;
      for (let i = 0; i < 1000; i++) rig.turn();
      if (sink.bytes === start) rig.sleep();
      const { user, system } = process.cpuUsage(before);
      ns = (user + system) * 1000;
    }
    const done = sink.bytes - bytes;
    if (done === 0) throw new Error('nothing arrives');
    return { bytes: done, segments: rig.forth.frames + rig.back.frames - segments, ns };
  }
}

const word = process.argv[2] ?? '';
console.log(`${''.padEnd(36)} ${'M frames/s'.padEnd(22)} ${'Gbit/s'.padEnd(22)} text/ACK frames`);
for (const c of CASES) {
  if (!c.name.includes(word)) continue;
  const transfer = new Transfer(c);
  transfer.round();
  const { forth, back } = transfer.rig;
  const [text, acks] = [forth.frames, back.frames];
  const rounds = Array.from({ length: ROUNDS }, () => transfer.round());
  const frames = range(
    rounds.map((r) => (r.segments / r.ns) * 1e3),
    2,
  ).padEnd(22);
  const bits = range(
    rounds.map((r) => (r.bytes * 8) / r.ns),
    2,
  ).padEnd(22);
  const ratio = ((forth.frames - text) / (back.frames - acks)).toFixed(1);
  console.log(`${c.name.padEnd(36)} ${frames} ${bits} ${ratio}`);
}
