/** What nobody sends who means well, over IPv6: each probe a name and the packets. */
import {
  type Bytes,
  data,
  echo6,
  fragment6,
  type Ip6,
  icmp6,
  ip6,
  join,
  optionsHeader,
  routing,
  udp,
} from '../net/packets.ts';
import type { Ends } from './answer-text.ts';
import { type Probe, tcpSegment } from './probe.ts';

const HOP = 0;
const TCP = 6;
const UDP = 17;
const ROUTING = 43;
const FRAGMENT = 44;
const ICMP = 58;
const DESTINATION = 60;

let lastId = 1;

export function* probes6(e: Ends): Generator<Probe> {
  yield* nextHeaders(e);
  yield* options(e);
  yield* optionCounts(e);
  yield* chains(e);
  yield* cuts(e);
  yield* fragments(e);
  yield* messages(e);
  yield* headers(e);
}

const from = (e: Ends, h: Ip6 = {}): Ip6 => ({ src: e.us6, dst: e.them6, ...h });
const ping = (e: Ends, length = 16): Bytes =>
  icmp6({ type: 128, rest: 0x00070001 }, data(length), e.us6, e.them6);

function* nextHeaders(e: Ends): Generator<Probe> {
  for (let next = 0; next < 256; next++) {
    for (const size of [0, 4, 8, 64]) {
      const packets = [ip6(from(e, { next }), new Uint8Array(size))];
      yield { name: `next header ${next}, ${size} zeros`, packets };
    }
  }
}

function* options(e: Ends): Generator<Probe> {
  for (const header of [HOP, DESTINATION]) {
    for (let type = 0; type < 256; type++) {
      for (const len of [0, 2, 4, 6]) {
        const option = [type, len, ...new Array<number>(len).fill(0)];
        const packet = join(optionsHeader(ICMP, option), ping(e));
        const name = `header ${header}, option ${type}, ${len} bytes`;
        yield { name, packets: [ip6(from(e, { next: header }), packet)] };
      }
    }
    for (const [name, bytes] of [
      ['an option beyond the end', [0x1e, 5, 0, 0, 0, 0]],
      ['an option without its length', [1, 3, 0, 0, 0, 0x1e]],
      ['padding that is not zero', [1, 4, 0, 0, 1, 0]],
      ['two paddings in a row', [1, 1, 0, 1, 1, 0]],
      ['a jumbo payload of 70000', [0xc2, 4, 0, 1, 0x11, 0x70]],
      ['a jumbo payload of 65535', [0xc2, 4, 0, 0, 0xff, 0xff]],
      ['a router alert', [5, 2, 0, 0, 1, 0]],
      ['two router alerts', [5, 2, 0, 0, 5, 2, 0, 0, 1, 4, 0, 0, 0, 0]],
    ] as const) {
      const packet = join([ICMP, bytes.length >> 3], [...bytes], ping(e));
      yield {
        name: `header ${header}: ${name}`,
        packets: [ip6(from(e, { next: header }), packet)],
      };
      const zero = ip6(from(e, { next: header, payloadLen: 0 }), packet);
      yield { name: `header ${header}: ${name}, payload length 0`, packets: [zero] };
    }
  }
}

/** RFC 8504 §5.3: how many options, and how much padding, a host puts up with. */
function* optionCounts(e: Ends): Generator<Probe> {
  for (const header of [HOP, DESTINATION]) {
    for (const count of [1, 7, 8, 9, 16, 100]) {
      const known = new Array<number[]>(count).fill([0x1e, 2, 0, 0]).flat();
      const packet = join(optionsHeader(ICMP, known), ping(e));
      yield {
        name: `header ${header}: ${count} options`,
        packets: [ip6(from(e, { next: header }), packet)],
      };
    }
    for (const pad of [1, 5, 6, 7, 8, 9, 13, 14, 22]) {
      const total = Math.ceil((pad + 2 + 4) / 8) * 8 - 2;
      const rest = [0x1e, total - pad - 2, ...new Array<number>(total - pad - 2).fill(0)];
      const padN = pad > 1 ? [1, pad - 2, ...new Array<number>(pad - 2).fill(0)] : [0];
      for (const [what, bytes] of [
        ['PadN', padN],
        ['Pad1', new Array<number>(pad).fill(0)],
      ] as const) {
        for (const body of [
          [...bytes, ...rest],
          [...rest, ...bytes],
        ]) {
          const packet = join([ICMP, (body.length + 2) / 8 - 1], body, ping(e));
          const where = body[0] === 0x1e ? 'last' : 'first';
          const name = `header ${header}: ${pad} bytes of ${what} ${where}`;
          yield { name, packets: [ip6(from(e, { next: header }), packet)] };
        }
      }
    }
  }
}

type Link = readonly [string, number, (next: number) => Bytes];
const LINKS: readonly Link[] = [
  ['hop', HOP, (next) => optionsHeader(next, [])],
  ['dst', DESTINATION, (next) => optionsHeader(next, [])],
  ['rt0,0', ROUTING, (next) => routing(next, 0, 0)],
  ['rt0,1', ROUTING, (next) => join([next, 2, 0, 1], new Uint8Array(20))],
  ['rt2,0', ROUTING, (next) => join([next, 2, 2, 0], new Uint8Array(20))],
  ['rt2,1', ROUTING, (next) => join([next, 2, 2, 1], new Uint8Array(20))],
  ['rt3,1', ROUTING, (next) => join([next, 2, 3, 1], new Uint8Array(20))],
  ['rt4,0', ROUTING, (next) => join([next, 2, 4, 0], new Uint8Array(20))],
  ['rt4,1', ROUTING, (next) => join([next, 2, 4, 1], new Uint8Array(20))],
  ['rt255,1', ROUTING, (next) => routing(next, 255, 1)],
  ['atom', FRAGMENT, (next) => fragment6(next, 0, false, 9)],
  ['none', 59, () => new Uint8Array(0)],
  ['ah', 51, (next) => join([next, 4, 0, 0], new Uint8Array(20))],
  ['esp', 50, () => new Uint8Array(16)],
  ['mh', 135, () => new Uint8Array(8)],
];

/** Of which three in a row are tried in every order; of all two. */
const FEW = LINKS.filter(([what]) => /^(hop|dst|rt0,0|rt255,1|atom|none|ah)$/.test(what));

function* chains(e: Ends): Generator<Probe> {
  for (const [kinds, depth] of [
    [LINKS, 1],
    [LINKS, 2],
    [FEW, 3],
  ] as const) {
    for (let n = 0; n < kinds.length ** depth; n++) {
      const links: Link[] = [];
      for (let d = 0, rest = n; d < depth; d++, rest = Math.floor(rest / kinds.length)) {
        links.push(kinds[rest % kinds.length]!);
      }
      yield chain(e, links);
    }
  }
}

/** The last of the list stands first. */
function chain(e: Ends, links: readonly Link[]): Probe {
  let packet = ping(e);
  let next = ICMP;
  for (const [, own, make] of links) {
    packet = join(make(next), packet);
    next = own;
  }
  const names = links.map(([what]) => what).reverse();
  return { name: `chain ${names.join(' ')} ping`, packets: [ip6(from(e, { next }), packet)] };
}

/** Cut off at every length: by the frame, and by the header too. */
function* cuts(e: Ends): Generator<Probe> {
  const syn = tcpSegment(e.us6, e.them6, {
    from: 5001,
    to: 80,
    flags: 2,
    options: [2, 4, 5, 160, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
  });
  const whole: readonly [string, number, Bytes][] = [
    ['ping', ICMP, ping(e)],
    ['hop ping', HOP, join(optionsHeader(ICMP, [0x1e, 4, 1, 2, 3, 4]), ping(e))],
    ['dst ping', DESTINATION, join(optionsHeader(ICMP, [0x1e, 4, 1, 2, 3, 4]), ping(e))],
    ['rt ping', ROUTING, join(routing(ICMP, 0, 0), ping(e))],
    ['atom ping', FRAGMENT, join(fragment6(ICMP, 0, false, 9), ping(e))],
    ['first fragment', FRAGMENT, join(fragment6(ICMP, 0, true, 9), ping(e))],
    ['udp', UDP, udp({ from: 5002, to: 9 }, data(8), e.us6, e.them6)],
    ['syn', TCP, syn],
    ['unknown', 200, data(24)],
  ];
  for (const [name, next, payload] of whole) {
    const packet = ip6(from(e, { next }), payload);
    for (let len = 1; len < packet.length; len++) {
      yield { name: `${name} cut to ${len} by the frame`, packets: [packet.slice(0, len)] };
      if (len < 40) continue;
      if (next === FRAGMENT && payload[3] === 1) lastId++;
      const cut = ip6(from(e, { next }), payload.slice(0, len - 40));
      if (next === FRAGMENT && len >= 48) cut.set([0, 0, lastId >>> 8, lastId & 255], 44);
      yield { name: `${name} cut to ${len} by the header`, packets: [cut] };
    }
  }
}

type Piece = readonly [number, number, boolean];
const echoOf = (e: Ends, length: number): Bytes => ping(e, length - 8);

function* fragments(e: Ends): Generator<Probe> {
  const sets: readonly (readonly [string, number, readonly Piece[]])[] = [
    [
      'in order',
      32,
      [
        [0, 16, true],
        [16, 16, false],
      ],
    ],
    [
      'backwards',
      32,
      [
        [16, 16, false],
        [0, 16, true],
      ],
    ],
    [
      'the first twice',
      32,
      [
        [0, 16, true],
        [0, 16, true],
        [16, 16, false],
      ],
    ],
    [
      'the last twice',
      32,
      [
        [16, 16, false],
        [16, 16, false],
        [0, 16, true],
      ],
    ],
    [
      'an overlap',
      48,
      [
        [0, 32, true],
        [16, 32, false],
      ],
    ],
    [
      'an overlap, backwards',
      48,
      [
        [16, 32, false],
        [0, 32, true],
      ],
    ],
    [
      'one in another',
      48,
      [
        [0, 32, true],
        [8, 8, true],
        [32, 16, false],
      ],
    ],
    [
      'one around another',
      48,
      [
        [8, 8, true],
        [0, 32, true],
        [32, 16, false],
      ],
    ],
    [
      'an overlap, and then all of it',
      48,
      [
        [0, 32, true],
        [16, 32, false],
        [0, 24, true],
        [24, 24, false],
      ],
    ],
    [
      'a last one that ends too soon',
      48,
      [
        [0, 32, true],
        [16, 8, false],
        [32, 16, false],
      ],
    ],
    [
      'two ends',
      48,
      [
        [32, 16, false],
        [0, 32, true],
        [40, 16, false],
      ],
    ],
    [
      'two ends, the short one first',
      48,
      [
        [16, 16, false],
        [0, 16, true],
        [32, 16, false],
      ],
    ],
    [
      'an empty last one',
      32,
      [
        [0, 32, true],
        [32, 0, false],
      ],
    ],
    [
      'an empty first one',
      32,
      [
        [0, 0, true],
        [0, 32, true],
        [32, 0, false],
      ],
    ],
    ['an empty one that is alone', 32, [[8, 0, false]]],
    ['an empty one with more', 32, [[8, 0, true]]],
    ['not a multiple of eight', 32, [[0, 15, true]]],
    ['not a multiple of eight, later', 32, [[8, 15, true]]],
    ['seven bytes, and more', 32, [[0, 7, true]]],
    [
      'eight bytes, then the rest',
      32,
      [
        [0, 8, true],
        [8, 24, false],
      ],
    ],
    ['at the end of 65,535', 32, [[65528, 7, false]]],
    ['beyond 65,535', 32, [[65528, 8, false]]],
    ['beyond 65,535 by far', 32, [[65528, 32, false]]],
    ['beyond 65,535, and more', 32, [[65528, 32, true]]],
    [
      'beyond 65,535 after a first one',
      32,
      [
        [0, 32, true],
        [65528, 32, false],
      ],
    ],
  ];
  for (const [name, total, pieces] of sets) {
    const bytes = join(echoOf(e, total), new Uint8Array(64));
    const id = ++lastId;
    const packets = pieces.map(([at, len, more]) => {
      const part = at + len <= bytes.length ? bytes.slice(at, at + len) : new Uint8Array(len);
      return ip6(from(e, { next: FRAGMENT }), join(fragment6(ICMP, at, more, id), part));
    });
    yield { name: `fragments: ${name}`, packets };
  }
  for (const next of [HOP, TCP, UDP, ROUTING, FRAGMENT, 50, 51, ICMP, 59, DESTINATION, 135, 200]) {
    for (const size of [0, 1, 7, 8, 16, 24]) {
      const length = size & ~7;
      const first = join(fragment6(next, 0, true, ++lastId), new Uint8Array(length));
      yield {
        name: `first fragment of ${next}, ${length} zeros`,
        packets: [ip6(from(e, { next: FRAGMENT }), first)],
      };
      const atom = join(fragment6(next, 0, false, ++lastId), new Uint8Array(size));
      yield {
        name: `atomic fragment of ${next}, ${size} zeros`,
        packets: [ip6(from(e, { next: FRAGMENT }), atom)],
      };
    }
  }
  const odd = join([ICMP, 255], [0, 6], [0, 0, 0, 9], ping(e));
  yield {
    name: 'atomic fragment, reserved bits set',
    packets: [ip6(from(e, { next: FRAGMENT }), odd)],
  };
}

function* messages(e: Ends): Generator<Probe> {
  for (let type = 0; type < 256; type++) {
    for (const code of [0, 1, 255]) {
      for (const size of [0, 56]) {
        // A router's word is not taken by a host that has not been told to: both sides are.
        const packet = icmp6({ type, code }, new Uint8Array(size), e.us6, e.them6);
        yield { name: `icmp ${type}/${code}, ${size} zeros`, packets: [ip6(from(e), packet)] };
        if (type >= 128)
          yield {
            name: `icmp ${type}/${code}, ${size} zeros, hop limit 255`,
            packets: [ip6(from(e, { hop: 255 }), packet)],
          };
      }
    }
  }
  yield {
    name: 'a ping with a wrong checksum',
    packets: [ip6(from(e), icmp6({ type: 128, badChecksum: true }, data(8), e.us6, e.them6))],
  };
  for (const to of [9, 0]) {
    for (const [name, bytes] of [
      ['as it should be', udp({ from: 5003, to }, data(8), e.us6, e.them6)],
      ['no text', udp({ from: 5003, to }, data(0), e.us6, e.them6)],
      ['checksum 0', udp({ from: 5003, to, checksum: 0 }, data(8), e.us6, e.them6)],
      ['wrong checksum', udp({ from: 5003, to, checksum: 0x1234 }, data(8), e.us6, e.them6)],
      ['from port 0', udp({ from: 0, to }, data(8), e.us6, e.them6)],
    ] as const) {
      yield { name: `udp to ${to}: ${name}`, packets: [ip6(from(e, { next: UDP }), bytes)] };
    }
    for (const length of [0, 1, 7, 8, 15, 17, 65535]) {
      const bytes = udp({ from: 5003, to }, data(8), e.us6, e.them6);
      bytes.set([length >> 8, length & 255], 4);
      yield {
        name: `udp to ${to}: length field ${length}`,
        packets: [ip6(from(e, { next: UDP }), bytes)],
      };
    }
  }
}

function* headers(e: Ends): Generator<Probe> {
  for (let version = 0; version < 16; version++) {
    if (version === 4) continue;
    yield { name: `version ${version}`, packets: [ip6(from(e, { version }), ping(e))] };
  }
  for (const hop of [0, 1, 255])
    yield { name: `hop limit ${hop}`, packets: [ip6(from(e, { hop }), ping(e))] };
  for (const tc of [1, 2, 3, 0xb8, 0xff])
    yield { name: `traffic class ${tc}`, packets: [ip6(from(e, { tc }), ping(e))] };
  for (const flow of [1, 0xfffff])
    yield { name: `flow label ${flow}`, packets: [ip6(from(e, { flow }), ping(e))] };
  for (const src of [
    '::',
    '::1',
    'ff02::1',
    '::ffff:10.9.0.77',
    '::10.9.0.77',
    '2001:db8::1',
    'fe80::77',
    e.them6,
  ]) {
    yield {
      name: `a ping from ${src === e.them6 ? 'itself' : src}`,
      packets: [echo6(data(8), { src, dst: e.them6 })],
    };
    const datagram = udp({ from: 5004, to: 9 }, data(8), src, e.them6);
    yield {
      name: `udp from ${src === e.them6 ? 'itself' : src}`,
      packets: [ip6({ src, dst: e.them6, next: UDP }, datagram)],
    };
  }
  for (const dst of [
    '::',
    '::1',
    'ff01::1',
    'ff02::1',
    'ff02::2',
    'ff00::1',
    'ff05::1',
    'fe80::1',
    '2001:db8::9',
    `::ffff:${e.them4}`,
  ]) {
    const name = dst.replace(e.them4, 'its IPv4 address');
    yield { name: `a ping to ${name}`, packets: [echo6(data(8), { src: e.us6, dst })] };
    const bad = join(
      optionsHeader(ICMP, [0x80, 2, 0, 0]),
      icmp6({ type: 128 }, data(8), e.us6, dst),
    );
    yield {
      name: `an unknown option to ${name}`,
      packets: [ip6({ src: e.us6, dst, next: DESTINATION }, bad)],
    };
    const worse = join(
      optionsHeader(ICMP, [0xc0, 2, 0, 0]),
      icmp6({ type: 128 }, data(8), e.us6, dst),
    );
    yield {
      name: `an unknown option, not for groups, to ${name}`,
      packets: [ip6({ src: e.us6, dst, next: DESTINATION }, worse)],
    };
    yield {
      name: `next header 200 to ${name}`,
      packets: [ip6({ src: e.us6, dst, next: 200 }, data(8))],
    };
    yield {
      name: `udp to ${name}`,
      packets: [ip6({ src: e.us6, dst, next: UDP }, udp({ to: 9 }, data(8), e.us6, dst))],
    };
  }
}
