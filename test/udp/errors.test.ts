/** ICMP errors and sockets: RFC 1122 §4.1.3.3, RFC 5927. Who is told what, and when. */
import { READY } from '../../src/udp/udp-socket.ts';
import { data, icmp4, icmp6, ip4, ip6 } from '../net/packets.ts';
import { datagram, dialogue, type UdpHarness } from './udp-rig.ts';

interface Quoted {
  readonly from?: number;
  readonly to?: number;
  readonly src?: string;
  readonly dst?: string;
}

/** A router says that our datagram 5000 → 7 did not arrive. */
function complain(h: UdpHarness, type: number, code: number, q: Quoted = {}, rest = 0): string {
  const src = q.src ?? '10.0.0.1';
  const dst = q.dst ?? '10.0.0.2';
  const ours = datagram({ from: q.from ?? 5000, to: q.to ?? 7 }, data(20), src, dst);
  return h.give(
    src.includes(':')
      ? ip6({ src: '2001:db8::fe' }, icmp6({ type, code, rest }, ours, '2001:db8::fe'))
      : ip4({ src: '10.0.0.254' }, icmp4({ type, code, rest }, ours)),
  );
}

function connected(h: UdpHarness) {
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  h.connect(s, '10.0.0.2', 7);
  return s;
}
function connected6(h: UdpHarness) {
  const s = h.bound('ipv6', '::', 5000);
  h.connect(s, '2001:db8::2', 7);
  return s;
}
const SIX = { src: '2001:db8::1', dst: '2001:db8::2' };

dialogue(
  'RFC 1122 §4.1.3.3: a connected socket hears of port unreachable, once, by send or receive',
  (t, h) => {
    const s = connected(h);
    t.equal(complain(h, 3, 3), 'accepted');
    t.equal(h.brief(s), 'ECONNREFUSED', 'by receive');
    t.equal(h.brief(s), 'EAGAIN', 'once');
    complain(h, 3, 3);
    t.equal(h.send(s, data(1)), 'ECONNREFUSED', 'by send, which sends nothing');
    t.same(h.lines(), []);
    t.equal(h.send(s, data(1)), 1);
    complain(h, 3, 3);
    complain(h, 3, 3);
    t.equal(h.udp.takeError(s), 111, 'by SO_ERROR');
    t.equal(h.udp.takeError(s), 0, 'two errors are one');
  },
);

dialogue('a call that is wrong in itself says so first, and the error waits', (t, h) => {
  const s = connected(h);
  complain(h, 3, 3);
  t.equal(h.sendTo(s, data(1), '10.0.0.2', 0), 'EINVAL');
  t.equal(h.send(s, data(70_000)), 'EMSGSIZE');
  t.equal(h.sendTo(s, data(1), '10.0.0.2', 9), 'ECONNREFUSED', 'to whomever it is sent');
});

dialogue('what was received before the error is read after it', (t, h) => {
  const s = connected(h);
  h.arrives({ from: 7 }, data(3));
  complain(h, 3, 3);
  t.equal(h.brief(s), 'ECONNREFUSED');
  t.equal(h.brief(s), '10.0.0.2 7 3');
});

dialogue('an unconnected socket hears of nothing', (t, h) => {
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  t.equal(complain(h, 3, 3), 'accepted', 'the datagram was its own');
  t.equal(h.brief(s), 'EAGAIN');
  t.equal(h.sendTo(s, data(1), '10.0.0.2', 7), 1);
});

dialogue('the listener is told of an error', (t, h) => {
  const s = connected(h);
  const heard: number[] = [];
  s.listener = { onReady: (bits) => heard.push(bits) };
  complain(h, 3, 3);
  t.same(heard, [READY.ERROR]);
});

dialogue('each ICMP code and its errno: final ones are reported, passing ones are not', (t, h) => {
  const s = connected(h);
  const codes: [number, number, string][] = [
    [3, 0, 'EAGAIN'],
    [3, 1, 'EAGAIN'],
    [3, 2, 'ENOPROTOOPT'],
    [3, 3, 'ECONNREFUSED'],
    [3, 5, 'EAGAIN'],
    [3, 6, 'ENETUNREACH'],
    [3, 7, 'EHOSTDOWN'],
    [3, 8, 'ENONET'],
    [3, 9, 'ENETUNREACH'],
    [3, 10, 'EHOSTUNREACH'],
    [3, 11, 'EAGAIN'],
    [3, 12, 'EAGAIN'],
    [3, 13, 'EHOSTUNREACH'],
    [3, 14, 'EHOSTUNREACH'],
    [3, 15, 'EHOSTUNREACH'],
    [11, 0, 'EAGAIN'],
    [12, 0, 'EPROTO'],
  ];
  for (const [type, code, expected] of codes) {
    t.equal(complain(h, type, code), 'accepted');
    t.equal(h.brief(s), expected, `type ${type} code ${code}`);
  }
  const six = connected6(h);
  const codes6: [number, number, string][] = [
    [1, 0, 'EAGAIN'],
    [1, 1, 'EACCES'],
    [1, 3, 'EAGAIN'],
    [1, 4, 'ECONNREFUSED'],
    [1, 5, 'EACCES'],
    [1, 6, 'EACCES'],
    [3, 0, 'EAGAIN'],
    [4, 1, 'EPROTO'],
  ];
  for (const [type, code, expected] of codes6) {
    t.equal(complain(h, type, code, SIX), 'accepted');
    t.equal(h.brief(six), expected, `ICMPv6 type ${type} code ${code}`);
  }
});

dialogue('RFC 5927: an error about a datagram that is not ours changes nothing', (t, h) => {
  const s = connected(h);
  const forged: Quoted[] = [
    { from: 5001 },
    { to: 8 },
    { dst: '10.0.0.3' },
    { src: '10.0.0.9' },
    { src: '10.0.0.9', dst: '10.0.0.1' },
  ];
  for (const q of forged) t.equal(complain(h, 3, 3, q), 'ICMP_NO_SOCKET', JSON.stringify(q));
  t.equal(complain(h, 3, 4, { from: 5001 }, 600), 'ICMP_NO_SOCKET', 'nor does it shrink the path');
  t.equal(h.brief(s), 'EAGAIN');
  t.equal(h.send(s, data(1400)), 1400);
  t.equal(h.sent()[0]!.mf, false);
});

dialogue(
  'RFC 1191: too big for the path: a connected socket hears EMSGSIZE unless it asked not to know',
  (t, h) => {
    const s = connected(h);
    t.equal(complain(h, 3, 4, {}, 1400), 'accepted');
    t.equal(h.brief(s), 'EMSGSIZE');
    s.pmtuDiscovery = 0;
    complain(h, 3, 4, {}, 1300);
    t.equal(h.brief(s), 'EAGAIN');
    const six = connected6(h);
    t.equal(complain(h, 2, 0, SIX, 1400), 'accepted');
    t.equal(h.brief(six), 'EMSGSIZE');
  },
);

dialogue(
  'the smaller path is used at once: fragments, or EMSGSIZE where fragments are forbidden',
  (t, h) => {
    const s = connected(h);
    s.pmtuDiscovery = 2;
    t.equal(h.send(s, data(1472)), 1472);
    t.equal(h.send(s, data(1473)), 'EMSGSIZE');
    complain(h, 3, 4, {}, 1000);
    t.equal(h.send(s, data(972)), 'EMSGSIZE', 'the router said so');
    t.equal(h.send(s, data(973)), 'EMSGSIZE', 'too long for the path now');
    t.equal(h.send(s, data(972)), 972);
    s.pmtuDiscovery = 1;
    h.lines();
    t.equal(h.send(s, data(1400)), 1400);
    t.same(
      h.sent().map((f) => f.length),
      [996, 452],
    );
    s.pmtuDiscovery = 3;
    t.equal(h.send(s, data(1472)), 1472, 'PROBE looks past what was learned');
    t.equal(h.send(s, data(1473)), 'EMSGSIZE');
  },
);

dialogue(
  'nobody answers for the next hop: what waited is dropped, and the socket goes on',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    h.connect(s, '10.0.0.77', 7);
    t.equal(h.send(s, data(5)), 5, 'it waits for ARP');
    t.equal(h.memory.cells.held, 1);
    h.advance(5);
    t.equal(h.memory.cells.held, 0);
    t.equal(h.net.mib.ip4.get('OutDiscards'), 1);
    t.equal(h.brief(s), 'EAGAIN', 'host unreachable is a passing error');
  },
);

dialogue('a closed socket is not asked about errors of its past', (t, h) => {
  const s = connected(h);
  h.udp.close(s);
  t.equal(complain(h, 3, 3), 'ICMP_NO_SOCKET');
});
