/**
 * Two stacks that are given the same: in one the short ways of TCP (`takeNext`, `acknowledgeNothing`, zeros that are
 * not written, text that is not read, the late copy) may act; in the other something that nobody can see keeps them
 * from it, so that all goes the general way. Whatever can be seen of either is the same after each step.
 *
 * What nobody can see, and keeps the way from being the short one:
 *   takeNext            a FIN of the peer is known to stand a GiB further on
 *   acknowledgeNothing  the congestion module looks at every ACK, and does nothing about it
 *   zeros               are written as bytes
 *   text to be dropped  is read
 *   the late copy       somebody peeks at all text as soon as it has come
 *   IPv4                who sends is held against the routes, which agree (rp_filter)
 */
import { BlockPool } from '../../src/base/block-pool.ts';
import { Counters } from '../../src/base/counters.ts';
import { DeadlineQueue } from '../../src/base/deadline-queue.ts';
import { Env } from '../../src/base/env.ts';
import { RowTable } from '../../src/base/row-table.ts';
import { MS } from '../../src/base/time.ts';
import { WordArrays } from '../../src/base/word-arrays.ts';
import { type CcModule, HOOK } from '../../src/cc/congestion-control.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { DEADLINES_WIDTH } from '../../src/tcp/deadlines.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { Tcp } from '../../src/tcp/tcp.ts';
import { connectionInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { TcpMemory } from '../../src/tcp/tcp-memory.ts';
import { TOTALS_WIDTH } from '../../src/tcp/totals.ts';
import { TxRecords } from '../../src/tcp/tx-records.ts';
import { copiedSeq } from '../../src/tcp/urgent.ts';
import {
  tcpDiscard,
  tcpListen,
  tcpPeek,
  tcpRead,
  tcpWrite,
  tcpWriteZeros,
} from '../../src/tcp/user-calls.ts';
import { seqAdd, seqBits, seqDiff } from '../../src/wire/seq.ts';
import { type Bytes, data, ethernet, ip4, ip6, sameBytes } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { LOCAL_PORT } from './scripted-peer.ts';
import { tcpBytes } from './segment-text.ts';
import { TcpHarness, type TcpHarnessOptions } from './tcp-harness.ts';

const GIB = 1 << 30;
const OTHER_PORT = 81;
const MOST = 1 << 17;

/** The same module, and it is asked to look at every ACK: what it inherits for that does nothing. */
function looking(module: CcModule): CcModule {
  const create = () => {
    const cc = module.create();
    return Object.create(cc, { hooks: { value: cc.hooks | HOOK.IN_ACK_EVENT } });
  };
  return { ...module, create };
}

/** What the application does as soon as there is text. */
export type Reader = 'none' | 'reads' | 'drops';

/** The connection of a peer that only sends: what comes for it comes between. */
class Other implements ConnectionOwner {
  readonly c: TcpConnection;
  reader: Reader = 'none';
  private readonly isLong: boolean;

  constructor(c: TcpConnection, isLong: boolean) {
    this.c = c;
    this.isLong = isLong;
    c.setOwner(this);
  }

  readable(): void {
    const { c, isLong } = this;
    if (isLong) tcpPeek(c, new Uint8Array(1));
    if (this.reader === 'none') return;
    if (this.reader === 'drops' && !isLong) {
      tcpDiscard(c, MOST);
      return;
    }
    const into = new Uint8Array(MOST);
    const n = tcpRead(c, into);
    const from = seqDiff(copiedSeq(c), c.rcv.irs) - 1 - n;
    if (!sameBytes(into.subarray(0, n), data(n, from))) throw new Error('the other is read wrong');
  }

  writable(): void {
    // it has nothing to write
  }

  closed(): void {
    // only with its stack
  }
}

export class World extends TcpHarness {
  /** Everything that left, in bytes. */
  readonly left: string[] = [];
  reader: Reader = 'none';
  private readonly isLong: boolean;
  private hoarded = 0;
  private readonly other: Other;
  private readonly one = new Uint8Array(1);

  constructor(options: TcpHarnessOptions, congestion: string, isLong: boolean) {
    super(options);
    this.isLong = isLong;
    const { port, net } = this.rig;
    const sent = port.sent.bind(port);
    port.sent = () => {
      const seen = sent();
      for (const { frame } of seen) this.left.push(Buffer.from(frame).toString('hex'));
      return seen;
    };
    const { ccModules } = this.tcp;
    if (isLong) {
      for (const name of ccModules.available()) ccModules.replace(looking(ccModules.find(name)!));
      net.config.conf4.all.set(CONF4.RP_FILTER, 1);
    }
    ccModules.setDefault(congestion);
    this.other = new Other(this.openOther(), isLong);
  }

  private openOther(): TcpConnection {
    const { peer, settings } = this;
    const from = { local: ip(peer.us), port: OTHER_PORT, boundIndex: 0, settings };
    const l = tcpListen(this.tcp, from, 1, { acceptable: () => undefined }) as Listener;
    this.trace = [];
    this.arrives(this.segmentOfOther('S', 0, 0, 0), 0);
    this.turn();
    this.arrives(this.segmentOfOther('.', 1, peer.ourIsn! + 1, 0), 0); // the SYN-ACK told it
    this.turn();
    this.trace = null;
    this.left.length = 0;
    peer.ourPort = LOCAL_PORT;
    return l.accept()!; // the handshake is over
  }

  private segmentOfOther(flags: string, seq: number, ack: number, len: number): Bytes {
    const { us, address } = this.peer;
    const ports = { srcPort: OTHER_PORT, dstPort: OTHER_PORT };
    const text = data(len, seq - 1);
    const segment = tcpBytes({ ...ports, seq, ack, flags, win: 65535, text }, address, us);
    return us.includes(':') ? ip6({ next: 6 }, segment) : ip4({ protocol: 6, df: true }, segment);
  }

  /** The next `len` bytes for the other connection, which does that with them. */
  arrivesForOther(len: number, reader: Reader): void {
    const { other } = this;
    const { rcv, snd } = other.c;
    other.reader = reader;
    this.arrives(this.segmentOfOther('.', seqBits(rcv.nxt), seqBits(snd.nxt), len), 0);
  }

  /** The connection stands. */
  begin(): void {
    const c = this.flow;
    if (this.isLong) c.noteFinAt(seqAdd(c.rcv.nxt, GIB));
    this.trace = [];
  }

  /** Others of this host leave so many pages. */
  leave(pages: number): void {
    for (; this.rig.memory.pages.free > pages; this.hoarded++) this.rig.memory.pages.take();
  }

  get isOver(): boolean {
    return this.tcp.isGone(this.flow);
  }

  /** A packet arrives when the turn comes. @param segment Bytes of each, where the device joined several. */
  arrives(packet: Bytes, segment: number): void {
    const { frames, port } = this.rig;
    const frame = frames.fromBytes(ethernet(packet));
    const w = frame * RX_STRIDE;
    frames.words[w + RX.FLAGS] = 0;
    frames.words[w + RX.GSO] = segment === 0 ? 0 : (1 << 16) | segment;
    port.device.take(frame);
  }

  /** It reads from now on like this. */
  readsAs(reader: Reader): number {
    this.reader = reader;
    return 0;
  }

  /** A setting of the connection, which acts at once. */
  wish(name: 'isNoDelay' | 'isCorked' | 'windowClamp', value: boolean | number): number {
    const settings = this.settings.own();
    settings.change({ [name]: value });
    this.settings = settings;
    this.flow.setSettings(settings);
    if (name !== 'windowClamp') this.flow.push(name === 'isNoDelay');
    return 0;
  }

  /** What left has been compared. */
  forget(): void {
    this.trace = [];
    this.left.length = 0;
  }

  /** The turn, after some time. */
  turn(afterMs = 0): void {
    this.advanceTo(this.rig.net.env.nowNs + afterMs * MS);
    this.run('… nothing');
  }

  override readable(): void {
    super.readable();
    if (this.isLong) tcpPeek(this.flow, this.one);
    if (this.reader === 'reads') this.reads(MOST);
    else if (this.reader === 'drops') this.drops(MOST);
  }

  /** What is read is the peer's pattern. */
  reads(n: number): number {
    const c = this.flow;
    const into = new Uint8Array(n);
    const got = tcpRead(c, into);
    if (got <= 0) return got;
    this.bytesRead = seqDiff(copiedSeq(c), c.rcv.irs) - 1 - got;
    this.checkRead(into.subarray(0, got));
    return got;
  }

  drops(n: number): number {
    if (this.isLong) return this.reads(n);
    const got = tcpDiscard(this.flow, n);
    if (got > 0) this.bytesRead = seqDiff(copiedSeq(this.flow), this.flow.rcv.irs) - 1;
    return got;
  }

  zeros(n: number): number {
    return this.isLong ? tcpWrite(this.flow, new Uint8Array(n)) : tcpWriteZeros(this.flow, n);
  }

  /** All that somebody could look at. */
  seen(): object {
    const { rig, tcp } = this;
    const c = this.flow;
    const info = new TcpInfo();
    if (!this.isOver) connectionInfo(c, info);
    const { mib } = rig.net;
    const { pages, chunks, cells } = rig.memory;
    return {
      trace: this.trace,
      left: this.left,
      state: this.state,
      told: [this.closedWith, this.readables, this.writables, this.bytesRead],
      info,
      counters: [tcp.mib, mib.ip4, mib.ip6, mib.icmp4, mib.icmp6],
      fates: rig.net.drops.counts,
      dueNs: rig.stack.nextDeadlineNs(),
      deadlines: Array.from({ length: DEADLINES_WIDTH }, (_, i) => c.due.at(i)),
      totals: Array.from({ length: TOTALS_WIDTH }, (_, i) => c.totals.get(i)),
      held: [pages.held, chunks.held, cells.held, rig.frames.inUse, tcp.records.live],
      chunks: Array.from({ length: chunks.capacity }, (_, i) => chunks.references(i)),
      memory: [tcp.memory.bytes, tcp.memory.isPressed],
      segment: c.hasQueued && !this.isOver ? c.congestion.view.mss : 0, // else nobody asks
      inside: c,
      other: this.other.c,
    };
  }

  /** How much memory is not back. */
  leftOver(): number {
    this.connection?.release();
    return this.rig.stop() + this.rig.memory.pages.held - this.hoarded + this.tcp.records.live;
  }
}

type Words = Int32Array | Float64Array;

/** What is the stack's, not the connection's. */
const SHARED = [Env, Tcp, TcpMemory, DeadlineQueue, RowTable, TxRecords, BlockPool, WordArrays];
/** What keeps from the short ways; what a queue of zeros, and the place of the last text, say; `segment`; the worlds themselves. */
const APART: ReadonlySet<string> = new Set([
  ...['finAt', 'hooks', 'module'],
  ...['isZeros', 'block', 'off'],
  // Arrays that others had before: behind what is in use they hold anything.
  ...['ready', 'array', 'ring'],
  ...['mss', 'owner'],
]);
/** Longer arrays are a table's. */
const OWN_WORDS = 1024;

/** Where two things differ first, field by field, and how; '' if nowhere. */
export function difference(
  one: unknown,
  other: unknown,
  path = '',
  done = new Set<unknown>(),
): string {
  if (Object.is(one, other) || typeof one === 'function' || done.has(one)) return '';
  const isLeaf = typeof one !== 'object' || typeof other !== 'object';
  if (isLeaf || one === null || other === null) return `${path}: ${one}, by the long way ${other}`;
  done.add(one);
  if (SHARED.some((kind) => one instanceof kind)) return '';
  if (one instanceof Int32Array || one instanceof Float64Array) {
    return one.length > OWN_WORDS ? '' : firstOf(one, other as typeof one, path);
  }
  if (one instanceof Counters) return countersDiffer(one, other as Counters<string>, path);
  if (Array.isArray(one) && one.length !== (other as unknown[]).length) {
    return `${path}: ${one}, by the long way ${other}`;
  }
  for (const key of Object.keys(one)) {
    if (APART.has(key)) continue;
    const found = difference(
      Reflect.get(one, key),
      Reflect.get(other, key),
      `${path}.${key}`,
      done,
    );
    if (found !== '') return found;
  }
  return '';
}

function firstOf(one: Words, other: Words, path: string): string {
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    if (one[i] !== other[i]) return `${path}[${i}]: ${one[i]}, by the long way ${other[i]}`;
  }
  return '';
}

function countersDiffer(one: Counters<string>, other: Counters<string>, path: string): string {
  if (firstOf(one.values, other.values, path) === '') return '';
  return difference(one.toObject(), other.toObject(), path);
}
