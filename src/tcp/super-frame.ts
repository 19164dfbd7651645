/**
 * How large a super-frame is, and when it is worth waiting for a larger one. All of it as Linux has it, and
 * whoever cuts it, the device or we (`transmit.ts`): what is on the wire is the same.
 *
 * - autosizing: what the pacing rate sends in about a millisecond, and more on short paths, where bursts do not
 *   hurt; at least two segments; at most 64 KiB;
 * - no more than half of cwnd at once, so that two frames are in flight and the ACK of one releases the next;
 * - no more than half of the largest window that the peer ever offered, likewise;
 * - whole segments, but for the last one of the stream where Nagle lets it go;
 * - deferral: a frame that cwnd or the window would cut short waits for the next ACK, if that one is near.
 */
import { MS, NEVER, US } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import type { DeviceCaps } from '../link/device.ts';
import { isV4 } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import { NO_RECORD, REC_TIME } from './tx-records.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { RECOVERY } = CA_STATE;
const { MIN_TSO_SEGS } = HOOK;
const NONE: number = NO_RECORD;
const { SENT_NS } = REC_TIME;
const UNKNOWN: number = NEVER;
const PER_US = US;

/** Of 64 KiB, less what the largest headers take (Linux: GSO_LEGACY_MAX_SIZE and MAX_TCP_HEADER). */
export const GSO_MAX_BYTES = 65536 - 320 - 1;
/** A burst is what the pacing rate sends in 2^-10 s (sk_pacing_shift). */
const BURSTS_PER_SEC = 1024;
/** A frame is not deferred when the last one left so long ago, nor when the ACK is further away. */
const DEFER_NS = 1 * MS;

/** What `deferral` and `nextLength` say besides a length. */
export const WAIT = { NO: 0, MORE_DATA: -1, CWND: -2, WINDOW: -3 } as const;

/** The most segments in one frame: tcp_tso_autosize. */
export function segmentsPerFrame(c: TcpConnection): number {
  if (c.snd.isUrgent) return 1; // whoever cuts a frame copies its urgent pointer
  const { congestion, tcp } = c;
  const v = congestion.view;
  const least = congestion.has(MIN_TSO_SEGS) ? congestion.cc.minTsoSegs(v) : 0;
  let bytes = v.pacingRate / BURSTS_PER_SEC;
  if (v.minRttNs !== UNKNOWN) {
    const halvings = Math.floor(v.minRttNs / PER_US) >> tcp.config.tsoRttLog;
    if (halvings < 32) bytes += GSO_MAX_BYTES >> halvings;
  }
  const segments = Math.floor(Math.min(bytes, GSO_MAX_BYTES) / v.mss);
  return Math.min(Math.max(segments, least > 0 ? least : tcp.config.minTsoSegs, 1), fitting(c));
}

/** What we cut goes into the device's ring as a whole: no more than the half that is free before we try again. */
function fitting(c: TcpConnection): number {
  const path = c.tcp.net.paths.lookup(c.remote, c.boundIndex);
  if (path === null || doesCut(path.iface.device.caps, isV4(c.remote))) return GSO_MAX_BYTES;
  return Math.max(1, path.iface.device.tx.capacity >> 1);
}

/**
 * What one frame carries at most, and one of the buffers that writes are counted in (`write-room`): whole segments, no
 * more than half of the largest window, so that the ACK of one frame comes while the next is under way.
 */
export function bufferBytes(c: TcpConnection): number {
  const { mss } = c.congestion.view;
  const { maxWnd } = c.snd;
  const most = maxWnd > 0 ? Math.min(GSO_MAX_BYTES, Math.max(maxWnd >> 1, mss)) : GSO_MAX_BYTES;
  return Math.max(1, Math.floor(most / mss)) * mss;
}

/** Whether the device cuts super-frames of that family itself. */
export function doesCut(caps: DeviceCaps, v4: boolean): boolean {
  return v4 ? caps.tso4 : caps.tso6;
}

/** Segments that cwnd admits in one frame: never more than half of it. */
export function cwndQuota(c: TcpConnection): number {
  const { cwnd } = c.congestion.view;
  const inFlight = c.inFlight();
  if (inFlight >= cwnd) return 0;
  return Math.min(Math.max(cwnd >> 1, 1), cwnd - inFlight);
}

/**
 * Whether `len` bytes, more than a segment, should wait for more: WAIT.NO, or what they wait for. `isTail`: nothing
 * is queued behind them; `usable`: what the peer's window admits; `most`: segments in a full frame.
 */
export function deferral(
  c: TcpConnection,
  len: number,
  isTail: boolean,
  usable: number,
  most: number,
): number {
  const { congestion, rtx, snd } = c;
  const v = congestion.view;
  if (v.caState >= RECOVERY) return WAIT.NO;
  if (v.nowNs - v.nextDepartureNs >= DEFER_NS) return WAIT.NO;
  const byCwnd = (v.cwnd - c.inFlight()) * v.mss;
  const limit = Math.min(usable, byCwnd);
  if (limit >= most * v.mss) return WAIT.NO;
  if (!isTail && limit >= len) return WAIT.NO;
  if (isWorthwhile(c, limit, Math.min(snd.wnd, v.cwnd * v.mss))) return WAIT.NO;
  if (rtx.first === NONE || isAckFar(c)) return WAIT.NO;
  if (byCwnd < usable) {
    if (byCwnd <= len) return WAIT.CWND;
  } else if (usable <= len) return WAIT.WINDOW;
  return c.isFinQueued ? WAIT.NO : WAIT.MORE_DATA; // nothing will be added behind a FIN
}

/** tcp_tso_win_divisor: a good part of the window is free. Where that is off, more than three segments. */
function isWorthwhile(c: TcpConnection, limit: number, window: number): boolean {
  const { tsoWinDivisor } = c.tcp.config;
  if (tsoWinDivisor > 0) return limit >= Math.floor(window / tsoWinDivisor);
  return limit > 3 * c.congestion.view.mss;
}

/** The next ACK should come a round trip after the oldest unacknowledged segment left. */
function isAckFar(c: TcpConnection): boolean {
  const v = c.congestion.view;
  const sentNs = c.tcp.records.time(c.rtx.first, SENT_NS);
  return sentNs + v.srttNs - v.nowNs > Math.min(v.srttNs / 2, DEFER_NS);
}
