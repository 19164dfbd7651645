/** `ringway up --cc` and `ringway cc`, as a user types them. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { requires } from '../support/requires.ts';
import { ADDRESSES, Place } from './command-place.ts';

const skip = requires({ addon: true });
t.setTimeout(600_000);

const text = (name: string): string => `
import { reno } from '${resolve('src/cc/reno.ts')}';
export default { ...reno, name: '${name}' };
`;

t.test('up --cc, cc, sysctl', { skip }, async (t) => {
  const place = new Place(t);
  const file = (name: string): string => {
    const path = join(place.folder, `${name}.mts`);
    writeFileSync(path, text(name));
    return path;
  };
  for (const [args, code, why] of [
    [['--cc', './none.mts'], 2, /^ringway up: .*none\.mts: /],
    [['--cc', 'none'], 2, /^ringway up: --cc none: there is cubic, reno, .*\n$/],
    [['--cc', 'reno', '--cc-watch', 'x'], 2, /--cc-watch: x is none of new, live, off\n$/],
    [['--http', '0'], 2, /--http: 0 is no port\n$/],
  ] as const) {
    const ended = await place.run('up', '--memory', ...ADDRESSES, ...args);
    t.equal(ended.code, code, args.join(' '));
    t.match(ended.err, why);
  }
  file('mine');
  file('other');
  file('third');
  const words = ['--cc', './mine.mts', '--cc', 'bbr', '--cc', './other.mts', '--cc-watch', 'off'];
  const up = await place.up(['--memory', ...ADDRESSES, ...words]);
  const run = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await place.run(...args);
    return `${code} ${out}${err}`;
  };
  const names = 'net.ipv4.tcp_congestion_control';
  t.equal(await run('sysctl', names), `0 ${names} = mine\n`);
  t.equal(
    await run('cc'),
    [
      '0   cubic           0',
      '  reno            0',
      '  bbr             0',
      '  bbr3            0',
      '  dctcp           0',
      '  vegas           0',
      '* mine            0  mine.mts, version 1',
      '  other           0  other.mts, version 1',
      '',
    ].join('\n'),
  );
  t.equal(await run('cc', 'reload', 'mine'), '0 mine: version 2\n');
  t.equal(await run('cc', 'reload', 'mine', '--live'), '0 mine: version 3, 0 connections\n');
  t.match(await run('cc', 'reload', 'cubic'), /^3 ringway cc: no module of a user's is named/);
  t.equal(await run('cc', 'load', 'third.mts'), '0   third           0  third.mts, version 1\n');
  t.match(await run('cc', 'load', 'third.mts'), /^3 .*"third" is the name of the module in /);
  t.equal(await run('sysctl', '-w', `${names}=third`), `0 ${names} = third\n`);
  writeFileSync(join(place.folder, 'third.mts'), 'const = 1;');
  t.match(await run('cc', 'reload', 'third'), /^3 ringway cc: .*third\.mts: /);
  t.match(
    await run('cc', 'list'),
    /^\* third {11}0 {2}third\.mts, version 1; not loaded as it is/m,
  );
  t.match(
    ((await place.json('cc', '-j')) as object[]).find((v) => 'error' in v),
    { name: 'third', isDefault: true, isAllowed: true, connections: 0, version: 1, faults: 0 },
  );
  for (const wrong of ['list x', 'load', 'load a b', 'reload', 'x', '--live', 'list --default']) {
    t.match(await run('cc', ...wrong.split(' ')), /^2 ringway cc: /, wrong);
  }
  up.child.kill('SIGTERM');
  t.equal(await up.ended, 0);
});
