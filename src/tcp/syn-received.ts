/** A segment for a connection whose SYNs were exchanged: RFC 9293 §3.10.7.4 for SYN-RECEIVED, by Linux's rules. */
import { seqAdd, seqEq, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { mayChallenge } from './challenge.ts';
import { isDeferred } from './defer-accept.ts';
import type { Handshake } from './handshake.ts';
import type { Segment } from './segment.ts';

export function inSynReceived(h: Handshake, seg: Segment): void {
  const { tcp, listener } = h;
  const isSyn = seg.has(TCP_FLAG.SYN);
  const isReset = seg.has(TCP_FLAG.RST);
  const hasAck = seg.has(TCP_FLAG.ACK);
  const isOurs = h.acknowledgesOurs(seg);
  const isFirst = isSyn && seqEq(seg.seq, h.peerIsn);
  if (listener !== null && isFirst && !hasAck && !isReset) {
    h.answerAgain(); // it did not hear us
    return;
  }
  if (listener !== null && hasAck && !isOurs && !isReset) {
    tcp.resetUnknown(h, seg);
    return;
  }
  // When the SYNs have crossed the peer's comes again, in its SYN-ACK or by itself.
  const isRepeated = listener === null && isFirst;
  const isSynAck = isRepeated && isOurs && seg.seqLen === 1;
  if (!isRepeated && !isAcceptable(h, seg)) return;
  if (isReset) {
    if (seqEq(seg.seq, seqAdd(h.peerIsn, 1))) h.wasReset();
    else challenge(h);
  } else if (isSyn && !isSynAck) synInWindow(h, seg);
  else if (hasAck && !isOurs) tcp.resetUnknown(h, seg);
  else if (hasAck) {
    // RFC 7323 §4.3: text that overtook other text says nothing about what comes next.
    if (seqLe(seg.seq, seqAdd(h.peerIsn, 1))) h.rememberTimestamp(seg);
    if (listener !== null && isDeferred(h, seg)) {
      tcp.mib.count(tcp.ids.TCPDeferAcceptDrop);
      h.defer();
    } else if (listener?.isAcceptQueueFull === true) overflowed(h, seg);
    else h.complete(seg);
  }
}

/** First step: by its timestamp and by its numbers; what is not is answered, unless it is a RST. */
function isAcceptable(h: Handshake, seg: Segment): boolean {
  const { mib, ids } = h.tcp;
  const isOld = h.hasTimestamps && seg.hasTimestamps && ((seg.tsVal - h.recentTimestamp) | 0) < 0;
  if (!isOld && isInWindow(h, seg)) return true;
  if (isOld) mib.count(ids.PAWSEstab);
  if (!seg.has(TCP_FLAG.RST) && h.mayAnswer(ids.TCPACKSkippedSynRecv)) h.sendAck();
  return false;
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
