/**
 * A connection that began by its SYN (RFC 7413 §4.2.2): a TcpConnection in SYN-RECEIVED, the one exception to "each
 * state belongs to one type". It is accepted, read and written before its handshake is over.
 *
 *     who owns what until the ACK      SYN-ACK, its repetitions, times and counts: the Handshake, in `unconfirmed`
 *                                      text, windows, SND and RCV variables, the timer: the connection
 *                                      how many there are: the listener's FastOpenQueue
 *
 *     SYN again          SYN-ACK again             an ACK of our SYN or text   ESTABLISHED (or FIN-WAIT-1 goes on)
 *     RST, exact         CLOSED; counted a minute  an ACK of anything else     reset, and nothing changes
 *     another SYN        reset, nothing changes    timer                       SYN-ACK again; no text, no FIN again
 *     shutdown           FIN after the ACK         close                       FIN-WAIT-1; a reset if text is unread
 *     ICMP error         CLOSED, if nobody has accepted it yet; else remembered
 */
import { ACCEPTED, DROP } from '../net/drops.ts';
import { seqAdd, seqEq, seqGt, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { challenge } from './challenge.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { beginClose } from './ending.ts';
import { measureHandshake } from './first-sample.ts';
import { timedOut } from './give-up.ts';
import type { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import { updatePacingRate } from './pacer.ts';
import type { Segment } from './segment.ts';
import { synTimeoutNs } from './syn-patience.ts';
import { STATE } from './tcp-state.ts';
import { rearmRto } from './xmit-timer.ts';

/** What is left of the handshake. */
export class Unconfirmed {
  readonly handshake: Handshake;
  /** Whose place among those that began by their SYN it takes. */
  listener: Listener;
  /** shutdown(SHUT_WR): the FIN follows the end of the handshake. */
  isShut = false;

  constructor(handshake: Handshake, listener: Listener) {
    this.handshake = handshake;
    this.listener = listener;
    listener.fastOpens.began();
  }

  /** Its listener is gone, another one of the same port has it now (tcp_migrate_req). */
  migrate(to: Listener): void {
    this.listener.fastOpens.ended();
    this.listener = to;
    to.fastOpens.began();
  }

  shut(): void {
    this.isShut = true;
  }
}

// ---- a segment ----

/** The peer's SYN came again: it did not hear us. */
export function isSynAgain(c: TcpConnection, { handshake: h }: Unconfirmed, seg: Segment): boolean {
  const kind = seg.flags & (TCP_FLAG.SYN | TCP_FLAG.ACK | TCP_FLAG.RST);
  if (kind !== TCP_FLAG.SYN || !seqEq(seg.seq, h.peerIsn)) return false;
  const isOld = c.agreed.hasTimestamps && seg.hasTimestamps && ((seg.tsVal - c.tsRecent) | 0) < 0;
  if (isOld) return false;
  if (h.mayAnswer(c.tcp.ids.TCPACKSkippedSynRecv)) h.resendSynAck(c.rcv.nxt);
  return true;
}

/** A SYN with another number: whoever sent it is told; what stands is not ended by it. */
export function refuseSyn(c: TcpConnection, seg: Segment): number {
  c.tcp.mib.count(c.tcp.ids.AttemptFails);
  c.tcp.resetUnknown(c, seg);
  return DROP.TCP_INVALID_SYN;
}

/** Before an ACK is worked through: ACCEPTED, or why not, as it acknowledges nothing of ours. */
export function firstAck(c: TcpConnection, unconfirmed: Unconfirmed, seg: Segment): number {
  const isUnsent = seqGt(seg.ack, c.snd.nxt);
  if (isUnsent || seqLt(seg.ack, c.snd.una)) {
    if (c.state === STATE.SYN_RECEIVED) c.tcp.resetUnknown(c, seg);
    else challenge(c);
    return isUnsent ? DROP.TCP_ACK_UNSENT_DATA : DROP.TCP_TOO_OLD_ACK;
  }
  c.due.disarm(DUE.RTO);
  leave(c, unconfirmed);
  return ACCEPTED;
}

/** And after it: the handshake is over. */
export function confirmed(c: TcpConnection, unconfirmed: Unconfirmed): void {
  const { handshake: h } = unconfirmed;
  c.congestion.delivered(1); // the SYN, as Linux counts it
  if (c.rtt.srttNs === 0) measureHandshake(c, h.rttNs, 0, 0);
  c.recovery.handshakeOver();
  c.totals.timeoutsOver();
  c.congestion.observePath(c.rtt, c.minRtt, false);
  updatePacingRate(c);
  if (c.state === STATE.SYN_RECEIVED) c.moveTo(STATE.ESTABLISHED);
  if (!c.due.isArmed(DUE.TLP) && !c.due.isArmed(DUE.REORDER)) rearmRto(c);
  if (unconfirmed.isShut) beginClose(c);
}

// ---- the timer ----

/**
 * RFC 7413 §4.2.2: the SYN-ACK again, and nothing else: text that may have arrived is not sent twice for it. As on
 * Linux once more than of other handshakes, and the second time congestion is suspected.
 */
export function synAckTimedOut(c: TcpConnection, { handshake: h }: Unconfirmed): void {
  const { mib, ids, config, env } = c.tcp;
  mib.count(ids.TCPTimeouts);
  if (h.timeouts >= (c.settings.synRetries || config.synackRetries + 1)) {
    timedOut(c);
    return;
  }
  c.congestion.observe(env.nowNs, c.mss());
  if (c.recovery.retransmits === 1) c.recovery.enterLoss();
  h.timedOut(c.rcv.nxt);
  c.totals.timedOut(c.recovery.retransmits === 0);
  c.totals.retransmitted(1, 0);
  c.recovery.timedOut();
  c.recovery.undo.attempted(env);
  c.due.arm(DUE.RTO, env.nowNs + synTimeoutNs(h));
}

// ---- the end ----

/** The peer has reset it. Linux counts only those that somebody had accepted: the others fill the accept queue. */
export function wasReset(c: TcpConnection, { listener }: Unconfirmed): void {
  if (c.owner !== listener) listener.fastOpens.wasReset(c.tcp.env.nowNs);
}

/** RFC 1122 §4.2.3.9's other half: nobody has accepted it, so an error ends the attempt. */
export function isAttempt(c: TcpConnection): boolean {
  return c.unconfirmed !== null && c.owner === c.unconfirmed.listener;
}

/** It is CLOSED before its handshake was over. */
export function failedUnconfirmed(c: TcpConnection, unconfirmed: Unconfirmed): void {
  if (c.state === STATE.SYN_RECEIVED) c.tcp.mib.count(c.tcp.ids.AttemptFails);
  leave(c, unconfirmed);
}

function leave(c: TcpConnection, { listener }: Unconfirmed): void {
  c.setUnconfirmed(null);
  listener.fastOpens.ended();
}

/** From where an error may quote us: our SYN-ACK is in flight, too. */
export function oldestSent(c: TcpConnection): ReturnType<typeof seqAdd> {
  return c.unconfirmed === null ? c.snd.una : seqAdd(c.snd.una, -1);
}
