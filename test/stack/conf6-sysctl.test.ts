/** net.ipv6.conf: each setting acts, for all interfaces or for one, and is read as it was written. */
import t, { type Test } from 'tap';
import { EINVAL, ENOENT } from '../../src/base/errno.ts';
import { startGroupReports } from '../../src/net/group-reporter.ts';
import { CONF6 } from '../../src/net/ipv6-conf.ts';
import {
  readAnySysctl,
  sysctlRange,
  sysctlsUnder,
  writeAnySysctl,
} from '../../src/stack/all-sysctls.ts';
import { GroupRig, MLD } from '../net/group-rig.ts';
import { addressBytes, data, icmp6, ip6, join } from '../net/packets.ts';
import {
  addresses,
  FOREVER,
  give,
  host,
  MAC1,
  mtu,
  OUR_ID,
  pio,
  R1,
  rio,
  routes,
} from '../net/ra.ts';
import { ip, NetHarness } from '../net/rig.ts';

const P = '2001:db8:1::';
/** For another host, by way of our router. */
const AWAY = ip6({ dst: '2001:db9::1', next: 17 }, data(8));
/** The interface that a case adds, with what was set for `all` before. */
type Act = (t: Test, h: NetHarness, set: (name: string, value: string) => void) => void;

const taken = (h: NetHarness) => [addresses(h).length, routes(h).length];
const solicited = (h: NetHarness) => h.sent().filter((s) => s.payload[0] === 133).length;
/** Solicitations of a second interface within so many seconds. */
function asks(h: NetHarness, seconds: number): number {
  const port = h.addPort('eth1', '02:00:00:00:01:01');
  h.advance(seconds);
  const count = port.sent().filter((s) => s.payload[0] === 133).length;
  return count;
}

const ACTS: Readonly<Record<string, Act>> = {
  accept_ra: (t, h, set) => {
    set('accept_ra', '0');
    t.equal(give(h, { options: [pio(P)] }), 'NDP_RA_IGNORED');
  },
  accept_ra_defrtr: (t, h, set) => {
    set('accept_ra_defrtr', '0');
    give(h, { options: [pio(P)] });
    t.same(taken(h), [1, 1], 'the prefix, and no default route');
  },
  accept_ra_min_hop_limit: (t, h, set) => {
    set('accept_ra_min_hop_limit', '50');
    give(h, { hops: 49 });
    t.equal(h.port.iface.hopLimit(h.net.config), 64);
  },
  accept_ra_mtu: (t, h, set) => {
    set('accept_ra_mtu', '0');
    give(h, { options: [mtu(1300)] });
    t.equal(h.port.iface.mtuOf(false), 1500);
  },
  accept_ra_pinfo: (t, h, set) => {
    set('accept_ra_pinfo', '0');
    give(h, { options: [pio(P)] });
    t.same(taken(h), [0, 1]);
  },
  accept_ra_rt_info_max_plen: (t, h, set) => {
    set('accept_ra_rt_info_max_plen', '48');
    give(h, { lifetime: 0, options: [rio(P, 48), rio('2001:db8:2::', 49)] });
    t.same(routes(h), [`${P}/48 via ${R1} ra 1800`]);
  },
  accept_ra_rt_info_min_plen: (t, h, set) => {
    set('accept_ra_rt_info_max_plen', '64');
    set('accept_ra_rt_info_min_plen', '49');
    give(h, { lifetime: 0, options: [rio(P, 48), rio('2001:db8:2::', 49)] });
    t.same(routes(h), [`2001:db8:2::/49 via ${R1} ra 1800`]);
  },
  accept_ra_rtr_pref: (t, h, set) => {
    set('accept_ra_rtr_pref', '0');
    give(h, { prf: 1 });
    t.same(routes(h), [`default via ${R1} ra 1800`], 'not "high"');
  },
  accept_redirects: (t, h, set) => {
    set('accept_redirects', '0');
    give(h);
    const body = join(addressBytes('fe80::b'), addressBytes('2001:db8:9::1'));
    const message = icmp6({ type: 137 }, body, R1, `fe80::${OUR_ID}`);
    const packet = ip6({ src: R1, dst: `fe80::${OUR_ID}`, hop: 255 }, message);
    t.equal(h.give(packet), 'NDP_REDIRECT_REFUSED');
  },
  addr_gen_mode: (t, h, set) => {
    set('addr_gen_mode', '3');
    give(h, { options: [pio(P)] });
    t.notMatch(addresses(h)[0], OUR_ID);
  },
  autoconf: (t, h, set) => {
    set('autoconf', '0');
    give(h, { options: [pio(P)] });
    t.same(taken(h), [0, 2]);
  },
  dad_transmits: (t, h, set) => {
    set('dad_transmits', '3');
    give(h, { options: [pio(P)] });
    h.advance(10);
    t.equal(h.lines().filter((line) => line.startsWith(':: ')).length, 3);
  },
  force_mld_version: (t, h, set) => {
    startGroupReports(h.net, h.port.iface);
    const r = new GroupRig(MLD, {}, h);
    set('force_mld_version', '1');
    t.same(r.join(MLD.g1), [`> ${MLD.g1} report ${MLD.g1}`]);
  },
  force_forwarding: (t, h, set) => {
    give(h);
    t.equal(h.give(AWAY), 'IP_NOT_LOCAL');
    set('force_forwarding', '1');
    h.knows(R1, MAC1);
    t.equal(h.give(AWAY), 'accepted');
    t.equal(give(h), 'accepted', 'and it is a host all the same');
  },
  forwarding: (t, h, set) => {
    give(h, { options: [pio(P)] });
    t.same(taken(h), [1, 2]);
    set('forwarding', '1');
    t.same(taken(h), [1, 1], 'no default route');
    t.equal(give(h), 'NDP_RA_IGNORED');
    const groups = () =>
      ['ff02::2', 'ff05::2'].map((g) => h.port.iface.groups.find(ip(g)) !== null);
    t.same(groups(), [true, true], 'RFC 4291 §2.8');
    h.sent();
    set('forwarding', '0');
    t.same(groups(), [false, false]);
    h.settle();
    t.equal(solicited(h), 1, 'RFC 4861 §6.3.7: a host again');
  },
  hop_limit: (t, h, set) => {
    set('hop_limit', '33');
    give(h, { options: [pio(P)] });
    h.knows(`${P}2`, MAC1);
    h.ping(h.echo(), `${P}2`);
    t.equal(h.sent().at(-1)!.ttl, 33);
  },
  max_addresses: (t, h, set) => {
    set('max_addresses', '1');
    give(h, { options: [pio(P), pio('2001:db8:2::')] });
    t.equal(addresses(h).length, 1);
  },
  max_desync_factor: (t, h, set) => {
    set('max_desync_factor', '0');
    set('use_tempaddr', '1');
    give(h, { options: [pio(P, { valid: FOREVER, preferred: FOREVER })] });
    t.match(addresses(h)[1], /preferred 86400$/);
  },
  regen_max_retry: (t, h, set) => {
    set('use_tempaddr', '1');
    set('temp_prefered_lft', '4');
    set('max_desync_factor', '0');
    set('dad_transmits', '1');
    give(h, { options: [pio(P)] });
    t.equal(
      addresses(h).length,
      1,
      'three retries of a second and two are longer than it would live',
    );
    set('regen_max_retry', '0');
    give(h, { options: [pio(P)] });
    t.equal(addresses(h).length, 2);
  },
  router_solicitation_interval: (t, h, set) => {
    set('router_solicitation_interval', '100');
    t.equal(asks(h, 85), 1);
  },
  router_solicitation_max_interval: (t, h, set) => {
    set('router_solicitation_max_interval', '4');
    const count = asks(h, 400);
    t.ok(count > 85 && count < 115, `${count} in 400 s`);
  },
  router_solicitations: (t, h, set) => {
    set('router_solicitations', '2');
    t.equal(asks(h, 1000), 2);
  },
  stable_secret: (t, h, set) => {
    t.equal(readAnySysctl(h.stack, 'net.ipv6.conf.all.stable_secret'), '', 'none');
    set('stable_secret', '2001:db8::5ec2');
    t.equal(readAnySysctl(h.stack, 'net.ipv6.conf.eth0.addr_gen_mode'), '2', 'as on Linux');
    give(h, { options: [pio(P)] });
    t.notMatch(addresses(h)[0], OUR_ID);
  },
  temp_prefered_lft: (t, h, set) => {
    set('temp_prefered_lft', '1000');
    set('use_tempaddr', '1');
    give(h, { options: [pio(P)] });
    t.match(addresses(h)[1], /preferred (6|7|8|9|10)\d\d$/, 'at most 40 % of it are cut');
  },
  temp_valid_lft: (t, h, set) => {
    set('temp_valid_lft', '5000');
    set('use_tempaddr', '1');
    give(h, { options: [pio(P)] });
    t.match(addresses(h)[1], /valid 5000 /);
  },
  use_tempaddr: (t, h, set) => {
    set('use_tempaddr', '1');
    give(h, { options: [pio(P)] });
    t.equal(addresses(h).length, 2);
  },
};

t.test('every setting has a proof', async (t) => {
  t.same(Object.keys(ACTS).sort(), [...Object.keys(CONF6), 'hop_limit', 'stable_secret'].sort());
});

for (const owner of ['all', 'eth0']) {
  for (const [name, act] of Object.entries(ACTS)) {
    // The second interface of these cases follows `all`, as the solicitation belongs to its beginning.
    if (owner === 'eth0' && name.startsWith('router_solicitation')) continue;
    t.test(`net.ipv6.conf.${owner}.${name}`, async (t) => {
      const h = new NetHarness(host());
      act(t, h, (leaf, value) => {
        const dotted = `net.ipv6.conf.${owner}.${leaf}`;
        t.equal(writeAnySysctl(h.stack, dotted, value), 0, `${dotted} = ${value}`);
        t.equal(readAnySysctl(h.stack, dotted), value, 'and it reads as it was written');
      });
      h.close(t);
    });
  }
}

t.test('an interface follows all and default but for what is its own', async (t) => {
  const h = new NetHarness(host({}, { addresses: [] }));
  const read = (owner: string) => readAnySysctl(h.stack, `net.ipv6.conf.${owner}.use_tempaddr`);
  const write = (owner: string, value: string) =>
    writeAnySysctl(h.stack, `net/ipv6/conf/${owner}/use_tempaddr`, value);
  t.equal(write('default', '1'), 0);
  t.same(['all', 'default', 'eth0'].map(read), ['1', '1', '1']);
  t.equal(write('eth0', '2'), 0);
  t.equal(write('all', '0'), 0);
  t.same(['all', 'default', 'eth0', 'lo'].map(read), ['0', '0', '2', '0']);
  h.close(t);
});

t.test('a router of IPv6: all sends on, and says it to every interface', async (t) => {
  const h = new NetHarness();
  const name = (owner: string) => `net.ipv6.conf.${owner}.forwarding`;
  const write = (owner: string, value: string) => {
    t.equal(writeAnySysctl(h.stack, name(owner), value), 0, `${owner} = ${value}`);
  };
  const all = () => ['all', 'default', 'eth0', 'lo'].map((o) => readAnySysctl(h.stack, name(o)));
  write('eth0', '1');
  t.same(all(), ['0', '0', '1', '0']);
  t.equal(h.give(AWAY), 'IP_NOT_LOCAL', 'as on Linux all decides what is sent on');
  write('all', '1');
  write('eth0', '0');
  t.same(all(), ['1', '1', '0', '1']);
  t.equal(h.give(AWAY), 'accepted');
  t.equal(h.port.iface.groups.find(ip('ff02::2')), null, 'no router for its neighbours');
  const late = h.addPort('eth1', '02:00:00:00:01:01');
  t.not(late.iface.groups.find(ip('ff02::2')), null, 'what comes later is one');
  write('all', '0');
  t.same(all(), ['0', '0', '0', '0']);
  t.equal(h.give(AWAY), 'IP_NOT_LOCAL');
  t.equal(late.iface.groups.find(ip('ff02::2')), null);
  write('default', '1');
  t.same(all(), ['0', '1', '0', '0'], 'default says it to nobody who is there');
  t.equal(h.give(AWAY), 'IP_NOT_LOCAL');
  const later = h.addPort('eth2', '02:00:00:00:02:01');
  t.not(later.iface.groups.find(ip('ff02::2')), null, 'but to who comes');
  t.equal(h.give(AWAY), 'IP_NOT_LOCAL', 'and all decides');
  write('all', '0');
  t.same([...all(), readAnySysctl(h.stack, name('eth2'))], ['0', '0', '0', '0', '0']);
  h.close(t);
});

t.test('force_forwarding of all is said to every interface when it changes', async (t) => {
  const h = new NetHarness();
  const write = (owner: string, value: string) =>
    t.equal(writeAnySysctl(h.stack, `net.ipv6.conf.${owner}.force_forwarding`, value), 0);
  write('eth0', '1');
  write('all', '0');
  t.equal(h.give(AWAY), 'accepted', 'no news, as on Linux');
  write('all', '1');
  write('eth0', '0');
  write('all', '1');
  t.equal(h.give(AWAY), 'IP_NOT_LOCAL');
  write('eth0', '1');
  write('all', '0');
  t.equal(h.give(AWAY), 'IP_NOT_LOCAL', 'what it was told before is forgotten');
  h.close(t);
});

t.test('the MTU of IPv6 is set for an interface, between 1,280 and its own', async (t) => {
  const h = new NetHarness();
  const name = 'net.ipv6.conf.eth0.mtu';
  t.equal(readAnySysctl(h.stack, name), '1500');
  t.equal(writeAnySysctl(h.stack, name, '1279'), -EINVAL);
  t.equal(writeAnySysctl(h.stack, name, '1501'), -EINVAL);
  t.equal(writeAnySysctl(h.stack, name, '1400'), 0);
  t.equal(h.net.paths.lookup(ip('2001:db8::2'), 0)!.mtu(h.net.env), 1400);
  t.equal(readAnySysctl(h.stack, 'net.ipv6.conf.all.mtu'), undefined);
  h.close(t);
});

t.test('what is refused changes nothing', async (t) => {
  const h = new NetHarness();
  const bad: readonly (readonly [string, string, number])[] = [
    ['all.accept_ra', '3', -EINVAL],
    ['all.accept_ra', 'x', -EINVAL],
    ['all.router_solicitations', '-2', -EINVAL],
    ['all.stable_secret', '10.0.0.1', -EINVAL],
    ['all.stable_secret', 'secret', -EINVAL],
    ['all.toString', '1', -ENOENT],
    ['eth7.accept_ra', '1', -ENOENT],
    ['accept_ra', '1', -ENOENT],
    ['all', '1', -EINVAL],
  ];
  for (const [name, value, errno] of bad) {
    t.equal(writeAnySysctl(h.stack, `net.ipv6.conf.${name}`, value), errno, `${name} = ${value}`);
  }
  t.equal(readAnySysctl(h.stack, 'net.ipv6.conf.all.accept_ra'), '0');
  t.same(sysctlRange(h.stack, 'net.ipv6.conf.eth0.accept_ra'), [0, 2]);
  t.ok(sysctlsUnder(h.stack, 'net.ipv6.conf.lo').length > 20);
  t.equal(new Set(sysctlsUnder(h.stack, '')).size, sysctlsUnder(h.stack, '').length, 'each once');
  t.equal(solicited(h), 0);
  h.close(t);
});

t.end();
