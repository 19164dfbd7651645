/**
 * What a receiver does when text finds no room, in the pool or within its own bounds (`text-store`), as Linux does:
 * first what lies scattered is copied together; then what lies furthest beyond the gap goes. RFC 2018 §8 allows
 * that, the sender keeps it until it is acknowledged. What was acknowledged is never given up.
 */
import { type Seq, seqDiff } from '../wire/seq.ts';
import type { TcpConnection } from './connection.ts';

/** Whether there is room now for text from `seq` on. It does not take the place of what is nearer than itself. */
export function prune(
  c: TcpConnection,
  seq: Seq,
  len: number,
  chunk: number,
  leave: number,
): boolean {
  const { received, tcp, rcv } = c;
  const { ids, mib } = tcp;
  const before = received.beyondBytes;
  const ahead = seqDiff(seq, rcv.nxt);
  mib.count(ids.PruneCalled);
  collapse(c);
  while (!received.hasRoom(len, chunk, leave) && received.spanBytes(rcv.nxt) > ahead) {
    received.dropFurthest();
    collapse(c);
  }
  if (received.beyondBytes < before) {
    mib.count(ids.OfoPruned);
    c.sacks.clear();
  }
  if (received.hasRoom(len, chunk, leave)) return true;
  mib.count(ids.RcvPruned);
  return false;
}

function collapse({ received, tcp }: TcpConnection): void {
  if (received.isLoose) tcp.mib.add(tcp.ids.TCPRcvCollapsed, received.collapse());
}
