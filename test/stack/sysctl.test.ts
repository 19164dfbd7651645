/** Each sysctl acts: what it changes can be seen from outside the stack, in Linux's units. */
import t, { type Test } from 'tap';
import { EINVAL, ENOBUFS, ENOENT, EPIPE } from '../../src/base/errno.ts';
import { startGroupReports } from '../../src/net/group-reporter.ts';
import { NUD } from '../../src/net/neighbour.ts';
import { NetConfig } from '../../src/net/net-config.ts';
import { AF, MSG, SO, SOCK, SOL } from '../../src/socket/abi.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { findSysctl, readSysctl, SYSCTLS, writeSysctl } from '../../src/stack/sysctl.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { type Family as GroupFamily, GroupRig, IGMP, MLD } from '../net/group-rig.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  data,
  echo4,
  echo6,
  fragments4,
  fragments6,
  GATEWAY_MAC,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  optionsHeader,
  udp,
} from '../net/packets.ts';
import { redirect4 } from '../net/redirect-rig.ts';
import { ip, NetHarness } from '../net/rig.ts';

const ALL_NODES_MAC = '33:33:00:00:00:01';

/** The family of a name decides whose neighbour, whose packet. */
interface Family {
  readonly nobody: string;
  readonly echo: Bytes;
  readonly toNobody: (from: number) => Bytes;
  readonly fragment: Bytes;
  readonly timeouts: (h: NetHarness) => number;
}
const V4: Family = {
  nobody: '10.0.0.77',
  echo: echo4(data(4)),
  toNobody: (n) => ip4({ protocol: 17, src: `10.0.0.${n}` }, udp({}, data(4), `10.0.0.${n}`)),
  fragment: fragments4(echo4(data(64)), 32, { id: 5 })[0]!,
  timeouts: (h) => h.net.mib.ip4.get('ReasmTimeout'),
};
const V6: Family = {
  nobody: '2001:db8::77',
  echo: echo6(data(4)),
  toNobody: (n) =>
    ip6({ next: 17, src: `2001:db8::${n}` }, udp({}, data(4), `2001:db8::${n}`, '2001:db8::1')),
  fragment: fragments6(echo6(data(64)), 32, 5)[0]!,
  timeouts: (h) => h.net.mib.ip6.get('ReasmTimeout'),
};

type Act = (t: Test, h: NetHarness, set: (value: string, name?: string) => void) => void;

const MAC = MacAddress.parse('02:00:00:00:00:77')!;

/** The harness's interface begins to tell routers of its groups. */
function reporting(h: NetHarness, f: GroupFamily): GroupRig {
  startGroupReports(h.net, h.port.iface);
  return new GroupRig(f, {}, h);
}

const repeatsWithin =
  (f: GroupFamily, version: number): Act =>
  (t, h, set) => {
    set('100000');
    const r = reporting(h, f);
    r.query({ version, delay: 0.1 });
    r.after(1);
    t.equal(r.join(f.g1).length, 1);
    t.same(r.after(11), [], 'not within the ten seconds, or one, of the default');
    t.equal(r.after(100).length, 1);
  };

const limitsSources =
  (group: string): Act =>
  (t, h, set) => {
    set('2');
    const { groups } = h.stack.udp.open('dual');
    const at = h.port.iface.index;
    const results = [1, 2, 3].map((i) => groups.joinSource(ip(group), at, ip(`10.0.0.${i}`)));
    t.same(results, [0, 0, -ENOBUFS]);
  };

const repeats =
  (f: GroupFamily): Act =>
  (t, h, set) => {
    set('5');
    const r = reporting(h, f);
    t.equal(r.join(f.g1).length + r.after(60).length, 5);
  };

const ignoresEcho =
  (f: Family): Act =>
  (t, h, set) => {
    t.equal(h.give(f.echo), 'accepted');
    set('1');
    t.equal(h.give(f.echo), 'ICMP_ECHO_IGNORED');
  };

/** Errors answered out of `count` datagrams for no socket, all at once. */
const errors = (h: NetHarness, f: Family, count: number, isOneSource: boolean): number => {
  for (let i = 0; i < count; i++) h.knows(`${f.nobody.slice(0, -2)}${20 + i}`, '02:00:00:00:00:20');
  h.lines();
  for (let i = 0; i < count; i++) h.give(f.toNobody(isOneSource ? 20 : 20 + i));
  return h.lines().length;
};

const limitsErrors =
  (f: Family): Act =>
  (t, h, set) => {
    set('100');
    t.equal(errors(h, f, 20, true), 6, 'a burst to one destination');
    h.advance(0.11);
    t.equal(errors(h, f, 20, true), 1, 'then one each 100 ms');
    set('0');
    t.equal(errors(h, f, 20, true), 20, '0 is no limit');
  };

const behindOptions = (header: number, options: readonly number[]): Bytes =>
  ip6({ next: header }, join(optionsHeader(58, options), icmp6({ type: 128 }, data(8))));

const limitsOptions =
  (header: number): Act =>
  (t, h, set) => {
    const two = behindOptions(header, [0x1e, 0, 0x1e, 0]);
    t.equal(h.give(two), 'accepted');
    set('1');
    t.equal(h.give(two), 'IP_BAD_OPTION');
    set('-2');
    t.equal(h.give(two), 'IP_BAD_OPTION', 'none that is unknown');
    t.equal(h.give(behindOptions(header, [1, 0])), 'accepted');
  };

const limitsHeader =
  (header: number): Act =>
  (t, h, set) => {
    const long = behindOptions(header, [0x1e, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    t.equal(h.give(long), 'accepted');
    set('8');
    t.equal(h.give(long), 'IP_BAD_OPTION');
    t.equal(h.give(behindOptions(header, [])), 'accepted');
  };

const setsTtl =
  (to: string): Act =>
  (t, h, set) => {
    set('33');
    h.ping(h.echo(), to);
    t.equal(h.sent()[0]!.ttl, 33);
  };

const limitsFragments =
  (f: Family): Act =>
  (t, h, set) => {
    t.equal(h.give(f.fragment), 'accepted');
    h.advance(100);
    set('0');
    t.equal(h.give(f.fragment), 'FRAG_NO_MEMORY');
  };

const timesFragments =
  (f: Family): Act =>
  (t, h, set) => {
    set('3');
    h.give(f.fragment);
    h.advance(2.9);
    t.equal(f.timeouts(h), 0);
    h.advance(0.2);
    t.equal(f.timeouts(h), 1);
  };

/** To a destination behind the gateway of the link that the packet came from. */
const away4 = (): Bytes => ip4({ dst: '192.0.2.1', protocol: 17 }, udp({}, data(4)));

const forwards =
  (packet: Bytes): Act =>
  (t, h, set) => {
    t.equal(h.give(packet), 'IP_NOT_LOCAL');
    set('1');
    t.equal(h.give(packet), 'accepted');
    t.equal(h.sent()[0]?.ttl, 63);
  };

const neighbour = (h: NetHarness, f: Family) => h.port.iface.neighbours.find(ip(f.nobody))!;

/** In use and REACHABLE, as if it had just answered. */
function meets(h: NetHarness, f: Family): void {
  h.port.iface.neighbours.set(ip(f.nobody), MAC, false);
}

const NEIGHBOURS = (family: string, f: Family): Record<string, Act> => {
  const name = (last: string) => `net.${family}.neigh.default.${last}`;
  return {
    [name('gc_thresh3')]: (t, h, set) => {
      set('8');
      for (let i = 20; i < 60; i++) h.ping(h.echo(), `${f.nobody.slice(0, -2)}${i}`);
      const all = h.port.iface.neighbours.entries();
      t.ok(all.filter((n) => n.family.isV4 === (f === V4)).length <= 8);
    },
    [name('unres_qlen_bytes')]: (t, h, set) => {
      const { neighbours } = h.port.iface;
      set('3000');
      for (let i = 0; i < 20; i++) h.ping(h.echo(), f.nobody, data(1000));
      t.ok(neighbours.heldBytes > 0 && neighbours.heldBytes <= 3000, `${neighbours.heldBytes}`);
    },
    [name('base_reachable_time_ms')]: (t, h, set) => {
      set('100');
      meets(h, f);
      h.advance(0.04);
      t.equal(neighbour(h, f).state, NUD.REACHABLE);
      h.advance(0.12);
      t.equal(neighbour(h, f).state, NUD.STALE, 'after 1.5 times as long at most');
    },
    [name('retrans_time_ms')]: (t, h, set) => {
      set('100');
      h.ping(h.echo(), f.nobody);
      h.advance(0.25);
      t.equal(h.lines().length, 3, 'asked at 0, 100 and 200 ms');
    },
    [name('delay_first_probe_time')]: (t, h, set) => {
      set('100', name('base_reachable_time_ms'));
      set('2');
      meets(h, f);
      h.advance(1);
      h.ping(h.echo(), f.nobody);
      h.advance(1.9);
      t.equal(neighbour(h, f).state, NUD.DELAY);
      h.advance(0.2);
      t.equal(neighbour(h, f).state, NUD.PROBE);
    },
    [name('mcast_solicit')]: (t, h, set) => {
      set('2');
      h.ping(h.echo(), f.nobody);
      h.advance(10);
      t.equal(h.lines().length, 2);
    },
    [name('ucast_solicit')]: (t, h, set) => {
      set('100', name('base_reachable_time_ms'));
      set('0', name('delay_first_probe_time'));
      set('1');
      meets(h, f);
      h.advance(1);
      h.ping(h.echo(), f.nobody);
      h.advance(10);
      t.equal(h.lines().length, 2, 'the ping and one probe, then it is given up');
      t.equal(neighbour(h, f).state, NUD.FAILED);
    },
  };
};

/** A router says that 192.0.2.7 needs smaller packets; returns the path's MTU. */
function tooBig(h: NetHarness, mtu: number): () => number {
  const socket = h.echo();
  h.ping(socket, '192.0.2.7', data(1000));
  const quoted = h.sent()[0]!.frame.slice(14);
  h.give(ip4({ src: '10.0.0.254' }, icmp4({ type: 3, code: 4, rest: mtu }, quoted)));
  return () => h.net.paths.lookup(ip('192.0.2.7'), 0)!.mtu(h.net.env);
}

/** A new socket's buffer, after it was asked for so many bytes. */
function bufferAfter(h: NetHarness, name: number, asked: number | null): number {
  const api = new SocketApi(h.stack);
  const fd = api.socket(AF.INET, SOCK.DGRAM, 0);
  if (asked !== null) api.setInt(fd, SOL.SOCKET, name, asked);
  const bytes = api.getInt(fd, SOL.SOCKET, name);
  api.closeAll();
  return bytes;
}

const ACTS: Readonly<Record<string, Act>> = {
  'net.core.optmem_max': (t, h, set) => {
    const api = new SocketApi(h.stack);
    const fd = api.socket(AF.INET, SOCK.STREAM, 0);
    api.setInt(fd, SOL.SOCKET, SO.ZEROCOPY, 1);
    const send = () => api.send(fd, new Uint8Array(1), MSG.ZEROCOPY);
    t.equal(send(), -EPIPE, 'room for a notification, and no connection');
    set('767');
    t.equal(send(), -ENOBUFS, 'one takes 768 bytes');
    api.closeAll();
  },
  'net.core.rmem_default': (t, h, set) => {
    set('4096');
    t.equal(h.stack.udp.open('dual').rcvbufBytes, 4096);
  },
  'net.core.rmem_max': (t, h, set) => {
    set('5000');
    t.equal(bufferAfter(h, SO.RCVBUF, 1e6), 10_000, 'the most that SO_RCVBUF doubles');
  },
  'net.core.wmem_default': (t, h, set) => {
    set('6000');
    t.equal(bufferAfter(h, SO.SNDBUF, null), 6000);
  },
  'net.core.wmem_max': (t, h, set) => {
    set('5000');
    t.equal(bufferAfter(h, SO.SNDBUF, 1e6), 10_000, 'the most that SO_SNDBUF doubles');
  },
  'net.ipv4.icmp_echo_ignore_all': ignoresEcho(V4),
  'net.ipv6.icmp.echo_ignore_all': ignoresEcho(V6),
  'net.ipv4.icmp_echo_ignore_broadcasts': (t, h, set) => {
    const give = () => h.give(echo4(data(4), { dst: '10.0.0.255' }), { dst: BROADCAST_MAC });
    t.equal(give(), 'ICMP_ECHO_IGNORED');
    set('0');
    t.equal(give(), 'accepted');
  },
  'net.ipv6.icmp.echo_ignore_multicast': (t, h, set) => {
    const give = () => h.give(echo6(data(4), { dst: 'ff02::1' }), { dst: ALL_NODES_MAC });
    t.equal(give(), 'accepted');
    set('1');
    t.equal(give(), 'ICMP_ECHO_IGNORED');
  },
  'net.ipv4.conf.all.igmpv2_unsolicited_report_interval': repeatsWithin(IGMP, 2),
  'net.ipv4.conf.all.igmpv3_unsolicited_report_interval': repeatsWithin(IGMP, 3),
  'net.ipv6.conf.all.mldv1_unsolicited_report_interval': repeatsWithin(MLD, 2),
  'net.ipv6.conf.all.mldv2_unsolicited_report_interval': repeatsWithin(MLD, 3),
  'net.ipv4.igmp_max_memberships': (t, h, set) => {
    set('2');
    const { groups } = h.stack.udp.open('ipv4');
    const results = [1, 2, 3].map((i) => groups.join(ip(`239.0.0.${i}`), h.port.iface.index));
    t.same(results, [0, 0, -ENOBUFS]);
  },
  'net.ipv4.igmp_max_msf': limitsSources('239.0.0.1'),
  'net.ipv6.auto_flowlabels': (t, h, set) => {
    const label = (): number => {
      h.give(echo6(data(4)));
      const { frame } = h.sent()[0]!;
      return ((frame[15]! & 15) << 16) | (frame[16]! << 8) | frame[17]!;
    };
    t.not(label(), 0);
    set('0');
    t.equal(label(), 0);
  },
  'net.ipv6.max_hbh_opts_number': limitsOptions(0),
  'net.ipv6.max_dst_opts_number': limitsOptions(60),
  'net.ipv6.max_hbh_opts_length': limitsHeader(0),
  'net.ipv6.max_dst_opts_length': limitsHeader(60),
  'net.ipv6.mld_max_msf': limitsSources('ff05::1'),
  'net.ipv4.igmp_qrv': repeats(IGMP),
  'net.ipv6.mld_qrv': repeats(MLD),
  'net.ipv4.igmp_link_local_mcast_reports': (t, h, set) => {
    const r = reporting(h, IGMP);
    t.same(r.join('224.0.0.251'), ['to_ex 224.0.0.251']);
    set('0');
    t.same(r.join('224.0.0.252'), []);
  },
  'net.ipv4.icmp_msgs_burst': (t, h, set) => {
    set('5');
    t.equal(errors(h, V4, 20, false), 5);
  },
  'net.ipv4.icmp_msgs_per_sec': (t, h, set) => {
    set('10');
    errors(h, V4, 60, false);
    h.advance(0.35);
    t.equal(errors(h, V4, 60, false), 3, 'a tenth of a second each, once the burst is used up');
  },
  'net.ipv4.icmp_ratelimit': limitsErrors(V4),
  'net.ipv6.icmp.ratelimit': limitsErrors(V6),
  'net.ipv4.ip_default_ttl': setsTtl('10.0.0.2'),
  'net.ipv4.ip_local_port_range': (t, h, set) => {
    set('5000 5001');
    const ports = [0, 1].map(() => {
      const s = h.stack.udp.open('dual');
      t.equal(h.stack.udp.bind(s, ip('::'), 0), 0);
      return s.localPort;
    });
    t.same(ports.sort(), [5000, 5001]);
    t.ok(h.stack.udp.bind(h.stack.udp.open('dual'), ip('::'), 0) < 0, 'and then none is left');
  },
  'net.ipv4.ip_local_reserved_ports': (t, h, set) => {
    const { config } = h.net;
    config.localPortFirst = 5000;
    config.localPortLast = 5009;
    set('22,5001-5004,5006-5009');
    const s = h.stack.udp.open('dual');
    t.equal(h.stack.udp.bind(s, ip('::'), 5001), 0, 'who asks for it gets it');
    const ports = [0, 1].map(() => {
      const chosen = h.stack.udp.open('dual');
      t.equal(h.stack.udp.bind(chosen, ip('::'), 0), 0);
      return chosen.localPort;
    });
    t.same(ports.sort(), [5000, 5005]);
    for (const bad of ['x', '1-', '70000', '9-8', '1;2', '1,,2']) {
      t.equal(writeSysctl(config, 'net.ipv4.ip_local_reserved_ports', bad), -EINVAL, bad);
    }
    t.equal(config.reservedPorts.toString(), '22,5001-5004,5006-5009', 'nothing has changed');
    set('');
  },
  'net.ipv4.ip_forward': forwards(away4()),
  'net.ipv4.ipfrag_high_thresh': limitsFragments(V4),
  'net.ipv6.ip6frag_high_thresh': limitsFragments(V6),
  'net.ipv4.ipfrag_time': timesFragments(V4),
  'net.ipv6.ip6frag_time': timesFragments(V6),
  ...NEIGHBOURS('ipv4', V4),
  ...NEIGHBOURS('ipv6', V6),
  'net.ipv4.route.gc_timeout': (t, h, set) => {
    set('5');
    h.knows('10.0.0.253', '02:00:00:00:00:fd');
    const hop = () => {
      h.ping(h.echo(), '192.0.2.7');
      return h.sent()[0]!;
    };
    redirect4(h, hop());
    h.advance(4.9);
    t.equal(hop().to, '02:00:00:00:00:fd');
    h.advance(0.2);
    t.equal(hop().to, GATEWAY_MAC);
  },
  'net.ipv4.route.min_pmtu': (t, h, set) => {
    set('800');
    t.equal(tooBig(h, 700)(), 800, 'a smaller one is not believed literally');
  },
  'net.ipv4.route.mtu_expires': (t, h, set) => {
    set('5');
    const mtu = tooBig(h, 1000);
    h.advance(4.9);
    t.equal(mtu(), 1000);
    h.advance(0.2);
    t.equal(mtu(), 1500);
  },
};

t.test('every sysctl has a proof', async (t) => {
  t.same(Object.keys(ACTS).sort(), SYSCTLS.map((s) => s.name).sort());
});

for (const [name, act] of Object.entries(ACTS)) {
  t.test(name, async (t) => {
    const h = new NetHarness();
    act(t, h, (value, other = name) => {
      t.equal(writeSysctl(h.net.config, other, value), 0, `${other} = ${value}`);
      const read = readSysctl(h.net.config, findSysctl(other)!);
      t.equal(read, value.replace(' ', '\t'), 'and it reads as it was written');
    });
    h.close(t);
  });
}

t.test("defaults are Linux's, in Linux's units", async (t) => {
  const config = new NetConfig();
  const expected: Record<string, string> = {
    'net.ipv4.ip_default_ttl': '64',
    'net.ipv4.ip_forward': '0',
    'net.ipv4.ip_local_port_range': '32768\t60999',
    'net.ipv4.icmp_ratelimit': '1000',
    'net.ipv6.icmp.ratelimit': '100',
    'net.ipv6.max_dst_opts_number': '8',
    'net.ipv4.ipfrag_time': '30',
    'net.ipv6.ip6frag_time': '60',
    'net.ipv4.neigh.default.base_reachable_time_ms': '30000',
    'net.ipv4.neigh.default.delay_first_probe_time': '5',
    'net.ipv4.route.mtu_expires': '600',
    'net.core.optmem_max': '131072',
    'net.core.rmem_default': '212992',
    'net.core.rmem_max': '4194304',
    'net.core.wmem_default': '212992',
    'net.core.wmem_max': '4194304',
  };
  for (const [name, value] of Object.entries(expected)) {
    t.equal(readSysctl(config, findSysctl(name)!), value, name);
  }
  for (const { name, min, max } of SYSCTLS) {
    const values = readSysctl(config, findSysctl(name)!).split('\t').map(Number);
    t.ok(
      values.every((v) => v >= min && v <= max),
      `${name}: the default is allowed`,
    );
  }
});

t.test('what is refused changes nothing', async (t) => {
  const config = new NetConfig();
  const before = JSON.stringify(config);
  t.equal(writeSysctl(config, 'net.ipv4.no_such', '1'), -ENOENT);
  t.equal(writeSysctl(config, 'net.core.netdev_max_backlog', '1'), -ENOENT, 'there is no queue');
  t.equal(writeSysctl(config, 'toString', '1'), -ENOENT);
  const ttl = ['', '0', '256', '-1', '1.5', 'x', '64 64', '0x10', '99999999999'];
  for (const bad of ttl) t.equal(writeSysctl(config, 'net.ipv4.ip_default_ttl', bad), -EINVAL, bad);
  const range = ['1024', '2000 1000', '0 100', '1 65536', '1 2 3'];
  for (const bad of range) {
    t.equal(writeSysctl(config, 'net.ipv4.ip_local_port_range', bad), -EINVAL, bad);
  }
  t.equal(JSON.stringify(config), before);
  for (const same of ['/proc/sys/net/ipv4/ip_default_ttl', 'net/ipv4/ip_default_ttl']) {
    t.equal(findSysctl(same)?.name, 'net.ipv4.ip_default_ttl');
  }
});
