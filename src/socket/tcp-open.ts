/** bind, listen, connect, accept, and the ways back: the errors and their order are Linux's. */
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENETUNREACH,
} from '../base/errno.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import type { FastOpening } from '../tcp/fast-opening.ts';
import type { Handshake, Opener } from '../tcp/handshake.ts';
import { closeListener } from '../tcp/listener-close.ts';
import { HOLD, type PortClaim } from '../tcp/port-holds.ts';
import { STATE } from '../tcp/tcp-state.ts';
import {
  limitBacklog,
  type OpenFrom,
  tcpAbort,
  tcpClose,
  tcpConnect,
  tcpConnectFast,
  tcpListen,
} from '../tcp/user-calls.ts';
import {
  type Address,
  ANY4,
  ANY6,
  IpAddress,
  isLimitedBroadcast,
  isLinkLocal6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
  LOOPBACK4,
  LOOPBACK6,
} from '../wire/address.ts';
import { AF } from './abi.ts';
import type { SockAddr } from './sock-addr.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';
import { fastOpenByDefault } from './tcp-fast-open-options.ts';
import { LINK } from './tcp-link.ts';

/** Below the listener or the connection that a socket may have become, it is CLOSED. */
const isFresh = (e: TcpEndpoint): boolean => e.state === STATE.CLOSED;

// ---- bind ----

export function bindTo(e: TcpEndpoint, to: SockAddr): number {
  const isAny4 = to.family === AF.UNSPEC && e.domain === AF.INET && isUnspecified(to.address);
  if (to.family !== e.domain && !isAny4) return -EAFNOSUPPORT;
  const address = isAny4 ? ANY4 : to.address;
  const index = e.boundIndex !== 0 ? e.boundIndex : scopeOf(address, to.scopeId);
  const bad = checkLocal(e, address, index);
  if (bad !== 0) return bad;
  if (!isFresh(e) || e.localPort !== 0) return -EINVAL;
  if (to.port === 0 && e.isPortless) e.setName(new IpAddress().copy(address), 0);
  else {
    const result = claimPort(e, address, to.port, index);
    if (result !== 0) return result;
  }
  e.setOwn(!isUnspecified(address), to.port !== 0);
  e.setBoundIndex(index);
  return 0;
}

function scopeOf(address: Address, scopeId: number): number {
  return isLinkLocal6(address) ? scopeId : 0;
}

/** 0, or why a socket cannot have the address. */
function checkLocal(e: TcpEndpoint, address: Address, index: number): number {
  const is4 = isV4(address);
  if (is4 && e.settings.isV6Only) return -EINVAL;
  if (!is4 && isMulticast(address)) return -EINVAL;
  if (isLinkLocal6(address) && index === 0) return -EINVAL;
  if (isUnspecified(address) || isMulticast(address)) return 0;
  if (is4 && (isLoopback(address) || isBroadcast(e, address))) return 0;
  const entry = e.net.locals.entryOf(address, index);
  return entry !== null && entry.state === 'preferred' ? 0 : -EADDRNOTAVAIL;
}

function isBroadcast(e: TcpEndpoint, a: Address): boolean {
  return isLimitedBroadcast(a) || e.net.interfaces.some((i) => i.isBroadcast(a.w3));
}

function claimOf(e: TcpEndpoint, local: Address, port: number, kind: number): PortClaim {
  const { isV6Only, isReuseAddress: isReuse, isReusePort } = e.settings;
  return { local, port, boundIndex: e.boundIndex, isV6Only, isReuse, isReusePort, kind };
}

/** Port 0: one is chosen. */
function claimPort(e: TcpEndpoint, local: Address, port: number, boundIndex: number): number {
  const { holds } = e.tcp.demux;
  const claim = (p: number): PortClaim => ({ ...claimOf(e, local, p, HOLD.BOUND), boundIndex });
  const use = { isPortFree: (p: number) => !holds.conflicts(claim(p), null, true) };
  const { isReuseAddress, portRange } = e.settings;
  const chosen = port !== 0 ? port : e.tcp.ports.pickToBind(use, isReuseAddress, portRange);
  if (chosen === 0 || holds.conflicts(claim(chosen), null, port === 0)) return -EADDRINUSE;
  e.setHold(holds.take(claim(chosen)));
  e.setName(new IpAddress().copy(local), chosen);
  return 0;
}

/** SO_BINDTODEVICE: before it listens or connects. */
export function tieTo(e: TcpEndpoint, index: number): number {
  if (!isFresh(e)) return -EINVAL;
  e.setBoundIndex(index);
  renewHold(e, HOLD.BOUND);
  return 0;
}

/** What decides conflicts has changed: SO_REUSEADDR, SO_REUSEPORT, the interface, the address, that it listens. */
export function renewHold(e: TcpEndpoint, kind: number, to: Address | null = null): void {
  if (e.hold === null) return;
  const { holds } = e.tcp.demux;
  const claim = claimOf(e, to ?? e.hold.local, e.hold.port, kind);
  holds.release(e.hold);
  e.setHold(holds.take(claim));
}

// ---- listen and accept ----

export function listenWith(e: TcpEndpoint, backlog: number): number {
  const { tcp, listener } = e;
  if (listener !== null) {
    listener.setBacklog(limitBacklog(tcp, backlog));
    return 0;
  }
  if (!isFresh(e) || e.link !== LINK.NONE) return -EINVAL;
  if (e.hold === null) {
    const result = claimPort(e, e.local, 0, e.boundIndex);
    if (result !== 0) return result;
  }
  const { holds } = tcp.demux;
  const hold = e.hold!; // just claimed, or by `bind`
  const claim = claimOf(e, hold.local, hold.port, HOLD.LISTENING);
  if (holds.conflicts(claim, hold, false)) return -EADDRINUSE;
  fastOpenByDefault(e, backlog);
  const made = tcpListen(tcp, openFrom(e, hold.local, hold.port), backlog, e);
  if (typeof made === 'number') return made;
  renewHold(e, HOLD.LISTENING);
  e.forget();
  e.setListener(made);
  return 0;
}

/** The oldest connection nobody has accepted yet, with the listener's wishes. */
export function acceptNext(e: TcpEndpoint): TcpEndpoint | number {
  const { listener } = e;
  if (listener === null) return -EINVAL;
  const c = listener.accept();
  if (c === undefined) return -EAGAIN;
  const child = e.shared.openWith(e.domain, false, c.settings);
  child.setMark(e.mark);
  child.setBoundIndex(c.boundIndex);
  child.setPeekOffset(e.peekOffset);
  child.setWantsLeft(e.wantsLeft);
  child.setWaitLimits(e.receiveTimeoutNs, e.sendTimeoutNs);
  child.setLink(LINK.JOINED);
  child.take(c);
  if (c.isFinReceived) child.setShut(true, false);
  if (c.state === STATE.CLOSED) {
    child.setShut(true, true);
    child.setError(c.error);
  }
  return child;
}

// ---- connect ----

export function connectTo(e: TcpEndpoint, to: SockAddr): number {
  if (to.family === AF.UNSPEC) return disconnect(e);
  if (e.link === LINK.JOINED) return -EISCONN;
  if (e.link === LINK.PENDING) {
    if (e.handshake?.fastOpening?.isDeferred === true) return -EISCONN;
    if (e.handshake !== null) return -EALREADY;
    return finishConnect(e);
  }
  if (!isFresh(e)) return -EISCONN; // it listens
  if (e.settings.isFastOpenConnect) return connectFast(e, to);
  const h = begin(e, to, tcpConnect);
  return typeof h === 'number' ? h : -EINPROGRESS;
}

/** TCP_FASTOPEN_CONNECT: the SYN waits for the first send, if it may carry text; else it asks for a cookie. */
function connectFast(e: TcpEndpoint, to: SockAddr): number {
  const h = openFast(e, to);
  if (typeof h === 'number') return h;
  if (h.consult()) return 0;
  h.start();
  return -EINPROGRESS;
}

/** It has everything but the SYN. */
export function openFast(e: TcpEndpoint, to: SockAddr): FastOpening | number {
  return begin(e, to, tcpConnectFast);
}

/** What became of the connection that was begun: told by the next `connect`, which also lets a failed one go. */
export function finishConnect(e: TcpEndpoint): number {
  if (e.state !== STATE.CLOSED) {
    e.setLink(LINK.JOINED);
    return 0;
  }
  const errno = e.takeError() || ECONNABORTED;
  disconnect(e);
  return -errno;
}

function begin<T extends Handshake>(
  e: TcpEndpoint,
  to: SockAddr,
  open: (...flow: Parameters<typeof tcpConnect>) => T | number,
): T | number {
  if (to.family !== e.domain) return -EAFNOSUPPORT;
  const remote = new IpAddress().copy(to.address);
  if (isUnspecified(remote)) remote.copy(loopbackFor(e, remote)); // "this host"
  if (isMulticast(remote)) return -ENETUNREACH;
  const is4 = isV4(remote);
  if (is4 && e.settings.isV6Only) return -ENETUNREACH;
  if (!isUnspecified(e.local) && isV4(e.local) !== is4) return is4 ? -EINVAL : -ENETUNREACH;
  const scope = scopeOf(remote, to.scopeId);
  if (scope !== 0 && e.boundIndex !== 0 && scope !== e.boundIndex) return -EINVAL;
  const boundIndex = e.boundIndex !== 0 ? e.boundIndex : scope;
  const { settings } = e;
  const local = e.hasOwnAddress ? e.local : ANY6;
  const from = { local, port: e.hold === null ? 0 : e.hold.port, boundIndex, settings };
  e.forget();
  const h = open(e.tcp, remote, to.port, from, e);
  if (typeof h === 'number') return h;
  if (e.handshake === null && e.connection === null && e.error === 0) e.setHandshake(h);
  // A socket that was bound to any address has one from now on: others may have its port on the rest.
  renewHold(e, HOLD.BOUND, h.local);
  return h;
}

/** Linux: an address that was bound, else loopback. */
function loopbackFor(e: TcpEndpoint, remote: Address): Address {
  const is4 = e.domain === AF.INET || isV4(remote) || (e.hasOwnAddress && isV4(e.local));
  return is4 ? LOOPBACK4 : LOOPBACK6;
}

function openFrom(e: TcpEndpoint, local: Address, port: number): OpenFrom {
  return { local, port, boundIndex: e.boundIndex, settings: e.settings };
}

// ---- back to CLOSED ----

/** States in which the peer is owed a reset when we give up (Linux's tcp_need_reset). */
const OWED_RESET =
  (1 << STATE.SYN_RECEIVED) |
  (1 << STATE.ESTABLISHED) |
  (1 << STATE.CLOSE_WAIT) |
  (1 << STATE.FIN_WAIT_1) |
  (1 << STATE.FIN_WAIT_2);
/** And in these while something was not sent yet. */
const SENDS_LAST = (1 << STATE.CLOSING) | (1 << STATE.LAST_ACK);

/** `connect` to AF_UNSPEC, and what is left of a failed connection: port and address that were bound stay. */
export function disconnect(e: TcpEndpoint): number {
  const { tcp, listener, handshake: h, connection: c } = e;
  let errno = 0;
  if (listener !== null) {
    closeListener(tcp, listener);
  } else if (h !== null) {
    h.abort();
    errno = ECONNRESET;
  } else if (c !== null) {
    const owed = c.unsentBytes() > 0 ? OWED_RESET | SENDS_LAST : OWED_RESET;
    if (((1 << c.state) & owed) !== 0) errno = ECONNRESET;
    tcpAbort(c);
  }
  e.forget();
  if (errno !== 0) {
    e.setError(errno);
    e.wakeAll();
  }
  releaseChosen(e);
  return 0;
}

/** What was chosen for the socket goes; what the application bound stays. */
function releaseChosen(e: TcpEndpoint): void {
  const any = e.domain === AF.INET ? ANY4 : ANY6;
  const address = new IpAddress().copy(e.hasOwnAddress ? e.local : any);
  if (!e.hasOwnPort && e.hold !== null) {
    e.tcp.demux.holds.release(e.hold);
    e.setHold(null);
  }
  renewHold(e, HOLD.BOUND, address);
  e.setName(address, e.hold === null ? 0 : e.hold.port);
}

// ---- close ----

/** The last descriptor is gone. A connection lives on without the socket until all is said and acknowledged. */
export function closeSocket(e: TcpEndpoint): void {
  const { tcp, listener, handshake: h, connection: c } = e;
  if (listener !== null) closeListener(tcp, listener);
  if (h !== null) {
    if (h.state === STATE.SYN_SENT || e.settings.lingerSec === 0) h.abort();
    else h.setOpener(new Orphan());
  }
  if (c !== null) {
    tcpClose(c);
  }
  e.forget();
  if (e.hold !== null) tcp.demux.holds.release(e.hold);
  e.setHold(null);
}

/** Closed in SYN-RECEIVED: RFC 9293 §3.10.4 has the FIN follow once the connection stands. */
class Orphan implements Opener {
  established(c: TcpConnection): void {
    tcpClose(c);
  }

  failed(): void {
    // nobody is left to be told
  }
}
