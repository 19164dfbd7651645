/**
 * Asking a silent peer: zero-window probes (RFC 9293 §3.8.6.1) and keepalive (§3.8.4).
 *
 * Text that is held back, by a shut window, by silly-window avoidance, or by a cork, with nothing in flight has only
 * this timer to wait for: when it passes, whatever the window admits is sent; and if it admits nothing, a
 * segment that the peer must answer. The wait doubles until the window opens; answers do not shorten it.
 */
import { ETIMEDOUT } from '../base/errno.ts';
import { MS, NEVER, SEC } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { isOrphan, orphanRetries, patienceNs, timedOut, withinUserTimeout } from './give-up.ts';
import { isOrphanEnded } from './orphans.ts';
import { sendHeldBack, sendProbe } from './output.ts';
import { probeWaitNs } from './probing.ts';
import { keepaliveIdleNs } from './tcp-settings.ts';
import { isIn, STATE } from './tcp-state.ts';
import { SHORTAGE_NS } from './xmit-timer.ts';

/** An ACK came while text was held back: the window is open, or the wait begins anew. */
export function probeAnswered(c: TcpConnection): void {
  if (!c.rtx.isEmpty || c.unsentBytes() === 0) return;
  if (Math.min(c.unsentBytes(), c.congestion.view.mss) <= c.snd.usable()) {
    c.probing.windowOpened();
    c.due.disarm(DUE.PERSIST);
    return;
  }
  const waitNs = withinUserTimeout(c, sinceNs(c), probeWaitNs(c));
  c.due.arm(DUE.PERSIST, c.tcp.env.nowNs + waitNs);
}

const sinceNs = (c: TcpConnection): number =>
  c.probing.sinceNs === NEVER ? c.tcp.env.nowNs : c.probing.sinceNs;

/** The peer's answer tells its window. One that answers is probed for ever, unless the user timeout passes. */
export function probeWindow(c: TcpConnection): void {
  const { tcp, probing } = c;
  if (!c.rtx.isEmpty || !c.hasUnsent()) {
    probing.windowOpened();
    tcp.wantsOutput(c);
    return;
  }
  if (isOrphanEnded(c, true)) return;
  if (isProbingOver(c)) {
    timedOut(c);
    return;
  }
  probing.begin(c.tcp.env.nowNs);
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
  if (sendHeldBack(c)) {
    probing.windowOpened();
    return;
  }
  const isHeldHere = !sendProbe(c) && tcp.net.paths.lookup(c.remote, c.boundIndex) !== null;
  c.noteProbe();
  tcp.mib.count(tcp.ids.TCPWinProbe);
  // What did not leave this host says nothing of the peer.
  if (!isHeldHere) probing.backOff(tcp.config.retries2);
  const waitNs = isHeldHere ? SHORTAGE_NS : probeWaitNs(c);
  c.due.arm(DUE.PERSIST, c.tcp.env.nowNs + withinUserTimeout(c, probing.sinceNs, waitNs));
}

function isProbingOver(c: TcpConnection): boolean {
  const { probing, tcp, settings } = c;
  if (settings.userTimeoutMs > 0 && probing.sinceNs !== NEVER) {
    if (c.tcp.env.nowNs - probing.sinceNs >= settings.userTimeoutMs * MS) return true;
  }
  if (!isOrphan(c)) {
    const { retries2 } = tcp.config;
    if (c.probes < retries2) return false;
    // Linux ends here, after 15 * 500 ms of a full device; R2 is 100 s at least (RFC 1122 §4.2.3.5).
    return probing.backoff >= retries2 || c.probes * SHORTAGE_NS >= patienceNs(c, retries2);
  }
  const isAlive = probeWaitNs(c) < tcp.config.maxRtoNs;
  const most = orphanRetries(c, isAlive);
  return (!isAlive && probing.backoff >= most) || c.probes >= most;
}

/** RFC 9293 §3.8.4: off by default; one probe without an answer is no proof, several are. */
export function keepalive(c: TcpConnection): void {
  const { config } = c.tcp;
  const { settings } = c;
  if (!settings.isKeepalive || isIn(c.state, 1 << STATE.CLOSED)) return;
  const idleAfterNs = keepaliveIdleNs(settings, config);
  // While text is on its way, or waits, retransmission and probes find out.
  if (!c.rtx.isEmpty || c.unsentBytes() > 0) {
    c.due.arm(DUE.KEEPALIVE, c.tcp.env.nowNs + idleAfterNs);
    return;
  }
  const idleNs = c.tcp.env.nowNs - Math.max(c.lastReceivedNs, c.delack.lastReceivedNs);
  if (idleNs < idleAfterNs) {
    c.due.arm(DUE.KEEPALIVE, c.tcp.env.nowNs + idleAfterNs - idleNs);
    return;
  }
  if (isSilentTooLong(c, idleNs)) {
    c.tcp.abort(c, c.softError || ETIMEDOUT);
    return;
  }
  sendProbe(c);
  c.noteProbe();
  c.tcp.mib.count(c.tcp.ids.TCPKeepAlive);
  const { keepIntervalSec } = settings;
  const intervalNs = keepIntervalSec !== 0 ? keepIntervalSec * SEC : config.keepaliveIntervalNs;
  c.due.arm(DUE.KEEPALIVE, c.tcp.env.nowNs + intervalNs);
}

/** TCP_USER_TIMEOUT decides instead of the number of probes, once there was one. */
function isSilentTooLong(c: TcpConnection, idleNs: number): boolean {
  const { settings, tcp, probes } = c;
  const { userTimeoutMs } = settings;
  if (userTimeoutMs > 0) return probes > 0 && idleNs >= userTimeoutMs * MS;
  return probes >= (settings.keepProbes || tcp.config.keepaliveProbes);
}
