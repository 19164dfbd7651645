/** UDP sockets that share a port (SO_REUSEADDR, SO_REUSEPORT): who may, and who gets what comes. As Linux 6.18 does. */
import type { UdpFamily, UdpSocket } from '../../src/udp/udp-socket.ts';
import { data } from '../net/packets.ts';
import { dialogue, type UdpHarness } from './udp-rig.ts';

const PORT = 5000;

/** - none, a SO_REUSEADDR, p SO_REUSEPORT, x both. */
function open(h: UdpHarness, option: string, family: UdpFamily = 'ipv4'): UdpSocket {
  const s = h.open(family);
  s.isReuseAddress = 'ax'.includes(option);
  s.isReusePort = 'px'.includes(option);
  return s;
}

function bound(
  h: UdpHarness,
  option: string,
  address = '0.0.0.0',
  family: UdpFamily = 'ipv4',
): UdpSocket {
  const s = open(h, option, family);
  const result = h.bind(s, address, PORT);
  if (result !== 'ok') throw new Error(result);
  return s;
}

const OPTIONS = ['--', 'a-', '-a', 'aa', 'p-', '-p', 'pp', 'ap', 'pa', 'xx'];
const MEETS = 'BBB.BB.BB.';
const FREE = '..........';
type End = readonly [UdpFamily, string];
const ONE: End = ['ipv4', '10.0.0.1'];
const OTHER: End = ['ipv4', '127.0.0.1'];
const ANY4: End = ['ipv4', '0.0.0.0'];
const DUAL: End = ['dual', '::'];
const ONLY6: End = ['ipv6', '::'];
const MAPPED: End = ['dual', '10.0.0.1'];
/** The last: whether the first, once connected, leaves the second its port. */
const PAIRS: readonly (readonly [End, End, string, string])[] = [
  [ONE, ONE, MEETS, MEETS],
  [ANY4, ONE, MEETS, MEETS],
  [ONE, ANY4, MEETS, MEETS],
  [ANY4, ANY4, MEETS, MEETS],
  [DUAL, ANY4, MEETS, MEETS],
  [ANY4, DUAL, MEETS, MEETS],
  [DUAL, DUAL, MEETS, MEETS],
  [ONLY6, DUAL, MEETS, MEETS],
  [DUAL, MAPPED, MEETS, MEETS],
  [ANY4, OTHER, MEETS, FREE],
  [DUAL, OTHER, MEETS, FREE],
  [ONE, OTHER, FREE, FREE],
  [ONLY6, ANY4, FREE, FREE],
  [ANY4, ONLY6, FREE, FREE],
  [ONLY6, MAPPED, FREE, FREE],
];

dialogue('two UDP sockets on one port', (t, h) => {
  for (const [first, second, ...wanted] of PAIRS) {
    for (const isConnected of [false, true]) {
      const got = OPTIONS.map((options) => {
        const a = bound(h, options[0]!, first[1], first[0]);
        if (isConnected) h.connect(a, first[0] === 'ipv6' ? '::1' : '10.0.0.2', 7);
        const b = open(h, options[1]!, second[0]);
        const result = h.bind(b, second[1], PORT);
        for (const s of [a, b]) h.udp.close(s);
        return result === 'ok' ? '.' : result === 'EADDRINUSE' ? 'B' : result;
      }).join('');
      const title = `${first}, ${isConnected ? 'connected' : 'bound'}, then ${second}`;
      t.equal(got, wanted[isConnected ? 1 : 0], title);
    }
  }
  t.equal(h.udp.demux.size, 0);
});

/** How many of so many datagrams, from as many ports, each has got. */
function shares(h: UdpHarness, sockets: readonly UdpSocket[], datagrams: number): number[] {
  for (let i = 0; i < datagrams; i++) h.arrives({ from: 1000 + i, to: PORT }, data(1));
  return sockets.map((s) => {
    let n = 0;
    while (h.brief(s) !== 'EAGAIN') n++;
    return n;
  });
}

dialogue('SO_REUSEADDR: the youngest has what comes, and then the one before it', (t, h) => {
  const sockets = [bound(h, 'a'), bound(h, 'a'), bound(h, 'a')];
  t.same(shares(h, sockets, 10), [0, 0, 10]);
  h.udp.close(sockets.pop()!);
  t.same(shares(h, sockets, 10), [0, 10]);
  h.udp.close(sockets.shift()!);
  t.same(shares(h, sockets, 10), [10]);
  sockets.push(bound(h, 'a', '10.0.0.1'), bound(h, 'a'));
  t.same(shares(h, sockets, 10), [0, 10, 0], 'but the particular address goes first');
});

dialogue('SO_REUSEPORT: one of them by the flow', (t, h) => {
  const sockets = [bound(h, 'p'), bound(h, 'p'), bound(h, 'p')];
  const first = shares(h, sockets, 300);
  t.ok(Math.min(...first) > 65, first.join(' '));
  t.same(shares(h, sockets, 300), first, 'a flow stays with its socket');
  h.udp.close(sockets.shift()!);
  const second = shares(h, sockets, 300);
  t.ok(Math.min(...second) > 100, second.join(' '));
});

dialogue('both kinds: the youngest decides', (t, h) => {
  const sockets = [bound(h, 'a'), bound(h, 'x'), bound(h, 'x')];
  const [none, ...rest] = shares(h, sockets, 100);
  t.equal(none, 0);
  t.ok(Math.min(...rest) > 25, rest.join(' '));
  sockets.push(bound(h, 'a'));
  t.same(shares(h, sockets, 100), [0, 0, 0, 100]);
});

dialogue('connected sockets share a peer, too', (t, h) => {
  const sockets = [bound(h, 'a'), bound(h, 'a'), bound(h, 'a')];
  for (const s of sockets.slice(0, 2)) t.equal(h.connect(s, '10.0.0.2', 7), 'ok');
  const heard = (): string[] => {
    h.arrives({ from: 7, to: PORT }, data(1));
    return sockets.map((s) => h.brief(s));
  };
  t.same(heard(), ['EAGAIN', '10.0.0.2 7 1', 'EAGAIN'], 'the youngest');
  h.udp.disconnect(sockets[1]!);
  t.same(heard(), ['10.0.0.2 7 1', 'EAGAIN', 'EAGAIN']);
});

dialogue('what is sent to a group, or broadcast, is for all of them', (t, h) => {
  const sockets = [
    bound(h, 'a'),
    bound(h, 'a'),
    bound(h, 'a', '224.0.0.1'),
    bound(h, 'a', '10.0.0.1'),
    bound(h, 'a', '::', 'dual'),
    bound(h, 'a', '::', 'ipv6'),
  ];
  t.equal(h.connect(sockets[1]!, '10.0.0.2', 9), 'ok'); // and hears nobody else
  const heard = (to: string): string => {
    h.arrives({ from: 7, to: PORT }, data(1), '10.0.0.2', to);
    return sockets.map((s) => (h.brief(s) === 'EAGAIN' ? '.' : 'x')).join('');
  };
  t.equal(heard('224.0.0.1'), 'x.x.x.');
  t.equal(heard('255.255.255.255'), 'x...x.');
  t.equal(heard('10.0.0.1'), '...x..');
});
