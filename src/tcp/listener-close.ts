/** A listener goes: what becomes of those who were to be accepted by it. */
import type { FlowId } from './endpoint.ts';
import type { Listener } from './listener.ts';
import type { Tcp } from './tcp.ts';

/**
 * They are reset; or, with tcp_migrate_req, one that shares its address and port (SO_REUSEPORT) has them. As on
 * Linux those whose handshake is not over are forgotten: their next segment is answered by a reset.
 */
export function closeListener(tcp: Tcp, l: Listener): void {
  const { demux } = tcp;
  demux.listeners.remove(l);
  const { half, ready } = l.drain();
  for (const h of half) {
    const heir = heirOf(tcp, l, h);
    if (heir !== null) h.migrate(heir);
    else h.abandon();
  }
  for (const c of ready) {
    c.setOwner(null); // nobody is left to release it
    const heir = tcp.isGone(c) ? null : heirOf(tcp, l, c);
    if (heir !== null) {
      c.unconfirmed?.migrate(heir);
      heir.established(c);
    } else if (tcp.isGone(c)) c.release();
    else tcp.abort(c, 0);
  }
}

/** Nobody is told, and nobody has them: the stack is closing. */
export function forgetListener(tcp: Tcp, l: Listener): void {
  tcp.demux.listeners.remove(l);
  const { half, ready } = l.drain();
  for (const h of half) h.abandon();
  for (const c of ready) {
    c.setOwner(null); // nobody is left to release it
    if (tcp.isGone(c)) c.release();
    else tcp.end(c, 0);
  }
}

function heirOf(tcp: Tcp, gone: Listener, flow: FlowId): Listener | null {
  const { mib, ids, config, demux } = tcp;
  if (!gone.settings.isReusePort) return null;
  const { remote, remotePort } = flow;
  const heir = config.migrateReq === 0 ? null : demux.listeners.heirOf(gone, remote, remotePort);
  mib.count(heir === null ? ids.TCPMigrateReqFailure : ids.TCPMigrateReqSuccess);
  return heir;
}
