/** `ringway sysctl`, against what sysctl(8) of procps-ng 4.0 prints and returns. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requires } from '../support/requires.ts';
import { ADDRESSES, Place } from './command-place.ts';

const skip = requires({ addon: true });
t.setTimeout(600_000);

const UNKNOWN = (path: string): string =>
  `sysctl: cannot stat /proc/sys/${path}: No such file or directory\n`;
const INVALID = (key: string): string => `sysctl: setting key "${key}": Invalid argument\n`;
const FIN = 'net.ipv4.tcp_fin_timeout';

/** Words, exit code, stdout, stderr: in order, as each finds what those before have set. */
const CASES: readonly (readonly [readonly string[], number, string, string])[] = [
  [[FIN], 0, `${FIN} = 60\n`, ''],
  [['net/ipv4/tcp_fin_timeout'], 0, `${FIN} = 60\n`, ''],
  [['-w', 'net/ipv4/tcp_fin_timeout=51'], 0, `${FIN} = 51\n`, ''],
  [[`${FIN}=52`], 0, `${FIN} = 52\n`, ''],
  [['-w', `${FIN} = 53`], 0, `${FIN} = 53\n`, ''],
  [
    ['-w', 'net.ipv4.tcp_rmem=4096 131072 6291456'],
    0,
    'net.ipv4.tcp_rmem = 4096 131072 6291456\n',
    '',
  ],
  [['net.ipv4.tcp_rmem'], 0, 'net.ipv4.tcp_rmem = 4096\t131072\t6291456\n', ''],
  [['-n', FIN], 0, '53\n', ''],
  [['-N', FIN], 0, `${FIN}\n`, ''],
  [['-qw', `${FIN}=54`], 0, '', ''],
  [['-n', FIN], 0, '54\n', ''],
  [
    ['net.ipv4.nosuch', 'net.ipv4.tcp_sack'],
    1,
    'net.ipv4.tcp_sack = 1\n',
    UNKNOWN('net/ipv4/nosuch'),
  ],
  [['-e', 'net.ipv4.nosuch', 'net.ipv4.tcp_sack'], 0, 'net.ipv4.tcp_sack = 1\n', ''],
  [['-w', `${FIN}=abc`], 1, '', INVALID(FIN)],
  [['-w', `${FIN}=`], 1, '', INVALID(FIN)],
  [['-w', 'net.ipv4.neigh=3'], 1, '', INVALID('net.ipv4.neigh')],
  [['-w', FIN], 1, '', 'sysctl: command line(0): invalid syntax, continuing...\n'],
  [['-w', 'net.ipv4.nosuch=1', `${FIN}=55`], 1, `${FIN} = 55\n`, UNKNOWN('net/ipv4/nosuch')],
  [
    ['-w', 'net.ipv4.tcp_congestion_control=nosuch'],
    1,
    '',
    'sysctl: setting key "net.ipv4.tcp_congestion_control": No such file or directory\n',
  ],
  [
    ['-w', 'net.ipv4.tcp_available_congestion_control=reno'],
    1,
    '',
    'sysctl: setting key "net.ipv4.tcp_available_congestion_control": Permission denied\n',
  ],
  [['-a', '-r', 'tcp_fin'], 0, `${FIN} = 55\n`, ''],
  [
    ['-j', FIN, 'net.x'],
    1,
    `[{"name":"${FIN}","value":"55"},{"name":"net.x","error":"ENOENT"}]\n`,
    '',
  ],
  [
    ['-p', 'settings'],
    1,
    `${FIN} = 57\n`,
    `sysctl: settings(5): invalid syntax, continuing...\n${UNKNOWN('net/x')}`,
  ],
  [[], 2, '', 'ringway sysctl: which name? see ringway sysctl --help\n'],
  [['-nN', FIN], 2, '', 'ringway sysctl: --values and --names exclude each other\n'],
  [['-p', 'nosuch'], 2, '', 'ringway sysctl: cannot open "nosuch": No such file or directory\n'],
];

t.test(
  'values are read and set as sysctl(8) does, with its texts and exit codes',
  { skip },
  async (t) => {
    const place = new Place(t);
    await place.up(['--memory', ...ADDRESSES]);
    const file = `# a comment\n${FIN} = 57\n; another\n-net.y=1\nnonsense\n\nnet.x=1\n`;
    writeFileSync(join(place.folder, 'settings'), file);
    for (const [words, code, out, err] of CASES) {
      t.same(await place.run('sysctl', ...words), { code, out, err }, words.join(' '));
    }
    const branch = await place.run('sysctl', 'net.ipv4.neigh');
    t.match(branch.out, /^net\.ipv4\.neigh\.default\.base_reachable_time_ms = 30000\n/);
    t.notMatch(branch.out, /ipv6/);
    const all = (await place.run('sysctl', '-aN')).out.trim().split('\n');
    t.same(all, [...all].sort());
    t.ok(
      all.includes('net.core.somaxconn') &&
        all.includes('net.ipv6.icmp.ratelimit') &&
        all.includes(FIN),
    );
  },
);

t.test('what is set acts at once', { skip }, async (t) => {
  const place = new Place(t);
  await place.up(['--memory', ...ADDRESSES]);
  const ping = ['ping', '-c', '1', '-W', '0.5', '10.9.0.2'];
  t.equal((await place.run(...ping)).code, 0);
  await place.run('sysctl', '-w', 'net.ipv4.icmp_echo_ignore_all=1');
  t.equal((await place.run(...ping)).code, 1);
});
