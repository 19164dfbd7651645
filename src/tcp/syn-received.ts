/** A segment for a connection whose SYNs were exchanged: RFC 9293 §3.10.7.4 for SYN-RECEIVED, by Linux's rules. */
import { ACCEPTED, DROP } from '../net/drops.ts';
import { seqAdd, seqEq, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { mayChallenge } from './challenge.ts';
import { isDeferred } from './defer-accept.ts';
import type { Handshake } from './handshake.ts';
import type { Segment } from './segment.ts';

/** Its fate: ACCEPTED, or why it went no further. */
export function inSynReceived(h: Handshake, seg: Segment): number {
  const { tcp, listener } = h;
  const isSyn = seg.has(TCP_FLAG.SYN);
  const isReset = seg.has(TCP_FLAG.RST);
  const hasAck = seg.has(TCP_FLAG.ACK);
  const isOurs = h.acknowledgesOurs(seg);
  const isFirst = isSyn && seqEq(seg.seq, h.peerIsn);
  if (listener !== null && isFirst && !hasAck && !isReset) {
    return h.answerAgain() ? ACCEPTED : DROP.TCP_OLD_SEQUENCE; // it did not hear us
  }
  if (listener !== null && hasAck && !isOurs && !isReset) {
    tcp.resetUnknown(h, seg);
    return DROP.TCP_INVALID_ACK_SEQUENCE;
  }
  // When the SYNs have crossed the peer's comes again, in its SYN-ACK or by itself.
  const isRepeated = listener === null && isFirst;
  const isSynAck = isRepeated && isOurs && seg.seqLen === 1;
  const unacceptable = isRepeated ? ACCEPTED : whyUnacceptable(h, seg);
  if (unacceptable !== ACCEPTED) return unacceptable;
  if (isReset) return resetArrives(h, seg);
  if (isSyn && !isSynAck) {
    synInWindow(h, seg);
    return DROP.TCP_INVALID_SYN;
  }
  if (!hasAck) return DROP.TCP_FLAGS;
  if (!isOurs) {
    tcp.resetUnknown(h, seg);
    return DROP.TCP_INVALID_ACK_SEQUENCE;
  }
  return ackArrives(h, seg);
}

/** Second step: at the very edge it is believed (RFC 5961 §3.2). */
function resetArrives(h: Handshake, seg: Segment): number {
  if (seqEq(seg.seq, seqAdd(h.peerIsn, 1))) {
    h.wasReset();
    return ACCEPTED;
  }
  challenge(h);
  return DROP.TCP_RESET;
}

/** Fifth step: our SYN is acknowledged. */
function ackArrives(h: Handshake, seg: Segment): number {
  const { tcp, listener } = h;
  // RFC 7323 §4.3: text that overtook other text says nothing about what comes next.
  if (seqLe(seg.seq, seqAdd(h.peerIsn, 1))) h.rememberTimestamp(seg);
  if (listener !== null && isDeferred(h, seg)) {
    tcp.mib.count(tcp.ids.TCPDeferAcceptDrop);
    h.defer();
    return DROP.TCP_DEFER_ACCEPT;
  }
  if (listener?.isAcceptQueueFull === true) {
    overflowed(h, seg);
    return DROP.TCP_LISTEN_OVERFLOW;
  }
  return h.complete(seg);
}

/** First step: by its timestamp and by its numbers; what is not is answered, unless it is a RST. */
function whyUnacceptable(h: Handshake, seg: Segment): number {
  const { mib, ids } = h.tcp;
  const isOld = h.hasTimestamps && seg.hasTimestamps && ((seg.tsVal - h.recentTimestamp) | 0) < 0;
  if (!isOld && isInWindow(h, seg)) return ACCEPTED;
  if (isOld) mib.count(ids.PAWSEstab);
  if (!seg.has(TCP_FLAG.RST) && h.mayAnswer(ids.TCPACKSkippedSynRecv)) h.sendAck();
  return isOld ? DROP.TCP_RFC7323_PAWS : DROP.TCP_OVERWINDOW;
}

/** Fourth step: it ends what a listener has; our own attempt asks whether it is meant (RFC 5961 §4.2). */
function synInWindow(h: Handshake, seg: Segment): void {
  const { tcp } = h;
  if (h.listener === null) {
    tcp.mib.count(tcp.ids.TCPSYNChallenge);
    challenge(h);
    return;
  }
  tcp.resetUnknown(h, seg);
  h.wasReset();
}

/** RFC 5961 §3.2, §4.2. */
function challenge(h: Handshake): void {
  if (mayChallenge(h)) h.sendAck();
}

function isInWindow(h: Handshake, seg: Segment): boolean {
  const next = seqAdd(h.peerIsn, 1);
  if (seqEq(seg.seq, next)) return true;
  const edge = seqAdd(next, h.rcvWindow());
  return seqGt(seg.end(), next)
    ? seqLt(seg.seq, edge)
    : seqGt(seg.seq, next) && seqLe(seg.seq, edge);
}

/** Nobody can accept it: the peer's next segment, or our timer, tries again; or it is told. */
function overflowed(h: Handshake, seg: Segment): void {
  const { mib, ids, config } = h.tcp;
  mib.count(ids.ListenOverflows);
  mib.count(ids.ListenDrops);
  if (config.abortOnOverflow === 0) return;
  h.tcp.resetUnknown(h, seg);
  mib.count(ids.EmbryonicRsts);
  h.refuse();
}
