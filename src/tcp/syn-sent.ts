/** A segment for a connection we open: RFC 9293 §3.10.7.3. */
import { ECONNREFUSED } from '../base/errno.ts';
import { ACCEPTED, DROP } from '../net/drops.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { Handshake } from './handshake.ts';
import type { Segment } from './segment.ts';

/** Its fate: ACCEPTED, or why it went no further. */
export function inSynSent(h: Handshake, seg: Segment): number {
  const { tcp } = h;
  if (h.fastOpening?.isDeferred === true) {
    tcp.resetUnknown(h, seg); // nothing of ours is out: as if it were CLOSED
    return DROP.TCP_NO_PORT;
  }
  const hasAck = seg.has(TCP_FLAG.ACK);
  const isOurs = h.acknowledgesOurs(seg);
  if (hasAck && !isOurs) {
    // The peer has half of an old connection, which our reset ends: the SYN again, soon (Linux).
    h.tryAgainSoon();
    if (!seg.has(TCP_FLAG.RST)) tcp.resetUnknown(h, seg);
    return DROP.TCP_INVALID_ACK_SEQUENCE;
  }
  if (isOurs && echoesNoneOfOurs(h, seg)) {
    tcp.mib.count(tcp.ids.PAWSActive);
    tcp.resetUnknown(h, seg);
    return DROP.TCP_RFC7323_PAWS;
  }
  if (seg.has(TCP_FLAG.RST)) {
    if (!isOurs) return DROP.TCP_RESET;
    h.fail(ECONNREFUSED);
    return ACCEPTED;
  }
  if (!seg.has(TCP_FLAG.SYN)) return DROP.TCP_FLAGS;
  h.takeSyn(seg);
  if (isOurs) return h.complete(seg);
  h.crossed(); // simultaneous open
  return ACCEPTED;
}

/** RFC 7323 §3.2: a timestamp that no SYN of ours had is an answer to somebody else, or of an older attempt. */
function echoesNoneOfOurs(h: Handshake, seg: Segment): boolean {
  if (!h.hasTimestamps || !seg.hasTimestamps || seg.tsEcr === 0) return false;
  const { tcp, tsOffset } = h;
  const first = tcp.timestamp(tcp.env.nowNs - h.ageNs(), tsOffset);
  const span = (tcp.timestamp(tcp.env.nowNs, tsOffset) - first) >>> 0;
  return (seg.tsEcr - first) >>> 0 > span;
}
