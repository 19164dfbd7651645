/** RFC 4861 §6: what a host makes of router advertisements, and how it asks for them. */
import t from 'tap';
import { addressBytes, hex, icmp6, ip6, join, OUR_MAC } from './packets.ts';
import {
  addresses,
  FOREVER,
  give,
  HOST,
  host,
  MAC1,
  mtu,
  nextHop,
  OUR_ID,
  pio,
  R1,
  R2,
  type Ra,
  refused,
  rio,
  routes,
} from './ra.ts';
import { dialogue, ip } from './rig.ts';

const P = '2001:db8:1::';
const FAR = '2001:db8:ffff::1';

dialogue(
  '§6.1.2: an advertisement that is not as it must be is dropped whole',
  (t, h) => {
    const bad: readonly (readonly [string, Ra])[] = [
      ['hop limit 254: it crossed a router', { hop: 254 }],
      ['a global source', { from: '2001:db8::a' }],
      ['code 1', { code: 1 }],
      ['shorter than 16 bytes', { link: null, cutTo: 4 }],
      ['an option of no length', { options: [[3, 0, 0, 0, 0, 0, 0, 0]] }],
      ['an option that goes on behind the end', { options: [[3, 4, 64, 0xc0, 0, 0, 0, 0]] }],
      ['half an option', { options: [[1, 1, 0, 0]] }],
      ['a link-layer address that is a group', { link: '33:33:00:00:00:01' }],
    ];
    for (const [what, ra] of bad) {
      t.equal(give(h, { ...ra, options: [pio(P), ...(ra.options ?? [])] }), 'NDP_MALFORMED', what);
    }
    t.same([addresses(h), routes(h)], [[], []], 'nothing was taken from any');
    t.equal(h.port.iface.neighbours.find(ip(R1)), null);
    t.equal(give(h), 'accepted', 'the same without a fault');
  },
  HOST,
);

dialogue(
  '§6.3.4: a default router, its lifetime, its link-layer address; lifetime 0 takes it away',
  (t, h) => {
    t.equal(give(h, { lifetime: 1800 }), 'accepted');
    t.same(routes(h), [`default via ${R1} ra 1800`]);
    const known = h.port.iface.neighbours.find(ip(R1))!;
    t.match({ low: known.macLow, isRouter: known.isRouter }, { low: 0x0a, isRouter: true });
    h.advance(1000);
    give(h, { lifetime: 1800 });
    t.same(routes(h), [`default via ${R1} ra 1800`], 'each advertisement begins it anew');
    h.advance(1799.9);
    t.equal(nextHop(h, FAR), R1);
    h.advance(0.2);
    t.same([routes(h), nextHop(h, FAR)], [[], 'none'], '§6.3.5: it times out');
    give(h);
    t.equal(nextHop(h, FAR), R1);
    give(h, { lifetime: 0 });
    t.same([routes(h), nextHop(h, FAR)], [[], 'none']);
  },
  HOST,
);

dialogue(
  '§6.3.4: hop limit, reachable time and retransmission timer; 0 leaves them alone',
  (t, h) => {
    const { iface } = h.port;
    const { times6 } = iface.neighbours;
    const seen = () => [
      iface.hopLimit(h.net.config),
      times6.baseReachableNs(h.net.config) / 1e6,
      times6.retransNs(h.net.config) / 1e6,
    ];
    t.same(seen(), [64, 30000, 1000]);
    give(h, { hops: 32, reachable: 20000, retrans: 500, options: [pio(P)] });
    t.same(seen(), [32, 20000, 500]);
    give(h);
    t.same(seen(), [32, 20000, 500]);
    give(h, { reachable: 3_600_001, retrans: FOREVER });
    t.same(seen(), [32, 20000, 500], 'more than an hour is a lie');
    t.same(refused(h), { TimeRefused: 2 });
    give(h, { reachable: 1, retrans: 1 });
    t.same(seen(), [32, 100, 10], 'as on Linux: no storm of solicitations');
    h.knows('2001:db8:1::2', MAC1);
    h.lines();
    h.ping(h.echo(), '2001:db8:1::2');
    t.equal(h.sent()[0]!.ttl, 32, 'what we send has it');
    h.addAddress(h.port, '10.0.0.1/24');
    h.ping(h.echo(), '10.0.0.2');
    t.equal(h.sent().at(-1)!.ttl, 64, 'IPv4 has its own');
    iface.conf6.set('accept_ra_min_hop_limit', 40);
    give(h, { hops: 39 });
    t.equal(seen()[0], 32);
  },
  HOST,
);

dialogue(
  '§6.3.4: an MTU from 1,280 to the link’s is that of IPv6; others are ignored',
  (t, h) => {
    const { iface } = h.port;
    const seen = () => [iface.mtuOf(false), iface.mtuOf(true)];
    give(h, { options: [mtu(1400), pio(P)] });
    t.same(seen(), [1400, 1500]);
    t.equal(h.net.paths.lookup(ip(FAR), 0)!.mtu(h.net.env), 1400);
    for (const bad of [0, 1279, 1501, FOREVER]) give(h, { options: [mtu(bad)] });
    t.same(seen(), [1400, 1500]);
    t.same(refused(h), { MtuRefused: 4 });
    give(h, { options: [mtu(1280)] });
    t.same(seen(), [1280, 1500]);
    iface.conf6.set('accept_ra_mtu', 0);
    give(h, { options: [mtu(1500)] });
    t.same(seen(), [1280, 1500]);
  },
  HOST,
);

dialogue(
  '§6.3.4: the on-link flag makes a route, the autonomous flag an address, each by itself',
  (t, h) => {
    give(h, { lifetime: 0, options: [pio(P, { flags: 'L', valid: 100 })] });
    t.same([routes(h), addresses(h)], [[`${P}/64 kernel 100`], []]);
    give(h, { lifetime: 0, options: [pio(P, { flags: 'L', valid: 0 })] });
    t.same(routes(h), [], 'valid 0: not on the link any more, at once');
    give(h, { lifetime: 0, options: [pio('2001:db8:2::', { flags: 'A', valid: 7200 })] });
    t.same(routes(h), []);
    t.same(addresses(h), [`2001:db8:2::${OUR_ID}/64 valid 7200 preferred 7200`]);
    give(h, { options: [pio('2001:db8:3::', { flags: '', valid: 7200 })] });
    t.same(routes(h), [`default via ${R1} ra 1800`], 'without both it says nothing');
    give(h, { lifetime: 0, options: [pio('2001:db8:4::', { valid: FOREVER, flags: 'L' })] });
    t.same(routes(h), ['2001:db8:4::/64 kernel']);
    h.advance(1e6);
    t.same(routes(h), ['2001:db8:4::/64 kernel'], 'for ever');
  },
  HOST,
);

dialogue(
  'a prefix that no link has is refused and counted',
  (t, h) => {
    const bad: readonly (readonly number[])[] = [
      pio('fe80::', { valid: 100 }),
      pio('ff0e::', { valid: 100 }),
      pio('::ffff:10.0.0.0', { bits: 104 }),
      pio('::', { bits: 0 }),
      pio(P, { bits: 129 }),
      pio('2000::', { bits: 3, flags: 'L' }),
      pio(P, { valid: 100, preferred: 101 }),
    ];
    for (const option of bad) t.equal(give(h, { lifetime: 0, options: [option] }), 'accepted');
    t.same([routes(h), addresses(h)], [[], []]);
    t.same(refused(h), { PrefixRefused: bad.length });
    give(h, { lifetime: 0, options: [pio(P, { bits: 48 })] });
    t.same(addresses(h), [], 'addresses are made of 64 bits only');
    t.same(routes(h), [`${P}/48 kernel 86400`]);
    t.match(refused(h), { PrefixNot64: 1 });
  },
  HOST,
);

dialogue(
  'a flood of advertisements fills bounded tables, and each refusal is counted',
  (t, h) => {
    h.port.iface.conf6.set('accept_ra_rt_info_max_plen', 128);
    for (let i = 1; i <= 200; i++) {
      const from = `fe80::1:${i.toString(16)}`;
      const options = [pio(`2001:db8:${i.toString(16)}::`), rio(`fd00:${i.toString(16)}::`, 48)];
      t.equal(give(h, { from, link: null, options }), 'accepted');
    }
    const all = routes(h);
    const count = (part: string) => all.filter((r) => r.includes(part)).length;
    t.same(
      [count('default via'), count('kernel'), count('fd00'), addresses(h).length],
      [16, 16, 64, 16],
    );
    const expected = {
      AddressesFull: 184,
      PrefixesFull: 184,
      RoutersFull: 184,
      RoutesFull: 136,
    };
    t.same(refused(h), expected);
    h.advance(90000);
    t.same([routes(h), addresses(h)], [[], []], 'and all of it ends');
  },
  HOST,
);

dialogue(
  'RFC 4191: the router’s preference decides; the reserved one is the medium one',
  (t, h) => {
    give(h, { from: R1, prf: 3 });
    give(h, { from: R2, prf: 2 });
    t.same(routes(h), [`default via ${R2} ra 1800`, `default via ${R1} ra low 1800`]);
    t.equal(nextHop(h, FAR), R2);
    give(h, { from: R1, prf: 1 });
    t.equal(nextHop(h, FAR), R1, 'high, now');
    h.port.iface.conf6.set('accept_ra_rtr_pref', 0);
    give(h, { from: R1, prf: 3 });
    t.same(routes(h), [`default via ${R2} ra 1800`, `default via ${R1} ra 1800`]);
  },
  HOST,
);

dialogue(
  'RFC 4191 §2.3: route information, as long a prefix as accept_ra_rt_info_max_plen allows',
  (t, h) => {
    const { conf6 } = h.port.iface;
    const more = (...options: readonly number[][]) => give(h, { from: R2, lifetime: 0, options });
    give(h, { from: R1 });
    more(rio('2001:db8:ffff::', 48));
    t.equal(nextHop(h, FAR), R1, 'by default none, as on Linux');
    conf6.set('accept_ra_rt_info_max_plen', 64);
    more(rio('2001:db8:ffff::', 48, 600, 1), rio('2001:db8:ffff::1', 128));
    t.same(routes(h), [`2001:db8:ffff::/48 via ${R2} ra high 600`, `default via ${R1} ra 1800`]);
    t.equal(nextHop(h, FAR), R2, 'the more specific one');
    conf6.set('accept_ra_rt_info_min_plen', 40);
    more(rio('2001:db8::', 32));
    t.equal(routes(h).length, 2);
    more(rio('2001:db8:ffff::', 48, 0));
    t.same(routes(h), [`default via ${R1} ra 1800`], 'lifetime 0 takes it away');
    conf6.set('accept_ra_rt_info_min_plen', 0);
    more(rio('::', 0, 300, 1));
    t.equal(nextHop(h, FAR), R2, '§3.1: ::/0 speaks for the default router itself');
    more(rio('2001:db8:5::', 65, 600, 0, 2), rio('2001:db8:5::', 64, 600, 2), rio('fe80::', 64));
    t.same(refused(h), { RouteRefused: 3 }, 'too short, reserved preference, not a prefix');
  },
  HOST,
);

dialogue(
  '§7.3.3: a router that does not answer gives way to the next, and comes back',
  (t, h) => {
    give(h, { from: R1, prf: 1 });
    give(h, { from: R2, options: [pio(P)] });
    const socket = h.echo();
    const talk = (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        h.ping(socket, FAR);
        h.advance(1);
      }
    };
    talk(1);
    t.equal(nextHop(h, FAR), R1);
    talk(12); // STALE → DELAY 5 s → PROBE 3 s → FAILED
    t.equal(nextHop(h, FAR), R2, 'R1 has not answered three questions');
    talk(20);
    t.equal(nextHop(h, FAR), R1, 'nobody answers: they take turns (§6.3.6)');
    give(h, { from: R2, options: [pio(P)] });
    t.equal(nextHop(h, FAR), R2, 'R2 is heard again');
    give(h, { from: R1, prf: 1 });
    t.equal(nextHop(h, FAR), R1, 'and R1, which is preferred');
  },
  HOST,
);

dialogue(
  'RFC 4191 §3.5: a router that does not answer is asked once a minute whether it is back',
  (t, h) => {
    give(h, { from: R1, prf: 1 });
    give(h, { from: R2 });
    const { neighbours } = h.port.iface;
    neighbours.resolve(ip(R1));
    h.advance(9);
    t.equal(nextHop(h, FAR), R2);
    h.lines();
    h.advance(185);
    const asked = h.sent().filter((s) => s.payload[0] === 135);
    t.equal(asked.length, 9, 'three questions a minute');
    t.equal(nextHop(h, FAR), R2);
  },
  HOST,
);

dialogue(
  '§7.2.5: a router that says it is none leaves the list',
  (t, h) => {
    give(h, { from: R1 });
    give(h, { from: R2 });
    const { neighbours } = h.port.iface;
    t.ok(neighbours.find(ip(R1))!.isRouter);
    const says = (rest: number) => {
      const body = join(addressBytes(R1), [2, 1, ...hex(MAC1)]);
      const message = icmp6({ type: 136, rest }, body, R1, 'ff02::1');
      h.give(ip6({ src: R1, dst: 'ff02::1', hop: 255 }, message), { dst: '33:33:00:00:00:01' });
    };
    says(0xa0000000);
    t.equal(routes(h).length, 2, 'router and override: it still is');
    says(0x20000000);
    t.same(routes(h), [`default via ${R2} ra 1800`]);
  },
  HOST,
);

dialogue(
  'RFC 7559: solicitations 4 s, 8 s, 16 s … apart, until a default router answers',
  (t, h) => {
    h.advance(2.5);
    const asked = () => h.sent().filter((s) => s.payload[0] === 133);
    const first = asked();
    t.match(first, [{ dst: 'ff02::2', ttl: 255, to: '33:33:00:00:00:02' }]);
    t.same([...first[0]!.payload.subarray(8, 10)], [1, 1], 'with our link-layer address');
    t.match(OUR_MAC, Buffer.from(first[0]!.payload.subarray(15, 16)).toString('hex'));
    const gaps: number[] = [];
    for (let waited = 0; gaps.length < 14; waited += 0.5) {
      h.advance(0.5);
      if (asked().length === 0) continue;
      gaps.push(waited);
      waited = 0;
    }
    for (const [i, gap] of gaps.entries()) {
      const middle = Math.min(4 * 2 ** i, 3600);
      t.ok(gap >= middle * 0.6 && gap <= middle * 1.35, `${gap} s, about ${middle}`);
    }
    t.ok(
      gaps.slice(-2).every((gap) => gap > 3200 && gap < 3970),
      'about an hour at most',
    );
    give(h, { lifetime: 0 });
    t.ok(h.net.autoconfOf(h.port.iface)!.solicitation.isRunning, 'that is no default router');
    give(h);
    h.lines();
    h.advance(8000);
    t.same(asked(), [], 'it is found');
  },
  host({}, { config: { dadTransmits: 1 } }),
);

dialogue(
  'a router solicitation is for routers',
  (t, h) => {
    const message = icmp6({ type: 133 }, undefined, 'fe80::2', 'ff02::1');
    const packet = ip6({ src: 'fe80::2', dst: 'ff02::1', hop: 255 }, message);
    t.equal(h.give(packet, { dst: '33:33:00:00:00:01' }), 'NDP_NOT_FOR_US');
    t.same(h.lines(), []);
  },
  HOST,
);

for (const [count, expected] of [
  [0, 0],
  [3, 3],
] as const) {
  dialogue(
    `router_solicitations ${count}: no more than that`,
    (t, h) => {
      h.advance(100_000);
      t.equal(h.sent().filter((s) => s.payload[0] === 133).length, expected);
    },
    host({ router_solicitations: count }, { config: { dadTransmits: 1 } }),
  );
}

dialogue('accept_ra 0, the default: neither asked for nor taken', (t, h) => {
  h.advance(10_000);
  t.same(h.lines(), []);
  const before = routes(h);
  t.equal(give(h, { options: [pio(P)] }), 'NDP_RA_IGNORED');
  t.same(routes(h), before);
});

dialogue(
  'what the administrator set stays his: his routes, and prefixes of his addresses',
  (t, h) => {
    give(h, { options: [pio('2001:db8::')] });
    t.same(routes(h), [
      `2001:db8::/64 kernel`,
      'default via 2001:db8::fe static',
      `default via ${R1} ra 1800`,
    ]);
    h.advance(100_000);
    t.same(routes(h), ['2001:db8::/64 kernel', 'default via 2001:db8::fe static']);
  },
  { addresses: ['2001:db8::1/64'], conf6: { accept_ra: 1 } },
);

t.end();

dialogue(
  'an address that is taken away by hand leaves the route that a router advertised, and takes its own along',
  (t, h) => {
    const { stack, port } = h;
    const onLink = () => routes(h).filter((r) => r.startsWith(`${P}/64`));
    give(h, { options: [pio(P)] });
    const [own] = port.iface.addresses.slice(1);
    t.equal(stack.removeAddress(port.iface, own!.address), 0);
    t.same(onLink(), [`${P}/64 kernel 86400`], 'as on Linux');
    const manual = ip(`${P}77`);
    t.equal(stack.addAddress(port.iface, manual, 64, { dad: false }), 0);
    t.equal(stack.removeAddress(port.iface, manual), 0);
    t.same(onLink(), [`${P}/64 kernel 86400`], 'nor the administrator’s, beside it');
    stack.addAddress(port.iface, manual, 64, { dad: false });
    give(h, { options: [pio(P, { valid: 0 })] });
    t.same(onLink(), [`${P}/64 kernel`], 'withdrawn, it is that of the address');
    stack.removeAddress(port.iface, manual);
    t.same(onLink(), [], 'and goes with it');
  },
  HOST,
);

dialogue(
  'a router takes no advertisements, unless accept_ra is 2',
  (t, h) => {
    h.net.config.forwarding6 = 1;
    t.equal(give(h, { options: [pio(P)] }), 'NDP_RA_IGNORED');
    t.same([addresses(h), routes(h)], [[], []]);
    h.port.iface.conf6.set('accept_ra', 2);
    t.equal(give(h, { options: [pio(P)] }), 'accepted');
    t.equal(nextHop(h, FAR), R1);
  },
  HOST,
);
