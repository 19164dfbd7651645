/**
 * ICMP errors about segments of ours: RFC 9293 §3.9.2.2, RFC 5927, by Linux's rules. Only a quotation of something
 * that is in flight is believed. A connection that stands is not ended by one (MUST-56 and RFC 5927 §6); why it
 * timed out, if it does, is known. An attempt to open is. TIME-WAIT hears none.
 */
import { PMTUDISC } from '../net/out-packet.ts';
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import { isV4 } from '../wire/address.ts';
import { ICMP4, UNREACH4 } from '../wire/icmp.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { type Seq, seqGt, seqLt } from '../wire/seq.ts';
import { tcpSeq } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { isAttempt, oldestSent } from './fast-open-child.ts';
import type { Handshake } from './handshake.ts';
import type { Tcp } from './tcp.ts';
import { NO_RECORD, REC, REC_STATE } from './tx-records.ts';

/** True: it is about something of ours, and what else it says (a smaller MTU) is to be believed. */
export function networkError(
  tcp: Tcp,
  e: TcpConnection | Handshake,
  quote: QuotedPacket,
  why: NetworkError,
): boolean {
  if (!isInFlight(tcp, e, quote)) return false;
  const seq = tcpSeq(tcp.env.memory.slab.dv, quote.off);
  if (why.mtu > 0) return e.kind === 'handshake' ? e.tooLarge(why.mtu) : tooLarge(e, seq, why.mtu);
  if (e.kind === 'connection') {
    if (isAttempt(e)) tcp.end(e, why.errno);
    else e.noteSoftError(why.errno);
  } else if (e.listener === null || endsHalfOpen(quote, why)) e.failedInNetwork(quote, why);
  return true;
}

/** Whether what is quoted may be on its way still; if not, it is counted. */
export function isInFlight(tcp: Tcp, e: TcpConnection | Handshake, quote: QuotedPacket): boolean {
  const seq = tcpSeq(tcp.env.memory.slab.dv, quote.off);
  if (e.kind === 'handshake' ? e.isFirst(seq) : !isOutside(e, seq)) return true;
  tcp.mib.count(tcp.ids.OutOfWindowIcmps);
  return false;
}

const isOutside = (c: TcpConnection, seq: Seq): boolean =>
  seqLt(seq, oldestSent(c)) || seqGt(seq, c.snd.nxt);

/**
 * RFC 5927 §7: a packet that a router found too large had text in it that is under way, could not be cut, and was
 * larger than what the router says. What is no news costs nothing: each of a window's segments brings one.
 */
function tooLarge(c: TcpConnection, seq: Seq, mtu: number): boolean {
  const v4 = isV4(c.remote);
  const r = c.rtx.find(seq);
  if (r === NO_RECORD || (v4 && c.settings.pmtuDiscovery === PMTUDISC.DONT)) return false;
  const headers = c.headerBytes();
  if (headers + longestOf(c, r) <= mtu) return false;
  const { tcp } = c;
  const least = v4 ? tcp.net.config.minPmtu4 : IPV6_MIN_MTU;
  const probe = c.pathMtu?.search?.size ?? 0;
  if (Math.max(headers + c.mss(), probe) > Math.max(mtu, least)) {
    c.ownPathMtu().tooLarge(true);
    tcp.wantsOutput(c);
  }
  return true;
}

/** Bytes of text that one segment of a record had at most. */
function longestOf({ rtx, tcp, congestion }: TcpConnection, r: number): number {
  const text = tcp.records.get(r, REC.LEN) - (rtx.has(r, REC_STATE.FIN) ? 1 : 0);
  return Math.min(text, Math.max(congestion.view.mss, Math.ceil(text / rtx.pieces(r))));
}

/**
 * What a listener has answered, nobody waits for: it ends without a word when no host is there, by Linux's lists,
 * which differ (of ICMPv6 the hard errors).
 */
function endsHalfOpen(quote: QuotedPacket, why: NetworkError): boolean {
  if (!isV4(quote.dst)) return why.isHard;
  if (why.type !== ICMP4.DEST_UNREACH) return true;
  return why.code === UNREACH4.NET || why.code === UNREACH4.HOST;
}
