/** TCP's settings under Linux's names, in Linux's units: what `sysctl net.ipv4.tcp_…` shows and sets. */
import { EACCES, EINVAL, ENOENT } from '../base/errno.ts';
import { MS, SEC, US } from '../base/time.ts';
import { FastOpenKeys } from '../tcp/fast-open-keys.ts';
import type { Tcp } from '../tcp/tcp.ts';
import { TCP_MEM_PAGE, type TcpConfig } from '../tcp/tcp-config.ts';

/** The fields of the configuration that hold one number. */
type NumberField = {
  [K in keyof TcpConfig]: TcpConfig[K] extends number ? K : never;
}[keyof TcpConfig];

export interface TcpSysctl {
  readonly name: string;
  /** In the order of the file; tcp_mem, tcp_rmem and tcp_wmem have three. */
  readonly fields: readonly NumberField[];
  /** What one unit of Linux's is in ours. */
  readonly unit: number;
  readonly min: number;
  readonly max: number;
}

const INT_MAX = 2 ** 31 - 1;
const UINT_MAX = 2 ** 32 - 1;

function tcp(name: string, field: NumberField, min: number, max: number, unit = 1): TcpSysctl {
  return { name: `net.ipv4.tcp_${name}`, fields: [field], unit, min, max };
}

export const TCP_SYSCTLS: readonly TcpSysctl[] = [
  { name: 'net.ringway.tcp_abe', fields: ['abe'], unit: 1, min: 0, max: 1 },
  { name: 'net.ringway.tcp_ecn_synack', fields: ['ecnSynack'], unit: 1, min: 0, max: 1 },
  { name: 'net.core.somaxconn', fields: ['somaxconn'], unit: 1, min: 0, max: INT_MAX },
  tcp('abort_on_overflow', 'abortOnOverflow', 0, 255),
  tcp('base_mss', 'baseMss', 48, 65535),
  tcp('challenge_ack_limit', 'challengeAckLimit', 0, INT_MAX),
  tcp('comp_sack_delay_ns', 'compSackDelayNs', 0, INT_MAX),
  tcp('comp_sack_nr', 'compSackNr', 0, 255),
  tcp('dsack', 'dsack', 0, 1),
  tcp('ecn', 'ecn', 0, 2),
  tcp('ecn_fallback', 'ecnFallback', 0, 1),
  tcp('early_retrans', 'earlyRetrans', 0, 4),
  tcp('fastopen', 'fastOpen', 0, INT_MAX),
  tcp('fastopen_blackhole_timeout_sec', 'fastOpenBlackholeNs', 0, INT_MAX, SEC),
  tcp('fin_timeout', 'finTimeoutNs', 0, INT_MAX, SEC),
  tcp('frto', 'frto', 0, 255),
  tcp('invalid_ratelimit', 'invalidRatelimitNs', 0, INT_MAX, MS),
  tcp('keepalive_intvl', 'keepaliveIntervalNs', 1, INT_MAX, SEC),
  tcp('keepalive_probes', 'keepaliveProbes', 0, 255),
  tcp('keepalive_time', 'keepaliveTimeNs', 1, INT_MAX, SEC),
  tcp('max_orphans', 'maxOrphans', 0, INT_MAX),
  tcp('max_reordering', 'maxReordering', 0, INT_MAX),
  tcp('max_syn_backlog', 'maxSynBacklog', 0, INT_MAX),
  tcp('max_tw_buckets', 'maxTwBuckets', 0, INT_MAX),
  {
    name: 'net.ipv4.tcp_mem',
    fields: ['memLow', 'memPressure', 'memHigh'],
    unit: TCP_MEM_PAGE,
    min: 0,
    max: INT_MAX,
  },
  tcp('migrate_req', 'migrateReq', 0, 1),
  tcp('min_rtt_wlen', 'minRttWindowNs', 0, 86400, SEC),
  tcp('min_snd_mss', 'minSndMss', 48, 65535),
  tcp('min_tso_segs', 'minTsoSegs', 1, 255),
  tcp('moderate_rcvbuf', 'moderateRcvbuf', 0, 255),
  tcp('mtu_probe_floor', 'mtuProbeFloor', 48, 65535),
  tcp('mtu_probing', 'mtuProbing', 0, 255),
  tcp('notsent_lowat', 'notsentLowat', 0, UINT_MAX),
  tcp('orphan_retries', 'orphanRetries', 0, 255),
  tcp('pacing_ca_ratio', 'pacingCaRatio', 0, 1000),
  tcp('pacing_ss_ratio', 'pacingSsRatio', 0, 1000),
  tcp('probe_interval', 'probeIntervalNs', 0, UINT_MAX, SEC),
  tcp('probe_threshold', 'probeThreshold', 0, INT_MAX),
  tcp('recovery', 'recovery', 0, 255),
  tcp('reordering', 'reordering', 0, INT_MAX),
  tcp('retries1', 'retries1', 0, 255),
  tcp('retries2', 'retries2', 0, 255),
  tcp('rfc1337', 'rfc1337', 0, 255),
  {
    name: 'net.ipv4.tcp_rmem',
    fields: ['rmemMin', 'rmemDefault', 'rmemMax'],
    unit: 1,
    min: 1,
    max: INT_MAX,
  },
  tcp('rto_max_ms', 'maxRtoNs', 1000, 120000, MS),
  tcp('rto_min_us', 'minRtoNs', 1, INT_MAX, US),
  tcp('sack', 'sack', 0, 1),
  tcp('slow_start_after_idle', 'slowStartAfterIdle', 0, 1),
  tcp('stdurg', 'stdurg', 0, 255),
  tcp('syn_linear_timeouts', 'synLinearTimeouts', 0, 127),
  tcp('syn_retries', 'synRetries', 1, 127),
  tcp('synack_retries', 'synackRetries', 0, 255),
  tcp('syncookies', 'syncookies', 0, 2),
  tcp('thin_linear_timeouts', 'thinLinearTimeouts', 0, 255),
  tcp('timestamps', 'timestamps', 0, 2),
  tcp('tso_rtt_log', 'tsoRttLog', 0, 255),
  tcp('tso_win_divisor', 'tsoWinDivisor', 0, INT_MAX),
  tcp('tw_reuse', 'twReuse', 0, 2),
  tcp('tw_reuse_delay', 'twReuseDelayNs', 1, 60000, MS),
  tcp('window_scaling', 'windowScaling', 0, 1),
  {
    name: 'net.ipv4.tcp_wmem',
    fields: ['wmemMin', 'wmemDefault', 'wmemMax'],
    unit: 1,
    min: 1,
    max: INT_MAX,
  },
];

const CONGESTION_CONTROL = 'net.ipv4.tcp_congestion_control';
const FAST_OPEN_KEY = 'net.ipv4.tcp_fastopen_key';
/** What is registered, and what an application without privileges may choose of it. */
export const AVAILABLE_CC = 'net.ipv4.tcp_available_congestion_control';
export const ALLOWED_CC = 'net.ipv4.tcp_allowed_congestion_control';
/** Those that are names, not numbers. */
export const CC_SYSCTLS: readonly string[] = [CONGESTION_CONTROL, AVAILABLE_CC, ALLOWED_CC];

export const findTcpSysctl = (name: string): TcpSysctl | undefined =>
  TCP_SYSCTLS.find((sysctl) => sysctl.name === name);

/** As the file under /proc/sys shows it; undefined when TCP has no such name. */
export function readTcpSysctl(tcp: Tcp, name: string): string | undefined {
  if (name === CONGESTION_CONTROL) return tcp.ccModules.defaultModule.name;
  if (name === AVAILABLE_CC) return tcp.ccModules.available().join(' ');
  if (name === ALLOWED_CC) return tcp.ccModules.allowed().join(' ');
  if (name === FAST_OPEN_KEY) return FastOpenKeys.toText(tcp.fastOpenServer.keys);
  const sysctl = findTcpSysctl(name);
  if (sysctl === undefined) return undefined;
  const { fields, unit } = sysctl;
  return fields.map((field) => String(Math.round(tcp.config[field] / unit))).join('\t');
}

/**
 * Sets it from text: 0, -EACCES for what can only be read, -ENOENT for an unknown name (or congestion control), -EINVAL for what is not as many
 * numbers of the range; then nothing has changed. New values act at once, those of buffers on new sockets.
 */
export function writeTcpSysctl(tcp: Tcp, name: string, text: string): number {
  if (name === CONGESTION_CONTROL) return tcp.ccModules.setDefault(text.trim());
  if (name === ALLOWED_CC)
    return tcp.ccModules.setAllowed(text.split(/\s+/).filter((w) => w !== ''));
  if (name === AVAILABLE_CC) return -EACCES;
  if (name === FAST_OPEN_KEY) return setFastOpenKeys(tcp, text);
  const sysctl = findTcpSysctl(name);
  if (sysctl === undefined) return -ENOENT;
  const words = text.trim().split(/\s+/);
  if (words.length !== sysctl.fields.length) return -EINVAL;
  const values: number[] = [];
  for (const word of words) {
    // Bits are often written in hexadecimal.
    if (!/^(\d{1,10}|0x[0-9a-fA-F]{1,8})$/.test(word)) return -EINVAL;
    const value = Number(word);
    if (value < sysctl.min || value > sysctl.max) return -EINVAL;
    values.push(value * sysctl.unit);
  }
  for (const [i, field] of sysctl.fields.entries()) tcp.config[field] = values[i]!;
  return 0;
}

/** One key, or two: the cookies of the second are still good. */
function setFastOpenKeys(tcp: Tcp, text: string): number {
  const keys = FastOpenKeys.fromText(text.trim());
  if (keys === null) return -EINVAL;
  tcp.fastOpenServer.setKeys(keys);
  return 0;
}
