import { DEFAULT_SLAB_BYTES } from '../base/slab.ts';
import { MS, SEC } from '../base/time.ts';
import { FAST_OPEN } from './fast-open-option.ts';

/** tcp_mem's unit. */
export const TCP_MEM_PAGE = 4096;
/** The least of its second value that Linux sets. */
const LEAST_PRESSURE_PAGES = 128;

/**
 * What can be tuned in TCP, with the defaults of Linux 6.18 and its names without `tcp_`. Code reads the
 * field when it needs the value, so a change acts at once.
 */
export class TcpConfig {
  timestamps = 1;
  sack = 1;
  dsack = 1;
  windowScaling = 1;
  /** RFC 6928: initial congestion window, in segments, where the route says nothing (`initcwnd`). */
  initialWindow = 10;
  /** tcp_fastopen: FAST_OPEN bits. */
  fastOpen: number = FAST_OPEN.CLIENT;
  /** tcp_fastopen_blackhole_timeout_sec: how long none of ours tries it after a sign that something eats them; 0: no pause. */
  fastOpenBlackholeNs = 0;
  synRetries = 6;
  synackRetries = 5;
  /** tcp_syn_linear_timeouts: SYNs sent again before the timeout begins to double. */
  synLinearTimeouts = 4;
  retries1 = 3;
  retries2 = 15;
  /** tcp_mtu_probing: 1 searches the path's MTU once a black hole is suspected, 2 from the start. */
  mtuProbing = 0;
  baseMss = 1024;
  mtuProbeFloor = 48;
  /** tcp_probe_interval, tcp_probe_threshold: when a search begins anew, and is exact enough (bytes). */
  probeIntervalNs = 600 * SEC;
  probeThreshold = 8;
  /** 0: as many as seem wise (give-up.ts). */
  orphanRetries = 0;
  finTimeoutNs = 60 * SEC;
  timeWaitNs = 60 * SEC;
  keepaliveTimeNs = 7200 * SEC;
  keepaliveIntervalNs = 75 * SEC;
  keepaliveProbes = 9;
  /** tcp_thin_linear_timeouts: not 0: as if every socket had TCP_THIN_LINEAR_TIMEOUTS. */
  thinLinearTimeouts = 0;
  minRtoNs = 200 * MS;
  maxRtoNs = 120 * SEC;
  /** Delayed ACK: TCP_ATO_MIN, TCP_DELACK_MAX. */
  delackMinNs = 40 * MS;
  delackMaxNs = 200 * MS;
  /** tcp_comp_sack_delay_ns, tcp_comp_sack_nr */
  compSackDelayNs = 1 * MS;
  compSackNr = 44;
  /** tcp_migrate_req: what waits in a listener that closes goes to one that shares its port. */
  migrateReq = 0;
  /** tcp_tw_reuse: an active open may take the port of a TIME-WAIT: 1 of any, 2 on loopback, tcp_tw_reuse_delay old. */
  twReuse = 2;
  twReuseDelayNs = 1000 * MS;
  /** tcp_max_tw_buckets: half of Linux's hash table where memory does not bound it. */
  maxTwBuckets = 262144;
  /** tcp_max_orphans: Linux's for a GiB of memory. */
  maxOrphans = 4096;
  /** tcp_rfc1337: a RST does not end TIME-WAIT. */
  rfc1337 = 0;
  /** tcp_stdurg: the urgent pointer points at the last urgent byte, not behind it. */
  stdurg = 0;
  reordering = 3;
  maxReordering = 300;
  /** tcp_ecn: 0 never, 1 ask and agree, 2 agree when asked. tcp_ecn_fallback: a SYN that is sent again does not ask. */
  ecn = 2;
  ecnFallback = 1;
  /** net.ringway.tcp_ecn_synack: RFC 5562's SYN-ACK that is ECT. */
  ecnSynack = 0;
  /** net.ringway.tcp_abe: RFC 8511's smaller reduction for marks. Linux has no such thing. */
  abe = 0;
  /** tcp_recovery bit 1: RACK. tcp_early_retrans 3: tail-loss probes. */
  recovery = 1;
  earlyRetrans = 3;
  frto = 2;
  slowStartAfterIdle = 1;
  pacingSsRatio = 200;
  pacingCaRatio = 120;
  minTsoSegs = 2;
  /** Bursts are larger on paths with a minimum RTT below 2^this microseconds, half for each multiple of it. */
  tsoRttLog = 9;
  /** A super-frame is not deferred once 1/this of the window can go; 0: three segments decide. */
  tsoWinDivisor = 3;
  /** tcp_min_rtt_wlen */
  minRttWindowNs = 300 * SEC;
  /** tcp_rmem, tcp_wmem: least, default and most. */
  rmemMin = 4096;
  wmemMin = 4096;
  rmemDefault = 131072;
  rmemMax = 32 << 20;
  wmemDefault = 16384;
  wmemMax = 4 << 20;
  /** tcp_mem, in bytes: where pressure ends and begins, and the limit. */
  memLow: number;
  memPressure: number;
  memHigh: number;
  moderateRcvbuf = 1;
  somaxconn = 4096;
  /** SYNs that a listener remembers, whatever its backlog; the last quarter only for peers known from TIME-WAIT. */
  maxSynBacklog = 4096;
  /** tcp_syncookies: 0 never, 1 when a SYN queue is full, 2 always. */
  syncookies = 1;
  /** tcp_abort_on_overflow: who finds the accept queue full is reset, not left to try again. */
  abortOnOverflow = 0;
  /** tcp_notsent_lowat: unlimited. */
  notsentLowat = 0xffffffff;
  /** tcp_min_snd_mss */
  minSndMss = 48;
  /** tcp_challenge_ack_limit: about so many a second of the host; the default is none. */
  challengeAckLimit = 2 ** 31 - 1;
  /** RFC 5961 §7: challenge ACKs of one connection are this far apart. */
  invalidRatelimitNs = 500 * MS;

  /**
   * @param bytes for TCP: the slab's part that is cut into pages. Linux, where memory has other uses, begins with 1/16 of it;
   * the proportions (3 : 4 : 6) are the same.
   */
  constructor(bytes = DEFAULT_SLAB_BYTES / 4) {
    const pressure = Math.max(Math.floor((bytes * 2) / 3 / TCP_MEM_PAGE), LEAST_PRESSURE_PAGES);
    const low = Math.floor(pressure / 4) * 3;
    this.memLow = low * TCP_MEM_PAGE;
    this.memPressure = pressure * TCP_MEM_PAGE;
    this.memHigh = 2 * low * TCP_MEM_PAGE;
  }
}
