/** RFC 2131 §4.4: the dialogue with honest servers, message by message. */
import t from 'tap';
import type { RememberedLease } from '../../src/autoconf/dhcp-client.ts';
import type { Lease } from '../../src/autoconf/dhcp-lease.ts';
import { NEVER, SEC } from '../../src/base/time.ts';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { BROADCAST_MAC, data, GATEWAY_MAC, ip4, PEER_MAC, udp } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { arpFrame } from './arp-rig.ts';
import { DhcpRig, dhcp, GOOD, OFFERED, option, ROUTER, SERVER } from './dhcp-rig.ts';

const ALL = '0.0.0.0>255.255.255.255';

dhcp('RFC 2131 §3.1: DISCOVER, OFFER, REQUEST, ACK, and the address is ours', (t, r) => {
  r.client.start();
  t.same(r.lines(0), [`DISCOVER all ${ALL}`]);
  t.equal(r.give(), 'accepted');
  t.same(r.lines(0), [`REQUEST all ${ALL} want ${OFFERED} server ${SERVER}`]);
  t.same(r.addresses(), []);
  t.equal(r.give({ type: 'ACK' }), 'accepted');
  t.equal(r.client.state, 'checking');
  const asked = r.watch(9).map((m) => m.line);
  t.same(asked, [...Array(3).fill(`probe ${OFFERED}`), ...Array(2).fill(`announce ${OFFERED}`)]);
  t.same(r.states, ['selecting', 'requesting', 'checking', 'bound']);
  t.same(r.addresses(), [`${OFFERED}/24`]);
  t.same(r.routes(), ['10.0.0.0/24', `0.0.0.0/0 via ${ROUTER}`]);
  const { lease } = r.client;
  t.same(lease!.nameServers.map(formatAddress), ['10.0.0.53']);
  t.equal(lease!.domain, 'example.net');
  const entry = r.h.port.iface.find(ip(OFFERED))!;
  t.equal(entry.validUntilNs, 3600 * SEC, 'counted from the request');
  r.h.knows(ROUTER, GATEWAY_MAC);
  r.h.ping(r.h.echo(), '192.0.2.1', data(8));
  t.match(r.h.sent()[0], { src: OFFERED, to: GATEWAY_MAC });
});

dhcp(
  'RFC 2131 §2, RFC 2132: what a client says of itself',
  (t, r) => {
    r.client.start();
    r.lines(0);
    const said = r.last!;
    t.equal(said.flags, 0, 'it takes unicasts');
    t.equal(said.ciaddr, '0.0.0.0');
    t.same([...said.options.keys()], [53, 61, 57, 12, 55]);
    t.same(said.options.get(61), [1, 2, 0, 0, 0, 0, 1]);
    t.same(said.options.get(57), [1500 >> 8, 1500 & 255]);
    t.same(Buffer.from(said.options.get(12)!).toString(), 'ring');
    t.same(said.options.get(55), [1, 121, 3, 6, 15, 26, 51, 58, 59], 'RFC 3442: 121 before 3');
  },
  { hostName: 'ring' },
);

dhcp(
  'RFC 2131 §4.1: a client asks for broadcasts, and with another identifier, if it is told to',
  (t, r) => {
    r.client.start();
    r.lines(0);
    t.equal(r.last!.flags, 0x8000);
    t.same(r.last!.options.get(61), [0, 7, 7]);
    t.same([...r.last!.options.keys()], [53, 61, 57, 55], 'no name, no option for it');
  },
  { broadcast: true, clientId: Uint8Array.of(0, 7, 7) },
);

dhcp(
  'RFC 2131 §4.1: it hears a unicast to the address that is offered, and nobody else hears it',
  (t, r) => {
    r.client.start();
    r.lines(0);
    t.equal(r.give({ to: OFFERED, ports: { from: 67, to: 69 } }), 'IP_NOT_LOCAL');
    t.equal(r.give({ to: OFFERED }), 'accepted');
    r.lines(0);
    t.equal(r.give({ type: 'ACK', to: OFFERED }), 'accepted');
    t.equal(r.client.state, 'checking');
    r.client.stop();
    t.equal(r.give({ to: OFFERED }), 'IP_NOT_LOCAL', 'nor anybody when it has stopped');
  },
);

t.test(
  'RFC 2131 §4.1: 4, 8, 16, 32, 64 s between messages, each a second more or less',
  async (t) => {
    const firsts = new Set<number>();
    for (let seed = 1; seed <= 10; seed++) {
      const r = new DhcpRig({}, { seed });
      r.client.start();
      const at = r.watch(400).map((m) => m.at);
      const gaps = at.slice(1).map((time, i) => time - at[i]!);
      for (const [i, gap] of gaps.entries()) {
        const wanted = Math.min(4 * 2 ** i, 64);
        t.ok(Math.abs(gap - wanted) <= 1, `wait ${i + 1}: ${gap}`);
      }
      t.ok(gaps.length >= 8);
      t.equal(r.last!.secs, Math.floor(at.at(-1)!), 'secs grows');
      t.ok(r.client.isUnanswered);
      firsts.add(gaps[0]!);
      r.close(t);
    }
    t.equal(firsts.size, 10, 'the jitter is drawn');
  },
);

dhcp(
  'RFC 2131 §3.1 (5): a request without an answer is sent four times, then all begins anew',
  (t, r) => {
    r.client.start();
    r.lines(5);
    r.lines(0);
    const { xid, secs } = r.last!;
    r.give();
    r.lines(0);
    t.equal(r.last!.xid, xid, 'the same exchange');
    t.equal(r.last!.secs, secs, 'and the time of the DISCOVER');
    const lines = r.lines(63);
    t.same(
      lines.map((line) => line.split(' ')[0]),
      ['REQUEST', 'REQUEST', 'REQUEST', 'DISCOVER'],
    );
    t.not(r.last!.xid, xid);
  },
);

dhcp(
  'RFC 2131 §4.4.5: renewed at T1 by unicast, at T2 by broadcast, and given up at the end',
  (t, r) => {
    r.bind();
    r.h.knows(SERVER, PEER_MAC);
    const have = `have ${OFFERED}`;
    const seen = r.watch(3700).filter((m) => /^[A-Z]/.test(m.line));
    const renewals = seen.filter(
      (m) => m.line === `REQUEST ${PEER_MAC} ${OFFERED}>${SERVER} ${have}`,
    );
    const rebinds = seen.filter((m) => m.line === `REQUEST all ${OFFERED}>255.255.255.255 ${have}`);
    const after = seen.filter((m) => m.line.startsWith('DISCOVER'));
    t.ok(renewals[0]!.at > 1799 && renewals[0]!.at <= 1800, `T1 ${renewals[0]!.at}`);
    t.ok(Math.abs(rebinds[0]!.at - 3150) < 1e-6, `T2 ${rebinds[0]!.at}`);
    // Half of what is left, and at least a minute: 1350 s give 675, 337, 169, 84, 60 …
    const gaps = renewals.slice(1).map((m, i) => Math.round(m.at - renewals[i]!.at));
    t.same(gaps, [675, 338, 169, 84, 60]);
    t.same(
      rebinds.slice(1).map((m, i) => Math.round(m.at - rebinds[i]!.at)),
      [225, 113, 60],
    );
    t.ok(Math.abs(after[0]!.at - 3600) < 1e-6, `the end ${after[0]!.at}`);
    t.equal(after[0]!.line, `DISCOVER all ${ALL} want ${OFFERED}`);
    t.same(r.addresses(), []);
    t.same(r.routes(), []);
    t.equal(r.counted('Expired'), 1);
  },
);

dhcp(
  'RFC 2131 §4.4.5: an ACK at T1 extends the lease from the time of the request; changes are made',
  (t, r) => {
    r.bind();
    r.h.knows(SERVER, PEER_MAC);
    r.h.advance(1800);
    r.lines(0);
    t.equal(r.client.state, 'renewing');
    const at = r.client.obtainedNs;
    const changed = [
      ...GOOD.slice(0, 2),
      option.routers('10.0.0.253'),
      option.mtu(1400),
      option.lease(7200),
    ];
    t.equal(r.give({ type: 'ACK', to: OFFERED, options: changed }), 'accepted');
    t.equal(r.client.state, 'bound');
    t.ok(r.client.obtainedNs > at + 1780 * SEC);
    t.equal(r.client.untilNs - r.client.obtainedNs, 7200 * SEC);
    t.same(r.routes(), ['10.0.0.0/24', '0.0.0.0/0 via 10.0.0.253']);
    t.equal(r.h.port.iface.mtu, 1400);
    t.equal(r.h.port.iface.find(ip(OFFERED))!.validUntilNs, r.client.untilNs);
    t.same(r.lines(3500), [], 'and no question before the new T1');
  },
);

dhcp('RFC 2131 §4.4.5: while rebinding any server may extend', (t, r) => {
  r.bind();
  r.h.knows(SERVER, PEER_MAC);
  r.h.advance(3200);
  r.lines(0);
  t.equal(r.client.state, 'rebinding');
  const other = [option.server('10.0.0.3'), ...GOOD.slice(1)];
  t.equal(r.give({ type: 'ACK', options: other, from: '10.0.0.3', to: OFFERED }), 'accepted');
  t.equal(r.client.state, 'bound');
  t.equal(formatAddress(r.client.lease!.server), '10.0.0.3');
});

dhcp('an extension under another address: the old one goes, the new one is asked about', (t, r) => {
  r.bind();
  r.h.advance(3200);
  r.lines(0);
  r.give({ type: 'ACK', yiaddr: '10.0.0.60', to: OFFERED });
  t.equal(r.client.state, 'checking');
  t.same(r.addresses(), []);
  r.lines(9);
  t.same(r.addresses(), ['10.0.0.60/24']);
});

dhcp(
  'RFC 2131 §3.2: INIT-REBOOT asks for the known address; an ACK is enough',
  (t, r) => {
    r.client.start();
    t.same(r.lines(0), [`REQUEST all ${ALL} want ${OFFERED}`]);
    r.give({ type: 'ACK' });
    r.lines(9);
    t.same(r.states, ['rebooting', 'checking', 'bound']);
  },
  { requested: ip(OFFERED) },
);

dhcp(
  'RFC 2131 §3.2: INIT-REBOOT without an answer becomes DISCOVER',
  (t, r) => {
    r.client.start();
    const lines = r.lines(14).map((line) => line.split(' ')[0]);
    t.same(lines, ['REQUEST', 'REQUEST', 'DISCOVER']);
  },
  { requested: ip(OFFERED) },
);

dhcp(
  'RFC 2131 §3.2: INIT-REBOOT refused: anew, and that address is not asked for again',
  (t, r) => {
    r.client.start();
    r.lines(0);
    t.equal(r.give({ type: 'NAK', options: [option.server(SERVER)], xid: 1 }), 'DHCP_IGNORED');
    t.equal(r.client.state, 'rebooting', 'a NAK for another exchange');
    r.give({ type: 'NAK', options: [option.server(SERVER)] });
    t.equal(r.client.state, 'init');
    t.same(r.lines(2), [`DISCOVER all ${ALL}`]);
    t.same(r.addresses(), []);
    r.give();
    r.lines(0);
    r.give({ type: 'ACK' });
    r.lines(9);
    t.equal(r.client.state, 'bound');
  },
  { remembered: remembered(100, 3600) },
);

/** A lease of an earlier run: obtained so many seconds before this one began, for so many seconds. */
function remembered(ageSec: number, leaseSec: number): RememberedLease {
  const lease: Lease = {
    ...{ address: ip(OFFERED), bits: 24, server: ip(SERVER), nameServers: [], domain: '', mtu: 0 },
    ...{ leaseNs: leaseSec * SEC, renewNs: leaseSec * 0.5 * SEC, rebindNs: leaseSec * 0.875 * SEC },
    routes: [{ prefix: ip('0.0.0.0'), bits: 0, gateway: ip(ROUTER) }],
  };
  return { lease, obtainedNs: -ageSec * SEC, untilNs: (leaseSec - ageSec) * SEC };
}

dhcp(
  'RFC 2131 §3.2: nobody answers, and the remembered lease is ours for the rest of its time',
  (t, r) => {
    r.client.start();
    const asked = r.lines(14.5);
    t.same(asked, [`REQUEST all ${ALL} want ${OFFERED}`, `REQUEST all ${ALL} want ${OFFERED}`]);
    t.equal(r.client.state, 'checking', 'first the link is asked');
    r.lines(9);
    t.same(r.states, ['rebooting', 'checking', 'bound']);
    t.same(r.addresses(), [`${OFFERED}/24`]);
    t.same(r.routes(), ['10.0.0.0/24', `0.0.0.0/0 via ${ROUTER}`]);
    r.h.knows(SERVER, PEER_MAC);
    const renewal = r.watch(1800).find((m) => m.line.startsWith('REQUEST'))!;
    t.ok(Math.abs(renewal.at - 1700) < 2, `half of its time is over at ${renewal.at} s`);
    r.lines(1900);
    t.same(r.addresses(), [], 'and gone when all of it was, counted from the beginning');
    t.equal(r.counted('Expired'), 1);
  },
  { remembered: remembered(100, 3600) },
);

dhcp(
  'RFC 2131 §3.2: a remembered lease that is over is only asked for; one that somebody has is declined',
  (t, r) => {
    r.client.start();
    t.same(
      r.lines(14.5).map((line) => line.split(' ')[0]),
      ['REQUEST', 'REQUEST', 'DISCOVER'],
    );
    const other = new DhcpRig({ remembered: remembered(0, 3600) });
    other.client.start();
    other.lines(14.5);
    t.equal(other.client.state, 'checking');
    other.h.giveFrame(arpFrame({ op: 2, sender: OFFERED, mac: GATEWAY_MAC }));
    t.same(other.lines(0), [`DECLINE all ${ALL} want ${OFFERED} server ${SERVER}`]);
    other.close(t);
  },
  { remembered: remembered(3601, 3600) },
);

dhcp('RFC 2131 §3.1 (4), §4.4.5: a NAK takes the lease away; the waits grow', (t, r) => {
  r.bind();
  r.h.knows(SERVER, PEER_MAC);
  r.h.advance(1800);
  r.lines(0);
  r.give({ type: 'NAK', options: [option.server(SERVER)] });
  t.same(r.addresses(), []);
  t.equal(r.client.state, 'init');
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    const from = r.h.now;
    const [discover] = r.watch(70).map((m) => m.at);
    waits.push(Math.round(discover! - from));
    r.give();
    r.lines(0);
    r.give({ type: 'NAK', options: [option.server(SERVER)] });
  }
  t.same(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
});

dhcp(
  'RFC 2131 §3.1 (5), §4.4.1: an address that somebody has is declined; ten seconds, then anew',
  (t, r) => {
    r.client.start();
    r.lines(0);
    r.give();
    r.lines(0);
    const { xid } = r.last!;
    r.give({ type: 'ACK' });
    r.lines(2);
    r.h.giveFrame(arpFrame({ op: 2, sender: OFFERED, mac: GATEWAY_MAC }));
    t.same(r.lines(0), [`DECLINE all ${ALL} want ${OFFERED} server ${SERVER}`]);
    t.not(r.last!.xid, xid);
    t.same(r.addresses(), []);
    t.same(r.lines(9.9), []);
    t.same(r.lines(0.2), [`DISCOVER all ${ALL}`], 'and that address is not asked for again');
  },
);

dhcp('RFC 5227 §2.4: an address that is fought over is declined, and given up', (t, r) => {
  r.bind();
  const rival = arpFrame({ sender: OFFERED, mac: GATEWAY_MAC });
  r.h.giveFrame(rival);
  t.equal(r.client.state, 'bound', 'defended once');
  r.h.giveFrame(rival);
  t.match(r.lines(0), [/^DECLINE/]);
  t.same(r.addresses(), []);
  t.same(r.routes(), []);
});

dhcp('RFC 2131 §4.4.6: a lease is released to its server, and all that it brought goes', (t, r) => {
  r.bind([...GOOD, option.mtu(1400)]);
  r.h.knows(SERVER, PEER_MAC);
  r.client.release();
  t.same(r.lines(0), [`RELEASE ${PEER_MAC} ${OFFERED}>${SERVER} server ${SERVER} have ${OFFERED}`]);
  t.equal(r.client.state, 'stopped');
  t.same([r.addresses(), r.routes(), r.h.port.iface.mtu], [[], [], 1500]);
  t.equal(r.h.stack.nextDeadlineNs(), NEVER, 'nothing is left to do');
});

dhcp('a release waits a second for the server’s MAC address, and no longer', (t, r) => {
  r.bind();
  r.h.port.iface.neighbours.remove(ip(SERVER));
  r.client.release();
  t.same(
    r.watch(0).map((m) => m.line),
    [`who-has ${SERVER} tell ${OFFERED}`],
  );
  t.equal(r.client.state, 'releasing');
  r.watch(1.1);
  t.equal(r.client.state, 'stopped');
  t.same(r.addresses(), []);
});

dhcp('RFC 2131 §3.3: a lease for ever is never renewed', (t, r) => {
  r.bind([...GOOD.slice(0, 5), option.lease(0xffffffff)]);
  t.equal(r.client.untilNs, NEVER);
  t.same(r.lines(1e6), []);
  t.equal(r.client.renew(), false);
});

dhcp('T1 and T2 are the server’s (58, 59) if they make sense', (t, r) => {
  r.bind([...GOOD, option.t1(600), option.t2(900)]);
  r.h.knows(SERVER, PEER_MAC);
  const seen = r.watch(1000).filter((m) => m.line.startsWith('REQUEST'));
  t.ok(seen[0]!.at > 599 && seen[0]!.at <= 600);
  t.ok(seen.some((m) => m.line.startsWith('REQUEST all') && Math.abs(m.at - 900) < 1e-6));
});

dhcp('T1 and T2 that would ask for ever are not taken: half of the lease instead', (t, r) => {
  const bounds: [number, number, number][] = [
    [1, 2, 1800],
    [29, 900, 1800],
    [1, 3000, 1800],
    [0, 3, 1800],
    [30, 60, 30],
    [0, 200, 114],
  ];
  for (const [t1, t2, renew] of bounds) {
    r.bind([...GOOD, option.t1(t1), option.t2(t2)]);
    t.equal(Math.floor(r.client.lease!.renewNs / SEC), renew, `T1 ${t1}, T2 ${t2}`);
    t.ok(r.client.lease!.rebindNs > r.client.lease!.renewNs);
    r.client.stop();
  }
});

dhcp('a renewal can be asked for', (t, r) => {
  r.bind();
  r.h.knows(SERVER, PEER_MAC);
  t.equal(r.client.renew(), true);
  t.match(r.lines(0), [/^REQUEST 02:00:00:00:00:02/]);
  t.equal(r.client.renew(), false, 'once at a time');
  r.give({ type: 'ACK', to: OFFERED });
  t.equal(r.client.state, 'bound');
});

dhcp(
  'an address that was taken away by hand is back with the next renewal, with its routes',
  (t, r) => {
    r.bind();
    r.h.knows(SERVER, PEER_MAC);
    const { stack, port } = r.h;
    const before = r.routes();
    t.equal(stack.removeAddress(port.iface, ip(OFFERED)), 0);
    stack.net.routes.removeWhere((route) => route.gateway !== null);
    t.same([r.addresses(), r.routes()], [[], []]);
    r.client.renew();
    t.match(r.lines(0), [/^REQUEST/]);
    t.equal(r.give({ type: 'ACK', to: OFFERED }), 'accepted');
    t.same([r.addresses(), r.routes()], [[`${OFFERED}/24`], before]);
    t.equal(port.iface.find(ip(OFFERED))!.validUntilNs, r.client.untilNs);
  },
);

dhcp('two interfaces, two clients: each hears its own', (t, r) => {
  const port = r.h.addPort('eth1', '02:00:00:00:01:01');
  r.client.start();
  r.lines(0);
  t.equal(r.h.giveFrame(arpFrame({ sender: '10.0.0.9' }), {}, port), 'ARP_NOT_FOR_US');
  t.equal(port.iface.boot, null);
  t.equal(r.give({ to: OFFERED, dst: BROADCAST_MAC }), 'accepted', 'also in a broadcast frame');
});

t.test(
  'RFC 3704: rp_filter has no route to ask for yet: what comes to our port passes',
  async (t) => {
    for (const mode of [1, 2]) {
      const r = new DhcpRig();
      r.h.net.config.conf4.all.set(CONF4.RP_FILTER, mode);
      r.client.start();
      r.lines(0);
      const other = udp({ from: 67, to: 69 }, data(8), SERVER, '255.255.255.255');
      const datagram = ip4({ src: SERVER, dst: '255.255.255.255', protocol: 17 }, other);
      t.equal(r.h.give(datagram, { dst: BROADCAST_MAC }), 'IP_RPFILTER', 'to another port');
      t.equal(r.give({ to: '255.255.255.255', dst: BROADCAST_MAC }), 'accepted');
      t.match(r.lines(0), [/^REQUEST/]);
      t.equal(r.give({ type: 'ACK', to: OFFERED }), 'accepted');
      r.lines(9);
      t.equal(r.client.state, 'bound');
      r.close(t);
    }
  },
);
