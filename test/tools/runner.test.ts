/** The test runner's own parts: counting, requirements, leftovers, and the allocation gate's verdict. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import t from 'tap';
import { judge } from '../../bench/alloc.ts';
import { Programs } from '../../tools/dev/container/programs.ts';
import { killAll, markedProcesses, RUN_MARK } from '../../tools/dev/leftovers.ts';
import {
  aptLine,
  DEBIAN_PACKAGE,
  packagesFor,
  TEST_PROGRAMS,
} from '../../tools/dev/requirements.ts';
import { runNode } from '../../tools/dev/run-child.ts';
import { TapCounts } from '../../tools/dev/tap-counts.ts';
import { conclusion } from '../../tools/dev/test.ts';
import { requires } from '../support/requires.ts';

function counted(...lines: string[]): TapCounts {
  const counts = new TapCounts();
  for (const line of lines.join('\n').split('\n')) counts.line(line);
  return counts;
}

const numbers = ({ passed, failed, skipped }: TapCounts): number[] => [passed, failed, skipped];

t.test('assertions are counted once, not again in the subtests around them', (t) => {
  const counts = counted(`TAP version 14
# Subtest: test/a.test.ts
    # Subtest: outer
        ok 1 - one
        # Subtest: inner
            not ok 1 - two
              ---
              ok 9 - not a result, but diagnostics
              ...
            ok 2 - three
            1..2
        not ok 2 - inner # time=16.07ms
        ok 3 - four # SKIP needs root
        1..3
    not ok 1 - outer # time=21.705ms
    1..1
not ok 1 - test/a.test.ts # time=34.69ms
# Subtest: test/b.test.ts
    ok 1 - five
    1..1
ok 2 - test/b.test.ts # time=1ms
1..2`);
  t.strictSame(numbers(counts), [3, 1, 1]);
  t.strictSame(counts.failures, [
    {
      name: 'test/a.test.ts > outer > inner > two',
      diagnostics: ['              ok 9 - not a result, but diagnostics'],
    },
  ]);
  t.strictSame(counts.skips, [{ name: 'test/a.test.ts > outer > four', reason: 'needs root' }]);
  t.strictSame(
    counts.files.map((f) => [f.name, f.isOk, f.passed, f.failed, f.skipped, f.seconds]),
    [
      ['test/a.test.ts', false, 2, 1, 1, 0.03469],
      ['test/b.test.ts', true, 1, 0, 0, 0.001],
    ],
  );
  t.end();
});

const FILE = '# Subtest: test/c.test.ts\n';
const CASES: readonly [string, string, number[]][] = [
  [
    'a process that was killed after it passed something',
    `${FILE}    ok 1 - one\n    # test count(1) != plan(null)\nnot ok 4 - test/c.test.ts # time=6ms\n  ---\n  signal: SIGKILL\n  ...`,
    [1, 1, 0],
  ],
  [
    'a file in which nothing ran',
    `${FILE}    1..0 # no tests found\nok 2 - test/c.test.ts # SKIP no tests found`,
    [0, 1, 0],
  ],
  [
    'a file that was skipped as a whole',
    `${FILE}    1..0 # needs root\nok 1 - test/c.test.ts # SKIP needs root`,
    [0, 0, 1],
  ],
  ['a test that is left to do', `ok 1 - ${'to'}do # ${'TO'}DO later`, [0, 0, 1]],
  [
    'a subtest that failed without a failed assertion, beside one that passed',
    '# Subtest: x\n    ok 1 - fine\n    # Subtest: late\n        ok 1 - fine\n        1..1\n    not ok 2 - late\n    1..2\nnot ok 1 - x',
    [2, 1, 0],
  ],
  ['what a test prints', 'okay\nok? no\n  ok 1 - odd indentation\nnotok 2', [0, 0, 0]],
];

for (const [what, tap, expected] of CASES) {
  t.test(`counting: ${what}`, (t) => {
    t.strictSame(numbers(counted(tap)), expected);
    t.end();
  });
}

const HOWS: readonly [string, string[], string, number[]][] = [
  ['passed', ['ok 1 - one', '1..1'], '', [1, 0, 0]],
  ['failed', ['not ok 1 - one', '1..1'], 'ended with 1', [0, 1, 0]],
  ['was killed after it passed something', ['ok 1 - one'], 'ended with SIGKILL', [1, 1, 0]],
  ['was killed at once', [], 'ended with SIGSEGV', [0, 1, 0]],
  ['ran nothing', ['TAP version 14'], '', [0, 1, 0]],
  ['said nothing', [], '', [0, 1, 0]],
  ['was skipped as a whole', ['1..0 # needs root'], '', [0, 0, 1]],
  ['found no tests', ['1..0 # no tests found'], '', [0, 1, 0]],
  ['took too long', ['ok 1 - one'], 'not done after 300 s', [1, 1, 0]],
];

for (const [what, output, how, expected] of HOWS) {
  t.test(`a test file that ${what}`, (t) => {
    const body = output.map((line) => `    ${line}`);
    const tap = ['# Subtest: x.test.ts', ...body, ...conclusion('x.test.ts', body, how, 1)];
    t.strictSame(numbers(counted(...tap)), expected);
    t.end();
  });
}

t.test('a child that does not end is ended, with what it started', async (t) => {
  const mark = randomUUID();
  const lines: string[] = [];
  const script =
    "require('node:child_process').spawn('sleep', ['60']); console.log('up'); setInterval(() => 1, 1e6)";
  const how = await runNode(['-e', script], {
    cwd: '.',
    env: { ...process.env, [RUN_MARK]: mark },
    limitMs: 1500,
    onLine: (line) => lines.push(line),
  });
  t.equal(how, 'not done after 2 s');
  t.strictSame(lines, ['up']);
  t.strictSame(markedProcesses(mark), []);
});

t.test('what a test requires and the machine lacks is named, with the line to type', (t) => {
  t.equal(requires({}), false);
  t.equal(requires({ programs: ['node'] }), false, 'what is there is not missed');
  const reason = requires({ programs: ['no-such-program-1', 'no-such-program-2'] });
  t.match(
    reason,
    /no-such-program-1, no-such-program-2: apt-get install .*no-such-program-1 no-such/,
  );
  const asRoot = requires({ root: true });
  t.equal(asRoot !== false, process.getuid?.() !== 0, String(asRoot));
  t.end();
});

t.test('every program that tests use has its Debian package', (t) => {
  for (const program of TEST_PROGRAMS) t.ok(DEBIAN_PACKAGE[program], program);
  t.strictSame(packagesFor(['ip', 'ss', 'ping']), ['iproute2', 'iputils-ping'], 'each one once');
  t.match(aptLine(['ping']), /^apt-get install --no-install-recommends iputils-ping$/);
  t.end();
});

t.test('a process that outlives its parent is found by its mark, and stopped', async (t) => {
  const mark = randomUUID();
  const child = spawn('sleep', ['60'], {
    detached: true,
    env: { ...process.env, [RUN_MARK]: mark },
    stdio: 'ignore',
  });
  await once(child, 'spawn');
  const found = markedProcesses(mark);
  t.strictSame(
    found.map(({ pid }) => pid),
    [child.pid],
  );
  t.match(found[0]?.command, /sleep 60/);
  t.strictSame(markedProcesses(randomUUID()), [], 'and no other');
  const exit = once(child, 'exit');
  killAll(found);
  t.strictSame(await exit, [null, 'SIGKILL']);
  t.strictSame(markedProcesses(mark), []);
});

t.test('the allocation gate', (t) => {
  const plain = { name: 'x', packetsPerCall: 1, build: () => () => undefined };
  const control = { ...plain, makesBytes: 16 };
  const seen = (bytesPerPacket: number, packets = 420_000) => ({
    bytesPerPacket,
    packets,
    worstChunk: bytesPerPacket,
  });
  t.equal(judge(plain, seen(0)), null);
  t.match(judge(plain, seen(0.16)), /0.16 bytes/, 'one small object in a hundred packets');
  t.match(judge(plain, seen(Infinity)), /Infinity/);
  t.match(judge(plain, seen(0, 1000)), /only 1000 packets/);
  t.equal(judge(control, seen(16.01)), null);
  t.match(judge(control, seen(0)), /16 bytes were made/, 'a blind gate fails its control');
  t.match(judge(control, seen(32)), /16 bytes were made/, 'and so does one that sees double');
  t.end();
});

t.test('the container test is stopped: what runs is killed, what cleans up goes on', async (t) => {
  const programs = new Programs();
  const [checked, cleaning] = [
    programs.run(['sleep', '60']),
    programs.runAlways(['sh', '-c', 'sleep 0.2; echo clean']),
  ];
  programs.stop();
  t.match(await checked, { status: -1 });
  t.match(await cleaning, { status: 0, output: 'clean\n' });
  await t.rejects(programs.run(['true']), /stopped/);
  t.match(await programs.runAlways(['true']), { status: 0 });
});
