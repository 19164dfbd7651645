/** RFC 792, RFC 1122 §3.2.2.2: a gateway tells of a better first hop for one destination. */
import t, { type Test } from 'tap';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import { AF, SOCK } from '../../src/socket/abi.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { data, GATEWAY_MAC, OUR_MAC2, type Seen } from './packets.ts';
import { type Redirect4, redirect4 } from './redirect-rig.ts';
import { dialogue, ip, type NetHarness } from './rig.ts';

const FAR = '192.0.2.7';
const OTHER = '192.0.2.8';
const BETTER = '10.0.0.253';
const BETTER_MAC = '02:00:00:00:00:fd';

/** The last of what a new ping socket sent there. */
function sent(h: NetHarness, to: string = FAR): Seen {
  h.ping(h.echo(), to);
  return h.sent().at(-1)!;
}

const hopTo = (h: NetHarness, to: string): string => sent(h, to).to;

/** BETTER is a neighbour of ours. */
function through(title: string, run: (t: Test, h: NetHarness, about: Seen) => void): void {
  dialogue(title, (t, h) => {
    h.knows(BETTER, BETTER_MAC);
    const about = sent(h);
    t.equal(about.to, GATEWAY_MAC);
    run(t, h, about);
  });
}

through(
  'RFC 1122 §3.2.2.2: later packets to the destination go to the gateway that was named',
  (t, h, about) => {
    const path = h.net.paths.lookup(ip(FAR), 0)!;
    t.equal(redirect4(h, about), 'accepted');
    t.same([hopTo(h, FAR), hopTo(h, OTHER)], [BETTER_MAC, GATEWAY_MAC]);
    t.equal(h.net.paths.lookup(ip(FAR), 0), path, 'what was learnt of its MTU stays');
    h.net.routes.changed();
    t.equal(hopTo(h, FAR), BETTER_MAC, 'whatever else changes in the table');
    t.equal(h.net.mib.icmp4.inType[5], 1);
  },
);

through(
  'RFC 1122 §3.2.2.2: a redirect for a network, or for a type of service, is one for the host',
  (t, h) => {
    for (const code of [0, 1, 2, 3]) {
      const to = `192.0.2.${10 + code}`;
      t.equal(redirect4(h, sent(h, to), { code }), 'accepted');
      t.equal(hopTo(h, to), BETTER_MAC, `code ${code}`);
    }
    t.equal(redirect4(h, sent(h), { code: 4 }), 'ICMP_MALFORMED');
  },
);

through(
  'RFC 1122 §3.2.2.2: only the gateway in use is believed, and only about hosts',
  (t, h, about) => {
    h.addAddress(h.addPort('eth1', OUR_MAC2), '172.16.0.1/16');
    const bad: readonly (readonly [string, Redirect4])[] = [
      ['from another router', { from: '10.0.0.9' }],
      ['to itself', { gateway: '10.0.0.254' }],
      ['to us', { gateway: '10.0.0.1' }],
      ['to us, elsewhere', { gateway: '172.16.0.1' }],
      ['to nobody', { gateway: '0.0.0.1' }],
      ['to a group', { gateway: '224.0.0.9' }],
      ['to everybody', { gateway: '255.255.255.255' }],
      ['to the subnet', { gateway: '10.0.0.255' }],
      ['to 127.0.0.1', { gateway: '127.0.0.1' }],
    ];
    for (const [what, r] of bad) t.equal(redirect4(h, about, r), 'ICMP_REDIRECT_REFUSED', what);
    t.equal(hopTo(h, FAR), GATEWAY_MAC);
  },
);

through(
  'RFC 1122 §3.2.2.2: a host on the link is no gateway, and sends nobody elsewhere',
  (t, h) => {
    const [host, mac] = ['10.0.0.9', '02:00:00:00:00:09'];
    h.knows(host, mac);
    t.equal(redirect4(h, sent(h, host), { from: host }), 'ICMP_REDIRECT_REFUSED');
    t.equal(hopTo(h, host), mac);
  },
);

through(
  'RFC 1122 §3.2.2.2: with shared_media 0 a gateway beyond the subnet is not taken',
  (t, h, about) => {
    const beyond = { gateway: '172.16.0.9' };
    h.knows(beyond.gateway, '02:00:00:00:00:09');
    const { all, otherwise } = h.net.config.conf4;
    for (const conf of [all, otherwise]) conf.set(CONF4.SHARED_MEDIA, 0);
    t.equal(redirect4(h, about, beyond), 'ICMP_REDIRECT_REFUSED');
    all.set(CONF4.SHARED_MEDIA, 1);
    t.equal(redirect4(h, about, beyond), 'accepted', 'several subnets on one link');
    t.equal(hopTo(h, FAR), '02:00:00:00:00:09');
  },
);

through('what is quoted must be a packet of a socket of ours', (t, h, about) => {
  const packet = about.frame.slice(14);
  const changed = (at: number, value: number) => packet.map((b, i) => (i === at ? value : b));
  const quotes: readonly (readonly [string, Uint8Array, string])[] = [
    ['a socket that is not there', changed(25, packet[25]! ^ 1), 'ICMP_NO_SOCKET'],
    ['a reply, not a request', changed(20, 0), 'ICMP_NO_SOCKET'],
    ['another source', changed(15, 9), 'ICMP_NO_SOCKET'],
    ['another protocol', changed(9, 132), 'ICMP_NO_SOCKET'],
    ['not even a header', packet.slice(0, 19), 'ICMP_MALFORMED'],
    ['less than 64 bits of it', packet.slice(0, 27), 'ICMP_MALFORMED'],
    ['a later fragment', changed(7, 1), 'ICMP_NO_SOCKET'],
  ];
  for (const [what, quote, fate] of quotes) {
    const is = redirect4(h, about, { quote, to: '10.0.0.1' });
    t.equal(is, what === 'a later fragment' ? 'ICMP_MALFORMED' : fate, what);
  }
  const elsewhere = changed(19, 8);
  t.equal(redirect4(h, about, { quote: elsewhere }), 'ICMP_REDIRECT_REFUSED', 'nothing went there');
  t.equal(h.net.paths.find(ip(OTHER), 0), null, 'and no path is made');
  t.same([hopTo(h, FAR), hopTo(h, OTHER)], [GATEWAY_MAC, GATEWAY_MAC]);
});

dialogue('UDP and TCP: the socket that sent it, and of a connection what is in flight', (t, h) => {
  h.knows(BETTER, BETTER_MAC);
  const api = new SocketApi(h.stack);
  const udp = api.socket(AF.INET, SOCK.DGRAM, 0);
  const to = new SockAddr().set(AF.INET, ip(FAR), 5000);
  const send = (): Seen => {
    t.equal(api.sendto(udp, data(4), 0, to), 4);
    h.settle();
    return h.sent().at(-1)!;
  };
  t.equal(redirect4(h, send()), 'accepted');
  t.equal(send().to, BETTER_MAC);
  const tcp = api.socket(AF.INET, SOCK.STREAM, 0);
  api.connect(tcp, new SockAddr().set(AF.INET, ip(OTHER), 80));
  h.settle();
  const syn = h.sent().at(-1)!;
  const older = syn.frame.slice(14);
  older[27]! ^= 1;
  t.equal(redirect4(h, syn, { quote: older }), 'ICMP_NO_SOCKET', 'another sequence number');
  t.equal(h.stack.tcp.mib.get('OutOfWindowIcmps'), 1);
  t.equal(redirect4(h, syn), 'accepted');
  h.advance(1.1);
  t.equal(h.sent().at(-1)!.to, BETTER_MAC, 'the SYN, again');
  api.closeAll();
});

dialogue(
  'as on Linux a gateway that is not known is asked for, and taken when it is named again',
  (t, h) => {
    const about = sent(h);
    t.equal(redirect4(h, about), 'accepted');
    t.match(h.sent(), [{ kind: 'arp' }]);
    t.equal(hopTo(h, FAR), GATEWAY_MAC);
    h.advance(5);
    t.equal(hopTo(h, FAR), GATEWAY_MAC, 'silent it is never used');
    h.knows(BETTER, BETTER_MAC);
    t.equal(hopTo(h, FAR), GATEWAY_MAC);
    t.equal(redirect4(h, about), 'accepted');
    t.equal(hopTo(h, FAR), BETTER_MAC);
  },
);

through(
  'a redirected hop may redirect further; the route’s gateway has no say any more',
  (t, h, about) => {
    redirect4(h, about);
    h.knows('10.0.0.252', '02:00:00:00:00:fc');
    const again = { gateway: '10.0.0.252' };
    t.equal(redirect4(h, about, again), 'ICMP_REDIRECT_REFUSED');
    t.equal(redirect4(h, about, { ...again, from: BETTER }), 'accepted');
    t.equal(hopTo(h, FAR), '02:00:00:00:00:fc');
  },
);

through(
  'a redirect ends with the route that it was made for, and after route.gc_timeout',
  (t, h, about) => {
    redirect4(h, about);
    h.knows('10.0.0.251', '02:00:00:00:00:fb');
    h.stack.addRoute(ip('192.0.2.0'), 24, ip('10.0.0.251'), null);
    t.equal(hopTo(h, FAR), '02:00:00:00:00:fb', 'a better route');
    h.net.routes.removeWhere((r) => r.bits === 96 + 24 && r.gateway !== null);
    t.equal(hopTo(h, FAR), GATEWAY_MAC);
    redirect4(h, about);
    h.advance(299);
    t.equal(hopTo(h, FAR), BETTER_MAC);
    h.advance(2);
    t.equal(hopTo(h, FAR), GATEWAY_MAC);
  },
);

through('RFC 1122 §3.3.1.4: a gateway that falls silent is left for the route’s', (t, h, about) => {
  h.port.iface.neighbours.set(ip(BETTER), MacAddress.parse(BETTER_MAC)!, false);
  redirect4(h, about);
  const socket = h.echo();
  for (let i = 0; i < 60; i++) {
    h.ping(socket, FAR);
    h.advance(1);
  }
  t.equal(hopTo(h, FAR), GATEWAY_MAC);
});

through(
  'a router makes its own way, unless accept_redirects says for all that it should not',
  (t, h, about) => {
    h.net.config.forwarding4 = 1;
    t.equal(redirect4(h, about), 'ICMP_REDIRECT_REFUSED');
    h.net.config.conf4.all.set(CONF4.ACCEPT_REDIRECTS, 1);
    t.equal(redirect4(h, about), 'accepted');
  },
);

dialogue('two interfaces: a redirect counts on the link of the path that it is about', (t, h) => {
  const eth1 = h.addPort('eth1', OUR_MAC2);
  h.addAddress(eth1, '10.1.0.1/24');
  h.knows(BETTER, BETTER_MAC);
  const about = sent(h);
  const other = redirect4(h, about, { mac: OUR_MAC2 }, eth1);
  t.equal(other, 'ICMP_REDIRECT_REFUSED', 'our gateway is on eth0');
  t.equal(hopTo(h, FAR), GATEWAY_MAC);
});

t.end();
