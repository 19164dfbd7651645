/**
 * Every way through TCP in steady state, as whole turns of two stacks: bulk data, ACKs, loss with SACK and
 * without, reordering, timeouts, one byte to and fro. Both ends are under the gate, and what is counted are
 * the frames of both directions. Applications write whole pages and take without a copy: at their edge a view is
 * made for each page (decision 2 ends there).
 */

import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import { tcpDiscard, tcpRead, tcpWrite } from '../../src/tcp/user-calls.ts';
import { Counter, Recorder, Repeater } from '../tcp/one-sided.ts';
import { Drain, PageSource, SUPER_FRAMES, TcpRig, type TcpRigOptions } from '../tcp/rig.ts';
import type { AllocCase } from './measure.ts';

const OFFLOAD = { txChecksum: true, rxChecksum: true };
/** Frames a call: it turns until so many have passed. */
const FRAMES = 1000;

function passed(rig: TcpRig): number {
  return rig.forth.frames + rig.back.frames;
}

/** Turns until FRAMES have passed; when nothing moves for a while, until the next timer. */
function run(rig: TcpRig): void {
  const until = passed(rig) + FRAMES;
  let last = passed(rig);
  let idle = 0;
  while (last < until) {
    rig.turn();
    const now = passed(rig);
    idle = now === last ? idle + 1 : 0;
    if (idle > 4) rig.sleep();
    last = now;
  }
}

interface Bulk extends TcpRigOptions {
  readonly hasSack?: boolean;
  readonly hasTimestamps?: boolean;
  /** What the run claims of the counters, at its end. */
  readonly claims?: (rig: TcpRig) => boolean;
}

function check(what: string, condition: boolean): void {
  if (!condition) throw new Error(`the run was not what it claims: ${what}`);
}

function bulk(options: Bulk): () => () => void {
  return () => {
    const rig = new TcpRig(options);
    if (options.hasSack === false) rig.a.tcp.config.sack = 0;
    if (options.hasTimestamps === false) rig.a.tcp.config.timestamps = 0;
    const [client, server] = rig.pair();
    const source = new PageSource(client);
    const sink = new Drain(server);
    source.writable();
    let calls = 0;
    return () => {
      const before = sink.bytes;
      run(rig);
      check('text arrives', sink.bytes > before || options.loseEvery !== undefined);
      calls++;
      if (calls > 1000 && options.claims !== undefined) check('counters', options.claims(rig));
    };
  };
}

/** Sends as many bytes back as it was sent, once all of them are there. Few are copied, many dropped: see `Drain`. */
class Echo implements ConnectionOwner {
  private readonly c: TcpConnection;
  private readonly bytes: Uint8Array;
  private got = 0;

  constructor(c: TcpConnection, bytes: number) {
    this.c = c;
    this.bytes = new Uint8Array(bytes);
    c.setOwner(this);
  }

  readable(): void {
    const { c, bytes } = this;
    const n = bytes.length === 1 ? tcpRead(c, bytes) : tcpDiscard(c, bytes.length - this.got);
    if (n > 0) this.got += n;
    if (this.got < bytes.length) return;
    this.got = 0;
    this.send();
  }

  send(): void {
    if (tcpWrite(this.c, this.bytes) !== this.bytes.length) throw new Error('not taken');
  }

  writable(): void {
    // it writes when it has read
  }

  closed(errno: number): void {
    throw new Error(`closed: errno ${errno}`);
  }
}

function pingPong(bytes: number): () => () => void {
  return () => {
    const rig = new TcpRig({ caps: OFFLOAD });
    const [client, server] = rig.pair();
    const ping = new Echo(client, bytes);
    new Echo(server, bytes);
    ping.send();
    return () => run(rig);
  };
}

/** Nothing arrives for a while, again and again: the timer fires and everything in flight is sent anew. */
function timeouts(cc: 'reno' | 'cubic'): () => () => void {
  return () => {
    const rig = new TcpRig({ caps: OFFLOAD, cc });
    const [client, server] = rig.pair();
    const source = new PageSource(client);
    new Drain(server);
    source.writable();
    let calls = 0;
    const { mib } = client.tcp;
    return () => {
      run(rig);
      rig.forth.setCut(true);
      const before = mib.get('TCPTimeouts');
      for (let i = 0; i < 8; i++) rig.turn();
      while (mib.get('TCPTimeouts') === before) {
        rig.sleep();
        rig.turn();
      }
      rig.forth.setCut(false);
      calls++;
      check('timeouts', mib.get('TCPTimeouts') >= calls);
    };
  };
}

const FULL_BYTES = 1448;
/** Text segments or ACKs a turn. */
const BURST = 64;

/** Two segments a turn come from a script, and one ACK leaves: what is counted are the ACKs. */
function onlyAcks(): () => void {
  const rig = new TcpRig({ caps: OFFLOAD });
  const [left, right] = rig.devices;
  const recorder = new Recorder(rig.frames, rig.forth);
  left.connect(recorder);
  const [client, server] = rig.pair();
  const sink = new Drain(server);
  tcpWrite(client, new Uint8Array(FULL_BYTES));
  for (let i = 0; i < 4; i++) rig.turn();
  check('a segment was recorded', sink.bytes === FULL_BYTES);
  const acks = new Counter(rig.frames);
  right.connect(acks);
  const sender = new Repeater(rig.frames, right, recorder.last, BURST, true);
  return () => {
    const until = acks.frames + FRAMES;
    const before = sink.bytes;
    for (let i = 0; acks.frames < until; i++) {
      check('every two segments are acknowledged', i <= 2 * FRAMES);
      sender.send(FULL_BYTES);
      sender.send(FULL_BYTES);
      rig.turnOf(rig.b);
    }
    check('text arrives', sink.bytes - before >= 2 * FRAMES * FULL_BYTES);
  };
}

/** Every second segment is acknowledged by a script: what is counted are the ACKs that come. */
function ackClocked(cc: 'reno' | 'cubic'): () => () => void {
  return () => {
    const rig = new TcpRig({ caps: OFFLOAD, cc });
    const [left, right] = rig.devices;
    const recorder = new Recorder(rig.frames, rig.back);
    right.connect(recorder);
    const [client, server] = rig.pair();
    new Drain(server);
    tcpWrite(client, new Uint8Array(FULL_BYTES));
    for (let i = 0; i < 8; i++) rig.turn();
    const receiver = new Repeater(rig.frames, left, recorder.last, BURST, false);
    const text = new Counter(rig.frames);
    left.connect(text);
    const source = new PageSource(client);
    source.writable();
    return () => {
      const before = text.frames;
      let acks = 0;
      for (let turns = 0; acks < FRAMES; turns++) {
        check('text leaves', turns < 100 * FRAMES);
        const seen = text.frames;
        const una = text.seqEnd;
        rig.turnOf(rig.a);
        const n = Math.min((text.frames - seen) >> 1, BURST);
        for (let i = 1; i < n; i++) receiver.sendAt((una + 2 * i * FULL_BYTES) | 0);
        if (text.frames > seen) receiver.sendAt(text.seqEnd);
        acks += Math.max(n, 1);
      }
      check('they were text', text.frames - before > FRAMES);
      check('no timeout', client.tcp.mib.get('TCPTimeouts') === 0);
    };
  };
}

/** SO_MAX_PACING_RATE: departures are spaced by a timer. */
function paced(caps: TcpRigOptions['caps'], bytesPerSecond: number): () => () => void {
  return () => {
    const rig = new TcpRig({ caps: caps ?? {}, cc: 'cubic' });
    const [client, server] = rig.pair();
    const sink = new Drain(server);
    const settings = client.settings.own();
    settings.change({ maxPacingRate: bytesPerSecond });
    client.setSettings(settings);
    new PageSource(client).writable();
    let beganNs = 0;
    let began = 0;
    return () => {
      run(rig);
      const { nowNs } = rig.b.env;
      if (beganNs === 0) {
        beganNs = nowNs;
        began = sink.bytes;
        return;
      }
      const rate = (sink.bytes - began) / ((nowNs - beganNs) / 1e9);
      check('the rate is kept', rate < 1.1 * bytesPerSecond && rate > 0.5 * bytesPerSecond);
    };
  };
}

const retransmits = (rig: TcpRig) => rig.a.tcp.mib.get('RetransSegs') > 100;

const RENO = { caps: OFFLOAD, cc: 'reno' } as const;
const CUBIC = { caps: OFFLOAD, cc: 'cubic' } as const;

const BULK: readonly (readonly [string, Bulk])[] = [
  ['bulk text, reno', RENO],
  ['bulk text, cubic', CUBIC],
  ['bulk text, checksums in JavaScript', {}],
  ['bulk text without timestamps', { ...CUBIC, hasTimestamps: false }],
  ['super-frames, reno', { caps: SUPER_FRAMES, cc: 'reno' }],
  ['super-frames, cubic', { caps: SUPER_FRAMES, cc: 'cubic' }],
  ['loss and SACK, reno', { ...RENO, loseEvery: 100, claims: retransmits }],
  ['loss and SACK, cubic', { ...CUBIC, loseEvery: 100, claims: retransmits }],
  ['loss without SACK, reno', { ...RENO, loseEvery: 100, hasSack: false, claims: retransmits }],
  [
    'loss of super-frames, cubic',
    { caps: SUPER_FRAMES, cc: 'cubic', loseEvery: 50, claims: retransmits },
  ],
  ['reordering, cubic', { ...CUBIC, swapEvery: 10, claims: (rig) => rig.forth.swapped > 100 }],
  ['loss and reordering, reno', { ...RENO, swapEvery: 10, loseEvery: 77, claims: retransmits }],
];

const ONE_SIDED: readonly (readonly [string, () => () => void])[] = [
  ['ACKs alone leave', onlyAcks],
  ['ACKs alone come, reno', ackClocked('reno')],
  ['ACKs alone come, cubic', ackClocked('cubic')],
  ['paced text', paced(OFFLOAD, 50e6)],
  ['paced super-frames', paced(SUPER_FRAMES, 100e6)],
];

export const cases: readonly AllocCase[] = [
  ...ONE_SIDED.map(([name, build]) => ({
    name: `TCP: ${name}`,
    packetsPerCall: FRAMES,
    hasRarePaths: true,
    build,
  })),
  ...BULK.map(([name, options]) => ({
    name: `TCP: ${name}`,
    packetsPerCall: FRAMES,
    hasRarePaths: true,
    build: bulk(options),
  })),
  {
    name: 'TCP: a byte to and fro',
    packetsPerCall: FRAMES,
    hasRarePaths: true,
    build: pingPong(1),
  },
  {
    name: 'TCP: 4096 bytes to and fro',
    packetsPerCall: FRAMES,
    hasRarePaths: true,
    build: pingPong(4096),
  },
  {
    name: 'TCP: timeouts, reno',
    packetsPerCall: FRAMES,
    hasRarePaths: true,
    build: timeouts('reno'),
  },
  {
    name: 'TCP: timeouts, cubic',
    packetsPerCall: FRAMES,
    hasRarePaths: true,
    build: timeouts('cubic'),
  },
];
