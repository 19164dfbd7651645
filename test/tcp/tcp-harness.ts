/**
 * Dialogues: one real stack, and a peer that says what the script says, at the time the script says.
 *
 *     dialogue('RFC 9293 §3.8.6.1: …', (t, h) => {
 *       h.passive({ rtt: 0.05, options: 'mss 1000,sackOK' });   // listen, SYN, SYN-ACK, ACK: ends at 0.05
 *       h.run(`
 *         0.1    write 2500
 *         0.1    > . 1:1001(1000) ack 1
 *         +0     > . 1001:2001(1000) ack 1        # a comment
 *         +0.05  < . 1:1(0) ack 2001 win 500
 *         +0     > P. 2001:2501(500) ack 1
 *         0.5    < . 1:1(0) ack 2001 <sack 2001:2501>
 *         1      state ESTABLISHED
 *         1      mib RetransSegs 0
 *         9      shutdown
 *         …      closed ETIMEDOUT
 *       `);
 *     });
 *
 * **Time** is in seconds since the script began; `+t` counts from the line before; `…` is "whenever that
 * happens" (within an hour). The time of `>` and `closed` is compared as exactly as it is written, to the
 * millisecond at least: `0.2` admits 0.1995 … 0.2005, `0.200001` two microseconds; `a~b` is a range.
 *
 * **`<` injects** FLAGS SEQ:END(LEN) [ack N] [win N] [urg N] [<options>]; `<<` waits for the next `<`, to arrive
 * in the same batch. Numbers are relative to the initial sequence numbers, the window is the field as it
 * stands (when absent: as in the line before), flags are letters of `FSRP.UEWA`. Text is a pattern of its position.
 * Options are written as in `mss 1460,sackOK,TS val 100 ecr 200,nop,wscale 7,sack 1:2 3:4,raw 1e:04:00:00`.
 * With timestamps agreed, a segment without a TS option gets one (the peer's clock is the script's
 * in ms; it echoes our latest), unless it says `<noTS>`.
 * **`< icmp NAME [MTU] SEQ`** quotes our segment at SEQ: net-unreachable, host-unreachable,
 * protocol-unreachable, port-unreachable, frag-needed, ttl-exceeded, parameter-problem; in either family.
 *
 * **`>` expects** the next segment of ours, whatever it is: flags, numbers and text always; `win` and `urg` when
 * written (`urg` must be absent otherwise). Options are compared when `<…>` is there, NOP and END aside; when it
 * is not, there must be none but timestamps where they are agreed. Our TS val counts milliseconds of the
 * script. A segment that no line expects is a failure, at the next line or at the end.
 *
 * **Calls** (verbs) act on the connection: `listen [BACKLOG]`, `accept` (where `isAccepting` is off), `connect`, `write N [more|eor|oob]…`, `read N`, `shutdown`,
 * `close`, `abort`, `set SETTING VALUE` (of TcpSettings); `= RESULT` behind it gives the result when it is not the obvious one
 * (`= EAGAIN`, `= 500`). Read bytes are compared with the pattern; `oob AT` reads the urgent one. `verb(name, f)` adds one.
 * **Checks**: `state NAME`, `closed ERRNO|0` (the owner was told so, then), `readable N`, `mark here|not`, `mib NAME N`, `nothing`.
 *
 * When it ends all memory of the stack must be back: pages, chunks, cells, frames, records, flows; and what
 * idle connections share must be as it was.
 */
import tap, { type Test } from 'tap';
import { EAGAIN, errnoName } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import type { ConnectionOwner } from '../../src/tcp/endpoint.ts';
import { Handshake } from '../../src/tcp/handshake.ts';
import { initialSequence } from '../../src/tcp/isn.ts';
import { Listener } from '../../src/tcp/listener.ts';
import type { Tcp } from '../../src/tcp/tcp.ts';
import type { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { TcpSettings, type TcpSettingValues } from '../../src/tcp/tcp-settings.ts';
import { STATE_NAMES } from '../../src/tcp/tcp-state.ts';
import { copiedSeq } from '../../src/tcp/urgent.ts';
import {
  type OpenFrom,
  tcpAbort,
  tcpClose,
  tcpConnect,
  tcpEndRecord,
  tcpIsAtMark,
  tcpListen,
  tcpMarkUrgent,
  tcpRead,
  tcpReadUrgent,
  tcpShutdown,
  tcpWrite,
  tcpWriteMore,
} from '../../src/tcp/user-calls.ts';
import { seqBits, seqDiff } from '../../src/wire/seq.ts';
import { type Bytes, data, ethernet } from '../net/packets.ts';
import { ip, NetHarness, type RigOptions } from '../net/rig.ts';
import { type Line, parseScript } from './script-text.ts';
import { LOCAL_PORT, PEER_PORT, ScriptedPeer } from './scripted-peer.ts';
import type { SeenSegment, TcpFields } from './segment-text.ts';
import { changedParts } from './shared-parts.ts';

export interface TcpHarnessOptions extends RigOptions {
  readonly v6?: boolean;
  readonly tcp?: Partial<TcpConfig>;
  /** Our first sequence number as a listener is within 250 of this. */
  readonly iss?: number;
  /** The peer's. */
  readonly irs?: number;
  /** When the script begins; else some time that suits `iss`. */
  readonly startNs?: number;
}

export interface Opening {
  /** Seconds from the SYN to the end of the handshake. */
  readonly rtt?: number;
  /** Of the peer's SYN or SYN-ACK. */
  readonly options?: string;
  /** The window field of the peer's segments. */
  readonly win?: number;
}

/** A segment of ours, and when it left. */
interface Emission {
  readonly atNs: number;
  readonly seg: SeenSegment;
  readonly ipLength: number;
}

const START_NS = 1000 * SEC;
const SEARCH_NS = 3600 * SEC;
export const DEFAULT_OPTIONS = 'mss 1000,sackOK';

type Verb = (args: readonly string[]) => number;

/** A test that is one dialogue with one stack. */
export function dialogue(
  title: string,
  run: (t: Test, h: TcpHarness) => void,
  options: TcpHarnessOptions = {},
): void {
  tap.test(title, async (t) => {
    const h = new TcpHarness(options);
    run(t, h);
    h.end(t);
  });
}

export class TcpHarness implements ConnectionOwner {
  readonly rig: NetHarness;
  readonly tcp: Tcp;
  /** The connection of the dialogue, once there is one. */
  connection: TcpConnection | null = null;
  opening: Handshake | null = null;
  listener: Listener | null = null;
  /** Of what is opened; `set` changes them. */
  settings = new TcpSettings();
  /** What the owner, or the opener, was told at the end. */
  closedWith: number | null = null;
  /** How often the owner was told. */
  readables = 0;
  writables = 0;
  /** Accepts at once whatever can be; else `accept` does. */
  isAccepting = true;
  /** Reads at once whatever comes. */
  isReading = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly peer: ScriptedPeer;
  /** Not null: what leaves is written down here instead of being expected. */
  trace: string[] | null = null;
  private readonly originNs: number;
  private closedAtNs = 0;
  private lineNs = 0;
  private pending: Emission[] = [];
  private readonly verbs = new Map<string, Verb>();
  private readonly mibAtStart = new Map<string, number>();

  constructor(options: TcpHarnessOptions = {}) {
    const nowNs = (): number => this.rig.net.env.nowNs - this.originNs;
    this.peer = new ScriptedPeer(options.v6 ?? false, options.irs, nowNs);
    this.rig = new NetHarness(options);
    this.tcp = this.rig.stack.tcp;
    Object.assign(this.tcp.config, options.tcp);
    const { env } = this.rig.net;
    const startNs = options.iss === undefined ? START_NS : this.timeOfIss(options.iss);
    env.nowNs = options.startNs ?? startNs;
    this.originNs = env.nowNs;
    this.addVerbs();
  }

  /** When the clock of RFC 9293 §3.4.1 makes this the first sequence number, to the millisecond. */
  private timeOfIss(iss: number): number {
    const flow = {
      local: ip(this.peer.us),
      localPort: LOCAL_PORT,
      remote: ip(this.peer.address),
      remotePort: PEER_PORT,
      boundIndex: 0,
    };
    const ticks = (iss - seqBits(initialSequence(this.rig.net.secret, flow, 0))) >>> 0;
    return Math.floor((ticks * 4000) / MS) * MS;
  }

  /** Seconds since the script began. */
  get now(): number {
    return (this.rig.net.env.nowNs - this.originNs) / SEC;
  }

  get flow(): TcpConnection {
    if (this.connection === null) throw new Error('there is no connection');
    return this.connection;
  }

  /** The state of whatever has the 4-tuple of the dialogue. */
  get state(): string {
    const { us, ourPort, address, port } = this.peer;
    const e = this.tcp.demux.find(ip(us), ourPort, ip(address), port);
    if (e === null) return this.listener === null || this.connection ? 'CLOSED' : 'LISTEN';
    return STATE_NAMES[e.state]!;
  }

  get ourIsn(): number | null {
    return this.peer.ourIsn;
  }

  /** How far a counter went since `from` was called, or the dialogue began. */
  mib(name: string): number {
    return this.tcp.mib.get(name as never) - (this.mibAtStart.get(name) ?? 0);
  }

  // ---- openings ----

  /** We listen, the peer connects, we accept. */
  passive(opening: Opening = {}): void {
    const { rtt = 0.01, options = DEFAULT_OPTIONS, win = 65535 } = opening;
    this.run(`
      0       listen
      0       < S 0:0(0) win ${win} <${options}>
      0       > S. 0:0(0) ack 1 <*>
      ${rtt}  < . 1:1(0) ack 1 win ${win}
      ${rtt}  state ESTABLISHED`);
  }

  /** We connect. */
  active(opening: Opening = {}): void {
    const { rtt = 0.01, options = DEFAULT_OPTIONS, win = 65535 } = opening;
    this.run(`
      0       connect
      0       > S 0:0(0) <*>
      ${rtt}  < S. 0:0(0) ack 1 win ${win} <${options}>
      ${rtt}  > . 1:1(0) ack 1
      ${rtt}  state ESTABLISHED`);
  }

  // ---- the script ----

  run(script: string): void {
    for (const line of parseScript(script)) {
      try {
        this.step(line);
      } catch (e) {
        throw new Error(`line "${line.text}" at ${this.now.toFixed(6)}: ${(e as Error).message}`);
      }
    }
    this.expectSilence();
  }

  private step(line: Line): void {
    const dueNs = line.isRelative ? this.lineNs + line.fromNs : this.originNs + line.fromNs;
    const lateNs = line.isAnyTime ? Number.POSITIVE_INFINITY : dueNs + (line.toNs - line.fromNs);
    if (line.verb === '>') this.expect(line, dueNs, lateNs);
    else if (line.verb === 'closed') this.expectClosed(line, dueNs, lateNs);
    else {
      this.advanceTo(line.isAnyTime ? this.rig.net.env.nowNs : dueNs);
      this.expectSilence();
      if (line.verb === '<' || line.verb === '<<') this.inject(line);
      if (line.verb === '<') this.settle();
      else if (line.verb !== '<<') this.call(line);
      this.lineNs = this.rig.net.env.nowNs;
    }
  }

  /** Lets time pass; segments that leave on the way wait to be expected. */
  advanceTo(untilNs: number): void {
    const { env } = this.rig.net;
    if (untilNs < env.nowNs) throw new Error('the time has passed already');
    while (this.turnBy(untilNs));
    env.nowNs = untilNs;
    this.settle();
  }

  /** One deadline, if there is one by then. */
  private turnBy(untilNs: number): boolean {
    const { env } = this.rig.net;
    const nextNs = this.rig.stack.nextDeadlineNs();
    if (nextNs > untilNs) return false;
    env.nowNs = Math.max(env.nowNs, nextNs);
    this.settle();
    return true;
  }

  private settle(): void {
    this.rig.settle();
    for (const { payload, protocol, length } of this.rig.port.sent()) {
      if (protocol !== 6) continue;
      const seg = this.peer.read(payload);
      const e = { atNs: this.rig.net.env.nowNs, seg, ipLength: length };
      if (this.trace === null) this.pending.push(e);
      else this.trace.push(this.emission(e));
    }
  }

  // ---- > ----

  private expect(line: Line, dueNs: number, lateNs: number): void {
    const limitNs = Math.min(lateNs + line.toleranceNs, this.rig.net.env.nowNs + SEARCH_NS);
    while (this.pending.length === 0 && this.turnBy(limitNs));
    const e = this.pending.shift();
    if (e === undefined) throw new Error('nothing was sent');
    const sent = this.peer.describe(e.seg, e.atNs - this.originNs, line);
    if (sent !== line.expected) throw new Error(`sent "${sent}", not "${line.expected}"`);
    this.peer.checkText(e.seg);
    const isLate = e.atNs > lateNs + line.toleranceNs || e.atNs < dueNs - line.toleranceNs;
    if (isLate && !line.isAnyTime) {
      throw new Error(`sent at ${((e.atNs - this.originNs) / SEC).toFixed(6)}`);
    }
    this.lineNs = e.atNs;
  }

  private expectSilence(): void {
    const [first] = this.pending;
    if (first === undefined) return;
    throw new Error(`nobody expects ${this.emission(first)}`);
  }

  /** With everything that it says. */
  private emission(e: Emission): string {
    const sinceNs = e.atNs - this.originNs;
    const line = { ...NO_LINE, hasWin: true, options: '' };
    return `"${this.peer.describe(e.seg, sinceNs, line)}", sent at ${(sinceNs / SEC).toFixed(6)}`;
  }

  // ---- < ----

  /** Into the device's queue; `settle` delivers. */
  inject(line: Line, extra: Partial<TcpFields> = {}): void {
    const { frames, port } = this.rig;
    const frame = frames.fromBytes(ethernet(this.peer.packet(line, extra)));
    frames.words[frame * RX_STRIDE + RX.FLAGS] = 0;
    port.device.take(frame);
  }

  // ---- calls and checks ----

  verb(name: string, f: Verb): void {
    this.verbs.set(name, f);
  }

  private call(line: Line): void {
    const f = this.verbs.get(line.verb);
    if (f === undefined) throw new Error('there is no such verb');
    const result = f(line.args);
    this.settle();
    const text = result < 0 ? errnoName(result) : String(result);
    const wanted = line.result ?? usualResult(line);
    if (text !== wanted) throw new Error(`it is ${text}, not ${wanted}`);
  }

  private addVerbs(): void {
    this.verb('listen', ([backlog]) => this.listen(Number(backlog ?? 16)));
    this.verb('connect', () => this.connect());
    this.verb('accept', () => this.accept());
    this.verb('write', ([n, ...how]) => this.write(Number(n), how));
    this.verb('oob', ([at]) => this.readUrgent(Number(at)));
    this.verb('mark', ([isAt]) => this.check(tcpIsAtMark(this.flow) ? 'here' : 'not', isAt!));
    this.verb('read', ([n]) => this.read(Number(n)));
    this.verb('shutdown', () => tcpShutdown(this.flow));
    this.verb('close', () => this.close());
    this.verb('abort', () => {
      tcpAbort(this.flow);
      return 0;
    });
    this.verb('set', ([name, value]) => this.set(name!, value!));
    this.verb('nothing', () => 0);
    this.verb('state', ([name]) => this.check(this.state, name!));
    this.verb('readable', ([n]) => this.check(this.flow.received.readyBytes, Number(n)));
    this.verb('mib', ([name, n]) => this.check(this.mib(name!), Number(n)));
  }

  /** A setting of the connection, or of what will be one. */
  private set(name: string, value: string): number {
    if (!(name in this.settings)) throw new Error('there is no such setting');
    const known = { true: true, false: false, Infinity: Number.POSITIVE_INFINITY } as const;
    const wished = known[value as keyof typeof known] ?? Number(value);
    const settings = this.settings.own();
    settings.change({ [name]: wished } as Partial<TcpSettingValues>);
    this.settings = settings;
    this.connection?.setSettings(settings);
    if (name === 'isCorked' || name === 'isNoDelay') this.connection?.push(name === 'isNoDelay');
    return 0;
  }

  private check<T>(is: T, wanted: T): number {
    if (is !== wanted) throw new Error(`it is ${is}`);
    return 0;
  }

  private listen(backlog: number): number {
    const l = tcpListen(this.tcp, this.from(LOCAL_PORT), backlog, {
      acceptable: () => {
        if (this.isAccepting) this.accept();
      },
    });
    if (!(l instanceof Listener)) return l;
    this.listener = l;
    return 0;
  }

  private accept(): number {
    const c = this.listener?.accept();
    if (c === undefined) return -EAGAIN;
    this.attach(c);
    return 0;
  }

  private from(port: number): OpenFrom {
    return { local: ip(this.peer.us), port, boundIndex: 0, settings: this.settings };
  }

  private connect(): number {
    this.peer.port = LOCAL_PORT;
    const h = tcpConnect(this.tcp, ip(this.peer.address), LOCAL_PORT, this.from(0), {
      established: (c) => this.attach(c),
      failed: (errno) => this.closed(errno),
    });
    if (!(h instanceof Handshake)) return h;
    this.opening = h;
    return 0;
  }

  private attach(c: TcpConnection): void {
    this.connection = c;
    c.setOwner(this);
  }

  /** Bytes of the pattern, behind those already written. */
  pattern(n: number): Bytes {
    return data(n, this.bytesWritten);
  }

  wrote(n: number): number {
    this.bytesWritten += Math.max(0, n);
    return n;
  }

  private write(n: number, how: readonly string[]): number {
    const call = how.includes('more') ? tcpWriteMore : tcpWrite;
    const result = this.wrote(call(this.flow, this.pattern(n)));
    if (how.includes('oob')) tcpMarkUrgent(this.flow);
    if (how.includes('eor')) tcpEndRecord(this.flow);
    return result;
  }

  /** The urgent byte is that of the pattern at `at`, its number in the stream; reads step over it. */
  private readUrgent(at: number): number {
    const into = new Uint8Array(1);
    const result = tcpReadUrgent(this.flow, into, false);
    if (result === 1 && into[0] !== data(1, at - 1)[0]) throw new Error('it is another byte');
    return result;
  }

  private read(n: number): number {
    const into = new Uint8Array(n);
    const got = tcpRead(this.flow, into);
    // A read steps over an urgent byte that is not in line: what it gave ends where the stream was read to.
    if (got > 0) this.bytesRead = seqDiff(copiedSeq(this.flow), this.flow.rcv.irs) - 1 - got;
    this.checkRead(into.subarray(0, Math.max(0, got)));
    return got;
  }

  /** What was read is the next of the pattern. */
  checkRead(bytes: Bytes): void {
    const wanted = data(bytes.length, this.bytesRead);
    for (let i = 0; i < wanted.length; i++) {
      if (bytes[i] !== wanted[i]) throw new Error(`byte ${this.bytesRead + i} was read wrong`);
    }
    this.bytesRead += bytes.length;
  }

  private close(): number {
    tcpClose(this.flow);
    return 0;
  }

  private expectClosed(line: Line, dueNs: number, lateNs: number): void {
    const limitNs = Math.min(lateNs + line.toleranceNs, this.rig.net.env.nowNs + SEARCH_NS);
    while (this.closedWith === null && this.pending.length === 0 && this.turnBy(limitNs));
    if (this.closedWith === null) throw new Error('it is open');
    const is = this.closedWith === 0 ? '0' : errnoName(this.closedWith);
    if (is !== line.args[0]) throw new Error(`closed with ${is}`);
    const isThen =
      this.closedAtNs >= dueNs - line.toleranceNs && this.closedAtNs <= lateNs + line.toleranceNs;
    if (!isThen && !line.isAnyTime) {
      throw new Error(`closed at ${((this.closedAtNs - this.originNs) / SEC).toFixed(6)}`);
    }
    this.lineNs = this.closedAtNs;
  }

  // ---- the owner of the connection ----

  readable(): void {
    this.readables++;
    if (this.isReading) this.read(1 << 20);
  }

  writable(): void {
    this.writables++;
  }

  closed(errno: number): void {
    this.closedWith = errno;
    this.closedAtNs = this.rig.net.env.nowNs;
  }

  // ---- the end ----

  /** The stack closes; nothing of it may hold memory. */
  end(t: Test): void {
    const { memory } = this.rig;
    this.connection?.release();
    this.rig.close(t);
    t.equal(memory.pages.held, 0, 'all pages are back');
    t.equal(this.tcp.records.live, 0, 'all records are back');
    t.equal(this.tcp.demux.size, 0, 'no flow is left');
    t.same(changedParts(this.tcp), [], 'what idle connections share is as it was');
  }
}

const NO_LINE: Line = parseScript('0 nothing')[0]!;

function usualResult(line: Line): string {
  if (line.verb === 'oob') return '1';
  return line.verb === 'write' || line.verb === 'read' ? line.args[0]! : '0';
}
