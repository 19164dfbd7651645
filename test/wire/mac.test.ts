import fc from 'fast-check';
import t from 'tap';
import { MacAddress } from '../../src/wire/mac.ts';
import { holds } from '../support/property.ts';

t.test('a MAC address reads back as it was written', (t) => {
  const property = fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
    const text = [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(':');
    const mac = MacAddress.parse(text);
    if (mac === null || mac.toString() !== text) return false;
    const view = new DataView(bytes.buffer);
    const isSame = mac.high === view.getUint16(0) && mac.low === view.getInt32(2);
    const isZero = bytes.every((b) => b === 0);
    return isSame && mac.isGroup === ((bytes[0]! & 1) === 1) && mac.isZero === isZero;
  });
  holds(t, 'all addresses', property, 500);
  t.end();
});

t.test('the ways to write one', (t) => {
  const table: [string, string | null][] = [
    ['02:00:00:00:00:01', '02:00:00:00:00:01'],
    ['2:0:0:0:0:1', '02:00:00:00:00:01'],
    ['AA-BB-cc-dd-EE-ff', 'aa:bb:cc:dd:ee:ff'],
    ['ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff'],
    ['', null],
    ['02:00:00:00:00', null],
    ['02:00:00:00:00:01:02', null],
    ['02:00:00:00:00:100', null],
    ['02:00:00:00:00:0g', null],
    ['020000000001', null],
    ['02:00:00:00:00:01 ', null],
  ];
  for (const [text, expected] of table) {
    t.equal(MacAddress.parse(text)?.toString() ?? null, expected, JSON.stringify(text));
  }
  t.end();
});

t.test('zero and group addresses are told apart', (t) => {
  t.equal(new MacAddress(0, 0).isZero, true);
  t.equal(new MacAddress(0, 1).isZero, false);
  t.equal(new MacAddress(0x0200, 0).isZero, false);
  t.equal(new MacAddress(0x3333, 1).isGroup, true);
  t.equal(new MacAddress(0x0200, 0x01000000).isGroup, false);
  t.strictSame(
    [new MacAddress(-1, 2 ** 32 - 1).high, new MacAddress(0, 2 ** 32 - 1).low],
    [0xffff, -1],
  );
  t.end();
});
