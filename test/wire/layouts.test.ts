/** Byte layouts against packets written out by hand from the RFCs' pictures. */
import t from 'tap';
import { IpAddress } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import * as arp from '../../src/wire/arp.ts';
import * as eth from '../../src/wire/ethernet.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as ndp from '../../src/wire/ndp.ts';
import * as udp from '../../src/wire/udp.ts';

/** Bytes at an odd place of a buffer that is full of something else. */
function at(hex: string): { dv: DataView; o: number } {
  const bytes = Uint8Array.from(hex.replace(/\s/g, '').match(/../g)!, (x) =>
    Number.parseInt(x, 16),
  );
  const all = new Uint8Array(bytes.length + 20).fill(0xee);
  all.set(bytes, 7);
  return { dv: new DataView(all.buffer), o: 7 };
}

/** What a writer leaves, with nothing touched around it. */
function written(len: number, write: (dv: DataView, o: number) => void): string {
  const all = new Uint8Array(len + 20).fill(0xee);
  write(new DataView(all.buffer), 7);
  const around = [...all.subarray(0, 7), ...all.subarray(7 + len)];
  const outside = around.every((b) => b === 0xee) ? '' : ' and beyond';
  return (
    Array.from(all.subarray(7, 7 + len), (b) => b.toString(16).padStart(2, '0')).join('') + outside
  );
}

t.test('Ethernet II: destination, source, type', async (t) => {
  const hex = 'ffffffffffff 0200deadbeef 86dd';
  const { dv, o } = at(hex);
  t.same([eth.ethDstHigh(dv, o), eth.ethDstLow(dv, o)], [0xffff, -1]);
  t.same([eth.ethSrcHigh(dv, o), eth.ethSrcLow(dv, o)], [0x0200, 0xdeadbeef | 0]);
  t.equal(eth.ethType(dv, o), eth.ETHERTYPE_IPV6);
  const copy = written(14, (d, p) =>
    eth.writeEthernet(d, p, 0xffff, -1, 0x0200, 0xdeadbeef | 0, 0x86dd),
  );
  t.equal(copy, hex.replace(/ /g, ''));
});

t.test('RFC 826: ARP for IPv4 over Ethernet', async (t) => {
  const hex = '0001 0800 06 04 0002 020000000001 c0000201 fe0000000002 c0000202';
  const { dv, o } = at(hex);
  t.ok(arp.arpIsEthernetIpv4(dv, o));
  t.equal(arp.arpOperation(dv, o), arp.ARP_REPLY);
  t.same(
    [arp.arpSenderHigh(dv, o), arp.arpSenderLow(dv, o), arp.arpSenderIp(dv, o)],
    [0x0200, 1, 0xc0000201 | 0],
  );
  t.same(
    [arp.arpTargetHigh(dv, o), arp.arpTargetLow(dv, o), arp.arpTargetIp(dv, o)],
    [0xfe00, 2, 0xc0000202 | 0],
  );
  const copy = written(28, (d, p) =>
    arp.writeArp(d, p, 2, 0x0200, 1, 0xc0000201, 0xfe00, 2, 0xc0000202),
  );
  t.equal(copy, hex.replace(/ /g, ''));
});

t.test('RFC 791 §3.1: the IPv4 header, its checksum complete', async (t) => {
  // The example of RFC 1071's descendants: 45 00 00 73 … b8 61.
  const hex = '4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7';
  const { dv, o } = at(hex);
  t.same([ipv4.ipVersion(dv, o), ipv4.ipv4HeaderLen(dv, o), ipv4.ipv4Tos(dv, o)], [4, 20, 0]);
  t.same([ipv4.ipv4TotalLen(dv, o), ipv4.ipv4Id(dv, o)], [0x73, 0]);
  t.same(
    [ipv4.ipv4Frag(dv, o), ipv4.ipv4Ttl(dv, o), ipv4.ipv4Protocol(dv, o)],
    [ipv4.IPV4_DF, 64, 17],
  );
  t.same(
    [ipv4.ipv4Checksum(dv, o), ipv4.ipv4Src(dv, o), ipv4.ipv4Dst(dv, o)],
    [0xb861, 0xc0a80001 | 0, 0xc0a800c7 | 0],
  );
  const copy = written(20, (d, p) =>
    ipv4.writeIpv4(d, p, 0, 0x73, 0, 0x4000, 64, 17, 0xc0a80001 | 0, 0xc0a800c7 | 0),
  );
  t.equal(copy, hex.replace(/ /g, ''));
  const marked = at('4fb9 ffff abcd 3fff ff01 0000 ffffffff e0000001');
  t.same([ipv4.ipv4HeaderLen(marked.dv, 7), ipv4.ipv4Tos(marked.dv, 7)], [60, 0xb9]);
  t.equal(ipv4.ipv4Frag(marked.dv, 7), ipv4.IPV4_MF | ipv4.IPV4_OFFSET_MASK);
});

t.test('RFC 791 §3.1: the checksum is right for every header', async (t) => {
  let seed = 1;
  const next = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) | 0;
    return ((seed >>> 8) % n) | 0;
  };
  const dv = new DataView(new ArrayBuffer(20));
  for (let i = 0; i < 2000; i++) {
    const word = (): number => (next(65536) << 16) | next(65536);
    ipv4.writeIpv4(
      dv,
      0,
      next(256),
      next(65536),
      next(65536),
      next(65536),
      next(256),
      next(256),
      word(),
      word(),
    );
    let sum = 0;
    for (let o = 0; o < 20; o += 2) sum += dv.getUint16(o);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    if (sum !== 0xffff) t.fail(`header ${i}`);
  }
  t.pass('2,000 of them');
});

t.test('RFC 8200 §3: the IPv6 header', async (t) => {
  const hex =
    '6ab cdef0 1234 3a ff 20010db8000000000000000000000001 fe800000000000000000000000000002';
  const { dv, o } = at(hex);
  t.equal(ipv4.ipVersion(dv, o), 6);
  t.same([ipv6.ipv6TrafficClass(dv, o), ipv6.ipv6FlowLabel(dv, o)], [0xab, 0xcdef0]);
  t.same(
    [ipv6.ipv6PayloadLen(dv, o), ipv6.ipv6NextHeader(dv, o), ipv6.ipv6HopLimit(dv, o)],
    [0x1234, 58, 255],
  );
  const [src, dst] = [new IpAddress(), new IpAddress()];
  src.readV6(dv, o + ipv6.IPV6_SRC);
  dst.readV6(dv, o + ipv6.IPV6_DST);
  t.same([src, dst], [parseAddress('2001:db8::1'), parseAddress('fe80::2')]);
  const copy = written(40, (d, p) =>
    ipv6.writeIpv6(d, p, 0xab, 0xcdef0, 0x1234, 58, 255, src, dst),
  );
  t.equal(copy, hex.replace(/ /g, ''));
});

t.test('RFC 8200 §4.3–§4.5: extension headers', async (t) => {
  const options = at('3c 02');
  t.same([ipv6.extNextHeader(options.dv, 7), ipv6.extLen(options.dv, 7)], [60, 24]);
  const routing = at('06 00 04 03');
  t.same([ipv6.routingType(routing.dv, 7), ipv6.routingSegmentsLeft(routing.dv, 7)], [4, 3]);
  const fragment = at('11 00 05a9 89abcdef');
  t.equal(ipv6.frag6Offset(fragment.dv, 7), 0x5a8);
  t.equal(ipv6.frag6More(fragment.dv, 7), 1);
  t.equal(ipv6.frag6Id(fragment.dv, 7), 0x89abcdef | 0);
  const copy = written(8, (d, p) => ipv6.writeFragmentHeader(d, p, 17, 0x5a8, 1, 0x89abcdef));
  t.equal(copy, '110005a989abcdef');
  const reserved = at('11 ff 0006 00000001');
  t.same(
    [ipv6.frag6Offset(reserved.dv, 7), ipv6.frag6More(reserved.dv, 7)],
    [0, 0],
    'reserved bits do not count',
  );
  t.same(
    [0, 43, 44, 60, 50, 51, 58, 59, 6].map((n) => ipv6.isExtensionHeader(n)),
    [true, true, true, true, false, false, false, false, false],
  );
});

t.test('RFC 792, RFC 4443: ICMP', async (t) => {
  const { dv, o } = at('03 04 abcd 1234 05dc');
  t.same([icmp.icmpType(dv, o), icmp.icmpCode(dv, o), icmp.icmpChecksum(dv, o)], [3, 4, 0xabcd]);
  t.same(
    [icmp.icmpId(dv, o), icmp.icmpSeq(dv, o), icmp.icmpNextHopMtu(dv, o)],
    [0x1234, 1500, 1500],
  );
  t.equal(icmp.icmpRest(dv, o), 0x123405dc);
  t.equal(
    written(8, (d, p) => icmp.writeIcmp(d, p, 3, 4, 0x123405dc)),
    '03040000123405dc',
  );
  const errors4 = Array.from({ length: 256 }, (_, i) => i).filter(icmp.isIcmp4Error);
  t.same(errors4, [3, 4, 5, 11, 12]);
  t.ok(icmp.isIcmp6Error(127) && !icmp.isIcmp6Error(128));
});

t.test('RFC 4861 §4.4, §4.6: flags and options of neighbour discovery', async (t) => {
  const { dv, o } = at('88 00 0000 e0000000');
  t.equal(ndp.ndpFlags(dv, o), ndp.NA_ROUTER | ndp.NA_SOLICITED | ndp.NA_OVERRIDE);
  const option = at('02 01 020000000005');
  t.same([ndp.ndpOptType(option.dv, 7), ndp.ndpOptLen(option.dv, 7)], [ndp.NDP_OPT_TARGET_LINK, 8]);
  t.equal(
    written(8, (d, p) => ndp.writeLinkOption(d, p, 2, 0x0200, 5)),
    '0201020000000005',
  );
});

t.test('RFC 768: UDP', async (t) => {
  const { dv, o } = at('1388 0035 0011 beef');
  t.same(
    [udp.udpSrcPort(dv, o), udp.udpDstPort(dv, o), udp.udpLen(dv, o), udp.udpChecksum(dv, o)],
    [5000, 53, 17, 0xbeef],
  );
  t.equal(
    written(8, (d, p) => udp.writeUdp(d, p, 5000, 53, 17, 0xbeef)),
    '138800350011beef',
  );
});
