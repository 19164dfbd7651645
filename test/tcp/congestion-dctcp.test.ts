/** DCTCP in a whole stack, over a queue that marks: the validation case `dctcp-10ms` of ns-3 (examples/tcp/tcp-validation.cc). */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { goodput, PathRig } from './path-rig.ts';

const FRAME = 1448 + 66;

t.test(
  '50 Mbit/s, 10 ms, marks above 1 ms: the link is full, and alpha is where ns-3 has it, 0.045 to 0.095',
  (t) => {
    const queue = { kind: 'codel', targetNs: 100 * MS, ceThresholdNs: MS } as const;
    const rig = new PathRig({ rateBps: 50e6, delayNs: 5 * MS, forth: { queue } });
    rig.client.tcp.ccModules.setDefault('dctcp');
    rig.server.tcp.ccModules.setDefault('dctcp');
    const { near, far } = rig.open();
    const { cc, view } = near.connection!.congestion;
    rig.write(near, 1e10);
    rig.run(2 * SEC);
    const lost = view.lost;
    const alphas: number[] = [];
    const delays: number[] = [];
    let wire = 0;
    for (let i = 0; i < 100; i++) {
      wire += (goodput(rig, far, 50 * MS) * 8 * FRAME) / 1448 / 100;
      const told = cc.getInfo(view);
      alphas.push(told?.kind === 'dctcp' ? told.alpha / 1024 : 1);
      delays.push(near.connection!.rtt.srttNs / MS);
    }
    const [least, most] = [Math.min(...alphas), Math.max(...alphas)];
    t.ok(wire > 48e6 && wire < 50e6, `${(wire / 1e6).toFixed(2)} Mbit/s`);
    t.ok(least > 0.045 && most < 0.095, `alpha from ${least.toFixed(3)} to ${most.toFixed(3)}`);
    t.ok(Math.max(...delays) < 13, `${Math.max(...delays).toFixed(1)} ms at most`);
    t.equal(view.lost, lost, 'and nothing is lost');
    rig.close();
    t.end();
  },
);
