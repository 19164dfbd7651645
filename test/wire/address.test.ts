/** What an address is, and which belong together: RFC 1122 §3.2.1.3, RFC 2464, RFC 4291 §2.4–§2.8. */
import fc from 'fast-check';
import t from 'tap';
import {
  ALL_NODES6,
  ALL_ROUTERS6,
  addressEquals,
  IpAddress,
  isLimitedBroadcast,
  isLinkLocal6,
  isLinkScopeMulticast6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
  linkLocalOf,
  networkOf,
  prefixEquals,
  prefixMask,
  setSolicitedNode,
  writeV6,
} from '../../src/wire/address.ts';
import { formatAddress, parseAddress } from '../../src/wire/address-text.ts';
import { holds } from '../support/property.ts';

const ip = (text: string): IpAddress => parseAddress(text)!;

/** u unspecified, l loopback, m multicast, b broadcast, k link-local, s multicast of link scope, 4 IPv4. */
const KINDS: [string, string][] = [
  ['0.0.0.0', 'u4'],
  ['0.0.0.1', '4'],
  ['127.0.0.0', 'l4'],
  ['127.255.255.255', 'l4'],
  ['128.0.0.0', '4'],
  ['126.255.255.255', '4'],
  ['223.255.255.255', '4'],
  ['224.0.0.0', 'm4'],
  ['239.255.255.255', 'm4'],
  ['240.0.0.0', '4'],
  ['255.255.255.255', 'b4'],
  ['255.255.255.254', '4'],
  ['169.254.1.1', '4'],
  ['::', 'u'],
  ['::1', 'l'],
  ['::2', ''],
  ['1::1', ''],
  ['::ffff:ffff:ffff', 'b4'],
  ['ffff::ffff:ffff', 'm'],
  ['fe80::1', 'k'],
  ['febf:ffff::', 'k'],
  ['fec0::', ''],
  ['fe7f::', ''],
  ['feff::1', ''],
  ['ff00::', 'ms'],
  ['ff01::1', 'ms'],
  ['ff02::1', 'ms'],
  ['ff12::1', 'ms'],
  ['ff03::1', 'm'],
  ['ff05::1', 'm'],
  ['ff0e::1', 'm'],
];

t.test('RFC 1122 §3.2.1.3, RFC 4291 §2.4: what kind of address it is', async (t) => {
  for (const [text, kind] of KINDS) {
    const a = ip(text);
    const is = [
      isUnspecified(a) ? 'u' : '',
      isLoopback(a) ? 'l' : '',
      isMulticast(a) ? 'm' : '',
      isLimitedBroadcast(a) ? 'b' : '',
      isLinkLocal6(a) ? 'k' : '',
      isLinkScopeMulticast6(a) ? 's' : '',
      isV4(a) ? '4' : '',
    ];
    t.equal(is.join(''), kind, text);
  }
});

t.test('RFC 4291 §2.7.1: the solicited-node group has the last 24 bits', async (t) => {
  const group = (text: string) => formatAddress(setSolicitedNode(new IpAddress(), ip(text)));
  t.equal(group('2001:db8::1'), 'ff02::1:ff00:1');
  t.equal(group('fe80::2ff:feab:cdef'), 'ff02::1:ffab:cdef');
  t.equal(group('::ffff:ffff:ffff'), 'ff02::1:ffff:ffff');
  t.equal(formatAddress(ALL_NODES6), 'ff02::1');
  t.equal(formatAddress(ALL_ROUTERS6), 'ff02::2');
});

t.test('RFC 2464 §4, §5: the link-local address has the modified EUI-64 of the MAC', async (t) => {
  t.equal(formatAddress(linkLocalOf(0x3456, 0x789abcde | 0)), 'fe80::3656:78ff:fe9a:bcde');
  t.equal(formatAddress(linkLocalOf(0x0200, 1)), 'fe80::ff:fe00:1');
  t.equal(formatAddress(linkLocalOf(0, 0)), 'fe80::200:ff:fe00:0');
  t.equal(formatAddress(linkLocalOf(0xffff, -1)), 'fe80::fdff:ffff:feff:ffff');
});

const address = fc
  .tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer())
  .map(([a, b, c, d]) => new IpAddress().set(a, b, c, d));

/** The same, bit by bit. */
const bitsOf = (a: IpAddress): string =>
  [a.w0, a.w1, a.w2, a.w3].map((w) => (w >>> 0).toString(2).padStart(32, '0')).join('');

t.test('prefixes of every length are compared bit by bit', async (t) => {
  for (let bits = -1; bits <= 33; bits++) {
    const expected = '1'.repeat(Math.min(32, Math.max(0, bits))).padEnd(32, '0');
    t.equal((prefixMask(bits) >>> 0).toString(2).padStart(32, '0'), expected, `${bits}`);
  }
  holds(
    t,
    'equal up to a bit, and not beyond it',
    fc.property(address, fc.nat({ max: 127 }), (a, differs) => {
      const b = new IpAddress().copy(a);
      const flip = 1 << (31 - (differs & 31));
      if (differs < 32) b.w0 ^= flip;
      else if (differs < 64) b.w1 ^= flip;
      else if (differs < 96) b.w2 ^= flip;
      else b.w3 ^= flip;
      const isRight = Array.from({ length: 129 }, (_, n) => prefixEquals(a, b, n) === n <= differs);
      return isRight.every(Boolean) && !addressEquals(a, b) && addressEquals(a, ip('::').copy(a));
    }),
  );
  holds(
    t,
    'a network has the bits of the prefix and zeros',
    fc.property(address, fc.nat({ max: 128 }), (a, n) => {
      return bitsOf(networkOf(a, n)) === bitsOf(a).slice(0, n).padEnd(128, '0');
    }),
  );
});

t.test('addresses are read from a packet as they were written', async (t) => {
  const dv = new DataView(new ArrayBuffer(40));
  holds(
    t,
    'IPv6 and IPv4, at any offset',
    fc.property(address, fc.nat({ max: 24 }), (a, o) => {
      writeV6(a, dv, o);
      const [six, four] = [new IpAddress(), new IpAddress()];
      six.readV6(dv, o);
      four.readV4(dv, o + 12);
      return addressEquals(a, six) && isV4(four) && four.w3 === a.w3;
    }),
  );
});
