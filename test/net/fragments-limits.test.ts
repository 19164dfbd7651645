/** What unfinished datagrams may cost, in time and memory: RFC 1122 §3.3.2, RFC 8200 §4.5. */
import { both, cut, replied, V4, V6 } from './fragment-rig.ts';
import { data, ethernet, icmp4, icmp6, ip4, join, quoted, sameBytes } from './packets.ts';
import { dialogue } from './rig.ts';

both(
  'a datagram that is not whole when its time is over goes; the sender hears if the first piece came',
  (t, h, f) => {
    const message = f.request(data(800));
    const first = f.piece(0, true, message.slice(0, 400), 1);
    h.give(first);
    h.advance(5);
    h.give(f.piece(400, true, message.slice(400, 600), 1));
    h.give(f.piece(400, true, message.slice(400, 600), 2));
    h.advance(f.lifetimeSec - 5.001);
    t.same(h.sent(), [], 'its time runs from the piece that came first');
    t.equal(f.store(h).inProgress, 2);
    h.advance(0.001);
    const [error, more] = h.sent();
    const [type, us] = f === V4 ? ['icmp 11/1', '10.0.0.1'] : ['icmp6 3/1', '2001:db8::1'];
    t.match(error?.line, `${us} > ${f.peer} ${type} quote`);
    t.same(quoted(error!), first, 'the first piece is quoted as it came');
    t.equal(more, undefined);
    h.advance(5);
    t.same(h.sent(), [], 'no first piece, no message');
    t.equal(f.store(h).inProgress, 0);
    t.equal(f.counters(h).get('ReasmTimeout'), 2);
    t.equal(f.counters(h).get('ReasmFails'), 2);
  },
);

dialogue('no time exceeded about a broadcast, nor about an ICMP error', (t, h) => {
  const error = icmp4({ type: 3, code: 1 }, data(100));
  h.give(ip4({ id: 1, mf: true }, error.slice(0, 64)));
  h.give(ip4({ id: 2, mf: true, dst: '10.0.0.255' }, V4.request(data(56))), {
    dst: 'ff:ff:ff:ff:ff:ff',
  });
  const error6 = icmp6({ type: 1, code: 4 }, data(100));
  h.give(V6.piece(0, true, error6.slice(0, 64), 1));
  t.equal(h.net.reassembly4.inProgress + h.net.reassembly6.inProgress, 3);
  h.advance(100);
  t.equal(h.net.reassembly4.inProgress + h.net.reassembly6.inProgress, 0);
  t.same(
    h.lines().filter((x) => x.includes('icmp')),
    [],
  );
});

dialogue(
  'RFC 4443 §2.4 (c): the quotation of a large first piece is cut at 1,280 bytes in all, 576 over IPv4',
  (t, h) => {
    h.give(V4.piece(0, true, data(1480)));
    h.give(V6.piece(0, true, join(V6.request(data(1440 - 8)))));
    h.advance(61);
    t.same(
      h.sent().map((p) => [p.dst, p.length]),
      [
        ['10.0.0.2', 576],
        ['2001:db8::2', 1280],
      ],
    );
  },
);

both('memory for unfinished datagrams is bounded: the oldest go first', (t, h, f) => {
  const limit = 100 * 704;
  h.net.config.ipfragHighThresh = limit;
  const store = f.store(h);
  for (let id = 1; id <= 200; id++) {
    t.equal(h.give(f.piece(8, true, data(704), id)), 'accepted');
    if (store.heldBytes > limit) t.fail(`${store.heldBytes} bytes held`);
  }
  t.equal(store.inProgress, 100);
  t.equal(f.counters(h).get('ReasmFails'), 100);
  const message = f.request(data(704));
  const end = message.slice(712);
  t.equal(h.give(f.piece(712, false, end.length > 0 ? end : data(8), 101)), 'accepted');
  t.equal(store.inProgress, 99, 'the 102nd, now the oldest, made room');
  h.advance(f.lifetimeSec);
  t.equal(store.heldBytes, 0);
});

both(
  'datagrams given up for overlap are not walked past for ever: short memory ends them',
  (t, h, f) => {
    h.net.config.ipfragHighThresh = 100 * 704;
    const store = f.store(h);
    for (let id = 1; id <= 50; id++) {
      h.give(f.piece(8, true, data(64), id));
      t.equal(h.give(f.piece(16, true, data(64), id)), 'FRAG_OVERLAP');
    }
    t.equal(store.heldBytes, 0);
    t.equal(store.inProgress, 50, 'remembered, and nothing held');
    for (let id = 101; id <= 201; id++) h.give(f.piece(8, true, data(704), id));
    t.equal(
      store.inProgress,
      100,
      'the first piece too many took all that was older than its victim',
    );
    t.equal(f.counters(h).get('ReasmFails'), 51, 'each datagram fails once');
  },
);

both(
  'a datagram whose pieces come together passes through a flood of pieces that never complete',
  (t, h, f) => {
    h.net.config.ipfragHighThresh = 256 * 704;
    const body = data(2000);
    let id = 0;
    for (let round = 0; round < 50; round++) {
      const pieces = cut(f, f.request(body), [704, 1408], 50000 + round);
      for (const p of pieces) {
        for (let i = 0; i < 20; i++) h.give(f.piece(0, true, data(704), ++id));
        h.give(p);
      }
      t.ok(sameBytes(replied(h), body));
    }
  },
);

both('100,000 datagrams that never complete leave memory flat', (t, h, f) => {
  const store = f.store(h);
  let most = 0;
  const frames = [0, 1024].map((offset) => ethernet(f.piece(offset, true, data(64), 0)));
  const give = frames.map((frame) => f.numbered(frame));
  for (let id = 1; id <= 100_000; id++) {
    h.giveFrame(give[id & 1]!(id >>> 1));
    if (id % 1000 === 0) {
      most = Math.max(most, store.heldBytes, h.memory.cells.held * 704);
      h.advance(0.1);
    }
  }
  t.ok(most <= h.net.config.ipfragHighThresh, `${most} bytes at most`);
  t.ok(store.inProgress <= 4096, `${store.inProgress} datagrams in progress`);
  h.advance(100);
  t.equal(store.inProgress, 0);
  t.equal(h.memory.cells.held, 0);
  t.same(
    h.giveAll(cut(f, f.request(data(100)), [56], 7)),
    ['accepted', 'accepted'],
    'it still works',
  );
});

dialogue('long lists of tiny pieces are not kept once the datagram is gone', (t, h) => {
  const tiny = Array.from({ length: 1500 }, (_, i) =>
    ethernet(V6.piece(8 * i + 8, true, data(8), 0)),
  );
  const numbered = tiny.map((frame) => V6.numbered(frame));
  const spoilers = V6.numbered(ethernet(V6.piece(8, true, data(16), 0)));
  for (let id = 1; id <= 32; id++) {
    for (const give of numbered) h.giveFrame(give(id));
    t.equal(h.giveFrame(spoilers(id)), 'FRAG_OVERLAP');
  }
  t.equal(h.net.reassembly6.heldBytes, 0);
  t.equal(h.net.reassembly6.inProgress, 32, 'spoilt, and remembered');
  t.ok(
    h.net.reassembly6.listBytes <= 32 * 64 * 12,
    `${h.net.reassembly6.listBytes} bytes in lists`,
  );
});

dialogue(
  'no cells left: a piece is refused, nothing breaks, later pieces pass',
  (t, h) => {
    let id = 0;
    while (h.memory.cells.free > 2) {
      if (h.give(V4.piece(8, true, data(1408), ++id)) !== 'accepted') break;
    }
    const message = V4.request(data(4000));
    t.equal(h.give(V4.piece(0, true, message.slice(0, 1480), 60000)), 'FRAG_NO_MEMORY');
    h.advance(31);
    const body = data(3000);
    h.giveAll(cut(V4, V4.request(body), [1480, 2960], 60001));
    t.ok(sameBytes(replied(h), body));
  },
  { cellBytes: 100 * 704 },
);
