/** How much text a full segment of a connection has. */
import { DEFAULT_MSS4, TIMESTAMP_BYTES } from './agreed.ts';
import type { TcpConnection } from './connection.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const OPTIONS = TIMESTAMP_BYTES;
const SMALL_WINDOW = DEFAULT_MSS4;

/** RFC 791's least MTU without its headers: the peer's window makes no segment smaller. */
const LEAST_SEGMENT = 68 - 20;

/**
 * The peer's MSS, the path's MTU, less our options. While there is no path what was true last: segments are not cut up
 * because of that.
 */
export function fullSegment(c: TcpConnection): number {
  const { agreed, tcp } = c;
  const { net, env, config } = tcp;
  const path = net.paths.lookup(c.remote, c.boundIndex);
  if (path === null) return c.congestion.view.mss;
  let mtu = path.mtu(env);
  const search = c.pathMtu === null ? null : c.pathMtu.search;
  if (search !== null) mtu = search.within(mtu);
  const options = agreed.hasTimestamps ? OPTIONS : 0;
  const most = Math.min(agreed.peerMss, mtu - c.fixedHeaderBytes());
  // tcp_min_snd_mss is with all the options of a segment: 40 bytes of them and 8 of text.
  return withinHalfWindow(c, Math.max(most, config.minSndMss) - options, options);
}

/** RFC 9293 §3.8.6.2.1, where Fs is 1/2: two segments fit into the largest window the peer ever offered. */
function withinHalfWindow(c: TcpConnection, segment: number, options: number): number {
  const { maxWnd } = c.snd;
  const most = maxWnd > SMALL_WINDOW ? maxWnd >> 1 : maxWnd;
  return most > 0 ? Math.min(segment, Math.max(most, LEAST_SEGMENT - options)) : segment;
}
