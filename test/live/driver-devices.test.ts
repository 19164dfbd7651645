import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ENETDOWN, ENODEV } from '../../src/base/errno.ts';
import { requires } from '../support/requires.ts';

const CHILD = fileURLToPath(new URL('device-child.ts', import.meta.url));

function observe(scenario: string): Record<string, unknown> {
  const args = ['--net', process.execPath, '--import=tsx', CHILD, scenario];
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${scenario} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const withTun = requires({ root: true, addon: true, tun: true });
const asRoot = requires({ root: true, addon: true });

t.test(
  'a TAP device that is deleted wakes the driver, which lets go of it',
  { skip: withTun },
  async (t) => {
    const seen = observe('tap');
    t.ok(Number(seen.received) > 0);
    t.equal(seen.isWoken, true);
    t.match(seen.gone, [
      { errno: ENODEV, isDetached: true, message: 'device tap7 is gone (ENODEV)' },
    ]);
    t.equal(seen.isUp, false);
  },
);

t.test('a packet socket follows its link down, up and away', { skip: asRoot }, async (t) => {
  const seen = observe('packet');
  t.match(seen.down, [{ errno: ENETDOWN, isDetached: false, message: /veth-b is down/ }]);
  t.match(seen.gone, { errno: ENODEV, isDetached: true, message: /veth-b is gone/ });
});

t.test(
  'a link that goes down under load: what waits is received, and it may come back',
  { skip: asRoot },
  async (t) => {
    const seen = observe('downWithFrames');
    t.match(seen.report, { errno: ENETDOWN, isDetached: false });
    t.equal(seen.received, 100);
  },
);

t.test(
  'frames that find no memory wait in the kernel, without a busy loop',
  { skip: withTun },
  async (t) => {
    const seen = observe('stalled');
    t.equal(seen.isCalm, true);
    t.equal(seen.whileStalled, 0);
  },
);
