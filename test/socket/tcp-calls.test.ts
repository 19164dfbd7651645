/** Connecting, accepting, reading, writing and closing TCP sockets: results and errnos, as Linux has them. */
import { SHUT } from '../../src/socket/abi.ts';
import { addr } from './socket-rig.ts';
import { CLIENT, dialogue, SERVER } from './tcp-rig.ts';

dialogue('connect, accept, bytes both ways, and an orderly end', (t, r) => {
  const { a, b } = r;
  const l = b.listening(`${SERVER}:80`);
  t.equal(b.poll(l), '');
  const c = a.tcp();
  const to = addr(`${SERVER}:80`);
  t.equal(
    a.call((api) => api.connect(c, to)),
    'EINPROGRESS',
  );
  t.equal(
    a.call((api) => api.connect(c, to)),
    'EALREADY',
  );
  t.equal(a.poll(c), '');
  t.equal(a.write(c, 'early'), 'EAGAIN');
  t.equal(a.read(c), 'EAGAIN');
  t.equal(a.peer(c), 'ENOTCONN');
  t.match(a.name(c), /^10\.0\.0\.1:\d+$/);
  r.ms(50);
  t.equal(a.poll(c), 'OUT');
  t.equal(
    a.call((api) => api.connect(c, to)),
    0,
    'the first call after it stands tells so',
  );
  t.equal(
    a.call((api) => api.connect(c, to)),
    'EISCONN',
  );
  t.equal(b.poll(l), 'IN');
  const s = b.must((api) => api.accept(l, null, 0o4000));
  t.equal(
    b.call((api) => api.accept(l, null, 0)),
    'EAGAIN',
  );
  t.equal(b.peer(s), a.name(c));
  t.equal(b.name(s), `${SERVER}:80`);
  t.equal(a.peer(c), `${SERVER}:80`);
  t.equal(a.write(c, 'hello'), 5);
  r.ms(50);
  t.equal(b.poll(s), 'IN OUT');
  t.equal(b.read(s, 3), 'hel');
  t.equal(b.read(s), 'lo');
  t.equal(b.read(s), 'EAGAIN');
  t.equal(b.write(s, 'world'), 5);
  t.equal(
    b.call((api) => api.shutdown(s, SHUT.WR)),
    0,
  );
  t.equal(b.write(s, 'more'), 'EPIPE');
  r.ms(50);
  t.equal(a.poll(c), 'IN OUT RDHUP');
  t.equal(a.read(c), 'world');
  t.equal(a.read(c), '', 'the end');
  t.equal(a.write(c, 'still'), 5);
  r.ms(50);
  t.equal(b.read(s), 'still');
  t.equal(
    a.call((api) => api.close(c)),
    0,
  );
  r.ms(50);
  t.equal(b.poll(s), 'IN OUT HUP RDHUP');
  t.equal(b.read(s), '');
  t.match(CLIENT, /10/);
});
