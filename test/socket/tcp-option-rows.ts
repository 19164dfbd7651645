/**
 * Every option of SOL_SOCKET and SOL_TCP of a stream socket that is not refused: one row each. What is set and what is
 * read then, what an accepted socket has of its listener's, and what the option does. All answers are those of a
 * Linux 6.18 that was asked the same, except where a row says `ours`.
 */
import { AF, SO, SOL } from '../../src/socket/abi.ts';
import {
  type Answer,
  ccInfo,
  clock,
  corked,
  forced,
  infoLengths,
  limit,
  lowWater,
  paced,
  quick,
  segmentOf,
  tied,
  unanswered,
} from './tcp-option-effects.ts';
import type { TcpRig } from './tcp-rig.ts';

/** The value that is set, the result, and what is read then. */
export type Trial = readonly [value: number, result: Answer, then: Answer];

export interface Row {
  readonly first: Answer;
  /** Of a connection, where that differs. */
  readonly joined?: Answer;
  readonly trials: readonly Trial[];
  /** Set on a listener, and what an accepted socket has then. */
  readonly inherits?: readonly [number, number];
  /** Set on a connection, and on a listener. */
  readonly late?: readonly Trial[];
  /** What shows that it acts: a function here, or a title of another test. */
  readonly acts: ((r: TcpRig) => Answer[]) | string;
  /** What `acts` has to return. */
  readonly as?: readonly Answer[];
}

const READ_ONLY = 'ENOPROTOOPT';
const HUGE = 2147483647;
const MAX_RCVBUF = 8_388_608;

const fixed = (first: Answer): Pick<Row, 'first' | 'trials'> => ({
  first,
  trials: [[1, READ_ONLY, first]],
});
/** Anything but 0 is 1. */
const SWITCH: Pick<Row, 'first' | 'trials' | 'inherits'> = {
  first: 0,
  trials: [
    [-1, 0, 1],
    [0, 0, 0],
    [7, 0, 1],
  ],
  inherits: [1, 1],
};
/** 0 and 1 alone. */
const STRICT: typeof SWITCH = {
  first: 0,
  trials: [
    [-1, 'EINVAL', 0],
    [1, 0, 1],
    [2, 'EINVAL', 1],
  ],
  inherits: [1, 1],
};
function counted(first: number, most: number): typeof SWITCH {
  const trials: Trial[] = [
    [0, 'EINVAL', first],
    [-1, 'EINVAL', first],
    [most + 1, 'EINVAL', first],
    [1, 0, 1],
    [most, 0, most],
  ];
  return { first, trials, inherits: [11, 11] };
}
/** Any int. */
const kept = (first: number): Pick<Row, 'first' | 'trials'> => ({
  first,
  trials: [
    [-2, 0, -2],
    [7, 0, 7],
    [HUGE, 0, HUGE],
  ],
});

function name(text: string): number {
  return new DataView(Uint8Array.from(text, (ch) => ch.charCodeAt(0)).buffer).getInt32(0, true);
}

export const SOCKET_ROWS: Record<string, Row> = {
  TYPE: { ...fixed(1), acts: (r) => [r.a.get(r.a.tcp(), SOL.SOCKET, SO.DOMAIN)], as: [AF.INET] },
  DOMAIN: { ...fixed(2), acts: (r) => [r.a.get(r.a.tcp(AF.INET6), 1, SO.DOMAIN)], as: [AF.INET6] },
  PROTOCOL: { ...fixed(6), acts: (r) => [r.b.get(r.joined()[1], 1, SO.PROTOCOL)], as: [6] },
  ACCEPTCONN: { ...fixed(0), acts: (r) => [r.b.get(r.joined()[2], 1, SO.ACCEPTCONN)], as: [1] },
  ERROR: {
    ...fixed(0),
    acts: 'refused: SO_ERROR and connect tell it once, then it may begin anew',
  },
  RCVTIMEO: {
    first: 0,
    trials: [[1, 'EINVAL', 0]],
    acts: (r) => limit(r, true),
    as: ['EAGAIN', 50],
  },
  SNDTIMEO: {
    first: 0,
    trials: [[1, 'EINVAL', 0]],
    acts: (r) => limit(r, false),
    as: ['EAGAIN', 50],
  },
  PRIORITY: {
    ...kept(0),
    inherits: [3, 0],
    acts: 'SO_PRIORITY: what a VLAN maps to its tag, of datagrams and of connections',
  },
  MARK: { ...kept(0), inherits: [7, 7], acts: 'advisory' },
  REUSEADDR: { ...SWITCH, acts: 'two sockets that share a port: one of them may listen' },
  REUSEPORT: { ...SWITCH, acts: 'SO_REUSEPORT: connections are spread over the listeners' },
  KEEPALIVE: { ...SWITCH, acts: 'keepalive: idle, probes, and the end with a reset' },
  OOBINLINE: { ...SWITCH, acts: 'SO_OOBINLINE: the urgent byte is read with the others' },
  PEEK_OFF: { ...kept(-1), inherits: [5, 5], acts: 'MSG_PEEK, SO_PEEK_OFF, MSG_TRUNC' },
  LINGER: {
    first: 0,
    trials: [[1, 'EINVAL', 0]],
    acts: 'SO_LINGER: close waits for the last acknowledgement',
  },
  RCVBUF: {
    first: 131_072,
    trials: [
      [-1, 0, MAX_RCVBUF],
      [0, 0, 2304],
      [1153, 0, 2306],
      [HUGE, 0, MAX_RCVBUF],
    ],
    inherits: [50_000, 100_000],
    acts: 'rfc9293-must-39-no-slivers.pkt',
  },
  RCVBUFFORCE: {
    first: READ_ONLY,
    trials: [
      [-1, 0, READ_ONLY],
      [HUGE, 0, READ_ONLY],
    ],
    acts: (r) => forced(r, SO.RCVBUFFORCE, SO.RCVBUF),
    as: [2304, 10_000_000, HUGE - 1],
  },
  SNDBUF: {
    first: 16_384,
    joined: 87_040,
    trials: [
      [-1, 0, MAX_RCVBUF],
      [0, 0, 4608],
      [HUGE, 0, MAX_RCVBUF],
    ],
    inherits: [50_000, 100_000],
    acts: 'SO_SNDBUF: doubled, and passed by less than one buffer',
  },
  SNDBUFFORCE: {
    first: READ_ONLY,
    trials: [[1, 0, READ_ONLY]],
    acts: (r) => forced(r, SO.SNDBUFFORCE, SO.SNDBUF),
    as: [4608, 10_000_000, HUGE - 1],
  },
  RCVLOWAT: {
    first: 1,
    trials: [
      [0, 0, 1],
      [-1, 0, 16_777_216],
      [5, 0, 5],
      [HUGE, 0, 16_777_216],
    ],
    inherits: [100, 100],
    acts: lowWater,
    as: ['', 'EAGAIN', 'IN', 5],
  },
  SNDLOWAT: { ...fixed(1), acts: (r) => [r.a.poll(r.joined()[0])], as: ['OUT'] },
  MAX_PACING_RATE: {
    first: -1,
    trials: [
      [0, 0, 0],
      [-1, 0, -1],
      [-2, 0, -2],
      [123_456, 0, 123_456],
    ],
    inherits: [123_456, 123_456],
    acts: paced,
    as: ['some of 200000', 'all of 200000', 'all of 200000'],
  },
  MEMINFO: { ...fixed(0), acts: 'SO_MEMINFO: what is charged to each queue, beside its limit' },
  ZEROCOPY: {
    ...STRICT,
    acts: 'MSG_ZEROCOPY: a connection that ends lets go of what was not acknowledged',
  },
  TIMESTAMPING: {
    first: 0,
    trials: [
      [2, 0, 2],
      [1 << 20, 'EINVAL', 2],
      [128, 'EINVAL', 2],
    ],
    inherits: [2, 2],
    acts: 'stamps: the text that led to the byte, and as much of it as is quoted',
  },
  BINDTODEVICE: {
    first: '',
    trials: [[1, 'ENODEV', '']],
    acts: tied,
    as: [0, 'EINVAL', 'eth0\0', 'ECONNREFUSED'],
  },
  // ours: Linux takes any index, and one of a connection, too
  BINDTOIFINDEX: {
    first: 0,
    trials: [
      [-1, 'EINVAL', 0],
      [99, 'ENODEV', 0],
      [2, 0, 2],
      [0, 0, 0],
    ],
    inherits: [2, 2],
    late: [[2, 'EINVAL', 0]],
    acts: tied,
    as: [0, 'EINVAL', 'eth0\0', 'ECONNREFUSED'],
  },
};

export const TCP_ROWS: Record<string, Row> = {
  NODELAY: { ...SWITCH, acts: 'TCP_NODELAY: everything goes; set later, what waits goes' },
  CORK: { ...SWITCH, acts: corked, as: ['EAGAIN', 'abc'] },
  MAXSEG: {
    first: 536,
    joined: 1448,
    trials: [
      [87, 'EINVAL', 536],
      [88, 0, 88],
      [32_767, 0, 32_767],
      [32_768, 'EINVAL', 32_767],
      [-1, 'EINVAL', 32_767],
      [0, 0, 536],
    ],
    inherits: [1000, 988],
    late: [
      [1000, 0, 1448],
      [1000, 0, 1000],
    ],
    acts: (r) => [segmentOf(r, 500)],
    as: [488],
  },
  KEEPIDLE: { ...counted(7200, 32_767), acts: 'rfc9293-must-26-keepalive-waits.pkt' },
  KEEPINTVL: { ...counted(75, 32_767), acts: 'rfc9293-must-29-keepalive-patience.pkt' },
  KEEPCNT: { ...counted(9, 127), acts: 'rfc9293-must-29-keepalive-patience.pkt' },
  SYNCNT: { ...counted(6, 127), acts: unanswered, as: ['ETIMEDOUT', 0] },
  LINGER2: {
    first: 60,
    trials: [
      [-5, 0, -1],
      [0, 0, 60],
      [33, 0, 33],
      [120, 0, 120],
      [121, 0, 120],
      [HUGE, 0, 120],
    ],
    inherits: [33, 33],
    acts: 'TCP_LINGER2 shortens that; -1 ends it at once',
  },
  // ours: an accepted socket has its listener's, where it means nothing; Linux's has 0
  DEFER_ACCEPT: {
    first: 0,
    trials: [
      [-1, 0, 0],
      [1, 0, 1],
      [2, 0, 3],
      [5, 0, 7],
      [120, 0, 127],
      [128, 0, 247],
      [HUGE, 0, 29_887],
      [3, 0, 3],
    ],
    inherits: [3, 3],
    late: [[3, 0, 3]],
    acts: 'TCP_DEFER_ACCEPT: a bare ACK opens nothing, text does',
  },
  INFO: { ...fixed(7), acts: (r) => infoLengths(r), as: [0, 1, 104, 279, 280, 280] },
  // ours: what is set before there is a connection is not even read back; on Linux it has no effect, either
  WINDOW_CLAMP: {
    first: 0,
    joined: 65536,
    trials: [
      [0, 0, 0],
      [1, 0, 1152],
      [1153, 0, 1153],
      [-1, 0, 1152],
      [HUGE, 0, HUGE],
      [0, 0, 0],
    ],
    inherits: [9000, 9000],
    late: [
      [0, 'EINVAL', 65536],
      [0, 'EINVAL', 0],
    ],
    acts: 'TCP_WINDOW_CLAMP: what was offered stays, and no more is',
  },
  THIN_LINEAR_TIMEOUTS: {
    ...STRICT,
    acts: 'TCP_THIN_LINEAR_TIMEOUTS: six timeouts of a thin stream do not double',
  },
  THIN_DUPACK: {
    first: 0,
    trials: [
      [-1, 'EINVAL', 0],
      [1, 0, 0],
      [2, 'EINVAL', 0],
    ],
    inherits: [1, 0],
    acts: 'advisory',
  },
  QUICKACK: {
    first: 1,
    trials: [[1, 0, 1]],
    inherits: [0, 1],
    late: [
      [0, 0, 0],
      [0, 0, 1],
    ],
    acts: quick,
    as: [0, 1, 0],
  },
  CONGESTION: {
    first: name('cubi'),
    trials: [
      [name('cubi'), 'ENOENT', name('cubi')],
      [name('reno'), 0, name('reno')],
    ],
    inherits: [name('reno'), name('reno')],
    acts: 'the default is cubic; the stack, a listener and a socket can choose',
  },
  USER_TIMEOUT: {
    first: 0,
    trials: [
      [-1, 'EINVAL', 0],
      [4321, 0, 4321],
    ],
    inherits: [4321, 4321],
    acts: 'RFC 5482: TCP_USER_TIMEOUT ends it to the millisecond',
  },
  NOTSENT_LOWAT: {
    ...kept(0),
    inherits: [777, 777],
    acts: 'TCP_NOTSENT_LOWAT: a wake-up when what waits has left',
  },
  FASTOPEN_CONNECT: {
    ...STRICT,
    late: [[1, 'EINVAL', 0]],
    acts: 'TCP_FASTOPEN_CONNECT: connect returns at once, the first send opens',
  },
  FASTOPEN_NO_COOKIE: {
    ...STRICT,
    late: [
      [1, 'EINVAL', 0],
      [1, 0, 1],
    ],
    acts: 'TCP_FASTOPEN_NO_COOKIE: the first SYN has data',
  },
  INQ: { ...STRICT, acts: 'TCP_INQ: what is left, and a byte for the end of the stream' },
  TIMESTAMP: { first: 1, trials: [[1, READ_ONLY, 1]], acts: clock, as: [250] },
  FASTOPEN: {
    first: 0,
    trials: [
      [-1, 'EINVAL', 0],
      [5, 0, 5],
      [HUGE, 0, 4096],
      [0, 0, 0],
    ],
    inherits: [5, 0],
    late: [
      [5, 'EINVAL', 0],
      [5, 0, 5],
    ],
    acts: 'rfc7413-4.2.2-text-of-the-syn-v4.pkt',
  },
  // 16 bytes, or 32: none is an int.
  FASTOPEN_KEY: {
    first: '',
    trials: [[1, 'EINVAL', '']],
    acts: 'rfc7413-4.1.2-keys-v4.pkt',
  },
  CC_INFO: {
    first: '',
    trials: [[1, READ_ONLY, '']],
    acts: ccInfo,
    as: [0, 20, 0, 'measured', 739, 739, 16, 0, 0, 16, 1, 0, 0x7fffffff, 0x7fffffff],
  },
};
