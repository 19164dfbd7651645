/** The handshake is over, and a connection takes its place: RFC 9293 §3.10.7.3, §3.10.7.4. */
import { assert } from '../base/assert.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { crossed, segmentArrives } from './input.ts';
import { searchFromStart } from './mtu-search.ts';
import type { Opening } from './opening.ts';
import { updatePacingRate } from './pacer.ts';
import type { Segment } from './segment.ts';
import { STATE } from './tcp-state.ts';

/** The connection gets what else the segment carries. */
export function establish(h: Opening, seg: Segment): void {
  const { tcp, isPassive, inherited } = h;
  const agreed = h.agreed();
  const windows = { sndWnd: h.peerWindowBytes, rcvWnd: h.rcvWindow() };
  const c = new TcpConnection(tcp, h, agreed, h.iss, h.peerIsn, windows, inherited);
  c.rememberTimestamp(h.recentTimestamp);
  c.measureHandshake(h.rttNs, h.retransmissions, h.timeouts);
  c.congestion.observePath(c.rtt, c.minRtt, false);
  if (tcp.config.mtuProbing > 1) searchFromStart(c, isPassive);
  updatePacingRate(c); // it sizes the first super-frames
  c.congestion.delivered(1); // the SYN, as Linux counts it
  c.totals.opened(!isPassive, h.retransmissions, h.timeouts, h.sinceTimeoutMs);
  tcp.demux.set(c, inherited);
  tcp.mib.add(tcp.ids.CurrEstab, 1);
  tcp.mib.count(isPassive ? tcp.ids.PassiveOpens : tcp.ids.TCPDelivered);
  if (h.state === STATE.SYN_SENT) answerSynAck(c);
  else if (seg.has(TCP_FLAG.SYN)) crossed(c, seg);
  else segmentArrives(c, seg);
  assert(!tcp.isGone(c), 'what completes a handshake is neither reset nor refused');
  h.established(c);
  tcp.wantsOutput(c);
}

/** At once; or, for who has set TCP_DEFER_ACCEPT, with the first text: that is what the peer waits for (Linux). */
function answerSynAck(c: TcpConnection): void {
  const { delack, due, settings, tcp } = c;
  const isLater = settings.deferTimeouts > 0;
  delack.owe(!isLater);
  if (isLater) due.arm(DUE.DELACK, tcp.env.nowNs + tcp.config.delackMaxNs);
}
