/**
 * `ringway addr`, `route`, `neigh`, `maddr`, `link`: the same words to a stack in virtual time and to Linux in a namespace,
 * with the same addresses on eth0; texts and exit status have to be the same. Then what Linux has not, or says otherwise.
 */
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { sortDestinations } from '../../src/net/sort-destinations.ts';
import { isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { Failure } from '../../tools/command/failure.ts';
import { ipAddr } from '../../tools/command/ip-addr.ts';
import { ipAddrLabel } from '../../tools/command/ip-addrlabel.ts';
import { ipExit } from '../../tools/command/ip-commands.ts';
import { ipLink } from '../../tools/command/ip-link.ts';
import { ipMaddr } from '../../tools/command/ip-maddr.ts';
import { ipNeigh } from '../../tools/command/ip-neigh.ts';
import { ipRoute } from '../../tools/command/ip-route.ts';
import { type Family, Words } from '../../tools/command/ip-words.ts';
import type { GotView, NeighView, RouteView } from '../../tools/command/views.ts';
import { gotText, neighText, routeText } from '../../tools/command/views-text.ts';
import { dialogue, ip, NetHarness } from '../net/rig.ts';
import { requires } from '../support/requires.ts';
import { SAME } from './ip-lines.ts';

const START = { addresses: ['10.9.0.2/24', 'fd09::2/64'], gateway: false } as const;

interface Said {
  readonly exit: number;
  readonly text: string;
}

interface Answer {
  readonly list?: readonly object[];
  readonly got?: GotView;
  readonly flushed?: number;
  readonly warning?: string;
}

function answer(h: NetHarness, line: string): Answer {
  const args = line.split(' ');
  const family: Family = args[0] === '-6' ? 'inet6' : args[0] === '-4' ? 'inet' : '';
  if (family !== '') args.shift();
  const words = new Words(args.slice(1));
  switch (args[0]) {
    case 'addr':
      return ipAddr(h.stack, words, family);
    case 'route':
      return ipRoute(h.stack, words, family);
    case 'neigh':
      return ipNeigh(h.stack, words, family);
    case 'maddr':
      return ipMaddr(h.stack, words, family);
    case 'addrlabel':
      return ipAddrLabel(h.stack, words);
    default:
      ipLink(h.stack, words);
      return {};
  }
}

function ours(h: NetHarness, line: string): Said {
  try {
    const { list, got } = answer(h, line);
    h.settle();
    const textOf = line.includes('neigh') ? neighText : routeText;
    const lines = (list ?? []).map((v) => textOf(v as NeighView & RouteView));
    return { exit: 0, text: got === undefined ? lines.sort().join('\n') : gotText(got) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { exit: ipExit(error.code), text: error.message };
  }
}

/** What differs on purpose: Linux's shows, told apart by what stands in a namespace and not in a stack. */
function tidy(said: Said): Said {
  const lines = said.text
    .split('\n')
    .map((l) =>
      l
        .replace(/ uid \d+/, '')
        .replace(/try "(ip|ringway) (\w+) (help|--help)"/, 'see help')
        .trimEnd(),
    )
    .filter((l) => l !== '');
  const isList = said.exit === 0 && !lines.some((l) => l.includes('cache'));
  const text = (isList ? lines.sort() : lines).join('\n');
  return {
    exit: said.exit,
    text: text
      .replace('"ip route flush"', '"ringway route flush"')
      .replace('ip address', 'ip addr'),
  };
}

/** Runs them all in one namespace. */
function linux(lines: readonly string[]): Said[] {
  const script = [
    'exec 2>&1',
    'ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up',
    'ip addr add 10.9.0.2/24 dev eth0; ip addr add fd09::2/64 dev eth0 nodad',
    'sysctl -qw net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.eth1.disable_ipv6=1',
    ...lines.map((line) => `echo "@@"; ip ${line}; echo "@$?"`),
  ].join('\n');
  const { stdout } = spawnSync('unshare', ['-n', 'sh', '-c', script], { encoding: 'utf8' });
  return stdout
    .split('@@\n')
    .slice(1)
    .map((part) => {
      const [, text, exit] = /^([\s\S]*)@(\d+)\n$/.exec(part)!;
      return { exit: Number(exit), text: text! };
    });
}

t.test(
  'ip(8) in a namespace says the same, with the same exit status',
  { skip: requires({ root: true, programs: ['ip', 'unshare', 'sysctl'] }) },
  async (t) => {
    const h = new NetHarness(START);
    ours(h, 'neigh flush dev eth0 nud permanent');
    const expected = linux(SAME);
    t.equal(expected.length, SAME.length);
    for (const [i, line] of SAME.entries()) {
      t.same(tidy(ours(h, line)), tidy(expected[i]!), line);
    }
    h.close(t);
  },
);

function says(t: Test, h: NetHarness, line: string, exit: number, text: RegExp): void {
  const said = ours(h, line);
  t.equal(said.exit, exit, `${line}: ${said.text}`);
  t.match(said.text, text, line);
}

dialogue(
  'what ip(8) knows and a stack has not is refused, not passed over',
  (t, h) => {
    const refused = [
      ...['addr add 10.9.0.9/24 dev eth0 label x', 'addr add 10.9.0.9 peer 10.9.1.1 dev eth0'],
      ...['addr add 10.9.0.9/24 dev eth0 brd -', 'addr add 10.9.0.9/24 dev eth0 scope link'],
      ...['route add local 10.3.0.0/16', 'route add 10.3.0.0/16 dev eth0 table 7'],
      ...['route add blackhole 10.3.0.0/16 mtu 1400', 'neigh show nud noarp'],
      ...['route add 10.3.0.0/16 dev eth0 hoplimit 3', 'route get 10.9.0.1 from 10.9.0.2'],
      ...['neigh add proxy 10.9.0.3 dev eth0', 'neigh add 10.9.0.3 dev eth0 nud noarp'],
      ...['link set eth0 promisc on', 'addr add 10.9.0.9/24 brd 10.9.0.254 dev eth0'],
      ...['link set eth0 mtu 1400', 'link add link eth0 type vlan id 5 gvrp on'],
      'link add link eth0 type vlan protocol 802.1ad id 5',
    ];
    for (const line of refused)
      says(t, h, line, 2, /^Error: ".*" is not supported by this stack\.$/);
    says(t, h, 'link add link lo name v type vlan id 5', 2, /VLANs not supported on device/);
    says(t, h, 'link add link eth0 name v type vlan id 4095', 2, /Invalid VLAN id/);
    says(t, h, 'link add link eth0 name v type vlan', 2, /VLAN properties not specified/);
    says(
      t,
      h,
      'link add link eth0 name v mtu 9000 type vlan id 5',
      2,
      /Numerical result out of range/,
    );
    says(t, h, 'link add link eth0 name v type vlan id 5', 0, /^$/);
    says(t, h, 'link add link eth0 name w type vlan id 5', 2, /VLAN device already exists/);
    says(t, h, 'link add link eth0 name v type vlan id 6', 2, /File exists/);
    says(t, h, 'link set v down', 0, /^$/);
    t.equal(h.stack.interfaceByName('v')?.isUp, false);
    says(t, h, 'link set eth0 down', 0, /^$/);
    says(t, h, 'link set v up', 2, /Network is down/);
    const shown = () => ipLink(h.stack, new Words(['show', 'up']))!.map((i) => i.name);
    t.same(shown(), ['lo'], 'show up: neither eth0 nor v');
    t.match(answer(h, 'addr show up').list, [{ ifname: 'lo' }]);
    t.equal(answer(h, 'addr show up').list?.length, 1);
    says(t, h, 'link set dev eth0 up', 0, /^$/);
    t.same(shown(), ['lo', 'eth0', 'v']);
    t.equal(h.stack.interfaceByName('v')?.isUp, true);
    says(t, h, 'link set lo down', 2, /Operation not supported/);
    const map = () => h.stack.interfaceByName('v')?.vlan?.egressMap;
    says(t, h, 'link set dev v type vlan egress-qos-map 6:5 0:3', 0, /^$/);
    t.same(map(), [
      [0, 3],
      [6, 5],
    ]);
    says(t, h, 'link set dev v type vlan egress-qos-map 6:0', 0, /^$/);
    t.same(map(), [[0, 3]], 'others stay');
    says(t, h, 'link set v type vlan egress-qos-map 0:9', 2, /Invalid egress qos map/);
    says(t, h, 'link del v type vlan', 0, /^$/);
    says(t, h, 'link del v', 1, /^Cannot find device "v"$/);
    says(t, h, 'link add link eth0 name v type vlan id 5 egress-qos-map 0:6', 0, /^$/);
    t.same(map(), [[0, 6]]);
  },
  START,
);

const listOf = (h: NetHarness, line: string): Record<string, unknown>[] =>
  [...(answer(h, line).list ?? [])] as Record<string, unknown>[];
const addresses = (h: NetHarness, line: string): string[] =>
  listOf(h, line).flatMap((l) => (l.addr_info as { local: string }[]).map((a) => a.local));

dialogue(
  'addresses have the lifetimes that they were given, and are chosen by what they tell',
  (t, h) => {
    const to = ip('fd09::99');
    const source = () => formatAddress(h.net.paths.lookup(to, 0)!.source);
    answer(h, 'addr add fd09::98/112 dev eth0 nodad valid_lft 100 preferred_lft 50');
    t.equal(source(), 'fd09::98', 'the longest prefix in common');
    t.same(addresses(h, 'addr show dynamic'), ['fd09::98']);
    h.advance(49);
    t.equal(source(), 'fd09::98');
    h.advance(1);
    t.equal(source(), 'fd09::2', 'the other is deprecated');
    t.same(addresses(h, 'addr show deprecated'), ['fd09::98']);
    answer(h, 'addr change fd09::98/112 dev eth0 valid_lft 100 preferred_lft 60');
    t.equal(source(), 'fd09::98', 'and is not, with a new lifetime');
    answer(h, 'addr add 10.9.0.77/24 dev eth0 valid_lft 90 preferred_lft 0');
    h.advance(99);
    t.same(addresses(h, 'addr show to 10.9.0.77'), [], 'IPv4 too');
    t.same(addresses(h, 'addr show to fd09::/16'), ['fd09::2', 'fd09::98']);
    h.advance(1);
    t.same(addresses(h, 'addr show to fd09::/16'), ['fd09::2'], 'gone at its end');
    answer(h, 'addr add fd09::98/112 dev eth0 valid_lft 10 preferred_lft 10');
    answer(h, 'addr replace fd09::98/112 dev eth0 valid_lft forever preferred_lft forever');
    h.advance(1000);
    t.same(addresses(h, 'addr show permanent to fd09::98'), ['fd09::98'], 'forever');
  },
  START,
);

dialogue(
  'addr: metric, noprefixroute, nodad, flush by selector; del of an old script',
  (t, h) => {
    answer(h, 'addr add 10.8.0.1/24 dev eth0 metric 70');
    answer(h, 'addr add 10.7.0.1/24 dev eth0 noprefixroute');
    t.same(
      listOf(h, '-4 route show root 10.6.0.0/15').concat(listOf(h, 'route show 10.8.0.0/24')),
      listOf(h, 'route show metric 70'),
      'the one has a route with that metric, the other none',
    );
    h.net.config.conf6.set('dad_transmits', 1);
    answer(h, 'addr add fd08::1/64 dev eth0');
    answer(h, 'addr add fd07::1/64 dev eth0 nodad');
    t.same(addresses(h, 'addr show tentative'), ['fd08::1']);
    t.match(answer(h, 'addr del 10.8.0.1 dev eth0'), { warning: /without a prefix length/ });
    t.same(answer(h, 'addr flush to 10.0.0.0/8'), { flushed: 2 });
    t.same(answer(h, '-6 addr flush dev eth0 scope link'), { flushed: 1 });
    t.same(addresses(h, '-4 addr show'), ['127.0.0.1'], 'loopback is on no 10/8');
    t.same(listOf(h, '-4 route show'), [], 'and routes go with addresses');
  },
  START,
);

dialogue(
  'route: src is where from, and goes with its address; onlink; get says the way',
  (t, h) => {
    const way = (to: string) => gotText(answer(h, `route get ${to}`).got!);
    answer(h, 'addr add 10.9.0.3/24 dev eth0');
    answer(h, 'route add 10.1.0.0/16 via 10.9.0.1 src 10.9.0.3');
    t.equal(way('10.1.0.9'), '10.1.0.9 via 10.9.0.1 dev eth0 src 10.9.0.3\n    cache');
    t.equal(formatAddress(h.net.paths.lookup(ip('10.1.0.9'), 0)!.source), '10.9.0.3');
    answer(h, 'addr del 10.9.0.3/24 dev eth0');
    says(t, h, 'route get 10.1.0.9', 2, /Network is unreachable/);
    answer(h, 'route add 192.0.2.0/24 via 203.0.113.1 dev eth0 onlink');
    t.equal(way('192.0.2.5'), '192.0.2.5 via 203.0.113.1 dev eth0 src 10.9.0.2\n    cache');
    t.equal(way('10.9.0.2'), 'local 10.9.0.2 dev lo src 10.9.0.2\n    cache <local>');
    t.equal(way('10.9.0.255'), 'broadcast 10.9.0.255 dev eth0 src 10.9.0.2\n    cache <local,brd>');
    t.equal(way('fd09::9'), 'fd09::9 from :: dev eth0 src fd09::2');
    t.equal(way('fd09::2'), 'local fd09::2 from :: dev lo table local src fd09::2');
    t.match(answer(h, 'route get ff02::1 oif eth0'), { got: { type: 'multicast', dev: 'eth0' } });
    const path = h.net.paths.lookup(ip('10.9.0.77'), 0)!;
    h.net.paths.learnMtu(path, 1400);
    t.match(way('10.9.0.77'), /\n {4}cache expires \d+sec mtu 1400$/);
  },
  START,
);

dialogue(
  'neigh: states act',
  (t, h) => {
    const state = (a: string) => listOf(h, `neigh show ${a}`).map((n) => n.state);
    const add = (a: string, nud: string) =>
      answer(h, `neigh add ${a} lladdr 02:00:00:00:00:50 dev eth0 nud ${nud}`);
    add('10.9.0.50', 'delay');
    add('10.9.0.51', 'probe');
    h.settle();
    t.same(h.port.lines(), ['arp'], 'probe asks at once');
    h.advance(4.9);
    t.same(h.port.lines(), ['arp', 'arp'], 'and twice more');
    h.advance(0.2);
    t.same(h.port.lines(), ['arp'], 'delay after five seconds');
    t.same(state('10.9.0.51'), [['FAILED']], 'nobody answers');
    add('10.9.0.52', 'reachable');
    h.advance(60);
    t.same(state('10.9.0.52'), [['STALE']], 'and what is reachable is so for a while');
    t.same(answer(h, 'neigh flush nud failed'), { flushed: 2 });
    t.same(answer(h, 'neigh flush all'), { flushed: 1 });
  },
  START,
);

dialogue(
  'maddr: a group is joined once by command, whoever else listens',
  (t, h) => {
    const groups = () =>
      (listOf(h, 'maddr show dev eth0')[0]!.maddr as { address: string; users?: number }[])
        .filter((m) => isV4(ip(m.address)) || m.address === 'ff05::9')
        .map((m) => `${m.address} ${m.users ?? 1}`);
    const before = groups();
    answer(h, 'maddr add 239.1.1.1 dev eth0');
    answer(h, 'maddr add ff05::9 dev eth0');
    h.port.iface.join(ip('239.1.1.1'));
    t.same(groups(), [...before, '239.1.1.1 2', 'ff05::9 1']);
    says(t, h, 'maddr add 239.1.1.1 dev eth0', 2, /File exists/);
    answer(h, 'maddr del 239.1.1.1 dev eth0');
    says(t, h, 'maddr del 239.1.1.1 dev eth0', 2, /No such file or directory/);
    t.same(groups(), [...before, '239.1.1.1 1', 'ff05::9 1'], 'the socket’s stays');
    says(t, h, 'maddr add 10.9.0.1 dev eth0', 1, /no multicast address/);
    says(t, h, 'maddr add 33:33:00:00:00:05 dev eth0', 1, /a link-layer address/);
  },
  START,
);

dialogue(
  'addrlabel: a label decides between sources, and a precedence between destinations (RFC 6724 §2.1)',
  (t, h) => {
    const source = () => formatAddress(h.net.paths.lookup(ip('2001:db8:5::1'), 0)!.source);
    answer(h, 'addr add fd09::3/64 dev eth0');
    answer(h, '-6 route add default via fd09::1');
    answer(h, 'addr add 2001:db8:9::2/64 dev eth0');
    t.equal(source(), '2001:db8:9::2', 'unique local has a label of its own');
    answer(h, 'addrlabel add prefix fd09::3/128 label 77');
    answer(h, 'addrlabel add prefix 2001:db8:5::/48 label 77');
    t.equal(source(), 'fd09::3', 'and at once another');
    t.match(listOf(h, 'addrlabel'), [
      { address: '::1', prefixlen: 128, label: 0, precedence: 50 },
      { address: 'fd09::3', prefixlen: 128, label: 77, precedence: 3 },
    ]);
    const order = () =>
      sortDestinations(h.net, [ip('10.9.0.9'), ip('fd09::9')]).map((a) => formatAddress(a));
    t.same(order(), ['10.9.0.9', 'fd09::9'], 'IPv4 comes before unique local addresses');
    answer(h, 'addrlabel add prefix fd09::/16 label 13 precedence 60');
    t.same(order(), ['fd09::9', '10.9.0.9']);
    answer(h, 'addrlabel add prefix 10.9.0.0/16 label 4 precedence 70');
    t.same(order(), ['10.9.0.9', 'fd09::9']);
    const [row] = listOf(h, 'addrlabel list').filter((r) => r.precedence === 70);
    t.match(row, { address: '::ffff:10.9.0.0', prefixlen: 112 }, 'mapped, as Linux shows IPv4');
    answer(h, 'addrlabel del prefix ::ffff:10.9.0.0/112 label 4');
    t.same(order(), ['fd09::9', '10.9.0.9']);
    answer(h, 'addrlabel flush');
    t.same(listOf(h, 'addrlabel'), []);
    says(t, h, 'addrlabel add prefix fd01::/64 label 9 dev eth0', 2, /not supported/);
  },
  START,
);
