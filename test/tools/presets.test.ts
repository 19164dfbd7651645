/**
 * The presets of examples/: each is read, each is run, and what it expects is so; what is not, by a published bound, is
 * named here. Long ones run for some seconds, and whole with LONG=1.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SEC } from '../../src/base/time.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import { runAndSummarize } from '../../src/sim/experiment/summary.ts';
import { outcomeText } from '../../tools/command/expect-text.ts';
import { loadScenario } from '../../tools/command/scenario-file.ts';
import { cellsAreRead } from '../support/sweep-cells.ts';

const FOLDERS = ['bbr-draft', 'ns3', 'nsperf', 'rfc9743'];
const isLong = process.env.LONG === '1';

interface Note {
  /** As `ringway sim` tells them. */
  readonly missed?: readonly RegExp[];
  /** Without LONG=1 only so much of it. */
  readonly seconds?: number;
}

const NOTES: Readonly<Record<string, Note>> = {
  'ns3/dctcp-80ms.yaml': {
    missed: [
      /goodput every 200 ms 47\.5 .*: 47\.\d Mbit\/s to 48\.2 Mbit\/s$/,
      /alpha 15\.36 to 25\.6, .*: 0 to 4\d$/,
    ],
  },
  'nsperf/bufferbloat.yaml': { seconds: 15 },
  'nsperf/coexist.yaml': { seconds: 20 },
  'nsperf/random-loss.yaml': { seconds: 10 },
  'nsperf/shallow.yaml': { seconds: 12 },
  'rfc9743/against-cubic.yaml': { seconds: 45 },
  'rfc9743/against-reno.yaml': { seconds: 45 },
  'rfc9743/fairness-within.yaml': { seconds: 75 },
};

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join('examples', folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${folder}/${name}`),
);
const isSweep = (name: string): boolean => name.endsWith('-sweep.yaml');

t.test('each test case of the BBR draft is a preset', (t) => {
  const text = (path: string) => readFileSync(path, 'utf8');
  const cases = ['cases', 'paths'].flatMap((part) =>
    [...text(`test/cc/bbr3-draft-${part}.test.ts`).matchAll(/^ {4}title: '([^:']+)/gm)].map(
      (m) => m[1],
    ),
  );
  const presets = files
    .filter((name) => name.startsWith('bbr-draft/'))
    .map((name) => /^# The test case "([^"]+)"/.exec(text(join('examples', name)))?.[1]);
  t.equal(new Set(cases).size, 22);
  t.same(new Set(presets), new Set(cases));
  t.end();
});

for (const name of files.filter((file) => !isSweep(file))) {
  t.test(name, async (t) => {
    const { missed = [], seconds = Infinity } = NOTES[name] ?? {};
    const { scenario, modules } = await loadScenario(join('examples', name), name);
    t.ok(scenario.expect !== undefined, 'it says what to expect');
    const durationNs = isLong ? scenario.durationNs : Math.min(scenario.durationNs, seconds * SEC);
    const x = new Experiment({ ...scenario, durationNs }, { modules });
    const meters = new Meters(x.flows);
    for (const { tcp } of x.stacks) tcp.watch.add(meters);
    const { expectations, faults } = runAndSummarize(x, meters);
    x.end();
    t.same(faults, []);
    t.ok(expectations.some(({ isMet }) => isMet !== null));
    const wrong = expectations.filter(({ isMet }) => isMet === false).map(outcomeText);
    t.equal(wrong.length, missed.length, wrong.join('\n'));
    for (const [i, text] of missed.entries()) t.match(wrong[i], text);
  });
}

for (const name of files.filter(isSweep)) {
  t.test(name, (t) => cellsAreRead(t, name));
}
