/** Packets of an experiment at each end of each link, as a pcapng file: all of them, in order, each with its number. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { ByteSink } from '../../src/link/capture-writer.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import { Recorder } from '../../src/sim/experiment/recorder.ts';
import type { FlowSpec, Scenario } from '../../src/sim/experiment/scenario.ts';
import { runAndSummarize, type Summary } from '../../src/sim/experiment/summary.ts';
import { dumbbell, parkingLot, pointToPoint } from '../../src/sim/experiment/topology.ts';
import { type Capture, type Packet, readPcapng } from '../link/pcapng-reader.ts';

const IN = 1;
const OUT = 2;
const DROP = 0;
/** Of a dumbbell. */
const IS_HOST = /^(left|right)\d/;

class Bytes implements ByteSink {
  readonly parts: Uint8Array[] = [];

  write(u8: Uint8Array, off: number, len: number): number {
    this.parts.push(u8.slice(off, off + len));
    return 0;
  }
}

interface Run {
  readonly experiment: Experiment;
  readonly summary: Summary;
  readonly hash: string;
  /** With a sample each 10 ms. */
  readonly lines: readonly string[];
  readonly file: Buffer;
  readonly capture: Capture;
}

interface Wish {
  readonly nodes?: readonly string[];
  readonly snaplen?: number;
}

function run(scenario: Scenario, wish: Wish | null = {}): Run {
  const sink = new Bytes();
  const packets = wish === null ? {} : { packets: { nodes: null, snaplen: 65536, ...wish, sink } };
  const experiment = new Experiment(scenario, { isHashed: true, ...packets });
  const lines: string[] = [];
  const wanted = { acks: true, intervalNs: 10 * MS };
  new Recorder(experiment, { line: (text) => lines.push(text) }, wanted);
  const summary = runAndSummarize(experiment, new Meters(experiment.flows));
  experiment.end();
  const file = Buffer.concat(sink.parts);
  return {
    ...{ experiment, summary, hash: experiment.sim.traceHash, lines, file },
    capture: readPcapng(file),
  };
}

const bulk = (name: string, from: string, to: string): FlowSpec => ({
  ...{ name, from, to, startNs: 0 },
  traffic: { kind: 'bulk' },
});

const plain = (spec: LinkSpec, durationNs: number): Scenario => ({
  ...{ name: 'plain', seed: 7, durationNs },
  ...pointToPoint({ forth: spec, back: { ...spec, loss: 0 } }),
  flows: [bulk('f', 'a', 'b')],
});

/** All that can become of a packet, on one link; a queue that marks; frames that overtake. */
const ROUGH: LinkSpec = {
  rateBps: 10e6,
  delayNs: 20 * MS,
  jitter: { uniformNs: 2 * MS },
  mayReorder: true,
  loss: 0.002,
  corruption: 0.002,
  duplication: 0.005,
  policer: { rateBps: 9e6, burstBytes: 60_000 },
  partitions: [{ cuts: [{ fromNs: 2 * SEC, toNs: 2.02 * SEC }] }],
  queue: { kind: 'fq-codel', limitFrames: 40 },
};

const rough = (seed: number): Scenario => ({
  ...{ name: 'rough', seed, durationNs: 2.5 * SEC },
  ...dumbbell(2, { forth: ROUGH, back: ROUGH }),
  flows: [bulk('one', 'left1', 'right1'), bulk('two', 'right2', 'left2')],
});

/** By interface: what went out, came in and was dropped. */
function byFace({ faces, packets }: Capture): Map<string, Packet[][]> {
  const all = new Map(faces.map(({ name }) => [name, [[], [], []] as Packet[][]]));
  for (const packet of packets) all.get(faces[packet.face]!.name)![packet.flags]!.push(packet);
  return all;
}

const bytesOf = (packets: readonly Packet[]): number =>
  packets.reduce((sum, { originalLen }) => sum + originalLen, 0);

const isInOrder = ({ packets }: Capture): boolean =>
  packets.every((p, i) => i === 0 || p.timeNs >= packets[i - 1]!.timeNs);

t.test('every packet is there, as often as the counters say', (t) => {
  const { capture, experiment, summary } = run(rough(1));
  const faces = byFace(capture);
  t.equal(capture.comment, 'rough, seed 1');
  t.same([...faces.keys()].slice(0, 4), ['left:right', 'right:left', 'left1:left', 'left:left1']);
  for (const [i, { name, model }] of experiment.links.flat().entries()) {
    const [from, to] = name.split('>');
    const here = faces.get(`${from}:${to}`)!;
    const arrived = faces.get(`${to}:${from}`)![IN]!;
    const link = summary.links[i]!;
    t.equal(here[OUT]!.length, model.stats.get('frames'), `${name}: entered`);
    t.equal(arrived.length, model.stats.get('delivered'), `${name}: arrived`);
    t.equal(bytesOf(arrived), link.delivered);
    const lost = here[DROP]!.filter((p) => p.comment === 'link: loss').length;
    t.equal(lost, link.lost);
    t.equal(here[DROP]!.length - lost, link.dropped);
    const face = capture.faces.findIndex((f) => f.name === `${from}:${to}`);
    const said = capture.statistics.filter((one) => one.face === face);
    t.same(said, [{ face, received: here.flat().length, dropped: here[DROP]!.length }]);
  }
  const arrived = [...faces].map(([name, seen]) => (IS_HOST.test(name) ? seen[IN]!.length : 0));
  t.equal(
    arrived.reduce((n, one) => n + one, 0),
    summary.frames,
  );
  const reasons = new Set(capture.packets.map((p) => p.comment));
  const all = ['', 'link: loss', 'link: partitioned', 'link: policed', 'queue: early drop'];
  t.same([...reasons].sort(), all);
  t.ok(isInOrder(capture));
  t.end();
});

t.test('one number from sender to receiver, and of both copies of a duplicate', (t) => {
  const { capture, experiment } = run(rough(2));
  const ways = new Map<number, Packet[]>();
  for (const packet of capture.packets) {
    const way = ways.get(packet.id);
    if (way === undefined) ways.set(packet.id, [packet]);
    else way.push(packet);
  }
  t.notOk(ways.has(0), 'each has one');
  let copies = 0;
  let whole = 0;
  for (const way of ways.values()) {
    /** How many of it are on each link, and in each node. */
    const at = new Map<string, number>();
    const isThere = (place: string) => (at.get(place) ?? 0) > 0;
    const move = (place: string, by: number) => at.set(place, (at.get(place) ?? 0) + by);
    for (const [i, { face, flags }] of way.entries()) {
      const { name } = capture.faces[face]!;
      const [here, there] = name.split(':') as [string, string];
      const [out, back] = [`${here}>${there}`, `${there}>${here}`];
      if (i === 0 && !(flags === OUT && IS_HOST.test(name))) t.fail(`begins at ${name}`);
      if (flags === OUT) {
        if (i > 0 && !isThere(here)) t.fail(`sent on by ${here}`);
        if (i > 0) move(here, -1);
        move(out, 1);
      } else if (flags === IN) {
        if (isThere(back)) move(back, -1);
        else copies++;
        move(here, 1);
      } else {
        if (!isThere(out)) t.fail(`dropped on ${out}`);
        move(out, -1);
      }
    }
    if (way.length === 6 && new Set(way.map((p) => p.face)).size === 6) whole++;
  }
  const duplicated = experiment.links.flat().map(({ model }) => model.stats.get('duplicated'));
  const all = duplicated.reduce((n, one) => n + one, 0);
  t.ok(copies > 5 && copies <= all && copies > all - 5, `${copies} copies of ${all} arrived`);
  t.ok(whole > 1000, `${whole} went the whole way: six places`);
  t.end();
});

t.test('what is written does not change the run, and is the same for the same seed', (t) => {
  const [one, again, other] = [run(rough(1)), run(rough(1)), run(rough(3))];
  t.ok(one.file.equals(again.file));
  t.notOk(one.file.equals(other.file));
  const bare = run(rough(1), null);
  t.equal(bare.hash, one.hash);
  t.same(bare.summary, one.summary);
  t.ok(bare.lines.length > 2000 && bare.lines.join() === one.lines.join(), 'nor what else is');
  t.equal(bare.file.length, 0);
  t.end();
});

t.test('a drop has the time at which it happened, however late the link finds out', (t) => {
  const slow = { rateBps: 10e6, delayNs: 200 * MS };
  const { capture } = run(plain({ ...slow, loss: { frames: [5, 6, 12] } }, 1 * SEC));
  const [here] = [...byFace(capture).values()];
  // An announcement and a SYN; then ten segments leave back to back.
  const sent = here![OUT]!.slice(2, 12);
  t.ok(sent.every((p) => p.timeNs === sent[0]!.timeNs));
  t.same(
    here![DROP]!.map((p) => [p.timeNs - sent[0]!.timeNs, p.id]),
    [2, 3, 9].map((n) => [n * 1514 * 800, sent[n]!.id]),
  );
  t.ok(isInOrder(capture));
  t.end();
});

t.test('ids are kept however many packets are on the way', (t) => {
  const { capture } = run(plain({ rateBps: 100e6, delayNs: 50 * MS }, 0.96 * SEC));
  const [here, there] = [...byFace(capture).values()];
  const [sent, arrived] = [here![OUT]!, there![IN]!];
  t.ok(sent.length - arrived.length > 300, `${sent.length - arrived.length} on the way at the end`);
  t.same(
    arrived.map((p) => p.id),
    sent.slice(0, arrived.length).map((p) => p.id),
  );
  t.equal(new Set(sent.map((p) => p.id)).size, sent.length);
  t.end();
});

t.test('marks are seen behind the queue that made them', (t) => {
  const queue = { kind: 'codel', ecn: true, targetNs: 1 * MS } as const;
  const scenario = plain({ rateBps: 10e6, delayNs: 10 * MS, queue }, 5 * SEC);
  const hosts = scenario.hosts.map((h) => ({ ...h, sysctl: { 'net.ipv4.tcp_ecn': '1' } }));
  const { capture, experiment } = run({ ...scenario, hosts });
  const { stats } = experiment.links[0]![0].model.queue.ledger;
  const [here, there] = [...byFace(capture).values()];
  const marked = (packets: readonly Packet[]) => packets.filter((p) => (p.bytes[15]! & 3) === 3);
  t.equal(marked(here![OUT]!).length, 0);
  t.equal(marked(there![IN]!).length, stats.get('marked'));
  t.ok(stats.get('marked') > 10);
  t.end();
});

t.test('of some nodes, and the beginning of each packet', (t) => {
  const link = { rateBps: 10e6, delayNs: 5 * MS };
  const scenario: Scenario = {
    ...{ name: 'lot', seed: 1, durationNs: 1 * SEC },
    ...parkingLot(2, { forth: link, back: link }),
    flows: [bulk('long', 'begin', 'end'), bulk('short', 'in1', 'out1')],
  };
  const { capture } = run(scenario, { nodes: ['r2', 'end'], snaplen: 54 });
  const names = ['r2:r1', 'r2:r3', 'end:r3', 'r2:out1', 'r2:in2'];
  t.same(capture.faces.map(({ name }) => name).sort(), names.sort());
  t.ok(capture.packets.every((p) => p.bytes.length === Math.min(54, p.originalLen)));
  const at = byFace(capture);
  const ids = (name: string, way: number) => new Set(at.get(name)![way]!.map((p) => p.id));
  const arrived = ids('end:r3', IN);
  t.ok(arrived.size > 100);
  t.ok([...arrived].every((id) => ids('r2:r1', IN).has(id) && ids('r2:r3', OUT).has(id)));
  t.end();
});
