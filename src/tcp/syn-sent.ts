/** A segment for a connection we open: RFC 9293 §3.10.7.3. */
import { ECONNREFUSED } from '../base/errno.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { Handshake } from './handshake.ts';
import type { Segment } from './segment.ts';

export function inSynSent(h: Handshake, seg: Segment): void {
  const { tcp } = h;
  if (h.fastOpening?.isDeferred === true) {
    tcp.resetUnknown(h, seg); // nothing of ours is out: as if it were CLOSED
    return;
  }
  const hasAck = seg.has(TCP_FLAG.ACK);
  const isOurs = h.acknowledgesOurs(seg);
  if (hasAck && !isOurs) {
    // The peer has half of an old connection, which our reset ends: the SYN again, soon (Linux).
    h.tryAgainSoon();
    if (!seg.has(TCP_FLAG.RST)) tcp.resetUnknown(h, seg);
    return;
  }
  if (isOurs && echoesNoneOfOurs(h, seg)) {
    tcp.mib.count(tcp.ids.PAWSActive);
    tcp.resetUnknown(h, seg);
    return;
  }
  if (seg.has(TCP_FLAG.RST)) {
    if (isOurs) h.fail(ECONNREFUSED);
    return;
  }
  if (!seg.has(TCP_FLAG.SYN)) return;
  h.takeSyn(seg);
  if (isOurs) h.complete(seg);
  else h.crossed(); // simultaneous open
}

/** RFC 7323 §3.2: a timestamp that no SYN of ours had is an answer to somebody else, or of an older attempt. */
function echoesNoneOfOurs(h: Handshake, seg: Segment): boolean {
  if (!h.hasTimestamps || !seg.hasTimestamps || seg.tsEcr === 0) return false;
  const { tcp, tsOffset } = h;
  const first = tcp.timestamp(tcp.env.nowNs - h.ageNs(), tsOffset);
  const span = (tcp.timestamp(tcp.env.nowNs, tsOffset) - first) >>> 0;
  return (seg.tsEcr - first) >>> 0 > span;
}
