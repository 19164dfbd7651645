/**
 * TCP_DEFER_ACCEPT: a connection is not there for its listener before there is something to read. The bare ACK that
 * ends the handshake is only noted; when the time is up the SYN-ACK leaves once more, and the answer to it opens the
 * connection, text or not. The time is counted in timeouts of the SYN-ACK, as Linux does.
 */
import { SEC } from '../base/time.ts';
import type { Handshake } from './handshake.ts';
import { INITIAL_RTO_NS } from './rtt.ts';
import type { Segment } from './segment.ts';
import type { TcpConfig } from './tcp-config.ts';

const MOST_TIMEOUTS = 255;

/** How many timeouts last for so many seconds; 0 for none. */
export function timeoutsFor(seconds: number, { maxRtoNs }: TcpConfig): number {
  if (seconds <= 0) return 0;
  const mostSec = Math.floor(maxRtoNs / SEC);
  let waitSec = INITIAL_RTO_NS / SEC;
  let sumSec = waitSec;
  let count = 1;
  for (; seconds > sumSec && count < MOST_TIMEOUTS; count++) {
    waitSec = Math.min(2 * waitSec, mostSec);
    sumSec += waitSec;
  }
  return count;
}

/** How many seconds so many timeouts last. */
export function secondsOf(timeouts: number, { maxRtoNs }: TcpConfig): number {
  const mostSec = Math.floor(maxRtoNs / SEC);
  let waitSec = INITIAL_RTO_NS / SEC;
  let sumSec = 0;
  for (let i = 0; i < timeouts; i++) {
    sumSec += waitSec;
    waitSec = Math.min(2 * waitSec, mostSec);
  }
  return sumSec;
}

/** The ACK that would end the handshake has nothing to read with it, and there is time left. */
export function isDeferred(h: Handshake, seg: Segment): boolean {
  return h.timeouts < h.inherited.deferTimeouts && seg.seqLen === 0;
}
