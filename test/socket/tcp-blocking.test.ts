/** Calls that wait, on TCP sockets: coroutines of two simulated hosts. */
import { AF, MSG, SHUT, SOCK } from '../../src/socket/abi.ts';
import { addr } from './socket-rig.ts';
import { dialogue, SERVER } from './tcp-rig.ts';

const PORT = `${SERVER}:80`;

dialogue('a server and a client that wait in every call', (t, r) => {
  const { a, b } = r;
  const server = b.run(function* (sys) {
    const l = sys.api.socket(AF.INET, SOCK.STREAM, 0);
    sys.api.bind(l, addr(PORT));
    sys.api.listen(l, 5);
    const s = yield* sys.accept(l);
    const into = new Uint8Array(100_000);
    let total = 0;
    for (;;) {
      const n = yield* sys.read(s, into);
      if (n <= 0) break;
      total += n;
      yield* sys.sleep(1e6);
    }
    return total;
  });
  const client = a.run(function* (sys) {
    const c = sys.api.socket(AF.INET, SOCK.STREAM, 0);
    const result = yield* sys.connect(c, addr(PORT));
    if (result < 0) return result;
    const n = yield* sys.write(c, new Uint8Array(3_000_000));
    sys.api.shutdown(c, SHUT.WR);
    return n;
  });
  r.sec(20);
  t.equal(client.result, 3_000_000, 'all of it');
  t.equal(server.result, 3_000_000);
});

dialogue('MSG_WAITALL waits for all that was asked for, or the end', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  b.must((api) => api.fcntl(s, 4, 0));
  const all = b.run(function* (sys) {
    return yield* sys.recvfrom(s, new Uint8Array(10), MSG.WAITALL);
  });
  a.write(c, 'abcd');
  r.ms(50);
  t.equal(all.result, undefined);
  a.write(c, 'efghij');
  r.ms(50);
  t.equal(all.result, 10);
  const rest = b.run(function* (sys) {
    return yield* sys.recvfrom(s, new Uint8Array(10), MSG.WAITALL);
  });
  a.write(c, 'xyz');
  a.must((api) => api.shutdown(c, SHUT.WR));
  r.ms(50);
  t.equal(rest.result, 3);
});

dialogue('connect waits for the answer: refused, and nobody', (t, r) => {
  const { a } = r;
  const refused = a.run(function* (sys) {
    const c = sys.api.socket(AF.INET, SOCK.STREAM, 0);
    return yield* sys.connect(c, addr(`${SERVER}:81`));
  });
  r.ms(100);
  t.equal(refused.result, 'ECONNREFUSED');
  const lost = a.run(function* (sys) {
    const c = sys.api.socket(AF.INET, SOCK.STREAM, 0);
    return yield* sys.connect(c, addr('10.0.0.77:81'));
  });
  r.sec(300);
  t.match(String(lost.result), /EHOSTUNREACH|ETIMEDOUT/);
});
