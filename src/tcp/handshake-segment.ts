/** What a handshake sends: SYN, SYN-ACK, ACK and RST, and the options of a SYN (RFC 9293 §3.2, 7323, 2018, 3168). */
import { type Seq, seqAdd, seqOf } from '../wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN, TCP_OPT, writeTcp } from '../wire/tcp.ts';
import { type FastOpenCookie, NO_COOKIE, writeFastOpenOption } from './fast-open-option.ts';
import type { SynSender } from './opening.ts';
import type { SendQueue } from './send-queue.ts';
import { transmit } from './transmit.ts';

/** False: no route, no room, or nothing leaves there. */
export function sendHandshakeSegment(h: SynSender, flags: number): boolean {
  const hasAck = (flags & TCP_FLAG.ACK) !== 0;
  return send(h, writeHeader(h, flags, hasAck ? seqAdd(h.peerIsn, 1) : seqOf(0), h.fastOpenCookie));
}

/** A listener's. It acknowledges everything before `ack`: the SYN's text, if that was taken. */
export function sendSynAck(h: SynSender, ack: Seq, cookie: FastOpenCookie | null): void {
  send(h, writeHeader(h, TCP_FLAG.SYN | TCP_FLAG.ACK, ack, cookie));
}

function send(h: SynSender, len: number): boolean {
  h.tcp.mib.count(h.tcp.ids.OutSegs);
  return transmit(h.tcp, h, len, null, 0, 0, 0);
}

/** The first SYN, with the text in `queue` (RFC 7413 §4.2.1). False: the device has no room, nothing has left. */
export function sendSynWithText(h: SynSender, queue: SendQueue): boolean {
  const { tcp } = h;
  const len = writeHeader(h, TCP_FLAG.SYN, seqOf(0), h.fastOpenCookie);
  if (!transmit(tcp, h, len, queue, 0, queue.length, 0)) return false;
  tcp.mib.count(tcp.ids.OutSegs);
  tcp.mib.count(tcp.ids.TCPOrigDataSent);
  return true;
}

/** At `tcp.header`. Returns its length. */
function writeHeader(h: SynSender, flags: number, ack: Seq, cookie: FastOpenCookie | null): number {
  const { tcp } = h;
  const { dv } = tcp.net.env.memory.slab;
  const isSyn = (flags & TCP_FLAG.SYN) !== 0;
  const at = isSyn ? writeOptions(h, dv, cookie) : tcp.header + TCP_HEADER_LEN;
  const seq = isSyn ? h.iss : h.sndNxt;
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
  return len;
}

/** RFC 3168 §6.1.1: ECE and CWR in a SYN ask, ECE in a SYN-ACK agrees. */
function ecnFlags(h: SynSender, flags: number): number {
  if (!h.hasEcn || (flags & TCP_FLAG.SYN) === 0) return 0;
  return (flags & TCP_FLAG.ACK) !== 0 ? TCP_FLAG.ECE : TCP_FLAG.ECE | TCP_FLAG.CWR;
}

/** In Linux's order: MSS, then SACK-permitted beside timestamps (or NOPs), window scale, Fast Open. */
function writeOptions(h: SynSender, dv: DataView, cookie: FastOpenCookie | null): number {
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
  return cookie === null || cookie.len === NO_COOKIE ? at : writeFastOpenOption(dv, at, cookie);
}
