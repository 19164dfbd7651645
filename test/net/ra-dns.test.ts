/** RFC 8106: the DNS servers and search domains that routers advertise. */
import t from 'tap';
import { raText, raViews } from '../../tools/command/ra.ts';
import { dnssl, FOREVER, give, HOST, R1, R2, rdnss, refused } from './ra.ts';
import { dialogue, type NetHarness } from './rig.ts';

const view = (h: NetHarness) => raViews(h.stack)[0]!;
const servers = (h: NetHarness) => view(h).dns_servers.map((d) => `${d.name} ${d.lifetime}`);
const domains = (h: NetHarness) => view(h).dns_search.map((d) => `${d.name} ${d.lifetime}`);

dialogue(
  '§5.1, §5.2: servers and domains, each with its lifetime; 0 takes one away',
  (t, h) => {
    const options = [
      rdnss(600, '2001:db8::53', 'fe80::53'),
      rdnss(FOREVER, '2001:db8::54'),
      dnssl(300, 'Example.org', 'lab.example.org'),
    ];
    give(h, { options });
    t.same(servers(h), ['2001:db8::53 600', 'fe80::53 600', `2001:db8::54 ${FOREVER}`]);
    t.same(domains(h), ['example.org 300', 'lab.example.org 300']);
    h.advance(100);
    give(h, { options: [rdnss(0, 'fe80::53'), dnssl(1000, 'example.org')] });
    t.same(servers(h), ['2001:db8::53 500', `2001:db8::54 ${FOREVER}`]);
    t.same(domains(h), ['example.org 1000', 'lab.example.org 200'], 'in their places');
    h.advance(200);
    t.same(domains(h), ['example.org 800']);
    h.advance(1e6);
    t.same([servers(h), domains(h)], [[`2001:db8::54 ${FOREVER}`], []]);
  },
  HOST,
);

dialogue(
  'options that are not as they must be are refused, and too many are',
  (t, h) => {
    const name = (...bytes: readonly number[]) => [31, 2, 0, 0, 0, 0, 0, 9, ...bytes];
    const bad: readonly (readonly number[])[] = [
      [25, 1, 0, 0, 0, 0, 0, 9],
      [25, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0],
      rdnss(9, '::'),
      rdnss(9, 'ff02::1'),
      rdnss(9, '::ffff:10.0.0.1'),
      [31, 1, 0, 0, 0, 0, 0, 9],
      name(9, 97, 0, 0, 0, 0, 0, 0), // a label that goes on behind the end
      name(3, 97, 98, 99, 3, 97, 98, 99), // a name that does not end
      name(0xc0, 0, 0, 0, 0, 0, 0, 0), // compression
      name(3, 97, 10, 98, 0, 0, 0, 0), // a line feed
    ];
    for (const option of bad) t.equal(give(h, { options: [option] }), 'accepted');
    t.same([servers(h), domains(h)], [[], []]);
    t.same(refused(h), { DnsRefused: bad.length });
    for (let i = 1; i <= 20; i++) {
      give(h, { options: [rdnss(60, `2001:db8::${i}`), dnssl(60, `a${i}.example`)] });
    }
    t.same([servers(h).length, domains(h).length], [8, 8]);
    t.match(refused(h), { DnsFull: 24 });
    give(h, { options: [rdnss(90, '2001:db8::1')] });
    t.equal(servers(h)[0], '2001:db8::1 90', 'those that are there live on');
  },
  HOST,
);

dialogue(
  'ringway ra shows routers, servers, domains and what was refused',
  (t, h) => {
    give(h, { from: R1, prf: 1, hops: 32, options: [rdnss(600, '2001:db8::53')] });
    give(h, {
      from: R2,
      lifetime: 100,
      options: [dnssl(FOREVER, 'example.org'), [25, 1, 0, 0, 0, 0, 0, 9]],
    });
    t.same(raText(view(h)).split('\n'), [
      'eth0: hop limit 32 mtu 1500',
      `    router ${R1} pref high lifetime 1800sec`,
      `    router ${R2} pref medium lifetime 100sec`,
      '    nameserver 2001:db8::53 lifetime 600sec',
      '    search example.org lifetime forever',
      '    solicitations 1, advertisements 2',
      '    refused: DnsRefused 1',
    ]);
  },
  HOST,
);

t.end();
