/** Random calls on both ends of a connection, against the model of two byte streams; in the end nothing is left. */
import fc from 'fast-check';
import tap from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { MSG, SHUT } from '../../src/socket/abi.ts';
import { type Side, TcpRig } from './tcp-rig.ts';

const SEED = 20;
const RUNS = 40;

/** The byte at a place in the stream. */
const byteAt = (place: number): number => (place * 31 + (place >> 8)) & 255;

/** One direction: what was taken from the writer, and given to the reader. */
class Stream {
  written = 0;
  read = 0;
  isEnded = false;
}

const WRITE_ERRORS = ['EAGAIN', 'EPIPE', 'ECONNRESET'];
const READ_ERRORS = ['EAGAIN', 'ECONNRESET'];

type Step = readonly [who: 0 | 1, what: string, amount: number, flags: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom<0 | 1>(0, 1),
  fc.constantFrom('write', 'write', 'read', 'read', 'peek', 'wait', 'wait', 'shut'),
  fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 3000, max: 400_000 })),
  fc.constantFrom(0, 0, MSG.MORE, MSG.EOR),
);

function write(side: Side, fd: number, s: Stream, len: number, flags: number): void {
  const from = Uint8Array.from({ length: len }, (_, i) => byteAt(s.written + i));
  const n = side.do((api) => api.send(fd, from, flags));
  if (n < 0) {
    const name = errnoName(n);
    if (!WRITE_ERRORS.includes(name)) throw new Error(`write: ${name}`);
    if (name === 'EPIPE' && !s.isEnded) throw new Error('EPIPE before the end');
    return;
  }
  if (s.isEnded) throw new Error('a byte after the end');
  s.written += n;
}

function read(side: Side, fd: number, s: Stream, room: number, isPeek: boolean): number {
  const into = new Uint8Array(room);
  const n = side.do((api) => api.recv(fd, into, isPeek ? MSG.PEEK : 0));
  if (n < 0) {
    const name = errnoName(n);
    if (!READ_ERRORS.includes(name)) throw new Error(`read: ${name}`);
    return 0;
  }
  if (n === 0 && !(s.isEnded && s.read === s.written)) throw new Error('an end too early');
  if (s.read + n > s.written) throw new Error('bytes nobody wrote');
  for (let i = 0; i < n; i++) {
    if (into[i] !== byteAt(s.read + i)) throw new Error(`byte ${s.read + i} is another`);
  }
  if (!isPeek) s.read += n;
  return n;
}

tap.test(`two streams of bytes, ${RUNS} random programs, seed ${SEED}`, async (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
      const r = new TcpRig(SEED);
      const fds = r.joined();
      const sides = [r.a, r.b] as const;
      const streams = [new Stream(), new Stream()] as const;
      for (const [who, what, amount, flags] of steps) {
        const side = sides[who];
        const fd = fds[who];
        if (what === 'write') write(side, fd, streams[who], amount, flags);
        else if (what === 'wait') r.ms(amount % 50);
        else if (what === 'shut') {
          if (streams[who].isEnded) continue; // ENOTCONN, once both ends are done
          side.must((api) => api.shutdown(fd, SHUT.WR));
          streams[who].isEnded = true;
        } else read(side, fd, streams[1 - who]!, amount, what === 'peek');
      }
      // Whatever was taken arrives, and then the end.
      for (const who of [0, 1] as const) {
        if (!streams[who].isEnded) sides[who].must((api) => api.shutdown(fds[who], SHUT.WR));
        streams[who].isEnded = true;
      }
      for (let i = 0; i < 200; i++) {
        r.ms(100);
        for (const who of [0, 1] as const) {
          while (read(sides[who], fds[who], streams[1 - who]!, 1 << 20, false) > 0);
        }
        if (streams.every((s) => s.read === s.written)) break;
      }
      if (streams.some((s) => s.read !== s.written)) throw new Error('bytes were lost');
      r.end(t);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});
