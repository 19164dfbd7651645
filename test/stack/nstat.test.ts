/** Counters under the names of Linux's nstat. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { listCounters } from '../../src/stack/nstat.ts';
import { BROADCAST_MAC, data, echo4, echo6, ip4, udp } from '../net/packets.ts';
import { dialogue, type NetHarness } from '../net/rig.ts';

const counters = (h: NetHarness): Record<string, number> =>
  Object.fromEntries(listCounters(h.net)) as Record<string, number>;

/** Names as nstat makes them: what /proc has before the colon, and each word of the line. */
function linuxNames(): Set<string> {
  const names = new Set<string>();
  for (const file of ['snmp', 'netstat']) {
    const lines = readFileSync(`/proc/net/${file}`, 'latin1').split('\n');
    for (const line of lines) {
      const [group, words] = line.split(': ');
      for (const word of words?.split(' ') ?? []) names.add(group + word);
    }
  }
  for (const line of readFileSync('/proc/net/snmp6', 'latin1').split('\n')) {
    names.add(line.split(/\s/)[0]!);
  }
  return names;
}

/** Linux counts these for IPv4 only. */
const IPV4_ONLY: readonly string[] = ['Ip6ReasmOverlaps', 'Icmp6OutRateLimitGlobal'];
/** Ours alone: neighbours (Linux has them elsewhere), IGMP (Linux counts none), frames by fate. */
const OURS = /^(Arp|Igmp|Ndp|Ringway)[A-Z]/;
/** Appear with the first packet of their type. */
const PER_TYPE = /^(IcmpMsg|Icmp6)(In|Out)Type\d+$/;

dialogue('every name is one that Linux has, once', (t, h) => {
  h.give(echo4(data(4)));
  const names = listCounters(h.net).map(([name]) => name);
  t.equal(new Set(names).size, names.length);
  const [major, minor] = release().split('.').map(Number) as [number, number];
  if (major < 6 || (major === 6 && minor < 12)) {
    t.comment(`Linux ${release()} lacks the newer names; compared from 6.12 on`);
    return;
  }
  const linux = linuxNames();
  const unknown = names.filter((n) => !linux.has(n) && !OURS.test(n) && !PER_TYPE.test(n));
  t.same(unknown, IPV4_ONLY);
});

dialogue('what came and went is under the name a Linux user looks for', (t, h) => {
  h.give(echo4(data(56), { tos: 3 }));
  h.give(echo6(data(56)));
  h.give(ip4({ protocol: 17 }, udp({ to: 9 }, data(4))));
  h.give(echo4(data(4), { dst: '10.0.0.255' }), { dst: BROADCAST_MAC });
  h.lines();
  t.match(counters(h), {
    IpInReceives: 3,
    IpOutRequests: 2,
    IpExtInCEPkts: 1,
    IpExtInNoECTPkts: 2,
    IpExtInBcastPkts: 1,
    IcmpInEchos: 2,
    IcmpOutEchoReps: 1,
    IcmpOutDestUnreachs: 1,
    IcmpMsgInType8: 2,
    IcmpMsgOutType3: 1,
    UdpNoPorts: 1,
    Ip6InReceives: 1,
    Icmp6InEchos: 1,
    Icmp6OutEchoReplies: 1,
    Icmp6InType128: 1,
    RingwayFramesAccepted: 2,
    RingwayFramesDropped: 2,
    RingwayDropUdpNoPort: 1,
    RingwayDropIcmpEchoIgnored: 1,
  });
});

dialogue('the drops by reason add up to the frames dropped', (t, h) => {
  for (let i = 0; i < 40; i++) h.giveFrame(data(10 + i * 7, i));
  const sum = listCounters(h.net)
    .filter(([name]) => name.startsWith('RingwayDrop'))
    .reduce((all, [, value]) => all + value, 0);
  const { RingwayFramesDropped, RingwayFramesAccepted } = counters(h);
  t.equal(sum, RingwayFramesDropped);
  t.equal(RingwayFramesDropped! + RingwayFramesAccepted!, 40);
});
