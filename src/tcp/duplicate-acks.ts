/**
 * Without SACK (RFC 6582): each duplicate ACK stands for a segment that has arrived beyond the first one that is
 * missing. Which one it was nobody knows, so they are a number: `sackedOut` of the queue.
 */
import type { TcpConnection } from './connection.ts';

/** `n` more came. */
export function countDuplicates(c: TcpConnection, n: number): void {
  const { rtx, agreed } = c;
  if (agreed.hasSack || n === 0) return;
  const before = rtx.sackedOut;
  rtx.setRenoSacked(before + n);
  limitDuplicates(c, 0);
  noteArrived(c, rtx.sackedOut - before);
}

/** `acked` pieces left the queue: the first filled the hole, the others are those that the duplicates stood for. */
export function acknowledgeDuplicates(c: TcpConnection, acked: number): void {
  if (acked === 0) return;
  const { rtx } = c;
  noteArrived(c, Math.max(1, acked - rtx.sackedOut));
  rtx.setRenoSacked(Math.max(0, rtx.sackedOut - (acked - 1)));
  limitDuplicates(c, acked);
}

/** Pieces were counted anew, by another MSS, or are lost all at once: duplicates stand for no more than what is left. */
export function limitToWhatIsLeft({ rtx, agreed }: TcpConnection): void {
  if (!agreed.hasSack) rtx.setRenoSacked(Math.min(rtx.sackedOut, rtx.packetsOut - rtx.lostOut));
}

/** More duplicates than segments that could cause them: the network reorders by that much. */
function limitDuplicates({ rtx, tcp, recovery }: TcpConnection, acked: number): void {
  const holes = Math.min(Math.max(rtx.lostOut, 1), rtx.packetsOut);
  if (rtx.sackedOut + holes <= rtx.packetsOut) return;
  rtx.setRenoSacked(rtx.packetsOut - holes);
  recovery.noteReordering(rtx.packetsOut + acked);
  tcp.mib.count(tcp.ids.TCPRenoReorder);
}

function noteArrived({ tcp, congestion }: TcpConnection, pieces: number): void {
  if (pieces <= 0) return;
  tcp.ackOutcome.arrived(pieces);
  congestion.delivered(pieces);
}
