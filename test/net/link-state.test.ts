/** A link that goes and comes back: RFC 4861 §6.3.7, RFC 4862 §5.3, §5.4, and Linux's arp_notify. */
import t, { type Test } from 'tap';
import { ENETDOWN, ENETUNREACH, EOPNOTSUPP } from '../../src/base/errno.ts';
import { startGroupReports } from '../../src/net/group-reporter.ts';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import { arpBytes } from './link-rig.ts';
import {
  addressBytes,
  BROADCAST_MAC,
  data,
  echo4,
  echo6,
  ethernet,
  hex,
  icmp6,
  ip6,
  join,
  PEER_MAC,
} from './packets.ts';
import { give, HOST, pio } from './ra.ts';
import { dialogue, ip, NetHarness } from './rig.ts';

const LOCAL = 'fe80::ff:fe00:1';
const ROUTER_SOLICIT = 133;
const SOLICIT = 135;
const ADVERT = 136;

/** ICMPv6 types that have left. */
const types = (h: NetHarness): number[] =>
  h.sent().flatMap((s) => (s.kind === 'ip6' && s.protocol === 58 ? [s.payload[0]!] : []));

const states = (h: NetHarness): string[] =>
  h.port.iface.addresses.filter((a) => a.address.w0 !== 0).map((a) => a.state);

/** The other end of the wire is away for so long. */
function flap(h: NetHarness, seconds = 3): void {
  h.settle();
  h.port.wire.isDown = true;
  h.advance(seconds);
  h.settle();
  h.sent();
  h.port.wire.isDown = false;
  h.settle();
}

/** Somebody says that an address is his. */
function claim(h: NetHarness, target: string): string {
  const body = join(addressBytes(target), [2, 1, ...hex(PEER_MAC)]);
  const message = icmp6({ type: ADVERT, rest: 0x20000000 }, body, target, 'ff02::1');
  const packet = ip6({ src: target, dst: 'ff02::1', hop: 255 }, message);
  return h.give(packet, { dst: '33:33:00:00:00:01' });
}

dialogue(
  'RFC 4861 §6.3.7: routers are asked for again when the link is back, and not while it is away',
  (t, h) => {
    h.sent();
    t.equal(give(h, { options: [pio('2001:db8:1::')] }), 'accepted');
    h.advance(60);
    t.notOk(types(h).includes(ROUTER_SOLICIT), 'one has answered');
    flap(h);
    h.advance(3);
    t.equal(types(h).filter((n) => n === ROUTER_SOLICIT).length, 1);
    give(h, {});
    h.advance(60);
    t.notOk(types(h).includes(ROUTER_SOLICIT));
    flap(h);
    const { solicitation } = h.net.autoconfOf(h.port.iface)!;
    t.equal(solicitation.isRunning, true, 'until one answers');
    h.port.wire.isDown = true;
    h.settle();
    t.equal(solicitation.isRunning, false);
  },
  HOST,
);

dialogue(
  'RFC 4862 §5.4: addresses are checked again, and stay in use meanwhile as on Linux',
  (t, h) => {
    h.advance(3);
    flap(h);
    t.same(states(h), ['preferred', 'preferred']);
    h.knows('2001:db8::2', PEER_MAC);
    t.equal(h.ping(h.echo(), '2001:db8::2'), 0);
    h.advance(1);
    t.equal(types(h).filter((n) => n === SOLICIT).length, 2, 'one question for each');
    t.equal(h.give(echo6(data(4))), 'accepted');
    h.advance(1);
    t.ok(types(h).includes(ADVERT), 'and told of when nobody has claimed them');
    t.same(states(h), ['preferred', 'preferred']);
  },
  { config: { dadTransmits: 1 } },
);

dialogue(
  'RFC 4862 §5.4.4: an address that somebody has taken meanwhile is his',
  (t, h) => {
    h.advance(3);
    t.equal(claim(h, '2001:db8::1'), 'NDP_NOT_FOR_US', 'nobody is believed while it is ours');
    flap(h);
    t.equal(claim(h, '2001:db8::1'), 'accepted');
    t.same(states(h), ['preferred', 'duplicate']);
    h.advance(3);
    t.equal(claim(h, LOCAL), 'NDP_NOT_FOR_US', 'the question is over');
    flap(h);
    h.advance(3);
    t.same(states(h), ['preferred', 'preferred'], 'on another link it may be ours');
  },
  { config: { dadTransmits: 1 } },
);

dialogue(
  'RFC 7527 §4.2: our own question about an address in use, looped back, is no claim',
  (t, h) => {
    h.advance(3);
    flap(h);
    h.advance(1);
    const questions = h.sent().filter((s) => s.payload[0] === SOLICIT);
    t.equal(questions.length, 2);
    for (const { frame } of questions) t.equal(h.giveFrame(frame), 'NDP_NOT_FOR_US');
    t.same(types(h), [], 'nor is it answered');
  },
  { config: { dadTransmits: 1 } },
);

dialogue('arp_notify: IPv4 addresses are announced when the link is back', (t, h) => {
  const announced = (): string[] =>
    h
      .sent()
      .filter((s) => s.kind === 'arp')
      .map((s) => s.frame.subarray(28, 32).join('.'));
  flap(h);
  t.same(announced(), [], 'off, as on Linux');
  h.port.iface.conf4.own.set(CONF4.ARP_NOTIFY, 1);
  flap(h);
  t.same(announced(), ['10.0.0.1']);
});

dialogue('groups are told of again, and neighbours are asked for again', (t, h) => {
  startGroupReports(h.net, h.port.iface);
  h.port.iface.join(ip('239.1.1.1'));
  h.advance(5);
  h.port.iface.neighbours.set(ip('10.0.0.9'), h.port.iface.device.mac, false);
  h.sent();
  flap(h);
  h.advance(2);
  t.ok(
    h.sent().some((s) => s.dst === '224.0.0.22'),
    'a switch that snoops may be another',
  );
  t.equal(h.port.iface.neighbours.find(ip('10.0.0.9')), null);
  t.not(h.port.iface.neighbours.find(ip('10.0.0.2')), null, 'but who was entered by hand');
});

function disabled(title: string, run: (t: Test, h: NetHarness) => void): void {
  dialogue(
    title,
    (t, h) => {
      h.advance(3);
      t.equal(h.stack.setLink(h.port.iface, false), 0);
      h.sent();
      run(t, h);
    },
    { config: { dadTransmits: 1 }, conf6: { accept_ra: 1 } },
  );
}

disabled('link set down: nothing leaves, and nothing is heard', (t, h) => {
  t.equal(h.ping(h.echo(), '10.0.0.2'), -ENETUNREACH);
  t.equal(h.give(echo4(data(4))), 'ETH_DISABLED');
  const question = arpBytes({ op: 1, sender: '10.0.0.9', from: PEER_MAC, target: '10.0.0.1' });
  const frame = ethernet(question, { dst: BROADCAST_MAC, type: 0x0806 });
  t.equal(h.giveFrame(frame), 'ETH_DISABLED');
  h.stack.addAddress(h.port.iface, ip('10.0.0.8'), 24);
  h.advance(60);
  t.same(h.sent(), []);
});

disabled(
  'link set up: addresses are tentative until they are checked, and routers are asked',
  (t, h) => {
    t.same(states(h), ['tentative', 'tentative']);
    h.advance(5);
    t.same(states(h), ['tentative', 'tentative'], 'while it is down nobody is asked');
    t.equal(h.stack.setLink(h.port.iface, true), 0);
    t.equal(h.give(echo4(data(4))), 'accepted', 'IPv4 at once');
    h.sent();
    h.advance(1);
    t.same(states(h), ['tentative', 'tentative']);
    t.equal(types(h).filter((n) => n === SOLICIT).length, 2);
    h.advance(1.5);
    t.same(states(h), ['preferred', 'preferred']);
    t.ok(types(h).includes(ROUTER_SOLICIT));
  },
);

t.test('a VLAN goes down and comes up with its interface', async (t) => {
  const h = new NetHarness();
  const { stack, port } = h;
  const vlan = stack.addVlan(port.iface, 100, 'eth0.100');
  if (typeof vlan === 'number') throw new Error('addVlan');
  stack.addAddress(vlan, ip('10.100.0.1'), 24);
  t.equal(stack.setLink(vlan, false), 0);
  t.same([port.iface.isUp, vlan.isUp], [true, false]);
  stack.setLink(vlan, true);
  stack.setLink(port.iface, false);
  t.same([port.iface.isUp, vlan.isUp], [false, false]);
  t.equal(stack.setLink(vlan, true), -ENETDOWN);
  stack.setLink(port.iface, true);
  t.same([port.iface.isUp, vlan.isUp], [true, true]);
  t.equal(stack.setLink(stack.interfaceByName('lo')!, false), -EOPNOTSUPP);
  h.settle();
  h.close(t);
});

t.end();
