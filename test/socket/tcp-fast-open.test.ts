/** MSG_FASTOPEN and TCP_FASTOPEN_CONNECT as an application sees them: results, readiness, and what becomes of the call. */
import t from 'tap';
import { IP_VERSIONS } from '../../src/sim/packetdrill/options.ts';
import { runText } from '../../src/sim/packetdrill/run-text.ts';
import { MSG, O_NONBLOCK, SOL, TCP_OPTION } from '../../src/socket/abi.ts';
import { FAST_OPEN } from '../../src/tcp/fast-open-option.ts';
import { addr } from './socket-rig.ts';
import { DELAY_MS, dialogue, SERVER, SERVER6 } from './tcp-rig.ts';

/** In each version of IP; `known`: a cookie is known. */
function script(title: string, lines: string, known = true): void {
  const warmUp = `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 sendto(3, ..., 0, MSG_FASTOPEN, ..., ...) = -1 EINPROGRESS
    +0 > S 0:0(0) <...>
    +.01 < S. 0:0(0) ack 1 win 20000 <mss 1200,nop,nop,sackOK,nop,wscale 7,FO 0011223344556677,nop,nop>
    +0 > . 1:1(0) ack 1`;
  const text = `0 \`sysctl -q net.ipv4.tcp_timestamps=0\`${known ? warmUp : ''}\n${lines}`;
  t.test(title, async (t) => {
    for (const version of IP_VERSIONS) {
      const setting = { name: 'ip_version', value: version, quote: 'none' } as const;
      const { status, line, message, expected, actual } = runText('script.pkt', text, [setting]);
      t.equal(status, 'pass', `${version}: ${line}: ${message} [${expected}] [${actual}]`);
    }
  });
}

const TAKEN = `
    +.01 < S. 0:0(0) ack 501 win 20000 <mss 1200,nop,nop,sackOK,nop,wscale 7>
    +0 > . 501:501(0) ack 1`;

const CONNECT = `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0
    +0 connect(4, ..., ...) = 0
    +0 connect(4, ..., ...) = -1 EISCONN
    +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1
    +0 read(4, ..., 100) = -1 EAGAIN
    +0 %{ assert tcpi_state == TCP_SYN_SENT, tcpi_state }%
    +1 writev(4, [{..., 200}, {..., 300}], 2) = 500
    +0 > S 0:500(500) <...>
    +0 poll([{fd=4, events=POLLIN|POLLOUT, revents=0}], 1, 0) = 0
    +0 write(4, ..., 100) = -1 EAGAIN
    +0 connect(4, ..., ...) = -1 EALREADY
    +0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EALREADY${TAKEN}
    +0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = 100
    +0 > P. 501:601(100) ack 1
    +0 sendto(4, ..., 100, MSG_FASTOPEN, ..., ...) = -1 EISCONN`;
script('TCP_FASTOPEN_CONNECT: connect returns at once, the first send opens', CONNECT);

script(
  'TCP_FASTOPEN_CONNECT: without a cookie connect is as ever, but asks for one; closed before a write, nothing was sent',
  `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0
    +0...0.01 connect(4, ..., ...) = 0
    +0 > S 0:0(0) <...>
    +.01 < S. 0:0(0) ack 1 win 20000 <mss 1200,FO 0011223344556677,nop,nop>
    +0 > . 1:1(0) ack 1
    +0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = -1 EINVAL
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
    +0 setsockopt(5, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0
    +0 connect(5, ..., ...) = 0
    +1 close(5) = 0
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 6
    +0 setsockopt(6, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = 0
    +0 connect(6, ..., ...) = 0
    +0 fcntl(6, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 sendto(6, ..., 0, 0, ..., ...) = -1 EINPROGRESS
    +0 > S 0:0(0) <...>`,
  false,
);

const NO_COOKIE = `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0 setsockopt(4, SOL_TCP, TCP_FASTOPEN_NO_COOKIE, [1], 4) = 0
    +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 sendto(4, ..., 500, MSG_FASTOPEN, ..., ...) = 500
    +0 > S 0:500(500) <...>${TAKEN}
    +0 %{ assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0 }%`;
script('TCP_FASTOPEN_NO_COOKIE: the first SYN has data', NO_COOKIE, false);

script(
  'a send that may wait does so until the answer, and writes the rest, which brings the first ACK',
  `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0...0.01 sendto(4, ..., 500, MSG_FASTOPEN, ..., ...) = 500
    +0 > S 0:500(500) <...>${TAKEN}
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
    +0...0.01 sendmsg(5, {msg_name(...)=..., msg_iov(2)=[{..., 1000}, {..., 900}], msg_flags=0}, MSG_FASTOPEN) = 1900
    +0 > S 0:1160(1160) <...>
    +.01 < S. 0:0(0) ack 1161 win 20000 <mss 1200,nop,nop,sackOK,nop,wscale 7>
    +0 > P. 1161:1901(740) ack 1
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 6
    +0...0.01 sendto(6, ..., 1900, MSG_FASTOPEN, ..., ...) = -1 ECONNREFUSED
    +0 > S 0:1160(1160) <...>
    +.01 < R. 0:0(0) ack 1161 win 0`,
);

script(
  'errnos: an address that is none, no address, a socket that listens, a switch that is off',
  `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 sendto(4, ..., 10, MSG_FASTOPEN, AF_UNSPEC, ...) = -1 EOPNOTSUPP
    +0 sendto(4, NULL, 10, MSG_FASTOPEN, ..., ...) = -1 EFAULT
    +0 send(4, ..., 10, MSG_FASTOPEN) = -1 EINVAL
    +0 send(4, ..., 10, 0) = -1 EPIPE
    +0 bind(4, ..., ...) = 0
    +0 listen(4, 5) = 0
    +0 sendto(4, ..., 10, MSG_FASTOPEN, ..., ...) = -1 EISCONN
    +0 \`sysctl -q net.ipv4.tcp_fastopen=2\`
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
    +0 sendto(5, ..., 10, MSG_FASTOPEN, ..., ...) = -1 EOPNOTSUPP
    +0 setsockopt(5, SOL_TCP, TCP_FASTOPEN_CONNECT, [1], 4) = -1 EOPNOTSUPP`,
);

script(
  'MSG_ZEROCOPY: a SYN without data uses no number, one with data the first',
  `
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
    +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 setsockopt(4, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0
    +0 sendto(4, ..., 0, MSG_FASTOPEN|MSG_ZEROCOPY, ..., ...) = -1 EINPROGRESS
    +0 > S 0:0(0) <...>
    +.01 < S. 0:0(0) ack 1 win 20000 <mss 1200,nop,nop,sackOK,nop,wscale 7>
    +0 > . 1:1(0) ack 1
    +0 poll([{fd=4, events=POLLERR, revents=0}], 1, 0) = 0
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
    +0 fcntl(5, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 setsockopt(5, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0
    +0 sendto(5, ..., 500, MSG_FASTOPEN|MSG_ZEROCOPY, ..., ...) = 500
    +0 > S 0:500(500) <...>
    +0 poll([{fd=5, events=POLLERR, revents=0}], 1, 0) = 0${TAKEN}
    +0 poll([{fd=5, events=POLLERR, revents=POLLERR}], 1, 0) = 1
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 6
    +0 fcntl(6, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 setsockopt(6, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0
    +0 sendto(6, ..., 500, MSG_FASTOPEN|MSG_ZEROCOPY, ..., ...) = 500
    +0 > S 0:500(500) <...>
    +.01 < S. 0:0(0) ack 1 win 20000 <mss 1200,nop,nop,sackOK,nop,wscale 7>
    +0 > P. 1:501(500) ack 1
    +0 poll([{fd=6, events=POLLERR, revents=0}], 1, 0) = 0
    +.01 < . 1:1(0) ack 501 win 200
    +0 poll([{fd=6, events=POLLERR, revents=POLLERR}], 1, 0) = 1
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 7
    +0 fcntl(7, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    +0 setsockopt(7, SOL_SOCKET, SO_ZEROCOPY, [1], 4) = 0
    +0 sendto(7, ..., 500, MSG_FASTOPEN|MSG_ZEROCOPY, ..., ...) = 500
    +0 > S 0:500(500) <...>
    +.01 < R. 0:0(0) ack 501 win 0
    +0 getsockopt(7, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0
    +0 poll([{fd=7, events=POLLERR, revents=POLLERR|POLLHUP}], 1, 0) = 1`,
);

for (const server of [`${SERVER}:80`, `[${SERVER6}]:80`]) {
  dialogue(`two stacks of ours, ${server}: the answer is there after one round trip`, (t, r) => {
    const { a, b } = r;
    r.b.stack.tcp.config.fastOpen |= FAST_OPEN.SERVER;
    const l = b.bound(server);
    t.equal(b.set(l, SOL.TCP, TCP_OPTION.FASTOPEN, 8), 0);
    b.must((api) => api.listen(l, 8));
    const question = new Uint8Array(300).fill(0x71);
    const to = addr(server);
    const ask = (): [number, number | string] => {
      const c = a.tcp(to.family);
      return [c, a.call((api) => api.sendto(c, question, MSG.FASTOPEN, to))];
    };
    const [first, none] = ask();
    t.equal(none, 'EINPROGRESS', 'first a cookie is asked for');
    r.ms(5 * DELAY_MS);
    t.equal(b.must((api) => api.accept(l, null, O_NONBLOCK)) > 0, true);
    const [second, taken] = ask();
    t.equal(taken, 300);
    r.ms(DELAY_MS + 1);
    const s = b.must((api) => api.accept(l, null, O_NONBLOCK));
    t.equal(b.read(s).length, 64, 'the server reads while the SYN-ACK is on its way');
    t.equal(b.write(s, 'answer'), 6);
    r.ms(DELAY_MS + 1);
    t.equal(a.read(second), 'answer');
    t.equal(a.stack.tcp.mib.get('TCPFastOpenActive'), 1);
    t.equal(b.stack.tcp.mib.get('TCPFastOpenPassive'), 1);
    t.equal(a.poll(first), 'OUT');
  });
}
