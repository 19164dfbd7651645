/** What follows from a SYN-ACK for an opening with Fast Open: RFC 7413 §4.2.1 and §4.1.3, by Linux's rules. */
import { seqDiff } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { TRIAL } from './fast-open-cache.ts';
import { FastOpenCookie, NO_COOKIE } from './fast-open-option.ts';
import { FAST_OPEN_FAILURE, FastOpenUse } from './fast-open-use.ts';
import type { FastOpening } from './fast-opening.ts';
import type { Segment } from './segment.ts';
import { STATE } from './tcp-state.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';
import { armRto } from './xmit-timer.ts';

/** The connection takes over the text: what is acknowledged is done with, the rest leaves as ordinary segments. */
export function handOver(h: FastOpening, c: TcpConnection, seg: Segment): void {
  c.beginSending();
  c.sendQueue.takeOver(h.queue);
  c.snd.written(c.finSeq(), false);
  if (c.sendQueue.length > 0) c.chrono.queued();
  const hasText = h.sentBytes > 0;
  const isTried = hasText || h.hasAsked; // else it was too early after a sign of trouble
  const use = new FastOpenUse(h.hasAsked, h.isTrial, h.failure);
  if (isTried) c.noteFastOpen(use);
  if (hasText) recordText(h, c);
  const hasSyn = seg.has(TCP_FLAG.SYN);
  if (hasText && hasSyn) acknowledgeText(c, seg);
  // A simultaneous open says nothing of what the peer thinks of Fast Open.
  if (h.state === STATE.SYN_SENT && isTried) conclude(h, c, seg, use);
  else if (!c.rtx.isEmpty) armRto(c);
}

/** As if it had been sent now, but for the time. */
function recordText(h: FastOpening, c: TcpConnection): void {
  const { rtx, snd, tcp } = c;
  const sentAt = { nowNs: tcp.env.nowNs - h.ageNs() };
  const r = rtx.append(snd.nxt, h.sentBytes, 1, REC_STATE.PSH, sentAt);
  c.rate.sent(c.congestion.view, tcp.records, r, true, rtx.inFlight());
  snd.advance(h.sentBytes);
  c.totals.sentWithSyn(h.sentBytes);
}

/** The SYN and its text count as one that was delivered, which `establish` has counted. */
function acknowledgeText(c: TcpConnection, seg: Segment): void {
  const { rtx, snd, sendQueue, totals } = c;
  const acked = seqDiff(seg.ack, snd.una);
  if (acked <= 0) return;
  if (acked < sendQueue.length && acked < seqDiff(snd.nxt, snd.una)) {
    rtx.trimFirst(acked, c.congestion.view.mss);
  } else rtx.removeFirst();
  sendQueue.release(acked);
  snd.acknowledge(seg.ack);
  totals.acknowledged(acked);
  if (sendQueue.length === 0) c.chrono.idle();
}

function conclude(h: FastOpening, c: TcpConnection, seg: Segment, use: FastOpenUse): void {
  const { rtx, tcp } = c;
  const { mib, ids } = tcp;
  const isLost = rtx.first !== NO_RECORD;
  learn(h, seg, isLost);
  if (isLost) {
    const { SYN_RETRANSMITTED, DATA_NOT_ACKED } = FAST_OPEN_FAILURE;
    use.failed(h.wasRetransmitted ? SYN_RETRANSMITTED : DATA_NOT_ACKED);
    mib.count(ids.TCPFastOpenActiveFail);
    tcp.ackOutcome.begin();
    c.recovery.recordLost(rtx.first);
    c.recovery.enterResend(); // at once, and no sign of congestion
  } else if (h.sentBytes > 0) {
    use.succeeded();
    mib.count(ids.TCPFastOpenActive);
  }
}

/** For the next opening. `isLost`: text of the SYN was not acknowledged. */
function learn(h: FastOpening, seg: Segment, isLost: boolean): void {
  const { tcp } = h;
  const cookie = new FastOpenCookie();
  // A cookie that nobody asked for is not believed.
  if (h.hasAsked) cookie.takeFrom(tcp.env.memory.slab, seg);
  const isSilent = cookie.len === NO_COOKIE;
  let trial: number = TRIAL.NONE;
  if (h.hasAsked && !h.wasRetransmitted && isSilent && h.sentBytes === 0) {
    trial = h.isExperimental ? TRIAL.OVER : TRIAL.EXPERIMENT;
  }
  const server = tcp.fastOpenCache.entry(h.local, h.remote);
  server.learn(seg.hasMss ? seg.mss : 0, cookie, trial);
  server.noteLoss(h.hasAsked && h.wasRetransmitted && isSilent && isLost, tcp.env.nowNs);
}
