/** Groups as sockets have them: RFC 3678's structures, Linux's errnos and limits, and what is delivered to whom. */
import { AF, IP_OPT, IPV6_OPT, MCAST_OPT, SO, SOL } from '../../src/socket/abi.ts';
import { GroupRig, groupMac, IGMP, MLD } from '../net/group-rig.ts';
import { addressBytes, data, ip4, ip6, udp } from '../net/packets.ts';
import { addr, dialogue, int32, named, type SocketHarness } from './socket-rig.ts';

const G = '239.1.1.1';
const US = '10.0.0.1';
const ETH0 = 2;

const bytes = (...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((p) => [...p]));
const u32 = (n: number): Uint8Array => int32(n);

/** A sockaddr_storage; '' has a family that nobody knows. */
function stored(text: string): Uint8Array {
  const out = new Uint8Array(128);
  out[0] = text === '' ? 99 : text.includes(':') ? AF.INET6 : AF.INET;
  if (text !== '') out.set(addressBytes(text), text.includes(':') ? 8 : 4);
  return out;
}

/** The calls of one socket, by the names of their options. */
class Caller {
  readonly fd: number;
  private readonly h: SocketHarness;

  constructor(h: SocketHarness, domain: number = AF.INET) {
    this.h = h;
    this.fd = h.udp(domain);
  }

  set(level: number, name: number, value: Uint8Array): number | string {
    return named(this.h.api.setsockopt(this.fd, level, name, value));
  }

  int(level: number, name: number, value: number): number | string {
    return this.set(level, name, u32(value));
  }

  join(group = G, at = US): number | string {
    return this.set(SOL.IP, IP_OPT.ADD_MEMBERSHIP, bytes(addressBytes(group), addressBytes(at)));
  }

  leave(group = G, at = US): number | string {
    return this.set(SOL.IP, IP_OPT.DROP_MEMBERSHIP, bytes(addressBytes(group), addressBytes(at)));
  }

  source(name: keyof typeof IP_OPT, source: string, group = G, at = US): number | string {
    const value = bytes(addressBytes(group), addressBytes(at), addressBytes(source));
    return this.set(SOL.IP, IP_OPT[name], value);
  }

  filter(mode: number, sources: readonly string[], group = G, at = US): number | string {
    const head = bytes(addressBytes(group), addressBytes(at), u32(mode), u32(sources.length));
    return this.set(SOL.IP, IP_OPT.MSFILTER, bytes(head, ...sources.map((s) => addressBytes(s))));
  }

  /** `mode count sources`, with room for so many. */
  told(room = 10, group = G, at = US): string {
    const into = bytes(
      addressBytes(group),
      addressBytes(at),
      u32(0),
      u32(room),
      new Uint8Array(4 * room),
    );
    const n = this.h.api.getsockopt(this.fd, SOL.IP, IP_OPT.MSFILTER, into);
    if (n < 0) return `${named(n)}`;
    const sources = Array.from({ length: (n - 16) / 4 }, (_, i) =>
      into.slice(16 + 4 * i, 20 + 4 * i).join('.'),
    );
    return [into[8] === 1 ? 'include' : 'exclude', into[12], ...sources].join(' ');
  }

  mcast(level: number, name: keyof typeof MCAST_OPT, group: string, source?: string, index = ETH0) {
    const value = bytes(
      u32(index),
      u32(0),
      stored(group),
      source === undefined ? [] : stored(source),
    );
    return this.set(level, MCAST_OPT[name], value);
  }

  mcastFilter(
    level: number,
    group: string,
    mode: number,
    sources: readonly string[],
    index = ETH0,
  ) {
    const head = bytes(u32(index), u32(0), stored(group), u32(mode), u32(sources.length));
    return this.set(level, MCAST_OPT.MSFILTER, bytes(head, ...sources.map(stored)));
  }
}

const ADD = 'ADD_SOURCE_MEMBERSHIP';
const DROP = 'DROP_SOURCE_MEMBERSHIP';
type Step = readonly [string, (c: Caller) => number | string, number | string];

/** Each column as Linux 6.18 answers it. */
const STEPS: readonly Step[] = [
  ['a block without a membership', (c) => c.source('BLOCK_SOURCE', '10.0.0.9'), 'EINVAL'],
  ['an unblock likewise', (c) => c.source('UNBLOCK_SOURCE', '10.0.0.9'), 'EINVAL'],
  ['a drop likewise', (c) => c.source(DROP, '10.0.0.9'), 'EINVAL'],
  ['no filter to read', (c) => c.told(), 'EADDRNOTAVAIL'],
  ['a source joins', (c) => c.source(ADD, '10.0.0.9'), 0],
  ['again', (c) => c.source(ADD, '10.0.0.9'), 'EADDRNOTAVAIL'],
  ['a second one', (c) => c.source(ADD, '10.0.0.8'), 0],
  ['both are read', (c) => c.told(), 'include 2 10.0.0.9 10.0.0.8'],
  ['as many as there is room for', (c) => c.told(1), 'include 2 10.0.0.9'],
  ['blocking is another mode', (c) => c.source('BLOCK_SOURCE', '10.0.0.7'), 'EINVAL'],
  ['a join of all', (c) => c.join(), 'EADDRINUSE'],
  ['dropping who is not there', (c) => c.source(DROP, '10.0.0.7'), 'EADDRNOTAVAIL'],
  ['dropping one', (c) => c.source(DROP, '10.0.0.9'), 0],
  ['dropping the last', (c) => c.source(DROP, '10.0.0.8'), 0],
  ['and the membership is gone', (c) => c.told(), 'EADDRNOTAVAIL'],
  ['an address that is not ours', (c) => c.source(ADD, '10.0.0.9', G, '9.9.9.9'), 'ENODEV'],
  ['no group', (c) => c.source(ADD, '10.0.0.9', '10.1.1.1'), 'EINVAL'],
  ['a structure too short', (c) => c.set(SOL.IP, IP_OPT[ADD], new Uint8Array(11)), 'EINVAL'],
  ['one too long', (c) => c.set(SOL.IP, IP_OPT[ADD], new Uint8Array(13)), 'EINVAL'],
  ['all sources', (c) => c.join(), 0],
  ['but one', (c) => c.source('BLOCK_SOURCE', '10.0.0.7'), 0],
  ['again', (c) => c.source('BLOCK_SOURCE', '10.0.0.7'), 'EADDRNOTAVAIL'],
  ['including is another mode', (c) => c.source(ADD, '10.0.0.7'), 'EINVAL'],
  ['unblock', (c) => c.source('UNBLOCK_SOURCE', '10.0.0.7'), 0],
  ['again', (c) => c.source('UNBLOCK_SOURCE', '10.0.0.7'), 'EADDRNOTAVAIL'],
  ['the mode stays', (c) => c.source(ADD, '10.0.0.7'), 'EINVAL'],
  ['an empty list', (c) => c.told(), 'exclude 0'],
  ['a filter of two', (c) => c.filter(0, ['10.0.0.3', '10.0.0.4']), 0],
  ['is read', (c) => c.told(), 'exclude 2 10.0.0.3 10.0.0.4'],
  ['eleven are too many', (c) => c.filter(1, new Array(11).fill('1.1.1.1')), 'ENOBUFS'],
  ['no such mode', (c) => c.filter(2, []), 'EINVAL'],
  ['a filter of a group not joined', (c) => c.filter(1, ['1.1.1.1'], '239.5.5.5'), 'EINVAL'],
  ['a filter elsewhere', (c) => c.filter(1, [], G, '9.9.9.9'), 'ENODEV'],
  ['a filter of no group', (c) => c.filter(1, [], '10.5.5.5'), 'EINVAL'],
  ['the mode stays', (c) => c.source(ADD, '10.0.0.7'), 'EINVAL'],
  ['exclude nothing', (c) => c.filter(0, []), 0],
  ['and the mode is free', (c) => c.source(ADD, '10.0.0.7'), 0],
  ['include nothing is to leave', (c) => c.filter(1, []), 0],
  ['so it is', (c) => c.leave(), 'EADDRNOTAVAIL'],
  ['reading of no group', (c) => c.told(1, '10.5.5.5'), 'EINVAL'],
  ['reading elsewhere', (c) => c.told(1, G, '9.9.9.9'), 'ENODEV'],
  ['leaving what is no group', (c) => c.leave('10.0.0.2'), 'EADDRNOTAVAIL'],
  ['IP_MULTICAST_ALL 2', (c) => c.int(SOL.IP, IP_OPT.MULTICAST_ALL, 2), 'EINVAL'],
];

dialogue('IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_MSFILTER: the errnos of Linux', (t, h) => {
  const c = new Caller(h);
  for (const [name, call, expected] of STEPS) t.equal(call(c), expected, name);
  const many = new Caller(h);
  const results = Array.from({ length: 11 }, (_, i) => many.source(ADD, `10.0.1.${i}`));
  t.same(results, [...new Array(10).fill(0), 'ENOBUFS'], 'igmp_max_msf');
});

/** The same at either level: [what, SOL_IP, SOL_IPV6]. */
const EACH: readonly [
  string,
  (c: Caller, f: Names) => number | string,
  number | string,
  number | string,
][] = [
  ['join', (c, f) => c.mcast(f.level, 'JOIN_GROUP', f.g), 0, 0],
  ['again', (c, f) => c.mcast(f.level, 'JOIN_GROUP', f.g), 'EADDRINUSE', 'EADDRINUSE'],
  [
    'of the other family',
    (c, f) => c.mcast(f.level, 'JOIN_GROUP', f.other),
    'EINVAL',
    'EADDRNOTAVAIL',
  ],
  ['of none', (c, f) => c.mcast(f.level, 'JOIN_GROUP', ''), 'EINVAL', 'EADDRNOTAVAIL'],
  ['no group', (c, f) => c.mcast(f.level, 'JOIN_GROUP', f.s), 'EINVAL', 'EINVAL'],
  [
    'no interface',
    (c, f) => c.mcast(f.level, 'JOIN_GROUP', f.g, undefined, 99),
    'ENODEV',
    'ENODEV',
  ],
  [
    'too short',
    (c, f) => c.set(f.level, MCAST_OPT.JOIN_GROUP, new Uint8Array(135)),
    'EINVAL',
    'EINVAL',
  ],
  [
    'leave elsewhere',
    (c, f) => c.mcast(f.level, 'LEAVE_GROUP', f.g, undefined, 99),
    'EADDRNOTAVAIL',
    'EADDRNOTAVAIL',
  ],
  ['leave', (c, f) => c.mcast(f.level, 'LEAVE_GROUP', f.g), 0, 0],
  ['again', (c, f) => c.mcast(f.level, 'LEAVE_GROUP', f.g), 'EADDRNOTAVAIL', 'EADDRNOTAVAIL'],
  ['leave no group', (c, f) => c.mcast(f.level, 'LEAVE_GROUP', f.s), 'EADDRNOTAVAIL', 'EINVAL'],
  [
    'a source leaves',
    (c, f) => c.mcast(f.level, 'LEAVE_SOURCE_GROUP', f.g, f.s),
    'EINVAL',
    'EINVAL',
  ],
  ['block', (c, f) => c.mcast(f.level, 'BLOCK_SOURCE', f.g, f.s), 'EINVAL', 'EINVAL'],
  ['a source joins', (c, f) => c.mcast(f.level, 'JOIN_SOURCE_GROUP', f.g, f.s), 0, 0],
  [
    'again',
    (c, f) => c.mcast(f.level, 'JOIN_SOURCE_GROUP', f.g, f.s),
    'EADDRNOTAVAIL',
    'EADDRNOTAVAIL',
  ],
  [
    'other families',
    (c, f) => c.mcast(f.level, 'JOIN_SOURCE_GROUP', f.g, f.other),
    'EADDRNOTAVAIL',
    'EADDRNOTAVAIL',
  ],
  ['block', (c, f) => c.mcast(f.level, 'BLOCK_SOURCE', f.g, f.s), 'EINVAL', 'EINVAL'],
  ['leave', (c, f) => c.mcast(f.level, 'LEAVE_SOURCE_GROUP', f.g, f.s), 0, 0],
  ['again', (c, f) => c.mcast(f.level, 'LEAVE_SOURCE_GROUP', f.g, f.s), 'EINVAL', 'EINVAL'],
  ['all of it', (c, f) => c.mcast(f.level, 'JOIN_GROUP', f.g), 0, 0],
  [
    'unblock',
    (c, f) => c.mcast(f.level, 'UNBLOCK_SOURCE', f.g, f.s),
    'EADDRNOTAVAIL',
    'EADDRNOTAVAIL',
  ],
  ['a filter', (c, f) => c.mcastFilter(f.level, f.g, 0, [f.s]), 0, 0],
  [
    'a group of the other family',
    (c, f) => c.mcastFilter(f.level, f.other, 0, []),
    'EADDRNOTAVAIL',
    'EINVAL',
  ],
  ['a source of none', (c, f) => c.mcastFilter(f.level, f.g, 0, ['']), 'EADDRNOTAVAIL', 0],
  ['no such mode', (c, f) => c.mcastFilter(f.level, f.g, 7, []), 'EINVAL', 'EINVAL'],
  ['no interface', (c, f) => c.mcastFilter(f.level, f.g, 0, [], 99), 'ENODEV', 'ENODEV'],
  ['eleven', (c, f) => c.mcastFilter(f.level, f.g, 1, new Array(11).fill(f.s)), 'ENOBUFS', 0],
  [
    'sixty-five',
    (c, f) => c.mcastFilter(f.level, f.g, 1, new Array(65).fill(f.s)),
    'ENOBUFS',
    'ENOBUFS',
  ],
  ['include nothing', (c, f) => c.mcastFilter(f.level, f.g, 1, []), 0, 0],
  ['has left', (c, f) => c.mcast(f.level, 'LEAVE_GROUP', f.g), 'EADDRNOTAVAIL', 'EADDRNOTAVAIL'],
];

interface Names {
  readonly level: number;
  readonly g: string;
  readonly s: string;
  readonly other: string;
}
const FOUR: Names = { level: SOL.IP, g: G, s: '10.0.0.9', other: 'ff05::9' };
const SIX: Names = { level: SOL.IPV6, g: 'ff05::9', s: '2001:db8::9', other: G };

dialogue('MCAST_JOIN_GROUP and its like: the errnos of Linux, for either family', (t, h) => {
  const four = new Caller(h);
  const six = new Caller(h, AF.INET6);
  for (const [name, call, expected4, expected6] of EACH) {
    t.equal(call(four, FOUR), expected4, `IPv4: ${name}`);
    t.equal(call(six, SIX), expected6, `IPv6: ${name}`);
  }
  t.equal(six.mcast(SOL.IP, 'JOIN_GROUP', G), 0, 'an IPv6 socket joins groups of IPv4');
  for (let i = 0; i < 25; i++) t.equal(six.mcast(SOL.IPV6, 'JOIN_GROUP', `ff05::1:${i}`), 0);
});

dialogue('MCAST_MSFILTER: read as it was written', (t, h) => {
  for (const f of [FOUR, SIX]) {
    const c = new Caller(h, f === FOUR ? AF.INET : AF.INET6);
    c.mcast(f.level, 'JOIN_SOURCE_GROUP', f.g, f.s);
    const into = bytes(u32(ETH0), u32(0), stored(f.g), u32(7), u32(3), new Uint8Array(3 * 128));
    t.equal(h.api.getsockopt(c.fd, f.level, MCAST_OPT.MSFILTER, into), 144 + 128);
    t.same([...into.slice(136, 144)], [1, 0, 0, 0, 1, 0, 0, 0], 'INCLUDE, one');
    t.same(into.slice(144, 272), stored(f.s));
    t.equal(
      named(h.api.getsockopt(c.fd, f.level, MCAST_OPT.MSFILTER, into.subarray(0, 143))),
      'EINVAL',
    );
  }
});

/** A datagram from a source to a group's port 5000: its fate. */
function arrives(h: SocketHarness, group: string, from: string): string {
  const body = udp({ to: 5000 }, data(1), from, group);
  const packet = group.includes(':')
    ? ip6({ src: from, dst: group, next: 17 }, body)
    : ip4({ src: from, dst: group, protocol: 17 }, body);
  return h.give(packet, { dst: groupMac(group) });
}

const WORLD: readonly [Names, string, string, string][] = [
  [FOUR, '0.0.0.0:5000', '10.0.0.9', '10.0.0.8'],
  [SIX, '[::]:5000', '2001:db8::9', '2001:db8::8'],
];

dialogue('what arrives is for the sockets whose filter admits its source', (t, h) => {
  for (const [f, local, a, b] of WORLD) {
    const callers = [0, 1, 2].map(() => new Caller(h, f === FOUR ? AF.INET : AF.INET6));
    for (const c of callers) {
      c.int(SOL.SOCKET, SO.REUSEADDR, 1);
      t.equal(h.api.bind(c.fd, addr(local)), 0);
    }
    const [one, two, three] = callers as [Caller, Caller, Caller];
    const got = () => callers.map((c) => (h.recv(c.fd) === 'EAGAIN' ? '-' : 'x')).join('');
    t.equal(arrives(h, f.g, a), 'IP_NOT_MEMBER');
    one.mcast(f.level, 'JOIN_SOURCE_GROUP', f.g, a);
    t.equal(arrives(h, f.g, b), 'IP_SOURCE_FILTERED', 'nobody wants this source');
    t.equal(arrives(h, f.g, a), 'accepted');
    t.equal(got(), 'xxx', 'who has joined nothing gets what others have joined');
    two.mcast(f.level, 'JOIN_GROUP', f.g);
    two.mcast(f.level, 'BLOCK_SOURCE', f.g, a);
    t.equal(arrives(h, f.g, a), 'accepted');
    t.equal(got(), 'x-x');
    t.equal(arrives(h, f.g, b), 'accepted');
    t.equal(got(), '-xx');
    const all = f === FOUR ? IP_OPT.MULTICAST_ALL : IPV6_OPT.MULTICAST_ALL;
    t.equal(three.int(f.level, all, 0), 0);
    t.equal(arrives(h, f.g, b), 'accepted');
    t.equal(got(), '-x-', 'MULTICAST_ALL off: only what it has joined itself');
    for (const c of callers) h.api.close(c.fd);
    t.equal(arrives(h, f.g, a), 'IP_NOT_MEMBER');
  }
});

dialogue(
  'IP_MULTICAST_LOOP: what is sent to a group comes back to who listens on this host',
  (t, h) => {
    for (const [f, local] of WORLD) {
      const c = new Caller(h, f === FOUR ? AF.INET : AF.INET6);
      t.equal(h.api.bind(c.fd, addr(local)), 0);
      const to = f === FOUR ? `${f.g}:5000` : `[${f.g}]:5000`;
      const us = f === FOUR ? '10.0.0.1:5000' : '[2001:db8::1]:5000';
      c.int(
        f.level,
        f === FOUR ? IP_OPT.MULTICAST_IF : IPV6_OPT.MULTICAST_IF,
        f === FOUR ? 0 : ETH0,
      );
      t.equal(h.sendto(c.fd, 3, to), 3);
      t.equal(h.recv(c.fd), 'EAGAIN', 'nobody listens');
      t.equal(h.lines().length, 1);
      c.mcast(f.level, 'JOIN_GROUP', f.g);
      const before = h.net.mib[f === FOUR ? 'ip4' : 'ip6'].get('OutTransmits');
      t.equal(h.sendto(c.fd, 3, to), 3);
      t.equal(h.recv(c.fd), `${us} 3`);
      t.equal(h.lines().length, 1, 'and it goes to the link, once');
      t.equal(h.net.mib[f === FOUR ? 'ip4' : 'ip6'].get('OutTransmits'), before + 1);
      t.equal(h.sendto(c.fd, 3000, to), 3000);
      t.equal(h.recv(c.fd, 0, 4000), `${us} 3000`, 'in one piece');
      t.equal(h.lines().length, 3, 'while the link has fragments');
      const ttl = f === FOUR ? IP_OPT.MULTICAST_TTL : IPV6_OPT.MULTICAST_HOPS;
      c.int(f.level, ttl, 0);
      h.sendto(c.fd, 3, to);
      t.equal(h.recv(c.fd), `${us} 3`, 'a TTL of 0 does not leave the host');
      t.same(h.lines(), []);
      c.int(f.level, ttl, 1);
      c.mcast(f.level, 'BLOCK_SOURCE', f.g, us.replace(/^\[?(.*?)\]?:5000$/, '$1'));
      h.sendto(c.fd, 3, to);
      t.equal(h.recv(c.fd), 'EAGAIN', 'we are a source like others');
      c.mcast(f.level, 'UNBLOCK_SOURCE', f.g, us.replace(/^\[?(.*?)\]?:5000$/, '$1'));
      c.int(f.level, f === FOUR ? IP_OPT.MULTICAST_LOOP : IPV6_OPT.MULTICAST_LOOP, 0);
      h.sendto(c.fd, 3, to);
      t.equal(h.recv(c.fd), 'EAGAIN', 'off');
      t.equal(h.lines().length, 2);
      h.api.close(c.fd);
    }
  },
);

dialogue(
  'routers hear what the sockets together want',
  (t, h) => {
    for (const [f, family] of [
      [FOUR, IGMP],
      [SIX, MLD],
    ] as const) {
      const r = new GroupRig(family, {}, h);
      const domain = f === FOUR ? AF.INET : AF.INET6;
      const [one, two] = [new Caller(h, domain), new Caller(h, domain)];
      one.mcast(f.level, 'JOIN_SOURCE_GROUP', f.g, f.s);
      // Linux says first that it includes nothing, which is no news.
      t.same(r.after(5), new Array(2).fill(`allow ${f.g} ${f.s}`));
      two.mcast(f.level, 'JOIN_GROUP', f.g);
      t.same(r.after(5), new Array(2).fill(`to_ex ${f.g}`));
      h.api.close(two.fd);
      t.same(r.after(5), new Array(2).fill(`to_in ${f.g} ${f.s}`));
      h.api.close(one.fd);
      t.same(r.after(5), new Array(2).fill(`block ${f.g} ${f.s}`));
    }
  },
  { groupReports: true },
);
