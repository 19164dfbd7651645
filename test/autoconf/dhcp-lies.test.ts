/** Servers that lie, err or shout: nothing is taken from them, each drop has its reason, nothing grows. */
import fc from 'fast-check';
import t from 'tap';
import type { DhcpDrop } from '../../src/autoconf/dhcp-counters.ts';
import { DHCP_MAX_LEN, DhcpOptions } from '../../src/wire/dhcp-options.ts';
import { holds } from '../support/property.ts';
import {
  type Answer,
  DhcpRig,
  dhcp,
  encode,
  GOOD,
  message,
  OFFERED,
  type OptionBytes,
  option,
  ROUTER,
  SERVER,
} from './dhcp-rig.ts';

const TYPE_OFFER = [53, 1, 2];
const without = (code: number): OptionBytes[] => GOOD.filter(([c]) => c !== code);
const withOption = (changed: OptionBytes): OptionBytes[] => [...without(changed[0]), changed];

interface Lie {
  readonly says: string;
  readonly offer: Partial<Answer>;
  readonly why: DhcpDrop;
}

const LIES: readonly Lie[] = [
  { says: 'a message cut off in its fixed part', offer: { length: 239 }, why: 'DropLength' },
  { says: 'a request instead of a reply', offer: { op: 1 }, why: 'DropNotReply' },
  { says: 'from another port', offer: { ports: { from: 1067, to: 68 } }, why: 'DropNotReply' },
  { says: 'another hardware type', offer: { htype: 6 }, why: 'DropHardwareAddress' },
  { says: 'another length of address', offer: { hlen: 16 }, why: 'DropHardwareAddress' },
  {
    says: 'for another client',
    offer: { chaddr: '02:00:00:00:00:77' },
    why: 'DropHardwareAddress',
  },
  { says: 'another xid', offer: { xid: 1 }, why: 'DropXid' },
  { says: 'no magic cookie', offer: { cookie: [99, 130, 83, 98] }, why: 'DropNoCookie' },
  {
    says: 'an option longer than the message',
    offer: { raw: [...TYPE_OFFER, 51, 9, 0] },
    why: 'DropOptions',
  },
  { says: 'an option without a length', offer: { raw: [...TYPE_OFFER, 51] }, why: 'DropOptions' },
  {
    says: 'overload of a kind that is not',
    offer: { options: [...GOOD, [52, [4]]] },
    why: 'DropOptions',
  },
  {
    says: 'overload of two bytes',
    offer: { options: [...GOOD, [52, [1, 1]]] },
    why: 'DropOptions',
  },
  {
    says: 'overload into a field whose options overrun it',
    offer: { options: [...GOOD, [52, [1]]], file: [12, 200] },
    why: 'DropOptions',
  },
  { says: 'no message type', offer: { raw: [...encode(GOOD), 255] }, why: 'DropMessageType' },
  {
    says: 'a message type of two bytes',
    offer: { raw: [53, 2, 2, 2, 255] },
    why: 'DropMessageType',
  },
  { says: 'a type that servers do not send', offer: { type: 'DISCOVER' }, why: 'DropMessageType' },
  { says: 'an ACK that nobody asked for', offer: { type: 'ACK' }, why: 'DropUnexpected' },
  { says: 'a NAK that nobody asked for', offer: { type: 'NAK' }, why: 'DropUnexpected' },
  { says: 'no server identifier', offer: { options: without(54) }, why: 'DropNoServer' },
  {
    says: 'a server identifier of 0',
    offer: { options: withOption(option.server('0.0.0.0')) },
    why: 'DropNoServer',
  },
  {
    says: 'a group as server',
    offer: { options: withOption(option.server('224.0.0.1')) },
    why: 'DropNoServer',
  },
  { says: 'an address of 0', offer: { yiaddr: '0.0.0.0' }, why: 'DropAddress' },
  { says: 'a multicast address', offer: { yiaddr: '224.0.0.5' }, why: 'DropAddress' },
  { says: 'a reserved address', offer: { yiaddr: '250.0.0.5' }, why: 'DropAddress' },
  { says: 'a loopback address', offer: { yiaddr: '127.0.0.1' }, why: 'DropAddress' },
  { says: 'the gateway’s address', offer: { yiaddr: ROUTER }, why: 'DropAddress' },
  { says: 'the server’s own address', offer: { yiaddr: SERVER }, why: 'DropAddress' },
  { says: 'the subnet’s broadcast address', offer: { yiaddr: '10.0.0.255' }, why: 'DropAddress' },
  { says: 'the subnet’s own address', offer: { yiaddr: '10.0.0.0' }, why: 'DropAddress' },
  {
    says: 'a mask with holes',
    offer: { options: withOption(option.mask('255.0.255.0')) },
    why: 'DropMask',
  },
  {
    says: 'a mask shorter than a class A’s',
    offer: { options: withOption(option.mask('254.0.0.0')) },
    why: 'DropMask',
  },
  { says: 'a mask of 0', offer: { options: withOption(option.mask('0.0.0.0')) }, why: 'DropMask' },
  {
    says: 'a mask of three bytes',
    offer: { options: withOption([1, [255, 255, 255]]) },
    why: 'DropOptions',
  },
  {
    says: 'routers of five bytes',
    offer: { options: withOption([3, [10, 0, 0, 1, 10]]) },
    why: 'DropOptions',
  },
  { says: 'no lease time', offer: { options: without(51) }, why: 'DropLeaseTime' },
  { says: 'a lease of 0 s', offer: { options: withOption(option.lease(0)) }, why: 'DropLeaseTime' },
  {
    says: 'a lease of 29 s',
    offer: { options: withOption(option.lease(29)) },
    why: 'DropLeaseTime',
  },
  {
    says: 'a route wider than 32 bits',
    offer: { options: [...GOOD, [121, [33, 1, 2, 3, 4, 5, 1, 1, 1, 1]]] },
    why: 'DropRoutes',
  },
  {
    says: 'a route cut off',
    offer: { options: [...GOOD, [121, [24, 10, 1, 0, 10, 0, 0]]] },
    why: 'DropRoutes',
  },
  {
    says: 'a route through a group',
    offer: { options: [...GOOD, option.routes('10.1.0.0/16 via 224.0.0.1')] },
    why: 'DropRoutes',
  },
];

for (const { says, offer, why } of LIES) {
  dhcp(`an offer is dropped: ${says}`, (t, r) => {
    r.client.start();
    r.lines(0);
    t.equal(r.give(offer), 'DHCP_IGNORED');
    t.equal(r.counted(why), 1, why);
    t.same([r.client.state, r.lines(0)], ['selecting', []], 'and nothing came of it');
    t.equal(r.give(), 'accepted', 'a good one is taken after it');
  });
}

dhcp('an address that the stack has already is not taken', (t, r) => {
  r.h.addAddress(r.h.port, '10.0.0.50/24');
  r.h.sent();
  r.client.start();
  r.lines(0);
  r.give();
  t.equal(r.counted('DropAddress'), 1);
});

dhcp('of several offers the first is asked for, and only its server is listened to', (t, r) => {
  r.client.start();
  r.lines(0);
  r.give();
  r.lines(0);
  const other = [option.server('10.0.0.3'), ...GOOD.slice(1)];
  t.equal(r.give({ yiaddr: '10.0.0.60', options: other }), 'DHCP_IGNORED');
  t.equal(r.give({ type: 'NAK', options: [option.server('10.0.0.3')] }), 'DHCP_IGNORED');
  t.equal(r.give({ type: 'ACK', options: other }), 'DHCP_IGNORED');
  t.equal(r.give({ type: 'ACK', yiaddr: '10.0.0.60' }), 'DHCP_IGNORED');
  t.same(
    [r.counted('DropUnexpected'), r.counted('DropOtherServer'), r.counted('DropOtherAddress')],
    [1, 2, 1],
  );
  t.equal(r.client.state, 'requesting');
});

dhcp('a flood of offers costs nothing but its counting', (t, r) => {
  r.client.start();
  r.lines(0);
  for (let i = 0; i < 2000; i++) r.give({ yiaddr: `10.0.${1 + (i % 200)}.7`, xid: i });
  r.give();
  r.lines(0);
  for (let i = 0; i < 2000; i++) r.give();
  t.equal(r.counted('OffersIn'), 1);
  t.equal(r.counted('DropUnexpected') + r.counted('DropXid'), 4000);
  t.same(r.lines(0), []);
  t.equal(r.h.memory.cells.held, 0);
});

dhcp('RFC 3442: classless routes stand instead of the routers; those on the link first', (t, r) => {
  r.bind([
    ...GOOD,
    option.routes('0.0.0.0/0 via 10.0.7.1', '10.1.0.0/16 via 10.0.0.9', '10.0.7.0/25 via 0.0.0.0'),
  ]);
  t.same(r.routes(), [
    '10.0.7.0/25',
    '10.0.0.0/24',
    '10.1.0.0/16 via 10.0.0.9',
    '0.0.0.0/0 via 10.0.7.1',
  ]);
  t.equal(r.client.use.routesRefused, 0);
});

dhcp('a route without a way to its gateway is left out and counted', (t, r) => {
  r.bind([...GOOD, option.routes('10.1.0.0/16 via 192.0.2.1', '10.2.0.0/16 via 10.0.0.9')]);
  t.same(r.routes(), ['10.0.0.0/24', '10.2.0.0/16 via 10.0.0.9']);
  t.equal(r.client.use.routesRefused, 1);
});

dhcp('a router outside the subnet is reached on the link', (t, r) => {
  r.bind([
    ...without(1).filter(([c]) => c !== 3),
    option.mask('255.255.255.255'),
    option.routers('10.9.9.9'),
  ]);
  t.same(r.addresses(), [`${OFFERED}/32`]);
  t.same(r.routes(), ['10.9.9.9/32', '0.0.0.0/0 via 10.9.9.9']);
});

dhcp(
  'what is only doubtful is left out: tiny MTUs, names that are none, servers that cannot be',
  (t, r) => {
    r.bind([
      ...GOOD.filter(([c]) => c !== 6 && c !== 15),
      option.mtu(68),
      option.domain('a\u001b[2Jb'),
      option.dns('0.0.0.0', '224.0.0.1', '10.0.0.53'),
      option.t1(4000),
      option.t2(3999),
    ]);
    const lease = r.client.lease!;
    t.same([lease.mtu, lease.domain, lease.nameServers.length], [0, '', 1]);
    t.same(
      [lease.renewNs / 1e9, lease.rebindNs / 1e9],
      [1800, 3150],
      'beyond the lease: the defaults',
    );
  },
);

dhcp(
  'RFC 3396: an option in pieces is one; RFC 2132 §9.3: overload is read, file before sname',
  (t, r) => {
    const pieces = option.routes('10.1.0.0/16 via 10.0.0.9', '10.2.0.0/16 via 10.0.0.9')[1];
    const overloaded: Partial<Answer> = {
      options: [...GOOD, [121, pieces.slice(0, 3)], [52, [3]]],
      file: [121, 5, ...pieces.slice(3, 8), 255],
      sname: [0, 0, 121, pieces.length - 8, ...pieces.slice(8), 255],
    };
    r.client.start();
    r.lines(0);
    r.give(overloaded);
    r.lines(0);
    r.give({ ...overloaded, type: 'ACK' });
    r.lines(9);
    t.same(r.routes(), ['10.0.0.0/24', '10.1.0.0/16 via 10.0.0.9', '10.2.0.0/16 via 10.0.0.9']);
  },
);

t.test(
  'any bytes: options are read or refused, never beyond the message, and never with other answers',
  async (t) => {
    const near = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 6, 51, 52, 53, 54, 121, 255), {
      maxLength: 80,
    });
    const any = fc.uint8Array({ maxLength: 400 });
    const area = fc.oneof(
      near.map((a) => Uint8Array.from(a)),
      any,
    );
    const o = new DhcpOptions();
    holds(
      t,
      'options of any bytes',
      fc.property(
        area,
        area,
        area,
        fc.integer({ min: 0, max: 255 }),
        (tail, file, sname, filler) => {
          const bytes = message({
            xid: 7,
            raw: [...tail],
            file: [...file.slice(0, 128)],
            sname: [...sname.slice(0, 64)],
          });
          const answers = [filler, filler ^ 0xff].map((around) => {
            const u8 = new Uint8Array(DHCP_MAX_LEN + 600).fill(around);
            u8.set(bytes, 100);
            if (!o.read(u8, 100, bytes.length)) return 'refused';
            const all: number[] = [];
            for (let code = 1; code < 255; code++) {
              if (!o.has(code)) continue;
              all.push(code, o.length(code));
              for (let i = 0; i < o.length(code); i++) all.push(o.u8(code, i));
            }
            return all.join();
          });
          return answers[0] === answers[1];
        },
      ),
    );
  },
);

t.test('any answer: a client is in a known state, and works with the next good one', async () => {
  const code = fc.constantFrom(1, 3, 6, 15, 26, 51, 52, 53, 54, 58, 59, 121);
  const value = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 });
  const answer = fc.record({
    type: fc.constantFrom('OFFER', 'ACK', 'NAK'),
    options: fc.array(fc.tuple(code, value), { maxLength: 8 }),
  });
  holds(
    t,
    'answers of any kind',
    fc.property(fc.array(answer, { maxLength: 6 }), (answers) => {
      const r = new DhcpRig();
      r.client.start();
      r.lines(0);
      for (const { type, options } of answers) {
        r.give({ type, options: [...GOOD, ...options] });
        r.lines(0);
      }
      r.client.stop();
      r.client.start();
      r.lines(0);
      const isTaken = r.give() === 'accepted' && r.client.state === 'requesting';
      r.client.stop();
      return isTaken && r.h.stop() === 0;
    }),
    40,
  );
});
