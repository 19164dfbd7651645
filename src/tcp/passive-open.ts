/** A segment for a listener: RFC 9293 §3.10.7.2, with Linux's limits of its two queues. */
import { ACCEPTED, DROP } from '../net/drops.ts';
import type { IpPacket } from '../net/ip-packet.ts';
import type { Seq } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { cookieArrives } from './cookie-opening.ts';
import type { Sender } from './endpoint.ts';
import { mayOpenFast, openFast } from './fast-open-server.ts';
import { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';

/** tcp_syncookies */
const ALWAYS = 2;

/** @param iss Where a TIME-WAIT gives way to a new connection; else null. */
export function toListener(tcp: Tcp, pkt: IpPacket, seg: Segment, iss: Seq | null): number {
  const flow = tcp.loose.set(pkt, seg, tcp.net.arrivedOn(pkt));
  const listener = tcp.findListener(pkt, seg);
  if (listener === null) {
    tcp.resetUnknown(flow, seg);
    return DROP.TCP_NO_PORT;
  }
  if (seg.has(TCP_FLAG.RST)) return DROP.TCP_NO_PORT;
  flow.tie(listener.boundIndex);
  if (seg.has(TCP_FLAG.ACK)) return ackArrives(tcp, listener, flow, seg);
  // As on Linux: nobody means a SYN with a FIN, and no connection begins with its end.
  if (!seg.has(TCP_FLAG.SYN) || seg.has(TCP_FLAG.FIN)) return DROP.TCP_NO_PORT;
  const isKnown = iss !== null;
  const isCookieWanted = !isKnown && wantsCookie(tcp, listener);
  if (!mayBegin(tcp, listener, isKnown)) {
    tcp.mib.count(tcp.ids.ListenDrops);
    return DROP.TCP_BACKLOG;
  }
  if (isCookieWanted) return tcp.cookieAnswer.send(flow, listener, seg);
  const h = new Handshake(tcp, flow, listener, null, listener.settings, iss);
  if (mayOpenFast(tcp, listener, flow, seg)) {
    openFast(h, listener, seg);
    return ACCEPTED;
  }
  listener.began(h);
  tcp.demux.set(h, listener.settings);
  h.synArrived(seg, tcp.fastOpenServer.reply);
  return ACCEPTED;
}

/**
 * A segment of a flow that is tied to another interface (SO_BINDTODEVICE): not for its connection. On Linux a second
 * connection could begin here with the same addresses and ports; here there is one for each 4-tuple.
 */
export function toStranger(tcp: Tcp, pkt: IpPacket, seg: Segment): number {
  if (tcp.findListener(pkt, seg) === null) {
    tcp.resetUnknown(tcp.loose.set(pkt, seg, tcp.net.arrivedOn(pkt)), seg);
  }
  return DROP.TCP_NO_PORT;
}

/** It may bring a cookie back; else there is nothing that it could acknowledge. */
function ackArrives(tcp: Tcp, listener: Listener, flow: Sender, seg: Segment): number {
  const verdict = seg.has(TCP_FLAG.SYN)
    ? DROP.TCP_NO_PORT
    : cookieArrives(tcp, listener, flow, seg);
  if (verdict === DROP.TCP_NO_PORT) tcp.resetUnknown(flow, seg);
  return verdict;
}

/** tcp_syncookies: 1 = once the SYN queue is full, 2 = always. */
function wantsCookie({ mib, ids, config }: Tcp, listener: Listener): boolean {
  if (config.syncookies === ALWAYS) return true;
  if (config.syncookies === 0 || !listener.isSynQueueFull) return false;
  mib.count(ids.TCPReqQFullDoCookies);
  return true;
}

/** Linux's rules. `isKnown`: the peer had the same port in TIME-WAIT, so it exists. */
function mayBegin(tcp: Tcp, listener: Listener, isKnown: boolean): boolean {
  const { mib, ids, config } = tcp;
  if (!isKnown && config.syncookies === 0 && listener.isSynQueueFull) {
    mib.count(ids.TCPReqQFullDrop);
    return false;
  }
  if (listener.isAcceptQueueFull) {
    mib.count(ids.ListenOverflows);
    return false;
  }
  const { maxSynBacklog } = config;
  return (
    isKnown || config.syncookies !== 0 || maxSynBacklog - listener.halfOpen >= maxSynBacklog >> 2
  );
}
