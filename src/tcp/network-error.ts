/**
 * ICMP errors about segments of ours: RFC 9293 §3.9.2.2, RFC 5927, by Linux's rules. Only a quotation of something
 * that is in flight is believed. A connection that stands is not ended by one (MUST-56 and RFC 5927 §6); why it
 * timed out, if it does, is known. An attempt to open is.
 */
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import { seqGt, seqLt } from '../wire/seq.ts';
import { tcpSeq } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import type { Handshake } from './handshake.ts';
import type { Tcp } from './tcp.ts';

/** True: it is about something of ours, and what else it says (a smaller MTU) is to be believed. */
export function networkError(
  tcp: Tcp,
  e: TcpConnection | Handshake,
  quote: QuotedPacket,
  why: NetworkError,
): boolean {
  const { dv } = tcp.env.memory.slab;
  const seq = tcpSeq(dv, quote.off);
  const isInFlight = e.kind === 'handshake' ? e.isFirst(seq) : !isOutside(e, seq);
  if (!isInFlight) {
    tcp.mib.count(tcp.ids.OutOfWindowIcmps);
    return false;
  }
  if (why.mtu > 0) {
    if (e.kind === 'connection') {
      e.ownPathMtu().tooLarge(true);
      tcp.wantsOutput(e);
    }
  } else if (e.kind === 'connection') e.noteSoftError(why.errno);
  else if (e.listener === null || !why.isHard) e.failedInNetwork(quote, why);
  return true;
}

const isOutside = (c: TcpConnection, seq: ReturnType<typeof tcpSeq>): boolean =>
  seqLt(seq, c.snd.una) || seqGt(seq, c.snd.nxt);
