/** RFC 4861 §8: a router tells of a better first hop for one destination. */
import t, { type Test } from 'tap';
import { addressBytes, type Bytes, hex, icmp6, ip6, join } from './packets.ts';
import { give, HOST, MAC1, MAC2, nextHop, pio, R1, R2 } from './ra.ts';
import { dialogue, ip, type NetHarness } from './rig.ts';

const P = '2001:db8:1::';
const FAR = '2001:db8:ffff::1';
const OTHER = '2001:db8:ffff::2';
const US = 'fe80::ff:fe00:1';

interface Redirect {
  readonly from?: string;
  readonly target?: string;
  readonly destination?: string;
  readonly hop?: number;
  readonly code?: number;
  readonly options?: readonly (Bytes | readonly number[])[];
  readonly cutTo?: number;
}

function redirect(h: NetHarness, r: Redirect = {}): string {
  const from = r.from ?? R1;
  const body = join(
    addressBytes(r.target ?? R2),
    addressBytes(r.destination ?? FAR),
    ...(r.options ?? [[2, 1, ...hex(MAC2)]]),
  ).slice(0, r.cutTo ?? 999);
  const message = icmp6({ type: 137, code: r.code ?? 0 }, body, from, US);
  return h.give(ip6({ src: from, dst: US, hop: r.hop ?? 255 }, message), { src: MAC1 });
}

/** R1 is the default router, and FAR is reached through it. */
function through(title: string, run: (t: Test, h: NetHarness) => void): void {
  dialogue(
    title,
    (t, h) => {
      give(h, { from: R1, options: [pio(P)] });
      t.equal(nextHop(h, FAR), R1);
      run(t, h);
    },
    HOST,
  );
}

through('§8.3: later packets to the destination go to the target, others do not', (t, h) => {
  const path = h.net.paths.lookup(ip(FAR), 0)!;
  t.equal(redirect(h), 'accepted');
  t.same([nextHop(h, FAR), nextHop(h, OTHER)], [R2, R1]);
  t.equal(h.net.paths.lookup(ip(FAR), 0), path, 'what was learnt of its MTU stays');
  const known = h.port.iface.neighbours.find(ip(R2))!;
  t.match({ low: known.macLow, isRouter: known.isRouter }, { low: 0x0b, isRouter: true });
  h.lines();
  h.ping(h.echo(), FAR);
  t.match(h.sent(), [{ to: MAC2, dst: FAR }]);
  h.net.routes.changed();
  t.equal(nextHop(h, FAR), R2, 'whatever else changes in the table');
  t.equal(redirect(h, { from: R2, target: 'fe80::c' }), 'accepted', 'and R2 may redirect further');
  t.equal(nextHop(h, FAR), 'fe80::c');
});

through('§8.1: the destination itself as the target: it is on the link', (t, h) => {
  t.equal(redirect(h, { target: FAR }), 'accepted');
  t.equal(nextHop(h, FAR), 'on link');
  t.equal(h.port.iface.neighbours.find(ip(FAR))!.isRouter, false);
});

through('§8.1: a redirect that is not as it must be changes nothing', (t, h) => {
  const bad: readonly (readonly [string, Redirect])[] = [
    ['hop limit 254', { hop: 254 }],
    ['from a global address', { from: `${P}a` }],
    ['code 1', { code: 1 }],
    ['shorter than 40 bytes', { cutTo: 31 }],
    ['an option of no length', { options: [[2, 0, ...hex(MAC2)]] }],
    ['the destination is a group', { destination: 'ff0e::1' }],
    ['the destination is no address', { destination: '::' }],
    ['the destination is an IPv4 address', { destination: '::ffff:10.0.0.1', target: R2 }],
    ['neither a link-local target nor the destination', { target: `${P}b` }],
    ['the target’s link-layer address is a group', { options: [[2, 1, ...hex('33:33:0:0:0:1')]] }],
  ];
  for (const [what, r] of bad) t.equal(redirect(h, r), 'NDP_MALFORMED', what);
  t.equal(nextHop(h, FAR), R1);
  t.equal(h.port.iface.neighbours.find(ip(R2)), null, 'nor is anything learnt from it');
});

through('§8.1: only the first hop in use is believed, and never about ourselves', (t, h) => {
  const bad: readonly (readonly [string, Redirect])[] = [
    ['another router', { from: R2, target: 'fe80::c' }],
    ['a destination on the link', { destination: `${P}7` }],
    ['a host on the link, about itself', { from: R2, destination: R2, target: 'fe80::c' }],
    ['a destination of our own', { destination: `${P}ff:fe00:1` }],
    ['we as the target', { target: US }],
  ];
  for (const [what, r] of bad) t.equal(redirect(h, r), 'NDP_REDIRECT_REFUSED', what);
  t.equal(nextHop(h, FAR), R1);
  h.net.config.forwarding6 = 1;
  t.equal(redirect(h), 'NDP_REDIRECT_REFUSED', 'a router makes its own way');
  h.net.config.forwarding6 = 0;
  h.port.iface.conf6.set('accept_redirects', 0);
  t.equal(redirect(h), 'NDP_REDIRECT_REFUSED');
  t.equal(nextHop(h, FAR), R1);
});

through('§7.3.3: a target that does not answer is left for the router again', (t, h) => {
  redirect(h);
  const socket = h.echo();
  for (let i = 0; i < 12; i++) {
    h.ping(socket, FAR);
    h.advance(1);
  }
  t.equal(nextHop(h, FAR), R1);
});

through('a redirect ends with the route that it was made for', (t, h) => {
  redirect(h);
  give(h, { from: 'fe80::c', prf: 1 });
  t.equal(nextHop(h, FAR), 'fe80::c', 'a better router');
  give(h, { from: 'fe80::c', lifetime: 0 });
  t.equal(nextHop(h, FAR), R1);
});

through('a flood of redirects fills the path cache and no more', (t, h) => {
  for (let i = 0; i < 5000; i++) {
    t.equal(redirect(h, { destination: `2001:db8:ffff:1::${i.toString(16)}` }), 'accepted');
  }
  t.ok(h.net.paths.size <= 4096);
});

t.end();
