/** What the handshake tells of the path. */
import type { TcpConnection } from './connection.ts';

/** The first round-trip sample; 0 and -1 are none. */
export function measureHandshake(
  c: TcpConnection,
  rttNs: number,
  retransmissions: number,
  timeouts: number,
): void {
  // RFC 5681 §3.1, RFC 6298 §5.7; Linux lets one loss pass, as its first timeout is short.
  if (retransmissions > 1 && timeouts > 0) c.congestion.beginSmall();
  if (rttNs <= 0) {
    if (retransmissions > 0 || rttNs < 0) c.rtt.handshakeGaveNone();
    return;
  }
  c.rtt.sample(rttNs, c.snd.una, c.snd.nxt);
  c.minRtt.sample(Math.max(rttNs, 1000), c.tcp.env, c.tcp.config);
}
