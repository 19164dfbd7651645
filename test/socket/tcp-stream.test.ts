/** What is within the stream besides bytes: records, the urgent byte, and how much waits where. */
import {
  MSG,
  SHUT,
  SIOCATMARK,
  SIOCINQ,
  SIOCOUTQ,
  SIOCOUTQNSD,
  SO,
  SOL,
} from '../../src/socket/abi.ts';
import { asked } from './socket-rig.ts';
import { dialogue, SERVER, type Side } from './tcp-rig.ts';

const ask = (side: Side, fd: number, request: number): number | string =>
  side.do((api) => asked(api, fd, request));

/** Segments with new text. */
const segmentsOf = (side: Side): number => side.stack.tcp.mib.get('TCPOrigDataSent');

for (const [flags, segments] of [
  [0, 1],
  [MSG.EOR, 3],
] as const) {
  dialogue(`three short writes with flags ${flags} leave as ${segments} segment(s)`, (t, r) => {
    const { a, b } = r;
    const [c, s] = r.joined();
    const before = segmentsOf(a);
    a.do((api) => {
      for (const text of [1, 2, 3]) api.send(c, new Uint8Array(10 * text), flags);
    });
    r.ms(50);
    t.equal(segmentsOf(a) - before, segments);
    t.equal(b.read(s).length, 60);
  });
}

dialogue('MSG_EOR of a message: behind its last buffer, if all was taken', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  a.do((api) => {
    api.send(c, new Uint8Array(3000), MSG.EOR);
    api.send(c, new Uint8Array(500), 0);
  });
  const before = segmentsOf(a);
  r.ms(50);
  t.equal(segmentsOf(a) - before, 4, '1448, 1448, 104 and 500');
  t.equal(
    b.call((api) => api.recv(s, new Uint8Array(9000), 0)),
    3500,
  );
});

dialogue('what waits: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD', (t, r) => {
  const { a, b } = r;
  const [c, s, l] = r.joined();
  a.do((api) => api.send(c, new Uint8Array(20_000), 0));
  r.ms(1);
  t.equal(ask(a, c, SIOCOUTQ), 20_000);
  t.equal(ask(a, c, SIOCOUTQNSD), 20_000 - 14_480, 'ten segments have left');
  r.ms(120);
  t.equal(ask(a, c, SIOCOUTQ), 0);
  t.equal(ask(b, s, SIOCINQ), 20_000);
  b.do((api) => api.recv(s, new Uint8Array(5000), 0));
  t.equal(ask(b, s, SIOCINQ), 15_000);
  a.must((api) => api.shutdown(c, SHUT.WR));
  t.equal(ask(a, c, SIOCOUTQ), 1, 'a FIN counts until it is acknowledged');
  r.ms(120);
  t.equal(ask(a, c, SIOCOUTQ), 0);
  t.equal(ask(b, s, SIOCINQ), 15_000);
  for (const request of [SIOCINQ, SIOCOUTQ, SIOCOUTQNSD]) t.equal(ask(b, l, request), 'EINVAL');
  t.equal(ask(b, l, SIOCATMARK), 0);
  t.equal(ask(a, c, 77), 'ENOTTY');
});

dialogue('the urgent byte: POLLPRI, the mark that no read passes, and MSG_OOB', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  t.equal(b.read(s, 1, MSG.OOB), 'EINVAL', 'there is none');
  a.write(c, 'before');
  a.write(c, 'U!', MSG.OOB);
  a.write(c, 'after');
  r.ms(50);
  t.equal(b.poll(s), 'IN PRI OUT');
  t.equal(ask(b, s, SIOCATMARK), 0);
  t.equal(ask(b, s, SIOCINQ), 7, 'up to the mark');
  t.equal(b.read(s), 'beforeU');
  t.equal(ask(b, s, SIOCATMARK), 1);
  t.equal(b.read(s, 1, MSG.OOB | MSG.PEEK), '!');
  t.equal(b.read(s, 1, MSG.OOB), '!');
  t.equal(b.read(s, 1, MSG.OOB), 'EINVAL', 'read once');
  t.equal(b.poll(s), 'IN OUT');
  t.equal(b.read(s), 'after');
  t.equal(ask(b, s, SIOCATMARK), 0);
});

dialogue('SO_OOBINLINE: the urgent byte is read with the others', (t, r) => {
  const { a, b } = r;
  const l = b.listening(`${SERVER}:80`);
  b.set(l, SOL.SOCKET, SO.OOBINLINE, 1);
  const c = r.connect(`${SERVER}:80`);
  r.ms(50);
  const s = b.must((api) => api.accept(l, null, 0o4000));
  t.equal(b.get(s, SOL.SOCKET, SO.OOBINLINE), 1, 'from the listener');
  a.write(c, 'before!', MSG.OOB);
  a.write(c, 'after');
  r.ms(50);
  t.equal(b.read(s, 1, MSG.OOB), 'EINVAL');
  t.equal(b.read(s), 'before', 'a read ends at the mark all the same');
  t.equal(ask(b, s, SIOCATMARK), 1);
  t.equal(b.read(s), '!after');
});

dialogue('SO_MEMINFO: what is charged to each queue, beside its limit', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  const meminfo = (side: Side, fd: number): number[] => {
    const into = new Uint8Array(36);
    t.equal(
      side.do((api) => api.getsockopt(fd, SOL.SOCKET, SO.MEMINFO, into)),
      36,
    );
    return [...new Int32Array(into.buffer)];
  };
  const limits = (side: Side, fd: number) =>
    [SO.RCVBUF, SO.SNDBUF].map((name) => side.get(fd, SOL.SOCKET, name));
  const [rcvbuf, sndbuf] = limits(a, c);
  a.do((api) => api.send(c, new Uint8Array(20_000), 0));
  r.ms(1);
  // In five frames of two segments, and a buffer of what waits; Linux charges each with 832 bytes.
  const charged = 20_000 + 6 * 832;
  t.same(meminfo(a, c), [0, rcvbuf, 14_480, sndbuf, 0, charged, 0, 0, 0], 'ten segments are out');
  r.ms(120);
  t.same(meminfo(a, c), [0, rcvbuf, 0, sndbuf, 0, 0, 0, 0, 0]);
  const [room, space] = limits(b, s);
  t.same(meminfo(b, s), [20_000, room, 0, space, 0, 0, 0, 0, 0]);
  b.do((api) => api.recv(s, new Uint8Array(5000), 0));
  t.equal(meminfo(b, s)[0], 15_000);
});
