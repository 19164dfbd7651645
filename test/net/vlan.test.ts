/** IEEE 802.1Q: the VLANs of a device, each an interface of its own; priority tags; what is refused. */
import tap, { type Test } from 'tap';
import { EEXIST, EINVAL, EOPNOTSUPP, ERANGE } from '../../src/base/errno.ts';
import { RX_FLAG } from '../../src/link/ring-layout.ts';
import { startGroupReports } from '../../src/net/group-reporter.ts';
import type { Interface } from '../../src/net/interface.ts';
import { NO_FACTS, NO_METRICS, type Route } from '../../src/net/route-table.ts';
import { routeTo } from '../../src/net/route-to.ts';
import { arpBytes } from './link-rig.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  data,
  echo4,
  echo6,
  ethernet,
  hex,
  ip4,
  join,
  PEER_MAC,
  read,
  type Seen,
  sum16,
  u16,
  udp,
} from './packets.ts';
import { dialogue, ip, NetHarness } from './rig.ts';

const US = '10.100.0.1';
const PEER = '10.100.0.2';
const UDP = 17;

/** A VLAN of eth0 with its addresses and its neighbour. */
function addVlan(h: NetHarness, id: number, options: { mtu?: number } = {}): Interface {
  const iface = h.stack.addVlan(h.port.iface, id, `eth0.${id}`, {
    groupReports: false,
    ...options,
  });
  if (typeof iface === 'number') throw new Error(`addVlan: ${iface}`);
  h.stack.addAddress(iface, ip(`10.${id}.0.1`), 24);
  h.stack.addAddress(iface, ip(`fd00:${id}::1`), 64);
  iface.neighbours.set(ip(`10.${id}.0.2`), h.port.iface.device.mac, true);
  iface.neighbours.set(ip(`fd00:${id}::2`), h.port.iface.device.mac, true);
  h.settle();
  h.port.wire.frames.length = 0;
  return iface;
}

/** Puts a tag into a frame. */
function tagged(frame: Bytes, tci: number, type = 0x8100): Bytes {
  return join(frame.subarray(0, 12), u16(type), u16(tci), frame.subarray(12));
}

/** Frames that left, read without their tags, and the tags: -1 for a frame without. */
function sent(h: NetHarness): { tci: number; seen: Seen }[] {
  return h.port.wire.frames.splice(0).map((f) => {
    const isTagged = f[12] === 0x81 && f[13] === 0;
    const bare = isTagged ? join(f.subarray(0, 12), f.subarray(16)) : f;
    return { tci: isTagged ? f[14]! * 256 + f[15]! : -1, seen: read(bare) };
  });
}

const lines = (h: NetHarness): string[] => sent(h).map((s) => `${s.tci} ${s.seen.line}`);
const ping = (body = 8): Bytes => ethernet(echo4(data(body), { src: PEER, dst: US }));

dialogue(
  '802.1Q: a frame tagged for a VLAN is its interface’s, and the answer has the tag',
  (t, h) => {
    addVlan(h, 100);
    t.equal(h.giveFrame(tagged(ping(), 100)), 'accepted');
    t.strictSame(lines(h), [`100 ${US} > ${PEER} icmp reply id 7 seq 1 len 8`]);
    const six = ethernet(echo6(data(8), { src: 'fd00:100::2', dst: 'fd00:100::1' }));
    t.equal(h.giveFrame(tagged(six, 100)), 'accepted');
    t.strictSame(lines(h), ['100 fd00:100::1 > fd00:100::2 icmp6 reply id 7 seq 1 len 8']);
  },
);

/** ARP: `sender` is at the peer's MAC address. */
function isAt(sender: string, target: string): Bytes {
  return ethernet(arpBytes({ op: 2, sender, from: PEER_MAC, target }), { type: 0x0806 });
}

/** ARP: who has `target`? */
function whoHas(target: string, from: string): Bytes {
  const four = (a: string) => a.split('.').map(Number);
  const request = join(u16(1), u16(0x800), [6, 4], u16(1), hex(PEER_MAC), four(from));
  const frame = join(hex(BROADCAST_MAC), hex(PEER_MAC), u16(0x0806));
  return join(frame, request, hex('00:00:00:00:00:00'), four(target));
}

dialogue('802.1Q: VLANs have neighbours and routes of their own', (t, h) => {
  const a = addVlan(h, 100);
  const b = addVlan(h, 200);
  const asked = (frame: Bytes): unknown[] => [
    h.giveFrame(frame),
    ...sent(h).map((s) => `${s.tci} ${s.seen.kind} to ${s.seen.to}`),
  ];
  t.strictSame(asked(tagged(whoHas('10.100.0.1', '10.100.0.9'), 100)), [
    'accepted',
    `100 arp to ${PEER_MAC}`,
  ]);
  t.ok(a.neighbours.find(ip('10.100.0.9')), 'the asker is known on its VLAN');
  t.equal(b.neighbours.find(ip('10.100.0.9')), null, 'and on no other');
  t.equal(h.port.iface.neighbours.find(ip('10.100.0.9')), null);
  h.ping(h.echo(), '10.200.0.2');
  t.match(lines(h).join(), /^200 10\.200\.0\.1 > 10\.200\.0\.2 icmp request id \d+ seq 1 len 8$/);
  h.ping(h.echo(), '10.200.0.77');
  t.strictSame(
    sent(h).map((s) => `${s.tci} ${s.seen.kind} to ${s.seen.to}`),
    [`200 arp to ${BROADCAST_MAC}`],
    'the question has the tag as well',
  );
  h.giveFrame(tagged(whoHas('10.200.0.1', '10.200.0.77'), 200));
  t.match(
    lines(h).join(),
    /200 10\.200\.0\.1 > 10\.200\.0\.77 icmp request/,
    'and what waited for it',
  );
});

dialogue('802.1Q: what has no place is dropped, each kind by its reason', (t, h) => {
  addVlan(h, 100);
  const FATES: readonly [string, Bytes, string][] = [
    ['another VLAN', tagged(ping(), 101), 'ETH_UNKNOWN_VLAN'],
    ['the reserved identifier', tagged(ping(), 4095), 'ETH_UNKNOWN_VLAN'],
    ['a tag in a tag', tagged(tagged(ping(), 100), 100), 'ETH_NESTED_TAG'],
    ['a tag in a priority tag', tagged(tagged(ping(), 100), 0xe000), 'ETH_NESTED_TAG'],
    ['802.1ad', tagged(tagged(ping(), 100), 100, 0x88a8), 'ETH_NESTED_TAG'],
    ['802.1ad alone', tagged(ping(), 100, 0x88a8), 'ETH_NESTED_TAG'],
    ['cut in the tag', tagged(ping(), 100).slice(0, 17), 'ETH_TRUNCATED'],
    ['no packet behind the tag', tagged(ping(), 100).slice(0, 18), 'IP_BAD_HEADER'],
    ['a type nobody knows', tagged(ethernet(data(50), { type: 0x1234 }), 100), 'ETH_UNKNOWN_TYPE'],
    ['for another station', tagged(ethernet(data(50), { dst: PEER_MAC }), 100), 'ETH_OTHER_HOST'],
    [
      'from another VLAN’s address',
      tagged(ethernet(echo4(data(8), { src: US })), 100),
      'IP_MARTIAN_SOURCE',
    ],
  ];
  for (const [what, frame, fate] of FATES) t.equal(h.giveFrame(frame), fate, what);
  t.strictSame(lines(h), []);
});

dialogue('802.1Q: a priority tag (VID 0) is no VLAN, and its priority is seen', (t, h) => {
  addVlan(h, 100);
  t.equal(h.giveFrame(tagged(ethernet(echo4(data(8))), 5 << 13)), 'accepted');
  t.strictSame(
    lines(h),
    ['-1 10.0.0.1 > 10.0.0.2 icmp reply id 7 seq 1 len 8'],
    'answered untagged',
  );
  t.strictSame([...h.port.iface.priorities], [0, 0, 0, 0, 0, 1, 0, 0]);
  const vlan = h.stack.interfaceByName('eth0.100')!;
  t.equal(
    h.giveFrame(tagged(ping(), (3 << 13) | 0x1000 | 100)),
    'accepted',
    'PCP 3, drop eligible',
  );
  t.strictSame([...vlan.priorities], [0, 0, 0, 1, 0, 0, 0, 0]);
  t.strictSame(lines(h), [`100 ${US} > ${PEER} icmp reply id 7 seq 1 len 8`], 'with priority 0');
});

dialogue('802.1Q: a VLAN counts its own frames, without tags', (t, h) => {
  const { stats } = addVlan(h, 100).device;
  const before = stats.get('txFrames');
  const bytes = stats.get('txBytes');
  h.giveFrame(tagged(ping(100), 100));
  t.equal(stats.get('rxFrames'), 1);
  t.equal(stats.get('rxBytes'), ping(100).length);
  t.equal(stats.get('txFrames') - before, 1);
  t.equal(stats.get('txBytes') - bytes, ping(100).length);
  h.give(echo4(data(8)));
  h.giveFrame(tagged(ping(), 101));
  t.equal(stats.get('rxFrames'), 1, 'and no others');
});

for (const txChecksum of [false, true]) {
  dialogue(
    `802.1Q: 1500 bytes go in a frame of 1518, checksums ${txChecksum ? 'left to the device' : 'complete'}`,
    (t, h) => {
      addVlan(h, 100);
      const s = h.echo();
      h.ping(s, PEER, data(1472));
      const [whole] = sent(h);
      t.equal(whole!.seen.frame.length, 1514, 'and its tag');
      t.match(whole!.seen.line, /^10\.100\.0\.1 > 10\.100\.0\.2 icmp request .* len 1472$/);
      h.ping(s, PEER, data(1473));
      t.strictSame(lines(h), [
        `100 ${US} > ${PEER} frag 1480@0+`,
        `100 ${US} > ${PEER} frag 1@1480`,
      ]);
      t.equal(h.giveFrame(tagged(ping(1472), 100)), 'accepted', 'and such a frame is taken');
      t.equal(lines(h).length, 1);
      const d = h.stack.udp.open('ipv4');
      h.stack.udp.sendTo(d, data(100), ip(PEER), 9);
      h.settle();
      t.match(lines(h)[0], /^100 10\.100\.0\.1 > 10\.100\.0\.2 udp \d+ > 9 len 100$/);
      h.stack.udp.close(d);
    },
    { caps: { txChecksum } },
  );
}

dialogue('802.1Q: a VLAN may have a smaller MTU than its device, not a larger one', (t, h) => {
  addVlan(h, 100, { mtu: 1000 });
  h.ping(h.echo(), PEER, data(973));
  t.strictSame(lines(h), [`100 ${US} > ${PEER} frag 976@0+`, `100 ${US} > ${PEER} frag 5@976`]);
});

dialogue('802.1Q: the device’s sum of a tagged frame is the packet’s, and the tag', (t, h) => {
  addVlan(h, 100);
  const s = h.stack.udp.open('ipv4');
  h.stack.udp.bind(s, ip(US), 5000);
  for (const [body, isBad] of [
    [data(33), false],
    [data(33), true],
  ] as const) {
    const datagram = udp({ to: 5000 }, body, PEER, US);
    if (isBad) datagram[20]! ^= 1;
    const frame = tagged(ethernet(ip4({ src: PEER, dst: US, protocol: UDP }, datagram)), 100);
    const how = { flags: RX_FLAG.CSUM_COMPLETE, sum: sum16(frame.subarray(14)) };
    t.equal(h.giveFrame(frame, how), isBad ? 'UDP_BAD_CHECKSUM' : 'accepted');
  }
  h.stack.udp.close(s);
});

tap.test('802.1Q: which VLANs there can be', async (t: Test) => {
  const h = new NetHarness();
  const { stack } = h;
  const eth0 = h.port.iface;
  const vlan = addVlan(h, 100);
  const lo = stack.interfaceByName('lo')!;
  t.equal(stack.addVlan(eth0, 0, 'v0'), -ERANGE);
  t.equal(stack.addVlan(eth0, 4095, 'v4095'), -ERANGE);
  t.equal(stack.addVlan(eth0, 7, 'v7', { mtu: 1501 }), -ERANGE);
  t.equal(stack.addVlan(eth0, 7, 'v7', { mtu: 67 }), -ERANGE, 'RFC 791 §3.2');
  const small = stack.addVlan(eth0, 8, 'v8', { mtu: 1279 }) as Interface;
  t.strictSame(small.addresses, [], 'RFC 8200 §5: no IPv6');
  t.equal(stack.addAddress(small, ip('fd00:8::1'), 64), -EINVAL);
  t.equal(stack.addAddress(small, ip('10.8.0.1'), 24), 0);
  t.equal(stack.addVlan(eth0, 100, 'again'), -EEXIST);
  t.equal(stack.addVlan(eth0, 7, 'eth0.100'), -EEXIST);
  t.equal(stack.addVlan(lo, 7, 'lo.7'), -EOPNOTSUPP);
  t.equal(stack.addVlan(vlan, 7, 'eth0.100.7'), -EOPNOTSUPP);
  const last = stack.addVlan(eth0, 4094, 'v4094', { linkLocal: false }) as Interface;
  t.equal(last.addresses.length, 0, 'without a link-local address, if so wanted');
  t.equal(vlan.addresses.length, 3, 'one like that of the device, which has the same MAC');
  h.port.wire.isDown = true;
  t.equal(vlan.device.isUp, false, 'down with its device');
  h.close(t);
});

dialogue('802.1Q §6.9.3: what leaves has the priority that its VLAN maps to its own', (t, h) => {
  const a = addVlan(h, 100);
  const b = addVlan(h, 200);
  a.vlan!.mapPriority(0, 5);
  a.vlan!.mapPriority(6, 3);
  a.vlan!.mapPriority(7, 7);
  const pcps = (): string[] =>
    sent(h).map((s) => `${s.tci >>> 13} ${s.tci & 0xfff} ${s.seen.kind}`);
  const quick = h.echo();
  quick.tos = 0x10;
  h.ping(h.echo(), PEER);
  h.ping(quick, PEER);
  h.ping(h.echo(), '10.100.0.77');
  h.ping(h.echo(), '10.200.0.2');
  t.strictSame(pcps(), ['5 100 ip4', '3 100 ip4', '5 100 arp', '0 200 ip4']);
  h.ping(quick, '10.100.0.77');
  t.strictSame(pcps(), [], 'it waits for its neighbour');
  h.giveFrame(tagged(isAt('10.100.0.77', US), 100));
  t.strictSame(pcps(), ['5 100 ip4', '3 100 ip4'], 'and has its priority still');
  startGroupReports(h.net, a);
  h.stack.udp.open('ipv4').groups.join(ip('239.1.1.1'), a.index);
  h.settle();
  t.ok(pcps().includes('7 100 ip4'), 'reports of groups are network control');
  for (const from of [0, 6, 7]) a.vlan!.mapPriority(from, 0);
  h.ping(quick, PEER);
  t.equal(sent(h)[0]!.tci, 100);
  t.strictSame([a.vlan!.egressMap, b.vlan!.egressMap], [[], []]);
});

dialogue('802.1Q §6.9.3: what is forwarded has the priority of its type of service', (t, h) => {
  const a = addVlan(h, 100);
  h.net.config.forwarding4 = 1;
  a.vlan!.mapPriority(6, 4);
  a.vlan!.mapPriority(0, 1);
  for (const tos of [0x10, 0]) {
    const datagram = ip4({ src: '10.0.0.2', dst: PEER, protocol: UDP, tos }, data(16));
    t.equal(h.give(datagram), 'accepted');
    t.equal(sent(h)[0]!.tci >>> 13, tos === 0 ? 1 : 4);
  }
});

dialogue('802.1Q: a VLAN that goes takes all that it had along, and its number', (t, h) => {
  const { stack, net } = h;
  const a = stack.addVlan(h.port.iface, 100, 'eth0.100') as Interface; // with reports to routers
  const b = addVlan(h, 200);
  stack.addAddress(a, ip(US), 24);
  stack.addAddress(a, ip('fd00:100::1'), 64);
  stack.addRoute(ip('192.0.2.0'), 24, ip(PEER), a);
  const facts = { ...NO_FACTS, protocol: 'boot', source: ip(US) };
  const from = routeTo(net, ip('198.51.100.0'), 24, null, h.port.iface, 0, NO_METRICS, facts);
  t.ok(net.routes.add(from as Route), 'elsewhere, with a source that goes');
  a.neighbours.set(ip('fd00:100::2'), h.port.iface.device.mac, true);
  const listener = stack.udp.open('ipv4');
  t.equal(listener.groups.join(ip('239.1.1.1'), a.index), 0);
  const bound = h.echo();
  bound.boundIndex = a.index;
  t.equal(h.ping(bound, PEER), 0, 'waits for its neighbour');
  net.config.conf6.set('dad_transmits', 1);
  stack.addAddress(a, ip('fd00:100::7'), 64);
  t.equal(a.find(ip('fd00:100::7'))?.state, 'tentative');
  h.settle();
  t.equal(stack.removeVlan(h.port.iface), -EOPNOTSUPP, 'a device does not go this way');
  t.equal(stack.removeVlan(a), 0);
  t.equal(stack.removeVlan(a), -EOPNOTSUPP, 'once');
  sent(h);
  t.same(
    net.interfaces.map((i) => i.name),
    ['lo', 'eth0', 'eth0.200'],
  );
  t.equal(net.routes.routes.filter((r) => r.iface === a || r === from).length, 0);
  t.equal(h.giveFrame(tagged(ping(), 100)), 'ETH_UNKNOWN_VLAN');
  t.ok(h.ping(bound, PEER) < 0, 'nothing leaves by a number that is gone');
  t.equal(listener.groups.leave(ip('239.1.1.1'), a.index), 0);
  t.ok(listener.groups.join(ip('239.1.1.1'), a.index) < 0);
  h.advance(600);
  t.strictSame(lines(h), [], 'and none of its timers goes off');
  t.equal(
    h.giveFrame(tagged(ethernet(echo4(data(8), { src: '10.200.0.2', dst: '10.200.0.1' })), 200)),
    'accepted',
  );
  t.equal(lines(h).length, 1, 'the other VLAN lives');
  net.config.conf6.set('dad_transmits', 0);
  const again = addVlan(h, 100);
  t.ok(again.index > b.index, 'whoever remembers the old number does not mean this one');
  t.equal(h.giveFrame(tagged(ping(), 100)), 'accepted');
  const left = h.memory.slab.freeBytes;
  for (let i = 0; i < 100; i++) {
    t.equal(stack.removeVlan(stack.interfaceByName('eth0.100')!), 0);
    addVlan(h, 100);
  }
  t.equal(h.memory.slab.freeBytes, left, 'and takes no more of the slab each time');
  stack.udp.close(listener);
});
