/** The examples of docs/congestion-control.md compile, keep the laws, and do what the page says of them. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { gentle } from '../../examples/gentle.ts';
import { myFirst } from '../../examples/my-first-cc.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { builtinModules } from '../../src/cc/builtin.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import { cubic } from '../../src/cc/cubic.ts';
import { reno } from '../../src/cc/reno.ts';
import { obeysTheLaws } from './laws.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

t.test('the page shows the files as they are', (t) => {
  const page = readFileSync('docs/congestion-control.md', 'utf8');
  const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  const files = ['my-first-cc.ts', 'my-first-cc.test.ts', 'gentle.ts'];
  t.strictSame(
    blocks,
    files.map((name) => readFileSync(`examples/${name}`, 'utf8')),
  );
  t.end();
});

t.test('the page names files that are there', (t) => {
  const page = readFileSync('docs/congestion-control.md', 'utf8');
  const files = page.matchAll(/`((?:src|test|examples)\/[\w./-]+\.(?:ts|yaml))`/g);
  const names = new Set([...files].map((match) => match[1]!));
  t.ok(names.size >= 6, [...names].join(' '));
  names.delete('examples/my-cc.ts'); // the reader's own
  for (const name of names) t.doesNotThrow(() => readFileSync(name), name);
  t.end();
});

t.test('the example can be registered and keeps the laws', (t) => {
  const known = builtinModules();
  t.equal(known.register(gentle), 0);
  t.equal(known.mayChoose('gentle', false), 0);
  obeysTheLaws(t, { module: gentle, beta: 0.5 }, [cubic, reno]);
  t.end();
});

t.test('the one to begin with is short, and keeps the laws', (t) => {
  t.ok(readFileSync('examples/my-first-cc.ts', 'utf8').split('\n').length < 60);
  t.equal(builtinModules().register(myFirst), 0);
  obeysTheLaws(t, { module: myFirst, beta: 0.7 }, [cubic, reno]);
  t.end();
});

/** 100 Mbit/s, 40 ms, a buffer of four windows: share of the link, and the most that waited, after 10 s. */
function run(module: CcModule): { readonly used: number; readonly waited: number } {
  const rate = 100e6 / 8 / 1500;
  const bdp = rate * 0.04;
  const v = newView();
  const options = { rttNs: 40 * MS, rate, buffer: Math.floor(4 * bdp), isPaced: true };
  const model = new PathModel(v, module, options);
  model.runFor(10 * SEC);
  const before = v.delivered;
  model.peakQueue = 0;
  model.runFor(60 * SEC);
  return { used: (v.delivered - before) / (60 * rate), waited: model.peakQueue };
}

t.test('it fills the link and keeps six pieces waiting, where cubic fills the buffer', (t) => {
  const ours = run(gentle);
  t.ok(ours.used > 0.98, `${(100 * ours.used).toFixed(1)} % of the link`);
  t.ok(ours.waited <= 6, `${ours.waited} pieces waited`);
  const linux = run(cubic);
  t.ok(linux.used > 0.98, `cubic: ${(100 * linux.used).toFixed(1)} %`);
  t.ok(linux.waited > 1000, `cubic: ${linux.waited} pieces waited`);
  t.end();
});
