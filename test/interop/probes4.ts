/** What nobody sends who means well, over IPv4: each probe a name and the packets. */
import { type Bytes, data, type Ip4, icmp4, ip4, join, udp } from '../net/packets.ts';
import type { Ends } from './answer-text.ts';
import { type Probe, tcpSegment } from './probe.ts';

const TCP = 6;
const UDP = 17;

let lastId = 1;
let lastPort = 20000;

export function* probes4(e: Ends): Generator<Probe> {
  yield* protocols(e);
  yield* options(e);
  yield* cuts(e);
  yield* fragments(e);
  yield* messages(e);
  yield* headers(e);
}

const from = (e: Ends, h: Ip4 = {}): Ip4 => ({ src: e.us4, dst: e.them4, id: 1, ...h });
/** To a port where nobody listens. */
const toNobody = (e: Ends, h: Ip4): Bytes =>
  ip4(
    from(e, { protocol: UDP, ...h }),
    udp({ from: 5003, to: 9 }, data(8), h.src ?? e.us4, h.dst ?? e.them4),
  );
const ping = (length = 16): Bytes => icmp4({ type: 8, rest: 0x00070001 }, data(length));

function* protocols(e: Ends): Generator<Probe> {
  for (let protocol = 0; protocol < 256; protocol++) {
    for (const size of [0, 4, 8, 64]) {
      const packet = ip4(from(e, { protocol }), new Uint8Array(size));
      yield { name: `protocol ${protocol}, ${size} zeros`, packets: [packet] };
    }
  }
}

/** Options that somebody knows: record route, timestamp, source routes, CIPSO, router alert. */
const KNOWN = [7, 68, 131, 134, 137, 148];

function* options(e: Ends): Generator<Probe> {
  for (let type = 0; type < 256; type++) {
    const isKnown = KNOWN.includes(type);
    for (const len of isKnown ? [0, 1, 2, 3, 4, 7, 8, 11, 12, 40] : [0, 2, 4, 12]) {
      for (const pointer of isKnown && len > 2 ? [0, 4, 5, 8, 9, 40] : [0]) {
        const option = new Array<number>(Math.max(4, len)).fill(0);
        option.splice(0, 3, type, len, pointer);
        const name = `option ${type}, length ${len}, pointer ${pointer}`;
        yield { name, packets: [ip4(from(e, { options: option }), ping())] };
        if (isKnown)
          yield { name: `${name}, to a closed port`, packets: [toNobody(e, { options: option })] };
      }
    }
  }
  const four = e.us4.split('.').map(Number);
  const them = e.them4.split('.').map(Number);
  for (const [name, list] of [
    ['a record route that is full', [7, 7, 8, 0, 0, 0, 0]],
    ['a record route with room', [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['two record routes', [7, 7, 4, 0, 0, 0, 0, 7, 7, 4, 0, 0, 0, 0]],
    ['timestamps', [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['timestamps, full', [68, 8, 9, 0, 0, 0, 0, 0]],
    ['timestamps, full, the overflow too', [68, 8, 9, 0xf0, 0, 0, 0, 0]],
    ['timestamps with addresses', [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['timestamps of ours', [68, 12, 5, 3, ...them, 0, 0, 0, 0]],
    ['timestamps of others', [68, 12, 5, 3, 1, 2, 3, 4, 0, 0, 0, 0]],
    ['timestamps, unknown flag', [68, 12, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a loose source route, ended', [131, 7, 8, ...four]],
    ['a loose source route, not ended', [131, 7, 4, ...four]],
    ['a strict source route, ended', [137, 7, 8, ...four]],
    ['a router alert', [148, 4, 0, 0]],
    ['a router alert with a value', [148, 4, 1, 0]],
    ['end of options, then rubbish', [0, 7, 1, 1]],
    ['NOPs', [1, 1, 1, 1]],
    ['NOPs and an option without length', [1, 1, 1, 7]],
    ['security', [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a stream identifier', [136, 4, 0, 1]],
    ['a CIPSO tag', [134, 10, 0, 0, 0, 1, 1, 4, 0, 1, 0, 0]],
  ] as const) {
    yield { name: `options: ${name}`, packets: [ip4(from(e, { options: [...list] }), ping())] };
    yield {
      name: `options: ${name}, to a closed port`,
      packets: [toNobody(e, { options: [...list] })],
    };
  }
}

function* cuts(e: Ends): Generator<Probe> {
  const syn = tcpSegment(e.us4, e.them4, {
    from: 5001,
    to: 79,
    flags: 2,
    options: [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7],
  });
  const whole: readonly [string, Ip4, Bytes][] = [
    ['ping', { protocol: 1 }, ping()],
    ['ping with options', { protocol: 1, options: [148, 4, 0, 0, 1, 1, 1, 1] }, ping()],
    ['first fragment', { protocol: 1, mf: true }, ping()],
    ['udp', { protocol: UDP }, udp({ from: 5002, to: 9 }, data(8), e.us4, e.them4)],
    ['syn', { protocol: TCP }, syn],
    ['unknown', { protocol: 200 }, data(24)],
  ];
  for (const [name, h, payload] of whole) {
    const packet = ip4(from(e, h), payload);
    const headerLen = packet.length - payload.length;
    for (let len = 1; len < packet.length; len++) {
      yield { name: `${name} cut to ${len} by the frame`, packets: [packet.slice(0, len)] };
      const cut = ip4(from(e, { ...h, totalLen: len, id: ++lastId }), payload);
      yield { name: `${name}, total length ${len}`, packets: [cut] };
      if (len < headerLen) continue;
      const shorter = ip4(from(e, { ...h, id: ++lastId }), payload.slice(0, len - headerLen));
      yield { name: `${name} cut to ${len}`, packets: [shorter] };
    }
    for (let ihl = 0; ihl < 16; ihl++)
      yield {
        name: `${name}, header length ${ihl}`,
        packets: [ip4(from(e, { ...h, ihl, id: ++lastId }), payload)],
      };
  }
}

type Piece = readonly [number, number, boolean];

function* fragments(e: Ends): Generator<Probe> {
  const sets: readonly (readonly [string, readonly Piece[]])[] = [
    [
      'in order',
      [
        [0, 16, true],
        [16, 32, false],
      ],
    ],
    [
      'backwards',
      [
        [16, 32, false],
        [0, 16, true],
      ],
    ],
    [
      'the first twice',
      [
        [0, 16, true],
        [0, 16, true],
        [16, 32, false],
      ],
    ],
    [
      'the last twice',
      [
        [16, 32, false],
        [16, 32, false],
        [0, 16, true],
      ],
    ],
    [
      'an overlap',
      [
        [0, 32, true],
        [16, 32, false],
      ],
    ],
    [
      'an overlap, backwards',
      [
        [16, 32, false],
        [0, 32, true],
      ],
    ],
    [
      'one in another',
      [
        [0, 32, true],
        [8, 8, true],
        [32, 16, false],
      ],
    ],
    [
      'one around another',
      [
        [8, 8, true],
        [0, 32, true],
        [32, 16, false],
      ],
    ],
    [
      'an overlap, and then all of it',
      [
        [0, 32, true],
        [16, 32, false],
        [0, 24, true],
        [24, 24, false],
      ],
    ],
    [
      'a last one that ends too soon',
      [
        [0, 32, true],
        [16, 8, false],
        [32, 16, false],
      ],
    ],
    [
      'two ends',
      [
        [32, 16, false],
        [0, 32, true],
        [40, 16, false],
      ],
    ],
    [
      'an empty last one',
      [
        [0, 48, true],
        [48, 0, false],
      ],
    ],
    [
      'an empty first one',
      [
        [0, 0, true],
        [0, 48, false],
      ],
    ],
    ['an empty one that is alone', [[8, 0, false]]],
    ['an empty one with more', [[8, 0, true]]],
    [
      'not a multiple of eight',
      [
        [0, 15, true],
        [16, 32, false],
      ],
    ],
    [
      'not a multiple of eight, then from there',
      [
        [0, 15, true],
        [8, 40, false],
      ],
    ],
    ['seven bytes, and more', [[0, 7, true]]],
    ['at the end of 65,535', [[65512, 3, false]]],
    ['beyond 65,535', [[65512, 32, false]]],
    ['beyond 65,535 by far', [[65528, 64, false]]],
    ['beyond 65,535, and more', [[65528, 64, true]]],
    [
      'beyond 65,535 after a first one',
      [
        [0, 32, true],
        [65528, 32, false],
      ],
    ],
  ];
  for (const [name, pieces] of sets) {
    const bytes = join(ping(40), new Uint8Array(64));
    const id = ++lastId & 0xffff;
    const packets = pieces.map(([offset, len, mf]) => {
      const part =
        offset + len <= bytes.length ? bytes.slice(offset, offset + len) : new Uint8Array(len);
      return ip4(from(e, { id, offset, mf }), part);
    });
    yield { name: `fragments: ${name}`, packets };
  }
  for (const [name, h] of [
    ['DF', { df: true }],
    ['DF and MF', { df: true, mf: true }],
  ] as const) {
    yield {
      name: `fragments: ${name}`,
      packets: [ip4(from(e, { ...h, id: ++lastId & 0xffff }), ping())],
    };
  }
  const reserved = ip4(from(e), ping());
  reserved[6] = 0x80;
  reserved[10] = (reserved[10]! - 0x80) & 255;
  yield { name: 'the reserved flag', packets: [reserved] };
}

function* messages(e: Ends): Generator<Probe> {
  for (let type = 0; type < 256; type++) {
    for (const code of [0, 1, 255]) {
      for (const size of [0, 12, 56]) {
        const packet = ip4(from(e), icmp4({ type, code }, new Uint8Array(size)));
        yield { name: `icmp ${type}/${code}, ${size} zeros`, packets: [packet] };
      }
    }
  }
  yield {
    name: 'a ping with a wrong checksum',
    packets: [ip4(from(e), icmp4({ type: 8, badChecksum: true }, data(8)))],
  };
  for (const to of [9, 0]) {
    for (const [name, bytes] of [
      ['as it should be', udp({ from: 5003, to }, data(8), e.us4, e.them4)],
      ['no text', udp({ from: 5003, to }, data(0), e.us4, e.them4)],
      ['checksum 0', udp({ from: 5003, to, checksum: 0 }, data(8), e.us4, e.them4)],
      ['wrong checksum', udp({ from: 5003, to, checksum: 0x1234 }, data(8), e.us4, e.them4)],
      ['from port 0', udp({ from: 0, to }, data(8), e.us4, e.them4)],
      ['much text', udp({ from: 5003, to }, data(1400), e.us4, e.them4)],
    ] as const) {
      yield { name: `udp to ${to}: ${name}`, packets: [ip4(from(e, { protocol: UDP }), bytes)] };
    }
    for (const length of [0, 1, 7, 8, 15, 17, 65535]) {
      const bytes = udp({ from: 5003, to }, data(8), e.us4, e.them4);
      bytes.set([length >> 8, length & 255], 4);
      yield {
        name: `udp to ${to}: length field ${length}`,
        packets: [ip4(from(e, { protocol: UDP }), bytes)],
      };
    }
  }
}

function* headers(e: Ends): Generator<Probe> {
  for (let version = 0; version < 16; version++) {
    if (version === 6) continue;
    yield { name: `version ${version}`, packets: [ip4(from(e, { version }), ping())] };
  }
  for (const ttl of [0, 1, 255])
    yield { name: `TTL ${ttl}`, packets: [ip4(from(e, { ttl }), ping())] };
  for (const tos of [1, 2, 3, 0x10, 0xb8, 0xff]) {
    yield { name: `TOS ${tos}`, packets: [ip4(from(e, { tos }), ping())] };
    yield {
      name: `TOS ${tos}, to a closed port`,
      packets: [toNobody(e, { tos })],
    };
    yield {
      name: `TOS ${tos}, a segment to a closed port`,
      packets: [
        ip4(
          from(e, { tos, protocol: TCP }),
          tcpSegment(e.us4, e.them4, { from: ++lastPort, to: 79, flags: 2 }),
        ),
      ],
    };
  }
  yield { name: 'a wrong header checksum', packets: [ip4(from(e, { badChecksum: true }), ping())] };
  const net = e.them4.replace(/\d+$/, '');
  for (const src of [
    '0.0.0.0',
    '0.0.0.1',
    '127.0.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    '192.0.2.1',
    e.them4,
    `${net}255`,
    `${net}0`,
  ]) {
    const name = src.replace(net, 'net.');
    yield { name: `a ping from ${name}`, packets: [ip4(from(e, { src }), ping())] };
    yield {
      name: `udp from ${name}`,
      packets: [toNobody(e, { src })],
    };
    yield {
      name: `protocol 200 from ${name}`,
      packets: [ip4(from(e, { src, protocol: 200 }), data(8))],
    };
  }
  for (const dst of [
    '0.0.0.0',
    '127.0.0.1',
    '224.0.0.1',
    '224.0.0.2',
    '239.1.1.1',
    '255.255.255.255',
    '240.0.0.1',
    '192.0.2.1',
    `${net}255`,
    `${net}0`,
  ]) {
    const name = dst.replace(net, 'net.');
    yield { name: `a ping to ${name}`, packets: [ip4(from(e, { dst }), ping())] };
    yield {
      name: `udp to ${name}`,
      packets: [toNobody(e, { dst })],
    };
    yield {
      name: `protocol 200 to ${name}`,
      packets: [ip4(from(e, { dst, protocol: 200 }), data(8))],
    };
    yield {
      name: `a SYN to ${name}`,
      packets: [
        ip4(
          from(e, { dst, protocol: TCP }),
          tcpSegment(e.us4, dst, { from: ++lastPort, to: 79, flags: 2 }),
        ),
      ],
    };
  }
}
