/** Addresses as people write them: RFC 4291 §2.2, RFC 5952. Node's own parser is the judge where it can be. */
import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { addressEquals, IpAddress, isV4 } from '../../src/wire/address.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { holds } from '../support/property.ts';

/** Words in which runs of zeros are frequent: that is where the forms differ. */
const word = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.constant(0x10000), fc.integer());
const v6 = fc.tuple(word, word, word, word).map(([a, b, c, d]) => new IpAddress().set(a, b, c, d));
const v4 = fc.integer().map((w) => new IpAddress().setV4(w));

t.test('every address is read back from what is written', async (t) => {
  holds(
    t,
    'IPv6 and mapped IPv4',
    fc.property(v6, (a) => addressEquals(parseAddress(formatAddress(a))!, a)),
    5000,
  );
  holds(
    t,
    'IPv4',
    fc.property(v4, (a) => addressEquals(parseAddress(formatAddress(a))!, a)),
  );
});

t.test('RFC 5952: what is written is the one form that URL standards agree on', async (t) => {
  // WHATWG URLs write IPv6 in the form of RFC 5952 §4, mapped addresses in hexadecimal.
  holds(
    t,
    'as in a URL',
    fc.property(
      v6,
      (a) =>
        isV4(a) || new URL(`http://[${formatAddress(a)}]/`).hostname === `[${formatAddress(a)}]`,
    ),
    5000,
  );
});

const FORMS: [string, string][] = [
  ['0:0:0:0:0:0:0:0', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0db8::0001', '2001:db8::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['fe80:0:0:0:0:0:0:0', 'fe80::'],
  ['0:0:0:0:0:0:1:0', '::1:0'],
  ['1:0:0:0:0:0:0:0', '1::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['0:0:0:0:0:ffff:255.255.255.255', '255.255.255.255'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['10.0.0.1', '10.0.0.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
];

t.test(
  'RFC 5952 §4: lower case, no leading zeros, the longest run of zeros shortened, the first of equals',
  async (t) => {
    for (const [from, to] of FORMS) t.equal(formatAddress(parseAddress(from)!), to, from);
  },
);

const NONE = [
  ...[
    '',
    ' ',
    ':',
    ':::',
    '1',
    '1:2',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.04',
    '0x1.2.3.4',
    '1.2.3.-4',
  ],
  ...[
    '1..2.3',
    '.1.2.3.4',
    '1.2.3.4.',
    '1.2.3.4 ',
    ' ::1',
    '::1 ',
    '1::2::3',
    '12345::',
    'g::',
    '::g',
    '-1::',
  ],
  ...[
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8',
  ],
  ...[
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '1::2:',
    ':1::2',
    '::1.2.3',
    '::1.2.3.256',
    '1.2.3.4::',
    '::1.2.3.4:5',
  ],
  ...['1:2:3:4:5:6:7:1.2.3.4', 'fe80::1%eth0', '[::1]', '::1/64', '::ffff:1.2.3.4.5', '٣.0.0.1'],
];

t.test('what is no address is not read as one', async (t) => {
  for (const text of NONE) t.equal(parseAddress(text), null, JSON.stringify(text));
});

t.test('the same texts are addresses to us and to Node', async (t) => {
  const part = fc.constantFrom(
    '0',
    '1',
    'ff',
    'FFFF',
    '00',
    '12345',
    '',
    '1.2.3.4',
    '256',
    '.',
    'g',
  );
  const text = fc
    .array(part, { minLength: 1, maxLength: 9 })
    .chain((parts) => fc.constantFrom(':', '.').map((separator) => parts.join(separator)));
  holds(
    t,
    'valid or not',
    fc.property(text, (s) => (parseAddress(s) !== null) === (isIPv4(s) || isIPv6(s))),
    20000,
  );
  holds(
    t,
    'any text at all',
    fc.property(
      fc.string(),
      (s) => (parseAddress(s) !== null) === (isIPv4(s) || (isIPv6(s) && !s.includes('%'))),
    ),
    2000,
  );
});

const PREFIXES: [string, string | null, number][] = [
  ['10.0.0.1/24', '10.0.0.1', 24],
  ['10.0.0.1', '10.0.0.1', 32],
  ['10.0.0.1/0', '10.0.0.1', 0],
  ['fe80::1/64', 'fe80::1', 64],
  ['::/0', '::', 0],
  ['::1', '::1', 128],
  ['10.0.0.1/33', null, 0],
  ['::/129', null, 0],
  ['10.0.0.1/', null, 0],
  ['10.0.0.1/-1', null, 0],
  ['10.0.0.1/+8', null, 0],
  ['10.0.0.1/8x', null, 0],
  ['10.0.0.1/24/2', null, 0],
  ['/24', null, 0],
];

t.test('prefixes: an address, a slash, a length within its family', async (t) => {
  for (const [text, address, bits] of PREFIXES) {
    const prefix = parsePrefix(text);
    if (address === null) t.equal(prefix, null, text);
    else t.same([formatAddress(prefix!.address), prefix!.bits], [address, bits], text);
  }
});
