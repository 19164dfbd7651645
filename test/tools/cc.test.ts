/** `ringway up --cc` and `ringway cc`, as a user types them. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { ccCommand } from '../../tools/command/cc.ts';
import type { Command } from '../../tools/command/command.ts';
import { COMMON_OPTIONS, parseOptions } from '../../tools/command/options.ts';
import { upCommand } from '../../tools/command/up.ts';
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
  const refused = await place.run('up', '--memory', ...ADDRESSES, '--cc', './none.mts');
  t.equal(refused.code, 2);
  t.match(refused.err, /^ringway up: .*none\.mts: /);
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
  t.equal(
    await run('cc', 'reload', 'mine', '--live'),
    '0 mine: version 3; connections that have changed to it: 0\n',
  );
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
  up.child.kill('SIGTERM');
  t.equal(await up.ended, 0);
});

t.test('words that make no sense', async (t) => {
  const run = (command: Command, line: string) =>
    command.run(parseOptions([...command.options, ...COMMON_OPTIONS], line.split(' ')));
  for (const line of ['list x', 'load', 'load a b', 'reload', 'x', '--live', 'list --default']) {
    await t.rejects(run(ccCommand, line), { code: 'ERR_USAGE' }, line);
  }
  const up = `--memory ${ADDRESSES.join(' ')}`;
  for (const [line, why] of [
    ['--cc none', /^--cc none: there is cubic, reno, /],
    ['--cc reno --cc-watch x', /^--cc-watch: x is none of new, live, off$/],
    ['--http 0', /^--http: 0 is no port$/],
  ] as const) {
    await t.rejects(run(upCommand, `${up} ${line}`), { name: 'Failure', message: why }, line);
  }
});
