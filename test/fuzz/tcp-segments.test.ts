/**
 * One connection, and a peer that sends anything: segments with every number near an edge, SACKs of what was
 * never sent, clocks that go back, windows that shrink; while an application writes, reads and closes, time passes,
 * and the device fills up or the route goes. Whatever comes:
 *   - nothing throws, and the counts that recovery rests on stay true;
 *   - what is queued has a deadline: nothing is ever forgotten;
 *   - once the application has closed and the peer says nothing more, all memory comes back.
 */
import fc from 'fast-check';
import t from 'tap';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { DUE } from '../../src/tcp/deadlines.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import { Handshake } from '../../src/tcp/handshake.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { suspectBlackHole } from '../../src/tcp/mtu-search.ts';
import { REC_STATE } from '../../src/tcp/tx-records.ts';
import {
  plainFrom,
  tcpAbort,
  tcpClose,
  tcpConnect,
  tcpEndRecord,
  tcpListen,
  tcpMarkUrgent,
  tcpPeek,
  tcpRead,
  tcpReadUrgent,
  tcpShutdown,
  tcpShutdownReceive,
  tcpWrite,
  tcpWriteMore,
} from '../../src/tcp/user-calls.ts';
import { seqBits, seqDiff } from '../../src/wire/seq.ts';
import { data, ethernet, ip4, PEER4, US4, u16, u32 } from '../net/packets.ts';
import { ip, NetHarness } from '../net/rig.ts';
import { holds } from '../support/property.ts';
import { readTcp, type SeenSegment, tcpBytes } from '../tcp/segment-text.ts';
import { changedParts } from '../tcp/shared-parts.ts';

const OURS = 80;
const THEIRS = 40000;
/** Longer than anything waits for a silent peer. */
const FOR_EVER_SEC = 3600;

const EDGES = ['rcv.nxt', 'rcv.wup', 'edge', 'wl1', 'ready', 'far'] as const;
const ACKS = ['nxt', 'nxt', 'una', 'record', 'window', 'high', 'far'] as const;
const FLAGS = [
  '.',
  '.',
  '.',
  '.',
  '.',
  'P.',
  'F.',
  'FP.',
  'U.',
  'E.',
  'W.',
  'S',
  'S.',
  'R',
  'R.',
  '-',
  'FSR.',
];
const near = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 2, arbitrary: fc.integer({ min: -3000, max: 3000 }) },
  { weight: 1, arbitrary: fc.integer() },
);
const block = fc.record({
  from: fc.constantFrom(...ACKS),
  left: near,
  length: fc.integer({ min: -10, max: 5000 }),
});

const segment = fc.record({
  kind: fc.constant('segment' as const),
  flags: fc.constantFrom(...FLAGS),
  seqFrom: fc.constantFrom(...EDGES.slice(0, 1), ...EDGES),
  seq: near,
  ackFrom: fc.constantFrom(...ACKS),
  ack: near,
  win: fc.constantFrom(0, 0, 1, 47, 500, 2000, 65535, 65535, 65535),
  urg: fc.constantFrom(0, 1, 100, 65535),
  len: fc.constantFrom(0, 0, 0, 1, 100, 536, 1000, 1460),
  blocks: fc.array(block, { maxLength: 4 }),
  clock: fc.constantFrom(0, 0, 0, 1, -1, 1000, -1000, 0x7fffffff),
  echo: fc.constantFrom(0, 0, 0, 0, 1, -5, -500, 0x40000000),
  ecn: fc.constantFrom(0, 0, 0, 2, 3),
  hasNoTimestamps: fc.constantFrom(false, false, false, false, true),
});
const call = fc.record({
  kind: fc.constant('call' as const),
  name: fc.constantFrom(
    'write',
    'write',
    'write',
    'write',
    'more',
    'record',
    'urgent',
    'read',
    'read',
    'peek',
    'readUrgent',
    'shutdown',
    'shutdownReceive',
    'close',
    'abort',
    'set',
  ),
  bytes: fc.constantFrom(1, 100, 1000, 5000, 40000),
});
const event = fc.record({
  kind: fc.constant('event' as const),
  name: fc.constantFrom(
    'pass',
    'pass',
    'pass',
    'pass',
    'full',
    'empty',
    'empty',
    'noRoute',
    'route',
    'route',
    'mtu',
  ),
  ms: fc.constantFrom(0.01, 1, 5, 41, 210, 3000, 130_000),
});
const step = fc.oneof(
  { weight: 6, arbitrary: segment },
  { weight: 2, arbitrary: call },
  { weight: 2, arbitrary: event },
);
const opening = fc.record({
  isActive: fc.boolean(),
  hasSack: fc.constantFrom(true, true, false),
  hasTimestamps: fc.boolean(),
  shift: fc.constantFrom(-1, 0, 7, 14),
  mss: fc.constantFrom(1, 100, 536, 1460, 65535),
  hasEcn: fc.boolean(),
  win: fc.constantFrom(0, 100, 10_000, 65535),
  congestion: fc.constantFrom('cubic', 'reno', 'bbr', 'bbr3'),
  startSec: fc.constantFrom(1, 5000, 3_000_000),
});
type Segment = typeof segment extends fc.Arbitrary<infer T> ? T : never;
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;
type Step = Segment | Call | Event;
type Opening = typeof opening extends fc.Arbitrary<infer T> ? T : never;

class Episode implements ConnectionOwner {
  readonly h = new NetHarness({ cellBytes: 1 << 20, gateway: false, txFrames: 64 });
  readonly o: Opening;
  connection: TcpConnection | null = null;
  private isOurs = false;
  private lastSeen: SeenSegment | null = null;
  private irs = 0x7ffff000;
  private readonly into = new Uint8Array(50_000);

  constructor(o: Opening) {
    this.o = o;
    const { tcp } = this.h.stack;
    this.h.net.env.nowNs = o.startSec * 1e9;
    tcp.config.ecn = o.hasEcn ? 1 : 2;
    const settings = tcp.defaults.own();
    settings.change({ congestion: o.congestion });
    const from = { ...plainFrom(tcp, ip(US4), OURS), settings };
    if (o.isActive) {
      const h = tcpConnect(tcp, ip(PEER4), THEIRS, from, {
        established: (c) => this.attach(c),
        failed: () => undefined,
      });
      if (!(h instanceof Handshake)) throw new Error('no handshake');
    } else {
      const l = tcpListen(tcp, from, 4, {
        acceptable: () => {
          const c = (l as Listener).accept();
          if (c !== undefined) this.attach(c);
        },
      });
    }
    this.open();
  }

  private attach(c: TcpConnection): void {
    if (this.connection !== null && this.isOurs) tcpClose(this.connection); // it is over
    this.connection = c;
    this.isOurs = true;
    c.setOwner(this);
  }

  /** Its program says when it reads and writes, whatever it is told. */
  readable = (): void => undefined;
  writable = (): void => undefined;
  closed = (): void => undefined;

  private open(): void {
    const { o } = this;
    this.settle();
    const options = [2, 4, ...u16(o.mss)];
    if (o.hasSack) options.push(4, 2);
    if (o.hasTimestamps) options.push(8, 10, ...u32(this.clock()), ...u32(0));
    if (o.shift >= 0) options.push(3, 3, o.shift);
    if (o.isActive) {
      const syn = this.lastSeen!;
      this.give({
        flags: o.hasEcn ? 'S.E' : 'S.',
        seq: this.irs,
        ack: (syn.seq + 1) | 0,
        win: o.win,
        options,
      });
      return;
    }
    this.give({ flags: o.hasEcn ? 'SEW' : 'S', seq: this.irs, ack: 0, win: o.win, options });
    const synAck = this.lastSeen!;
    const ts = o.hasTimestamps ? [8, 10, ...u32(this.clock()), ...u32(0)] : [];
    this.give({
      flags: '.',
      seq: (this.irs + 1) | 0,
      ack: (synAck.seq + 1) | 0,
      win: o.win,
      options: ts,
    });
  }

  private clock(): number {
    return Math.floor(this.h.net.env.nowNs / 1e6) | 0;
  }

  private give(f: {
    flags: string;
    seq: number;
    ack: number;
    win: number;
    urg?: number;
    options: number[];
    len?: number;
    tos?: number;
  }): void {
    const bytes = tcpBytes(
      {
        srcPort: THEIRS,
        dstPort: OURS,
        seq: f.seq,
        ack: f.ack,
        flags: f.flags,
        win: f.win,
        urg: f.urg ?? 0,
        options: f.options,
        text: data(f.len ?? 0),
      },
      PEER4,
      US4,
    );
    this.h.giveFrame(ethernet(ip4({ protocol: 6, df: true, tos: f.tos ?? 0 }, bytes)));
    this.settle();
  }

  private settle(): void {
    this.h.settle();
    for (const { payload, protocol } of this.h.port.sent()) {
      if (protocol === 6) this.lastSeen = readTcp(payload, US4, PEER4); // which checks it
    }
  }

  run(s: Step): void {
    if (s.kind === 'segment') this.segment(s);
    else if (s.kind === 'call') this.call(s);
    else this.event(s);
    this.settle();
    if (this.connection !== null) this.check(this.connection);
  }

  private segment(s: Segment): void {
    const c = this.connection;
    if (c === null) return;
    const seq = (this.edge(c, s.seqFrom) + s.seq) | 0;
    const ack = (this.place(c, s.ackFrom) + s.ack) | 0;
    const options: number[] = [];
    const hasTs = c.agreed.hasTimestamps && !s.hasNoTimestamps;
    if (hasTs) {
      const echo = (c.tcp.timestamp(c.tcp.env.nowNs, c.tsOffset) + s.echo) | 0;
      options.push(1, 1, 8, 10, ...u32((this.clock() + s.clock) | 0), ...u32(echo));
    }
    const blocks = s.blocks.slice(0, hasTs ? 3 : 4);
    if (blocks.length > 0) {
      options.push(1, 1, 5, 2 + 8 * blocks.length);
      for (const b of blocks) {
        const left = (this.place(c, b.from) + b.left) | 0;
        options.push(...u32(left), ...u32((left + b.length) | 0));
      }
    }
    this.give({ ...s, seq, ack, options, tos: s.ecn });
  }

  private edge(c: TcpConnection, from: Segment['seqFrom']): number {
    const { rcv } = c;
    if (from === 'rcv.nxt') return seqBits(rcv.nxt);
    if (from === 'rcv.wup') return seqBits(rcv.wup);
    if (from === 'edge') return seqBits(rcv.nxt) + rcv.acceptable();
    if (from === 'wl1') return seqBits(c.snd.wl1);
    if (from === 'ready') return seqBits(rcv.nxt) + 2000;
    return seqBits(rcv.nxt) + 0x7fff0000;
  }

  private place(c: TcpConnection, from: Segment['ackFrom']): number {
    const { snd, rtx } = c;
    if (from === 'nxt') return seqBits(snd.nxt);
    if (from === 'una') return seqBits(snd.una);
    if (from === 'record' && !rtx.isEmpty) return seqBits(rtx.endOfRecord(rtx.first));
    if (from === 'window') return seqBits(snd.una) + snd.wnd;
    if (from === 'high') return seqBits(c.recovery.highSeq);
    return seqBits(snd.una) + (seqDiff(snd.nxt, snd.una) >> 1);
  }

  private call(s: Call): void {
    const c = this.connection;
    if (c === null || !this.isOurs) return;
    const part = this.into.subarray(0, s.bytes);
    switch (s.name) {
      case 'write':
        tcpWrite(c, part);
        break;
      case 'more':
        tcpWriteMore(c, part);
        break;
      case 'record':
        if (tcpWrite(c, part) > 0) tcpEndRecord(c);
        break;
      case 'urgent':
        if (tcpWrite(c, part) > 0) tcpMarkUrgent(c);
        break;
      case 'read':
        tcpRead(c, part);
        break;
      case 'peek':
        tcpPeek(c, part);
        break;
      case 'readUrgent':
        tcpReadUrgent(c, part, s.bytes > 100);
        break;
      case 'shutdown':
        tcpShutdown(c);
        break;
      case 'shutdownReceive':
        tcpShutdownReceive(c);
        break;
      case 'set': {
        const settings = c.settings.own();
        settings.change({
          isNoDelay: s.bytes > 100,
          isCorked: s.bytes === 5000,
          isKeepalive: s.bytes > 1000,
        });
        c.setSettings(settings);
        break;
      }
      default:
        this.isOurs = false;
        if (s.name === 'close') tcpClose(c);
        else tcpAbort(c);
    }
  }

  private event(s: Event): void {
    const { wire, iface } = this.h.port;
    const { stack } = this.h;
    switch (s.name) {
      case 'pass':
        this.h.advance(s.ms / 1000);
        break;
      case 'full':
        wire.isFull = true;
        break;
      case 'empty':
        wire.isFull = false;
        break;
      case 'noRoute':
        stack.removeAddress(iface, ip(US4));
        break;
      case 'route':
        this.h.addAddress(this.h.port, `${US4}/24`);
        break;
      default:
        this.fragNeeded();
    }
  }

  private fragNeeded(): void {
    const c = this.connection;
    if (c === null || c.tcp.isGone(c)) return;
    c.ownPathMtu().tooLarge(true);
    suspectBlackHole(c);
    c.tcp.wantsOutput(c);
  }

  private check(c: TcpConnection): void {
    if (c.tcp.isGone(c)) return;
    const { snd, rtx, congestion } = c;
    const flight = seqDiff(snd.nxt, snd.una);
    ensure(flight >= 0, 'SND.UNA is behind SND.NXT');
    ensure(rtx.inFlight() >= 0, 'nothing less than nothing is in flight');
    ensure(rtx.sackedOut >= 0 && rtx.lostOut >= 0 && rtx.retransOut >= 0, 'counts are counts');
    ensure(rtx.sackedOut + rtx.lostOut <= rtx.packetsOut, 'what is SACKed or lost is outstanding');
    ensure(congestion.view.cwnd >= 1, 'cwnd is at least one segment');
    ensure(rtx.isEmpty === (flight === 0), 'what is outstanding has records');
    this.recount(c);
    const hasWork = !rtx.isEmpty || c.unsentBytes() > 0 || (c.isFinQueued && !c.isFinSent);
    if (!hasWork) return;
    const { due } = c;
    const isAwaited =
      due.isArmed(DUE.RTO) ||
      due.isArmed(DUE.TLP) ||
      due.isArmed(DUE.REORDER) ||
      (rtx.isEmpty && (due.isArmed(DUE.PERSIST) || due.isArmed(DUE.PACE)));
    ensure(isAwaited, 'what is queued waits for something');
  }

  /** The counts are those of the records. */
  private recount(c: TcpConnection): void {
    const { rtx } = c;
    let out = 0;
    let sacked = 0;
    let lost = 0;
    let retrans = 0;
    let seq = c.snd.una;
    for (let r = rtx.first; r >= 0; r = rtx.next(r)) {
      ensure(rtx.seqOfRecord(r) === seq, 'records are contiguous');
      seq = rtx.endOfRecord(r);
      const n = rtx.pieces(r);
      out += n;
      if (rtx.has(r, REC_STATE.SACKED)) sacked += n;
      if (rtx.has(r, REC_STATE.LOST)) lost += n;
      if (rtx.has(r, REC_STATE.RETRANS)) retrans += n;
    }
    ensure(seq === c.snd.nxt, 'records end at SND.NXT');
    ensure(out === rtx.packetsOut && lost === rtx.lostOut && retrans === rtx.retransOut, 'counted');
    if (c.agreed.hasSack) ensure(sacked === rtx.sackedOut, 'SACKed pieces are counted');
  }

  /** The application goes, and the peer is silent. What is left of the connection. */
  end(): string {
    const { h, connection: c } = this;
    const { tcp } = h.stack;
    h.port.wire.isFull = false;
    if (c !== null && this.isOurs) tcpClose(c);
    this.settle();
    h.advance(FOR_EVER_SEC);
    h.port.wire.frames.length = 0;
    const state = c === null ? '' : `state ${c.state} `;
    const left = `${state}flows ${tcp.demux.size} records ${tcp.records.live} rows ${tcp.totals.live} ${tcp.deadlineRows.live} pages ${h.memory.pages.held}`;
    const isAll = tcp.demux.size + tcp.records.live + tcp.totals.live + tcp.deadlineRows.live === 0;
    const rest = h.stop() + h.memory.pages.held + changedParts(tcp).length;
    return isAll && rest === 0 ? '' : `${left} rest ${rest}`;
  }
}

function ensure(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`not so: ${what}`);
}

t.test('a peer may send anything, in every state', async (t) => {
  const property = fc.property(
    opening,
    fc.array(step, { maxLength: 250, size: 'max' }),
    (o, steps) => {
      const e = new Episode(o);
      for (const s of steps) e.run(s);
      const left = e.end();
      if (left !== '') throw new Error(`left behind: ${left}`);
    },
  );
  holds(t, 'nothing throws, stalls or leaks', property, 40);
});
