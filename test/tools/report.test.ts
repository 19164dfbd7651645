/** `ringway report`: one file with everything in it, and SVG files. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { chartsOf } from '../../tools/report/chart.ts';
import { logTicks, ticks, tickText } from '../../tools/report/frame.ts';
import { readRun } from '../../tools/report/run-data.ts';
import { ringwayIn, type Said } from '../support/ringway-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-report-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const ringway = (...args: readonly string[]): Said => ringwayIn(folder, ...args);

const read = (...names: string[]): string => readFileSync(join(folder, ...names), 'utf8');

writeFileSync(
  join(folder, 'x.yaml'),
  `
name: </script><b>bold & "quoted"
duration: 3 s
topology: { kind: dumbbell, pairs: 2, bottleneck: { rate: 5 Mbit/s, delay: 10 ms, queue: { kind: drop-tail, frames: 20 } } }
flows:
  - { name: one, from: left1, to: right1 }
  - { name: two, from: left2, to: right2, cc: reno }
  - { name: asks, from: left1, to: right2, traffic: { kind: requests, request: 1 kB, response: 1 kB, think: 50 ms } }
trace: { acks: true, interval: 50 ms }
`,
);

interface Drawn {
  readonly times: readonly number[];
  readonly charts: readonly {
    readonly id: string;
    readonly level: number | null;
    readonly series: readonly {
      readonly label: string;
      readonly values?: readonly (number | null)[];
      readonly of?: readonly [number, number];
    }[];
  }[];
}

/** What the browser is to draw. */
function drawnIn(page: string): Drawn {
  const [, data] = /const REPORT = (\{.*?\});\n/s.exec(page) ?? [];
  return JSON.parse(data!) as Drawn;
}

/** Nothing in it asks any network, and no text ends a script or becomes markup. */
function checkPage(t: Test, page: string): void {
  t.notMatch(
    page,
    /(src|href)=|url\(|@import|fetch\(|XMLHttpRequest/,
    'it asks nothing of any network',
  );
  t.equal(page.split('</script>').length, 3, 'two scripts, and nothing that ends one early');
  const shown = page.replaceAll(/<script>.*?<\/script>/gs, '');
  t.notMatch(shown, /<b>bold|NaN|undefined|Infinity/);
}

function checkFigures(t: Test, folderName: string): void {
  for (const name of readdirSync(join(folder, folderName))) {
    const svg = read(folderName, name);
    t.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /, name);
    t.notMatch(svg, /NaN|Infinity|undefined|<script|<b>/, name);
    t.match(svg, /<(path|circle) /, name);
  }
}

t.test('a run as a page and as SVG', (t) => {
  t.equal(ringway('sim', 'x.yaml', '--out', 'run', '--solo').code, 0);
  const { code, out, err } = ringway('report', 'run', '--svg', 'svg');
  t.equal(err, '');
  t.equal(code, 0);
  const charts = [
    'goodput',
    'jain',
    'cwnd',
    'rtt',
    'inflight',
    'queue',
    'drops',
    'retrans',
    'pacing',
  ];
  t.same(out.trimEnd().split('\n'), [
    'run/report.html',
    ...[...charts, 'scatter', 'cdf'].map((name) => join('svg', `${name}.svg`)),
  ]);
  const page = read('run', 'report.html');
  t.match(page, /<h1>&#60;\/script&#62;&#60;b&#62;bold &#38; &#34;quoted&#34;<\/h1>/);
  checkPage(t, page);
  const drawn = drawnIn(page);
  t.same(
    drawn.charts.map(({ id }) => id),
    charts.map((name) => `run0-${name}`),
  );
  const cwnd = drawn.charts[2]!.series;
  t.same(
    cwnd.map(({ label }) => label),
    ['one', 'two', 'one ssthresh', 'two ssthresh'],
    'not the ends that only ask or answer',
  );
  t.ok(cwnd[0]!.values!.every((v) => v === null || (v >= 1 && v < 200)));
  t.equal(drawn.charts[1]!.level, 0.95);
  t.match(page, /<i class="b0"><\/i>one<\/td><td>cubic<\/td>/);
  for (const head of [
    'Completion times',
    'Fairness and convergence',
    'Harm by the others',
    'Links',
  ])
    t.match(page, `<h3>${head}</h3>`);
  checkFigures(t, 'svg');
  t.equal(ringway('report', 'run', '--out', 'again.html', '--svg', 'svg2').code, 0);
  t.equal(read('again.html'), page, 'the same bytes again');
  for (const name of readdirSync(join(folder, 'svg')))
    t.equal(read('svg2', name), read('svg', name));
  t.end();
});

/** A run of ten seconds as it would be written down, whose figures are worked out by hand. */
function writeMade(name: string): void {
  mkdirSync(join(folder, name));
  const rtt = { least: 10e6, p50: 20e6, p90: 30e6, p95: 35e6, p99: 40e6 };
  const plain = { cc: 'cubic', sent: 1000, failed: 0, completed: 0, completion: null, ideal: null };
  const flow = (own: string, goodput: number, more: object = {}) => ({
    ...{ name: own, group: own, delivered: goodput * 1.25, goodput, lateGoodput: goodput, rtt },
    ...{ ...plain, retransmitted: 10, ...more },
  });
  const group = (own: string, times: readonly number[]) => ({
    ...{ name: own, ccs: ['cubic'], flows: 1, delivered: 0, goodput: 0, sent: 0, retransmitted: 0 },
    ...{ rtt, completed: times.length, failed: 0, completions: times },
    completion: times.length === 0 ? null : { ...rtt, least: times[0], p50: times[1] },
    slowdown: times.length === 0 ? null : { least: 1, p50: 2.5, p90: 3, p95: 3, p99: 4 },
  });
  const epoch = { fromNs: 2e9, toNs: 10e9, flows: 2, jain: [0.5, 0.9, 1, 1, 0.8, 0.96, 1, 1] };
  const summary = {
    ...{ name: 'made <script>', seed: 7, durationNs: 10e9, frames: 3, jain: 0.9, faults: [] },
    flows: [flow('<script>alert(1)</script>', 6e6), flow('two', 2e6), flow('web', 1e6)],
    links: [{ name: 'a>b', delivered: 1000, utilization: 0.75, dropped: 4, lost: 1 }],
    groups: [group('two', []), group('web', [100e6, 200e6, 400e6])],
    fairness: {
      ...{ windowNs: 1e9, threshold: 0.95 },
      epochs: [{ ...epoch, convergenceNs: 5e9, convergenceFairness: 0.96 }],
    },
    harm: null,
    expectations: [],
  };
  writeFileSync(join(folder, name, 'summary.json'), JSON.stringify(summary));
  const lines: object[] = [{ trace: 'ringway', version: 1 }];
  for (let s = 0; s <= 10; s++) {
    const t = s * 1e9;
    lines.push({ t, flow: 'two', event: 'sample', delivered: s * s * 125_000, completed: 0 });
    lines.push({ t, link: 'a>b', event: 'sample', packets: 10 - s, bytes: 0, dropped: s >> 1 });
    const ack = { t, flow: 'two', event: 'ack', cwnd: 10 + s, ssthresh: null, pacing: 125_000 };
    lines.push({ ...ack, inFlight: 5 + s, srtt: s * 1e6, retrans: 0 });
  }
  writeFileSync(
    join(folder, name, 'trace.jsonl'),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
}

t.test('figures of a made-up run, by hand', (t) => {
  writeMade('made');
  t.equal(ringway('report', 'made', '--svg', 'made-svg').code, 0);
  const page = read('made', 'report.html');
  checkPage(t, page);
  checkFigures(t, 'made-svg');
  const { times, charts } = drawnIn(page);
  const at = (id: string, seconds: number) => {
    const chart = charts.find((c) => c.id === `run0-${id}`)!;
    return chart.series[0]!.values![times.indexOf(seconds)];
  };
  // s² of 125 kB: 2s − 1 Mbit/s in second s, seen at its end.
  t.equal(at('goodput', 4.05), 7);
  t.equal(at('goodput', 8.05), 15);
  t.equal(at('cwnd', 4.01), 14);
  t.equal(at('cwnd', 4.9), 14, 'it holds until the next one');
  t.equal(at('rtt', 3.5), 3);
  t.equal(at('inflight', 5.5), 10);
  t.equal(at('pacing', 5), 1);
  t.equal(at('queue', 2.01), 8);
  t.equal(at('queue', 2.51), 7.5, 'a line from one to the next');
  t.equal(at('drops', 5.5), 2);
  t.equal(at('jain', 2), null);
  t.equal(at('jain', 2.5), 0.5);
  t.equal(at('jain', 6.5), 0.8);
  t.equal(at('jain', 10), 1);
  const rows = [...page.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, text]) =>
      text!.replace(/<i.*?<\/i>/, ''),
    ),
  );
  const row = (first: string, at = 0) => rows.filter(([name]) => name === first)[at];
  t.same(row('two'), [
    ...['two', 'cubic', '2.00 Mbit/s', '2.00 Mbit/s', '1.00 %'],
    ...['10.0 ms', '20.0 ms', '35.0 ms', '40.0 ms', '–'],
  ]);
  t.equal(row('&#60;script&#62;alert(1)&#60;/script&#62;')?.[2], '6.00 Mbit/s');
  t.same(row('web', 1), [
    ...['web', '3', '100 ms', '200 ms', '30.0 ms', '35.0 ms', '40.0 ms', '2.50', '3.00', '4.00'],
  ]);
  t.same(row('2.00 s to 10.0 s'), [
    ...['2.00 s to 10.0 s', '2', '5.00 s', '0.960', '0.500', '5 of 8'],
  ]);
  t.same(row('a&#62;b'), ['a&#62;b', '800 bit/s', '75.0 %', '4', '1']);
  t.match(
    page,
    '9.00 Mbit/s in all; the largest share is &#60;script&#62;alert(1)&#60;/script&#62;&#39;s, 67 %.',
  );
  // 100, 200 and 400 ms: a third each; from 0 to 420 ms over 536 pixels.
  const cdf = read('made-svg', 'cdf.svg');
  t.match(cdf, 'd="M191.6 276.0H191.6V188.0H319.2V100.0H574.5V12.0"');
  t.end();
});

t.test('several runs, laid over each other', (t) => {
  t.equal(ringway('sim', 'x.yaml', '--seed', '2', '--duration', '1', '--out', 'b/run').code, 0);
  const { code, err } = ringway('report', 'run', 'b/run', '--out', 'both.html', '--svg', 'both');
  t.equal(err, '');
  t.equal(code, 0);
  const page = read('both.html');
  checkPage(t, page);
  const { charts } = drawnIn(page);
  const cwnd = charts.find(({ id }) => id === 'all-all-cwnd')!;
  const name = basename(folder);
  t.same(
    cwnd.series.map(({ label }) => label),
    [`${name}/run: one`, `${name}/run: two`, 'b/run: one', 'b/run: two'],
    'folders by the part of their paths that tells them apart',
  );
  const own = charts.find(({ id }) => id === 'run1-cwnd')!.series[0]!;
  t.same(own.of, [charts.indexOf(cwnd), 2], 'no values twice');
  const files = readdirSync(join(folder, 'both'));
  t.ok(files.includes('b-run-cwnd.svg') && files.includes('all-cwnd.svg'), files.join(' '));
  checkFigures(t, 'both');
  t.end();
});

t.test('a run without a trace has its tables; what is no run is refused', (t) => {
  writeFileSync(join(folder, 'plain.yaml'), read('x.yaml').replace(/trace:.*/, ''));
  t.equal(ringway('sim', 'plain.yaml', '--out', 'plain').code, 0);
  t.equal(ringway('report', 'plain').code, 0);
  const page = read('plain', 'report.html');
  t.same(
    drawnIn(page).charts.map(({ id }) => id),
    ['run0-jain'],
  );
  t.match(page, /Without a trace/);
  const none = ringway('report', 'nowhere');
  t.equal(none.code, 2);
  t.match(none.err, /nowhere: no summary\.json/);
  t.equal(ringway('report').code, 2);
  t.end();
});

t.test('a run in which nothing happened', (t) => {
  const idle = read('x.yaml').replaceAll('from:', 'start: 2999 ms, from:');
  writeFileSync(join(folder, 'idle.yaml'), idle);
  t.equal(ringway('sim', 'idle.yaml', '--out', 'idle').code, 0);
  t.equal(ringway('report', 'idle', '--svg', 'idle-svg').code, 0);
  const page = read('idle', 'report.html');
  checkPage(t, page);
  t.same(drawnIn(page).charts, []);
  t.notMatch(page, /Without a trace/, 'there is one, with nothing in it');
  t.same(readdirSync(join(folder, 'idle-svg')), []);
  t.end();
});

t.test('a trace with more connections than are followed', async (t) => {
  writeMade('many');
  const lines: string[] = [];
  for (let i = 0; i < 2000; i++) {
    const t = i * 4e6;
    const ack = { event: 'ack', cwnd: 10, ssthresh: null, inFlight: 5, srtt: 1e6, pacing: null };
    const flow = `web#${i}`;
    lines.push(JSON.stringify({ t, flow, ...ack, retrans: 0 }));
    lines.push(JSON.stringify({ t: t + 1e6, flow, ...ack, event: 'ended', retrans: 0 }));
  }
  appendFileSync(join(folder, 'many', 'trace.jsonl'), `${lines.join('\n')}\n`);
  const run = await readRun(join(folder, 'many'), 'many', 10e9);
  t.equal(run.flows.length, 256);
  t.equal(run.unfollowed, 2001 - 256);
  t.ok(
    run.flows.some(({ name }) => name === 'two'),
    'one that goes on stays',
  );
  const cwnd = chartsOf(run).find(({ id }) => id === 'cwnd')!;
  t.equal(cwnd.series.length, 40);
  t.equal(cwnd.hidden, 256 - 40);
  t.end();
});

t.test('files that were left in the middle, or are no run’s, are named', (t) => {
  const trace = read('run', 'trace.jsonl');
  const lines = trace.split('\n').length - 1;
  mkdirSync(join(folder, 'cut'));
  writeFileSync(join(folder, 'cut', 'summary.json'), read('run', 'summary.json'));
  writeFileSync(join(folder, 'cut', 'trace.jsonl'), trace.slice(0, -20));
  const cut = ringway('report', 'cut');
  t.equal(cut.code, 2);
  t.match(cut.err, `ringway report: ${join('cut', 'trace.jsonl')}:${lines}: `);
  // What a later version may write is passed over.
  writeFileSync(join(folder, 'cut', 'trace.jsonl'), `${trace}null\n[]\n{"t":1,"other":2}\n`);
  t.equal(ringway('report', 'cut').code, 0);
  for (const text of ['{', '{}', 'null', '[]', '{"flows":[],"groups":[],"links":null}']) {
    writeFileSync(join(folder, 'cut', 'summary.json'), text);
    const { code, err } = ringway('report', 'cut');
    t.equal(code, 2, text);
    t.match(err, `ringway report: ${join('cut', 'summary.json')}: `);
  }
  t.end();
});

t.test('round numbers on axes', (t) => {
  t.same(ticks(0, 10), [0, 2, 4, 6, 8, 10]);
  t.same(ticks(0, 0.3), [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
  t.same(ticks(0, 131), [0, 20, 40, 60, 80, 100, 120]);
  t.same(logTicks(0.9, 60), [1, 2, 5, 10, 20, 50]);
  t.same(logTicks(1, 1e6), [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
  t.same([0, 0.05, 1200, 25_000, 3e6, 2e-5].map(tickText), [
    '0',
    '0.05',
    '1200',
    '25k',
    '3M',
    '2e−5',
  ]);
  t.end();
});
