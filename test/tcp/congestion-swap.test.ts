/** Which module a connection has: by sysctl, listener, socket; and changing it while data flows. */
import t from 'tap';
import { ENOENT } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { TcpSettings } from '../../src/tcp/tcp-settings.ts';

import { goodput, PathRig } from './path-rig.ts';

const PATH = {
  rateBps: 50e6,
  delayNs: 10 * MS,
  queueBytes: 125_000, // one bandwidth-delay product
  superFrames: true,
};
const LINK = 50e6 / 8;

t.test('the default is cubic; the stack, a listener and a socket can choose', (t) => {
  const rig = new PathRig(PATH);
  const nameOf = (end: {
    connection: { congestion: { module: { name: string } } } | null;
  }): string => end.connection!.congestion.module.name;
  t.equal(nameOf(rig.open().near), 'cubic');
  t.equal(rig.client.tcp.ccModules.setDefault('reno'), 0);
  t.equal(nameOf(rig.open().near), 'reno', 'tcp_congestion_control');
  t.equal(nameOf(rig.open({ congestion: 'bbr' }).near), 'bbr', 'TCP_CONGESTION');
  const settings = new TcpSettings();
  settings.change({ congestion: 'reno' });
  rig.listen(settings);
  t.equal(nameOf(rig.open().far), 'reno', 'accepted connections have their listener’s');
  rig.close();
  t.end();
});

t.test(
  'TCP_CONGESTION on a live connection: an unknown name is refused, the same one is nothing',
  (t) => {
    const rig = new PathRig(PATH);
    const c = rig.open().near.connection!;
    const { cc } = c.congestion;
    t.equal(c.useCongestion('illinois'), -ENOENT);
    t.equal(c.useCongestion('cubic'), 0);
    t.equal(c.congestion.cc, cc, 'it kept its state');
    t.equal(c.useCongestion('reno'), 0);
    t.not(c.congestion.cc, cc);
    rig.close();
    t.end();
  },
);

const NAMES = ['cubic', 'reno', 'bbr', 'bbr3', 'dctcp'];
const WAYS = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => [from, to]));

for (const [from, to] of WAYS) {
  t.test(
    `${from} to ${to} in the middle of a transfer: no stall, the window stays, the link stays full`,
    (t) => {
      const rig = new PathRig(PATH);
      const { near, far } = rig.open({ congestion: from! });
      const c = near.connection!;
      const { view } = c.congestion;
      rig.write(near, 1e9);
      rig.run(3 * SEC);
      const before = goodput(rig, far, 2 * SEC);
      const window = view.cwnd;
      rig.inTurn(() => t.equal(c.useCongestion(to!), 0));
      t.equal(view.cwnd, window, 'cwnd is where it was');
      let least = Infinity;
      for (let i = 0; i < 20; i++) least = Math.min(least, goodput(rig, far, 100 * MS));
      t.ok(least > LINK / 4, `the slowest tenth of a second: ${Math.round(least)} bytes a second`);
      const after = goodput(rig, far, 5 * SEC);
      t.ok(before > 0.85 * LINK && after > 0.85 * LINK, `${before} and ${after} of ${LINK}`);
      t.equal(c.congestion.module.name, to);
      rig.close();
      t.end();
    },
  );
}
