/** Sequence arithmetic on the circle, the TCP header byte by byte, and options of any length. */
import fc from 'fast-check';
import t from 'tap';
import * as seq from '../../src/wire/seq.ts';
import * as tcp from '../../src/wire/tcp.ts';
import { holds } from '../support/property.ts';

const CORNERS = [0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff];

t.test('RFC 9293 §3.4: order and distance hold all around the circle', async (t) => {
  for (const corner of CORNERS) {
    const a = seq.seqOf(corner);
    t.equal(seq.seqText(a), String(corner));
    t.ok(seq.seqEq(a, seq.seqOf(corner - 4294967296)), 'one value, signed or not');
    t.ok(seq.seqLe(a, a) && seq.seqGe(a, a) && !seq.seqLt(a, a) && !seq.seqGt(a, a));
    for (const step of [1, 1460, 65535, 1 << 30, 0x7fffffff]) {
      const b = seq.seqAdd(a, step);
      t.equal(seq.seqDiff(b, a), step);
      t.equal(seq.seqDiff(a, b), -step);
      t.ok(seq.seqLt(a, b) && seq.seqLe(a, b) && seq.seqGt(b, a) && seq.seqGe(b, a));
      t.ok(seq.seqEq(seq.seqMax(a, b), b) && seq.seqEq(seq.seqMax(b, a), b));
      t.ok(seq.seqEq(seq.seqMin(a, b), a) && seq.seqEq(seq.seqMin(b, a), a));
      t.ok(seq.seqEq(seq.seqAdd(b, -step), a));
    }
  }
});

t.test('a sequence number is an int32, never a boxed number', async (t) => {
  for (const corner of CORNERS) {
    const bits = seq.seqBits(seq.seqAdd(seq.seqOf(corner), 0x7fffffff));
    t.equal(bits, bits | 0);
  }
});

const HEADER = '1f90 c001 fffffffe 80000001 7 1 12 abcd 1234 0042 01 01 02 04 05 b4 00 00';

t.test('RFC 9293 §3.1: the header', async (t) => {
  const bytes = Uint8Array.from(HEADER.replace(/ /g, '').match(/../g)!, (x) =>
    Number.parseInt(x, 16),
  );
  const all = new Uint8Array(bytes.length + 10).fill(0xee);
  all.set(bytes, 5);
  const dv = new DataView(all.buffer);
  t.same([tcp.tcpSrcPort(dv, 5), tcp.tcpDstPort(dv, 5)], [8080, 0xc001]);
  t.equal(seq.seqText(tcp.tcpSeq(dv, 5)), '4294967294');
  t.equal(seq.seqText(tcp.tcpAck(dv, 5)), '2147483649');
  t.equal(tcp.tcpDataOffset(dv, 5), 28);
  t.equal(tcp.tcpFlags(dv, 5), tcp.TCP_FLAG.AE | tcp.TCP_FLAG.ACK | tcp.TCP_FLAG.SYN);
  t.equal(tcp.tcpReserved(dv, 5), 0);
  t.same(
    [tcp.tcpWindow(dv, 5), tcp.tcpChecksum(dv, 5), tcp.tcpUrgent(dv, 5)],
    [0xabcd, 0x1234, 0x42],
  );

  const copy = new Uint8Array(40).fill(0xee);
  const out = new DataView(copy.buffer);
  tcp.writeTcp(
    out,
    5,
    ...([8080, 0xc001, seq.seqOf(-2), seq.seqOf(0x80000001), 28, 0x112, 0xabcd, 0x42] as const),
  );
  t.equal(tcp.tcpChecksum(out, 5), 0, 'the checksum is for the caller');
  tcp.setTcpChecksum(out, 5, 0x1234);
  t.same(copy.subarray(5, 25), bytes.subarray(0, 20));
  t.same([...copy.subarray(0, 5), ...copy.subarray(25)], new Array(20).fill(0xee));
  out.setUint8(5 + 12, 0x5e);
  t.equal(tcp.tcpReserved(out, 5), 7);
  t.equal(tcp.tcpDataOffset(out, 5), 20);
});

const OPTION_LENGTHS: readonly (readonly [string, readonly number[], number])[] = [
  ['end of options', [0], 1],
  ['no-operation, whatever follows', [1, 0xff], 1],
  ['MSS', [2, 4, 5, 0xb4], 4],
  ['an option with no value', [4, 2], 2],
  ['a kind with no length byte', [2], 0],
  ['length 0', [2, 0, 0, 0], 0],
  ['length 1', [2, 1, 0, 0], 0],
  ['a length past the end', [2, 5, 0, 0], 0],
  ['length 255', [8, 255, 0, 0], 0],
  ['nothing left', [], 0],
];

t.test('MUST-7: an option is as long as it says, or the walk ends', async (t) => {
  for (const [what, bytes, len] of OPTION_LENGTHS) {
    const dv = new DataView(Uint8Array.from([...bytes, 4, 4, 4, 4]).buffer);
    t.equal(tcp.tcpOptionLen(dv, 0, bytes.length), len, what);
  }
});

t.test('walking over random options never leaves them and always ends', async (t) => {
  holds(
    t,
    'no read at or beyond the end',
    fc.property(fc.uint8Array({ maxLength: tcp.TCP_MAX_OPTIONS_LEN }), (bytes) => {
      // Exactly as long as the options: a read beyond throws.
      const dv = new DataView(bytes.slice().buffer);
      let at = 0;
      for (let steps = 0; ; steps++) {
        const len = tcp.tcpOptionLen(dv, at, bytes.length);
        if (len === 0) return at <= bytes.length;
        at += len;
        if (at > bytes.length || steps > bytes.length) return false;
      }
    }),
    2000,
  );
});
