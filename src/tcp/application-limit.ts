/** What an application's write tells of the time before it: the sender may have had nothing to send. */
import { HOOK } from '../cc/congestion-control.ts';
import type { TcpConnection } from './connection.ts';

/** Before the bytes are queued, as Linux does in sendmsg. */
export function applicationWrites(c: TcpConnection): void {
  // While nothing is in flight neither ACKs that come nor those that leave look at what a full segment is.
  if (c.rtx.isEmpty) c.congestion.observe(c.tcp.env.nowNs, c.mss());
  restartIfIdle(c);
  const inFlight = c.inFlight();
  const hasRunDry =
    c.unsentBytes() < c.congestion.view.mss &&
    inFlight < c.congestion.view.cwnd &&
    c.rtx.lostOut <= c.rtx.retransOut &&
    c.refusedBy === null; // what waits for the device is not the application's fault
  if (hasRunDry) c.rate.ranDry(c.congestion.view, inFlight);
}

/** RFC 5681 §4.1, tcp_slow_start_after_idle: an old window says nothing. */
export function restartIfIdle(c: TcpConnection): void {
  const { config } = c.tcp;
  if (config.slowStartAfterIdle === 0 || !c.rtx.isEmpty) return;
  if (c.congestion.has(HOOK.CONG_CONTROL)) return;
  const now = c.tcp.env.nowNs;
  const idleNs = now - c.lastSentNs;
  const rto = c.rtt.rtoNs;
  if (idleNs <= rto) return;
  c.congestion.observe(now, c.mss());
  c.congestion.restartAfterIdle(idleNs, rto, c.tcp.firstWindow(c));
  c.use.full(now);
}
