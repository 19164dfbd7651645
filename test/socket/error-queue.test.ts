/** TCP's error queue: what MSG_ERRQUEUE tells of sends and of the network, and how it relates to SO_ERROR. */
import tap from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { SEC } from '../../src/base/time.ts';
import { runText } from '../../src/sim/packetdrill/run-text.ts';
import {
  EE_ORIGIN,
  F,
  IP_OPT,
  MSG,
  SHUT,
  SO,
  SOL,
  STAMPING,
  TCP_OPTION,
} from '../../src/socket/abi.ts';
import { unixTime } from '../../src/socket/error-message.ts';
import { Message } from '../../src/socket/message.ts';
import { DELAY_MS, dialogue, SERVER, type Side } from './tcp-rig.ts';

// ---- as packet scripts ----

/** Level and type of the control message, in each version. */
const CMSG: Readonly<Record<string, readonly [string, string]>> = {
  ipv4: ['SOL_IP', 'IP_RECVERR'],
  ipv6: ['SOL_IPV6', 'IPV6_RECVERR'],
  'ipv4-mapped-ipv6': ['SOL_IPV6', 'IPV6_RECVERR'],
};

/** `OPTION` in a script turns on what a socket of that version needs to hear of errors. */
function script(title: string, text: string): void {
  tap.test(title, async (t) => {
    for (const [version, [level, type]] of Object.entries(CMSG)) {
      const wants = version === 'ipv6' ? 'SOL_IPV6, IPV6_RECVERR' : 'SOL_IP, IP_RECVERR';
      const origin = version === 'ipv6' ? 'SO_EE_ORIGIN_ICMP6' : 'SO_EE_ORIGIN_ICMP';
      const whole = text
        .replaceAll('WANTS', wants)
        .replaceAll('LEVEL', level)
        .replaceAll('TYPE', type)
        .replaceAll('NO_WAY', version === 'ipv6' ? 'address_unreachable' : 'host_unreachable')
        .replaceAll('ORIGIN_ICMP', origin);
      const setting = { name: 'ip_version', value: version, quote: 'none' } as const;
      const { status, line, message, expected, actual } = runText(title, whole, [setting]);
      t.equal(status, 'pass', `${version}: ${line}: ${message} [${expected}] [${actual}]`);
    }
  });
}

const OPEN = `
  0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
 +0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
 +0 bind(3, ..., ...) = 0
 +0 listen(3, 1) = 0
 +0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
 +0 > S. 0:0(0) ack 1 <...>
 +.01 < . 1:1(0) ack 1 win 257
 +0 accept(3, ..., ...) = 4
 +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
`;
const EMPTY = (fd: number) =>
  ` +0 recvmsg(${fd}, {msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=0, msg_control=[]}, MSG_ERRQUEUE) = -1 EAGAIN`;

script(
  'a refused connect is kept with its quotation, and is SO_ERROR until it is read (IP_RECVERR)',
  `
  0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
 +0 setsockopt(3, WANTS, [1], 4) = 0
 +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
 +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
 +0 > S 0:0(0) <...>
 +.01 < icmp unreachable NO_WAY [0:0(0)]
 +0 poll([{fd=3, events=POLLIN, revents=POLLIN|POLLERR|POLLHUP}], 1, 0) = 1
 +0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{...,4}], msg_flags=MSG_ERRQUEUE|MSG_TRUNC,
     msg_control=[{cmsg_level=LEVEL, cmsg_type=TYPE,
       cmsg_data={ee_errno=EHOSTUNREACH, ee_origin=ORIGIN_ICMP, ee_type=..., ee_code=..., ee_info=0, ee_data=0}}]
     }, MSG_ERRQUEUE) = 4
${EMPTY(3)}
 +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
`,
);

script(
  'without IP_RECVERR a refused connect is SO_ERROR alone',
  `
  0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
 +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
 +0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
 +0 > S 0:0(0) <...>
 +.01 < icmp unreachable NO_WAY [0:0(0)]
${EMPTY(3)}
 +0 getsockopt(3, SOL_SOCKET, SO_ERROR, [EHOSTUNREACH], [4]) = 0
`,
);

script(
  'an error about a connection that stands is SO_ERROR at once with IP_RECVERR, and ends nothing',
  `${OPEN}
 +0 setsockopt(4, WANTS, [1], 4) = 0
 +0 write(4, ..., 1000) = 1000
 +0 > P. 1:1001(1000) ack 1
 +.01 < icmp unreachable NO_WAY [1:1001(1000)]
 +0 poll([{fd=4, events=POLLIN, revents=POLLERR}], 1, 0) = 1
${EMPTY(4)}
 +0 read(4, ..., 10) = -1 EHOSTUNREACH (No route to host)
 +0 read(4, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)
 +0 < . 1:1(0) ack 1001 win 257
 +0 write(4, ..., 1000) = 1000
 +0 > P. 1001:2001(1000) ack 1
`,
);

script(
  'without IP_RECVERR an error about a connection that stands is for whoever asks SO_ERROR',
  `${OPEN}
 +0 write(4, ..., 1000) = 1000
 +0 > P. 1:1001(1000) ack 1
 +.01 < icmp unreachable NO_WAY [1:1001(1000)]
 +0 poll([{fd=4, events=POLLIN, revents=0}], 1, 0) = 0
 +0 read(4, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)
 +0 getsockopt(4, SOL_SOCKET, SO_ERROR, [EHOSTUNREACH], [4]) = 0
 +0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
`,
);

script(
  'a byte that is sent again is stamped again; SCHED, SENT and ACK name it by its place in the stream',
  `${OPEN}
 +0 setsockopt(4, SOL_SOCKET, SO_TIMESTAMPING, [SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
     SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY], 4) = 0
 +0 write(4, ..., 500) = 500
 +0 > P. 1:501(500) ack 1
 +.21 > P. 1:501(500) ack 1
 +.01 < . 1:1(0) ack 501 win 257
${stamp(0, 'SCM_TSTAMP_SND', 10, 499)}
${stamp(0, 'SCM_TSTAMP_SND', 220, 499)}
${stamp(0, 'SCM_TSTAMP_ACK', 230, 499)}
${EMPTY(4)}
`,
);

function stamp(at: number, what: string, ms: number, key: number): string {
  return ` +${at} recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE, msg_control=[
   {cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0,scm_nsec=${ms * 1e6}}},
   {cmsg_level=LEVEL, cmsg_type=TYPE, cmsg_data={ee_errno=ENOMSG, ee_origin=SO_EE_ORIGIN_TIMESTAMPING,
     ee_type=0, ee_code=0, ee_info=${what}, ee_data=${key}}}]}, MSG_ERRQUEUE) = 0`;
}

// ---- as processes ----

/** `first-last`, `stamp key @ms`, or the errno. */
function news(side: Side, fd: number): string {
  const m = new Message([new Uint8Array(16)]);
  const n = side.do((api) => api.recvmsg(fd, m, MSG.ERRQUEUE));
  if (n < 0) return errnoName(n);
  const last = m.control.at(-1)!;
  if (last.kind !== 'error') return 'no error';
  const { origin, info, data } = last.error;
  if (origin === EE_ORIGIN.ZEROCOPY) return `${info}-${data}`;
  return `${['SND', 'SCHED', 'ACK'][info]} ${data} [${n}]`;
}

const send = (side: Side, fd: number, bytes: number) =>
  side.call((api) => api.send(fd, new Uint8Array(bytes), MSG.ZEROCOPY));

function copying(side: Side, fd: number): void {
  side.must((api) => api.setInt(fd, SOL.SOCKET, SO.ZEROCOPY, 1));
}

dialogue(
  'MSG_ZEROCOPY: told when the last byte is acknowledged; what is unread is joined',
  (t, r) => {
    const [c] = r.joined();
    t.equal(send(r.a, c, 100), 100);
    r.ms(3 * DELAY_MS);
    t.equal(news(r.a, c), 'EAGAIN', 'without SO_ZEROCOPY it is a send');
    copying(r.a, c);
    t.equal(send(r.a, c, 100), 100);
    t.equal(r.a.poll(c), 'OUT');
    r.ms(DELAY_MS);
    t.equal(news(r.a, c), 'EAGAIN', 'under way');
    r.ms(2 * DELAY_MS);
    t.equal(r.a.poll(c, 0), 'ERR', 'whether asked for or not');
    t.equal(r.a.get(c, SOL.SOCKET, SO.ERROR), 0, 'no error');
    t.equal(r.a.read(c), 'EAGAIN', 'nor in the way of reading');
    t.equal(send(r.a, c, 100), 100);
    r.ms(3 * DELAY_MS);
    t.equal(send(r.a, c, 0), 0, 'an empty send has no number');
    t.equal(send(r.a, c, 100), 100);
    r.ms(3 * DELAY_MS);
    t.equal(news(r.a, c), '0-2');
    t.equal(news(r.a, c), 'EAGAIN');
    t.equal(r.a.poll(c), 'OUT');
  },
);

dialogue('MSG_ZEROCOPY: a connection that ends lets go of what was not acknowledged', (t, r) => {
  const [c, s] = r.joined();
  copying(r.a, c);
  t.equal(send(r.a, c, 100), 100);
  r.ms(3 * DELAY_MS);
  t.equal(send(r.a, c, 100), 100);
  r.b.must((api) => api.setInt(s, SOL.TCP, TCP_OPTION.NODELAY, 1));
  r.b.must((api) => api.close(s)); // unread: a reset
  t.equal(send(r.a, c, 100), 100);
  r.ms(3 * DELAY_MS);
  t.equal(news(r.a, c), '0-2');
  t.equal(send(r.a, c, 100), 'ECONNRESET');
  t.equal(send(r.a, c, 100), 'EPIPE');
  t.equal(news(r.a, c), 'EAGAIN', 'a send that took nothing has no number');
});

dialogue('SO_ZEROCOPY and IP_RECVERR of a listener are those of what it accepts', (t, r) => {
  const l = r.b.listening(`${SERVER}:80`);
  copying(r.b, l);
  r.b.must((api) => api.setInt(l, SOL.IP, IP_OPT.RECVERR, 1));
  const c = r.connect(`${SERVER}:80`);
  r.ms(5 * DELAY_MS);
  const s = r.b.must((api) => api.accept(l, null, 0));
  t.equal(r.b.get(s, SOL.SOCKET, SO.ZEROCOPY), 1);
  t.equal(r.b.get(s, SOL.IP, IP_OPT.RECVERR), 1);
  t.equal(send(r.b, s, 10), 10);
  r.ms(3 * DELAY_MS);
  t.equal(news(r.b, s), '0-0');
  t.equal(r.a.read(c).length, 10);
});

dialogue('net.core.optmem_max: as many notifications as fit, those to come included', (t, r) => {
  const [c] = r.joined();
  copying(r.a, c);
  r.a.stack.net.config.optmemMax = 2 * 768;
  t.equal(send(r.a, c, 100), 100);
  r.a.must((api) => api.setInt(c, SOL.TCP, TCP_OPTION.NODELAY, 1));
  r.ms(1); // it is sent: the next one is not joined to it
  t.equal(send(r.a, c, 100), 100);
  t.equal(send(r.a, c, 100), 'ENOBUFS');
  r.ms(3 * DELAY_MS);
  t.equal(send(r.a, c, 100), 100, 'two have become one');
  r.ms(3 * DELAY_MS);
  t.equal(news(r.a, c), '0-2', 'the refused one has no number');
});

dialogue('one call that waits for room is one send: one number, one stamp', (t, r) => {
  const [c, s] = r.joined();
  copying(r.a, c);
  r.a.must((api) => api.setInt(c, SOL.SOCKET, SO.SNDBUF, 4000));
  const flags = STAMPING.TX_SOFTWARE | STAMPING.TX_ACK | STAMPING.OPT_ID | STAMPING.OPT_TSONLY;
  r.a.must((api) => api.setInt(c, SOL.SOCKET, SO.TIMESTAMPING, flags));
  r.a.must((api) => api.fcntl(c, F.SETFL, 0));
  const task = r.a.run((sys) => sys.sendto(c, new Uint8Array(50_000), MSG.ZEROCOPY));
  for (let got = 0; got < 50_000; ) {
    r.ms(DELAY_MS);
    got += r.b.do((api) => Math.max(0, api.recv(s, new Uint8Array(65536), 0)));
    if (task.result === undefined)
      t.equal(news(r.a, c), 'EAGAIN', `nothing is told after ${got} bytes`);
  }
  r.sec(1);
  t.equal(task.result, 50_000);
  t.equal(news(r.a, c), 'SND 49999 [0]');
  t.equal(news(r.a, c), 'ACK 49999 [0]');
  t.equal(news(r.a, c), '0-0');
  t.equal(news(r.a, c), 'EAGAIN');
});

dialogue('a send that gave up waiting ends where it came to', (t, r) => {
  const [c, s] = r.joined();
  copying(r.a, c);
  r.b.must((api) => api.setInt(s, SOL.SOCKET, SO.RCVBUF, 2000));
  r.a.must((api) => api.setInt(c, SOL.SOCKET, SO.SNDBUF, 4000));
  r.a.must((api) => api.fcntl(c, F.SETFL, 0));
  const time = new Uint8Array(16);
  time[0] = 1; // a second
  r.a.must((api) => api.setsockopt(c, SOL.SOCKET, SO.SNDTIMEO, time));
  const task = r.a.run((sys) => sys.sendto(c, new Uint8Array(1 << 20), MSG.ZEROCOPY));
  r.ms(1500);
  t.ok(
    typeof task.result === 'number' && task.result > 0 && task.result < 1 << 20,
    `${task.result}`,
  );
  t.equal(news(r.a, c), 'EAGAIN');
  for (let i = 0; i < 500; i++) {
    r.b.do((api) => api.recv(s, new Uint8Array(65536), 0));
    r.ms(DELAY_MS);
  }
  t.equal(news(r.a, c), '0-0');
});

dialogue('stamps: the text that led to the byte, and as much of it as is quoted', (t, r) => {
  const [c] = r.joined();
  const flags = STAMPING.TX_SCHED | STAMPING.TX_ACK;
  t.equal(r.a.set(c, SOL.SOCKET, SO.TIMESTAMPING, flags), 0);
  t.equal(r.a.write(c, 'hello'), 5);
  r.ms(3 * DELAY_MS);
  const m = new Message([new Uint8Array(3)]);
  t.equal(
    r.a.call((api) => api.recvmsg(c, m, MSG.ERRQUEUE)),
    3,
  );
  t.equal(m.flags, MSG.ERRQUEUE | MSG.TRUNC);
  t.equal(String.fromCharCode(...m.iov[0]!), 'hel');
  t.equal(m.control.length, 1, 'without SOFTWARE the time is not told');
  t.equal(news(r.a, c), 'ACK 0 [5]', 'without OPT_ID no byte is named');
});

dialogue('stamps find no more room than SO_RCVBUF leaves', (t, r) => {
  const [c] = r.joined();
  r.a.must((api) => api.setInt(c, SOL.SOCKET, SO.RCVBUF, 2304 / 2));
  t.equal(r.a.set(c, SOL.SOCKET, SO.TIMESTAMPING, STAMPING.TX_ACK | STAMPING.OPT_TSONLY), 0);
  for (let i = 0; i < 8; i++) {
    t.equal(r.a.write(c, 'x'), 1);
    r.ms(3 * DELAY_MS);
  }
  t.equal([1, 2, 3, 4].map(() => news(r.a, c)).join(), 'ACK 0 [0],ACK 0 [0],ACK 0 [0],EAGAIN');
});

dialogue('SO_TIMESTAMPING refuses what it cannot mean', (t, r) => {
  const [c, , l] = r.joined();
  const set = (side: Side, fd: number, flags: number) =>
    side.set(fd, SOL.SOCKET, SO.TIMESTAMPING, flags);
  t.equal(set(r.a, c, 1 << 19), 'EINVAL', 'nothing that Linux knows');
  t.equal(set(r.a, c, STAMPING.OPT_ID_TCP), 'EINVAL', 'without OPT_ID');
  t.equal(set(r.b, l, STAMPING.OPT_ID), 'EINVAL', 'a listener has no bytes');
  t.equal(set(r.a, r.a.tcp(), STAMPING.OPT_ID), 'EINVAL');
  for (const flag of [STAMPING.RX_SOFTWARE, STAMPING.OPT_STATS, STAMPING.BIND_PHC]) {
    t.equal(set(r.a, c, flag), 'EOPNOTSUPP');
  }
  t.equal(r.a.get(c, SOL.SOCKET, SO.TIMESTAMPING), 0);
});

dialogue('OPT_ID counts from what is acknowledged, OPT_ID_TCP from what is written', (t, r) => {
  const [c] = r.joined();
  const flags = STAMPING.TX_ACK | STAMPING.OPT_ID | STAMPING.OPT_TSONLY;
  t.equal(r.a.write(c, '12345'), 5);
  t.equal(r.a.set(c, SOL.SOCKET, SO.TIMESTAMPING, flags), 0);
  t.equal(r.a.write(c, '678'), 3);
  r.ms(6 * DELAY_MS);
  t.equal(news(r.a, c), 'ACK 7 [0]');
  t.equal(r.a.set(c, SOL.SOCKET, SO.TIMESTAMPING, 0), 0);
  t.equal(r.a.write(c, '12345'), 5);
  t.equal(r.a.set(c, SOL.SOCKET, SO.TIMESTAMPING, flags | STAMPING.OPT_ID_TCP), 0);
  t.equal(r.a.write(c, '678'), 3);
  r.ms(6 * DELAY_MS);
  t.equal(news(r.a, c), 'ACK 2 [0]');
});

/** TCP_CM_INQ of one read. */
function left(side: Side, fd: number, room: number): number | string {
  const m = new Message([new Uint8Array(room)]);
  const n = side.do((api) => api.recvmsg(fd, m, 0));
  const [first] = m.control;
  return n < 0 || first?.kind !== 'int' ? errnoName(n) : first.value;
}

dialogue('TCP_INQ: what is left, and a byte for the end of the stream', (t, r) => {
  const [c, s] = r.joined();
  t.equal(r.b.set(s, SOL.TCP, TCP_OPTION.INQ, 1), 0);
  t.equal(r.a.write(c, 'hello'), 5);
  r.ms(2 * DELAY_MS);
  t.equal(left(r.b, s, 3), 2);
  t.equal(left(r.b, s, 3), 0);
  t.equal(r.a.write(c, 'world'), 5);
  r.a.must((api) => api.shutdown(c, SHUT.WR));
  r.ms(2 * DELAY_MS);
  t.equal(left(r.b, s, 3), 3);
  t.equal(left(r.b, s, 3), 1);
  t.equal(left(r.b, s, 3), 1, 'the end');
});

tap.test("a time in an error queue is the stack's plus epochNs", async (t) => {
  t.same(unixTime(0, 1.5 * SEC), { sec: 1, ns: 5e8 });
  t.same(unixTime(1_700_000_000 * SEC, 2 * SEC), { sec: 1_700_000_002, ns: 0 });
});
