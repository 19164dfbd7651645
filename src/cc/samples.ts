/**
 * What the sender measured, in scratch records: one of each in a stack, filled anew for each ACK.
 * Borrowed: a module copies what it wants to keep. Fields are named after the kernel's.
 */
import { NEVER } from '../base/time.ts';

/** An RTT or interval that this ACK gave no sample of. */
export const NO_SAMPLE = -1;

/** For `pktsAcked` (struct ack_sample): what left the retransmission queue. */
export class AckSample {
  pktsAcked = 0;
  /** Of the newest segment that was never retransmitted; NO_SAMPLE without. */
  rttNs = NO_SAMPLE;
  /** Pieces in flight when that segment was sent. */
  inFlight = 0;
}

/** For `congControl` (struct rate_sample): delivery over the flight of the newest segment that was acknowledged. */
export class RateSample {
  /** When the count `priorDelivered` was taken; NEVER without a sample. */
  priorNs = NEVER;
  /** View.delivered and deliveredCe when the segment was sent. */
  priorDelivered = 0;
  priorDeliveredCe = 0;
  /** Delivered (and CE-marked) since then; NO_SAMPLE when the interval is too short to be believed. */
  delivered = NO_SAMPLE;
  deliveredCe = 0;
  /** The longer of the two that follow; NO_SAMPLE as `delivered`. */
  intervalNs = NO_SAMPLE;
  sndIntervalNs = 0;
  rcvIntervalNs = 0;
  /** Of the newest segment acknowledged, NO_SAMPLE without. */
  rttNs = NO_SAMPLE;
  /** Pieces newly marked lost on this ACK, and newly acknowledged or SACKed. */
  losses = 0;
  ackedSacked = 0;
  /** In flight before this ACK. */
  priorInFlight = 0;
  /** End of the newest segment acknowledged, in bytes since the stream's start. */
  lastEndSeq = 0;
  /** The segment was sent while the application was the limit. */
  isAppLimited = false;
  /** The sample is from a retransmission. */
  isRetrans = false;
  /** The receiver seems to have held this ACK back: one piece, after longer than an RTT. */
  isAckDelayed = false;

  // -- beyond Linux 6.18: what BBRv3 asks for

  /** In flight just after the segment was sent. */
  txInFlight = 0;
  /** View.lost when it was sent, and marked lost since. */
  priorLost = 0;
  lost = 0;
  /** The ACK carries ECE. */
  isEce = false;
  /** The peer tells of gaps (SACK): more than one loss can be found in a round trip. */
  hasSack = false;
  /** The ACK covers a tail-loss probe that was a retransmission. */
  isAckingTlpRetrans = false;
}

/** For `markedLost`: the transmit record that was just marked. View.lost counts it already. */
export class LossSample {
  pieces = 0;
  /** In flight just after it was sent. */
  txInFlight = 0;
  /** View.delivered, deliveredCe and lost when it was sent. */
  priorDelivered = 0;
  priorDeliveredCe = 0;
  priorLost = 0;
  sentNs = 0;
  isAppLimited = false;
  /** Its first byte, and behind its last: bytes since the stream's start. */
  startSeq = 0;
  endSeq = 0;
  /** As in RateSample. */
  hasSack = false;
}
