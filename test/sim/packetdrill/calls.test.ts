/** Calls as written: what the stack is asked for, and what it hands back beside the result. */
import t from 'tap';
import { symbolValue } from '../../../src/sim/packetdrill/symbols.ts';
import type { CallOutput, SystemCall } from '../../../src/sim/packetdrill/system-under-test.ts';
import { formatAddress } from '../../../src/wire/address-text.ts';
import { perform, verdict } from './fake-system.ts';

const SOCKET = '0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n';

/** The request that a call becomes; descriptor 3 of the script is 9. */
function request(call: string, name: string = call.slice(0, call.indexOf('('))): SystemCall {
  const { report, sut } = perform(`${SOCKET}+0 ${call} = 0`, {
    calls: [
      ['socket', 9],
      [name, 0, { option: new Uint8Array(64), events: [], revents: [0, 0] }],
    ],
  });
  const made = sut.requests[1];
  if (made === undefined) throw new Error(JSON.stringify(report.result));
  return made;
}

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

const LOCAL = { address: { w3: 0xc0a80001 | 0 }, port: 8080 };
const REMOTE = { address: { w3: 0xc0000201 | 0 }, port: 8080 };

const REQUESTS: readonly (readonly [string, object])[] = [
  ['bind(3, ..., ...)', { fd: 9, address: LOCAL }],
  [
    'bind(3, {sa_family=AF_INET, sin_port=htons(99), sin_addr=inet_addr("10.0.0.5")}, 16)',
    { address: { port: 99, address: { w3: 0x0a000005 } } },
  ],
  ['connect(3, ..., ...)', { fd: 9, address: REMOTE }],
  ['connect(3, AF_UNSPEC, ...)', { address: null }],
  ['listen(3, 5)', { fd: 9, backlog: 5 }],
  ['listen(77, 5)', { fd: -1 }],
  ['accept(3, ..., ...)', { fd: 9, flags: 0 }],
  ['read(3, ..., 100)', { fd: 9, buffers: [100], len: 100, flags: 0 }],
  ['read(3, NULL, 100)', { buffers: 'bad', len: 100 }],
  ['recv(3, ..., 100, MSG_PEEK|MSG_DONTWAIT)', { flags: 0x42 }],
  ['recvfrom(3, NULL, 7, 0, ..., ...)', { buffers: 'bad', len: 7 }],
  ['readv(3, [{..., 10}, {..., 20}], 2)', { buffers: [10, 20], len: 30 }],
  ['write(3, ..., 5)', { buffers: [5], len: 5, flags: 0, address: null }],
  ['send(3, ..., 5, MSG_MORE)', { flags: 0x8000, address: null }],
  ['sendto(3, ..., 5, MSG_FASTOPEN, ..., ...)', { flags: 0x20000000, address: REMOTE }],
  ['sendto(3, ..., 0, 0x4, AF_UNSPEC, ...)', { flags: 4, address: 'unspecified' }],
  ['writev(3, [{..., 1}, {NULL, 2}], 2)', { buffers: 'bad', len: 3 }],
  [
    'sendmsg(3, {msg_name(...)=..., msg_iov(2)=[{..., 4},{...,6}], msg_flags=0}, MSG_EOR)',
    { buffers: [4, 6], len: 10, flags: 0x80, address: REMOTE },
  ],
  ['sendmsg(3, {msg_iov(1)=[{..., 4}]}, 0)', { address: null }],
  ['fcntl(3, F_GETFL)', { fd: 9, command: 3, argument: 0 }],
  ['fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK)', { command: 4, argument: 0x802 }],
  ['ioctl(3, FIONBIO, [1])', { fd: 9, request: 0x5421, argument: 1 }],
  ['shutdown(3, SHUT_RDWR)', { fd: 9, how: 2 }],
  ['close(3)', { fd: 9 }],
  [
    'poll([{fd=3, events=POLLIN}, {fd=5, events=POLLOUT}], 2, 100)',
    {
      entries: [
        { fd: 9, events: 1 },
        { fd: -1, events: 4 },
      ],
      timeoutMs: 100,
    },
  ],
  ['epoll_create(1)', { size: 1 }],
  [
    'epoll_ctl(3, EPOLL_CTL_ADD, 3, {events=EPOLLIN|EPOLLET, fd=3})',
    {
      epfd: 9,
      operation: 1,
      fd: 9,
      event: { events: 0x80000001, data: 3 },
    },
  ],
  ['epoll_ctl(3, EPOLL_CTL_DEL, 3, NULL)', { operation: 2, event: { events: 0, data: 0 } }],
  ['epoll_wait(3, {events=0, ptr=0}, 5, 0)', { epfd: 9, maxEvents: 5, timeoutMs: 0 }],
  ['pipe([5, 6])', {}],
  ['open("/tmp/x", O_RDONLY)', { path: '/tmp/x', flags: 0 }],
  ['splice(3, NULL, 3, NULL, 99, 0)', { from: 9, to: 9, len: 99, flags: 0 }],
  ['sendfile(3, 3, [5], 100)', { to: 9, from: 9, offset: 5, len: 100 }],
  ['sendfile(3, 3, NULL, 100)', { offset: null }],
];

t.test('arguments become numbers, descriptors and addresses', async (t) => {
  for (const [call, expected] of REQUESTS) t.match(request(call), expected, call);
  t.match(request('accept4(3, ..., ..., SOCK_NONBLOCK)', 'accept'), {
    name: 'accept',
    flags: 0x800,
  });
});

t.test('the domain and the addresses follow the version of IP', async (t) => {
  for (const [version, domain, local] of [
    ['ipv4', 2, '192.168.0.1'],
    ['ipv6', 10, 'fd3d:fa7b:d17d::1'],
    ['ipv4-mapped-ipv6', 10, '192.168.0.1'],
  ] as const) {
    const { sut } = perform(`--ip_version=${version}\n${SOCKET}+0 bind(3, ..., ...) = 0`, {
      calls: [
        ['socket', 9],
        ['bind', 0],
      ],
    });
    const [socket, bind] = sut.requests;
    t.match(socket, { domain });
    t.equal(bind!.name === 'bind' && formatAddress(bind!.address.address), local);
  }
});

const OPTIONS: readonly (readonly [string, readonly number[]])[] = [
  ['[1], 4', [1, 0, 0, 0]],
  ['[-1], 4', [255, 255, 255, 255]],
  ['[0x01020304], 4', [4, 3, 2, 1]],
  ['[4], 1', [4]],
  ['[0xffffffff], 8', [255, 255, 255, 255, 0, 0, 0, 0]],
  ['[1, 2], 8', [1, 0, 0, 0, 2, 0, 0, 0]],
  ['{onoff=1, linger=5}, 8', [1, 0, 0, 0, 5, 0, 0, 0]],
  ['"reno", 4', [114, 101, 110, 111]],
  ['"\\x00\\xff" "a", 3', [0, 255, 97]],
  ['"", 3', [0, 0, 0]],
  ['[SOF_TIMESTAMPING_TX_ACK|SOF_TIMESTAMPING_SOFTWARE], 4', [0x10, 2, 0, 0]],
];

t.test('values of options are bytes', async (t) => {
  for (const [value, expected] of OPTIONS) {
    const made = request(`setsockopt(3, SOL_TCP, TCP_NODELAY, ${value})`);
    t.same(made.name === 'setsockopt' && [...made.value], expected, value);
    t.match(made, { fd: 9, level: 6, option: 1 });
  }
});

/** How a call ends that returns `value` and `out`. */
function ends(call: string, value: number, out: CallOutput): string {
  const name = call.slice(0, call.indexOf('('));
  return verdict(`${SOCKET}+0 ${call}`, {
    calls: [
      ['socket', 9],
      [name, value, out],
    ],
  });
}

const name16 = bytes(...Array.from('cubic', (c) => c.charCodeAt(0)), ...new Array(11).fill(0));

const OUTPUTS: readonly (readonly [string, number, CallOutput, string])[] = [
  ['getsockopt(3, SOL_SOCKET, SO_ERROR, [7], [4]) = 0', 0, { option: bytes(7, 0, 0, 0) }, 'pass'],
  [
    'getsockopt(3, SOL_SOCKET, SO_ERROR, [7], [4]) = 0',
    0,
    { option: bytes(8, 0, 0, 0) },
    '2: getsockopt: option value differs [7] [8]',
  ],
  [
    'getsockopt(3, SOL_SOCKET, SO_ERROR, [7], [4]) = 0',
    0,
    { option: bytes(7) },
    '2: getsockopt: option length differs [4] [1]',
  ],
  ['getsockopt(3, SOL_SOCKET, SO_ERROR, ..., [4]) = 0', 0, { option: bytes(7, 0, 0, 0) }, 'pass'],
  ['getsockopt(3, SOL_SOCKET, SO_ERROR, [7], [4]) = -1 EBADF', -9, {}, 'pass'],
  ['getsockopt(3, SOL_TCP, TCP_CONGESTION, "cubic", [16]) = 0', 0, { option: name16 }, 'pass'],
  [
    'getsockopt(3, SOL_TCP, TCP_CONGESTION, "reno", [16]) = 0',
    0,
    { option: name16 },
    '2: getsockopt: option value differs [72 65 6e 6f 00 00 00 00 00 00 00 00 00 00 00 00] [63 75 62 69 63 00 00 00 00 00 00 00 00 00 00 00]',
  ],
  ['ioctl(3, SIOCINQ, [100]) = 0', 0, { number: 100 }, 'pass'],
  ['ioctl(3, SIOCINQ, [100]) = 0', 0, { number: 99 }, '2: ioctl: value differs [100] [99]'],
  ['poll([{fd=3, events=POLLIN, revents=POLLIN|POLLOUT}], 1, 0) = 1', 1, { revents: [5] }, 'pass'],
  [
    'poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, 0) = 1',
    1,
    { revents: [0x11] },
    '2: poll: revents of entry 0 differs [POLLIN] [POLLIN|POLLHUP]',
  ],
  [
    'epoll_wait(3, {events=EPOLLIN, fd=4}, 1, 0) = 1',
    1,
    { events: [{ events: 1, data: 4 }] },
    'pass',
  ],
  [
    'epoll_wait(3, {events=EPOLLIN, fd=4}, 1, 0) = 1',
    1,
    { events: [{ events: 5, data: 4 }] },
    '2: epoll_wait: events differs [EPOLLIN] [EPOLLIN|EPOLLOUT]',
  ],
  [
    'epoll_wait(3, {events=EPOLLIN, u64=4}, 1, 0) = 1',
    1,
    { events: [{ events: 1, data: 5 }] },
    '2: epoll_wait: event data differs [4] [5]',
  ],
  ['epoll_wait(3, {events=0, ptr=0}, 1, 0) = 0', 0, { events: [] }, 'pass'],
  [
    'epoll_wait(3, {events=EPOLLIN, ptr=0}, 1, 0) = 0',
    0,
    { events: [] },
    '2: epoll_wait: events differs [EPOLLIN] [0]',
  ],
];

t.test('what calls give back', async (t) => {
  for (const [call, value, out, outcome] of OUTPUTS) {
    t.equal(ends(call, value, out), outcome, `${call} ${JSON.stringify(out)}`);
  }
});

/** recvmsg with one control message. */
function control(
  message: string,
  level: number,
  type: number,
  data: Uint8Array,
  flags = 0,
): string {
  const call = `recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 0}], msg_flags=MSG_TRUNC, msg_control=[${message}]}, 0) = 0`;
  return ends(call, 0, { flags: 0x20 | flags, control: [{ level, type, data }] });
}

t.test('control messages', async (t) => {
  const inq = '{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1000}';
  const number = (n: number) => bytes(n & 255, n >>> 8, 0, 0);
  t.equal(control(inq, 6, 36, number(1000)), 'pass');
  t.equal(
    control(inq, 6, 36, number(999)),
    '2: recvmsg: control message 0: data differs [1000] [999]',
  );
  t.equal(
    control(inq, 6, 37, number(1000)),
    '2: recvmsg: control message 0: type differs [36] [37]',
  );
  t.equal(
    control(inq, 1, 36, number(1000)),
    '2: recvmsg: control message 0: level differs [6] [1]',
  );
  t.equal(control('', 6, 36, number(1)), '2: recvmsg: number of control messages differs [0] [1]');
  t.equal(
    control(`${inq}, ${inq}`, 6, 36, number(1000)),
    '2: recvmsg: number of control messages differs [2] [1]',
  );
  t.match(
    control(inq, 6, 36, number(1000), 0x2000),
    /msg_flags differs \[MSG_TRUNC\] \[MSG_TRUNC\|MSG_ERRQUEUE\]/,
  );
});

t.test('timestamps in control messages count from the start of the script', async (t) => {
  const message = (data: string) =>
    `{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data=${data}}`;
  // The clock of the fake starts at 7 s.
  const at = (ns: bigint) => {
    const data = new DataView(new ArrayBuffer(48));
    data.setBigInt64(32, 7n + ns / 1_000_000_000n, true);
    data.setBigInt64(40, ns % 1_000_000_000n, true);
    return new Uint8Array(data.buffer);
  };
  const want = message('{scm_sec=0, scm_nsec=20000000}');
  t.equal(control(want, 1, 37, at(20_000_000n)), 'pass');
  t.equal(control(want, 1, 37, at(24_000_000n)), 'pass');
  t.equal(
    control(want, 1, 37, at(25_000_000n)),
    '2: recvmsg: control message 0: timestamp differs [0.02 s] [0.025 s]',
  );
  t.equal(control(message('{scm_sec=2, scm_nsec=0}'), 1, 37, at(2_250_000_000n)), 'pass', '12.5 %');
  t.equal(
    control(message('{scm_sec=0, scm_nsec=0}'), 1, 37, at(999n)),
    'pass',
    'zero is not checked',
  );
});

t.test('extended errors and statistics', async (t) => {
  const error =
    '{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=ENOMSG, ee_origin=SO_EE_ORIGIN_TIMESTAMPING, ' +
    'ee_type=0, ee_code=1, ee_info=SCM_TSTAMP_ACK, ee_data=258}}';
  const seen = (code: number) => bytes(42, 0, 0, 0, 4, 0, code, 0, 2, 0, 0, 0, 2, 1, 0, 0);
  t.equal(control(error, 0, 11, seen(1)), 'pass');
  t.equal(control(error, 0, 11, seen(3)), '2: recvmsg: control message 0: ee_code differs [1] [3]');
  t.equal(
    control(error, 0, 11, bytes(42, 0, 0, 0)),
    '2: recvmsg: control message 0: ee_origin differs [a field] [4 bytes]',
  );

  const statistics =
    '{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING_OPT_STATS, cmsg_data={TCP_NLA_CA_STATE=1|TCP_NLA_SND_CWND=10}}';
  const attributes = (cwnd: number) =>
    bytes(
      5,
      0,
      symbolValue('TCP_NLA_CA_STATE')!,
      0,
      1,
      0,
      0,
      0,
      8,
      0,
      symbolValue('TCP_NLA_SND_CWND')!,
      0,
      cwnd,
      0,
      0,
      0,
    );
  t.equal(control(statistics, 1, 54, attributes(10)), 'pass');
  t.equal(
    control(statistics, 1, 54, attributes(11)),
    '2: recvmsg: control message 0: TCP_NLA_SND_CWND differs [10] [11]',
  );
  t.equal(
    control(statistics, 1, 54, bytes(8, 0)),
    '2: recvmsg: control message 0: TCP_NLA_CA_STATE differs [a value] [nothing]',
  );
});

t.test('descriptors by their names in the script', async (t) => {
  const { report, sut } = perform(
    `${SOCKET}+0 pipe([5, 6]) = 0\n+0 splice(5, NULL, 3, NULL, 1, 0) = 1\n+0 close(6) = 0\n+0 close(6) = -1 EBADF`,
    {
      calls: [
        ['socket', 9],
        ['pipe', 0, { fds: [70, 71] }],
        ['splice', 1],
        ['close', 0],
        ['close', -9],
      ],
    },
  );
  t.same(report.result, { status: 'pass' });
  t.match(sut.requests[2], { from: 70, to: 9 });
  t.match(sut.requests[3], { fd: 71 });
  t.match(sut.requests[4], { fd: -1 }, 'closed is gone');
});

t.test('arguments that make no sense', async (t) => {
  const mistakes: readonly (readonly [string, string])[] = [
    ['read(3, ...)', 'read has 3 arguments, not 2'],
    ['fcntl(3)', 'fcntl has 2 to 3 arguments, not 1'],
    ['listen(3, "five")', 'expected a number'],
    ['listen(3, FIVE)', 'FIVE is not known'],
    ['listen(3, [1, 2])', 'expected one number in brackets'],
    ['bind(3, AF_UNSPEC, ...)', 'expected an address to bind to'],
    ['bind(3, {sa_family=AF_INET}, 16)', 'expected an address'],
    ['bind(3, {fd=1}, 16)', 'expected a sockaddr in braces'],
    ['readv(3, [5], 1)', 'expected {…, n}'],
    ['readv(3, 5, 1)', 'expected [{…, n}, …]'],
    ['sendmsg(3, {msg_flags=0}, 0)', 'a message has msg_iov'],
    ['poll(5, 1, 1)', 'expected [ ]'],
    ['open(5, 0)', 'expected the name of a file'],
    ['setsockopt(3, 1, 1, [1], -1)', 'that is no length'],
  ];
  for (const [call, what] of mistakes) {
    t.equal(
      verdict(`${SOCKET}+0 ${call} = 0`, { calls: [['socket', 9]] }),
      `2: x.pkt:2: ${what}`,
      call,
    );
  }
});
