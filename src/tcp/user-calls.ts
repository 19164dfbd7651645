/** What applications do: RFC 9293 §3.9.1's OPEN, SEND, RECEIVE, CLOSE, ABORT, as calls that never wait. */
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  EINVAL,
  ENETUNREACH,
  ENOTCONN,
  EPIPE,
} from '../base/errno.ts';
import { CAST } from '../net/ip-packet.ts';
import { whyNoPath } from '../net/no-path.ts';
import { type Address, IpAddress, isLinkLocal6, isUnspecified } from '../wire/address.ts';
import type { Seq } from '../wire/seq.ts';
import { applicationWrites } from './application-limit.ts';
import type { TcpConnection } from './connection.ts';
import { abortNow, beginClose, closeConnection } from './ending.ts';
import type { FlowId } from './endpoint.ts';
import { FastOpening } from './fast-opening.ts';
import { Handshake, type Opener } from './handshake.ts';
import { type Acceptor, Listener } from './listener.ts';
import { becomeOrphan } from './orphans.ts';
import { unackedBytes, wantsUpdate } from './receive-window.ts';
import type { Tcp } from './tcp.ts';
import type { Endpoint } from './tcp-demux.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { isIn, MAY_SEND, STATE } from './tcp-state.ts';
import type { TimeWait } from './time-wait.ts';
import { copiedSeq, isAtMark, isNextUrgent, passMark, readableBeforeMark } from './urgent.ts';
import { writeRoom } from './write-room.ts';

/** Where a passive or an active open starts from, and what the application wishes. */
export interface OpenFrom {
  /** Unspecified: the path's source. */
  readonly local: Address;
  /** 0: one is chosen. */
  readonly port: number;
  /** The interface it is tied to; 0 = any. */
  readonly boundIndex: number;
  readonly settings: TcpSettings;
}

/** From an address and port (0: any), without wishes. */
export function plainFrom(tcp: Tcp, local: Address, port: number): OpenFrom {
  return { local, port, boundIndex: 0, settings: tcp.defaults };
}

/** A listener, or -EADDRINUSE. Precondition: the port is the caller's (`PortHolds`). */
export function tcpListen(
  tcp: Tcp,
  from: OpenFrom,
  backlog: number,
  acceptor: Acceptor,
): Listener | number {
  const { local, port, boundIndex, settings } = from;
  const { isV6Only, isReusePort } = settings;
  const others = tcp.demux.listeners.groupAt(local, port, boundIndex, isV6Only);
  if (others.some((l) => !isReusePort || !l.settings.isReusePort)) return -EADDRINUSE;
  const most = limitBacklog(tcp, backlog);
  const l = new Listener(new IpAddress().copy(local), port, boundIndex, most, acceptor, settings);
  tcp.demux.listeners.add(l);
  return l;
}

/** net.core.somaxconn; less than nothing is as much as there is, as on Linux. */
export function limitBacklog(tcp: Tcp, backlog: number): number {
  return backlog < 0 ? tcp.config.somaxconn : Math.min(backlog, tcp.config.somaxconn);
}

/** An active open; `opener` hears how it ends. A handshake to cancel, or -errno. */
export function tcpConnect(
  tcp: Tcp,
  remote: Address,
  remotePort: number,
  from: OpenFrom,
  opener: Opener,
): Handshake | number {
  const flow = flowTo(tcp, remote, remotePort, from);
  if (typeof flow === 'number') return flow;
  const h = new Handshake(tcp, flow, null, opener, from.settings, flow.iss);
  tcp.demux.set(h, from.settings);
  h.start();
  return h;
}

/** The same with Fast Open: nothing leaves before it is started. */
export function tcpConnectFast(
  tcp: Tcp,
  remote: Address,
  remotePort: number,
  from: OpenFrom,
  opener: Opener,
): FastOpening | number {
  const flow = flowTo(tcp, remote, remotePort, from);
  if (typeof flow === 'number') return flow;
  const h = new FastOpening(tcp, flow, opener, from.settings, flow.iss);
  tcp.demux.set(h, from.settings);
  return h;
}

/** A flow that is free, and, if it was used lately, the number to begin with. */
interface FreeFlow extends FlowId {
  readonly iss: Seq | null;
}

function flowTo(tcp: Tcp, remote: Address, remotePort: number, from: OpenFrom): FreeFlow | number {
  const { boundIndex, settings } = from;
  if (isLinkLocal6(remote) && boundIndex === 0) return -EINVAL;
  const path = tcp.net.paths.lookup(remote, boundIndex);
  if (path === null) return whyNoPath(tcp.net, remote, boundIndex);
  if (path.cast !== CAST.UNICAST) return -ENETUNREACH;
  const wished = tcp.net.sources.towards(path, settings.sourcePreference);
  const source = isUnspecified(from.local) ? wished : from.local;
  if (isUnspecified(source)) return -ENETUNREACH;
  const local = new IpAddress().copy(source);
  const { demux } = tcp;
  const localPort =
    from.port !== 0 ? from.port : choosePort(tcp, local, remote, remotePort, settings);
  if (localPort === 0) return -EADDRNOTAVAIL;
  const before = demux.find(local, localPort, remote, remotePort);
  if (!mayBegin(before, from.port === 0)) return -EADDRNOTAVAIL;
  const iss = before === null ? null : recycle(tcp, before);
  return { local, localPort, remote, remotePort, boundIndex, iss };
}

/** The 4-tuple is free, or a TIME-WAIT gives way. @param isChosen The port is not the application's. */
function mayBegin(before: Endpoint | null, isChosen: boolean): before is TimeWait | null {
  return before === null || (before.kind === 'time-wait' && before.givesWay(isChosen));
}

/** The TIME-WAIT is over; returns the number to begin with. */
function recycle(tcp: Tcp, before: TimeWait): Seq {
  const iss = before.nextIss;
  before.kill();
  tcp.mib.count(tcp.ids.TWRecycled);
  return iss;
}

function choosePort(
  tcp: Tcp,
  local: Address,
  remote: Address,
  remotePort: number,
  settings: TcpSettings,
): number {
  const { demux } = tcp;
  const use = {
    isPortFree: (port: number) =>
      !demux.holds.isBound(port) && mayBegin(demux.find(local, port, remote, remotePort), true),
  };
  return tcp.ports.pick(local, remote, remotePort, use, settings.portRange);
}

/** Takes as much as the send buffer has room for. -EAGAIN: none; -EPIPE: this side is closed. */
export function tcpWrite(c: TcpConnection, data: Uint8Array): number {
  return write(c, data, false);
}

/** The same, and more will follow at once: a last part of a segment waits for it (MSG_MORE). */
export function tcpWriteMore(c: TcpConnection, data: Uint8Array): number {
  const n = write(c, data, true);
  if (n > 0) c.setMore();
  return n;
}

/** The same for `bytes` zeros, which are not copied: for traffic whose bytes nobody looks at. */
export function tcpWriteZeros(c: TcpConnection, bytes: number): number {
  const room = roomToWrite(c, bytes);
  if (room < 0) return room;
  return written(c, c.sendQueue.appendZeros(room, c.tcp.pageWait.allowance(c)), room, false);
}

function write(c: TcpConnection, data: Uint8Array, isMore: boolean): number {
  const room = roomToWrite(c, data.length);
  if (room < 0) return room;
  const part = data.length === room ? data : data.subarray(0, room);
  return written(c, c.sendQueue.append(part, c.tcp.pageWait.allowance(c)), room, isMore);
}

/** For how many of `bytes` the send buffer has room, or -errno. */
function roomToWrite(c: TcpConnection, bytes: number): number {
  if (!isIn(c.state, MAY_SEND) || c.isFinQueued) return -EPIPE;
  c.beginSending();
  applicationWrites(c);
  const room = writeRoom(c, bytes);
  if (room < bytes) c.chrono.refused();
  return room === 0 && bytes > 0 ? -EAGAIN : room;
}

/** `n` bytes are in the queue of the `room` there was room for: where pages are short there are fewer. */
function written(c: TcpConnection, n: number, room: number, isMore: boolean): number {
  if (n < room) c.tcp.pageWait.addWriter(c);
  if (n === 0 && room > 0) return -EAGAIN;
  c.chrono.queued();
  c.endPush();
  if (!isMore) c.forgetMore();
  c.snd.written(c.finSeq(), isMore);
  c.tcp.wantsOutput(c);
  return n;
}

/** Somebody has waited to write: if it was for the connection to stand, the first ACK travels with the text (Linux). */
export function tcpAwaited(c: TcpConnection): void {
  const { delack } = c;
  if (delack.isOwed && !delack.hasReceived) delack.enterQuickMode(c.rcv.window(), c.tcp.config);
}

/** The last byte written is urgent (RFC 9293 §3.8.5). */
export function tcpMarkUrgent(c: TcpConnection): void {
  c.snd.markUrgent(c.finSeq());
}

/** The last byte written ends a record (MSG_EOR): later text travels in other segments. */
export function tcpEndRecord(c: TcpConnection): void {
  c.endRecord();
}

/** The last byte written is the last of a send whose fate is wanted (FATE bits). */
export function tcpStamp(c: TcpConnection, wants: number): void {
  c.ownMarks().stamp(c.finSeq(), wants);
}

/** The last `bytes` bytes belong to the send `id` with MSG_ZEROCOPY, which goes on if `isOpen`. */
export function tcpMarkCopied(c: TcpConnection, id: number, bytes: number, isOpen: boolean): void {
  c.ownMarks().copied(id, c.finSeq(), bytes, isOpen, c.snd.nxt);
}

/** What `tcpRead` would give after `skip` bytes, which stays where it is. */
export function tcpPeek(c: TcpConnection, into: Uint8Array, skip = 0): number {
  // The urgent byte that comes next is looked past, and stays: a peek takes nothing.
  const over = isNextUrgent(c) ? 1 : 0;
  const part = over === 0 ? beforeMark(c, into) : into;
  return c.received.peek(part, skip + over);
}

/** As if so many bytes had been read. */
export function tcpDiscard(c: TcpConnection, bytes: number): number {
  return wasRead(c, c.received.discard(readableBeforeMark(c, bytes)));
}

/** Bytes read; 0 at the end of the stream; -EAGAIN. */
export function tcpRead(c: TcpConnection, into: Uint8Array): number {
  return wasRead(c, c.received.read(beforeMark(c, into)));
}

/** The part of it that one read may fill: none goes past the urgent mark. */
function beforeMark(c: TcpConnection, into: Uint8Array): Uint8Array {
  const most = readableBeforeMark(c, into.length);
  return most === into.length ? into : into.subarray(0, most);
}

function wasRead(c: TcpConnection, n: number): number {
  if (n === 0) return c.isFinReceived || c.state === STATE.CLOSED ? 0 : -EAGAIN;
  passMark(c);
  c.sizing.read(c, n);
  if (c.isStarved && c.received.chargedBytes === 0) c.tcp.pageWait.drained(c);
  if (c.state !== STATE.CLOSED && (isAckTime(c) || wantsUpdate(c))) {
    c.delack.owe(true);
    c.tcp.wantsOutput(c);
  }
  return n;
}

/** An ACK was waiting for this: two segments, or the end of what somebody wrote, have been read. */
function isAckTime(c: TcpConnection): boolean {
  if (!c.delack.isOwed) return false;
  if (unackedBytes(c) > c.delack.rcvMss) return true;
  return c.received.chargedBytes === 0 && c.delack.isReadToEnd();
}

/**
 * The peer's urgent byte (MSG_OOB): 1 and the byte in `into`, or 0 at the end of the stream, -EAGAIN while it is
 * on its way, -EINVAL when there is none, it was read, or it is in line.
 */
export function tcpReadUrgent(c: TcpConnection, into: Uint8Array, isPeek: boolean): number {
  const { urgent } = c;
  if (c.settings.isUrgentInline || urgent === null || !urgent.isSet || urgent.isRead) {
    return -EINVAL;
  }
  if (!urgent.isThere) return c.state === STATE.CLOSED || c.isReceiveShut ? 0 : -EAGAIN;
  if (into.length === 0) return 0;
  into[0] = urgent.take(isPeek);
  return 1;
}

/** Bytes to be read, up to the urgent mark (SIOCINQ). */
export function tcpReadable(c: TcpConnection): number {
  const { urgent } = c;
  const ready = c.received.readyBytes;
  if (urgent === null || !urgent.isSet || c.settings.isUrgentInline) return ready;
  const ahead = urgent.distance(copiedSeq(c));
  return ahead < 0 || ahead >= ready ? ready : ahead;
}

/** SIOCATMARK. */
export function tcpIsAtMark(c: TcpConnection): boolean {
  return isAtMark(c);
}

/** POLLPRI. */
export function tcpHasUrgent(c: TcpConnection): boolean {
  return c.urgent?.isThere === true;
}

/** TCP_QUICKACK: 0 waits for an answer to carry ACKs, other values do not; an ACK that is owed goes now. */
export function tcpQuickAck(c: TcpConnection, value: number): void {
  c.delack.setInteractive(value === 0);
  if (value === 0 || !c.delack.isOwed || !isIn(c.state, MAY_SEND)) return;
  c.delack.setInteractive((value & 1) === 0); // an even value: for this ACK alone
  c.delack.owe(true);
  c.tcp.wantsOutput(c);
}

/** shutdown(SHUT_RD): nothing goes to the peer, but text that comes after our FIN resets it. */
export function tcpShutdownReceive(c: TcpConnection): void {
  c.shutReceive();
  c.owner?.readable();
}

/** RFC 9293 §3.10.4: no more to send; the peer may go on. */
export function tcpShutdown(c: TcpConnection): number {
  if (c.state === STATE.CLOSED) return -ENOTCONN;
  // As on Linux: the FIN of a shutdown waits for the handshake's end, a close's does not.
  if (c.state === STATE.SYN_RECEIVED) c.unconfirmed?.shut();
  else beginClose(c);
  return 0;
}

/** The application is done with it. What it has not read is lost, and the peer hears of that (RFC 2525 §2.17). */
export function tcpClose(c: TcpConnection): void {
  c.setOwner(null);
  c.setWatcher(null);
  if (c.state === STATE.CLOSED) {
    c.release();
    return;
  }
  closeConnection(c);
  if (!c.tcp.isGone(c)) becomeOrphan(c);
}

export function tcpAbort(c: TcpConnection): void {
  c.setOwner(null);
  c.setWatcher(null);
  if (c.state === STATE.CLOSED) c.release();
  else abortNow(c, 0);
}
