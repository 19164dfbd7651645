/**
 * TCP_INFO: what a connection, a handshake or a listener tells of itself, as Linux 6.18's `struct tcp_info`.
 * The object is the caller's and is filled anew each time; filling it makes no garbage.
 *
 * The fields bear the kernel's names, because people and tools look for those. Times are microseconds unless
 * the field says otherwise, rates bytes a second, counts of segments MSS pieces. Totals that the kernel keeps
 * in 64 bits are exact up to 2^53. Accurate ECN is not implemented: its fields are always 0.
 */
import { MS, NEVER, SEC, US } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import { INFINITE_SSTHRESH } from '../cc/cc-view.ts';
import { TIMESTAMP_BYTES } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import type { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import { synTimeoutNs } from './syn-patience.ts';
import type { Tcp } from './tcp.ts';
import { STATE, type TcpState } from './tcp-state.ts';
import { TOTAL } from './totals.ts';

/** Bits of tcpi_options. */
export const TCPI_OPT = {
  TIMESTAMPS: 1,
  SACK: 2,
  WSCALE: 4,
  ECN: 8,
  ECN_SEEN: 16,
  SYN_DATA: 32,
  TFO_CHILD: 128,
};

/** tcpi_min_rtt before the first sample. */
const NO_MIN_RTT = 0xffffffff;
/** Of a connection that has measured nothing yet: RFC 6298's first timeout as a deviation. */
const UNKNOWN_RTTVAR_US = 250_000;

export class TcpInfo {
  tcpi_state = 0;
  tcpi_ca_state = 0;
  /** Timeouts in a row, probes without an answer, and how often the timer was doubled. */
  tcpi_retransmits = 0;
  tcpi_probes = 0;
  tcpi_backoff = 0;
  /** TCPI_OPT bits. */
  tcpi_options = 0;
  tcpi_snd_wscale = 0;
  tcpi_rcv_wscale = 0;
  tcpi_delivery_rate_app_limited = 0;
  tcpi_fastopen_client_fail = 0;
  tcpi_rto = 0;
  tcpi_ato = 0;
  tcpi_snd_mss = 0;
  tcpi_rcv_mss = 0;
  /** Of a listener: connections that wait to be accepted. */
  tcpi_unacked = 0;
  /** Of a listener: its backlog. */
  tcpi_sacked = 0;
  tcpi_lost = 0;
  tcpi_retrans = 0;
  /** Always 0, as on Linux since 4.15: forward acknowledgement went with RACK. */
  tcpi_fackets = 0;
  /** Milliseconds ago. */
  tcpi_last_data_sent = 0;
  /** Always 0: Linux does not remember it either. */
  tcpi_last_ack_sent = 0;
  tcpi_last_data_recv = 0;
  tcpi_last_ack_recv = 0;
  tcpi_pmtu = 0;
  tcpi_rcv_ssthresh = 0;
  tcpi_rtt = 0;
  tcpi_rttvar = 0;
  tcpi_snd_ssthresh = 0;
  tcpi_snd_cwnd = 0;
  tcpi_advmss = 0;
  tcpi_reordering = 0;
  tcpi_rcv_rtt = 0;
  tcpi_rcv_space = 0;
  tcpi_total_retrans = 0;
  /** Infinity: no limit. */
  tcpi_pacing_rate = 0;
  tcpi_max_pacing_rate = 0;
  tcpi_bytes_acked = 0;
  tcpi_bytes_received = 0;
  tcpi_segs_out = 0;
  tcpi_segs_in = 0;
  tcpi_notsent_bytes = 0;
  tcpi_min_rtt = 0;
  tcpi_data_segs_in = 0;
  tcpi_data_segs_out = 0;
  tcpi_delivery_rate = 0;
  tcpi_busy_time = 0;
  tcpi_rwnd_limited = 0;
  tcpi_sndbuf_limited = 0;
  tcpi_delivered = 0;
  tcpi_delivered_ce = 0;
  tcpi_bytes_sent = 0;
  tcpi_bytes_retrans = 0;
  tcpi_dsack_dups = 0;
  tcpi_reord_seen = 0;
  tcpi_rcv_ooopack = 0;
  tcpi_snd_wnd = 0;
  tcpi_rcv_wnd = 0;
  tcpi_rehash = 0;
  tcpi_total_rto = 0;
  tcpi_total_rto_recoveries = 0;
  /** Milliseconds. */
  tcpi_total_rto_time = 0;
  tcpi_received_ce = 0;
  tcpi_delivered_e1_bytes = 0;
  tcpi_delivered_e0_bytes = 0;
  tcpi_delivered_ce_bytes = 0;
  tcpi_received_e1_bytes = 0;
  tcpi_received_e0_bytes = 0;
  tcpi_received_ce_bytes = 0;
  tcpi_accecn_fail_mode = 0;
  tcpi_accecn_opt_seen = 0;

  /** All zero: what comes next fills what it has. Field by field, for a loop over names would make garbage. */
  clear(): void {
    this.clearState();
    this.clearTotals();
  }

  private clearState(): void {
    this.tcpi_state = 0;
    this.tcpi_ca_state = 0;
    this.tcpi_retransmits = 0;
    this.tcpi_probes = 0;
    this.tcpi_backoff = 0;
    this.tcpi_options = 0;
    this.tcpi_snd_wscale = 0;
    this.tcpi_rcv_wscale = 0;
    this.tcpi_delivery_rate_app_limited = 0;
    this.tcpi_fastopen_client_fail = 0;
    this.tcpi_rto = 0;
    this.tcpi_ato = 0;
    this.tcpi_snd_mss = 0;
    this.tcpi_rcv_mss = 0;
    this.tcpi_unacked = 0;
    this.tcpi_sacked = 0;
    this.tcpi_lost = 0;
    this.tcpi_retrans = 0;
    this.tcpi_fackets = 0;
    this.tcpi_last_data_sent = 0;
    this.tcpi_last_ack_sent = 0;
    this.tcpi_last_data_recv = 0;
    this.tcpi_last_ack_recv = 0;
    this.tcpi_pmtu = 0;
    this.tcpi_rcv_ssthresh = 0;
    this.tcpi_rtt = 0;
    this.tcpi_rttvar = 0;
    this.tcpi_snd_ssthresh = 0;
    this.tcpi_snd_cwnd = 0;
    this.tcpi_advmss = 0;
    this.tcpi_reordering = 0;
  }

  private clearTotals(): void {
    this.tcpi_rcv_rtt = 0;
    this.tcpi_rcv_space = 0;
    this.tcpi_total_retrans = 0;
    this.tcpi_pacing_rate = 0;
    this.tcpi_max_pacing_rate = 0;
    this.tcpi_bytes_acked = 0;
    this.tcpi_bytes_received = 0;
    this.tcpi_segs_out = 0;
    this.tcpi_segs_in = 0;
    this.tcpi_notsent_bytes = 0;
    this.tcpi_min_rtt = 0;
    this.tcpi_data_segs_in = 0;
    this.tcpi_data_segs_out = 0;
    this.tcpi_delivery_rate = 0;
    this.tcpi_busy_time = 0;
    this.tcpi_rwnd_limited = 0;
    this.tcpi_sndbuf_limited = 0;
    this.tcpi_delivered = 0;
    this.tcpi_delivered_ce = 0;
    this.tcpi_bytes_sent = 0;
    this.tcpi_bytes_retrans = 0;
    this.tcpi_dsack_dups = 0;
    this.tcpi_reord_seen = 0;
    this.tcpi_rcv_ooopack = 0;
    this.tcpi_snd_wnd = 0;
    this.tcpi_rcv_wnd = 0;
    this.tcpi_rehash = 0;
    this.tcpi_total_rto = 0;
    this.tcpi_total_rto_recoveries = 0;
    this.tcpi_total_rto_time = 0;
    this.tcpi_received_ce = 0;
    this.tcpi_delivered_e1_bytes = 0;
    this.tcpi_delivered_e0_bytes = 0;
    this.tcpi_delivered_ce_bytes = 0;
    this.tcpi_received_e1_bytes = 0;
    this.tcpi_received_e0_bytes = 0;
    this.tcpi_received_ce_bytes = 0;
    this.tcpi_accecn_fail_mode = 0;
    this.tcpi_accecn_opt_seen = 0;
  }
}

/** A socket that has nothing of TCP yet, or no longer. */
export function bareInfo(state: TcpState, info: TcpInfo): void {
  info.clear();
  info.tcpi_state = state;
}

const toMicros = (ns: number): number => Math.floor(ns / US);

export function connectionInfo(c: TcpConnection, info: TcpInfo): void {
  info.clear();
  fillState(c, info);
  fillPath(c, info);
  fillFlight(c, info);
  fillTotals(c, info);
}

function fillState(c: TcpConnection, info: TcpInfo): void {
  const { agreed, rtt } = c;
  info.tcpi_state = c.state;
  info.tcpi_ca_state = c.congestion.view.caState;
  info.tcpi_retransmits = c.recovery.retransmits;
  info.tcpi_probes = c.probes;
  info.tcpi_backoff = Math.max(rtt.backoff, c.probing.backoff);
  if (agreed.hasTimestamps) info.tcpi_options |= TCPI_OPT.TIMESTAMPS;
  if (agreed.hasSack) info.tcpi_options |= TCPI_OPT.SACK;
  if (c.ecn !== null) info.tcpi_options |= TCPI_OPT.ECN;
  if (c.ecn?.hasSeen === true) info.tcpi_options |= TCPI_OPT.ECN_SEEN;
  if (agreed.hasWindowScale) info.tcpi_options |= TCPI_OPT.WSCALE;
  if (c.fastOpen?.isTaken === true) info.tcpi_options |= TCPI_OPT.SYN_DATA;
  info.tcpi_fastopen_client_fail = c.fastOpen?.failure ?? 0;
  if (c.fastOpen?.isChild === true) info.tcpi_options |= TCPI_OPT.TFO_CHILD;
  info.tcpi_snd_wscale = agreed.sndShift;
  info.tcpi_rcv_wscale = agreed.rcvShift;
  info.tcpi_rto = toMicros(rtt.rtoNs);
  info.tcpi_ato = toMicros(Math.min(c.delack.timeoutNs, c.tcp.config.delackMaxNs));
  info.tcpi_last_data_sent = Math.floor((c.tcp.env.nowNs - c.lastSentNs) / MS);
  info.tcpi_last_data_recv = Math.floor((c.tcp.env.nowNs - c.delack.lastReceivedNs) / MS);
  info.tcpi_last_ack_recv = Math.floor((c.tcp.env.nowNs - c.lastReceivedNs) / MS);
}

function fillPath(c: TcpConnection, info: TcpInfo): void {
  const { rtt, tcp, agreed } = c;
  const v = c.congestion.view;
  const path = tcp.net.paths.lookup(c.remote, c.boundIndex);
  info.tcpi_snd_mss = c.mss();
  info.tcpi_rcv_mss = c.delack.rcvMss;
  info.tcpi_advmss = tcp.ourMss(c) - (agreed.hasTimestamps ? TIMESTAMP_BYTES : 0);
  info.tcpi_pmtu = path === null ? 0 : path.mtu(tcp.env);
  info.tcpi_rtt = toMicros(rtt.srttNs);
  info.tcpi_rttvar = toMicros(rtt.mdevNs);
  info.tcpi_min_rtt = c.minRtt.value === NEVER ? NO_MIN_RTT : toMicros(c.minRtt.value);
  info.tcpi_pacing_rate = Math.floor(v.pacingRate);
  info.tcpi_max_pacing_rate = v.maxPacingRate;
  info.tcpi_reordering = c.recovery.reordering;
  info.tcpi_reord_seen = c.recovery.reorderingSeen;
  info.tcpi_snd_wnd = c.snd.wnd;
  info.tcpi_rcv_wnd = c.rcv.wnd;
  info.tcpi_rcv_ssthresh = c.sizing.threshold;
  info.tcpi_rcv_rtt = c.receiverRtt.rttUs;
  info.tcpi_rcv_space = c.sizing.spaceBytes;
}

function fillFlight(c: TcpConnection, info: TcpInfo): void {
  const { rtx } = c;
  const v = c.congestion.view;
  info.tcpi_unacked = rtx.packetsOut;
  info.tcpi_sacked = rtx.sackedOut;
  info.tcpi_lost = rtx.lostOut;
  info.tcpi_retrans = rtx.retransOut;
  info.tcpi_snd_cwnd = v.cwnd;
  info.tcpi_snd_ssthresh = v.ssthresh;
  info.tcpi_delivered = v.delivered;
  fillRate(c, info);
  info.tcpi_delivered_ce = v.deliveredCe;
  info.tcpi_notsent_bytes = c.unsentBytes();
}

function fillRate({ rate, congestion }: TcpConnection, info: TcpInfo): void {
  info.tcpi_delivery_rate_app_limited = rate.isBestAppLimited ? 1 : 0;
  if (rate.bestIntervalNs === 0) return;
  const bytes = rate.bestDelivered * congestion.view.mss;
  info.tcpi_delivery_rate = Math.floor((bytes * SEC) / rate.bestIntervalNs);
}

function fillTotals({ totals, chrono }: TcpConnection, info: TcpInfo): void {
  info.tcpi_segs_out = totals.get(TOTAL.SEGS_OUT);
  info.tcpi_segs_in = totals.get(TOTAL.SEGS_IN);
  info.tcpi_data_segs_out = totals.get(TOTAL.DATA_SEGS_OUT);
  info.tcpi_data_segs_in = totals.get(TOTAL.DATA_SEGS_IN);
  info.tcpi_bytes_sent = totals.get(TOTAL.BYTES_SENT);
  info.tcpi_bytes_acked = totals.get(TOTAL.BYTES_ACKED);
  info.tcpi_bytes_received = totals.get(TOTAL.BYTES_RECEIVED);
  info.tcpi_bytes_retrans = totals.get(TOTAL.BYTES_RETRANS);
  info.tcpi_total_retrans = totals.get(TOTAL.RETRANS);
  info.tcpi_dsack_dups = totals.get(TOTAL.DSACK_DUPS);
  info.tcpi_rcv_ooopack = totals.get(TOTAL.OUT_OF_ORDER);
  info.tcpi_total_rto = totals.get(TOTAL.RTO);
  info.tcpi_total_rto_recoveries = totals.get(TOTAL.RTO_RUNS);
  info.tcpi_total_rto_time = Math.floor(totals.timeoutNs() / MS);
  info.tcpi_busy_time = toMicros(chrono.busyNs());
  info.tcpi_rwnd_limited = toMicros(chrono.rwndLimitedNs());
  info.tcpi_sndbuf_limited = toMicros(chrono.sndbufLimitedNs());
}

/** A socket that is nothing yet. */
export function closedInfo(info: TcpInfo): void {
  info.clear();
  info.tcpi_state = STATE.CLOSED;
}

/** LISTEN: Linux lends two fields to the accept queue. */
export function listenerInfo(l: Listener, tcp: Tcp, info: TcpInfo): void {
  info.clear();
  info.tcpi_state = STATE.LISTEN;
  info.tcpi_unacked = l.waiting;
  info.tcpi_sacked = l.backlog;
  info.tcpi_pacing_rate = Infinity;
  info.tcpi_max_pacing_rate = Infinity;
  info.tcpi_reordering = tcp.config.reordering;
  info.tcpi_snd_cwnd = tcp.config.initialWindow;
}

/** SYN-SENT and SYN-RECEIVED: nothing is agreed or measured yet; the SYN itself is in flight. */
export function handshakeInfo(h: Handshake, info: TcpInfo): void {
  info.clear();
  const { tcp } = h;
  const path = tcp.net.paths.lookup(h.remote, h.boundIndex);
  info.tcpi_state = h.state;
  info.tcpi_retransmits = h.timeouts;
  info.tcpi_backoff = h.timeouts;
  info.tcpi_rto = toMicros(synTimeoutNs(h));
  const { fastOpening } = h;
  info.tcpi_unacked = 1;
  if (fastOpening !== null) {
    info.tcpi_unacked = fastOpening.isDeferred ? 0 : fastOpening.sentBytes > 0 ? 2 : 1;
    info.tcpi_fastopen_client_fail = fastOpening.failure;
  }
  if (h.wasRetransmitted) {
    info.tcpi_ca_state = CA_STATE.LOSS;
    info.tcpi_lost = 1;
    info.tcpi_retrans = 1;
  }
  info.tcpi_total_retrans = h.retransmissions;
  info.tcpi_pmtu = path === null ? 0 : path.mtu(tcp.env);
  info.tcpi_advmss = tcp.ourMss(h);
  info.tcpi_rcv_ssthresh = h.rcvWindow();
  info.tcpi_rcv_wnd = h.rcvWindow();
  info.tcpi_rttvar = UNKNOWN_RTTVAR_US;
  info.tcpi_min_rtt = NO_MIN_RTT;
  info.tcpi_snd_ssthresh = INFINITE_SSTHRESH;
  info.tcpi_snd_cwnd = h.wasRetransmitted ? 1 : tcp.firstWindow(h);
  info.tcpi_reordering = tcp.config.reordering;
  info.tcpi_pacing_rate = Infinity;
  info.tcpi_max_pacing_rate = Infinity;
  info.tcpi_segs_out = 1 + h.retransmissions;
}
