/** TCP options: notation, list and bytes. */
import fc from 'fast-check';
import t from 'tap';
import { packetText } from '../../../src/sim/packetdrill/packet-text.ts';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import type { TcpPacket } from '../../../src/sim/packetdrill/script.ts';
import {
  optionsLength,
  readOptions,
  writeOptions,
} from '../../../src/sim/packetdrill/tcp-options.ts';
import { holds } from '../../support/property.ts';

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

t.test('options: bytes to a list and back lose nothing', async (t) => {
  holds(
    t,
    'the bytes are the same',
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const list = readOptions(new DataView(bytes.slice().buffer), 0, bytes.length);
      const copy = new Uint8Array(optionsLength(list));
      writeOptions(new DataView(copy.buffer), 0, list);
      return hex(copy) === hex(bytes);
    }),
    2000,
  );
  const line =
    '> . 1:1(0) ack 1 <mss 1,wscale 2,sackOK,nop,eol,FO 01,FOEXP 0203,ECN e0b 1 ceb 2,nop,nop,nop,nop>';
  const packet = parseScript('x.pkt', `0 ${line}`).events[0]!.action as TcpPacket;
  const list = packet.options!;
  const bytes = new Uint8Array(optionsLength(list));
  writeOptions(new DataView(bytes.buffer), 0, list);
  t.equal(
    hex(bytes),
    '02040001' +
      '030302' +
      '0402' +
      '01' +
      '00' +
      '220301' +
      'fe06f9890203' +
      'ac08000001000002' +
      '01010101',
  );
  t.same(readOptions(new DataView(bytes.buffer), 0, bytes.length), list);
  t.equal(packetText(packet), line);
});
