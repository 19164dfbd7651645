import type { SipHash } from '../base/siphash.ts';
import { hashAddress } from '../wire/pseudo-header.ts';
import { type Seq, seqOf } from '../wire/seq.ts';
import type { FlowId } from './endpoint.ts';
import type { TcpConfig } from './tcp-config.ts';

/** RFC 9293 §3.4.1: a clock of 4 µs, so that numbers of one 4-tuple move on while old segments live. */
const TICK_NS = 4000;

/** RFC 6528 §3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey). */
export function initialSequence(hash: SipHash, id: FlowId, nowNs: number): Seq {
  return seqOf(flowDigest(hash, id) + (Math.floor(nowNs / TICK_NS) % 4294967296));
}

/** RFC 7323 §5.4: timestamps of different connections do not compare; unless tcp_timestamps is 2. */
export function timestampOffset(hash: SipHash, id: FlowId, { timestamps }: TcpConfig): number {
  if (timestamps === 2) return 0;
  flowDigest(hash, id);
  return hash.high;
}

function flowDigest(hash: SipHash, id: FlowId): number {
  const { local, remote } = id;
  hash.start();
  hashAddress(hash, local);
  hashAddress(hash, remote);
  hash.word((id.localPort << 16) | id.remotePort);
  return hash.finish();
}
