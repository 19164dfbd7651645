/** `ringway sim` as users run it: figures, traces, and what is said of files that are wrong. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { makeFolder } from '../../tools/command/make-folder.ts';
import { RunFolder } from '../../tools/command/run-folder.ts';
import { loadScenario } from '../../tools/command/scenario-file.ts';
import { requires } from '../support/requires.ts';
import { ringwayIn, type Said } from '../support/ringway-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-sim-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const sim = (...args: readonly string[]): Said => ringwayIn(folder, 'sim', ...args);

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const read = (...names: string[]): string => readFileSync(join(folder, ...names), 'utf8');

/** A row of these fields for each packet. */
function tshark(dir: string, ...fields: string[]): string[][] {
  const args = ['-r', join(folder, dir, 'packets.pcapng'), '-T', 'fields', '-E', 'separator=|'];
  const { status, stdout, stderr } = spawnSync(
    'tshark',
    [...args, ...fields.flatMap((field) => ['-e', field])],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (status !== 0) t.fail(stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('|'));
}

const TWO = `
duration: 5 s
topology: { kind: point-to-point, link: { rate: 10 Mbit/s, delay: 10 ms, queue: { kind: drop-tail, frames: 20 } } }
flows:
  - { name: bulk, from: a, to: b }
  - { name: asks, from: b, to: a, traffic: { kind: requests, request: 100 B, response: 2 kB, think: 100 ms } }
trace: { interval: 1 s }
`;
write('two.yaml', TWO);

t.test('--cc: of flows that name none, a file from where one stands, or a name', (t) => {
  mkdirSync(join(folder, 'below'));
  write('below/some.yaml', TWO.replace('from: b, to: a', 'from: b, to: a, cc: reno'));
  write(
    'mine.mts',
    `import { reno } from '${resolve('src/cc/reno.ts')}'; export default { ...reno, name: 'mine' };`,
  );
  const ccOf = (...args: string[]): string[] => {
    const { flows } = JSON.parse(sim('below/some.yaml', '--duration', '1', '-j', ...args).out);
    return (flows as { cc: string }[]).map((flow) => flow.cc);
  };
  t.same(ccOf('--cc', './mine.mts', '--solo'), ['mine', 'reno']);
  t.same(ccOf('--cc', 'bbr'), ['bbr', 'reno']);
  const { code, err } = sim('below/some.yaml', '--cc', 'bbr4');
  t.equal(code, 2);
  t.match(err, /bulk: no congestion control "bbr4": did you mean "bbr3?"\?/);
  t.end();
});

t.test('figures for people, and for programs', (t) => {
  const { code, out, err } = sim('two.yaml');
  t.equal(err, '');
  t.equal(code, 0);
  t.match(out, /^bulk +cubic +9\.\d+ Mbit\/s/m);
  t.match(out, /^a>b +9\d\.\d %/m);
  t.match(out, /^5 s in [\d.]+ s; \d+ frames delivered to hosts$/m);
  const summary = JSON.parse(sim('two.yaml', '--json').out);
  t.equal(summary.name, 'two');
  const [bulk, asks] = summary.flows;
  t.ok(bulk.retransmitted > 0 && bulk.retransmitted < bulk.sent);
  t.ok(bulk.rtt.least >= 20e6 && bulk.rtt.p99 < 60e6);
  t.equal(asks.delivered, asks.completed * 2000);
  t.ok(asks.completion.least >= 20e6);
  t.ok(summary.links[0].dropped > 0);
  t.end();
});

t.test('each group alone, too', (t) => {
  const { code, out } = sim('two.yaml', '--duration', '2', '--solo', '--out', 'solo');
  t.equal(code, 0);
  t.match(out, /^harm by the others to +goodput/m);
  const { harm } = JSON.parse(read('solo', 'summary.json'));
  t.same(
    harm.map(({ group }: { group: string }) => group),
    ['bulk', 'asks'],
  );
  t.ok(harm[1].figures.time50.harm > 0.1, 'answers wait behind the bulk flow');
  t.equal(
    sim('two.yaml', '--duration', '2', '--solo', '--out', 'solo').out.split('\n\n')[0],
    out.split('\n\n')[0],
  );
  t.equal(readdirSync(join(folder, 'solo', 'cells')).length, 2);
  t.end();
});

t.test('the same seed gives the same bytes, another one others', (t) => {
  const lossy = TWO.replace('delay: 10 ms', 'delay: 10 ms, loss: 0.001').replace(
    'trace:',
    'trace2:',
  );
  write(
    'lossy.yaml',
    lossy.replace('trace2: { interval: 1 s }', 'trace: { acks: true, interval: 1 s }'),
  );
  for (const [out, seed] of [
    ['x', '1'],
    ['y', '1'],
    ['z', '2'],
  ] as const) {
    t.equal(sim('lossy.yaml', '--seed', seed, '--out', out).code, 0);
  }
  t.equal(read('x', 'trace.jsonl'), read('y', 'trace.jsonl'));
  t.equal(read('x', 'summary.json'), read('y', 'summary.json'));
  t.not(read('x', 'trace.jsonl').slice(100), read('z', 'trace.jsonl').slice(100));
  const lines = read('x', 'trace.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.same(lines[0], { trace: 'ringway', version: 1, name: 'lossy', seed: 1 });
  const acks = lines.filter((l) => l.flow === 'bulk' && l.event === 'ack');
  t.ok(acks.length > 500);
  t.same(Object.keys(acks[0]), [
    ...['t', 'flow', 'event', 'cwnd', 'ssthresh', 'pacing', 'inFlight', 'srtt', 'minRtt', 'rate'],
    ...['delivered', 'lost', 'retrans', 'mss', 'state', 'phase'],
  ]);
  t.ok(acks.some((l) => l.state === 'recovery'));
  t.ok(
    acks.every((l) => Number.isInteger(l.t)),
    'whole nanoseconds',
  );
  const samples = lines.filter((l) => l.event === 'sample' && l.link === 'a>b');
  t.same(
    samples.map((l) => l.t),
    [0, 1e9, 2e9, 3e9, 4e9, 5e9],
  );
  const delivered = lines.filter((l) => l.event === 'sample' && l.flow === 'bulk').at(-1).delivered;
  t.equal(delivered, JSON.parse(read('x', 'summary.json')).flows[0].delivered);
  t.end();
});

t.test('a module of your own, and a scenario in TypeScript', (t) => {
  write(
    'twice.mts',
    `import { CongestionControl } from '${resolve('src/cc/congestion-control.ts')}';
class Fixed extends CongestionControl {
  override ssthresh() { return 4; }
  override congAvoid(v) { v.setCwnd(4); }
}
export const fixed = { name: 'fixed', flags: 0, create: () => new Fixed() };
`,
  );
  write(
    'mine.mts',
    `export default {
  duration: '2 s', name: 'mine',
  topology: { kind: 'point-to-point', link: { rate: '10 Mbit/s', delay: '50 ms' } },
  flows: [{ from: 'a', to: 'b', cc: './twice.mts' }],
};
`,
  );
  const { code, out, err } = sim('mine.mts', '--json');
  t.equal(err, '');
  t.equal(code, 0);
  const [flow] = JSON.parse(out).flows;
  t.equal(flow.cc, 'fixed');
  t.ok(Math.abs(flow.lateGoodput / (4 * 1448 * 80) - 1) < 0.1, 'four segments a round trip');
  write('other.mts', read('twice.mts').replaceAll('4', '8'));
  const both = (own: string) =>
    TWO.replace('to: b }', 'to: b, cc: ./twice.mts }').replace('to: a,', `to: a, cc: ${own},`);
  write('both.yaml', both('./other.mts'));
  t.equal(
    sim('both.yaml').err,
    'ringway sim: both.yaml:5:3: flows: asks: ./twice.mts and ./other.mts are both named "fixed"\n',
  );
  write('same.yaml', both('twice.mts'));
  t.equal(sim('same.yaml').code, 0, 'the same file by another path');
  t.end();
});

t.test('a module that fails does not end the run', (t) => {
  const text = read('twice.mts').replace('v.setCwnd(4)', 'v.setCwnd(v.nowNs > 1e9 ? NaN : 4)');
  write('fails.mts', text);
  write('fails.yaml', TWO.replace('to: b }', 'to: b, cc: ./fails.mts }'));
  const { code, out } = sim('fails.yaml');
  t.equal(code, 0);
  t.match(out, /^fixed failed on 1 connection, and Reno went on: congAvoid: .*cwnd is a number$/m);
  t.match(out, /^bulk +fixed +[5-9]\.\d+ Mbit\/s/m);
  t.end();
});

t.test('a folder has nothing of the run before', (t) => {
  const trace = join(folder, 'again', 'trace.jsonl');
  const packets = join(folder, 'again', 'packets.pcapng');
  t.equal(sim('two.yaml', '--acks', '--packets', '--out', 'again').code, 0);
  t.ok(existsSync(trace) && existsSync(packets));
  write('quiet.yaml', TWO.replace(/^trace:.*$/m, ''));
  t.equal(sim('quiet.yaml', '--out', 'again').code, 0);
  t.notOk(
    existsSync(trace) || existsSync(packets),
    'a trace would be of another seed, or scenario',
  );
  t.end();
});

/** What stands in the folder before; what is said of it. */
const NOT_OURS: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
  [{ 'summary.json': '{"coverage": 1}' }, /has summary\.json that ringway sim has not written/],
  [{ 'packets.pcapng': 'x' }, /has packets\.pcapng that ringway sim has not written/],
  [{ 'summary.json': '', 'trace.jsonl': '{}' }, /has summary\.json and trace\.jsonl that/],
  [{ 'sweep.json': '[]' }, /has a sweep in it/],
];

t.test('a run that comes to nothing leaves the one before', (t) => {
  const filesIn = (dir: string) =>
    Object.fromEntries(readdirSync(join(folder, dir)).map((name) => [name, read(dir, name)]));
  t.equal(sim('two.yaml', '--acks', '--packets', '--out', 'kept').code, 0);
  write('kept/notes.txt', 'mine');
  const before = filesIn('kept');
  t.same(Object.keys(before), ['notes.txt', 'packets.pcapng', 'summary.json', 'trace.jsonl']);
  const hosts = 'kind: dumbbell, pairs: 2900, bottleneck: { delay: 1 ms }';
  const many = `{ duration: 1 s, topology: { ${hosts} }, flows: [{ from: left1, to: right1 }] }`;
  const late = "  net.ipv4.tcp_wmem: '4096 400000000 400000000'";
  for (const [text, exit] of [
    [TWO.replace('to: b }', 'to: bee }'), 2],
    [many, 2], // found when hosts are made
    [`${TWO}sysctl:\n${late}\n`, 3], // found when all has run
  ] as const) {
    write('wrong.yaml', text);
    t.equal(sim('wrong.yaml', '--acks', '--packets', '--out', 'kept').code, exit);
    t.same(filesIn('kept'), before);
  }
  t.match(sim('two.yaml', '--out', 'two.yaml').err, /^ringway sim: two\.yaml: is no folder$/m);
  t.equal(read('two.yaml'), TWO);
  t.end();
});

t.test('what stands in a folder and is not of a run is left', (t) => {
  const other = join(folder, 'other');
  for (const [files, message] of NOT_OURS) {
    mkdirSync(other);
    for (const [name, text] of Object.entries(files)) write(`other/${name}`, text);
    t.throws(() => new RunFolder(other), { message });
    t.same(readdirSync(other), Object.keys(files));
    rmSync(other, { recursive: true });
  }
  t.end();
});

t.test('a folder is made, with those above it, or it is told why not', (t) => {
  for (const path of ['deep/er/est', 'deep/er', 'not/../there', 'slash/']) {
    makeFolder(join(folder, path));
    t.ok(statSync(join(folder, path)).isDirectory(), path);
  }
  write('plain', '');
  symlinkSync('nowhere', join(folder, 'dangling'));
  for (const [path, code] of [
    [join(folder, 'plain', 'x', 'y'), 'ENOTDIR'],
    [join(folder, 'plain'), 'EEXIST'],
    [join(folder, 'dangling'), 'EEXIST'],
    ['/proc/ringway/x', 'ENOENT'],
    ['', 'ENOENT'],
  ] as const) {
    t.throws(() => makeFolder(path), { code }, path);
  }
  t.end();
});

t.test('packets, as tshark reads them', { skip: requires({ programs: ['tshark'] }) }, (t) => {
  t.match(sim('two.yaml', '--packets').err, /a trace goes to a folder/);
  const { code, out } = sim('two.yaml', '--packets', '--json', '--out', 'packets');
  t.equal(code, 0);
  const summary = JSON.parse(out);
  t.same(summary, JSON.parse(sim('two.yaml', '--json').out), 'the run is the same');
  const named = 'interface_name,time_epoch,packet_flags_direction,packet_id,comment,len';
  const rows = tshark('packets', ...named.split(',').map((name) => `frame.${name}`));
  const [there, back] = summary.links;
  const where = (face: string, way: string) => rows.filter((r) => r[0] === face && r[2] === way);
  const [OUT, IN] = ['0x00000002', '0x00000001'];
  const sum = (list: string[][]) => list.reduce((n, row) => n + Number(row[5]), 0);
  t.equal(sum(where('b:a', IN)), there.delivered);
  t.equal(sum(where('a:b', IN)), back.delivered);
  t.equal(where('b:a', IN).length + where('a:b', IN).length, summary.frames);
  const dropped = where('a:b', '');
  t.equal(dropped.length, there.dropped);
  t.ok(dropped.every((row) => row[4] === 'queue: tail drop'));
  const sent = new Map(where('a:b', OUT).map((row) => [row[3], Number(row[1])]));
  t.equal(sent.size, where('a:b', OUT).length, 'each has an id of its own');
  const waits = where('b:a', IN).map((row) => Number(row[1]) - sent.get(row[3]!)!);
  t.ok(
    waits.every((s) => s > 0.01 && s < 0.0125 + 21 * 1514 * 8e-7),
    'queue, sending and delay',
  );
  write('some.yaml', TWO.replace('interval: 1 s', 'packets: [b], snaplen: 60 B'));
  t.equal(sim('some.yaml', '--out', 'packets').code, 0);
  const some = tshark('packets', 'frame.interface_name', 'frame.cap_len');
  t.same([...new Set(some.map(([face]) => face))], ['b:a']);
  t.equal(Math.max(...some.map(([, len]) => Number(len))), 60);
  write('none.yaml', TWO.replace('interval: 1 s', 'packets: [bee]'));
  t.match(sim('none.yaml').err, /:7:20: trace\.packets\.0: no "bee": /);
  t.end();
});

t.test('what holds more than there is memory for is told, and has no figures', (t) => {
  const large = "  net.ipv4.tcp_wmem: '4096 400000000 400000000'";
  write('large.yaml', `${TWO}sysctl:\n${large}\n`);
  const { code, out, err } = sim('large.yaml', '--out', 'large');
  t.match(err, /^ringway sim: large\.yaml: it holds more than there is memory for \(\d+ MiB for/);
  t.equal(out, '');
  t.equal(code, 3);
  t.notOk(existsSync(join(folder, 'large', 'summary.json')));
  t.end();
});

t.test('what is wrong, with its line', (t) => {
  write('bad.yaml', TWO.replace('point-to-point', 'point-to-pint').replace('5 s', '5'));
  const bad = sim('bad.yaml');
  t.equal(bad.code, 2);
  t.equal(
    bad.err,
    `ringway sim: bad.yaml: 2 problems
bad.yaml:2:11: duration: a time has a unit: 5 ms?
bad.yaml:3:19: topology.kind: no kind "point-to-pint": did you mean "point-to-point"?
`,
  );
  const json = JSON.parse(sim('bad.yaml', '--json').out);
  t.equal(json.code, 'ERR_SCENARIO');
  t.equal(json.details.length, 2);
  write('cc.yaml', TWO.replace('to: b }', 'to: b, cc: cubik }'));
  t.equal(
    sim('cc.yaml').err,
    'ringway sim: cc.yaml:5:3: flows: bulk: no congestion control "cubik": did you mean "cubic"?\n',
  );
  write('syntax.yaml', 'duration: [1\n');
  t.match(sim('syntax.yaml').err, /^ringway sim: syntax\.yaml:\d+:\d+: /);
  write('alias.yaml', TWO.replace('to: b', 'to: *b'));
  t.match(sim('alias.yaml').err, /^ringway sim: alias\.yaml: Unresolved alias/);
  t.equal(sim('alias.yaml').code, 2);
  const doubled = (n: number) => `a${n}: &a${n} [*a${n - 1}, *a${n - 1}]\n`;
  const many = Array.from({ length: 30 }, (_, i) => doubled(i + 1));
  write('many.yaml', `a0: &a0 x\n${many.join('')}${TWO}`);
  t.match(sim('many.yaml').err, /^ringway sim: many\.yaml: Excessive alias count/);
  write('list.yaml', TWO.replace('point-to-point', '[point-to-point]'));
  const traced = (name: string) =>
    write('traced.yaml', TWO.replace('rate: 10 Mbit/s', `rate: { trace: ${name} }`));
  traced('none.up');
  t.match(
    sim('traced.yaml').err,
    /traced\.yaml:3:\d+: topology\.link\.rate\.trace: none\.up: ENOENT: no such file or directory$/m,
  );
  write('bad.up', 'soon\n');
  traced('bad.up');
  t.match(sim('traced.yaml').err, /rate\.trace: bad\.up: trace: line 1 is not a whole number/);
  t.match(sim('list.yaml').err, /^ringway sim: list\.yaml:3:19: topology\.kind: no kind a list: /);
  t.match(sim('nowhere.yaml').err, /ENOENT/);
  t.equal(sim('nowhere.yaml').code, 3);
  t.match(sim().err, /which scenario/);
  t.match(sim('two.yaml', '--acks').err, /a trace goes to a folder/);
  write('empty.mts', 'export const x = 1;\n');
  t.match(sim('empty.mts').err, /no default export/);
  write('common.ts', 'export default {};\n');
  t.match(sim('common.ts').err, /an ES module is named \.mts/);
  t.end();
});

t.test('what is expected is told, line by line; what is missed is an exit code', (t) => {
  const expects = (text: string) => TWO.replace(/^trace:.*$/m, `expect:\n  - ${text}`);
  write(
    'hopes.yaml',
    expects('{ flow: bulk, goodput: { min: 9 Mbit/s, max: 10 Mbit/s }, from: 1 s }'),
  );
  const met = sim('hopes.yaml', '--out', 'hopes');
  t.equal(met.code, 0);
  t.match(
    met.out,
    /^met +bulk: goodput 9\.00 Mbit\/s to 10\.0 Mbit\/s, from 1 s: 9\.\d+ Mbit\/s\n1 of 1 expectations met$/m,
  );
  const [outcome] = JSON.parse(read('hopes', 'summary.json')).expectations;
  t.same(outcome.expected, {
    ...{ of: 'flows', what: 'goodput', flow: 'bulk', fromNs: 1e9, min: 9e6, max: 1e7 },
  });
  t.equal(outcome.isMet, true);
  write('dashed.yaml', expects('{ link: "a>b", dropped: { max: 0 }, to: 3 s }'));
  const missed = sim('dashed.yaml');
  t.equal(missed.code, 1);
  t.match(
    missed.out,
    /^MISSED a>b: dropped at most 0 %, to 3 s: [\d.]+ %\n0 of 1 expectations met$/m,
  );
  const short = sim('dashed.yaml', '--duration', '2');
  t.equal(short.code, 0);
  t.match(short.out, /^untold .*: the run ended before\n0 of 0 expectations met, 1 not reached$/m);
  write('far.yaml', expects('{ link: "a>b", dropped: { max: 0 }, to: 30 s }'));
  t.equal(
    sim('far.yaml').err,
    'ringway sim: far.yaml:8:45: expect.0.to: the experiment is over by then\n',
  );
  t.end();
});

t.test('a phase that the module does not have is told with its line', async (t) => {
  const expect = (word: string) => TWO.replace(/^trace:.*$/m, `expect: [{ never: [${word}] }]`);
  write('never.yaml', expect('startup'));
  const file = join(folder, 'never.yaml');
  const said = (error: Error) => error.message.replaceAll(`${folder}/`, '');
  const refused = async (cc: string) => loadScenario(file, 'x', null, cc).then(() => '', said);
  t.match(
    await refused('cubic'),
    /^never\.yaml:7:\d+: expect\.0\.never\.0: no phase "startup" of cubic: /,
  );
  t.equal(await refused('bbr'), '');
  write(
    'one.mts',
    `import { reno } from '${resolve('src/cc/reno.ts')}';
export default { ...reno, name: 'one', phases: 'startup' };`,
  );
  t.match(await refused(join(folder, 'one.mts')), /one\.mts: phases: a list of words$/);
});

t.test('--duration, and what the scenario says for its own', (t) => {
  const late = TWO.replace('from: b, to: a,', 'from: b, to: a, start: 2 s, count: 5,');
  write('late.yaml', late.replace(/^trace:.*$/m, 'fairness: { window: 1500 ms }'));
  const short = sim('late.yaml', '--duration', '1');
  t.equal(short.code, 0);
  t.equal(
    short.err,
    `--duration: the run is over before asks.1, asks.2, asks.3 … would begin
--duration: no index by windows: fairness.window of 1.50 s: longer than the run
`,
  );
  const long = sim('late.yaml', '--duration', '200000');
  t.equal(long.code, 2);
  t.match(
    long.err,
    /--duration: fairness\.window of 1\.50 s: more than 100000 of them in the run$/m,
  );
  t.end();
});

t.test('the schema', (t) => {
  const { out, code } = sim('--schema');
  t.equal(code, 0);
  t.equal(JSON.parse(out).$schema, 'https://json-schema.org/draft/2020-12/schema');
  t.end();
});
