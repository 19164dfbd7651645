/** The states and how each is reached, the events, and the timers, of the state × event matrix. */
import { SEC } from '../../src/base/time.ts';
import { AF, SHUT, SO, SOL, TCP_OPTION } from '../../src/socket/abi.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import type { SocketApi } from '../../src/socket/socket-api.ts';
import type { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { data } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { addr, int32 } from '../socket/socket-rig.ts';
import { PEER_PORT } from './scripted-peer.ts';
import type { StateRig } from './state-rig.ts';

const STEP_MS = 2;
const SYN = '<mss 1000,sackOK>';

/** What both sides have said so far, relative to their first numbers: RCV.NXT, SND.UNA, SND.NXT. */
export interface Numbers {
  readonly n: number;
  readonly u: number;
  readonly x: number;
}

// ---- the states ----

const WR = (r: StateRig): number => r.must(r.api.shutdown(r.fd, SHUT.WR));

/** ESTABLISHED, a hundred bytes each way said and acknowledged. */
function establish(r: StateRig): void {
  r.listen();
  r.says(`S 0:0(0) win 65535 ${SYN}`);
  r.wait(STEP_MS);
  r.says('. 1:1(0) ack 1');
  r.accept();
  r.says('P. 1:101(100) ack 1');
  r.must(r.api.recv(r.fd, new Uint8Array(1000), 0));
  r.must(r.api.send(r.fd, data(100, 0), 0));
  r.wait(STEP_MS);
  r.says('. 101:101(0) ack 101');
  r.wait(STEP_MS);
}

function connect(r: StateRig): void {
  r.socket();
  r.api.connect(r.fd, addr(`10.0.0.2:${PEER_PORT}`));
  r.wait(STEP_MS);
}

function writeOneSegment(r: StateRig): void {
  r.must(r.api.send(r.fd, data(1000, 100), 0));
}

/** The peer has closed, and its FIN is acknowledged. */
function halfClosedByPeer(r: StateRig): void {
  establish(r);
  r.says('F. 101:101(0) ack 101');
  r.wait(50);
}

/** Our FIN is acknowledged. */
function halfClosed(r: StateRig, isClosed: boolean): void {
  finWait1(r, isClosed);
  r.says('. 101:101(0) ack 102');
}

function finWait1(r: StateRig, isClosed: boolean): void {
  establish(r);
  if (isClosed) r.must(r.close());
  else WR(r);
  r.wait(STEP_MS);
}

/** How each is reached. "closed": the application has closed its socket, nobody reads. */
export const STATES: Readonly<Record<string, readonly [Numbers, (r: StateRig) => void]>> = {
  CLOSED: [{ n: 1, u: 0, x: 0 }, (r) => r.socket()],
  LISTEN: [{ n: 1, u: 0, x: 0 }, (r) => r.listen()],
  'SYN-SENT': [{ n: 1, u: 0, x: 1 }, connect],
  'SYN-RECEIVED': [
    { n: 1, u: 0, x: 1 },
    (r) => {
      r.listen();
      r.says(`S 0:0(0) win 65535 ${SYN}`);
    },
  ],
  'SYN-RECEIVED crossing': [
    { n: 1, u: 0, x: 1 },
    (r) => {
      connect(r);
      r.says(`S 0:0(0) win 65535 ${SYN}`);
    },
  ],
  ESTABLISHED: [
    { n: 101, u: 101, x: 1101 },
    (r) => {
      establish(r);
      writeOneSegment(r);
    },
  ],
  'FIN-WAIT-1': [{ n: 101, u: 101, x: 102 }, (r) => finWait1(r, false)],
  'FIN-WAIT-1 closed': [{ n: 101, u: 101, x: 102 }, (r) => finWait1(r, true)],
  'FIN-WAIT-2': [{ n: 101, u: 102, x: 102 }, (r) => halfClosed(r, false)],
  'FIN-WAIT-2 closed': [{ n: 101, u: 102, x: 102 }, (r) => halfClosed(r, true)],
  'CLOSE-WAIT': [
    { n: 102, u: 101, x: 1101 },
    (r) => {
      halfClosedByPeer(r);
      writeOneSegment(r);
    },
  ],
  CLOSING: [
    { n: 102, u: 101, x: 102 },
    (r) => {
      finWait1(r, false);
      r.says('F. 101:101(0) ack 101');
    },
  ],
  'LAST-ACK': [
    { n: 102, u: 101, x: 102 },
    (r) => {
      halfClosedByPeer(r);
      WR(r);
    },
  ],
  'TIME-WAIT': [
    { n: 102, u: 102, x: 102 },
    (r) => {
      halfClosed(r, false);
      r.says('F. 101:101(0) ack 102');
    },
  ],
};

// ---- the events ----

type Event = (r: StateRig, at: Numbers) => string;

/** A segment, or an ICMP error, as a dialogue has it. */
const says =
  (line: (at: Numbers) => string): Event =>
  (r, at) => {
    r.says(line(at));
    return '';
  };

const call =
  (f: (api: SocketApi, fd: number) => number): Event =>
  (r) =>
    r.call(f);

const text = (from: number, len: number): string => `${from}:${from + len}(${len})`;
const BEYOND = 100_000;

const NOBODY = new SockAddr().set(AF.UNSPEC, ip('0.0.0.0'), 0, 0);
const LINGER_0 = new Uint8Array([...int32(1), ...int32(0)]);

export const EVENT: Readonly<Record<string, Event>> = {
  'SYN again': says(() => `S 0:0(0) ${SYN}`),
  'SYN in the window': says(({ n }) => `S ${text(n + 10, 0)} ${SYN}`),
  'SYN beyond the window': says(({ n }) => `S ${text(n + BEYOND, 0)} ${SYN}`),
  'SYN-ACK': says(({ x }) => `S. 0:0(0) ack ${x} ${SYN}`),
  'SYN-ACK of the future': says(({ x }) => `S. 0:0(0) ack ${x + 1} ${SYN}`),
  'RST exact': says(({ n }) => `R ${text(n, 0)}`),
  'RST in the window': says(({ n }) => `R ${text(n + 10, 0)}`),
  'RST below the window': says(({ n }) => `R ${text(n - 2, 0)}`),
  'RST beyond the window': says(({ n }) => `R ${text(n + BEYOND, 0)}`),
  'RST-ACK': says(({ n, x }) => `R. ${text(n, 0)} ack ${x}`),
  'RST-ACK of the future': says(({ n, x }) => `R. ${text(n, 0)} ack ${x + 1}`),
  FIN: says(({ n, u }) => `F. ${text(n, 0)} ack ${u}`),
  'FIN and ACK of all': says(({ n, x }) => `F. ${text(n, 0)} ack ${x}`),
  'FIN after a gap': says(({ n, u }) => `F. ${text(n + 100, 0)} ack ${u}`),
  'FIN beyond the window': says(({ n, u }) => `F. ${text(n + BEYOND, 0)} ack ${u}`),
  text: says(({ n, u }) => `P. ${text(n, 100)} ack ${u}`),
  'text and FIN': says(({ n, u }) => `FP. ${text(n, 100)} ack ${u}`),
  'text and ACK of all': says(({ n, x }) => `P. ${text(n, 100)} ack ${x}`),
  'old text': says(({ n, u }) => `P. ${text(n - 100, 100)} ack ${u}`),
  'text after a gap': says(({ n, u }) => `P. ${text(n + 100, 100)} ack ${u}`),
  'text beyond the window': says(({ n, u }) => `P. ${text(n + BEYOND, 100)} ack ${u}`),
  'urgent text': says(({ n, u }) => `PU. ${text(n, 10)} ack ${u} urg 10`),
  'ACK old': says(({ n, u }) => `. ${text(n, 0)} ack ${u - 50}`),
  'ACK ancient': says(({ n, u }) => `. ${text(n, 0)} ack ${u - BEYOND}`),
  'ACK again': says(({ n, u }) => `. ${text(n, 0)} ack ${u}`),
  'ACK of all': says(({ n, x }) => `. ${text(n, 0)} ack ${x}`),
  'ACK of the future': says(({ n, x }) => `. ${text(n, 0)} ack ${x + 1}`),
  'ACK beyond the window': says(({ n, x }) => `. ${text(n + BEYOND, 0)} ack ${x}`),
  'text without ACK': says(({ n }) => `P ${text(n, 100)}`),
  'no flags': says(({ n }) => `- ${text(n, 0)}`),
  'ICMP host-unreachable': says(({ u }) => `icmp host-unreachable ${u}`),
  'ICMP port-unreachable': says(({ u }) => `icmp port-unreachable ${u}`),
  'ICMP about nothing in flight': says(({ x }) => `icmp port-unreachable ${x + 5000}`),
  listen: call((api, fd) => api.listen(fd, 5)),
  connect: call((api, fd) => api.connect(fd, addr(`10.0.0.2:${PEER_PORT}`))),
  disconnect: call((api, fd) => api.connect(fd, NOBODY)),
  'write 10': call((api, fd) => api.send(fd, data(10, 1100), 0)),
  'read 10': call((api, fd) => api.recv(fd, new Uint8Array(10), 0)),
  'shutdown for writing': call((api, fd) => api.shutdown(fd, SHUT.WR)),
  'shutdown for reading': call((api, fd) => api.shutdown(fd, SHUT.RD)),
  close: (r) => r.call(() => r.close()),
  abort: (r) =>
    r.call((api, fd) => {
      api.setsockopt(fd, SOL.SOCKET, SO.LINGER, LINGER_0);
      return r.close();
    }),
  // The last: what it says about the path stays.
  'ICMP frag-needed 600': says(({ u }) => `icmp frag-needed 600 ${u}`),
};

// ---- the timers ----

interface Timer {
  /** What is tuned so that it passes soon. */
  readonly config: Partial<TcpConfig>;
  readonly begin: Event;
  readonly waitMs: number;
}

const SOON: Partial<TcpConfig> = {
  retries2: 2,
  orphanRetries: 2,
  synRetries: 1,
  synLinearTimeouts: 0,
  synackRetries: 1,
};

/** Each is given its time in every state; where it cannot be armed something else happens, or nothing. */
export const TIMER: Readonly<Record<string, Timer>> = {
  retransmission: { config: SOON, begin: () => '', waitMs: 4500 },
  'user timeout': {
    config: {},
    begin: (r) => r.option(SOL.TCP, TCP_OPTION.USER_TIMEOUT, 500),
    waitMs: 1200,
  },
  persist: {
    config: {},
    begin: (r, { n, x }) => {
      r.says(`. ${text(n, 0)} ack ${x} win 0`);
      return r.call((api, fd) => api.send(fd, data(100, 1100), 0));
    },
    waitMs: 1000,
  },
  keepalive: {
    config: { keepaliveTimeNs: SEC, keepaliveIntervalNs: SEC, keepaliveProbes: 2 },
    begin: (r, { n, x }) => {
      const isWriting = r.state === 'ESTABLISHED' || r.state === 'CLOSE-WAIT';
      if (isWriting) r.says(`. ${text(n, 0)} ack ${x}`); // only who is idle is asked
      return r.option(SOL.SOCKET, SO.KEEPALIVE, 1);
    },
    waitMs: 4500,
  },
  'FIN-WAIT-2': { config: { finTimeoutNs: SEC }, begin: () => '', waitMs: 2500 },
  'TIME-WAIT': { config: {}, begin: () => '', waitMs: 61_000 },
};

/** What becomes of an event, or of a timer that is given its time: `next | sent | heard`; `=` is the same state. */
export function outcome(r: StateRig, state: string, event: string): string {
  const [numbers, reach] = STATES[state]!;
  const timer = TIMER[event];
  if (timer !== undefined) r.tune(timer.config);
  reach(r);
  const name = state.split(' ')[0]!;
  if (r.state !== name) throw new Error(`${state} was not reached: ${r.state}`);
  r.takeSent();
  const before = r.poll();
  const result = (timer?.begin ?? EVENT[event]!)(r, numbers);
  r.wait(timer?.waitMs ?? 100);
  const after = r.poll();
  const isOpen = r.fd >= 0;
  const news = [
    ...after.filter((e) => !before.includes(e)),
    ...before.filter((e) => isOpen && !after.includes(e)).map((e) => `-${e}`),
  ];
  const heard = [result, timer === undefined && result !== '' ? '' : news.join(' '), r.error()]
    .filter((s) => s !== '')
    .join(' ');
  const next = r.state === name ? '=' : r.state;
  return [next, r.takeSent() || '-', heard || '-'].join(' | ');
}
