/** RFC 826 and RFC 1122 §2.3.2 as frames in and frames out. */
import fc from 'fast-check';
import t from 'tap';
import { announce } from '../../src/net/arp.ts';
import { addAddress4 } from '../../src/net/dad.ts';
import { holds } from '../support/property.ts';
import { arpBytes, ip, LinkRig, OUR_MAC, prefix, reply, request } from './link-rig.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const ALL = 'ff:ff:ff:ff:ff:ff';

t.test(
  'RFC 826: a request for our address is answered, and its sender is remembered',
  async (t) => {
    const rig = new LinkRig();
    t.equal(rig.arp(request('10.0.0.9', A, '10.0.0.1')), 'accepted');
    t.same(rig.frames(), [`${A} arp 10.0.0.1 is here, 10.0.0.9 at ${A}`]);
    t.equal(rig.show('10.0.0.9'), `STALE ${A}`);
  },
);

t.test('any address of ours is answered for, and no other', async (t) => {
  const rig = new LinkRig({ addresses: ['10.0.0.1/24', '192.168.7.7/16'] });
  t.equal(rig.arp(request('10.0.0.9', A, '192.168.7.7')), 'accepted');
  t.equal(rig.frames().length, 1);
  t.equal(rig.arp(request('10.0.0.9', A, '10.0.0.2')), 'accepted', 'it updates the entry we have');
  t.equal(rig.arp(request('10.0.0.8', B, '10.0.0.2')), 'ARP_NOT_FOR_US', 'but makes none');
  t.same(rig.frames(), []);
  t.equal(rig.show('10.0.0.8'), 'none');
});

t.test('a probe from 0.0.0.0 for our address is answered and teaches nothing', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.arp(request('0.0.0.0', A, '10.0.0.1')), 'accepted');
  t.same(rig.frames(), [`${A} arp 10.0.0.1 is here, 0.0.0.0 at ${A}`]);
  t.equal(rig.table.entries().length, 0);
  t.equal(rig.arp(request('0.0.0.0', A, '10.0.0.77')), 'ARP_NOT_FOR_US');
});

t.test('resolution: request, reply, and the packet that waited goes out', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.send('10.0.0.2', 1), 'INCOMPLETE');
  t.same(rig.frames(), [`${ALL} arp who has 10.0.0.2, says 10.0.0.1`]);
  t.equal(rig.arp(reply('10.0.0.2', A, '10.0.0.1')), 'accepted');
  t.same(rig.outcome.lines, ['sent #1/100 to 10.0.0.2']);
  t.equal(rig.show('10.0.0.2'), `REACHABLE ${A}`);
  t.equal(rig.send('10.0.0.2', 2), 'REACHABLE');
  t.same(rig.frames(), []);
});

t.test('RFC 1122 §2.3.2.1: one request a second, three in all, however much is sent', async (t) => {
  const rig = new LinkRig();
  const times: number[] = [];
  for (let ms = 0; ms < 3500; ms += 50) {
    rig.send('10.0.0.2', 1);
    for (const _ of rig.frames()) times.push(ms);
    rig.advance(0.05);
  }
  // The entry failed at 3 s; the send at 3 s starts a new round.
  t.same(times, [0, 1000, 2000, 3000]);
  t.equal(rig.outcome.lines[0], 'unreachable #1/100 for 10.0.0.2');
  t.equal(rig.net.mib.arp.get('ResFailed'), 1);
});

t.test("the request is sent in the packet's own name, if it is ours", async (t) => {
  const rig = new LinkRig({ addresses: ['10.0.0.1/24', '10.0.0.3/24', '172.16.0.1/12'] });
  const cases: [string, string | undefined, string][] = [
    ['10.0.0.20', '10.0.0.3', '10.0.0.3'],
    ['10.0.0.21', '10.0.0.99', '10.0.0.1'],
    ['10.0.0.22', undefined, '10.0.0.1'],
    ['172.16.5.5', undefined, '172.16.0.1'],
    ['10.0.0.23', '172.16.0.1', '172.16.0.1'],
    ['8.8.8.8', undefined, '10.0.0.1'],
  ];
  for (const [to, src, says] of cases) {
    rig.send(to, 1, 60, src);
    t.same(rig.frames(), [`${ALL} arp who has ${to}, says ${says}`], `${to} from ${src}`);
  }
});

t.test('what is not ARP for IPv4 over Ethernet is malformed', async (t) => {
  const rig = new LinkRig();
  const good = request('10.0.0.9', A, '10.0.0.1');
  for (let len = 0; len < 28; len++)
    t.equal(rig.arp(good.slice(0, len)), 'ARP_MALFORMED', `${len}`);
  for (const at of [0, 1, 2, 3, 4, 5, 6]) {
    const bad = good.slice();
    bad[at]! ^= 0x40;
    t.equal(rig.arp(bad), 'ARP_MALFORMED', `byte ${at}`);
  }
  const frames = {
    'operation 0': { op: 0, sender: '10.0.0.9', from: A, target: '10.0.0.1' },
    'a RARP request': { op: 3, sender: '10.0.0.9', from: A, target: '10.0.0.1' },
    'a group MAC': { op: 1, sender: '10.0.0.9', from: '03:00:00:00:00:09', target: '10.0.0.1' },
    'the zero MAC': { op: 1, sender: '10.0.0.9', from: '00:00:00:00:00:00', target: '10.0.0.1' },
    'a multicast sender': { op: 1, sender: '224.0.0.9', from: A, target: '10.0.0.1' },
    'a broadcast sender': { op: 1, sender: '255.255.255.255', from: A, target: '10.0.0.1' },
    "the subnet's broadcast": { op: 1, sender: '10.0.0.255', from: A, target: '10.0.0.1' },
    'a loopback sender': { op: 1, sender: '127.0.0.1', from: A, target: '10.0.0.1' },
  };
  for (const [what, frame] of Object.entries(frames)) {
    t.equal(rig.arp(arpBytes(frame)), 'ARP_MALFORMED', what);
  }
  for (const target of ['224.0.0.1', '127.0.0.1', '255.255.255.255', '10.0.0.255', '0.0.0.0']) {
    t.equal(rig.arp(request('10.0.0.9', A, target)), 'ARP_NOT_FOR_US', target);
  }
  t.same(rig.frames(), []);
  t.equal(rig.table.entries().length, 0);
  t.equal(
    rig.arp(Uint8Array.from([...good, ...new Array(18).fill(0)])),
    'accepted',
    'padded to 46',
  );
});

t.test('somebody with our address is reported, not answered and not learnt', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.arp(request('10.0.0.1', A, '10.0.0.1')), 'ARP_NOT_FOR_US');
  t.equal(rig.arp(reply('10.0.0.1', A, '10.0.0.1')), 'ARP_NOT_FOR_US');
  t.same(rig.frames(), []);
  t.same(rig.trace.events, ['arp.conflict 1 167772161', 'arp.conflict 1 167772161']);
  t.equal(rig.table.entries().length, 0);
});

t.test('a gratuitous ARP changes an entry that is there, at once, and makes none', async (t) => {
  for (const kind of ['request', 'reply'] as const) {
    const rig = new LinkRig();
    const gratuitous = (from: string) =>
      kind === 'request'
        ? request('10.0.0.2', from, '10.0.0.2')
        : reply('10.0.0.2', from, '10.0.0.2', ALL);
    t.equal(rig.arp(gratuitous(A)), 'ARP_NOT_FOR_US');
    t.equal(rig.show('10.0.0.2'), 'none');
    rig.send('10.0.0.2', 1);
    rig.arp(reply('10.0.0.2', A, '10.0.0.1'));
    t.equal(rig.arp(gratuitous(A)), 'accepted');
    t.equal(
      rig.show('10.0.0.2'),
      `REACHABLE ${A}`,
      'the same address proves and disproves nothing',
    );
    t.equal(rig.arp(gratuitous(B)), 'accepted');
    t.equal(rig.show('10.0.0.2'), `STALE ${B}`, `${kind}: a new address has to prove itself`);
  }
});

t.test('of two replies to one request the first counts for a second', async (t) => {
  const rig = new LinkRig();
  rig.send('10.0.0.2', 1);
  rig.arp(reply('10.0.0.2', A, '10.0.0.1'));
  t.equal(rig.arp(reply('10.0.0.2', B, '10.0.0.1')), 'accepted');
  t.equal(rig.show('10.0.0.2'), `REACHABLE ${A}`);
  rig.advance(1);
  t.equal(rig.arp(reply('10.0.0.2', B, '10.0.0.1')), 'accepted');
  t.equal(rig.show('10.0.0.2'), `STALE ${B}`, 'later it is news, but unasked: not proven');
});

t.test('a reply nobody asked for proves nothing', async (t) => {
  const rig = new LinkRig();
  t.equal(rig.arp(reply('10.0.0.2', A, '10.0.0.1')), 'ARP_NOT_FOR_US');
  rig.arp(request('10.0.0.2', A, '10.0.0.1'));
  t.equal(rig.arp(reply('10.0.0.2', A, '10.0.0.1')), 'accepted');
  t.equal(rig.show('10.0.0.2'), `STALE ${A}`);
});

t.test('a broadcast reply resolves, but does not prove that we are heard', async (t) => {
  const rig = new LinkRig();
  rig.send('10.0.0.2', 1);
  rig.arp(reply('10.0.0.2', A, '10.0.0.1', ALL));
  t.equal(rig.show('10.0.0.2'), `DELAY ${A}`, 'the waiting packet was the first use');
  t.same(rig.outcome.lines, ['sent #1/100 to 10.0.0.2']);
});

t.test('a request resolves its sender, but is no answer to ours, whatever it says', async (t) => {
  const rig = new LinkRig();
  rig.send('10.0.0.2', 1);
  rig.arp(arpBytes({ op: 1, sender: '10.0.0.2', from: A, target: '10.0.0.77', to: OUR_MAC }));
  t.equal(rig.show('10.0.0.2'), `DELAY ${A}`);
});

t.test(
  'RFC 1122 §2.3.2.1: a stale entry is asked by unicast, and dropped when silent',
  async (t) => {
    const rig = new LinkRig();
    rig.arp(request('10.0.0.2', A, '10.0.0.1'));
    rig.frames();
    t.equal(rig.send('10.0.0.2', 1), 'DELAY');
    rig.advance(4.9);
    t.same(rig.frames(), []);
    rig.advance(0.2);
    t.same(rig.frames(), [`${A} arp who has 10.0.0.2, says 10.0.0.1`]);
    rig.advance(2);
    t.equal(rig.frames().length, 2);
    t.equal(rig.show('10.0.0.2'), `PROBE ${A}`);
    rig.advance(1);
    t.equal(rig.show('10.0.0.2'), 'FAILED');
  },
);

t.test(
  'no room in the device: the answer is counted as lost, the question is asked again',
  async (t) => {
    const rig = new LinkRig({ txFrames: 2 });
    rig.arp(request('10.0.0.8', A, '10.0.0.1'));
    rig.arp(request('10.0.0.8', A, '10.0.0.1'));
    t.equal(rig.arp(request('10.0.0.8', A, '10.0.0.1')), 'REPLY_NO_ROOM');
    const n = rig.table.resolve(ip('10.0.0.2'))!;
    rig.table.hold(n, rig.inputAt, 60, 0, 0, 0, 0);
    t.equal(rig.net.mib.arp.get('SolicitsUnsent'), 1);
    t.equal(rig.frames().length, 2);
    rig.advance(1);
    t.same(rig.frames(), [`${ALL} arp who has 10.0.0.2, says 10.0.0.1`]);
    t.equal(rig.net.mib.arp.get('SolicitsSent'), 1);
  },
);

t.test('a new IPv4 address is in use at once and announced', async (t) => {
  const rig = new LinkRig();
  const { address, bits } = prefix('10.0.0.5/24');
  t.equal(addAddress4(rig.net, rig.iface, address, bits), 0);
  t.same(rig.frames(), [`${ALL} arp who has 10.0.0.5, says 10.0.0.5`]);
  t.equal(rig.arp(request('10.0.0.9', A, '10.0.0.5')), 'accepted');
  rig.frames();
  announce(rig.net, rig.iface, rig.iface.find(ip('fe80::1'))!);
  t.same(rig.frames(), [`33:33:00:00:00:01 na fe80::1 > ff02::1: fe80::1 O target ${OUR_MAC}`]);
});

t.test('random and truncated ARP: no exception, and no byte past the end matters', async (t) => {
  const field = (n: number) => fc.array(fc.nat(255), { minLength: n, maxLength: n });
  const address = fc.constantFrom([10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 255], [0, 0, 0, 0]);
  const likely = fc
    .tuple(fc.constantFrom(0, 1, 2, 3), field(6), fc.oneof(address, field(4)), field(6), address)
    .map(([op, from, sender, to, target]) => [
      0,
      1,
      8,
      0,
      6,
      4,
      0,
      op,
      ...from,
      ...sender,
      ...to,
      ...target,
    ]);
  const anything = fc.array(fc.nat(255), { maxLength: 60 });
  const packets = fc.array(fc.tuple(fc.oneof(likely, anything), fc.nat(40)), { maxLength: 12 });
  const rigs = [new LinkRig(), new LinkRig()] as const;
  holds(
    t,
    'two interfaces that differ only behind the packet do the same',
    fc.property(packets, (all) => {
      const seen = rigs.map((rig, i) => {
        rig.table.clear();
        rig.send('10.0.0.2', 1);
        const lines = all.map(([bytes, cut]) => {
          const packet = Uint8Array.from(bytes).slice(0, cut);
          return `${rig.arpBefore(packet, i === 0 ? 0x00 : 0x0a)} ${rig.frames().join()} ${rig.show('10.0.0.2')}`;
        });
        rig.advance(10);
        return JSON.stringify([lines, rig.table.entries().length, rig.frames()]);
      });
      return seen[0] === seen[1];
    }),
    300,
  );
});
