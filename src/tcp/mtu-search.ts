/**
 * Packetization-layer path MTU discovery (RFC 4821), with the rules of Linux 6.x: the largest segment that gets through
 * is searched for with segments, and no router has to say anything.
 *
 *      low ───────────── probe ───────────── high       packets of `low` bytes get through, of `high` perhaps
 *                          │
 *        acknowledged: low = probe        lost, and nothing else: high = probe - 1, and no sign of congestion
 *
 * A probe is one segment of new text. It is sent where its loss repairs itself: with eleven segments of window, and
 * enough text behind it for duplicate ACKs. A black hole (RFC 2923), which swallows what is large without a word, is
 * suspected after R1 timeouts: then `low` falls.
 *
 * `tcp_mtu_probing` 2 searches from the start of each connection, 1 after a black hole was suspected.
 */
import { ZERO_NS } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import { type Seq, seqAdd, seqEq, seqLe, seqOf } from '../wire/seq.ts';
import { TIMESTAMP_BYTES } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import { isPacerOpen } from './pacer.ts';
import { type PathMtu, resendTooLarge } from './path-mtu.ts';
import type { TcpConfig } from './tcp-config.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';

/** With fewer segments of window a lost probe would cost a timeout. */
const LEAST_CWND = 11;

/** What `nextProbe` says besides a length: send as always, or nothing until there is room for the probe. */
export const PROBE = { NONE: -1, WAIT: 0 } as const;

/** All sizes are those of IP packets, in bytes. */
export class MtuSearch {
  low = 0;
  high = 0;
  /**
   * The most that is sent, but for probes: `low`, once the path's MTU was heard of anew. As on Linux a connection that
   * was accepted trusts what the path cache says until then.
   */
  limit = Infinity;
  /** The path's MTU when the last segment left. */
  pathMtu = 0;
  /** The probe that is under way, 0 without; what others are cut to meanwhile, and where it stands. */
  size = 0;
  besides = 0;
  from: Seq = seqOf(0);
  end: Seq = seqOf(0);
  /** When the search began. */
  private sinceNs = ZERO_NS;

  constructor(low: number, high: number, pathMtu: number, nowNs: number) {
    this.begin(low, high, nowNs);
    this.pathMtu = pathMtu;
  }

  begin(low: number, high: number, nowNs: number): void {
    this.low = low;
    this.high = high;
    this.size = 0;
    this.sinceNs = nowNs;
  }

  /** The most that is sent to a path that takes `mtu`. */
  within(mtu: number): number {
    return Math.min(mtu, this.pathMtu, this.limit);
  }

  /** The path takes as much now, so it is said. */
  pathIs(mtu: number): void {
    this.pathMtu = mtu;
    this.high = Math.min(this.high, mtu);
    this.limit = this.low;
  }

  /** tcp_probe_interval: a path gets better. */
  isOver({ probeIntervalNs }: TcpConfig, nowNs: number): boolean {
    return nowNs - this.sinceNs >= probeIntervalNs;
  }

  fall(low: number): void {
    this.low = low;
    this.limit = low;
  }

  sent(size: number, besides: number, from: Seq, len: number): void {
    this.size = size;
    this.besides = besides;
    this.from = from;
    this.end = seqAdd(from, len);
  }

  succeeded(): void {
    this.fall(this.size);
    this.size = 0;
  }

  failed(): void {
    this.high = this.size - 1;
    this.size = 0;
  }

  /** Something was resent: the ACKs no longer tell of the probe alone. */
  inconclusive(): void {
    this.size = 0;
  }
}

// ---- the search begins, and falls back ----

/** tcp_mtu_probing 2, at the start of a connection. */
export function searchFromStart(c: TcpConnection, isAccepted: boolean): void {
  const search = newSearch(c);
  if (!isAccepted) search.fall(search.low);
  c.ownPathMtu().begin(search);
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
}

/** R1 is reached, again and again: first to tcp_base_mss, then to half as many, not below tcp_mtu_probe_floor. */
export function suspectBlackHole(c: TcpConnection): void {
  const path = c.ownPathMtu();
  const { baseMss, mtuProbeFloor, minSndMss } = c.tcp.config;
  if (path.search === null) {
    path.begin(newSearch(c));
    path.search!.fall(path.search!.low);
  } else {
    const half = textOf(c, path.search.low) >> 1;
    const text = Math.max(Math.min(baseMss, half), mtuProbeFloor, minSndMss);
    path.search.fall(packetOf(c, text));
  }
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
}

function newSearch(c: TcpConnection): MtuSearch {
  const { config, env, net } = c.tcp;
  const most = mostOf(c);
  const mtu = net.paths.lookup(c.remote, c.boundIndex)?.mtu(env) ?? most;
  return new MtuSearch(packetOf(c, config.baseMss), most, mtu, env.nowNs);
}

const optionsOf = (c: TcpConnection): number => (c.agreed.hasTimestamps ? TIMESTAMP_BYTES : 0);
/** The largest packet that the peer has said it takes. */
const mostOf = (c: TcpConnection): number => c.agreed.peerMss + c.headerBytes() - optionsOf(c);
/** The packet that carries so much text, and the text of a packet. */
const packetOf = (c: TcpConnection, text: number): number => text + c.headerBytes();
const textOf = (c: TcpConnection, packet: number): number =>
  Math.min(packet - c.headerBytes(), c.agreed.peerMss - optionsOf(c));

// ---- what the path cache knows ----

/** A segment left, or a router spoke: the path may be another. */
export function notePath(c: TcpConnection, search: MtuSearch): void {
  const { net, env } = c.tcp;
  const path = net.paths.lookup(c.remote, c.boundIndex);
  if (path !== null && path.mtu(env) !== search.pathMtu) search.pathIs(path.mtu(env));
}

/** A router has told of a smaller MTU. */
export function pathShrank(c: TcpConnection, path: PathMtu): void {
  path.tooLarge(false);
  if (path.search !== null) {
    notePath(c, path.search);
    c.congestion.observe(c.tcp.env.nowNs, c.mss());
  }
  c.tcp.ackOutcome.begin();
  resendTooLarge(c);
}

// ---- probes ----

/**
 * Bytes of text for a probe, of `unsent` that wait; or PROBE. RFC 4821 §7.3: its loss must be repaired without a
 * timeout, and must not be mistaken for congestion.
 */
export function nextProbe(c: TcpConnection, search: MtuSearch, unsent: number): number {
  const { congestion, recovery, snd, tcp } = c;
  const v = congestion.view;
  if (search.size !== 0 || v.caState !== CA_STATE.OPEN || v.cwnd < LEAST_CWND) return PROBE.NONE;
  if (!c.sacks.isEmpty) return PROBE.NONE; // the header's length would not be known
  const path = tcp.net.paths.lookup(c.remote, c.boundIndex);
  // A route that was changed lets a probe be larger than what the last segment could be.
  const most = path === null ? search.pathMtu : path.mtu(tcp.env);
  const isWithin = (search.high + search.low) >> 1 <= most;
  const high = isWithin ? search.high : Math.min(search.high, most);
  const size = (high + search.low) >> 1;
  if (size > high || high - search.low < tcp.config.probeThreshold) {
    searchAgain(c, search);
    return PROBE.NONE;
  }
  const len = textOf(c, size);
  const needed = len + (recovery.reordering + 1) * v.mss;
  if (unsent < needed || snd.wnd < needed) return PROBE.NONE;
  if (snd.usable() < needed) return PROBE.WAIT;
  const inFlight = c.inFlight();
  if (inFlight + 2 > v.cwnd) return inFlight === 0 ? PROBE.NONE : PROBE.WAIT;
  if (c.records !== null && c.records.distance(snd.nxt) < len) return PROBE.NONE;
  return isPacerOpen(c) ? len : PROBE.NONE;
}

/** RFC 4821 §7.7: after a while the whole range again, upwards from what is known. */
function searchAgain(c: TcpConnection, search: MtuSearch): void {
  const { config, env } = c.tcp;
  if (!search.isOver(config, env.nowNs)) return;
  const { mss } = c.congestion.view;
  search.begin(packetOf(c, mss), mostOf(c), env.nowNs);
}

/** It left, instead of two segments of the usual size. */
export function probeSent(c: TcpConnection, search: MtuSearch, from: Seq, len: number): void {
  search.sent(packetOf(c, len), packetOf(c, c.congestion.view.mss), from, len);
  c.congestion.probeSent();
}

/** SND.UNA moved: did the probe arrive? Then segments are as large, and the window is as many bytes as it was. */
export function probeAcknowledged(c: TcpConnection, { search }: PathMtu): void {
  if (search === null || search.size === 0 || !seqLe(search.end, c.snd.una)) return;
  c.congestion.segmentsGrew(search.besides, search.size);
  search.succeeded();
  c.tcp.mib.count(c.tcp.ids.TCPMTUPSuccess);
}

/**
 * True: the probe is lost, and its text goes again in smaller segments; this is no congestion (RFC 4821 §7.5). Unlike on
 * Linux not when other segments are lost as well, for then it may be.
 */
export function takesProbeForLost(c: TcpConnection, { search }: PathMtu): boolean {
  const { rtx, snd, congestion, tcp } = c;
  if (search === null || search.size === 0 || congestion.state >= CA_STATE.CWR) return false;
  if (!seqEq(snd.una, search.from) || rtx.first === NO_RECORD) return false;
  if (!rtx.has(rtx.first, REC_STATE.LOST) || rtx.lostOut > rtx.pieces(rtx.first)) return false;
  search.failed();
  tcp.mib.count(tcp.ids.TCPMTUPFail);
  congestion.probeFailed();
  resendTooLarge(c);
  return true;
}
