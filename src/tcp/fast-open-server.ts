/**
 * What a SYN gets from a listener that knows Fast Open (RFC 7413 §4.2.2): a connection at once, a cookie for the next
 * time, or neither. By Linux's rules, in their order: nothing is computed for a SYN that gets nothing anyway.
 */
import type { RandomStream } from '../base/rng.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import type { FlowId } from './endpoint.ts';
import { connectionOf } from './establish.ts';
import { Unconfirmed } from './fast-open-child.ts';
import { FastOpenKeys } from './fast-open-keys.ts';
import { FAST_OPEN, FastOpenCookie } from './fast-open-option.ts';
import { FAST_OPEN_FAILURE, FastOpenUse } from './fast-open-use.ts';
import type { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import { pagesForOrder } from './page-shares.ts';
import type { Segment } from './segment.ts';
import { synTimeoutNs } from './syn-patience.ts';
import type { Tcp } from './tcp.ts';

export class FastOpenServer {
  /** tcp_fastopen_key, null until somebody wants one; a listener may have its own. */
  keys: FastOpenKeys | null = null;
  private readonly random: RandomStream;
  /** What the SYN-ACK says of it: scratch, until the next SYN. */
  readonly reply = new FastOpenCookie();
  readonly backup = new FastOpenCookie();

  constructor(random: RandomStream) {
    this.random = random;
  }

  /** As on Linux a random one, the first time. */
  needKeys(): FastOpenKeys {
    this.keys ??= FastOpenKeys.fromStream(this.random);
    return this.keys;
  }

  setKeys(keys: FastOpenKeys): void {
    this.keys = keys;
  }
}

/** True: a connection begins. `tcp.fastOpenServer.reply` is the SYN-ACK's either way. */
export function mayOpenFast(tcp: Tcp, l: Listener, flow: FlowId, seg: Segment): boolean {
  const { config, mib, ids, env } = tcp;
  const { reply } = tcp.fastOpenServer;
  reply.clear();
  if (seg.cookieLen === 0) mib.count(ids.TCPFastOpenCookieReqd);
  const isMeant = seg.len > 0 || seg.cookieLen >= 0;
  const { fastOpenQueue, isFastOpenNoCookie } = l.settings;
  if ((config.fastOpen & FAST_OPEN.SERVER) === 0 || !isMeant || fastOpenQueue === 0) return false;
  if (!l.fastOpens.makeRoom(fastOpenQueue, env.nowNs)) {
    mib.count(ids.TCPFastOpenListenOverflow);
    return false;
  }
  if ((config.fastOpen & FAST_OPEN.SERVER_NO_COOKIE) !== 0 || isFastOpenNoCookie) return true;
  return seg.cookieLen >= 0 && hasGoodCookie(tcp, l, flow, seg);
}

/** A cookie of the backup key is good, and is replaced; one of neither is. */
function hasGoodCookie(tcp: Tcp, l: Listener, flow: FlowId, seg: Segment): boolean {
  const { mib, ids, env } = tcp;
  const { reply, backup } = tcp.fastOpenServer;
  const { slab } = env.memory;
  const keys = l.settings.fastOpenKeys ?? tcp.fastOpenServer.needKeys();
  reply.set(0, seg.isCookieExperimental);
  keys.bake(0, flow, reply);
  if (seg.cookieLen === 0) return false;
  if (reply.matches(slab, seg)) {
    reply.clear();
    return true;
  }
  if (keys.count > 1) {
    keys.bake(1, flow, backup);
    if (backup.matches(slab, seg)) {
      mib.count(ids.TCPFastOpenPassiveAltKey);
      return true;
    }
  }
  mib.count(ids.TCPFastOpenPassiveFail);
  return false;
}

// ---- a connection at once ----

/** The SYN's text is there to be read, and the SYN-ACK says so. */
export function openFast(h: Handshake, listener: Listener, seg: Segment): void {
  const { tcp } = h;
  const { mib, ids } = tcp;
  h.takeFirst(seg);
  const c = connectionOf(h);
  c.congestion.begin(c.ecn !== null);
  c.setUnconfirmed(new Unconfirmed(h, listener));
  tcp.demux.set(c, listener.settings);
  takeText(c, seg);
  mib.count(ids.PassiveOpens);
  mib.count(ids.TCPFastOpenPassive);
  h.sendSynAck(c.rcv.nxt, tcp.fastOpenServer.reply);
  c.rcv.advertise(h.rcvWindow(), h.rcvWindow());
  c.noteAcked();
  c.due.arm(DUE.RTO, tcp.env.nowNs + synTimeoutNs(h));
  listener.established(c);
}

/** As much as the window offers, if there is memory: the peer sends the rest again. Those who shook hands come first. */
function takeText(c: TcpConnection, seg: Segment): void {
  const offered = Math.min(seg.len, c.rcv.window());
  c.totals.opened(false, 0, 0, 0);
  const use = new FastOpenUse(false, false, FAST_OPEN_FAILURE.NONE, true);
  c.noteFastOpen(use);
  const leave = pagesForOrder(c.tcp.env.memory.pages);
  c.beginReceiving();
  if (offered === 0 || !c.received.hasRoom(offered, seg.chunk, leave)) return;
  const len = c.received.append(seg.textOff, offered, seg.chunk);
  c.rcv.advance(len);
  c.totals.textWithSyn(1);
  c.totals.received(len);
  use.succeeded();
}
