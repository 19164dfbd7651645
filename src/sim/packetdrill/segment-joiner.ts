/**
 * Segments of a burst put back together, so that a line written for a super-segment is met by a sender
 * that sends one MSS at a time, provided that the burst ends where the line ends.
 */
import { TCP_FLAG } from '../../wire/tcp.ts';
import type { LivePacket, LiveTcp } from './live-packet.ts';

/** Flags in which the pieces of a burst may differ. */
const EXEMPT = TCP_FLAG.FIN | TCP_FLAG.PSH | TCP_FLAG.CWR;

/**
 * The two as one packet: sequence number and CWR of the first, flags, options and the rest of the last;
 * or why they are no burst. `pieceLen` is the text of the packet before, `wantedLen` that of the line: all
 * but the last have the same.
 */
export function joinSegments(
  burst: LivePacket,
  next: LivePacket,
  pieceLen: number,
  wantedLen: number,
): LivePacket | string {
  const first = burst.transport;
  const last = next.transport;
  if (first.kind !== 'tcp' || last.kind !== 'tcp') return 'the next packet is not TCP';
  const why = whyNot(first, last, pieceLen, wantedLen);
  if (why !== null) return why;
  const transport: LiveTcp = {
    ...last,
    seq: first.seq,
    len: first.len + last.len,
    flags: (last.flags & ~TCP_FLAG.CWR) | (first.flags & TCP_FLAG.CWR),
  };
  return { ...next, transport, problem: burst.problem ?? next.problem };
}

function whyNot(first: LiveTcp, last: LiveTcp, pieceLen: number, wantedLen: number): string | null {
  if ((first.seq + first.len) >>> 0 !== last.seq) return 'the next packet does not follow';
  if (last.len === 0) return 'the next packet has no text';
  if (last.ack !== first.ack) return 'the next packet has another ack';
  if (last.window !== first.window) return 'the next packet has another window';
  if (((last.flags ^ first.flags) & ~EXEMPT) !== 0) return 'the next packet has other flags';
  const isLast = first.len + last.len >= wantedLen;
  if (!isLast && last.len !== pieceLen) return 'the next packet has another length';
  return null;
}
