/** Sockets when the pages of the stack run out. */
import t from 'tap';
import { O_NONBLOCK, POLL } from '../../src/socket/abi.ts';
import { PollFd } from '../../src/socket/poll.ts';
import { SERVER, TcpRig } from './tcp-rig.ts';

const PAGES = 6;
const PAGE_BYTES = 16448;

t.test('a writer that got no page cannot write, and is told when it can', async (t) => {
  const r = new TcpRig(1, PAGES);
  const [c, s, l] = r.joined();
  const other = r.connect(`${SERVER}:80`);
  r.ms(50);
  r.b.must((api) => api.accept(l, null, O_NONBLOCK));
  const much = new Uint8Array(200_000);
  const writeMuch = (fd: number) => r.a.call((api) => api.send(fd, much, 0));
  t.equal(writeMuch(c), 5 * PAGE_BYTES, 'one page in four, rounded down, is left to receivers');
  t.equal(r.a.poll(c, POLL.OUT), '', 'it was not given all that it wanted');
  t.equal(writeMuch(other), 'EAGAIN');
  t.equal(r.a.poll(other, POLL.OUT), '', 'there is room in its buffer, but no page');
  const woken = r.a.run(function* (sys) {
    return yield* sys.poll([new PollFd(other, POLL.OUT)], -1);
  });
  const into = new Uint8Array(much.length);
  for (let i = 0; i < 100 && woken.result === undefined; i++) {
    r.ms(10);
    r.b.do((api) => api.recv(s, into, 0));
  }
  t.equal(woken.result, 1, 'POLLOUT when pages are back');
  t.ok((writeMuch(other) as number) > 0, 'and there is one to write to');
  r.end(t);
});
