/** Super-frames for devices that take none: cut here into segments, which is what the device would have made. */
import { hasRoom } from '../net/ip-output.ts';
import { type Seq, seqAdd, seqBits } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { transmit } from './transmit.ts';

const SEQ_AT = 4;
const FLAGS_AT = 13;
const { CWR } = TCP_FLAG;
/** Flags that stand for the end of the text. */
const AT_END = TCP_FLAG.FIN | TCP_FLAG.PSH;

/**
 * Sends the header at `tcp.header` with each `mss` bytes of the text, all or nothing; the sequence number moves
 * along, FIN and PSH are the last one's. False: the device has no room.
 */
export function transmitSegments(
  c: TcpConnection,
  headerLen: number,
  seq: Seq,
  from: number,
  len: number,
  mss: number,
): boolean {
  const { tcp } = c;
  const { dv } = tcp.env.memory.slab;
  const path = tcp.net.paths.lookup(c.remote, c.boundIndex);
  if (path === null || !hasRoom(path.iface.device, Math.ceil(len / mss))) return false;
  const flags = dv.getUint8(tcp.header + FLAGS_AT);
  for (let at = 0; at < len; at += mss) {
    const n = Math.min(mss, len - at);
    dv.setInt32(tcp.header + SEQ_AT, seqBits(seqAdd(seq, at)));
    let now = at + n < len ? flags & ~AT_END : flags;
    if (at > 0) now &= ~CWR; // said once (RFC 3168 §6.1.2)
    dv.setUint8(tcp.header + FLAGS_AT, now);
    if (!transmit(tcp, c, headerLen, c.sendQueue, from + at, n, mss)) return false;
  }
  return true;
}
