/**
 * Experiments beside ns-3, IP packets delivered to hosts for each second, TCP over the same dumbbell.
 * Debian's libns3-dev and g++; some minutes.
 *
 *     npm run bench -- ns3 [flows …] [--rounds N] [--seconds N] [--cc reno]
 *
 * **The same network.** Both sides have their numbers from bench/ns3/shape.ts: endless bulk flows, 40 ms of round trip, a
 * drop-tail queue as long as the pipe, CUBIC or NewReno, MSS 1448, SACK, timestamps, delayed ACKs. The figures beside the speed
 * say how alike the runs are. They are never the same packet by packet: ns-3 has no RACK-TLP, a CUBIC of its own
 * and PPP's headers. It fails when what arrives differs by more than 5 %, and when a side is not the same in each round.
 *
 * **The same count.** IP packets that arrive at hosts, ACKs too. ns-3 counts them by trace sinks in a run that is not
 * timed; runs that are timed have none. Ringway counts anyway, is compiled, and has on what `ringway sim` has on.
 *
 * **Time** is what passes on the clock, as whoever waits for an experiment has it, and beside it the processor's, user and
 * system, of all threads; in a process of its own for each run, from the first event to the last: loading the program and
 * building the network are apart (`set-up`). V8 compiles on another core, if there is one: on the clock that is hardly seen,
 * the processor's time has all of it, and the collector's; in the second half of virtual time there is little left to compile. The sides
 * run in turn; the ratio is the median of the rounds', beside the least and the largest. An idle machine: the clock goes on while another program has the core.
 *
 * **ns-3 in two ways**: as its own examples set a network up (what its helpers make: both IP versions, global routing, traffic control
 * above each device, writes of 512 bytes), and as it is fastest (none of that, static routes, writes of one segment). Never with
 * checksums or payload, always with its fastest scheduler and few routes. Debian's build has no assertions; its log
 * statements are there, and off: asking takes 6 % of the time (`perf record`).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tableText } from '../tools/command/figures.ts';
import { compileNs3, missingForNs3 } from './ns3/build.ts';
import { type RunFigures, type Shape, shapeOf } from './ns3/shape.ts';
import { median, range } from './quantile.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const RUN_LIMIT_MS = 600_000;
const MOST_DIFFERENCE = 0.05;
/** Flows, their bottleneck, and virtual seconds. With a thousand on 100 Mbit/s each would wait for timeouts. */
const CASES: readonly (readonly [number, number, number])[] = [
  [1, 100e6, 60],
  [10, 100e6, 60],
  [100, 100e6, 60],
  [1000, 1e9, 10],
];

/** As `npm ci` does. */
function compileRingway(): boolean {
  return spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status === 0;
}

function figuresOf(command: string, args: readonly string[]): RunFigures {
  const run = spawnSync(command, args, { encoding: 'utf8', timeout: RUN_LIMIT_MS });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${run.stderr}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1)!) as RunFigures;
}

/** As ns-3's examples set it up, or as it is fastest. */
type Way = 'usual' | 'lean';

class Sides {
  private readonly program: string;

  constructor(program: string) {
    this.program = program;
  }

  /** Version and build of the library. */
  version(): string {
    return spawnSync(this.program, { encoding: 'utf8' }).stdout.trim();
  }

  ns3(shape: Shape, way: Way, count: 0 | 1): RunFigures {
    const numbers = Object.entries({ ...shape, lean: way === 'lean' ? 1 : 0, count });
    return figuresOf(
      this.program,
      numbers.map(([name, value]) => `${name}=${value}`),
    );
  }

  ringway(shape: Shape): RunFigures {
    const script = join(HERE, 'ns3/ringway.ts');
    return figuresOf(process.execPath, ['--import=tsx', script, JSON.stringify(shape)]);
  }
}

/** All rounds of a side. ns-3's have the counts of the run that was not timed. */
type Rounds = readonly RunFigures[];

interface Compared {
  readonly usual: Rounds;
  readonly lean: Rounds;
  readonly ringway: Rounds;
}

function compare(sides: Sides, shape: Shape, rounds: number): Compared {
  const counted = { usual: sides.ns3(shape, 'usual', 1), lean: sides.ns3(shape, 'lean', 1) };
  const usual: RunFigures[] = [];
  const lean: RunFigures[] = [];
  const ringway: RunFigures[] = [];
  for (let i = 0; i < rounds; i++) {
    usual.push({ ...sides.ns3(shape, 'usual', 0), ...countsOf(counted.usual) });
    lean.push({ ...sides.ns3(shape, 'lean', 0), ...countsOf(counted.lean) });
    ringway.push(sides.ringway(shape));
  }
  for (const all of [[counted.usual, ...usual], [counted.lean, ...lean], ringway]) {
    const other = all.find(({ delivered }) => delivered !== all[0]!.delivered);
    if (other !== undefined) throw new Error('the same simulation delivers other bytes');
  }
  return { usual, lean, ringway };
}

function countsOf({ frames, lateFrames, segments, retransmitted, rttNs }: RunFigures) {
  return { frames, lateFrames, segments, retransmitted, rttNs };
}

/** Frames for each second that passes, and for each of processor time: what is compared. */
const RATES: readonly (readonly [string, (r: RunFigures) => number])[] = [
  ['on the clock', ({ frames, wall }) => frames / wall],
  ['2nd half', ({ lateFrames, lateWall }) => lateFrames / lateWall],
  ['of processor time', ({ frames, cpu }) => frames / cpu],
  ['2nd half', ({ lateFrames, lateCpu }) => lateFrames / lateCpu],
];

function row(name: string, rounds: Rounds, { bottleneckBps, durationNs }: Shape): string[] {
  const one = rounds[0]!;
  const carried = (one.bottleneckBytes * 8e9) / durationNs / bottleneckBps;
  const middle = (of: (r: RunFigures) => number, digits: number) =>
    median(rounds.map(of)).toFixed(digits);
  return [
    name,
    String(one.frames),
    middle(({ wall }) => wall, 2),
    middle(({ cpu }) => cpu, 2),
    ...RATES.map(([, rate]) => middle((r) => rate(r) / 1e3, 0)),
    middle(({ setUpCpu }) => setUpCpu, 2),
    `${(100 * carried).toFixed(1)} %`,
    `${((100 * one.retransmitted) / one.segments).toFixed(2)} %`,
    `${(one.rttNs / 1e6).toFixed(1)} ms`,
    (one.events / one.frames).toFixed(2),
    `${(Math.max(...rounds.map(({ peakRss }) => peakRss)) / 2 ** 20).toFixed(0)} MiB`,
  ];
}

const USUAL = 'ns-3, as its examples';
const LEAN = 'ns-3, as fast as it goes';
const HEADING = [
  '',
  'frames',
  'wall s',
  'CPU s',
  'k frames/s',
  '2nd half',
  'k frames/CPU s',
  '2nd half',
  'set-up',
  'bottleneck',
  'retransmitted',
  'RTT',
  'events/frame',
  'peak RSS',
];

function ratios(name: string, theirs: Rounds, ours: Rounds): string {
  const said = RATES.map(([what, rate]) => {
    const each = ours.map((r, i) => rate(r) / rate(theirs[i]!));
    return `${what} ${range(each, 1)}`;
  });
  return `  Ringway / ${name}: ${said.join(', ')}`;
}

/** What arrived, in frames and bytes, and what the link carried are alike; else speeds cannot be compared. */
function assertAlike(a: RunFigures, b: RunFigures): void {
  for (const what of ['frames', 'delivered', 'bottleneckBytes'] as const) {
    const difference = Math.abs(a[what] / b[what] - 1);
    if (difference <= MOST_DIFFERENCE) continue;
    throw new Error(`${what}: ${a[what]} and ${b[what]} are not the same experiment`);
  }
}

function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: 'string' }, seconds: { type: 'string' }, cc: { type: 'string' } },
  });
  const missing = missingForNs3();
  if (missing !== null) {
    console.error(missing);
    return 1;
  }
  const dir = mkdtempSync(join(tmpdir(), 'ringway-bench-'));
  try {
    if (!compileRingway()) return 1;
    const program = join(dir, 'dumbbell');
    if (!compileNs3(program)) return 1;
    const sides = new Sides(program);
    const rounds = Number(values.rounds ?? 3);
    const cc = values.cc ?? 'cubic';
    console.log(`${sides.version()}; ${cc}; Node ${process.version}; ${rounds} rounds, in turn`);
    for (const [flows, bps, seconds] of CASES) {
      if (positionals.length > 0 && !positionals.includes(String(flows))) continue;
      const shape = shapeOf(flows, bps, Number(values.seconds ?? seconds), cc);
      const { usual, lean, ringway } = compare(sides, shape, rounds);
      console.log(
        `\n${flows} flows, ${bps / 1e6} Mbit/s, ${shape.durationNs / 1e9} s of virtual time`,
      );
      for (const [name, theirs] of [
        [USUAL, usual],
        [LEAN, lean],
      ] as const) {
        console.log(ratios(name, theirs, ringway));
      }
      const rows = [
        row(USUAL, usual, shape),
        row(LEAN, lean, shape),
        row('Ringway', ringway, shape),
      ];
      for (const line of tableText([HEADING, ...rows])) console.log(line);
      assertAlike(usual[0]!, ringway[0]!);
      assertAlike(lean[0]!, ringway[0]!);
    }
    return 0;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

process.exitCode = main(process.argv.slice(2));
