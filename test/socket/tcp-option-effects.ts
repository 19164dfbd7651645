/** What the options of stream sockets do, where no other test shows it: each function returns what was seen. */
import { errnoName } from '../../src/base/errno.ts';
import { MS } from '../../src/base/time.ts';
import { SO, SOL, TCP_OPTION as TCP } from '../../src/socket/abi.ts';
import { addr } from './socket-rig.ts';
import { DELAY_MS, SERVER, type TcpRig } from './tcp-rig.ts';

export type Answer = number | string;

const HUGE = 2147483647;
const PORT = `${SERVER}:80`;
const MSG_PEEK = 2;

const timeval = (ms: number): Uint8Array =>
  new Uint8Array(BigInt64Array.of(0n, BigInt(ms) * 1000n).buffer);

/** A call that waits gives up after 50 ms: nothing comes, or the peer's window is shut. */
export function limit(r: TcpRig, isReceive: boolean): Answer[] {
  const [c, s] = r.joined();
  r.b.set(s, SOL.SOCKET, SO.RCVBUF, 4000);
  r.a.set(c, SOL.SOCKET, SO.SNDBUF, 4000);
  r.a.must((api) =>
    api.setsockopt(c, SOL.SOCKET, isReceive ? SO.RCVTIMEO : SO.SNDTIMEO, timeval(50)),
  );
  if (!isReceive)
    for (let i = 0; i < 20; i++, r.ms(50)) r.a.call((api) => api.send(c, new Uint8Array(9000), 0));
  r.a.must((api) => api.fcntl(c, 4, 0));
  const began = r.sim.nowNs / MS;
  const task = r.a.run((sys) =>
    isReceive ? sys.recvfrom(c, new Uint8Array(1), 0) : sys.write(c, new Uint8Array(1)),
  );
  r.ms(100);
  return [task.result ?? 'waits', Math.round(task.atMs - began)];
}

export function forced(r: TcpRig, option: number, shown: number): Answer[] {
  return [-1, 5_000_000, HUGE].map((value) => {
    const fd = r.a.tcp();
    r.a.set(fd, SOL.SOCKET, option, value);
    return r.a.get(fd, SOL.SOCKET, shown);
  });
}

export function lowWater(r: TcpRig): Answer[] {
  const [c, s] = r.joined();
  r.b.set(s, SOL.SOCKET, SO.RCVLOWAT, 5);
  const blocked = r.b.run(function* (sys) {
    sys.api.fcntl(s, 4, 0);
    sys.api.setsockopt(s, SOL.SOCKET, SO.RCVTIMEO, timeval(100));
    return yield* sys.recvfrom(s, new Uint8Array(9), MSG_PEEK);
  });
  r.a.write(c, 'four');
  r.ms(50);
  const before = r.b.poll(s, 1);
  const early = blocked.result === undefined ? 'EAGAIN' : blocked.result;
  r.a.write(c, '5');
  r.ms(50);
  return [before, early, r.b.poll(s, 1), blocked.result!];
}

function moved(r: TcpRig, rate: number): string {
  const [c, s] = r.joined(`${SERVER}:${80 + (rate % 1000) + 1}`);
  r.a.set(c, SOL.SOCKET, SO.SNDBUF, 400_000);
  r.a.set(c, SOL.SOCKET, SO.MAX_PACING_RATE, rate);
  r.a.must((api) => api.send(c, new Uint8Array(200_000), 0));
  let got = 0;
  for (let i = 0; i < 10; i++) {
    r.ms(100);
    got += Number(r.b.call((api) => api.recv(s, new Uint8Array(200_000), 0))) || 0;
  }
  // A second's worth, and what leaves before the pacer begins.
  if (rate === 100_001 && (got < 90_000 || got > 125_000)) return `${got}`;
  return got === 200_000 ? 'all of 200000' : 'some of 200000';
}

export function paced(r: TcpRig): Answer[] {
  return [moved(r, 100_001), moved(r, -2), moved(r, 0)];
}

export function tied(r: TcpRig): Answer[] {
  const { b } = r;
  const bind = (fd: number, text: string) =>
    b.call((api) => api.setsockopt(fd, 1, SO.BINDTODEVICE, Buffer.from(text)));
  const l = b.bound(PORT);
  const set = bind(l, 'lo');
  b.must((api) => api.listen(l, 1));
  const other = b.tcp();
  bind(other, 'eth0\0and more');
  const into = Buffer.alloc(16);
  const short = b.call((api) => api.getsockopt(other, 1, SO.BINDTODEVICE, into.subarray(0, 15)));
  const n = b.must((api) => api.getsockopt(other, 1, SO.BINDTODEVICE, into));
  const c = r.connect(PORT);
  r.ms(5 * DELAY_MS);
  const error = errnoName(-Number(r.a.get(c, 1, SO.ERROR)));
  return [set, short, into.toString('latin1', 0, n), error];
}

export function corked(r: TcpRig): Answer[] {
  const [c, s] = r.joined();
  r.a.set(c, SOL.TCP, TCP.CORK, 1);
  r.a.write(c, 'abc');
  r.ms(100);
  const before = r.b.read(s);
  r.a.set(c, SOL.TCP, TCP.CORK, 0);
  r.ms(2 * DELAY_MS);
  return [before, r.b.read(s)];
}

export function segmentOf(r: TcpRig, asked: number): Answer {
  const l = r.b.listening(PORT);
  const c = r.a.tcp();
  r.a.set(c, SOL.TCP, TCP.MAXSEG, asked);
  r.a.do((api) => api.connect(c, addr(PORT)));
  r.ms(5 * DELAY_MS);
  const s = r.b.must((api) => api.accept(l, null, 0));
  return r.b.get(s, SOL.TCP, TCP.MAXSEG);
}

/** A listener whose queue is full does not answer: after tcp_syn_linear_timeouts, one SYN more, or six. */
export function unanswered(r: TcpRig): Answer[] {
  r.b.listening(PORT, 0);
  r.connect(PORT);
  r.ms(50);
  return [1, 6].map((count) => {
    const c = r.a.tcp();
    r.a.set(c, SOL.TCP, TCP.SYNCNT, count);
    r.a.do((api) => api.connect(c, addr(PORT)));
    r.sec(8);
    const errno = Number(r.a.get(c, SOL.SOCKET, SO.ERROR));
    return errno === 0 ? 0 : errnoName(-errno);
  });
}

export function infoLengths(r: TcpRig): Answer[] {
  const [c] = r.joined();
  const lengths = [0, 1, 104, 279, 280, 400];
  return lengths.map((n) => r.a.call((api) => api.getsockopt(c, 6, TCP.INFO, new Uint8Array(n))));
}

/** Segments that are not acknowledged a moment after the round trip: as it is, off, and on again. */
export function quick(r: TcpRig): Answer[] {
  const [c, s] = r.joined();
  return [-1, 0, 1].map((value) => {
    if (value >= 0) r.b.set(s, SOL.TCP, TCP.QUICKACK, value);
    r.sec(1);
    r.a.write(c, 'x');
    r.ms(2 * DELAY_MS + 5);
    const info = new DataView(new ArrayBuffer(280));
    r.a.must((api) => api.getsockopt(c, SOL.TCP, TCP.INFO, new Uint8Array(info.buffer)));
    return info.getUint32(24, true); // tcpi_unacked
  });
}

export function clock(r: TcpRig): Answer[] {
  const [c] = r.joined();
  const at = Number(r.a.get(c, SOL.TCP, TCP.TIMESTAMP));
  r.ms(250);
  return [Number(r.a.get(c, SOL.TCP, TCP.TIMESTAMP)) - at];
}

/** Neither reno nor cubic has any; bbr's struct has 20 bytes, dctcp's and vegas's 16. How many there are, then what they say. */
export function ccInfo(r: TcpRig): Answer[] {
  const [c] = r.joined();
  const into = new DataView(new ArrayBuffer(64));
  const ask = () =>
    r.a.call((api) => api.getsockopt(c, SOL.TCP, TCP.CC_INFO, new Uint8Array(into.buffer)));
  const none = ask();
  const lengthOf = (name: string): Answer => {
    const bytes = new TextEncoder().encode(name);
    r.a.must((api) => api.setsockopt(c, SOL.TCP, TCP.CONGESTION, bytes));
    return ask();
  };
  const word = (i: number): number => into.getUint32(4 * i, true);
  const bbr = [lengthOf('bbr'), word(1), word(2) > 0 ? 'measured' : 'nothing', word(3), word(4)];
  const dctcp = [lengthOf('dctcp'), word(0), word(1)]; // the peer did not agree on ECN
  const vegas = [lengthOf('vegas'), word(0), word(1), word(2), word(3)];
  return [none, ...bbr, ...dctcp, ...vegas];
}
