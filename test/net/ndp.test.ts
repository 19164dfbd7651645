/** RFC 4861 §7: solicitations and advertisements as packets in and frames out. */
import fc from 'fast-check';
import t from 'tap';
import { addAddress6 } from '../../src/net/dad.ts';
import { createInterface } from '../../src/net/solicitor.ts';
import { holds } from '../support/property.ts';
import { ip, LinkRig, mac, type Ndp, ndpBytes, OUR_MAC } from './link-rig.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const OUR_GROUP = 'ff02::1:ff00:1';
const ALL_NODES = '33:33:00:00:00:01';

const ns = (m: Partial<Ndp> = {}): Ndp => ({
  type: 'ns',
  src: 'fe80::2',
  dst: OUR_GROUP,
  target: 'fe80::1',
  source: A,
  ...m,
});
/** Without a source link-layer address option. */
const bareNs = (m: Partial<Ndp> = {}): Ndp => {
  const { source: _, ...rest } = ns(m);
  return rest;
};
const na = (m: Partial<Ndp> = {}): Ndp => ({
  type: 'na',
  src: 'fe80::2',
  dst: 'fe80::1',
  target: 'fe80::2',
  flags: 'SO',
  link: A,
  ...m,
});

t.test(
  '§7.2.3, §7.2.4: a solicitation is answered to its sender, who is remembered as STALE',
  async (t) => {
    const rig = new LinkRig();
    t.equal(rig.nd(ns()), 'accepted');
    t.same(rig.frames(), [`${A} na fe80::1 > fe80::2: fe80::1 SO target ${OUR_MAC}`]);
    t.equal(rig.show('fe80::2'), `STALE ${A}`);
    t.equal(rig.nd(ns({ target: '2001:db8::1', src: '2001:db8::2', source: B })), 'accepted');
    t.same(rig.frames(), [`${B} na 2001:db8::1 > 2001:db8::2: 2001:db8::1 SO target ${OUR_MAC}`]);
  },
);

t.test('the answer to a solicitation is counted as an IPv6 and an ICMPv6 packet', async (t) => {
  const rig = new LinkRig();
  const { ip6, icmp6 } = rig.net.mib;
  const before = [
    ip6.get('OutRequests'),
    ip6.get('OutOctets'),
    icmp6.get('OutMsgs'),
    icmp6.outType[136]!,
  ];
  rig.nd(ns());
  t.same(
    [ip6.get('OutRequests'), ip6.get('OutOctets'), icmp6.get('OutMsgs'), icmp6.outType[136]!],
    before.map((n, i) => n + [1, 72, 1, 1][i]!),
  );
});

t.test('§7.2.4: somebody without an address asks: all nodes hear that it is ours', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.nd(bareNs({ src: '::' })), 'accepted');
  t.same(rig.frames(), [`${ALL_NODES} na fe80::1 > ff02::1: fe80::1 O target ${OUR_MAC}`]);
  t.equal(rig.table.entries().length, 0);
});

t.test('§7.2.4: an asker who does not say where he is: known, or found out first', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.nd(bareNs({ dst: 'fe80::1' })), 'accepted');
  t.same(rig.frames(), [
    `33:33:ff:00:00:02 ns fe80::1 > ff02::1:ff00:2: fe80::2 source ${OUR_MAC}`,
  ]);
  t.equal(rig.nd(na()), 'accepted');
  t.equal(rig.outcome.lines.length, 1, 'the answer waited in his queue');
  t.match(rig.outcome.lines[0], /\/72 to fe80::2$/);
  t.equal(rig.nd(bareNs({ dst: 'fe80::1' })), 'accepted');
  t.same(rig.frames(), [`${A} na fe80::1 > fe80::2: fe80::1 SO target ${OUR_MAC}`]);
});

t.test(
  '§7.2.2: resolution asks the solicited-node group, three times, a second apart',
  async (t) => {
    const rig = new LinkRig();
    rig.send('fe80::12:3456', 1);
    const asked = `33:33:ff:12:34:56 ns fe80::1 > ff02::1:ff12:3456: fe80::12:3456 source ${OUR_MAC}`;
    t.same(rig.frames(), [asked]);
    rig.advance(2.9);
    t.same(rig.frames(), [asked, asked]);
    rig.advance(0.1);
    t.same(rig.outcome.lines, ['unreachable #1/100 for fe80::12:3456']);
  },
);

t.test(
  "§7.2.2: in the packet's own name if it is ours on this link, else as near as may be",
  async (t) => {
    const rig = new LinkRig({
      addresses: ['2001:db8::1/64', 'fe80::1/64', '2001:db8:1::1/64', '10.0.0.1/24'],
    });
    const cases: [string, string | undefined, string][] = [
      ['2001:db8::2', '2001:db8:1::1', '2001:db8:1::1'],
      ['2001:db8::3', '2001:db8:9::1', '2001:db8::1'],
      ['2001:db8:1::4', undefined, '2001:db8:1::1'],
      ['2001:db8:7::5', undefined, 'fe80::1'],
    ];
    for (const [to, src, says] of cases) {
      rig.send(to, 1, 60, src);
      const group = `ff02::1:ff00:${to.at(-1)}`;
      t.same(rig.frames(), [
        `33:33:ff:00:00:0${to.at(-1)} ns ${says} > ${group}: ${to} source ${OUR_MAC}`,
      ]);
    }
    const bare = new LinkRig({ addresses: ['10.0.0.1/24'] });
    bare.send('fe80::2', 1);
    t.same(bare.frames(), [], 'no IPv6 address: nobody could answer');
    t.equal(bare.net.mib.ndp.get('SolicitsUnsent'), 1);
    bare.advance(3);
    t.same(bare.outcome.lines, ['unreachable #1/100 for fe80::2']);
  },
);

t.test('§7.3.3: a probe goes to the neighbour alone', async (t) => {
  const rig = new LinkRig();
  rig.nd(ns());
  rig.frames();
  rig.send('fe80::2', 1);
  rig.advance(5);
  t.same(rig.frames(), [`${A} ns fe80::1 > fe80::2: fe80::2 source ${OUR_MAC}`]);
  t.equal(rig.nd(na()), 'accepted');
  t.equal(rig.show('fe80::2'), `REACHABLE ${A}`);
});

t.test('§7.2.5: an advertisement nobody asked for makes no entry', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.nd(na()), 'NDP_NOT_FOR_US');
  t.equal(rig.nd(na({ dst: 'ff02::1', flags: 'O' })), 'NDP_NOT_FOR_US');
  t.equal(rig.table.entries().length, 0);
});

t.test(
  '§7.2.6: an unsolicited advertisement with O moves an entry, and it must prove itself',
  async (t) => {
    const rig = new LinkRig();
    rig.send('fe80::2', 1);
    rig.nd(na({ flags: 'RSO' }));
    t.equal(rig.show('fe80::2'), `REACHABLE ${A} router`);
    t.equal(rig.nd(na({ dst: 'ff02::1', flags: 'RO', link: B })), 'accepted');
    t.equal(rig.show('fe80::2'), `STALE ${B} router`);
  },
);

t.test(
  'solicitations for others, and for our addresses on other links, are not for us',
  async (t) => {
    const rig = new LinkRig();
    t.equal(rig.nd(ns({ target: 'fe80::3' })), 'NDP_NOT_FOR_US');
    t.equal(rig.nd(ns({ src: 'fe80::1' })), 'NDP_NOT_FOR_US', 'our own, looped back');
    t.equal(rig.nd(bareNs({ src: '2001:db8::1' })), 'NDP_NOT_FOR_US');
    const second = createInterface(rig.net, 2, 'test1', rig.device, false, rig.outcome);
    rig.net.config.dadTransmits = 0;
    addAddress6(rig.net, second, ip('2001:db8:5::1'), 64);
    rig.frames();
    t.equal(rig.nd(ns({ target: '2001:db8:5::1' })), 'NDP_NOT_FOR_US');
    t.same(rig.frames(), []);
    t.equal(rig.table.entries().length, 0);
    rig.send('2001:db8::2', 1, 60, '2001:db8:5::1');
    t.match(rig.frames()[0], / ns 2001:db8::1 > /, "nor is another link's address a source here");
  },
);

t.test('somebody advertises an address in use here: reported, nothing changes', async (t) => {
  const rig = new LinkRig();
  t.equal(
    rig.nd(na({ target: 'fe80::1', src: 'fe80::1', dst: 'ff02::1', flags: 'O' })),
    'NDP_NOT_FOR_US',
  );
  t.same(rig.trace.events, ['ndp.conflict 1 1']);
  t.equal(rig.iface.find(ip('fe80::1'))!.state, 'preferred');
});

const BAD: readonly [string, Ndp][] = [
  ['hop limit 254', ns({ hopLimit: 254 })],
  ['code 1', ns({ code: 1 })],
  ['made of fragments (RFC 6980)', ns({ isFragmented: true })],
  ['an only fragment (RFC 6980)', ns({ extensions: [44, 58, 0, 0, 0, 0, 0, 0, 9] })],
  [
    'one behind options',
    ns({ extensions: [60, 44, 0, 1, 4, 0, 0, 0, 0, 58, 0, 0, 0, 0, 0, 0, 9] }),
  ],
  ['a multicast target', ns({ target: 'ff02::1:ff00:1' })],
  ['the unspecified target', ns({ target: '::' })],
  ['the loopback target', ns({ target: '::1' })],
  ['a mapped target: it would be an IPv4 neighbour', ns({ target: '::ffff:10.0.0.1' })],
  ['a mapped source', ns({ src: '::ffff:10.0.0.9' })],
  ['no source, to a unicast address', bareNs({ src: '::', dst: 'fe80::1' })],
  ['no source, to all nodes', bareNs({ src: '::', dst: 'ff02::1' })],
  ['no source, but a source link-layer address', ns({ src: '::' })],
  ['an option without a length', ns({ tail: [9, 0, 0, 0, 0, 0, 0, 0] })],
  ['an option that ends outside', ns({ tail: [9, 2, 0, 0, 0, 0, 0, 0] })],
  ['half an option', ns({ tail: [9, 1, 0, 0] })],
  ['a link-layer address of 14 bytes', bareNs({ tail: [1, 2, ...new Array(14).fill(2)] })],
  ['a group as link-layer address', ns({ source: '33:33:00:00:00:01' })],
  ['zero as link-layer address', ns({ source: '00:00:00:00:00:00' })],
  ['NA: hop limit 64', na({ hopLimit: 64 })],
  ['NA: code 1', na({ code: 1 })],
  ['NA: a multicast target', na({ target: 'ff02::2' })],
  ['NA: solicited, to a group', na({ dst: 'ff02::1', flags: 'S' })],
  ['NA: from no address', na({ src: '::' })],
  ['NA: an option without a length', na({ tail: [2, 0, 0, 0, 0, 0, 0, 0] })],
  ['NA: a group as link-layer address', na({ link: '01:00:5e:00:00:01' })],
];

t.test('§7.1.1, §7.1.2: what is not valid is dropped whole', async (t) => {
  const rig = new LinkRig();
  rig.send('fe80::2', 1);
  rig.frames();
  const bad = [...BAD];
  for (let cutTo = 0; cutTo < 24; cutTo++) bad.push([`cut to ${cutTo}`, ns({ cutTo })]);
  for (let cutTo = 25; cutTo < 32; cutTo++) bad.push([`NA cut to ${cutTo}`, na({ cutTo })]);
  for (const [what, message] of bad) t.equal(rig.nd(message), 'NDP_MALFORMED', what);
  t.equal(rig.show('fe80::2'), 'INCOMPLETE');
  t.same(rig.frames(), []);
  t.equal(rig.table.entries().length, 1);
});

t.test(
  '§4.6: unknown options are skipped, the reserved field and what lies behind are not read',
  async (t) => {
    const rig = new LinkRig();
    const tail = [200, 2, ...new Array(14).fill(0xff), 1, 1, 2, 0, 0, 0, 0, 11];
    t.equal(rig.nd(bareNs({ tail })), 'accepted');
    t.equal(rig.show('fe80::2'), `STALE ${B}`);
  },
);

t.test('destination options in front change nothing', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.nd(ns({ extensions: [60, 58, 0, 1, 4, 0, 0, 0, 0] })), 'accepted');
});

t.test('no room in the device: the answer is counted as lost', async (t) => {
  const rig = new LinkRig({ txFrames: 1 });
  const before = rig.net.mib.ip6.get('OutDiscards'); // announcements of the set-up
  t.equal(rig.nd(ns()), 'accepted');
  t.equal(rig.nd(ns()), 'REPLY_NO_ROOM');
  t.equal(rig.nd(bareNs({ src: '::' })), 'REPLY_NO_ROOM');
  t.equal(rig.nd(bareNs({ src: 'fe80::77' })), 'REPLY_NO_ROOM');
  t.equal(rig.net.mib.ip6.get('OutDiscards') - before, 3);
});

t.test(
  'random, mutated and truncated messages: no exception, and no byte past the end matters',
  async (t) => {
    const address = fc.constantFrom(
      'fe80::1',
      'fe80::2',
      '2001:db8::1',
      '::',
      'ff02::1',
      '::ffff:10.0.0.1',
    );
    const option = fc.tuple(
      fc.constantFrom(1, 2, 14, 9),
      fc.nat(3),
      fc.array(fc.nat(255), { maxLength: 10 }),
    );
    const message = fc.record({
      type: fc.constantFrom('ns' as const, 'na' as const),
      src: address,
      dst: fc.constantFrom(OUR_GROUP, 'fe80::1', 'ff02::1'),
      target: address,
      flags: fc.constantFrom('', 'S', 'O', 'SO', 'RSO'),
      options: fc.array(option, { maxLength: 3 }),
      cut: fc.nat(80),
      flips: fc.array(fc.tuple(fc.nat(79), fc.nat(255)), { maxLength: 2 }),
    });
    const rigs = [new LinkRig(), new LinkRig()] as const;
    holds(
      t,
      'two interfaces that differ only behind the message do the same',
      fc.property(fc.array(message, { maxLength: 12 }), (all) => {
        const seen = rigs.map((rig, i) => {
          rig.table.clear();
          rig.send('fe80::2', 1);
          const lines = all.map((m) => {
            const { options, cut, flips, ...rest } = m;
            const tail = options.flatMap(([type, len, content]) => [type, len, ...content]);
            const bytes = ndpBytes({ ...rest, tail, cutTo: cut });
            for (const [at, x] of flips) if (at < bytes.length) bytes[at]! ^= x;
            const fate = rig.ndBefore(rest, bytes, i === 0 ? 0x00 : 0x01);
            return `${fate} ${rig.frames().join()} ${rig.show('fe80::2')}`;
          });
          rig.advance(10);
          return JSON.stringify([lines, rig.table.entries().length, rig.frames()]);
        });
        return seen[0] === seen[1];
      }),
      300,
    );
  },
);

t.test('a permanent entry is answered to, and not overwritten', async (t) => {
  const rig = new LinkRig();
  rig.table.set(ip('fe80::2'), mac(B), true);
  t.equal(rig.nd(ns()), 'accepted');
  t.equal(rig.show('fe80::2'), `PERMANENT ${B}`);
});
