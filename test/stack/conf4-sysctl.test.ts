/** net.ipv4.conf: each setting acts, and `all`, `default` and the interface's own make one value as on Linux. */
import t, { type Test } from 'tap';
import { EINVAL, ENOENT } from '../../src/base/errno.ts';
import { startGroupReports } from '../../src/net/group-reporter.ts';
import { CONF4, CONF4_ROWS } from '../../src/net/ipv4-conf.ts';
import { AF, SOCK } from '../../src/socket/abi.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import {
  readAnySysctl,
  sysctlRange,
  sysctlsUnder,
  writeAnySysctl,
} from '../../src/stack/all-sysctls.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { arpBytes } from '../net/link-rig.ts';
import {
  BROADCAST_MAC,
  data,
  echo4,
  ethernet,
  ip4,
  OUR_MAC2,
  PEER_MAC,
  type Seen,
  udp,
} from '../net/packets.ts';
import { redirect4 } from '../net/redirect-rig.ts';
import { ip, NetHarness, type Port } from '../net/rig.ts';

/** Two interfaces; what is asked about is what happens on `eth1`, 172.16.0.1/16. */
interface Stage {
  readonly h: NetHarness;
  readonly eth1: Port;
  /** Writes the setting in question, of whichever set is tried. */
  readonly set: (value: string) => void;
}
type Act = (t: Test, s: Stage) => void;

/** Somebody on eth1 asks for an address of ours. */
function ask({ h, eth1 }: Stage, sender: string, target: string): string {
  const frame = arpBytes({ op: 1, sender, from: PEER_MAC, target });
  h.giveFrame(ethernet(frame, { dst: BROADCAST_MAC, type: 0x0806 }), {}, eth1);
  return eth1.sent().some((seen) => seen.kind === 'arp') ? 'answered' : 'silent';
}

/** Our gateway on eth1, another host there, and one behind which we know nothing. */
const GATEWAY = '172.16.0.7';
const NAMED = '172.16.0.9';
const STRANGER = '192.0.2.1';
/** What was sent by way of the gateway. */
function outward({ h, eth1 }: Stage): Seen {
  h.stack.addRoute(ip('198.51.100.0'), 24, ip(GATEWAY), null);
  h.ping(h.echo(), '198.51.100.1');
  return eth1.sent().at(-1)!;
}
function redirected(s: Stage, about: Seen, gateway: string): string {
  return redirect4(s.h, about, { from: GATEWAY, gateway, mac: OUR_MAC2 }, s.eth1);
}
const REFUSED = 'ICMP_REDIRECT_REFUSED';
/** Another setting, that it may depend on. */
function beside(s: Stage, id: number, value: number): void {
  const { all, otherwise } = s.h.net.config.conf4;
  for (const conf of [all, otherwise]) conf.set(id, value);
}

const ACTS: Readonly<Record<string, Act>> = {
  accept_redirects: (t, s) => {
    const about = outward(s);
    t.equal(redirected(s, about, NAMED), REFUSED);
    s.set('1');
    t.equal(redirected(s, about, NAMED), 'accepted');
  },
  shared_media: (t, s) => {
    const about = outward(s);
    beside(s, CONF4.SECURE_REDIRECTS, 0);
    t.equal(redirected(s, about, STRANGER), REFUSED, 'not on the subnet');
    s.set('1');
    t.equal(redirected(s, about, STRANGER), 'accepted');
    t.match(s.eth1.sent(), [{ kind: 'arp' }], 'there it is asked for');
    s.set('0');
    t.equal(redirected(s, about, NAMED), 'accepted', 'on the subnet');
  },
  secure_redirects: (t, s) => {
    const about = outward(s);
    beside(s, CONF4.SHARED_MEDIA, 0);
    s.set('1');
    t.equal(redirected(s, about, NAMED), REFUSED, 'no route leads through it');
    s.h.stack.addRoute(ip('203.0.113.0'), 24, ip(NAMED), null);
    t.equal(redirected(s, about, NAMED), 'accepted');
    s.set('0');
    s.h.net.routes.removeWhere((r) => r.gateway?.w3 === ip(NAMED).w3);
    const other = redirect4(
      s.h,
      about,
      { from: NAMED, gateway: '172.16.0.5', mac: OUR_MAC2 },
      s.eth1,
    );
    t.equal(other, 'accepted', 'any on the subnet');
  },
  arp_ignore: (t, s) => {
    const all = (): string[] => [
      ask(s, '172.16.0.9', '172.16.0.1'),
      ask(s, '192.0.2.9', '172.16.0.1'),
      ask(s, '172.16.0.9', '10.0.0.1'),
      ask(s, '0.0.0.0', '172.16.0.1'),
    ];
    t.same(all(), ['answered', 'answered', 'answered', 'answered'], 'the weak host');
    s.set('1');
    t.same(all(), ['answered', 'answered', 'silent', 'answered']);
    s.set('2');
    t.same(all(), ['answered', 'silent', 'silent', 'answered']);
    s.set('8');
    t.same(all(), ['silent', 'silent', 'silent', 'silent']);
  },
  arp_filter: (t, s) => {
    const all = (): string[] => [
      ask(s, '172.16.0.9', '172.16.0.1'),
      ask(s, '172.16.0.9', '10.0.0.1'),
      ask(s, '10.0.0.9', '172.16.0.1'),
      ask(s, '203.0.113.9', '172.16.0.1'),
      ask(s, '0.0.0.0', '172.16.0.1'),
    ];
    t.same(all(), ['answered', 'answered', 'answered', 'answered', 'answered']);
    t.not(s.eth1.iface.neighbours.find(ip('10.0.0.9')), null);
    s.eth1.iface.neighbours.clear();
    s.set('1');
    t.same(
      all(),
      ['answered', 'answered', 'silent', 'silent', 'answered'],
      'where we would send to',
    );
    t.equal(s.eth1.iface.neighbours.find(ip('10.0.0.9')), null, 'nor is it learnt');
  },
  arp_announce: (t, s) => {
    s.h.addAddress(s.eth1, '172.16.0.3/16');
    const api = new SocketApi(s.h.stack);
    let host = 20;
    const says = (source: string): string => {
      const fd = api.socket(AF.INET, SOCK.DGRAM, 0);
      api.bind(fd, new SockAddr().set(AF.INET, ip(source), 0));
      s.eth1.sent();
      api.sendto(fd, data(4), 0, new SockAddr().set(AF.INET, ip(`172.16.0.${host++}`), 9));
      s.h.settle();
      return s.eth1.sent()[0]!.frame.subarray(28, 32).join('.');
    };
    const all = () => ['10.0.0.1', '172.16.0.1', '172.16.0.3'].map(says);
    t.same(all(), ['10.0.0.1', '172.16.0.1', '172.16.0.3'], "the packet's");
    s.set('1');
    t.same(all(), ['172.16.0.1', '172.16.0.1', '172.16.0.3'], 'if it is on the subnet');
    s.set('2');
    t.same(all(), ['172.16.0.1', '172.16.0.1', '172.16.0.1'], "the interface's");
    api.closeAll();
  },
  arp_accept: (t, s) => {
    const knows = (who: string, op: number): boolean => {
      s.eth1.iface.neighbours.clear();
      const target = op === 1 ? who : '172.16.0.1';
      const packet = arpBytes({ op, sender: who, from: PEER_MAC, target });
      s.h.giveFrame(ethernet(packet, { dst: BROADCAST_MAC, type: 0x0806 }), {}, s.eth1);
      return s.eth1.iface.neighbours.find(ip(who)) !== null;
    };
    const all = () => [
      knows('172.16.0.30', 1),
      knows('172.16.0.30', 2),
      knows('192.0.2.30', 1),
      knows('192.0.2.30', 2),
    ];
    t.same(all(), [false, false, false, false]);
    s.set('1');
    t.same(all(), [true, true, true, true]);
    s.set('2');
    t.same(all(), [true, true, false, false], 'of the subnet');
  },
  arp_notify: (t, s) => {
    const announced = (): number => {
      s.h.settle();
      s.eth1.wire.isDown = true;
      s.h.settle();
      s.eth1.wire.isDown = false;
      s.h.settle();
      return s.eth1.sent().filter((seen) => seen.kind === 'arp').length;
    };
    t.equal(announced(), 0);
    s.set('1');
    t.equal(announced(), 1);
  },
  drop_gratuitous_arp: (t, s) => {
    const mac = (from: string): string => {
      const packet = arpBytes({ op: 1, sender: '172.16.0.40', from, target: '172.16.0.40' });
      s.h.giveFrame(ethernet(packet, { dst: BROADCAST_MAC, type: 0x0806 }), {}, s.eth1);
      return String(s.eth1.iface.neighbours.find(ip('172.16.0.40'))!.macLow);
    };
    s.eth1.iface.neighbours.set(ip('172.16.0.40'), MacAddress.parse(PEER_MAC)!, false);
    t.equal(mac('02:00:00:00:00:0a'), '10');
    s.set('1');
    t.equal(mac('02:00:00:00:00:0b'), '10');
  },
  force_igmp_version: (t, { h, eth1, set }) => {
    startGroupReports(h.net, eth1.iface);
    const says = (group: string): number[] => {
      eth1.sent();
      eth1.iface.join(ip(group));
      h.settle();
      return eth1.sent().map((seen) => seen.payload[0]!);
    };
    t.same(says('239.0.0.1'), [0x22], 'IGMPv3');
    set('2');
    t.same(says('239.0.0.2'), [0x16]);
    set('1');
    t.same(says('239.0.0.3'), [0x12]);
  },
  forwarding: (t, { h, eth1, set }) => {
    const onward = (port: Port): string => {
      const [src, dst] = port === eth1 ? ['172.16.0.9', '10.0.0.2'] : ['10.0.0.2', '172.16.0.9'];
      const datagram = ip4({ src, dst, protocol: 17 }, udp({}, data(4), src, dst));
      return h.give(datagram, port === eth1 ? { dst: OUR_MAC2 } : {}, port);
    };
    t.equal(onward(eth1), 'IP_NOT_LOCAL');
    set('1');
    t.equal(onward(eth1), 'accepted');
    t.match(h.port.lines(), [/^172\.16\.0\.9 > 10\.0\.0\.2 udp/]);
    h.port.iface.conf4.own.set(CONF4.FORWARDING, 0);
    t.equal(onward(h.port), 'IP_NOT_LOCAL', 'where it arrives decides');
  },
  rp_filter: (t, s) => {
    const wrongSide = () =>
      s.h.give(echo4(data(4), { src: '10.0.0.9' }), { dst: OUR_MAC2 }, s.eth1);
    t.equal(wrongSide(), 'accepted');
    s.set('1');
    t.equal(wrongSide(), 'IP_RPFILTER');
    s.set('2');
    t.equal(wrongSide(), 'accepted');
  },
  send_redirects: (t, s) => {
    const { h, eth1 } = s;
    h.net.config.forwarding4 = 1;
    const through = () => {
      const datagram = { src: '172.16.0.9', dst: '172.16.0.7', protocol: 17 };
      h.give(ip4(datagram, udp({}, data(4), datagram.src, datagram.dst)), { dst: OUR_MAC2 }, eth1);
      return eth1.lines().length;
    };
    t.equal(through(), 1);
    s.set('1');
    t.equal(through(), 2, 'the packet and the redirect');
  },
};

const nameOf = (owner: string, leaf: string): string => `net.ipv4.conf.${owner}.${leaf}`;

/** The other sets say what leaves the one that is tried alone to decide. */
function stage(owner: string, leaf: string, alone: string): Stage {
  const h = new NetHarness();
  const eth1 = h.addPort('eth1', OUR_MAC2);
  h.addAddress(eth1, '172.16.0.1/16');
  for (const address of ['172.16.0.7', '172.16.0.9']) h.knows(address, PEER_MAC, eth1);
  const write = (who: string, value: string): void => {
    const name = nameOf(who, leaf);
    if (writeAnySysctl(h.stack, name, value) !== 0) throw new Error(`${name} = ${value}`);
    if (readAnySysctl(h.stack, name) !== value) throw new Error(`${name} reads otherwise`);
  };
  for (const other of ['all', 'default']) write(other, alone);
  eth1.sent();
  return { h, eth1, set: (value) => write(owner, value) };
}

t.test('every setting has a proof', async (t) => {
  t.same(Object.keys(ACTS).sort(), CONF4_ROWS.map((r) => r.name).sort());
});

/** How Linux makes one of the two. */
const COMBINED: Readonly<Record<string, 'max' | 'or' | 'own' | 'least'>> = {
  accept_redirects: 'or',
  arp_accept: 'max',
  arp_announce: 'max',
  arp_filter: 'or',
  arp_ignore: 'max',
  arp_notify: 'max',
  drop_gratuitous_arp: 'or',
  force_igmp_version: 'least',
  forwarding: 'own',
  rp_filter: 'max',
  secure_redirects: 'or',
  send_redirects: 'or',
  shared_media: 'or',
};

for (const [leaf, act] of Object.entries(ACTS)) {
  for (const owner of ['all', 'default', 'eth1']) {
    t.test(nameOf(owner, leaf), async (t) => {
      const s = stage(owner, leaf, '0');
      act(t, s);
      s.h.close(t);
    });
  }
}

t.test(
  'all and an interface make one value: the larger, the smaller, either, or its own',
  async (t) => {
    const h = new NetHarness();
    for (const [id, { name, most }] of CONF4_ROWS.entries()) {
      for (let all = 0; all <= most; all++) {
        for (let own = 0; own <= most; own++) {
          writeAnySysctl(h.stack, nameOf('all', name), String(all));
          writeAnySysctl(h.stack, nameOf('eth0', name), String(own));
          const least = all === 0 || own === 0 ? all + own : Math.min(all, own);
          const both = { max: Math.max(all, own), or: all | own, own, least }[COMBINED[name]!];
          t.equal(h.port.iface.conf4.get(id), both, `${name}: all ${all}, eth0 ${own}`);
        }
      }
    }
    h.close(t);
  },
);

t.test(
  "default is an interface's until it has its own, also of those that come later",
  async (t) => {
    const h = new NetHarness();
    const read = (owner: string) => readAnySysctl(h.stack, nameOf(owner, 'rp_filter'));
    writeAnySysctl(h.stack, nameOf('default', 'rp_filter'), '2');
    t.same([read('all'), read('default'), read('eth0')], ['0', '2', '2']);
    writeAnySysctl(h.stack, nameOf('eth0', 'rp_filter'), '0');
    h.addPort('eth1', OUR_MAC2);
    t.same([read('eth0'), read('eth1'), read('lo')], ['0', '2', '2']);
    h.close(t);
  },
);

t.test('ip_forward is said to every interface, and then each may be told otherwise', async (t) => {
  const h = new NetHarness();
  const { stack } = h;
  const all = () =>
    ['all', 'default', 'lo', 'eth0'].map((who) => readAnySysctl(stack, nameOf(who, 'forwarding')));
  writeAnySysctl(stack, nameOf('eth0', 'forwarding'), '1');
  t.same(all(), ['0', '0', '0', '1']);
  t.equal(readAnySysctl(stack, 'net.ipv4.ip_forward'), '0');
  writeAnySysctl(stack, 'net.ipv4.ip_forward', '1');
  writeAnySysctl(stack, nameOf('eth0', 'forwarding'), '0');
  t.same(all(), ['1', '1', '1', '0']);
  writeAnySysctl(stack, nameOf('all', 'forwarding'), '0');
  t.same(all(), ['0', '0', '0', '0']);
  h.close(t);
});

t.test(
  'a router heeds redirects where both say so, and all says no when it becomes one',
  async (t) => {
    const h = new NetHarness();
    const read = () => h.port.iface.conf4.get(CONF4.ACCEPT_REDIRECTS);
    writeAnySysctl(h.stack, 'net.ipv4.ip_forward', '1');
    t.equal(readAnySysctl(h.stack, nameOf('all', 'accept_redirects')), '0');
    t.equal(read(), 0);
    writeAnySysctl(h.stack, nameOf('all', 'accept_redirects'), '1');
    t.equal(read(), 1);
    writeAnySysctl(h.stack, nameOf('eth0', 'accept_redirects'), '0');
    t.equal(read(), 0);
    writeAnySysctl(h.stack, 'net.ipv4.ip_forward', '0');
    t.equal(read(), 1);
    h.close(t);
  },
);

t.test("names, Linux's defaults, and what is refused", async (t) => {
  const h = new NetHarness();
  const { stack } = h;
  for (const { name, all, otherwise, most } of CONF4_ROWS) {
    t.equal(readAnySysctl(stack, nameOf('all', name)), String(all));
    t.equal(readAnySysctl(stack, nameOf('eth0', name)), String(otherwise));
    t.same(sysctlRange(stack, nameOf('eth0', name)), [0, most]);
    for (const bad of ['', '-1', 'x', '1 1', String(most + 1)]) {
      t.equal(writeAnySysctl(stack, nameOf('eth0', name), bad), -EINVAL, `${name} = ${bad}`);
    }
    t.equal(readAnySysctl(stack, nameOf('eth0', name)), String(otherwise), 'nothing has changed');
  }
  t.equal(writeAnySysctl(stack, nameOf('eth7', 'rp_filter'), '1'), -ENOENT);
  t.equal(writeAnySysctl(stack, nameOf('eth0', 'toString'), '1'), -ENOENT);
  t.ok(sysctlsUnder(stack, 'net.ipv4.conf.eth0').length >= CONF4_ROWS.length);
  h.close(t);
});
