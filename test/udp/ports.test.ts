/** Ephemeral ports (RFC 6056) and many sockets. */
import t from 'tap';
import { data } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { named, UdpHarness } from './udp-rig.ts';

const FIRST = 32_768;
const LAST = 60_999;

/** The ports that a stack of this seed gives to sockets connected one after another. */
function portsOf(seed: number, count: number, to = '10.0.0.2'): number[] {
  const h = new UdpHarness({ seed });
  return Array.from({ length: count }, () => {
    const s = h.open();
    h.connect(s, to, 7);
    return s.localPort;
  });
}

t.test(
  'RFC 6056 §3.2: ports come from the whole of ip_local_port_range, and from nowhere else',
  async (t) => {
    const h = new UdpHarness();
    const seen = new Set<number>();
    for (let i = 0; i < LAST - FIRST + 1; i++) {
      const s = h.open();
      if (h.udp.bind(s, ip('0.0.0.0'), 0) !== 0) t.fail(`port ${i} refused`);
      seen.add(s.localPort);
    }
    t.equal(seen.size, LAST - FIRST + 1, 'each once');
    t.equal(Math.min(...seen), FIRST);
    t.equal(Math.max(...seen), LAST);
    h.close(t);
  },
);

t.test(
  'when every port is taken: bind says EADDRINUSE, connect and send say EAGAIN; close frees one',
  async (t) => {
    const h = new UdpHarness({ config: { localPortFirst: 40_000, localPortLast: 40_009 } });
    const sockets = Array.from({ length: 10 }, () => h.bound('ipv4', '0.0.0.0', 0));
    t.equal(h.bind(h.open(), '0.0.0.0', 0), 'EADDRINUSE');
    t.equal(h.bind(h.open(), '127.0.0.1', 0), 'EADDRINUSE');
    t.equal(h.connect(h.open(), '10.0.0.2', 7), 'EAGAIN');
    t.equal(h.sendTo(h.open(), data(1), '10.0.0.2', 7), 'EAGAIN');
    t.equal(h.bind(h.open('dual'), '::', 0), 'EADDRINUSE');
    t.equal(h.bind(h.open('ipv6'), '::', 0), 'ok', 'the other family has its own');
    const { localPort } = sockets[4]!;
    h.udp.close(sockets[4]!);
    const s = h.open();
    t.equal(h.connect(s, '10.0.0.2', 7), 'ok');
    t.equal(s.localPort, localPort);
    h.udp.disconnect(s);
    t.equal(h.bind(h.open(), '0.0.0.0', 0), 'ok', 'disconnect frees it too');
    h.close(t);
  },
);

t.test('RFC 6056 §3.3: without the key nobody can tell the next port', async (t) => {
  const [a, b] = [portsOf(1, 200), portsOf(2, 200)];
  t.same(portsOf(1, 200), a, 'the same seed repeats');
  t.not(a.filter((port, i) => port === b[i]).length, 200);
  t.ok(a.filter((port, i) => port === b[i]).length <= 2, 'another seed has nothing in common');
  t.ok(new Set([...a, ...b]).size >= 390);
  for (const ports of [a, b]) {
    const steps = new Set(ports.slice(1).map((port, i) => port - ports[i]!));
    t.ok(steps.size >= 5, `${steps.size} different steps towards one peer`);
  }
});

t.test(
  'RFC 6056 §3.3.4: ports towards one peer tell nothing of those towards another',
  async (t) => {
    const h = new UdpHarness({ seed: 7 });
    const starts = Array.from({ length: 200 }, (_, i) => {
      const s = h.open();
      h.connect(s, `10.0.0.${2 + i}`, 7);
      return s.localPort;
    });
    // Spread over the range: with 16 bins and 200 draws an even spread leaves no bin empty (p < 1e-4).
    const bins = new Set(
      starts.map((port) => Math.floor(((port - FIRST) * 16) / (LAST - FIRST + 1))),
    );
    t.equal(bins.size, 16);
    const near = starts.filter((port, i) => i > 0 && Math.abs(port - starts[i - 1]!) < 16).length;
    t.ok(near <= 3, `${near} of 199 neighbours are close`);
    h.close(t);
  },
);

t.test('a port is chosen at bind or at the first send, and kept', async (t) => {
  const h = new UdpHarness();
  const s = h.open();
  t.equal(h.ends(s), '0.0.0.0 0');
  h.sendTo(s, data(1), '10.0.0.2', 7);
  const { localPort } = s;
  t.ok(localPort >= FIRST && localPort <= LAST);
  h.sendTo(s, data(1), '10.0.0.3', 7);
  t.equal(s.localPort, localPort);
  t.equal(h.bind(s, '0.0.0.0', 5000), 'EINVAL', 'it is bound now');
  h.arrives({ from: 9, to: localPort }, data(3));
  t.equal(h.brief(s), '10.0.0.2 9 3', 'and hears everybody');
  h.advance(5);
  h.close(t);
});

t.test('100,000 sockets: opened, bound, used, closed, and nothing is left', async (t) => {
  const h = new UdpHarness();
  const { udp } = h;
  for (let round = 0; round < 2; round++) {
    const sockets = Array.from({ length: 100_000 }, (_, i) => {
      const s = udp.open(i < 50_000 ? 'ipv4' : 'ipv6');
      const result = udp.bind(s, ip(i < 50_000 ? '0.0.0.0' : '::'), 1 + (i % 50_000));
      if (result !== 0) t.fail(`${i}: ${named(result)}`);
      return s;
    });
    t.equal(udp.demux.size, 100_000);
    const { probes } = udp.demux;
    for (let port = 1; port <= 50_000; port += 499) {
      if (h.arrives({ to: port }, data(1)) !== 'accepted') t.fail(`port ${port}`);
    }
    const perLookup = (udp.demux.probes - probes) / 101;
    t.ok(perLookup < 8, `${perLookup} places looked at for a datagram`);
    t.equal(h.net.datagrams.size, 101);
    for (const s of sockets) udp.close(s);
    t.equal(udp.demux.size, 0);
    t.equal(udp.list().length, 0);
    t.equal(h.memory.cells.held, 0, 'what waited in them is back');
    t.equal(h.arrives({ to: 500 }, data(1)), 'UDP_NO_PORT');
  }
  h.lines();
  h.close(t);
});
