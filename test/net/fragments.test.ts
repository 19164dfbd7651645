/**
 * Datagrams in pieces, cut and put together, in both families: RFC 791 §3.2, RFC 3168 §5.3, RFC 5722,
 * RFC 6864, RFC 8200 §4.5.
 */
import fc from 'fast-check';
import t from 'tap';
import { EMSGSIZE } from '../../src/base/errno.ts';
import { holds } from '../support/property.ts';
import { both, cut, replied, V4, V6, whole } from './fragment-rig.ts';
import {
  type Bytes,
  data,
  echo4,
  echo6,
  fragment6,
  fragments4,
  fragments6,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  sameBytes,
} from './packets.ts';
import { dialogue, NetHarness } from './rig.ts';

both('a datagram that fits goes whole, one byte more goes in two pieces', (t, h, f) => {
  const s = h.echo();
  const fits = 1500 - (f === V4 ? 20 : 40) - 8;
  h.ping(s, f.peer, data(fits));
  t.same(
    h.sent().map((p) => [p.offset > 0, p.mf, p.length]),
    [[false, false, 1500]],
  );
  h.ping(s, f.peer, data(fits + 1));
  const pieces = h.sent();
  t.equal(pieces.length, 2);
  t.ok(sameBytes(whole(pieces)?.slice(8), data(fits + 1)));
});

for (const mtu of [1500, 1499, 1493, 1280, 9000]) {
  for (const f of [V4, V6]) {
    dialogue(
      `RFC 791 §3.2, RFC 8200 §4.5: pieces are multiples of 8, in order, as large as an MTU of ${mtu} allows (${f.name})`,
      (t, h) => {
        const s = h.echo();
        for (const size of [mtu, 3 * mtu, 20000, 65507]) {
          t.equal(h.ping(s, f.peer, data(size)), 0);
          const pieces = h.sent();
          t.ok(sameBytes(whole(pieces)?.slice(8), data(size)), `${size} bytes come together`);
          const share = (mtu - (f === V4 ? 20 : 48)) & ~7;
          const isFull = pieces.slice(0, -1).every((p) => p.payload.length === share);
          t.ok(isFull, 'every piece but the last is full');
          t.ok(pieces.every((p, i) => p.offset === i * share && p.length <= mtu));
        }
      },
      { mtu },
    );
  }
}

both('a datagram with DF is not fragmented but refused with EMSGSIZE', (t, h, f) => {
  const s = h.echo();
  for (const discovery of [2, 3]) {
    s.pmtuDiscovery = discovery;
    t.equal(h.ping(s, f.peer, data(1500)), -EMSGSIZE);
  }
  t.same(h.sent(), []);
  t.equal(f.counters(h).get('FragFails'), 2);
});

both('identifications of cut datagrams do not repeat soon, and cannot be guessed', (t, h, f) => {
  const s = h.echo();
  const ids: number[] = [];
  for (let i = 0; i < 2000; i++) {
    h.ping(s, f.peer, data(1500));
    ids.push(h.sent()[0]!.id);
  }
  t.equal(new Set(ids).size, ids.length, '2,000 in a row differ');
  const steps = new Map<number, number>();
  const span = f === V4 ? 65536 : 4294967296;
  for (let i = 1; i < ids.length; i++) {
    const step = (ids[i]! - ids[i - 1]! + span) % span;
    steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  t.same([...steps.keys()].sort(), [1, 2, 3, 4]);
  t.ok(
    [...steps.values()].every((n) => n > 400),
    'every step about as often as another',
  );
  const [a, b] = ['10.0.0.77', '2001:db8::77'];
  h.knows(a, '02:00:00:00:00:77');
  h.knows(b, '02:00:00:00:00:77');
  h.ping(s, f === V4 ? a : b, data(1500));
  const elsewhere = h.sent()[0]!.id;
  const distance = Math.min(
    (elsewhere - ids.at(-1)! + span) % span,
    (ids.at(-1)! - elsewhere + span) % span,
  );
  t.ok(distance > 100, 'another destination has other numbers');
});

t.test('identifications depend on the secret of the stack', async (t) => {
  const first = [1, 2, 3, 4, 5].map((seed) => {
    const h = new NetHarness({ seed });
    h.ping(h.echo(), '2001:db8::2', data(1500));
    const [p] = h.sent();
    h.close(t);
    return p!.id;
  });
  t.equal(new Set(first).size, 5);
});

both('pieces are put together in order and in reverse', (t, h, f) => {
  const body = data(5000);
  const pieces = cut(f, f.request(body), [1448, 2896, 4344]);
  t.same(h.giveAll(pieces), ['accepted', 'accepted', 'accepted', 'accepted']);
  t.ok(sameBytes(replied(h), body));
  for (const p of pieces.slice(1).reverse()) h.give(p);
  t.same(h.sent(), [], 'nothing before the last hole is filled');
  t.equal(f.store(h).inProgress, 1);
  h.give(pieces[0]!);
  t.ok(sameBytes(replied(h), body));
  t.equal(f.store(h).inProgress, 0);
  t.equal(f.store(h).heldBytes, 0);
  t.equal(f.counters(h).get('ReasmOKs'), 2);
});

/** Where to cut a message, the order in which the pieces come, and which of them come again. */
const shuffles = fc.record({
  length: fc.integer({ min: 8, max: 6000 }),
  cuts: fc.array(fc.nat({ max: 749 }), { maxLength: 12 }),
  order: fc.array(fc.nat({ max: 1000 }), { minLength: 13, maxLength: 13 }),
  again: fc.array(fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 25 })), { maxLength: 6 }),
});

for (const f of [V4, V6]) {
  t.test(`pieces are put together in any order, repeated or not (${f.name})`, async (t) => {
    const h = new NetHarness({ mtu: 9000 });
    let id = 0;
    holds(
      t,
      'one reply, with the data of the request',
      fc.property(shuffles, ({ length, cuts, order, again }) => {
        const body = data(length, id);
        const message = f.request(body);
        const places = [...new Set(cuts.map((c) => 8 * c + 8))].filter((c) => c < message.length);
        if (places.length === 0) return true;
        id++;
        const pieces = cut(
          f,
          message,
          places.sort((a, b) => a - b),
          id,
        );
        const arriving = pieces
          .map((p, i) => ({ p, rank: order[i]! }))
          .sort((a, b) => a.rank - b.rank)
          .map((x) => x.p);
        for (const [which, where] of again) {
          const known = arriving.slice(0, -1); // a repetition behind the last would begin anew
          const twin = pieces[which % pieces.length]!;
          if (known.includes(twin)) arriving.splice(where % known.length, 0, twin);
        }
        const fates = h.giveAll(arriving);
        const got = replied(h);
        return (
          fates.every((x) => x === 'accepted' || x === 'FRAG_DUPLICATE') && sameBytes(got, body)
        );
      }),
    );
    t.equal(f.store(h).inProgress, 0);
    t.equal(f.store(h).heldBytes, 0);
    h.close(t);
  });
}

dialogue(
  'RFC 791 §2.3: pieces belong together by source, destination, protocol and identification',
  (t, h) => {
    const body = data(100);
    const [first, last] = cut(V4, V4.request(body), [56]);
    const other = (change: (p: Bytes) => void): Bytes => {
      const p = join(last!);
      change(p);
      p.set([0, 0], 10);
      let sum = 0;
      for (let i = 0; i < 20; i += 2) sum += p[i]! * 256 + p[i + 1]!;
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      p.set([(~sum >>> 8) & 255, ~sum & 255], 10);
      return p;
    };
    h.give(first!);
    h.give(other((p) => p.set([10, 0, 0, 3], 12)));
    h.give(other((p) => p.set([172, 16, 0, 1], 16)));
    h.give(other((p) => p.set([17], 9)));
    h.give(other((p) => p.set([9, 9], 4)));
    t.same(h.sent(), [], 'none of them is the missing piece');
    t.equal(h.net.reassembly4.inProgress, 5);
    h.give(last!);
    t.ok(sameBytes(replied(h), body));
  },
  { addresses: ['10.0.0.1/24', '172.16.0.1/16'] },
);

dialogue(
  'RFC 8200 §4.5: pieces belong together by source, destination and identification alone',
  (t, h) => {
    const body = data(100);
    const [first, last] = cut(V6, V6.request(body), [56]);
    h.give(first!);
    const otherSource = last!.slice();
    otherSource[23] = 3;
    const otherId = last!.slice();
    otherId[47] = 9;
    h.give(otherSource);
    h.give(otherId);
    t.same(h.sent(), []);
    t.equal(h.net.reassembly6.inProgress, 3);
    const otherNext = last!.slice();
    otherNext[40] = 17;
    t.equal(h.give(otherNext), 'accepted', 'a later next header does not count');
    t.ok(sameBytes(replied(h), body));
  },
);

const OVERLAPS: [string, number, number, boolean][] = [
  ['over the end of the first', 48, 72, true],
  ['over the start of the second', 120, 152, true],
  ['inside the first', 8, 48, true],
  ['around the first', 0, 72, true],
  ['the start of the first again, shorter', 0, 8, true],
  ['around everything', 0, 400, true],
];

both('RFC 5722 §4: an overlap discards the datagram and all that still comes of it', (t, h, f) => {
  const message = f.request(data(392));
  let id = 1;
  for (const [what, from, to, more] of OVERLAPS) {
    id++;
    t.equal(h.give(f.piece(0, true, message.slice(0, 56), id)), 'accepted');
    t.equal(h.give(f.piece(128, true, message.slice(128, 200), id)), 'accepted');
    const fate = h.give(f.piece(from, more, message.slice(from, to), id));
    t.equal(fate, 'FRAG_OVERLAP', what);
    const rest = cut(f, message, [56, 128, 200], id);
    t.same(
      h.giveAll(rest),
      rest.map(() => 'FRAG_OVERLAP'),
      'what comes later is discarded too',
    );
    t.equal(f.store(h).heldBytes, 0, 'and holds no memory');
  }
  t.same(h.sent(), [], 'silently');
  t.equal(f.counters(h).get('ReasmOverlaps'), OVERLAPS.length);
  h.advance(f.lifetimeSec + 1);
  t.same(h.sent(), [], 'no message even when its time is over');
  t.same(h.giveAll(cut(f, message, [56], 2)), ['accepted', 'accepted'], 'then the number is free');
  t.equal(h.sent().length, 1);
});

both('an exact repetition is ignored, and does not count as an overlap', (t, h, f) => {
  const body = data(200);
  const [a, b, c] = cut(f, f.request(body), [64, 128]);
  t.same(h.giveAll([a!, a!, c!, c!, a!]), [
    'accepted',
    'FRAG_DUPLICATE',
    'accepted',
    'FRAG_DUPLICATE',
    'FRAG_DUPLICATE',
  ]);
  t.equal(h.give(b!), 'accepted');
  t.ok(sameBytes(replied(h), body));
});

both('pieces that disagree about where the datagram ends discard it', (t, h, f) => {
  const bytes = (from: number, to: number) => data(to - from, from);
  const cases: [string, [number, number, boolean][]][] = [
    [
      'two ends',
      [
        [64, 128, false],
        [128, 136, false],
      ],
    ],
    [
      'an end before what is there',
      [
        [64, 128, true],
        [8, 56, false],
      ],
    ],
    [
      'more behind the end',
      [
        [64, 128, false],
        [128, 192, true],
      ],
    ],
    [
      'the same piece, no longer the last',
      [
        [64, 128, true],
        [64, 128, false],
      ],
    ],
  ];
  let id = 100;
  for (const [what, pieces] of cases) {
    id++;
    const fates = pieces.map(([from, to, more]) =>
      h.give(f.piece(from, more, bytes(from, to), id)),
    );
    t.same(fates, ['accepted', 'FRAG_MALFORMED'], what);
    t.equal(h.give(f.piece(0, true, bytes(0, 64), id)), 'FRAG_MALFORMED', 'and nothing follows');
  }
  t.equal(f.counters(h).get('ReasmOverlaps'), 0);
  t.same(h.sent(), []);
  t.equal(f.store(h).heldBytes, 0);
});

dialogue(
  'RFC 791 §3.1: pieces of no length, of odd length, or beyond 65,535 are refused',
  (t, h) => {
    const cases: [string, Bytes][] = [
      ['empty', V4.piece(8, true, data(0))],
      ['empty and last', V4.piece(8, false, data(0))],
      ['odd with more to come', V4.piece(0, true, data(12))],
      ['the ping of death', V4.piece(65528, false, data(100))],
      ['one byte too many', V4.piece(65512, false, data(4))],
    ];
    for (const [what, p] of cases) t.equal(h.give(p), 'FRAG_MALFORMED', what);
    t.equal(
      h.give(V4.piece(65512, false, data(3))),
      'accepted',
      '65,535 with the header is allowed',
    );
    t.same(h.sent(), []);
  },
);

dialogue(
  'RFC 791 §3.1: the first piece’s longer header counts against 65,535 too',
  (t, h) => {
    const message = V4.request(data(65495 - 8));
    const options = new Array<number>(40).fill(1);
    const rest = fragments4(ip4({}, message), 1480, { id: 3 }).slice(1);
    h.giveAll(rest.slice(0, -1));
    t.equal(h.give(rest.at(-1)!), 'accepted');
    const first = ip4({ id: 3, mf: true, options }, message.slice(0, 1480));
    t.equal(h.give(first), 'FRAG_MALFORMED', '60 + 65,495 bytes');
    t.same(h.sent(), []);
    t.equal(h.net.reassembly4.heldBytes, 0);
  },
  { mtu: 2000 },
);

both(
  'RFC 1122 §3.3.2, RFC 8200 §5: datagrams of any size up to 65,535 bytes are put together',
  (t, h, f) => {
    const most = f === V4 ? 65507 : 65527;
    for (const size of [548, 1492, 10000, most]) {
      const body = data(size);
      const packet = f === V4 ? echo4(body) : echo6(body);
      const pieces =
        f === V4 ? fragments4(packet, 1480, { id: size }) : fragments6(packet, 1448, size);
      for (const p of pieces) h.give(p);
      t.ok(sameBytes(replied(h), body), `${size}`);
    }
  },
);

both(
  'RFC 3168 §5.3: one mark of congestion is enough; a mix with unmarkable pieces is discarded',
  (t, h, f) => {
    const cases: [number[], number | null][] = [
      [[0, 0, 0], 0],
      [[2, 2, 2], 2],
      [[1, 1, 1], 1],
      [[2, 3, 2], 3],
      [[3, 1, 1], 3],
      [[2, 1, 2], 1],
      [[3, 3, 3], 3],
      [[0, 2, 2], null],
      [[0, 0, 3], null],
      [[1, 0, 1], null],
    ];
    const message = f.request(data(180));
    for (const [i, [ecn, result]] of cases.entries()) {
      const fates = [0, 64, 128].map((from, k) => {
        const piece = message.slice(from, k === 2 ? undefined : from + 64);
        return h.give(f.piece(from, k < 2, piece, 500 + i, 0xb8 | ecn[k]!));
      });
      t.equal(fates[2], result === null ? 'FRAG_MALFORMED' : 'accepted', `${ecn}`);
      const [answer] = h.sent();
      if (result === null) t.equal(answer, undefined);
      else t.equal(answer!.tos, 0xb8 | result, `${ecn}: the answer shows what was received`);
    }
  },
);

both('TOS and TTL of the datagram are those of its first piece', (t, h, f) => {
  const s = h.echo();
  const rest = s.id * 65536 + 9;
  const message =
    f === V4 ? icmp4({ type: 0, rest }, data(56)) : icmp6({ type: 129, rest }, data(56));
  const make = (offset: number, more: boolean, part: Bytes, tos: number, ttl: number): Bytes =>
    f === V4
      ? ip4({ id: 8, mf: more, offset, tos, ttl }, part)
      : ip6({ next: 44, tc: tos, hop: ttl }, join(fragment6(58, offset, more, 8), part));
  h.give(make(0, true, message.slice(0, 32), 0x20, 33));
  h.give(make(32, false, message.slice(32), 0x40, 44));
  t.match(h.reply(s), { seq: 9, tos: 0x20, ttl: 33 });
});
