/**
 * What one packet does to the counters, beside what it does to Linux's.
 *
 * The counters named in a row were read from /proc/net/snmp, snmp6 and netstat of Linux 6.18 before and after the
 * same packet (a raw socket on one end of a veth, the other end addressed like us); octets are left out, and so
 * is the error that some of the packets are answered with.
 */
import type { Test } from 'tap';
import { listCounters } from '../../src/stack/nstat.ts';
import {
  type Bytes,
  data,
  fragment6,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  PEER4,
  PEER6,
  US4,
  US6,
  udp,
} from './packets.ts';
import { dialogue, type NetHarness } from './rig.ts';

const UDP = 17;
const datagram = udp({}, data(8));
const datagram6 = udp({}, data(8), PEER6, US6);
const aboutOurs4 = ip4({ src: US4, dst: PEER4, protocol: UDP }, datagram);
const aboutOurs6 = ip6({ src: US6, dst: PEER6, next: UDP }, datagram6);
const from4 = (type: number, code: number, body: Bytes): Bytes =>
  ip4({}, icmp4({ type, code }, body));
const from6 = (type: number, code: number, body: Bytes): Bytes =>
  ip6({}, icmp6({ type, code }, body));
const UNREACH4 = ['IcmpInMsgs', 'IcmpInDestUnreachs', 'IcmpMsgInType3', 'IpInDelivers'];
const UNREACH6 = ['Icmp6InMsgs', 'Icmp6InDestUnreachs', 'Icmp6InType1', 'Ip6InDelivers'];

/** What it is, the packet, what Linux counts besides InReceives (and, past the version, InNoECTPkts). */
const CASES4: readonly [string, Bytes, readonly string[]][] = [
  ['10 bytes', ip4({}).slice(0, 10), ['IpInHdrErrors', '-ECT']],
  ['version 5', ip4({ version: 5 }, datagram), ['IpInHdrErrors', '-ECT']],
  ['IHL 4', ip4({ ihl: 4 }, datagram), ['IpInHdrErrors', '-ECT']],
  ['IHL beyond the frame', ip4({ ihl: 15 }), ['IpInHdrErrors']],
  ['wrong sum', ip4({ badChecksum: true }, datagram), ['IpInHdrErrors', 'IpExtInCsumErrors']],
  ['more than came', ip4({ totalLen: 200 }, datagram), ['IpExtInTruncatedPkts']],
  [
    'more than came, and a wrong sum',
    ip4({ totalLen: 200, badChecksum: true }, datagram),
    ['IpInHdrErrors', 'IpExtInCsumErrors'],
  ],
  ['less than the header', ip4({ totalLen: 10 }, datagram), ['IpInHdrErrors']],
  ['for another host', ip4({ dst: '10.0.0.99', protocol: UDP }, datagram), ['IpInAddrErrors']],
  ['for a group nobody joined', ip4({ dst: '224.0.0.99', protocol: UDP }, datagram), []],
  [
    'for a group, no port',
    ip4({ dst: '224.0.0.1', protocol: UDP }, udp({}, data(8), PEER4, '224.0.0.1')),
    ['IpInDelivers', 'IpExtInMcastPkts', 'UdpIgnoredMulti'],
  ],
  ['no such protocol', ip4({ protocol: 200 }, data(8)), ['IpInUnknownProtos']],
  ['no port', ip4({ protocol: UDP }, datagram), ['IpInDelivers', 'UdpNoPorts']],
  [
    'ICMP type 100',
    from4(100, 0, data(8)),
    ['IpInDelivers', 'IcmpInMsgs', 'IcmpInErrors', 'IcmpMsgInType100'],
  ],
  [
    'ICMP type 14',
    from4(14, 0, data(12)),
    ['IpInDelivers', 'IcmpInMsgs', 'IcmpInTimestampReps', 'IcmpMsgInType14'],
  ],
  ['an error about nobody', from4(3, 3, aboutOurs4), [...UNREACH4, 'IcmpInErrors']],
  ['an error that quotes 8 bytes', from4(3, 3, data(8)), [...UNREACH4, 'IcmpInErrors']],
  ['an error of code 99', from4(3, 99, aboutOurs4), UNREACH4],
  [
    'an echo to all',
    ip4({ dst: '10.0.0.255' }, icmp4({ type: 8 }, data(8))),
    [
      'IpInDelivers',
      'IpExtInBcastPkts',
      'IcmpInMsgs',
      'IcmpInErrors',
      'IcmpInEchos',
      'IcmpMsgInType8',
    ],
  ],
];

const CASES6: readonly [string, Bytes, readonly string[]][] = [
  ['10 bytes', ip6({}).slice(0, 10), ['Ip6InHdrErrors', '-ECT']],
  ['version 5', ip6({ version: 5 }, datagram6), ['Ip6InHdrErrors', '-ECT']],
  ['more than came', ip6({ payloadLen: 200 }, datagram6), ['Ip6InTruncatedPkts']],
  ['for another host', ip6({ dst: '2001:db8::99', next: UDP }, datagram6), ['Ip6InAddrErrors']],
  ['for a group nobody joined', ip6({ dst: 'ff02::99', next: UDP }, datagram6), ['Ip6InMcastPkts']],
  ['from a group', ip6({ src: 'ff02::1', next: UDP }, datagram6), ['Ip6InHdrErrors']],
  ['from loopback', ip6({ src: '::1', next: UDP }, datagram6), ['Ip6InHdrErrors']],
  ['to loopback', ip6({ dst: '::1', next: UDP }, datagram6), ['Ip6InHdrErrors']],
  ['to a group of scope 0', ip6({ dst: 'ff00::1', next: UDP }, datagram6), ['Ip6InHdrErrors']],
  ['no such protocol', ip6({ next: 200 }, data(8)), ['Ip6InUnknownProtos']],
  ['no next header', ip6({ next: 59 }, data(8)), ['Ip6InDelivers']],
  ['no port', ip6({ next: UDP }, datagram6), ['Ip6InDelivers', 'Udp6NoPorts']],
  [
    'hop-by-hop behind another',
    ip6({ next: 60 }, join([0, 0, 1, 4, 0, 0, 0, 0], [17, 0, 1, 4, 0, 0, 0, 0], datagram6)),
    ['Ip6InUnknownProtos'],
  ],
  [
    'an option that says discard',
    ip6({ next: 60 }, join([17, 0, 0x45, 4, 0, 0, 0, 0], datagram6)),
    ['Ip6InHdrErrors'],
  ],
  ['options cut off', ip6({ next: 60 }, join([17, 5, 1, 4, 0, 0, 0, 0])), ['Ip6InHdrErrors']],
  [
    'a fragment that is all',
    ip6({ next: 44 }, join(fragment6(UDP, 0, false, 1), datagram6)),
    ['Ip6InDelivers', 'Ip6ReasmReqds', 'Ip6ReasmOKs', 'Udp6NoPorts'],
  ],
  ['ICMPv6 type 200', from6(200, 0, data(8)), ['Ip6InDelivers', 'Icmp6InMsgs', 'Icmp6InType200']],
  ['an error about nobody', from6(1, 4, aboutOurs6), [...UNREACH6, 'Icmp6InErrors']],
  ['an error that quotes 8 bytes', from6(1, 4, data(8)), [...UNREACH6, 'Icmp6InErrors']],
  [
    'an unknown error about nobody',
    from6(100, 0, aboutOurs6),
    ['Ip6InDelivers', 'Icmp6InMsgs', 'Icmp6InErrors', 'Icmp6InType100'],
  ],
  [
    'packet too big, MTU 0',
    from6(2, 0, aboutOurs6),
    ['Ip6InDelivers', 'Icmp6InMsgs', 'Icmp6InErrors', 'Icmp6InPktTooBigs', 'Icmp6InType2'],
  ],
];

/** Not counted by a frame that comes in: octets, our own reasons, neighbours, the answer. */
const IS_BESIDE = /Octets$|^Ringway|^Arp|^Ndp|Out/;

function risen(h: NetHarness, packet: Bytes, type: number): string[] {
  const before = new Map(listCounters(h.net));
  h.give(packet, { type });
  const names: string[] = [];
  for (const [name, value] of listCounters(h.net)) {
    const by = value - (before.get(name) ?? 0);
    if (by !== 0 && !IS_BESIDE.test(name)) names.push(by === 1 ? name : `${by} ${name}`);
  }
  return names.sort();
}

function check(
  h: NetHarness,
  ct: Test,
  type: number,
  cases: typeof CASES4,
  receives: string,
  ect: string,
): void {
  for (const [what, packet, counters] of cases) {
    const wanted = [receives, ect, ...counters].filter(
      (name) => name !== '-ECT' && !(name === ect && counters.includes('-ECT')),
    );
    ct.same(risen(h, packet, type), wanted.sort(), what);
  }
}

dialogue('one IPv4 packet moves the counters that it moves on Linux', (ct, h) => {
  check(h, ct, 0x0800, CASES4, 'IpInReceives', 'IpExtInNoECTPkts');
});

dialogue('one IPv6 packet moves the counters that it moves on Linux', (ct, h) => {
  check(h, ct, 0x86dd, CASES6, 'Ip6InReceives', 'Ip6InNoECTPkts');
});
