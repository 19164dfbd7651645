/** `ringway sweep`: results, what is not run again, and what fails. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { RINGWAY, ringwayIn, type Said } from '../support/ringway-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringway-sweep-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const sweep = (...args: readonly string[]): Said => ringwayIn(folder, 'sweep', ...args);

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const read = (...names: string[]): string => readFileSync(join(folder, ...names), 'utf8');

write(
  'base.yaml',
  `
duration: 1 s
topology: { kind: point-to-point, link: { rate: 5 Mbit/s, delay: 5 ms, loss: 0.001 } }
flows: [{ name: it, from: a, to: b }]
`,
);
write(
  'two.yaml',
  `
scenario: base.yaml
repeats: 2
grid:
  flows.0.cc: [cubic, reno]
`,
);

t.test('a table, a file for notebooks, and nothing twice', (t) => {
  const first = sweep('two.yaml', '--out', 'out', '--jobs', '2');
  t.equal(first.code, 0);
  t.match(first.err, /^4 to run, 2 at a time\n/);
  t.match(first.out, /^flows\.0\.cc +runs +flow +cc +goodput/);
  t.match(first.out, /^cubic +2 +it +cubic +[34]\.\d+ Mbit\/s/m);
  t.match(first.out, /^reno +2 +it +reno/m);
  const lines = read('out', 'flows.csv').trimEnd().split('\n');
  t.equal(lines.length, 5);
  t.match(lines[0], /^flows\.0\.cc,seed,flow,cc,goodput,/);
  t.same(
    lines.slice(1).map((line) => line.split(',').slice(0, 4).join(' ')),
    ['cubic 1 it cubic', 'cubic 2 it cubic', 'reno 1 it reno', 'reno 2 it reno'],
  );
  t.equal(readdirSync(join(folder, 'out', 'cells')).length, 4);
  const again = sweep('two.yaml', '--out', 'out');
  t.match(again.err, /^4 are there already; 0 to run/);
  t.equal(again.out, first.out);
  const [cell] = readdirSync(join(folder, 'out', 'cells'));
  write(join('out', 'cells', cell!), '{"name": "cut off');
  write('two.yaml', read('two.yaml').replace('reno]', 'reno, bbr]'));
  t.match(sweep('two.yaml', '--out', 'out').err, /^3 are there already; 3 to run/);
  t.end();
});

t.test('a cell that fails is told, and the rest runs', (t) => {
  write(
    'breaks.mts',
    `import { CongestionControl } from '${resolve('src/cc/congestion-control.ts')}';
class Breaks extends CongestionControl {
  override ssthresh() { return 2; }
  override congAvoid() { console.log(5); console.log('{"error": 1'); process.exit(7); }
}
export const breaks = { name: 'breaks', flags: 0, create: () => new Breaks() };
`,
  );
  write('bad.yaml', 'scenario: base.yaml\ngrid: { flows.0.cc: [./breaks.mts, cubic, reno] }\n');
  const { code, out } = sweep('bad.yaml', '--out', 'bad', '--jobs', '1');
  t.equal(code, 1);
  t.match(out, /^failed: \.\/breaks\.mts seed 1: the process ended with 7/m);
  t.match(out, /^cubic +1 +it/m);
  t.match(out, /^reno +1 +it/m);
  t.match(JSON.parse(read('bad', 'sweep.json'))[0].error, /ended with 7/);
  t.end();
});

t.test('a change in what a module imports runs its cells anew', (t) => {
  const base = resolve('examples/my-first-cc.ts');
  write('gain.mts', 'export const GAIN = 1;\n');
  write('steps.mts', "export { GAIN } from './gain.mjs';\nimport './steps.mts';\n");
  write(
    'own.mts',
    `import { GAIN } from './steps.mts';
import { myFirst } from '${base}';
export const own = { ...myFirst, name: \`own\${GAIN}\`.slice(0, 3) };
`,
  );
  write('own.yaml', 'scenario: base.yaml\ngrid: { flows.0.cc: [./own.mts, cubic] }\n');
  const begins = (): string => sweep('own.yaml', '--out', 'own').err.split('\n')[0]!;
  t.match(begins(), /^2 to run/);
  t.match(begins(), /^2 are there already; 0 to run/);
  write('gain.mts', 'export const GAIN = 2;\n');
  t.match(begins(), /^1 are there already; 1 to run/);
  t.end();
});

t.test('a cell that does not end within the limit has failed', (t) => {
  write(
    'loops.mts',
    `import { CongestionControl } from '${resolve('src/cc/congestion-control.ts')}';
class Loops extends CongestionControl {
  override ssthresh() { return 2; }
  override congAvoid() { for (;;); }
}
export const loops = { name: 'loops', flags: 0, create: () => new Loops() };
`,
  );
  write(
    'long.yaml',
    'scenario: base.yaml\nlimit: 6 s\ngrid: { flows.0.cc: [./loops.mts, reno] }\n',
  );
  const { code, out } = sweep('long.yaml', '--out', 'long', '--jobs', '1');
  t.equal(code, 1);
  t.match(out, /^failed: \.\/loops\.mts seed 1: not done after 6 s, the sweep's limit$/m);
  t.match(out, /^reno +1 +it/m);
  t.end();
});

t.test('what a scenario expects is counted over all cells', (t) => {
  write('hopeful.yaml', `${read('base.yaml')}expect: [{ goodput: { min: 3 Mbit/s } }]\n`);
  write(
    'hopes.yaml',
    'scenario: hopeful.yaml\ngrid: { topology.link.rate: [5 Mbit/s, 1 Mbit/s] }\n',
  );
  const { code, out } = sweep('hopes.yaml', '--out', 'hopes');
  t.equal(code, 1);
  t.match(
    out,
    /^1 Mbit\/s seed 1: MISSED all flows: goodput at least 3\.00 Mbit\/s: \d+ kbit\/s$/m,
  );
  t.match(out, /^1 of 2 expectations met$/m);
  const cells = JSON.parse(read('hopes', 'sweep.json'));
  t.equal(cells[0].missed, undefined);
  t.match(cells[1].missed, [/^MISSED all flows/]);
  t.equal(sweep('hopes.yaml', '--out', 'hopes').code, 1, 'from what is there, too');
  t.end();
});

t.test('groups of flows alone: each once, and what the others do to them', (t) => {
  write(
    'pair.yaml',
    read('base.yaml').replace(
      '[{ name: it, from: a, to: b }]',
      '[{ name: it, from: a, to: b }, { from: a, to: b, count: 2, group: rest, cc: reno }]\nexpect: [{ flow: it, goodput: { min: 1 bit/s } }]',
    ),
  );
  write('solo.yaml', 'scenario: pair.yaml\nsolo: true\ngrid: { flows.0.cc: [cubic, vegas] }\n');
  const { code, err, out } = sweep('solo.yaml', '--out', 'solo', '--jobs', '2');
  t.match(err, /^5 to run, 2 at a time\n/, 'the rest is the same alone beside either');
  t.equal(code, 0);
  t.match(out, /^flows\.0\.cc +harm by the others to +goodput +RTT 50 %/m);
  t.match(out, /^vegas +rest +-?\d\.\d{3}/m);
  const [cell] = JSON.parse(read('solo', 'sweep.json'));
  t.same(
    cell.harm.map(({ group }: { group: string }) => group),
    ['it', 'rest'],
  );
  const { alone, together, harm } = cell.harm[0].figures.goodput;
  t.equal(harm, Math.round((1e4 * (alone - together)) / alone) / 1e4);
  t.ok(harm > 0.2 && harm < 1);
  const lines = read('solo', 'groups.csv').trimEnd().split('\n');
  t.equal(lines.length, 5);
  t.match(lines[0], /^flows\.0\.cc,seed,group,ccs,flows,goodput,.*,harm_goodput,/);
  t.match(lines[2], /^cubic,1,rest,reno,2,/);
  t.match(sweep('solo.yaml', '--out', 'solo').err, /^5 are there already; 0 to run/);
  t.end();
});

t.test('after a kill it goes on where it was', async (t) => {
  write('many.yaml', 'scenario: base.yaml\nrepeats: 40\n');
  const child = spawn(
    process.execPath,
    [RINGWAY, 'sweep', 'many.yaml', '--out', 'many', '--jobs', '1'],
    {
      cwd: folder,
      stdio: 'ignore',
    },
  );
  const cells = () => readdirSync(join(folder, 'many', 'cells')).filter((n) => n.endsWith('.json'));
  for (let i = 0; i < 600; i++) {
    await new Promise((done) => setTimeout(done, 50));
    try {
      if (cells().length >= 3) break;
    } catch {
      // not begun
    }
  }
  child.kill('SIGKILL');
  await once(child, 'close');
  const had = cells().length;
  t.ok(had >= 3 && had < 40, `${had} cells before it was killed`);
  const { code, err } = sweep('many.yaml', '--out', 'many', '--jobs', '2');
  t.equal(code, 0);
  const [, known] = /^(\d+) are there already; \d+ to run/.exec(err) ?? [];
  t.ok(Number(known) >= had);
  t.equal(cells().length, 40);
});

t.test('results that cannot be written are the end of it, and of its processes', (t) => {
  write('full.yaml', 'scenario: base.yaml\nrepeats: 3\n');
  t.equal(sweep('full.yaml', '--out', 'full').code, 0);
  const cells = join(folder, 'full', 'cells');
  for (const name of readdirSync(cells)) {
    rmSync(join(cells, name));
    mkdirSync(join(cells, name)); // as good as a full disk
  }
  const { code, err } = sweep('full.yaml', '--out', 'full', '--jobs', '2');
  t.equal(code, 3);
  t.match(err, /^ringway sweep: .* \(EISDIR\)$/m);
  t.end();
});

t.test('the last seed that there is', (t) => {
  const last = Number.MAX_SAFE_INTEGER;
  write('last.yaml', `scenario: base.yaml\ngrid: { seed: [${last}] }\n`);
  const { code, err } = sweep('last.yaml', '--out', 'last');
  t.equal(code, 0, err);
  t.match(read('last', 'flows.csv'), `,${last},it,`);
  t.end();
});

t.test('what makes no sense', (t) => {
  for (const [text, wanted] of [
    ['scenario: base.yaml\ngrid: { flows.3.cc: [reno] }\n', /no place "flows\.3\.cc" to change/],
    ['scenario: base.yaml\ngrid: { flows.0.cc: [cubik] }\n', /no congestion control "cubik"/],
    [
      'scenario: base.yaml\ngrid: { flows.0.cc: reno }\n',
      /wrong\.yaml:2:21: grid\.flows\.0\.cc: a list, not "reno"/,
    ],
    ['grid: {}\n', /the field "scenario" is missing/],
    [
      'scenario: base.yaml\nrepeats: 300000\ngrid: { seed: [1, 2, 3, 4] }\n',
      /wrong\.yaml: 1200000 runs: 1000000 at most$/m,
    ],
    [
      'scenario: base.yaml\nrepeats: 3\ngrid: { seed: [9007199254740990] }\n',
      /base\.yaml: no 3 seeds from 9007199254740990 on$/m,
    ],
  ] as const) {
    write('wrong.yaml', text);
    const { code, err } = sweep('wrong.yaml', '--out', 'wrong');
    t.equal(code, 2);
    t.match(err, wanted);
  }
  t.match(sweep('two.yaml').err, /--out DIR/);
  t.end();
});
