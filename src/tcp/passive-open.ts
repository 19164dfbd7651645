/** A segment for a listener: RFC 9293 §3.10.7.2, with Linux's limits of its two queues. */
import { ACCEPTED, DROP } from '../net/drops.ts';
import type { IpPacket } from '../net/ip-packet.ts';
import type { Seq } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';

/** @param iss Where a TIME-WAIT gives way to a new connection; else null. */
export function toListener(tcp: Tcp, pkt: IpPacket, seg: Segment, iss: Seq | null): number {
  const flow = tcp.loose.set(pkt, seg);
  const listener = tcp.demux.findListener(pkt.dst, seg.dstPort, pkt.iface.index);
  if (listener === null) {
    tcp.resetUnknown(flow, seg);
    return DROP.TCP_NO_PORT;
  }
  if (seg.has(TCP_FLAG.RST)) return DROP.TCP_NO_PORT;
  if (seg.has(TCP_FLAG.ACK)) {
    tcp.resetUnknown(flow, seg);
    return DROP.TCP_NO_PORT;
  }
  if (!seg.has(TCP_FLAG.SYN)) return DROP.TCP_NO_PORT;
  if (!mayBegin(tcp, listener, iss !== null)) {
    tcp.mib.count(tcp.ids.ListenDrops);
    return DROP.TCP_BACKLOG;
  }
  flow.tie(listener.boundIndex);
  const h = new Handshake(tcp, flow, listener, null, listener.settings, iss);
  listener.began(h);
  tcp.demux.set(h, listener.settings.isReuseAddress);
  h.synArrived(seg);
  return ACCEPTED;
}

/** Linux's rules for a SYN without cookies. `isKnown`: the peer had the same port in TIME-WAIT, so it exists. */
function mayBegin(tcp: Tcp, listener: Listener, isKnown: boolean): boolean {
  const { mib, ids } = tcp;
  if (!isKnown && listener.isSynQueueFull) {
    mib.count(ids.TCPReqQFullDrop);
    return false;
  }
  if (listener.isAcceptQueueFull) {
    mib.count(ids.ListenOverflows);
    return false;
  }
  const { maxSynBacklog } = tcp.config;
  return isKnown || maxSynBacklog - listener.halfOpen >= maxSynBacklog >> 2;
}
