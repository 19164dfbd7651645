/** What a handshake sends: SYN, SYN-ACK, ACK and RST, and the options of a SYN (RFC 9293 §3.2, 7323, 2018, 3168). */
import { seqAdd, seqOf } from '../wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN, TCP_OPT, writeTcp } from '../wire/tcp.ts';
import type { SynSender } from './opening.ts';
import { transmit } from './transmit.ts';

export function sendHandshakeSegment(h: SynSender, flags: number): void {
  const { tcp } = h;
  const { dv } = tcp.net.env.memory.slab;
  const isSyn = (flags & TCP_FLAG.SYN) !== 0;
  const at = isSyn ? writeOptions(h, dv) : tcp.header + TCP_HEADER_LEN;
  const hasAck = (flags & TCP_FLAG.ACK) !== 0;
  const ack = hasAck ? seqAdd(h.peerIsn, 1) : seqOf(0);
  const seq = isSyn ? h.iss : seqAdd(h.iss, 1);
  const len = at - tcp.header;
  writeTcp(
    dv,
    tcp.header,
    h.localPort,
    h.remotePort,
    seq,
    ack,
    len,
    flags | ecnFlags(h, flags),
    h.rcvWindow(),
    0,
  );
  transmit(tcp, h, len, null, 0, 0, 0);
  tcp.mib.count(tcp.ids.OutSegs);
}

/** RFC 3168 §6.1.1: ECE and CWR in a SYN ask, ECE in a SYN-ACK agrees. */
function ecnFlags(h: SynSender, flags: number): number {
  if (!h.hasEcn || (flags & TCP_FLAG.SYN) === 0) return 0;
  return (flags & TCP_FLAG.ACK) !== 0 ? TCP_FLAG.ECE : TCP_FLAG.ECE | TCP_FLAG.CWR;
}

/** In Linux's order: MSS, then SACK-permitted beside timestamps (or NOPs), then window scale. */
function writeOptions(h: SynSender, dv: DataView): number {
  const { tcp } = h;
  let at = tcp.header + TCP_HEADER_LEN;
  dv.setInt32(at, (TCP_OPT.MSS << 24) | (4 << 16) | tcp.ourMss(h));
  at += 4;
  if (h.hasTimestamps) {
    const first = h.hasSack ? (TCP_OPT.SACK_PERMITTED << 8) | 2 : (TCP_OPT.NOP << 8) | TCP_OPT.NOP;
    dv.setInt32(at, (first << 16) | (TCP_OPT.TIMESTAMPS << 8) | 10);
    dv.setInt32(at + 4, h.tsVal());
    dv.setInt32(at + 8, h.recentTimestamp);
    at += 12;
  } else if (h.hasSack) {
    const { NOP, SACK_PERMITTED } = TCP_OPT;
    dv.setInt32(at, (NOP << 24) | (NOP << 16) | (SACK_PERMITTED << 8) | 2);
    at += 4;
  }
  if (h.hasWindowScale) {
    const { NOP, WINDOW_SCALE } = TCP_OPT;
    dv.setInt32(at, (NOP << 24) | (WINDOW_SCALE << 16) | (3 << 8) | h.rcvShift);
    at += 4;
  }
  return at;
}
