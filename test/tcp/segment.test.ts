import fc from 'fast-check';
import t from 'tap';
import { Slab } from '../../src/base/slab.ts';
import { DROP } from '../../src/net/drops.ts';
import {
  FastOpenCookie,
  fastOpenOptionLen,
  NO_COOKIE,
  writeFastOpenOption,
} from '../../src/tcp/fast-open-option.ts';
import { parseSegment, Segment } from '../../src/tcp/segment.ts';
import { mayMove, STATE } from '../../src/tcp/tcp-state.ts';
import { seqBits, seqOf } from '../../src/wire/seq.ts';
import { TCP_FLAG, writeTcp } from '../../src/wire/tcp.ts';
import { holds } from '../support/property.ts';

const AT = 128;
const COOKIE = (len: number): number[] => Array.from({ length: len }, (_, i) => 0xa1 + i);

/** A segment with these option bytes (padded with END) and this much text. */
function parse(flags: number, options: readonly number[], text = 0): Segment {
  const slab = new Slab(4096);
  const padded = [...options, ...new Array<number>((4 - (options.length % 4)) % 4).fill(0)];
  const headerLen = 20 + padded.length;
  writeTcp(slab.dv, AT, 1000, 80, seqOf(-1), seqOf(5), headerLen, flags, 512, 7);
  slab.u8.set(padded, AT + 20);
  const seg = new Segment();
  t.equal(parseSegment(slab, AT, headerLen + text, seg), 0, 'it is well formed');
  return seg;
}

t.test('a segment occupies its text, its SYN and its FIN (RFC 9293 §3.4)', (t) => {
  const { SYN, FIN, ACK } = TCP_FLAG;
  for (const [flags, text, seqLen] of [
    [ACK, 0, 0],
    [ACK, 100, 100],
    [SYN, 0, 1],
    [FIN | ACK, 10, 11],
    [SYN | FIN, 3, 5],
  ] as const) {
    const seg = parse(flags, [], text);
    t.equal(seg.seqLen, seqLen, `flags ${flags}, ${text} bytes`);
    t.equal(seg.len, text);
    t.equal(seqBits(seg.end()), seqLen - 1, 'its end, across the wrap');
  }
  t.end();
});

t.test('the options of a SYN are read, in any order, among NOPs', (t) => {
  const ts = [8, 10, 0, 0, 0, 9, 0, 0, 0, 4];
  const seg = parse(TCP_FLAG.SYN, [2, 4, 5, 180, 4, 2, ...ts, 1, 3, 3, 7]);
  t.equal(seg.mss, 1460);
  t.ok(seg.hasMss && seg.isSackPermitted && seg.hasTimestamps && seg.hasWindowScale);
  t.equal(seg.tsVal, 9);
  t.equal(seg.tsEcr, 4);
  t.equal(seg.windowShift, 7);
  t.equal(parse(TCP_FLAG.SYN, [3, 3, 99]).windowShift, 14, 'RFC 7323 §2.3: more than 14 is 14');
  t.end();
});

t.test('what belongs into a SYN is not believed elsewhere, and the other way round', (t) => {
  const seg = parse(TCP_FLAG.ACK, [2, 4, 5, 180, 4, 2, 3, 3, 7, 34, 4, 1, 2]);
  t.notOk(seg.hasMss || seg.isSackPermitted || seg.hasWindowScale);
  t.equal(seg.cookieLen, -1);
  const syn = parse(TCP_FLAG.SYN, [5, 10, 0, 0, 0, 1, 0, 0, 0, 9]);
  t.equal(syn.sackBlocks, 0, 'SACK blocks in a SYN');
  t.end();
});

t.test('SACK blocks keep their order (RFC 2018 §3)', (t) => {
  const seg = parse(TCP_FLAG.ACK, [1, 1, 5, 18, 0, 0, 0, 9, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4]);
  t.equal(seg.sackBlocks, 2);
  t.same([...seg.sackEdges.subarray(0, 4)], [9, 12, 1, 4]);
  t.equal(parse(TCP_FLAG.ACK, [5, 9, 0, 0, 0, 9, 0, 0, 0]).sackBlocks, 0, 'half a block');
  t.end();
});

t.test('RFC 7413: a cookie request, a cookie, and the experimental form', (t) => {
  t.equal(parse(TCP_FLAG.SYN, [34, 2]).cookieLen, 0);
  t.equal(parse(TCP_FLAG.SYN, [34, 10, 1, 2, 3, 4, 5, 6, 7, 8]).cookieLen, 8);
  const experiment = parse(TCP_FLAG.SYN, [254, 8, 0xf9, 0x89, 1, 2, 3, 4]);
  t.equal(experiment.cookieLen, 4);
  t.ok(experiment.isCookieExperimental);
  t.equal(
    parse(TCP_FLAG.SYN, [254, 8, 0xf9, 0x88, 1, 2, 3, 4]).cookieLen,
    -1,
    'another experiment',
  );
  for (const len of [1, 2, 3, 5, 17, 18]) {
    t.equal(
      parse(TCP_FLAG.SYN, [34, 2 + len, ...COOKIE(len)]).cookieLen,
      NO_COOKIE,
      `${len} bytes`,
    );
  }
  t.end();
});

t.test('RFC 7413 §4.1.1: the option is written as it is read, in whole words', (t) => {
  const slab = new Slab(4096);
  const [sent, came] = [new FastOpenCookie(), new FastOpenCookie()];
  for (const isExperimental of [false, true]) {
    for (const len of [0, 4, 6, 8, 16]) {
      sent.bytes.set(COOKIE(len));
      sent.set(len, isExperimental);
      slab.u8.fill(0, AT, AT + 100);
      const end = writeFastOpenOption(slab.dv, AT + 20, sent);
      t.equal(end - AT - 20, fastOpenOptionLen(sent));
      t.equal((end - AT) % 4, 0);
      writeTcp(slab.dv, AT, 1, 2, seqOf(0), seqOf(0), end - AT, TCP_FLAG.SYN, 1, 0);
      const seg = new Segment();
      t.equal(parseSegment(slab, AT, end - AT, seg), 0);
      came.takeFrom(slab, seg);
      t.equal(came.len, len);
      t.equal(came.isExperimental, isExperimental);
      t.same([...came.bytes.subarray(0, len)], COOKIE(len));
      t.ok(sent.matches(slab, seg));
      if (len === 0) continue;
      sent.bytes[len - 1] = 0;
      t.notOk(sent.matches(slab, seg), 'another last byte');
    }
  }
  came.clear();
  t.equal(sent.copy(came).len, NO_COOKIE);
  t.end();
});

t.test('a header that cannot be is dropped', (t) => {
  const slab = new Slab(4096);
  const seg = new Segment();
  for (const [headerLen, len] of [
    [20, 19],
    [16, 40],
    [24, 20],
  ] as const) {
    writeTcp(slab.dv, AT, 1, 2, seqOf(0), seqOf(0), headerLen, TCP_FLAG.ACK, 1, 0);
    t.equal(parseSegment(slab, AT, len, seg), DROP.TCP_TRUNCATED, `${headerLen} of ${len} bytes`);
  }
  t.end();
});

t.test('random bytes: nothing is thrown, and what follows the segment changes nothing', (t) => {
  const slab = new Slab(4096);
  const a = new Segment();
  const b = new Segment();
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 80 });
  const property = fc.property(bytes, fc.integer({ min: 5, max: 15 }), (random, offset) => {
    for (const [seg, around] of [
      [a, 0],
      [b, 255],
    ] as const) {
      slab.u8.fill(around, AT, AT + 200);
      slab.u8.set(random, AT);
      if (random.length > 12) slab.u8[AT + 12] = offset << 4;
      seg.sackEdges.fill(0);
      seg.cookieOff = 0;
      parseSegment(slab, AT, random.length, seg);
      if (seg.len > random.length || seg.cookieLen > random.length) return false;
    }
    return random.length < 20 || JSON.stringify(a) === JSON.stringify(b);
  });
  holds(t, 'the same outcome', property, 2000);
  t.end();
});

t.test('RFC 9293 figure 5: the ways between states, and no others', (t) => {
  const S = STATE;
  const ways: readonly (readonly [number, number])[] = [
    [S.CLOSED, S.LISTEN],
    [S.CLOSED, S.SYN_SENT],
    [S.LISTEN, S.SYN_RECEIVED],
    [S.LISTEN, S.SYN_SENT],
    [S.SYN_SENT, S.SYN_RECEIVED],
    [S.SYN_SENT, S.ESTABLISHED],
    [S.SYN_RECEIVED, S.ESTABLISHED],
    [S.SYN_RECEIVED, S.FIN_WAIT_1],
    [S.SYN_RECEIVED, S.CLOSE_WAIT],
    [S.ESTABLISHED, S.FIN_WAIT_1],
    [S.ESTABLISHED, S.CLOSE_WAIT],
    [S.FIN_WAIT_1, S.FIN_WAIT_2],
    [S.FIN_WAIT_1, S.CLOSING],
    [S.FIN_WAIT_1, S.TIME_WAIT],
    [S.FIN_WAIT_2, S.TIME_WAIT],
    [S.CLOSING, S.TIME_WAIT],
    [S.CLOSE_WAIT, S.LAST_ACK],
  ];
  const states = Object.values(STATE);
  for (const from of states) {
    for (const to of states) {
      const isWay = to === S.CLOSED || ways.some(([a, b]) => a === from && b === to);
      t.equal(mayMove(from, to), isWay, `${from} → ${to}`);
    }
  }
  t.end();
});
