/** The handshake is over, and a connection takes its place: RFC 9293 §3.10.7.3, §3.10.7.4. */
import { assert } from '../base/assert.ts';
import { ECN_ECHO } from '../cc/cc-view.ts';
import { ACCEPTED } from '../net/drops.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { ECN, type Ecn } from './ecn.ts';
import { measureHandshake } from './first-sample.ts';
import { FLOW_EVENT } from './flow-watch.ts';
import { crossed, segmentArrives } from './input.ts';
import { searchFromStart } from './mtu-search.ts';
import type { Opening } from './opening.ts';
import { updatePacingRate } from './pacer.ts';
import type { Segment } from './segment.ts';
import { STATE } from './tcp-state.ts';
import { textAndFin } from './text.ts';
import { step6Urg } from './urgent.ts';

/** The connection gets what else the segment carries. Returns the fate of that. */
export function establish(h: Opening, seg: Segment): number {
  const { tcp, isPassive, inherited } = h;
  const c = connectionOf(h);
  measureHandshake(c, h.rttNs, h.retransmissions, h.timeouts);
  c.congestion.observePath(c.rtt, c.minRtt, false);
  if (tcp.config.mtuProbing > 1) searchFromStart(c, isPassive);
  updatePacingRate(c); // it sizes the first super-frames
  c.congestion.delivered(1); // the SYN, as Linux counts it
  c.congestion.begin(c.ecn !== null);
  c.totals.opened(!isPassive, h.retransmissions, h.timeouts, h.sinceTimeoutMs);
  tcp.demux.set(c, inherited);
  tcp.mib.add(tcp.ids.CurrEstab, 1);
  tcp.memory.share(1);
  tcp.mib.count(isPassive ? tcp.ids.PassiveOpens : tcp.ids.TCPDelivered);
  if (c.ecn !== null) heedMark(c, c.ecn, isPassive, seg);
  h.begun(c, seg);
  tcp.watch.tell(c, FLOW_EVENT.ESTABLISHED);
  const isAnswer = h.state === STATE.SYN_SENT;
  let fate = ACCEPTED;
  if (isAnswer) answerSynAck(c);
  else if (seg.has(TCP_FLAG.SYN)) crossed(c, seg);
  else fate = segmentArrives(c, seg);
  assert(!tcp.isGone(c), 'what completes a handshake is neither reset nor refused');
  h.established(c);
  if (isAnswer && seg.seqLen > 1) fate = textOfSynAck(c, seg);
  if (!tcp.isGone(c)) tcp.wantsOutput(c);
  return fate;
}

/**
 * RFC 5562 §3: who gets a SYN-ACK that a router has marked echoes that, as of text; who has sent it so begins with one
 * segment. It is not sent again for that (draft-ietf-tcpm-generalized-ecn §3.2.2): a round trip would say nothing new.
 */
function heedMark(c: TcpConnection, ecn: Ecn, isPassive: boolean, seg: Segment): void {
  if (!isPassive) {
    if (seg.ecn === ECN.CE) ecn.arrived(seg, c.congestion.echo === ECN_ECHO.RFC3168);
    return;
  }
  if (c.tcp.config.ecnSynack === 0 || !seg.has(TCP_FLAG.ECE)) return;
  c.congestion.beginSmall();
  ecn.windowReduced();
}

/** RFC 9293 §3.10.7.3: other controls or text of the SYN-ACK go through the sixth step and those behind it. */
function textOfSynAck(c: TcpConnection, seg: Segment): number {
  seg.passSyn();
  if (seg.len > 0) c.totals.textWithSyn(seg.pieces);
  step6Urg(c, seg);
  return textAndFin(c, seg);
}

/** At once; or, for who has set TCP_DEFER_ACCEPT, with the first text: that is what the peer waits for (Linux). */
function answerSynAck(c: TcpConnection): void {
  const { delack, due, settings, tcp } = c;
  const isLater = settings.deferTimeouts > 0;
  delack.owe(!isLater);
  if (isLater) due.arm(DUE.DELACK, tcp.env.nowNs + tcp.config.delackMaxNs);
}

/** With what the opening has agreed on and learnt so far. */
export function connectionOf(h: Opening): TcpConnection {
  const { tcp, isPassive } = h;
  const inherited = isPassive ? h.inherited.ofChild() : h.inherited;
  const from = { sndWnd: h.peerWindowBytes, rcvWnd: h.rcvWindow(), tsOffset: h.tsOffset };
  const c = new TcpConnection(tcp, h, h.agreed(), h.iss, h.peerIsn, from, inherited);
  c.rememberTimestamp(h.recentTimestamp);
  return c;
}
