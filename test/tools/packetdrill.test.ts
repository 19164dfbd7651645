/** `ringway packetdrill` as users run it: what it prints, and how it ends. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';

const folder = mkdtempSync(join(tmpdir(), 'ringway-packetdrill-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const UDP = '0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n+0 connect(3, ..., ...) = 0\n';
const SEND = `${UDP}+0 write(3, ..., 10) = 10\n`;
const SCRIPTS: Readonly<Record<string, string>> = {
  'a-good.pkt': `${SEND}+0 > udp (10)\n+5 < udp (3)\n`,
  'b-wrong.pkt': `${SEND}+0 > udp (11)\n`,
  'c-other.pkt': `${UDP}+0 \`reboot\`\n`,
  'd-broken.pkt': `${UDP}+0 write(3, ...\n`,
  'deep/only-v6.pkt': `${SEND}+0 > (flowlabel 0x0) udp (10)\n`,
  'deep/defined.pkt': `${UDP}+0 write(3, ..., SIZE) = SIZE\n+0 > udp (SIZE)\n`,
};
mkdirSync(join(folder, 'deep'));
for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(folder, name), text);

function packetdrill(...args: readonly string[]): {
  code: number | null;
  out: string;
  err: string;
} {
  const command = [resolve('bin/ringway.js'), 'packetdrill', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: folder,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
}

const GOOD = 'a-good.pkt: pass\n';
const WRONG = 'b-wrong.pkt:4: fail: length differs | expected > udp (11) | actual > udp (10)\n';

t.test('one line a script, then how many', async (t) => {
  const { code, out } = packetdrill('a-good.pkt', 'b-wrong.pkt', 'c-other.pkt');
  t.equal(
    out,
    `${GOOD}${WRONG}c-other.pkt:3: unsupported: command reboot\n1 passed, 1 failed, 1 unsupported\n`,
  );
  t.equal(code, 1);
});

t.test('what cannot be parsed is a failure with file and line', async (t) => {
  const { code, out } = packetdrill('d-broken.pkt');
  t.match(out, /^d-broken\.pkt:\d+: fail: .+\n0 passed, 1 failed, 0 unsupported\n$/);
  t.equal(code, 1);
});

t.test('a folder: scripts of the other family are left out', async (t) => {
  const four = packetdrill('-D', 'SIZE=12', 'deep');
  t.equal(four.out, 'deep/defined.pkt: pass\n1 passed, 0 failed, 0 unsupported\n');
  const six = packetdrill('--ip_version=ipv6', '--define=SIZE=12', 'deep');
  t.equal(
    six.out,
    'deep/defined.pkt: pass\ndeep/only-v6.pkt: pass\n2 passed, 0 failed, 0 unsupported\n',
  );
  t.equal(six.code, 0);
});

t.test('JSON, the same from one process and from several', async (t) => {
  const args = ['--json', 'a-good.pkt', 'b-wrong.pkt', 'c-other.pkt', 'd-broken.pkt'];
  const one = packetdrill(...args);
  const json = JSON.parse(one.out) as Record<string, unknown>;
  t.match(json, { passed: 1, failed: 2, unsupported: 1 });
  t.match(json.results, [
    { file: 'a-good.pkt', status: 'pass', seconds: 5 },
    { file: 'b-wrong.pkt', status: 'fail', line: 4, expected: '> udp (11)', actual: '> udp (10)' },
    { file: 'c-other.pkt', status: 'unsupported', line: 3, message: 'command reboot' },
    { file: 'd-broken.pkt', status: 'fail' },
  ]);
  const several = packetdrill('--jobs', '3', ...args);
  t.same(JSON.parse(several.out), json);
  t.equal(several.code, 1);
});

t.test('--verbose shows both sides one above the other', async (t) => {
  const { out } = packetdrill('-v', 'b-wrong.pkt');
  const lines = out.split('\n');
  t.equal(lines[0], 'b-wrong.pkt:4: fail: length differs');
  t.equal(lines[1], '    expected  > udp (11)');
  t.equal(lines[2], '    actual    > udp (10)');
});

t.test('a command line that makes no sense', async (t) => {
  for (const [args, what] of [
    [['nowhere.pkt'], /nowhere\.pkt does not exist/],
    [['--colour', 'a-good.pkt'], /unknown option --colour/],
    [['--mtu=12', 'a-good.pkt'], /--mtu wants a number from 68/],
    [['--jobs=0', 'a-good.pkt'], /--jobs/],
    [[], /which scripts/],
  ] as const) {
    const { code, out, err } = packetdrill(...args);
    t.match(err, what);
    t.same([code, out], [2, '']);
  }
});
