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
 * **Calls** (verbs) act on the connection: `listen [BACKLOG]`, `connect`, `write N [more|eor|oob]…`, `read N`, `shutdown`,
 * `close`, `abort`, `set SETTING VALUE` (of TcpSettings); `= RESULT` behind it gives the result when it is not the obvious one
 * (`= EAGAIN`, `= 500`). Read bytes are compared with the pattern. `verb(name, f)` adds one.
 * **Checks**: `state NAME`, `closed ERRNO|0` (the owner was told so, then), `readable N`, `mib NAME N`, `nothing`.
 *
 * When it ends all memory of the stack must be back: pages, chunks, cells, frames, records, flows.
 */
import tap, { type Test } from 'tap';
import { errnoName } from '../../src/base/errno.ts';
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
import {
  type OpenFrom,
  tcpAbort,
  tcpClose,
  tcpConnect,
  tcpListen,
  tcpRead,
  tcpShutdown,
  tcpWrite,
} from '../../src/tcp/user-calls.ts';
import { seqBits } from '../../src/wire/seq.ts';
import { type Bytes, data, ethernet, ip4, ip6, PEER4, PEER6, US4, US6 } from '../net/packets.ts';
import { ip, NetHarness, type RigOptions } from '../net/rig.ts';
import { icmpPacket } from './icmp-text.ts';
import { type Line, parseScript } from './script-text.ts';
import { optionBytes, optionText, readTcp, type SeenSegment, tcpBytes } from './segment-text.ts';

export interface TcpHarnessOptions extends RigOptions {
  readonly v6?: boolean;
  readonly tcp?: Partial<TcpConfig>;
  /** Our first sequence number as a listener is within 250 of this. */
  readonly iss?: number;
  /** The peer's. */
  readonly irs?: number;
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
const LOCAL_PORT = 80;
const PEER_PORT = 40000;
const DEFAULT_IRS = 0x0a000000;
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
  /** Reads at once whatever comes. */
  isReading = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** Absolute; ours is known once our SYN was seen. */
  ourIsn: number | null = null;
  readonly peerIsn: number;
  ourPort = LOCAL_PORT;
  peerPort = PEER_PORT;
  private readonly us: string;
  private readonly peer: string;
  private readonly v6: boolean;
  private readonly originNs: number;
  private closedAtNs = 0;
  private lineNs = 0;
  private peerWin = 65535;
  /** Our timestamp clock at the origin of the script, and the latest we sent. */
  private tsBase: number | null = null;
  private tsLatest = 0;
  private hasPeerTs = false;
  private hasTs = false;
  private pending: Emission[] = [];
  private readonly verbs = new Map<string, Verb>();
  private readonly mibAtStart = new Map<string, number>();

  constructor(options: TcpHarnessOptions = {}) {
    this.v6 = options.v6 ?? false;
    this.us = this.v6 ? US6 : US4;
    this.peer = this.v6 ? PEER6 : PEER4;
    this.peerIsn = (options.irs ?? DEFAULT_IRS) | 0;
    this.rig = new NetHarness(options);
    this.tcp = this.rig.stack.tcp;
    Object.assign(this.tcp.config, options.tcp);
    const { env } = this.rig.net;
    env.nowNs = options.iss === undefined ? START_NS : this.timeOfIss(options.iss);
    this.originNs = env.nowNs;
    this.addVerbs();
  }

  /** When the clock of RFC 9293 §3.4.1 makes this the first sequence number, to the millisecond. */
  private timeOfIss(iss: number): number {
    const flow = {
      local: ip(this.us),
      localPort: LOCAL_PORT,
      remote: ip(this.peer),
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
    const e = this.tcp.demux.find(ip(this.us), this.ourPort, ip(this.peer), this.peerPort);
    if (e === null) return this.listener === null || this.connection ? 'CLOSED' : 'LISTEN';
    return e.kind === 'time-wait' ? 'TIME-WAIT' : STATE_NAMES[e.state]!;
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
      if (line.verb === '<' || line.verb === '<<') this.injectLine(line);
      else this.call(line);
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
      const seg = readTcp(payload, this.us, this.peer);
      this.noteOurs(seg);
      this.pending.push({ atNs: this.rig.net.env.nowNs, seg, ipLength: length });
    }
  }

  private noteOurs(seg: SeenSegment): void {
    const isSyn = seg.flags.includes('S');
    if (isSyn) {
      this.ourIsn = seg.seq;
      this.ourPort = seg.srcPort;
    }
    const val = timestampOf(seg.options);
    if (isSyn) this.hasTs = val !== null;
    if (val === null) return;
    this.tsLatest = val;
    if (isSyn) this.tsBase = (val - this.clockMs()) | 0;
  }

  /** The script's clock, which is the peer's. */
  private clockMs(): number {
    return Math.floor((this.rig.net.env.nowNs - this.originNs) / MS);
  }

  // ---- > ----

  private expect(line: Line, dueNs: number, lateNs: number): void {
    const limitNs = Math.min(lateNs + line.toleranceNs, this.rig.net.env.nowNs + SEARCH_NS);
    while (this.pending.length === 0 && this.turnBy(limitNs));
    const e = this.pending.shift();
    if (e === undefined) throw new Error('nothing was sent');
    const sent = this.describe(e, line);
    if (sent !== line.expected) throw new Error(`sent "${sent}", not "${line.expected}"`);
    this.checkText(e.seg);
    const isLate = e.atNs > lateNs + line.toleranceNs || e.atNs < dueNs - line.toleranceNs;
    if (isLate && !line.isAnyTime) {
      throw new Error(`sent at ${((e.atNs - this.originNs) / SEC).toFixed(6)}`);
    }
    this.lineNs = e.atNs;
  }

  /** As the script would write it, with the fields that the line asks for. */
  private describe({ seg }: Emission, line: Line): string {
    const seq = (seg.seq - (this.ourIsn ?? 0)) | 0;
    let text = `${seg.flags} ${seq}:${seq + seg.text.length}(${seg.text.length})`;
    if (seg.flags.includes('.')) text += ` ack ${(seg.ack - this.peerIsn) | 0}`;
    if (line.hasWin) text += ` win ${seg.win}`;
    if (seg.urg !== 0 || seg.flags.includes('U')) text += ` urg ${seg.urg}`;
    const options = optionText(seg.options, {
      seq: this.peerIsn,
      tsVal: this.tsBase ?? 0,
      tsEcr: 0,
    });
    if (line.isAnyOption) return `${text} <*>`;
    if (line.options !== null) return `${text} <${options}>`;
    const isPlain = this.hasTs
      ? /^TS val -?\d+ ecr -?\d+$/.test(options) &&
        timestampOf(seg.options) === ((this.tsBase! + this.clockMs()) | 0)
      : options === '';
    return isPlain || seg.flags.includes('R') ? text : `${text} <${options}>`;
  }

  private checkText(seg: SeenSegment): void {
    const from = (seg.seq - (this.ourIsn ?? 0) - 1) | 0;
    const wanted = data(seg.text.length, from);
    for (let i = 0; i < wanted.length; i++) {
      if (seg.text[i] !== wanted[i]) throw new Error(`byte ${from + i} is not what was written`);
    }
  }

  private expectSilence(): void {
    const [first] = this.pending;
    if (first === undefined) return;
    const at = ((first.atNs - this.originNs) / SEC).toFixed(6);
    const text = this.describe(first, { ...NO_LINE, hasWin: true, options: '' });
    throw new Error(`nobody expects "${text}", sent at ${at}`);
  }

  // ---- < ----

  private injectLine(line: Line): void {
    if (line.icmp !== null) this.injectIcmp(line.icmp.name, line.icmp.mtu, line.icmp.seq);
    else this.inject(line);
    if (line.verb === '<') this.settle();
  }

  /** Into the device's queue; `settle` delivers. */
  inject(line: Line, extra: Partial<Parameters<typeof tcpBytes>[0]> = {}): void {
    if (line.hasWin) this.peerWin = line.win;
    const isSyn = line.flags.includes('S');
    if (isSyn) this.hasPeerTs = line.options?.includes('TS') ?? false;
    const segment = tcpBytes(
      {
        srcPort: this.peerPort,
        dstPort: this.ourPort,
        seq: (this.peerIsn + line.seq) | 0,
        ack: line.flags.includes('.') ? ((this.ourIsn ?? 0) + line.ack) | 0 : 0,
        flags: line.flags,
        win: this.peerWin,
        urg: line.urg,
        options: this.peerOptions(line, isSyn),
        text: data(line.len, line.seq - 1),
        ...extra,
      },
      this.peer,
      this.us,
    );
    this.arrive(this.v6 ? ip6({ next: 6 }, segment) : ip4({ protocol: 6, df: true }, segment));
  }

  private peerOptions(line: Line, isSyn: boolean): number[] {
    const text = line.options ?? '';
    const origin = { seq: this.ourIsn ?? 0, tsVal: 0, tsEcr: this.tsBase ?? 0 };
    // The echo of a SYN is no time of ours.
    const bytes = optionBytes(text.replace('noTS', ''), {
      ...origin,
      tsEcr: isSyn && !line.flags.includes('.') ? 0 : origin.tsEcr,
    });
    const isAuto = this.hasTs && this.hasPeerTs && !isSyn && !/TS/.test(text);
    if (!isAuto || line.flags.includes('R')) return bytes;
    const ecr = (this.tsLatest - origin.tsEcr) | 0;
    return [1, 1, ...optionBytes(`TS val ${this.clockMs()} ecr ${ecr}`, origin), ...bytes];
  }

  private injectIcmp(name: string, mtu: number, seq: number): void {
    const quoted = tcpBytes(
      {
        srcPort: this.ourPort,
        dstPort: this.peerPort,
        seq: ((this.ourIsn ?? 0) + seq) | 0,
        ack: 0,
        flags: '.',
        win: 0,
      },
      this.us,
      this.peer,
    );
    this.arrive(icmpPacket(name, mtu, quoted, this.v6));
  }

  private arrive(packet: Bytes): void {
    const { frames, port } = this.rig;
    const frame = frames.fromBytes(ethernet(packet));
    const w = frame * RX_STRIDE;
    frames.words[w + RX.FLAGS] = 0;
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
    this.verb('write', ([n]) => this.write(Number(n)));
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
    return 0;
  }

  private check<T>(is: T, wanted: T): number {
    if (is !== wanted) throw new Error(`it is ${is}`);
    return 0;
  }

  private listen(backlog: number): number {
    const l = tcpListen(this.tcp, this.from(LOCAL_PORT), backlog, {
      acceptable: () => {
        const c = this.listener?.accept();
        if (c !== undefined) this.attach(c);
      },
    });
    if (!(l instanceof Listener)) return l;
    this.listener = l;
    return 0;
  }

  private from(port: number): OpenFrom {
    return { local: ip(this.us), port, boundIndex: 0, settings: this.settings };
  }

  private connect(): number {
    this.peerPort = LOCAL_PORT;
    const h = tcpConnect(this.tcp, ip(this.peer), LOCAL_PORT, this.from(0), {
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

  private write(n: number): number {
    return this.wrote(tcpWrite(this.flow, this.pattern(n)));
  }

  private read(n: number): number {
    const into = new Uint8Array(n);
    const got = tcpRead(this.flow, into);
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
  }
}

const NO_LINE: Line = parseScript('0 nothing')[0]!;

function usualResult(line: Line): string {
  return line.verb === 'write' || line.verb === 'read' ? line.args[0]! : '0';
}

function timestampOf(options: Bytes): number | null {
  const dv = new DataView(options.buffer, options.byteOffset, options.length);
  for (let at = 0; at < options.length && options[at] !== 0; ) {
    if (options[at] === 8) return dv.getInt32(at + 2);
    at += options[at] === 1 ? 1 : options[at + 1]!;
  }
  return null;
}
