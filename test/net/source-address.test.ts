/** Which source, and which destination first: RFC 6724 §5 and §6, each rule alone, then against its neighbours. */
import type { Test } from 'tap';
import { InterfaceAddress } from '../../src/net/interface.ts';
import { sortDestinations } from '../../src/net/sort-destinations.ts';
import { PREFER_SOURCE } from '../../src/net/source-address.ts';
import { plainFrom, tcpConnect } from '../../src/tcp/user-calls.ts';
import { ANY4, ANY6, IpAddress, isV4 } from '../../src/wire/address.ts';
import { formatAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { OUR_MAC2 } from './packets.ts';
import { dialogue, ip, type NetHarness, type Port } from './rig.ts';

/** A host with these addresses and no link-local ones; `old` ones are deprecated, `tmp` ones temporary. */
function give(h: NetHarness, port: Port, words: string): void {
  for (const entry of [...port.iface.addresses]) h.stack.removeAddress(port.iface, entry.address);
  for (const word of words.split(' ').filter((w) => w !== '')) {
    const [, text, kind] = /^([^!]+)(?:!(old|tmp))?$/.exec(word)!;
    const { address, bits } = parsePrefix(text!)!;
    const origin = kind === 'tmp' ? 'temporary' : 'manual';
    const length = isV4(address) ? bits + 96 : bits;
    const entry = new InterfaceAddress(address, length, 'preferred', origin);
    entry.setDeprecated(kind === 'old');
    port.iface.addresses.push(entry);
    h.net.locals.add(port.iface, entry);
  }
  h.net.routes.changed();
}

/** Everything is on the first link. */
function routeAll(h: NetHarness): void {
  h.stack.addRoute(ANY4, 0, null, h.port.iface);
  h.stack.addRoute(ANY6, 0, null, h.port.iface);
}

interface Choice {
  readonly rule: string;
  /** Addresses of eth0, and of eth1 behind the bar. */
  readonly ours: string;
  readonly to: string;
  readonly from: string;
}

function choose(t: Test, h: NetHarness, eth1: Port, { rule, ours, to, from }: Choice): void {
  const [first, second] = ours.split('|');
  give(h, h.port, first!);
  give(h, eth1, second ?? '');
  const bound = /^f[ef]/.test(to) ? h.port.iface.index : 0;
  const path = h.net.paths.lookup(ip(to), bound);
  t.equal(formatAddress(path!.source), from, `${rule}: to ${to}`);
}

const SOURCES: readonly Choice[] = [
  {
    rule: '1: the destination itself',
    ours: '2001:db8:a::5/64 2001:db8:a::6/64',
    to: '2001:db8:a::6',
    from: '2001:db8:a::6',
  },
  {
    rule: '2: global for global',
    ours: 'fe80::5/64 2001:db8:a::5/64',
    to: '2001:db8:f::1',
    from: '2001:db8:a::5',
  },
  {
    rule: '2: global for global, in the other order',
    ours: '2001:db8:a::5/64 fe80::5/64',
    to: '2001:db8:f::1',
    from: '2001:db8:a::5',
  },
  {
    rule: '2: the larger when none reaches',
    ours: 'fe80::5/64 fec0::5/64',
    to: '2001:db8:f::1',
    from: 'fec0::5',
  },
  {
    rule: '2: the smallest that reaches',
    ours: '2001:db8:a::5/64 fec0::5/64 fe80::5/64',
    to: 'fec0:1::1',
    from: 'fec0::5',
  },
  {
    rule: '2: a group of the site',
    ours: 'fe80::5/64 2001:db8:a::5/64',
    to: 'ff05::99',
    from: '2001:db8:a::5',
  },
  {
    rule: '2: a group of the link',
    ours: '2001:db8:a::5/64 fe80::5/64',
    to: 'ff02::99',
    from: 'fe80::5',
  },
  {
    rule: '2 before 3: deprecated, but it reaches',
    ours: 'fe80::5/64 2001:db8:a::5/64!old',
    to: '2001:db8:f::1',
    from: '2001:db8:a::5',
  },
  {
    rule: '3: not the deprecated',
    ours: '2001:db8:a::5/64!old 2001:db8:b::5/64',
    to: '2001:db8:a::9',
    from: '2001:db8:b::5',
  },
  {
    rule: '3: of the deprecated, as by the other rules',
    ours: '2001:db8:b::5/64!old 2001:db8:a::5/64!old',
    to: '2001:db8:a::9',
    from: '2001:db8:a::5',
  },
  {
    rule: '3 before 5',
    ours: '2001:db8:a::5/64!old|2001:db8:b::5/64',
    to: '2001:db8:f::1',
    from: '2001:db8:b::5',
  },
  {
    rule: '5: of the interface it leaves by',
    ours: '2001:db8:b::5/64|2001:db8:a::5/64',
    to: '2001:db8:a::9',
    from: '2001:db8:b::5',
  },
  {
    rule: "5: another interface's, when that one has none",
    ours: 'fe80::5/64|2001:db8:a::5/64',
    to: '2001:db8:f::1',
    from: '2001:db8:a::5',
  },
  {
    rule: '5 before 6',
    ours: 'fd00:a::5/64|2001:db8:a::5/64',
    to: '2001:db8:f::1',
    from: 'fd00:a::5',
  },
  {
    rule: '6: 6to4 for 6to4',
    ours: '2001:db8:a::5/64 2002:c000:201::5/48',
    to: '2002:c633:6402::9',
    from: '2002:c000:201::5',
  },
  {
    rule: '6: Teredo for Teredo',
    ours: '2001:db8:a::5/64 2001:0:a::5/64',
    to: '2001:0:b::9',
    from: '2001:0:a::5',
  },
  {
    rule: '6: unique local for unique local',
    ours: '2001:db8:a::5/64 fd00:a::5/64',
    to: 'fd99:1::9',
    from: 'fd00:a::5',
  },
  {
    rule: '6: not unique local for global',
    ours: 'fd00:a::5/64 2001:db8:a::5/64',
    to: '2001:db8:f::1',
    from: '2001:db8:a::5',
  },
  {
    rule: '6 before 8',
    ours: '2001:db8:a::5/64 2002:c000:201::5/48',
    to: '2002:c000:299::9',
    from: '2002:c000:201::5',
  },
  {
    rule: '7: public by default',
    ours: '2001:db8:a::77/64!tmp 2001:db8:a::5/64',
    to: '2001:db8:f::1',
    from: '2001:db8:a::5',
  },
  {
    rule: '7 before 8',
    ours: '2001:db8:a::77/64!tmp 2001:db8:b::5/64',
    to: '2001:db8:a::9',
    from: '2001:db8:b::5',
  },
  {
    rule: '6 before 7',
    ours: 'fd00:a::5/64 2001:db8:a::77/64!tmp',
    to: '2001:db8:f::1',
    from: '2001:db8:a::77',
  },
  {
    rule: '8: the longest prefix',
    ours: '2001:db8:b::5/64 2001:db8:a::5/64',
    to: '2001:db8:a:1::9',
    from: '2001:db8:a::5',
  },
  {
    rule: '8: what lies beyond our prefix does not count',
    ours: '2001:db8:a::5/64 2001:db8:a::8/64',
    to: '2001:db8:a::9',
    from: '2001:db8:a::5',
  },
  {
    rule: '§4: what stays on a link is sent from it',
    ours: '2001:db8:a::5/64|fe80::7/64',
    to: 'fe80::9',
    from: '2001:db8:a::5',
  },
  { rule: '§4: a group too', ours: '|2001:db8:a::5/64', to: 'ff0e::9', from: '::' },
  { rule: 'none at all', ours: '', to: '2001:db8:f::1', from: '::' },
  {
    rule: 'IPv4, the subnet',
    ours: '192.0.2.5/25 192.0.2.130/25',
    to: '192.0.2.200',
    from: '192.0.2.130',
  },
  {
    rule: 'IPv4, else the first',
    ours: '192.0.2.5/25 192.0.2.130/25',
    to: '198.51.100.1',
    from: '192.0.2.5',
  },
  {
    rule: 'IPv4, link-local for link-local',
    ours: '192.0.2.5/24 169.254.7.7/16',
    to: '169.254.1.1',
    from: '169.254.7.7',
  },
  {
    rule: 'IPv4, and for nothing else (RFC 3927 §2.6.1)',
    ours: '169.254.7.7/16 192.0.2.5/24',
    to: '198.51.100.1',
    from: '192.0.2.5',
  },
  {
    rule: 'IPv4, no address there',
    ours: 'fe80::5/64|192.0.2.5/24',
    to: '198.51.100.1',
    from: '192.0.2.5',
  },
  {
    rule: 'IPv4, link-local ones are not lent',
    ours: '|169.254.7.7/16',
    to: '198.51.100.1',
    from: '0.0.0.0',
  },
];

dialogue(
  'RFC 6724 §5: every rule, and which goes before which',
  (t, h) => {
    const eth1 = h.addPort('eth1', OUR_MAC2);
    routeAll(h);
    for (const choice of SOURCES) choose(t, h, eth1, choice);
  },
  { addresses: [], gateway: false },
);

dialogue(
  'RFC 5014: who prefers temporary addresses gets one, where no earlier rule decides',
  (t, h) => {
    const { TEMPORARY, PUBLIC, DEFAULT } = PREFER_SOURCE;
    const cases: readonly [string, number, string][] = [
      ['2001:db8:a::5/64 2001:db8:a::77/64!tmp', TEMPORARY, '2001:db8:a::77'],
      ['2001:db8:a::77/64!tmp 2001:db8:a::5/64', PUBLIC, '2001:db8:a::5'],
      ['2001:db8:a::77/64!tmp 2001:db8:a::5/64', DEFAULT, '2001:db8:a::5'],
      ['fe80::5/64 2001:db8:a::5/64', TEMPORARY, '2001:db8:a::5'],
      ['fd00::77/64!tmp 2001:db8:a::5/64', TEMPORARY, '2001:db8:a::5'],
    ];
    const chosen = new IpAddress();
    for (const [ours, preference, from] of cases) {
      give(h, h.port, ours);
      h.net.sources.choose(chosen, h.port.iface, ip('2001:db8:f::1'), preference);
      t.equal(formatAddress(chosen), from, `${ours}, ${preference}`);
    }
    give(h, h.port, '2001:db8:a::5/64 2001:db8:a::77/64!tmp');
    routeAll(h);
    const { udp, tcp } = h.stack;
    const s = udp.open('dual');
    t.equal(udp.connect(s, ip('2001:db8:f::1'), 9), 0);
    t.equal(formatAddress(s.local), '2001:db8:a::5');
    udp.disconnect(s);
    s.sourcePreference = TEMPORARY;
    t.equal(udp.connect(s, ip('2001:db8:f::1'), 9), 0);
    t.equal(formatAddress(s.local), '2001:db8:a::77', 'a UDP socket');
    const settings = tcp.defaults.share().own();
    settings.change({ sourcePreference: TEMPORARY });
    const from = { ...plainFrom(tcp, ANY6, 0), settings };
    const opener = { established: () => undefined, failed: () => undefined };
    const opening = tcpConnect(tcp, ip('2001:db8:f::1'), 80, from, opener);
    t.equal(typeof opening === 'number' ? opening : formatAddress(opening.local), '2001:db8:a::77');
  },
  { addresses: [], gateway: false },
);

interface Order {
  readonly rule: string;
  readonly ours: string;
  /** As they are given. */
  readonly given: string;
  readonly tried: string;
}

const ORDERS: readonly Order[] = [
  {
    rule: '1: no route is last',
    ours: '192.0.2.5/24',
    given: '2001:db8:f::1 198.51.100.9',
    tried: '198.51.100.9 2001:db8:f::1',
  },
  {
    rule: '2: IPv6 before a link-local IPv4 source',
    ours: '2001:db8:a::5/64 169.254.9.9/16',
    given: '198.51.100.9 2001:db8:f::1',
    tried: '2001:db8:f::1 198.51.100.9',
  },
  {
    rule: '2: IPv4 before a link-local IPv6 source',
    ours: 'fe80::5/64 192.0.2.5/24',
    given: '2001:db8:f::1 198.51.100.9',
    tried: '198.51.100.9 2001:db8:f::1',
  },
  {
    rule: '2 before 3',
    ours: 'fe80::5/64 192.0.2.5/24!old',
    given: '2001:db8:f::1 198.51.100.9',
    tried: '198.51.100.9 2001:db8:f::1',
  },
  {
    rule: '3: a deprecated source is later',
    ours: '2001:db8:a::5/64!old 192.0.2.5/24',
    given: '2001:db8:f::1 198.51.100.9',
    tried: '198.51.100.9 2001:db8:f::1',
  },
  {
    rule: '5: labels that match',
    ours: '2002:c000:205::5/64 192.0.2.5/24',
    given: '2001:db8:f::1 198.51.100.9',
    tried: '198.51.100.9 2001:db8:f::1',
  },
  {
    rule: '5: 6to4 to 6to4',
    ours: '2002:c000:205::5/64 192.0.2.5/24',
    given: '2001:db8:f::1 2002:c633:6409::1',
    tried: '2002:c633:6409::1 2001:db8:f::1',
  },
  {
    rule: '6: precedence, native IPv6 before IPv4',
    ours: '2001:db8:a::5/64 10.1.2.3/24',
    given: '198.51.100.9 2001:db8:f::1',
    tried: '2001:db8:f::1 198.51.100.9',
  },
  {
    rule: '6: precedence, IPv4 before 6to4',
    ours: '2002:c000:205::5/64 192.0.2.5/24',
    given: '2002:c633:6409::1 198.51.100.9',
    tried: '198.51.100.9 2002:c633:6409::1',
  },
  {
    rule: '6: ::1 before the rest',
    ours: '2001:db8:a::5/64 192.0.2.5/24',
    given: '198.51.100.9 2001:db8:f::1 ::1',
    tried: '::1 2001:db8:f::1 198.51.100.9',
  },
  {
    rule: '6: unique local last',
    ours: '2001:db8:a::5/64 fd00:a::5/64 192.0.2.5/24',
    given: 'fd00:b::9 198.51.100.9 2001:db8:f::1',
    tried: '2001:db8:f::1 198.51.100.9 fd00:b::9',
  },
  {
    rule: '8: the smaller scope',
    ours: '2001:db8:a::5/64 fe80::5/64',
    given: '2001:db8:f::1 fe80::9',
    tried: 'fe80::9 2001:db8:f::1',
  },
  {
    rule: '9: the longer prefix',
    ours: '2001:db8:a::5/48',
    given: '2001:db8:f::1 2001:db8:b::1 2001:db8:a::1',
    tried: '2001:db8:a::1 2001:db8:b::1 2001:db8:f::1',
  },
  {
    rule: '9: a subnet of ours, IPv4',
    ours: '192.0.2.5/24',
    given: '192.0.3.1 192.0.2.9',
    tried: '192.0.2.9 192.0.3.1',
  },
  {
    rule: '10: IPv4 is left as the server rotates it',
    ours: '192.0.2.5/24',
    given: '203.0.113.9 192.0.3.1 198.51.100.9',
    tried: '203.0.113.9 192.0.3.1 198.51.100.9',
  },
  {
    rule: '10: and IPv6 that is equally far',
    ours: '2001:db8:a::5/64',
    given: '2001:db8:a::9 2001:db8:a::7 2001:db8:a::8',
    tried: '2001:db8:a::9 2001:db8:a::7 2001:db8:a::8',
  },
];

dialogue(
  'RFC 6724 §6: destinations in the order in which to try them',
  (t, h) => {
    for (const { rule, ours, given, tried } of ORDERS) {
      h.net.routes.removeWhere((r) => r.iface === h.port.iface);
      give(h, h.port, ours);
      if (ours.includes('.')) h.stack.addRoute(ANY4, 0, null, h.port.iface);
      if (ours.includes(':')) h.stack.addRoute(ANY6, 0, null, h.port.iface);
      const sorted = sortDestinations(h.net, given.split(' ').map(ip));
      t.equal(sorted.map((a) => formatAddress(a)).join(' '), tried, rule);
    }
  },
  { addresses: [], gateway: false },
);

dialogue(
  'RFC 6724 §2.1: the policy table can be changed, and both choices follow it',
  (t, h) => {
    routeAll(h);
    give(h, h.port, '2001:db8:a::5/64 fd00:a::5/64 192.0.2.5/24');
    const to = ['2001:db8:f::1', '198.51.100.9'].map(ip);
    const first = () => formatAddress(sortDestinations(h.net, to)[0]!);
    t.equal(first(), '2001:db8:f::1');
    h.net.policy.set(ip('0.0.0.0'), 96, 100, 4);
    t.equal(first(), '198.51.100.9', 'IPv4 first, as gai.conf suggests it');
    h.net.policy.set(ip('2001:db8:f::'), 48, 40, 13);
    const chosen = new IpAddress();
    h.net.sources.choose(chosen, h.port.iface, to[0]!, PREFER_SOURCE.DEFAULT);
    t.equal(formatAddress(chosen), 'fd00:a::5', 'of the label that the prefix has now');
    t.equal(h.net.policy.remove(ip('2001:db8:f::'), 48), true);
    t.equal(h.net.policy.remove(ip('2001:db8:f::'), 48), false);
    h.net.sources.choose(chosen, h.port.iface, to[0]!, PREFER_SOURCE.DEFAULT);
    t.equal(formatAddress(chosen), '2001:db8:a::5');
    for (const row of [...h.net.policy.rows]) h.net.policy.remove(row.prefix, row.bits);
    h.net.sources.choose(chosen, h.port.iface, to[0]!, PREFER_SOURCE.DEFAULT);
    t.equal(formatAddress(chosen), '2001:db8:a::5', 'an empty table tells nothing apart');
  },
  { addresses: [], gateway: false },
);
