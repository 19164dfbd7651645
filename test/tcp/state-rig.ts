/**
 * One socket in a state of RFC 9293 §3.3.2, one event, and what becomes of it: the next state, what is sent within
 * a tenth of a second, and what the application hears. The peer is a script; the socket is one of `SocketApi`.
 */
import { errnoName } from '../../src/base/errno.ts';
import { AF, O_NONBLOCK, POLL, SO, SOCK, SOL } from '../../src/socket/abi.ts';
import { PollFd } from '../../src/socket/poll.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { STATE_NAMES } from '../../src/tcp/tcp-state.ts';
import { ip, type NetHarness } from '../net/rig.ts';
import { addr } from '../socket/socket-rig.ts';
import { parseScript } from './script-text.ts';
import { PEER_PORT, ScriptedPeer } from './scripted-peer.ts';
import type { SeenSegment } from './segment-text.ts';
import { changedParts } from './shared-parts.ts';

const START_NS = 1e12;
const PLAIN = parseScript('0 > . 0:0(0) ack 0')[0]!;
const ANY_OPTION = parseScript('0 > . 0:0(0) ack 0 <*>')[0]!;

/** One stack for the cells of a row: each has ports of its own, and leaves nothing behind. */
export class StateRig {
  readonly net: NetHarness;
  readonly api: SocketApi;
  /** The socket that the events are about; -1 once the application has closed it. */
  fd = -1;
  private listener = -1;
  private isPassive = false;
  private sent: string[] = [];
  private readonly peer: ScriptedPeer;
  private readonly port: number;

  constructor(net: NetHarness, port: number) {
    this.net = net;
    this.api = new SocketApi(net.stack);
    const { env } = net.net;
    this.port = port;
    this.peer = new ScriptedPeer(false, undefined, () => env.nowNs - START_NS);
    this.peer.ourPort = port;
    // Tail-loss probes would come within the tenth of a second.
    this.tune({ ...new TcpConfig(), timestamps: 0, windowScaling: 0, earlyRetrans: 0 });
  }

  // ---- time ----

  wait(ms: number): void {
    this.net.advance(ms / 1000);
    this.collect();
  }

  private settle(): void {
    this.net.settle();
    this.collect();
  }

  private collect(): void {
    for (const { payload, protocol } of this.net.port.sent()) {
      if (protocol === 6) this.sent.push(this.describe(this.peer.read(payload)));
    }
  }

  private describe(seg: SeenSegment): string {
    const atNs = this.net.net.env.nowNs - START_NS;
    const line = seg.flags.includes('S') ? ANY_OPTION : PLAIN;
    const text = this.peer.describe(seg, atNs, line);
    // RFC 9293 §3.10.7.1: what answers a segment without an ACK has no number of ours.
    return seg.flags.includes('R') && seg.seq === 0 ? text.replace(/\S+\(0\)/, 'zero') : text;
  }

  takeSent(): string {
    const runs: [string, number][] = [];
    for (const line of this.sent) {
      const last = runs.at(-1);
      if (last?.[0] === line) last[1]++;
      else runs.push([line, 1]);
    }
    this.sent = [];
    return runs.map(([line, n]) => (n === 1 ? line : `${line} ×${n}`)).join(', ');
  }

  // ---- the peer ----

  /** A line of a dialogue behind its `<`. */
  says(line: string): void {
    const packet = this.peer.packet(parseScript(`0 < ${line}`)[0]!);
    this.net.give(packet);
    this.collect();
  }

  // ---- the application ----

  /** A call on the socket: its result or the errno's name. */
  call(f: (api: SocketApi, fd: number) => number): string {
    if (this.fd < 0) return 'no socket';
    const result = f(this.api, this.fd);
    this.settle();
    return `= ${result < 0 ? errnoName(result) : result}`;
  }

  socket(): void {
    this.fd = this.api.socket(AF.INET, SOCK.STREAM | O_NONBLOCK, 0);
    this.must(this.api.bind(this.fd, addr(`10.0.0.1:${this.port}`)));
  }

  listen(): void {
    this.socket();
    this.must(this.api.listen(this.fd, 16));
    this.listener = this.fd;
  }

  accept(): void {
    this.isPassive = true;
    this.fd = this.must(this.api.accept(this.listener, null, O_NONBLOCK));
  }

  /** Of the socket, if there is one. */
  option(level: number, name: number, value: number): string {
    if (this.fd >= 0) this.must(this.api.setInt(this.fd, level, name, value));
    return '';
  }

  tune(config: Partial<TcpConfig>): void {
    Object.assign(this.net.stack.tcp.config, config);
  }

  must(result: number): number {
    if (result < 0) throw new Error(errnoName(result));
    this.settle();
    return result;
  }

  /** The events that poll tells of now. */
  poll(): string[] {
    if (this.fd < 0) return [];
    const entry = new PollFd(this.fd, POLL.IN | POLL.PRI | POLL.OUT | POLL.RDHUP);
    this.api.poll([entry]);
    return EVENTS.filter(([, bit]) => (entry.revents & bit) !== 0).map(([name]) => name);
  }

  /** SO_ERROR, by name; '' for none. */
  error(): string {
    const errno = this.fd < 0 ? 0 : this.api.getInt(this.fd, SOL.SOCKET, SO.ERROR);
    return errno > 0 ? errnoName(errno) : '';
  }

  close(): number {
    const { fd } = this;
    this.fd = -1;
    return this.api.close(fd);
  }

  // ---- what there is ----

  /** Of the 4-tuple, or the listener's. */
  get state(): string {
    const { demux } = this.net.stack.tcp;
    const e = demux.find(ip('10.0.0.1'), this.port, ip('10.0.0.2'), PEER_PORT);
    if (e !== null) return STATE_NAMES[e.state]!;
    return !this.isPassive &&
      demux.listeners.groupAt(ip('10.0.0.1'), this.port, 0, false).length > 0
      ? 'LISTEN'
      : 'CLOSED';
  }

  /** Everything goes; what is left, which must be nothing. */
  end(): number {
    this.api.closeAll();
    const { memory, stack, frames } = this.net;
    stack.tcp.closeAll();
    this.net.port.sent();
    frames.releaseChunk();
    const { cells, chunks, pages } = memory;
    const { records, demux } = stack.tcp;
    const changed = changedParts(stack.tcp).length;
    return cells.held + pages.held + records.live + demux.size + chunks.held + changed;
  }
}

const EVENTS: readonly (readonly [string, number])[] = [
  ['IN', POLL.IN],
  ['PRI', POLL.PRI],
  ['OUT', POLL.OUT],
  ['ERR', POLL.ERR],
  ['HUP', POLL.HUP],
  ['RDHUP', POLL.RDHUP],
];
