/** Names of numbers, and numbers as names. */
import t from 'tap';
import { errnoText, flagsText, symbolValue } from '../../../src/sim/packetdrill/symbols.ts';

// From Linux's headers on x86-64.
const SYMBOLS: readonly (readonly [string, number])[] = [
  ['AF_INET6', 10],
  ['SOCK_NONBLOCK', 2048],
  ['SOL_SOCKET', 1],
  ['SOL_IPV6', 41],
  ['SO_REUSEPORT', 15],
  ['SO_TIMESTAMPING', 37],
  ['SO_ZEROCOPY', 60],
  ['SO_MEMINFO', 55],
  ['IP_MTU_DISCOVER', 10],
  ['IP_RECVERR', 11],
  ['IPV6_RECVERR', 25],
  ['IPV6_TCLASS', 67],
  ['TCP_USER_TIMEOUT', 18],
  ['TCP_FASTOPEN_CONNECT', 30],
  ['TCP_FASTOPEN_KEY', 33],
  ['TCP_INQ', 36],
  ['TCP_NOTSENT_LOWAT', 25],
  ['MSG_ZEROCOPY', 0x4000000],
  ['MSG_ERRQUEUE', 0x2000],
  ['O_NONBLOCK', 0x800],
  ['F_SETFL', 4],
  ['SIOCINQ', 0x541b],
  ['SIOCOUTQ', 0x5411],
  ['SIOCOUTQNSD', 0x894b],
  ['POLLRDHUP', 0x2000],
  ['EPOLLET', 0x80000000],
  ['EPOLLEXCLUSIVE', 0x10000000],
  ['SO_EE_ORIGIN_ZEROCOPY', 5],
  ['SCM_TSTAMP_ACK', 2],
  ['SOF_TIMESTAMPING_OPT_ID', 128],
  ['UDP_SEGMENT', 103],
  ['NULL', 0],
  ['EINPROGRESS', 115],
  ['EWOULDBLOCK', 11],
  ['ECANCELED', 125],
];

t.test('names have the values they have on Linux', async (t) => {
  for (const [name, value] of SYMBOLS) t.equal(symbolValue(name), value, name);
  t.equal(symbolValue('NOTHING'), null);
  t.equal(errnoText(-11), 'EAGAIN');
  t.equal(errnoText(95), 'EOPNOTSUPP');
  t.equal(errnoText(9999), 'errno 9999');
  t.equal(flagsText('EPOLL', 0x80000005), 'EPOLLIN|EPOLLOUT|EPOLLET');
  t.equal(flagsText('POLL', 0x80001), 'POLLIN|0x80000');
  t.equal(flagsText('POLL', 0), '0');
});
