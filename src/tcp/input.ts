/** SEGMENT ARRIVES for a connection in a synchronized state: RFC 9293 §3.10.7.4, in the order of its steps. */
import { ACCEPTED, DROP } from '../net/drops.ts';
import { seqAdd, seqEq, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { isBelievable, step5Ack } from './ack.ts';
import { challenge } from './challenge.ts';
import type { TcpConnection } from './connection.ts';
import { confirmed, firstAck, isSynAgain, refuseSyn } from './fast-open-child.ts';
import { noteStrayReset } from './fast-open-pause.ts';
import type { Segment } from './segment.ts';
import { isIn, STATE } from './tcp-state.ts';
import { reportDuplicate, textAndFin } from './text.ts';
import { step6Urg } from './urgent.ts';

/** Its fate: ACCEPTED, or why it went no further. */
export function segmentArrives(c: TcpConnection, seg: Segment): number {
  const { unconfirmed } = c;
  c.totals.segmentIn(seg.pieces, seg.len);
  if (unconfirmed !== null && isSynAgain(c, unconfirmed, seg)) return ACCEPTED;
  const unacceptable = step1Sequence(c, seg); // first: acceptability, PAWS; may owe an ACK
  if (unacceptable !== ACCEPTED) return unacceptable;
  if (seg.has(TCP_FLAG.RST)) return step2Reset(c, seg); // second: exact match or challenge (RFC 5961 §3.2)
  if (seg.has(TCP_FLAG.SYN)) return step4Syn(c, seg); // fourth: challenge (RFC 5961 §4.2)
  if (!seg.has(TCP_FLAG.ACK)) return DROP.TCP_FLAGS; // fifth: without ACK it is dropped
  if (unconfirmed !== null) {
    const stranger = firstAck(c, unconfirmed, seg);
    if (stranger !== ACCEPTED) return stranger;
  }
  const unbelievable = step5Ack(c, seg); // an old ACK does not discard the text
  if (unbelievable !== ACCEPTED || c.tcp.isGone(c)) return unbelievable;
  if (unconfirmed !== null) confirmed(c, unconfirmed);
  step6Urg(c, seg);
  return textAndFin(c, seg);
}

/** The SYN-ACK that ends a simultaneous open repeats the peer's SYN: acknowledged at once, as a duplicate. */
export function crossed(c: TcpConnection, seg: Segment): void {
  reportDuplicate(c, seg.seq, c.rcv.nxt);
  c.delack.owe(true);
}

function step1Sequence(c: TcpConnection, seg: Segment): number {
  const { tcp } = c;
  const { ids } = tcp;
  if (isOldDuplicateByTimestamp(c, seg) && !seg.has(TCP_FLAG.RST)) {
    if (isOvertakenAck(c, seg)) {
      tcp.mib.count(ids.PAWSOldAck);
      return DROP.TCP_RFC7323_PAWS;
    }
    if (!seg.has(TCP_FLAG.SYN)) tcp.mib.count(ids.PAWSEstab);
    answer(c, seg, ids.TCPACKSkippedPAWS);
    return DROP.TCP_RFC7323_PAWS;
  }
  const outside = whyOutside(c, seg);
  if (outside === ACCEPTED) return ACCEPTED;
  if (seg.has(TCP_FLAG.RST)) return isResetBeforeFin(c, seg) ? ACCEPTED : outside;
  answer(c, seg, ids.TCPACKSkippedSeq);
  return outside;
}

/**
 * An ACK tells the peer where we are; not for each of a flood. Linux limits answers to segments without text; here
 * also to text whose ACK no peer of ours can have sent (RFC 5961 §5.2): it is a guess, or of an older connection.
 */
function answer(c: TcpConnection, seg: Segment, skipped: number): void {
  if (seg.has(TCP_FLAG.SYN)) {
    c.tcp.mib.count(c.tcp.ids.TCPSYNChallenge);
    challenge(c);
    return;
  }
  const mayBeTrue = seg.has(TCP_FLAG.ACK) && isBelievable(c, seg.ack);
  if ((seg.seqLen === 0 || !mayBeTrue) && !c.mayAnswer(skipped)) return;
  const end = seg.end();
  if (seg.seqLen > 0 && seqLt(seg.seq, c.rcv.nxt)) {
    c.tcp.mib.count(c.tcp.ids.DelayedACKLost);
    reportDuplicate(c, seg.seq, seqGt(end, c.rcv.nxt) ? c.rcv.nxt : end);
  }
  c.delack.owe(true);
}

/**
 * RFC 9293 §3.10.7.4's four cases in one: something of it lies within the window (or at its left edge).
 * Linux's third rule: text that reaches beyond the window is refused whole while there is text to read.
 */
function whyOutside(c: TcpConnection, seg: Segment): number {
  const { rcv, tcp } = c;
  const end = seg.end();
  if (seqLt(end, rcv.wup)) return DROP.TCP_OLD_SEQUENCE;
  const right = seqAdd(rcv.nxt, rcv.acceptable());
  if (seqLt(right, seg.seq)) return DROP.TCP_INVALID_SEQUENCE;
  if (c.received.readyBytes === 0 || seqLe(seqAdd(seg.seq, seg.len), right)) return ACCEPTED;
  tcp.mib.count(tcp.ids.BeyondWindow);
  return DROP.TCP_INVALID_END_SEQUENCE;
}

/** RFC 7323 §5.3, with Linux's two exceptions: TS.Recent of 0 means nothing, nor does a replayed pure ACK. */
function isOldDuplicateByTimestamp(c: TcpConnection, seg: Segment): boolean {
  const ageMs = (c.tsRecent - seg.tsVal) | 0;
  if (ageMs <= 0 || !c.agreed.hasTimestamps || !seg.hasTimestamps) return false;
  return !c.isTimestampStale() && !isDisorderedAck(c, seg, ageMs);
}

/** A pure ACK from before what has arrived since: nobody waits for an answer to it (Linux 6.14). */
function isOvertakenAck({ rcv }: TcpConnection, seg: Segment): boolean {
  return seg.seqLen === 0 && seg.has(TCP_FLAG.ACK) && seqLt(seg.seq, rcv.nxt);
}

/** A pure ACK that says nothing new and was overtaken: harmless. */
function isDisorderedAck(c: TcpConnection, seg: Segment, ageMs: number): boolean {
  const { snd, rcv } = c;
  const isPure = seg.seqLen === 0 && seg.has(TCP_FLAG.ACK) && seqEq(seg.seq, rcv.nxt);
  if (!isPure || !seqEq(seg.ack, snd.una)) return false;
  const isUpdate = seqGt(seg.seq, snd.wl1) || seg.window << c.agreed.sndShift > snd.wnd;
  return !isUpdate && ageMs * 1e6 <= c.rtt.rtoNs * 1.2;
}

/** RFC 5961 §3.2: only at the very edge; also at the end of what is SACKed, where the peer's SND.NXT may be. */
function step2Reset(c: TcpConnection, seg: Segment): number {
  const isExact = seqEq(seg.seq, c.rcv.nxt) || isResetBeforeFin(c, seg);
  if (isExact || (c.agreed.hasSack && c.sacks.isRightmost(seg.seq))) {
    c.tcp.reset(c);
    return ACCEPTED;
  }
  noteStrayReset(c);
  challenge(c);
  return DROP.TCP_RESET;
}

const PEER_DONE = (1 << STATE.CLOSE_WAIT) | (1 << STATE.LAST_ACK) | (1 << STATE.CLOSING);

/** macOS resets from in front of its FIN. */
function isResetBeforeFin(c: TcpConnection, seg: Segment): boolean {
  return isIn(c.state, PEER_DONE) && seqEq(seg.seq, seqAdd(c.rcv.nxt, -1));
}

function step4Syn(c: TcpConnection, seg: Segment): number {
  if (c.unconfirmed !== null) return refuseSyn(c, seg);
  c.tcp.mib.count(c.tcp.ids.TCPSYNChallenge);
  challenge(c);
  return DROP.TCP_INVALID_SYN;
}
