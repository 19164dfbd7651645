/**
 * TCP_INFO in the kernel's binary form: `struct tcp_info` of Linux 6.18, 280 bytes, little-endian as on the
 * machines it is read on. Fields that are bits of a shared byte stand apart below the table.
 */
import type { TcpInfo } from './tcp-info.ts';

export const TCP_INFO_LEN = 280;

type Width = 1 | 2 | 4 | 8;
/** The numbers that have bytes of their own. */
type WholeField = Exclude<
  keyof TcpInfo,
  | 'clear'
  | 'tcpi_snd_wscale'
  | 'tcpi_rcv_wscale'
  | 'tcpi_delivery_rate_app_limited'
  | 'tcpi_fastopen_client_fail'
>;

const WSCALES = 6;
const FLAGS = 7;

export const TCP_INFO_LAYOUT: readonly (readonly [WholeField, offset: number, Width])[] = [
  ['tcpi_state', 0, 1],
  ['tcpi_ca_state', 1, 1],
  ['tcpi_retransmits', 2, 1],
  ['tcpi_probes', 3, 1],
  ['tcpi_backoff', 4, 1],
  ['tcpi_options', 5, 1],
  ['tcpi_rto', 8, 4],
  ['tcpi_ato', 12, 4],
  ['tcpi_snd_mss', 16, 4],
  ['tcpi_rcv_mss', 20, 4],
  ['tcpi_unacked', 24, 4],
  ['tcpi_sacked', 28, 4],
  ['tcpi_lost', 32, 4],
  ['tcpi_retrans', 36, 4],
  ['tcpi_fackets', 40, 4],
  ['tcpi_last_data_sent', 44, 4],
  ['tcpi_last_ack_sent', 48, 4],
  ['tcpi_last_data_recv', 52, 4],
  ['tcpi_last_ack_recv', 56, 4],
  ['tcpi_pmtu', 60, 4],
  ['tcpi_rcv_ssthresh', 64, 4],
  ['tcpi_rtt', 68, 4],
  ['tcpi_rttvar', 72, 4],
  ['tcpi_snd_ssthresh', 76, 4],
  ['tcpi_snd_cwnd', 80, 4],
  ['tcpi_advmss', 84, 4],
  ['tcpi_reordering', 88, 4],
  ['tcpi_rcv_rtt', 92, 4],
  ['tcpi_rcv_space', 96, 4],
  ['tcpi_total_retrans', 100, 4],
  ['tcpi_pacing_rate', 104, 8],
  ['tcpi_max_pacing_rate', 112, 8],
  ['tcpi_bytes_acked', 120, 8],
  ['tcpi_bytes_received', 128, 8],
  ['tcpi_segs_out', 136, 4],
  ['tcpi_segs_in', 140, 4],
  ['tcpi_notsent_bytes', 144, 4],
  ['tcpi_min_rtt', 148, 4],
  ['tcpi_data_segs_in', 152, 4],
  ['tcpi_data_segs_out', 156, 4],
  ['tcpi_delivery_rate', 160, 8],
  ['tcpi_busy_time', 168, 8],
  ['tcpi_rwnd_limited', 176, 8],
  ['tcpi_sndbuf_limited', 184, 8],
  ['tcpi_delivered', 192, 4],
  ['tcpi_delivered_ce', 196, 4],
  ['tcpi_bytes_sent', 200, 8],
  ['tcpi_bytes_retrans', 208, 8],
  ['tcpi_dsack_dups', 216, 4],
  ['tcpi_reord_seen', 220, 4],
  ['tcpi_rcv_ooopack', 224, 4],
  ['tcpi_snd_wnd', 228, 4],
  ['tcpi_rcv_wnd', 232, 4],
  ['tcpi_rehash', 236, 4],
  ['tcpi_total_rto', 240, 2],
  ['tcpi_total_rto_recoveries', 242, 2],
  ['tcpi_total_rto_time', 244, 4],
  ['tcpi_received_ce', 248, 4],
  ['tcpi_delivered_e1_bytes', 252, 4],
  ['tcpi_delivered_e0_bytes', 256, 4],
  ['tcpi_delivered_ce_bytes', 260, 4],
  ['tcpi_received_e1_bytes', 264, 4],
  ['tcpi_received_e0_bytes', 268, 4],
  ['tcpi_received_ce_bytes', 272, 4],
  ['tcpi_accecn_fail_mode', 276, 2],
  ['tcpi_accecn_opt_seen', 278, 2],
];

/** As much of the struct as `bytes` has room for, as getsockopt does it. Returns the bytes written. */
export function writeTcpInfo(info: TcpInfo, bytes: Uint8Array): number {
  const struct = new Uint8Array(TCP_INFO_LEN);
  for (const [field, at, width] of TCP_INFO_LAYOUT) put(struct, at, width, info[field]);
  struct[WSCALES] = info.tcpi_snd_wscale | (info.tcpi_rcv_wscale << 4);
  struct[FLAGS] = info.tcpi_delivery_rate_app_limited | (info.tcpi_fastopen_client_fail << 1);
  const length = Math.min(TCP_INFO_LEN, bytes.length);
  bytes.set(struct.subarray(0, length));
  return length;
}

/** Counters wrap as the kernel's do; Infinity, a rate without a limit, is all ones. */
function put(struct: Uint8Array, at: number, width: Width, value: number): void {
  let rest = value;
  for (let i = 0; i < width; i++) {
    struct[at + i] = value === Infinity ? 0xff : rest % 256;
    rest = Math.floor(rest / 256);
  }
}
