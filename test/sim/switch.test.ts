import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { Switch } from '../../src/sim/switch.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { FakeHost } from './fake-host.ts';

const BROADCAST = new MacAddress(0xffff, -1);

function segment(hosts: number, isHub: boolean) {
  const sim = new Simulator({
    seed: 1,
    memory: { slabBytes: 32 << 20, chunks: 16, cellBytes: 1 << 20 },
  });
  const bridge = new Switch(sim.frames, sim.rng, 's', hosts + 1, isHub);
  const nodes = Array.from({ length: hosts }, (_, i) => {
    const nic = sim.nic(`h${i}`);
    const fake = new FakeHost(sim.env(`h${i}`), nic);
    const host = sim.addHost(`h${i}`, fake, [nic]);
    sim.connect(nic, bridge.ports[i]!, { delayNs: MS });
    return { nic, fake, host };
  });
  return { sim, bridge, nodes };
}

t.test(
  'three hosts on a switch: floods what it does not know, then only what it must',
  async (t) => {
    const { sim, bridge, nodes } = segment(3, false);
    const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
    a.host.after(0, () => a.fake.request(b.nic.mac, 1));
    sim.run(SEC);
    t.same(a.fake.replies, [1]);
    t.same(
      [b, c].map((h) => h.fake.seen.length),
      [1, 1],
      'the first request went everywhere',
    );
    for (let n = 2; n < 10; n++) a.host.after(n * MS, () => a.fake.request(b.nic.mac, n));
    sim.run(2 * SEC);
    t.equal(a.fake.replies.length, 9);
    t.equal(c.fake.seen.length, 1, 'the others did not');
    t.match(bridge.stats.toObject(), { frames: 18, flooded: 1, forwarded: 17, dropped: 0 });
    c.host.after(0, () => c.fake.request(BROADCAST, 5));
    sim.run(3 * SEC);
    t.equal(a.fake.seen.at(-1)!.n, 5);
    t.equal(b.fake.seen.at(-1)!.n, 5);
    t.equal(c.fake.seen.length, 1, 'nothing comes back to the sender');
    sim.end();
  },
);

t.test('a station that moves is found where it sent from last', async (t) => {
  const { sim, bridge, nodes } = segment(3, false);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  b.host.after(0, () => b.fake.request(a.nic.mac, 1));
  sim.run(SEC);
  sim.connect(b.nic, bridge.ports[3]!, { delayNs: MS });
  b.host.after(0, () => b.fake.request(a.nic.mac, 2));
  sim.run(2 * SEC);
  t.same(b.fake.replies, [1, 2]);
  sim.end();
});

t.test('a hub sends everything everywhere', async (t) => {
  const { sim, bridge, nodes } = segment(3, true);
  const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
  for (let n = 0; n < 5; n++) a.host.after(n * MS, () => a.fake.request(b.nic.mac, n));
  sim.run(SEC);
  t.same(a.fake.replies, [0, 1, 2, 3, 4]);
  t.equal(c.fake.seen.length, 10, 'requests and replies');
  t.match(bridge.stats.toObject(), { flooded: 10, forwarded: 0 });
  sim.end();
});

t.test(
  'frames back to where they came from, to nobody, or too short end there, counted',
  async (t) => {
    const { sim, bridge, nodes } = segment(2, false);
    const [a] = nodes as [(typeof nodes)[0]];
    a.host.after(0, () => {
      a.fake.request(a.nic.mac, 1);
      a.fake.request(a.nic.mac, 2);
    });
    sim.at(MS, () => bridge.ports[0]!.take(sim.frames.fromBytes(new Uint8Array(13))));
    sim.run(SEC);
    t.match(bridge.stats.toObject(), { filtered: 2, malformed: 1, frames: 3 });
    sim.end();
  },
);

t.test('more stations than it can remember are still reached', async (t) => {
  const { sim, bridge, nodes } = segment(2, false);
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const frame = new Uint8Array(60);
  const dv = new DataView(frame.buffer);
  for (let i = 0; i < 5000; i++) {
    dv.setUint16(6, 0x0600);
    dv.setUint32(8, i);
    dv.setUint16(0, 0x0600);
    dv.setUint32(2, i);
    bridge.ports[1]!.take(sim.frames.fromBytes(frame));
  }
  t.equal(bridge.stats.get('filtered'), 1024, 'known where they come from');
  a.host.after(0, () => a.fake.request(b.nic.mac, 1));
  sim.run(SEC);
  t.same(a.fake.replies, [1]);
  sim.end();
});
