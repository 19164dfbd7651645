/** Segments that no TCP sends, to a port where somebody listens and to one where nobody does. */
import { type Bytes, data, ip4, ip6 } from '../net/packets.ts';
import type { Ends } from './answer-text.ts';
import { type Probe, type Segment, tcpSegment } from './probe.ts';

const TCP = 6;
const SYN = 2;
const RST = 4;
const OPEN = 80;
const CLOSED = 79;
/** MSS, SACK permitted, timestamps, and a window scale of 255. */
const ALL = [4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 255];

let lastPort = 20000;

export function* tcpProbes(e: Ends, isV4: boolean): Generator<Probe> {
  yield* flags(e, isV4);
  yield* options(e, isV4);
  for (const [name, more] of [
    ['a wrong checksum', { badChecksum: true }],
    ['urgent', { flags: 0x22, urgent: 5 }],
    ['text', { text: data(100) }],
    ['sequence 0xffffffff', { seq: 0xffffffff }],
    ['port 0 as its source', { from: 0 }],
    ['its own port as its source', { from: OPEN }],
  ] as const) {
    yield probe(e, isV4, `a SYN with ${name}`, more);
  }
}

/** The segment, and a reset for what it has opened. */
function probe(
  e: Ends,
  isV4: boolean,
  name: string,
  more: Partial<Segment>,
  tos: number = 0,
): Probe {
  const [src, dst] = isV4 ? [e.us4, e.them4] : [e.us6, e.them6];
  const s: Segment = { from: ++lastPort, to: OPEN, flags: SYN, seq: 1000, ...more };
  const over = { from: s.from, to: s.to, flags: RST, seq: (s.seq! + 1) >>> 0 };
  const packet = (segment: Bytes): Bytes =>
    isV4
      ? ip4({ src, dst, protocol: TCP, tos, id: 1 }, segment)
      : ip6({ src, dst, next: TCP, tc: tos }, segment);
  return {
    name: `${isV4 ? 'IPv4' : 'IPv6'}: ${name}`,
    packets: [packet(tcpSegment(src, dst, s)), packet(tcpSegment(src, dst, over))],
  };
}

function* flags(e: Ends, isV4: boolean): Generator<Probe> {
  for (const to of [CLOSED, OPEN]) {
    const port = to === OPEN ? 'an open port' : 'a closed port';
    for (let bits = 0; bits < 256; bits++) {
      yield probe(e, isV4, `flags ${bits} to ${port}`, { to, flags: bits });
      yield probe(e, isV4, `flags ${bits}, an ACK, to ${port}`, { to, flags: bits, ack: 5000 });
      yield probe(e, isV4, `flags ${bits}, text, to ${port}`, { to, flags: bits, text: data(8) });
    }
    for (let i = 0; i < 16; i++) {
      yield probe(e, isV4, `a SYN to ${port}, data offset ${i}`, { to, offset: i });
      yield probe(e, isV4, `a SYN to ${port}, reserved ${i}`, { to, reserved: i });
    }
    for (const tos of [0, 1, 2, 3, 0x10, 0xb8, 0xff]) {
      yield probe(e, isV4, `a SYN to ${port}, TOS ${tos}`, { to }, tos);
      yield probe(e, isV4, `a SYN with ECN to ${port}, TOS ${tos}`, { to, flags: 0xc2 }, tos);
    }
  }
}

function* options(e: Ends, isV4: boolean): Generator<Probe> {
  for (let kind = 0; kind < 256; kind++) {
    for (const len of [0, 2, 3, 4, 10, 18]) {
      const option = new Array<number>(Math.max(4, len)).fill(7);
      option.splice(0, 2, kind, len);
      yield probe(e, isV4, `a SYN with option ${kind}, length ${len}`, { options: option });
    }
  }
  for (const mss of [0, 1, 47, 48, 88, 535, 536, 1459, 1460, 1461, 9000, 65535]) {
    const option = [2, 4, mss >> 8, mss & 255];
    yield probe(e, isV4, `a SYN with MSS ${mss}`, { options: option });
    yield probe(e, isV4, `a SYN with MSS ${mss} and all options`, { options: [...option, ...ALL] });
  }
}
