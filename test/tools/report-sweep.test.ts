/** `ringway report` over a sweep: a made-up one whose figures are worked out by hand. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ringwayIn, type Said } from '../support/ringway-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-report-sweep-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const report = (...args: readonly string[]): Said => ringwayIn(folder, 'report', ...args);

const read = (...names: string[]): string => readFileSync(join(folder, ...names), 'utf8');

/** Of a run with one group, or two of which the second completes things. */
function summary(goodput: number, rttMs: number, convergedS: number | null): object {
  const rtt = { least: 1e6, p50: rttMs * 1e6, p90: 2e6, p95: 2 * rttMs * 1e6, p99: 3e6 };
  const plain = { ccs: ['x'], flows: 1, delivered: 1, sent: 200, retransmitted: 1, failed: 0 };
  const none = { completed: 0, completion: null, slowdown: null, completions: [] };
  const epoch = { fromNs: 0, toNs: 10e9, flows: 2, jain: [1], convergenceFairness: 1 };
  const convergenceNs = convergedS === null ? null : convergedS * 1e9;
  return {
    ...{ name: 'made <script>', seed: 1, durationNs: 10e9, frames: 1, jain: 0.75, harm: null },
    ...{ faults: [], expectations: [], flows: [] },
    links: [
      { name: 'a>b', delivered: 1, utilization: 0.5, dropped: 0, lost: 0 },
      { name: 'b>a', delivered: 1, utilization: null, dropped: 0, lost: 0 },
    ],
    groups: [{ name: 'it', goodput, rtt, ...plain, ...none }],
    fairness: { windowNs: 1e9, threshold: 0.95, epochs: [{ ...epoch, convergenceNs }] },
  };
}

interface Made {
  readonly changes: object;
  readonly seed: number;
  readonly summary?: object;
  readonly error?: string;
}

function write(name: string, runs: readonly Made[]): void {
  mkdirSync(join(folder, name, 'cells'), { recursive: true });
  const entries = runs.map(({ changes, seed, summary, error }, i) => {
    const cell = `cells/${i}.json`;
    if (summary !== undefined)
      writeFileSync(join(folder, name, cell), JSON.stringify({ ...summary, seed }));
    return { changes, seed, cell, ...(error === undefined ? { harm: null } : { error }) };
  });
  writeFileSync(join(folder, name, 'sweep.json'), JSON.stringify(entries));
}

/** Of what stands in a page: its tables' rows, without markup. */
function rowsIn(page: string): readonly (readonly string[])[] {
  return [...page.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, text]) =>
      text!.replaceAll(/<[^>]*>/g, ''),
    ),
  );
}

const MODULES = ['cubic', '<script>'];
const BUFFERS = ['400 kB', '25 kB', '100 kB'];

t.test('medians, intervals, and where they are drawn', (t) => {
  const runs = MODULES.flatMap((cc, m) =>
    BUFFERS.flatMap((bytes, b) =>
      [0, 1, 2].map((i) => {
        const changes = { 'flows.0.cc': cc, 'link.queue.bytes': bytes, seeded: 1 };
        const never = m === 1 && i < 2;
        return {
          ...{ changes, seed: i + 1 },
          summary: summary((m + 1) * 1e6 + i * 100_000, 10 * (b + 1) + i, never ? null : i + 1),
        };
      }),
    ),
  );
  const failed = { changes: { 'flows.0.cc': 'bad' }, seed: 1, error: 'it <b>broke</b>' };
  write('made', [...runs, failed]);
  const { code, err, out } = report('made', '--svg', 'svg');
  t.equal(err, '');
  t.equal(code, 0);
  const ids = ['goodput', 'rtt50', 'scatter', 'rtt95', 'retrans', 'jain', 'convergence'];
  t.same(out.trimEnd().split('\n'), [
    join('made', 'report.html'),
    ...[...ids, 'utilization'].map((id) => join('svg', `${id}.svg`)),
  ]);
  const page = read('made', 'report.html');
  t.match(page, '<h1>made &#60;script&#62;: a sweep</h1>');
  t.match(page, 'it &#60;b&#62;broke');
  t.notMatch(page, /(src|href)=|url\(|@import|fetch\(/, 'it asks nothing of any network');
  t.equal(page.split('<script>').length, 3);
  t.notMatch(page.replaceAll(/<script>.*?<\/script>/gs, ''), /NaN|undefined|Infinity/);
  const rows = rowsIn(page);
  t.same(rows[0], [
    ...['flows 0 cc', 'queue bytes', 'group', 'module', 'runs', 'Goodput', 'Median round trip'],
    ...['Round trip, 95 %', 'Segments retransmitted', 'Jain&#39;s index, 2nd half'],
    ...['Convergence time', 'Of the busiest link used'],
  ]);
  // Of three values the interval is all of their range: two draws of the least are no rarity.
  t.same(rows[1], [
    ...['cubic', '400 kB', 'it', 'x', '3', '1.10 Mbit/s 1.00 Mbit/s – 1.20 Mbit/s'],
    ...['11.0 ms 10.0 ms – 12.0 ms', '22.0 ms 20.0 ms – 24.0 ms', '0.50 %', '0.750'],
    ...['2.00 s 1.00 s – 3.00 s', '50.00 %'],
  ]);
  t.equal(rows[4]![10], 'not 3.00 s – not', 'most never converged');
  t.match(page, 'Most with &#60;script&#62; at 3 of 3 points.');
  t.match(page, 'Not converged at 3 of 6 points.');
  // 25, 100 and 400 kB are as far apart, in this order, on an axis of powers; 64 to 604 with 7 % of 2 octaves' room.
  const goodput = read('svg', 'goodput.svg');
  const [, path] = /class="line s0" d="M([^"]*)"/.exec(goodput)!;
  const points = path!.split('L').map((p) => p.split(' ').map(Number) as [number, number]);
  t.equal(points.length, 3);
  const [a, b, c] = points as [[number, number], [number, number], [number, number]];
  t.ok(Math.abs(b[0] - a[0] - (c[0] - b[0])) < 0.2, `${a[0]} ${b[0]} ${c[0]}`);
  // 1.1 of 2.2 · 1.08 Mbit/s, from 276 up to 12.
  t.equal(a[1], Number((276 - (264 * 1.1) / (2.2 * 1.08)).toFixed(1)));
  t.match(goodput, '<title>cubic: 1.10 Mbit/s (1.00 Mbit/s to 1.20 Mbit/s), 3 runs</title>');
  t.match(read('svg', 'scatter.svg'), /<ellipse /, 'seeds differ');
  for (const name of readdirSync(join(folder, 'svg')))
    t.notMatch(read('svg', name), /NaN|Infinity|undefined|<script|<b>/, name);
  t.equal(report('made', '--out', 'again.html').code, 0);
  t.equal(read('again.html'), page, 'the same bytes again');
  t.end();
});

t.test('one chart for each combination of what else differs', (t) => {
  const runs = ['1 %', '2 %'].flatMap((loss) =>
    [10, 20, 30].map((rate) => ({
      ...{ changes: { loss, 'link.rate': `${rate} Mbit/s` }, seed: 1 },
      summary: summary(rate * 1e5, 10, 1),
    })),
  );
  write('facets', runs);
  t.equal(report('facets', '--svg', 'facets-svg').code, 0);
  const goodput = read('facets-svg', 'goodput.svg');
  t.match(goodput, 'loss 1 %<title>');
  t.match(goodput, 'loss 2 %<title>');
  t.match(goodput, '>link rate, Mbit/s</text>');
  t.equal(goodput.split('class="line s0"').length, 3);
  t.notMatch(goodput, /class="whisker/, 'one seed has no interval');
  t.end();
});

t.test('between names there is no line', (t) => {
  const runs = ['cubic', 'reno'].map((cc, i) => ({
    ...{ changes: { 'flows.0.cc': cc }, seed: 1, summary: summary(1e6 * (i + 1), 10, 1) },
  }));
  write('names', runs);
  t.equal(report('names', '--svg', 'names-svg').code, 0);
  const goodput = read('names-svg', 'goodput.svg');
  t.match(goodput, '>reno</text>');
  t.notMatch(goodput, /class="line s0" d/);
  t.match(goodput, /class="dot f1"/, 'a colour for each');
  t.equal(goodput.split('<circle').length, 3);
  t.end();
});

t.test('sweeps that cannot be shown', (t) => {
  write('failed', [{ changes: {}, seed: 1, error: 'all broke' }]);
  for (const [args, wanted] of [
    [['failed'], /failed: no cell has results: seed 1: all broke/],
    [['made', 'facets'], /one sweep at a time/],
  ] as const) {
    const { code, err } = report(...args);
    t.equal(code, 2);
    t.match(err, wanted);
  }
  for (const text of ['{', '{}', '[null]', '[{"changes":{},"seed":1,"cell":"cells/none.json"}]']) {
    writeFileSync(join(folder, 'failed', 'sweep.json'), text);
    const { code, err } = report('failed');
    t.equal(code, 2, text);
    t.match(err, /^ringway report: failed\/(sweep|cells\/none)\.json: /);
  }
  t.end();
});
