/** The examples do what they say. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { requires } from '../support/requires.ts';

function run(file: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import=tsx', file], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return status === 0 ? stdout : `ended with ${status}: ${stderr}`;
}

t.test('virtual-ping: the same lines every time', async (t) => {
  const first = run('examples/virtual-ping.ts');
  t.match(first, /^seq 1: 1\.50\d ms\nseq 2: 1\.00\d ms\n/);
  t.match(first, /^seq \d+: lost$/m);
  t.match(first, /\n10 s of network, trace [0-9a-f]{16}\n$/);
  t.equal(run('examples/virtual-ping.ts'), first);
});

t.test('udp-echo: once around', { skip: requires({ addon: true }) }, async (t) => {
  t.equal(run('examples/udp-echo.ts'), 'echoed: once around\n');
});
