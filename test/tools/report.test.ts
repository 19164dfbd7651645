/** `ringway report`: one file with everything in it, and SVG files. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { ticks } from '../../tools/report/svg.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-report-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

function ringway(...args: readonly string[]): { code: number | null; out: string; err: string } {
  const command = [resolve('bin/ringway.js'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

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

t.test('a run as a page and as SVG', (t) => {
  t.equal(ringway('sim', 'x.yaml', '--out', 'run').code, 0);
  const { code, out, err } = ringway('report', 'run', '--svg', 'svg');
  t.equal(err, '');
  t.equal(code, 0);
  const charts = ['goodput', 'cwnd', 'rtt', 'inflight', 'queue', 'drops', 'retrans', 'pacing'];
  t.same(out.trimEnd().split('\n'), [
    'run/report.html',
    ...charts.map((name) => join('svg', `${name}.svg`)),
  ]);
  const page = read('run', 'report.html');
  t.match(page, /<h1>&#60;\/script&#62;&#60;b&#62;bold &#38; &#34;quoted&#34;<\/h1>/);
  t.notMatch(page, /(src|href)=|url\(|@import|fetch\(/, 'it asks nothing of any network');
  t.equal(page.split('</script>').length, 3, 'two scripts, and nothing that ends one early');
  const [, data] = /const CHARTS = (\[.*?\]);\n/s.exec(page) ?? [];
  const drawn = JSON.parse(data!) as {
    id: string;
    series: { label: string; values: number[] }[];
  }[];
  t.same(
    drawn.map(({ id }) => id),
    charts.map((name) => `run0-${name}`),
  );
  const cwnd = drawn[1]!.series;
  t.same(
    cwnd.map(({ label }) => label),
    ['one', 'two', 'one ssthresh', 'two ssthresh'],
    'not the ends that only ask or answer',
  );
  t.ok(cwnd[0]!.values.every((v) => v === null || (v >= 1 && v < 200)));
  t.match(page, /<td>one<\/td><td>cubic<\/td>/);
  t.match(page, /<h3>Completion times<\/h3>/);
  for (const name of readdirSync(join(folder, 'svg'))) {
    const svg = read('svg', name);
    t.match(svg, /^<svg [^>]*>\n/);
    t.notMatch(svg, /NaN|Infinity|undefined/, name);
    t.equal(svg.split('<path').length - 1, svg.split('</text>').length - 1 - axisTexts(svg), name);
  }
  t.end();
});

/** The texts that are no names of lines. */
function axisTexts(svg: string): number {
  return svg.split('fill="#555"').length - 1 + 1;
}

t.test('several runs, laid over each other', (t) => {
  t.equal(ringway('sim', 'x.yaml', '--seed', '2', '--duration', '1', '--out', 'second').code, 0);
  const { code, err } = ringway('report', 'run', 'second', '--out', 'both.html', '--svg', 'both');
  t.equal(err, '');
  t.equal(code, 0);
  const page = read('both.html');
  t.match(page, /<h1>2 runs<\/h1>/);
  t.match(page, /<h2>All runs together<\/h2>/);
  t.match(page, /"label":"run: one"/);
  t.match(page, /"label":"second: one"/);
  t.ok(readdirSync(join(folder, 'both')).includes('second-cwnd.svg'));
  t.end();
});

t.test('a run without a trace has its tables; what is no run is refused', (t) => {
  writeFileSync(join(folder, 'plain.yaml'), read('x.yaml').replace(/trace:.*/, ''));
  t.equal(ringway('sim', 'plain.yaml', '--out', 'plain').code, 0);
  t.equal(ringway('report', 'plain').code, 0);
  t.match(read('plain', 'report.html'), /const CHARTS = \[\];/);
  const none = ringway('report', 'nowhere');
  t.equal(none.code, 2);
  t.match(none.err, /nowhere: no summary\.json/);
  t.equal(ringway('report').code, 2);
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
  for (const text of ['{', '{}', 'null', '[]']) {
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
  t.end();
});
