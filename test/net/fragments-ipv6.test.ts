/** What only IPv6 fragments have: RFC 6946, RFC 7112, RFC 8200 §4.5. */
import { cut, replied, V6 } from './fragment-rig.ts';
import {
  type Bytes,
  data,
  fragment6,
  fragments4,
  fragments6,
  ip4,
  ip6,
  join,
  optionsHeader,
  quoted,
  sameBytes,
  udp,
} from './packets.ts';
import { dialogue, ip } from './rig.ts';

dialogue(
  'RFC 6946 §4: an atomic fragment stands alone, beside a datagram of the same identification',
  (t, h) => {
    const body = data(300);
    const message = V6.request(body);
    h.give(V6.piece(0, true, message.slice(0, 152), 5));
    t.equal(h.give(V6.piece(0, false, V6.request(data(16)), 5)), 'accepted');
    t.ok(sameBytes(replied(h), data(16)));
    t.equal(h.give(V6.piece(152, false, message.slice(152), 5)), 'accepted');
    t.ok(sameBytes(replied(h), body));
  },
);

dialogue(
  'RFC 8200 §4.5: a piece that is no multiple of 8 with more to come: parameter problem at the payload length',
  (t, h) => {
    for (const size of [9, 17, 100]) {
      const p = V6.piece(0, true, V6.request(data(size)), size);
      t.equal(h.give(p), 'IP6_BAD_EXTENSION', `${size + 8} bytes`);
      const [error] = h.sent();
      t.match(error?.line, '2001:db8::1 > 2001:db8::2 icmp6 4/0 rest 4 quote');
      t.same(quoted(error!), p);
    }
    t.equal(h.net.reassembly6.inProgress, 0);
  },
);

dialogue(
  'RFC 8200 §4.5: a piece that would end beyond 65,535: parameter problem at its offset',
  (t, h) => {
    t.equal(h.give(V6.piece(65528, false, data(8))), 'IP6_BAD_EXTENSION');
    t.match(h.lines(), [/icmp6 4\/0 rest 42 quote/]);
    t.equal(h.give(V6.piece(65528, false, data(7))), 'accepted', 'exactly 65,535 is allowed');
    const behind = (offset: number, bytes: Bytes): Bytes =>
      ip6({ next: 60 }, join(optionsHeader(44, []), fragment6(58, offset, false, 2), bytes));
    t.equal(h.give(behind(65520, data(8))), 'IP6_BAD_EXTENSION', 'headers before it count as well');
    t.match(h.lines(), [/icmp6 4\/0 rest 50 quote/]);
  },
);

const CHAINS: [string, number, Bytes, string][] = [
  ['ends within the destination options', 60, join([58, 3], data(6)), 'IP6_BAD_EXTENSION'],
  ['ends before the transport', 60, optionsHeader(58, [1, 4, 0, 0, 0, 0]), 'IP6_BAD_EXTENSION'],
  ['has 8 bytes of TCP', 6, data(8), 'IP6_BAD_EXTENSION'],
  ['has 16 bytes of TCP', 6, data(16), 'IP6_BAD_EXTENSION'],
  ['has all of TCP', 6, data(24), 'accepted'],
  ['has 8 bytes of UDP', 17, data(8), 'accepted'],
  ['has options and UDP', 60, join(optionsHeader(17, []), data(8)), 'accepted'],
  ['says that nothing follows', 59, data(8), 'accepted'],
];

dialogue(
  'RFC 8200 §4.5, RFC 7112: a first piece without all headers: parameter problem code 3',
  (t, h) => {
    for (const [i, [what, next, bytes, fate]] of CHAINS.entries()) {
      const p = ip6({ next: 44 }, join(fragment6(next, 0, true, 70 + i), bytes));
      t.equal(h.give(p), fate, what);
      const expected = fate === 'accepted' ? [] : [/icmp6 4\/3 quote/];
      t.match(h.lines(), expected, what);
      h.advance(2);
    }
  },
);

dialogue(
  'RFC 8200 §4.5: headers before the fragment header stay, and the datagram is quoted without it',
  (t, h) => {
    const packet = udp({ to: 99 }, data(100), '2001:db8::2', '2001:db8::1');
    const pieces = [0, 56].map((from) => {
      const rest = join(
        optionsHeader(44, [0x1e, 2, 7, 7]),
        fragment6(17, from, from === 0, 4),
        packet.slice(from, from === 0 ? 56 : undefined),
      );
      return ip6({ next: 60 }, rest);
    });
    t.same(h.giveAll(pieces), ['accepted', 'UDP_NO_PORT']);
    const [error] = h.sent();
    t.match(error?.line, 'icmp6 1/4 quote');
    t.same(quoted(error!), ip6({ next: 60 }, join(optionsHeader(17, [0x1e, 2, 7, 7]), packet)));
  },
);

dialogue(
  'fragments within fragments are refused once the outer ones are whole, as by Linux',
  (t, h) => {
    const body = data(400);
    const inner = cut(V6, V6.request(body), [200], 1).map((p) => p.slice(40));
    const outer = inner.flatMap((p, i) => [
      ip6({ next: 44 }, join(fragment6(44, 0, true, 50 + i), p.slice(0, 64))),
      ip6({ next: 44 }, join(fragment6(44, 64, false, 50 + i), p.slice(64))),
    ]);
    const refused = ['accepted', 'IP6_BAD_EXTENSION'];
    t.same(h.giveAll(outer), [...refused, ...refused]);
    t.same(
      h.lines().map((line) => / icmp6 4\/0 rest 40 /.test(line)),
      [true, true],
    );
    t.equal(h.net.reassembly6.inProgress, 0);
  },
);

dialogue('a header chain too long to keep before a fragment header is refused', (t, h) => {
  const filler = optionsHeader(44, [
    0x1e,
    255,
    ...new Array<number>(255).fill(0),
    0x1e,
    255,
    ...new Array<number>(255).fill(0),
  ]);
  const piece = join(fragment6(58, 0, true, 4), V6.request(data(56)));
  t.equal(h.give(ip6({ next: 60 }, join(filler, piece))), 'FRAG_MALFORMED');
  t.equal(h.net.reassembly6.inProgress, 0);
});

dialogue('RFC 1122 §3.4: a datagram in pieces reaches its socket as one', (t, h) => {
  const s = h.stack.udp.open('dual');
  t.equal(h.stack.udp.bind(s, ip('::'), 5000), 0);
  const body = data(9000);
  for (const p of fragments4(ip4({ protocol: 17 }, udp({}, body)), 1480, { id: 1 })) h.give(p);
  const message = udp({}, body, '2001:db8::2', '2001:db8::1');
  for (const p of fragments6(ip6({ next: 17 }, message), 1448, 1)) h.give(p);
  t.equal(s.queue.count, 2);
});
