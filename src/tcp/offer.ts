/** What a SYN of ours offers, and what is made of the peer's: RFC 9293 §3.7.1, RFC 7323 §2.2. */
import { isV4 } from '../wire/address.ts';
import { DEFAULT_MSS4, DEFAULT_MSS6, TIMESTAMP_BYTES } from './agreed.ts';
import type { FlowId, Sender } from './endpoint.ts';
import { initialWindow } from './receive-window.ts';
import type { Segment } from './segment.ts';
import type { Tcp } from './tcp.ts';
import type { TcpConfig } from './tcp-config.ts';
import { firstReceiveBuffer, type TcpSettings } from './tcp-settings.ts';

/** RFC 7323 §2.2: enough to offer the largest receive buffer (as Linux computes it). */
export function offeredShift(config: TcpConfig, settings: TcpSettings): number {
  const { rcvbufBytes, windowClamp } = settings;
  let shift = 0;
  let space = rcvbufBytes !== 0 ? rcvbufBytes >> 1 : config.rmemMax;
  if (windowClamp !== 0) space = Math.min(space, windowClamp);
  for (; space > 65535 && shift < 14; space >>= 1) shift++;
  return shift;
}

/** The window of a SYN, which is never scaled. @param optionBytes Of each segment of ours that follows. */
export function offeredWindow(tcp: Tcp, from: Sender, optionBytes: number): number {
  const bytes = firstReceiveBuffer(from.settings, tcp.config);
  return initialWindow(bytes, from.settings.windowClamp, tcp.ourMss(from) - optionBytes);
}

export const timestampBytes = (hasTimestamps: boolean): number =>
  hasTimestamps ? TIMESTAMP_BYTES : 0;

/** RFC 9293 MUST-15. */
export function defaultMss({ remote }: FlowId): number {
  return isV4(remote) ? DEFAULT_MSS4 : DEFAULT_MSS6;
}

/** The largest segment that the peer takes, by its SYN and by TCP_MAXSEG. */
export function peerMssOf(id: FlowId, seg: Segment, config: TcpConfig, s: TcpSettings): number {
  const mss = seg.hasMss ? Math.max(seg.mss, config.minSndMss) : defaultMss(id);
  return s.maxSegment !== 0 ? Math.min(mss, s.maxSegment) : mss;
}
