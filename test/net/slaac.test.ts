/** RFC 4862 §5.5, RFC 7217, RFC 8981: the addresses that a host makes of advertised prefixes. */
import t from 'tap';
import type { RandomStream } from '../../src/base/rng.ts';
import { setRandom } from '../../src/net/interface-id.ts';
import type { Conf6Name } from '../../src/net/ipv6-conf.ts';
import { IpAddress } from '../../src/wire/address.ts';
import { formatAddress as addressText } from '../../src/wire/address-text.ts';
import { addressBytes, hex, icmp6, ip6, join, PEER_MAC } from './packets.ts';
import { addresses, FOREVER, give, HOST, host, OUR_ID, pio, refused } from './ra.ts';
import { dialogue, ip, NetHarness } from './rig.ts';

const P = '2001:db8:1::';
const OURS = `${P}${OUR_ID}`;
const HOUR = 3600;

/** Which prefixes an address of ours is in, and its identifier. */
const ids = (h: NetHarness) => addresses(h).map((line) => line.split('/')[0]!);
const source = (h: NetHarness, to: string) => addressText(h.net.paths.lookup(ip(to), 0)!.source);

/** Somebody else says that an address is his. */
function claims(h: NetHarness, address: string): void {
  const body = join(addressBytes(address), [2, 1, ...hex(PEER_MAC)]);
  const message = icmp6({ type: 136, rest: 0x20000000 }, body, address, 'ff02::1');
  h.give(ip6({ src: address, dst: 'ff02::1', hop: 255 }, message), { dst: '33:33:00:00:00:01' });
}

dialogue(
  '§5.5.3 (d): an address of prefix and EUI-64, tentative first, announced when it is ours',
  (t, h) => {
    h.advance(3);
    h.lines();
    give(h, { options: [pio(P, { valid: 1000, preferred: 500 })] });
    t.same(addresses(h), [`${OURS}/64 tentative valid 1000 preferred 500`]);
    h.advance(3);
    t.same(addresses(h), [`${OURS}/64 valid 997 preferred 497`]);
    const sent = h.sent().map((s) => `${s.src} > ${s.dst} ${s.payload[0]}`);
    t.same(sent, [`:: > ff02::1:ff00:1 135`, `${OURS} > ff02::1 136`]);
    give(h, { options: [pio(P, { valid: 2000, preferred: 600 })] });
    t.same(addresses(h), [`${OURS}/64 valid 2000 preferred 600`], 'no second one');
  },
  host({}, { config: { dadTransmits: 1 } }),
);

dialogue(
  '§5.5.4: deprecated when its preferred lifetime is over, gone with its valid lifetime',
  (t, h) => {
    give(h, { options: [pio(P, { valid: 1000, preferred: 500 })] });
    give(h, { options: [pio('2001:db8:f::', { valid: 9000, preferred: 9000 })] });
    t.equal(source(h, `${P}99`), OURS);
    h.advance(500);
    t.equal(addresses(h)[0], `${OURS}/64 deprecated valid 500 preferred 0`);
    t.equal(source(h, `${P}99`), `2001:db8:f::${OUR_ID}`, 'RFC 6724 rule 3: another is chosen');
    const echo = ip6({ src: `${P}2`, dst: OURS }, icmp6({ type: 128 }, undefined, `${P}2`, OURS));
    h.knows(`${P}2`, PEER_MAC);
    h.lines();
    h.give(echo);
    t.match(h.lines(), [`${OURS} > ${P}2`], 'it still answers');
    h.advance(499);
    t.equal(addresses(h).length, 2);
    h.advance(1.1);
    t.same(ids(h), [`2001:db8:f::${OUR_ID}`]);
    t.equal(h.net.locals.ownerOf(ip(OURS), h.port.iface.index), null);
    give(h, { options: [pio(P, { valid: 1000, preferred: 0 })] });
    t.match(addresses(h)[1], 'deprecated', 'it may come deprecated');
  },
  HOST,
);

const TWO_HOURS: readonly (readonly [string, number, number, number])[] = [
  // what, has left, offered, has then
  ['longer than two hours: taken', 1 * HOUR, 3 * HOUR, 3 * HOUR],
  ['longer than what is left: taken', 600, 700, 700],
  ['shorter, and less than two hours left: ignored', 1 * HOUR, 10, 1 * HOUR],
  ['shorter, and more left: two hours', 24 * HOUR, 10, 2 * HOUR],
  ['zero is no exception', 24 * HOUR, 0, 2 * HOUR],
  ['for ever', 24 * HOUR, FOREVER, FOREVER],
  ['from for ever', FOREVER, 10, 2 * HOUR],
];
for (const [what, left, offered, then] of TWO_HOURS) {
  dialogue(
    `§5.5.3 (e): the two-hour rule: ${what}`,
    (t, h) => {
      give(h, { options: [pio(P, { valid: left, preferred: 100 })] });
      give(h, { options: [pio(P, { valid: offered, preferred: Math.min(offered, 50) })] });
      const text = then === FOREVER ? 'forever' : then;
      const preferred = Math.min(offered, 50);
      const flag = preferred === 0 ? ' deprecated' : '';
      t.same(addresses(h), [`${OURS}/64${flag} valid ${text} preferred ${preferred}`]);
    },
    HOST,
  );
}

const SETTINGS: readonly (readonly [Conf6Name, number, number, number])[] = [
  // name, value, addresses, on-link routes
  ['autoconf', 0, 0, 2],
  ['accept_ra_pinfo', 0, 0, 0],
  ['accept_ra_defrtr', 0, 2, 2],
  ['max_addresses', 1, 1, 2],
];
for (const [name, value, made, onLink] of SETTINGS) {
  dialogue(
    `${name} ${value}`,
    (t, h) => {
      give(h, { options: [pio(P), pio('2001:db8:2::')] });
      t.equal(addresses(h).length, made);
      const mine = h.stack.net.routes.routes.filter((r) => r.advertised !== null);
      t.equal(mine.filter((r) => r.gateway === null).length, onLink);
      t.equal(
        mine.some((r) => r.bits === 0),
        name !== 'accept_ra_defrtr',
      );
    },
    host({ [name]: value }),
  );
}

/** A host with RFC 7217's mode: its link-local address and those of two prefixes. */
function stableHost(secret: string | null, mac: string, name = 'eth0', seed = 791): string[] {
  const h = new NetHarness({ ...host({ addr_gen_mode: 3 }), seed });
  if (secret !== null) h.net.config.conf6.setSecret(ip(secret));
  const port = h.addPort(name === 'eth0' ? 'eth1' : name, mac);
  give(h, { options: [] });
  const first = port.iface.addresses[0]!;
  const text = addressText(first.address);
  h.stop();
  return [text];
}

t.test('RFC 7217: stable for a secret, a prefix and an interface, whatever the MAC', async (t) => {
  const SECRET = '2001:db8:5ec2::e7';
  const MAC = '02:00:00:00:01:01';
  const [one] = stableHost(SECRET, MAC);
  t.same(stableHost(SECRET, '02:00:00:00:00:99', 'eth1', 5), [one], 'another MAC, another start');
  t.not(stableHost('2001:db8:5ec2::e8', MAC)[0], one, 'another secret');
  t.not(stableHost(SECRET, MAC, 'eth2')[0], one, 'another interface');
  t.match(one, /^fe80::/);
  t.notMatch(one, 'ff:fe', 'not the EUI-64');
  const drawn = stableHost(null, MAC, 'eth1', 5);
  t.same(stableHost(null, MAC, 'eth1', 5), drawn, 'drawn from the seed');
  t.not(stableHost(null, MAC, 'eth1', 6)[0], drawn[0], 'and from another seed another');
});

t.test('no identifier is a reserved one', async (t) => {
  // Draws what RFC 5453 reserves, then something else.
  const words = [0, 0, 0x02005eff, 0xfe000001 | 0, 0xfdffffff | 0, 0xffffff80 | 0, 1, 2];
  const random = { int32: () => words.shift()! } as unknown as RandomStream;
  const made = setRandom(new IpAddress(), ip(P), random);
  t.equal(addressText(made), '2001:db8:1::1:0:2');
  t.same(words, []);
});

dialogue(
  'RFC 7217 §5: another identifier for each prefix; §6: and for each duplicate, three times',
  (t, h) => {
    h.advance(3);
    give(h, { options: [pio(P), pio('2001:db8:2::')] });
    const [one, two] = ids(h).map((a) => a.split(':').slice(-4).join(':'));
    t.not(one, two ?? '');
    const seen = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const mine = ids(h).find((a) => a.startsWith('2001:db8:1:'))!;
      seen.add(mine);
      claims(h, mine);
    }
    t.equal(seen.size, 4);
    t.match(addresses(h).join(), 'dadfailed', 'then it is given up');
    h.advance(10);
    t.equal(addresses(h).filter((a) => !a.includes('dadfailed')).length, 1, 'the other prefix');
    give(h, { options: [pio(P)] });
    t.match(addresses(h).join(), 'dadfailed', 'and not begun anew by the next advertisement');
  },
  host({ addr_gen_mode: 3 }, { config: { dadTransmits: 1 } }),
);

dialogue(
  '§5.4.5: an EUI-64 that somebody has is not used, and there is no other',
  (t, h) => {
    h.advance(3);
    give(h, { options: [pio(P)] });
    claims(h, OURS);
    h.advance(10);
    t.match(addresses(h), [`${OURS}/64 dadfailed`]);
  },
  host({}, { config: { dadTransmits: 1 } }),
);

dialogue(
  'addr_gen_mode 1: no link-local address',
  (t, h) => {
    t.same(h.port.iface.addresses, []);
    t.same(h.net.autoconfOf(h.port.iface)!.solicitation.sent, 0, 'and nobody to ask from');
  },
  host({ addr_gen_mode: 1 }),
);

const WEEK = 7 * 86400;

dialogue(
  'RFC 8981 §3.4: a temporary address beside the public one, preferred with use_tempaddr 2',
  (t, h) => {
    give(h, { options: [pio(P, { valid: 2 * WEEK, preferred: WEEK })] });
    const [open, hidden] = addresses(h);
    t.equal(open, `${OURS}/64 valid ${2 * WEEK} preferred ${WEEK}`);
    const lives = /temporary valid 604800 preferred (\d+)/.exec(hidden!)!;
    t.ok(Number(lives[1]) > 86400 - 600 - 1 && Number(lives[1]) <= 86400, `${hidden}`);
    t.notMatch(hidden, OUR_ID);
    t.equal(source(h, '2001:db8:ffff::1'), ids(h)[1]!, 'RFC 6724 rule 7');
    give(h, { options: [pio(P, { valid: 2 * WEEK, preferred: WEEK })] });
    t.equal(addresses(h).length, 2, 'one at a time');
    give(h, { options: [pio(P, { valid: 2 * WEEK, preferred: 100 })] });
    t.match(
      addresses(h)[1],
      /temporary valid 604800 preferred 100/,
      'no longer than the public one',
    );
  },
  host({ use_tempaddr: 2 }),
);

dialogue(
  'RFC 8981 §3.4: the next one is made before the last is deprecated; that one ends later',
  (t, h) => {
    give(h, { options: [pio(P, { valid: FOREVER, preferred: FOREVER })] });
    const first = ids(h)[1];
    const left = Number(/preferred (\d+)$/.exec(addresses(h)[1]!)![1]);
    h.advance(left - 10);
    t.equal(addresses(h).length, 2);
    h.advance(9);
    t.equal(addresses(h).length, 3, 'its successor is there in time');
    h.advance(2);
    t.match(addresses(h)[1], `${first}/64 temporary deprecated`);
    t.equal(source(h, `${P}99`), ids(h)[2]);
    h.advance(WEEK);
    t.notOk(ids(h).includes(first!), 'gone');
    t.ok(addresses(h).length <= 9, `${addresses(h).length}: a week of them at most`);
  },
  host({ use_tempaddr: 2 }),
);

dialogue(
  'use_tempaddr 1: temporary addresses are there, the public one is preferred',
  (t, h) => {
    give(h, { options: [pio(P)] });
    t.equal(addresses(h).length, 2);
    t.equal(source(h, '2001:db8:ffff::1'), OURS);
    h.advance(86400);
    t.same(addresses(h), [], 'and end with it');
  },
  host({ use_tempaddr: 1 }),
);

dialogue(
  'temp_valid_lft, temp_prefered_lft, max_desync_factor: the lifetimes of temporary addresses',
  (t, h) => {
    give(h, { options: [pio(P)] });
    t.match(addresses(h)[1], /temporary valid 3000 preferred 2000$/);
  },
  host({ use_tempaddr: 1, temp_valid_lft: 3000, temp_prefered_lft: 2000, max_desync_factor: 0 }),
);

dialogue(
  'RFC 8981 §3.3: a temporary address that somebody has is drawn again, regen_max_retry times',
  (t, h) => {
    h.advance(3);
    give(h, { options: [pio(P)] });
    const seen = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const mine = ids(h).find((a) => a !== OURS)!;
      seen.add(mine);
      claims(h, mine);
    }
    t.equal(seen.size, 3);
    t.match(addresses(h).join(), 'temporary dadfailed');
  },
  host({ use_tempaddr: 1, regen_max_retry: 2 }, { config: { dadTransmits: 1 } }),
);

dialogue(
  'an address that the administrator takes away comes back with the next advertisement',
  (t, h) => {
    give(h, { options: [pio(P)] });
    t.equal(h.stack.removeAddress(h.port.iface, ip(OURS)), 0);
    t.same(addresses(h), []);
    give(h, { options: [pio(P)] });
    t.same(ids(h), [OURS]);
    t.same(refused(h), {});
  },
  HOST,
);

t.end();
