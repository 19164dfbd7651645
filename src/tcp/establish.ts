/** The handshake is over, and a connection takes its place: RFC 9293 §3.10.7.3, §3.10.7.4. */
import { assert } from '../base/assert.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { TcpConnection } from './connection.ts';
import type { Handshake } from './handshake.ts';
import { crossed, segmentArrives } from './input.ts';
import { updatePacingRate } from './pacer.ts';
import type { Segment } from './segment.ts';
import { STATE } from './tcp-state.ts';

/** The connection gets what else the segment carries. */
export function establish(h: Handshake, seg: Segment): void {
  const { tcp, listener } = h;
  if (listener?.isAcceptQueueFull === true) {
    overflowed(h, seg);
    return;
  }
  const agreed = h.agreed();
  const windows = { sndWnd: h.peerWindowBytes, rcvWnd: h.rcvWindow() };
  const settings = listener === null ? h.settings : listener.settings;
  const c = new TcpConnection(tcp, h, agreed, h.iss, h.peerIsn, windows, settings);
  c.rememberTimestamp(h.recentTimestamp);
  c.measureHandshake(h.rttNs, h.retransmissions, h.timeouts);
  c.congestion.observePath(c.rtt, c.minRtt, false);
  updatePacingRate(c); // it sizes the first super-frames
  c.congestion.delivered(1); // the SYN, as Linux counts it
  c.totals.opened(listener === null, h.retransmissions, h.timeouts, h.sinceTimeoutMs);
  tcp.demux.set(c);
  tcp.mib.add(tcp.ids.CurrEstab, 1);
  if (listener === null) tcp.mib.count(tcp.ids.TCPDelivered);
  else tcp.mib.count(tcp.ids.PassiveOpens);
  if (h.state === STATE.SYN_SENT) c.delack.owe(true);
  else if (seg.has(TCP_FLAG.SYN)) crossed(c, seg);
  else segmentArrives(c, seg);
  assert(!tcp.isGone(c), 'what completes a handshake is neither reset nor refused');
  if (listener !== null) listener.established(h, c);
  else h.established(c);
  tcp.wantsOutput(c);
}

/** Nobody can accept it: the peer's next segment, or our timer, tries again; or it is told. */
function overflowed(h: Handshake, seg: Segment): void {
  const { mib, ids, config } = h.tcp;
  mib.count(ids.ListenOverflows);
  mib.count(ids.ListenDrops);
  if (config.abortOnOverflow === 0) {
    h.rearm();
    return;
  }
  h.tcp.resetUnknown(h, seg);
  mib.count(ids.EmbryonicRsts);
  h.refuse();
}
