/**
 * The settings of a stack under Linux's names, in Linux's units. A value acts at once: the code that
 * needs it reads the field.
 *
 * Where Linux keeps a value for each family or each interface and we keep one, both names lead to it;
 * the second is listed as the other's alias.
 */
import { EINVAL, ENOENT } from '../base/errno.ts';
import { MS, SEC } from '../base/time.ts';
import type { NetConfig } from '../net/net-config.ts';

/** The fields of the configuration that hold one number. */
type NumberField = {
  [K in keyof NetConfig]: NetConfig[K] extends number ? K : never;
}[keyof NetConfig];

export interface Sysctl {
  readonly name: string;
  /** One field, or two for a range, or none for a list of ports. */
  readonly fields: readonly NumberField[];
  /** What one unit of Linux's is in ours: nanoseconds for times, 1 for the rest. */
  readonly unit: number;
  readonly min: number;
  readonly max: number;
}

const INT_MAX = 2 ** 31 - 1;

function one(name: string, field: NumberField, min: number, max: number, unit = 1): Sysctl {
  return { name, fields: [field], unit, min, max };
}

const NEIGHBOUR = (family: 'ipv4' | 'ipv6'): readonly Sysctl[] => {
  const base = `net.${family}.neigh.default`;
  return [
    one(`${base}.gc_thresh3`, 'neighbourMax', 1, 1 << 20),
    one(`${base}.unres_qlen_bytes`, 'unresolvedBytes', 0, INT_MAX),
    one(`${base}.base_reachable_time_ms`, 'baseReachableNs', 1, INT_MAX, MS),
    one(`${base}.retrans_time_ms`, 'retransNs', 1, INT_MAX, MS),
    one(`${base}.delay_first_probe_time`, 'delayFirstProbeNs', 0, INT_MAX, SEC),
    one(`${base}.mcast_solicit`, 'multicastSolicit', 1, 255),
    one(`${base}.ucast_solicit`, 'unicastSolicit', 1, 255),
  ];
};

/** A list of ports, not a number. */
const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';

export const SYSCTLS: readonly Sysctl[] = [
  one('net.core.optmem_max', 'optmemMax', 0, INT_MAX),
  one('net.core.rmem_default', 'rmemDefault', 2304, INT_MAX),
  one('net.core.rmem_max', 'rmemMax', 2304, INT_MAX),
  one('net.core.wmem_default', 'wmemDefault', 4608, INT_MAX),
  one('net.core.wmem_max', 'wmemMax', 4608, INT_MAX),
  one(
    'net.ipv4.conf.all.igmpv2_unsolicited_report_interval',
    'igmpv2UnsolicitedNs',
    1,
    INT_MAX,
    MS,
  ),
  one(
    'net.ipv4.conf.all.igmpv3_unsolicited_report_interval',
    'igmpv3UnsolicitedNs',
    1,
    INT_MAX,
    MS,
  ),
  one('net.ipv4.icmp_echo_ignore_all', 'echoIgnoreAll4', 0, 1),
  one('net.ipv4.icmp_echo_ignore_broadcasts', 'echoIgnoreBroadcasts', 0, 1),
  one('net.ipv4.icmp_msgs_burst', 'icmpMessagesBurst', 0, INT_MAX),
  one('net.ipv4.icmp_msgs_per_sec', 'icmpMessagesPerSec', 0, INT_MAX),
  one('net.ipv4.icmp_ratelimit', 'icmpRate4Ns', 0, INT_MAX, MS),
  one('net.ipv4.igmp_link_local_mcast_reports', 'igmpLinkLocalReports', 0, 1),
  one('net.ipv4.igmp_max_memberships', 'igmpMaxMemberships', 0, INT_MAX),
  one('net.ipv4.igmp_max_msf', 'igmpMaxMsf', 0, INT_MAX),
  one('net.ipv4.igmp_qrv', 'igmpRobustness', 1, INT_MAX),
  one('net.ipv4.ip_default_ttl', 'ttl4', 1, 255),
  one('net.ipv4.ip_forward', 'forwarding4', 0, 1),
  {
    name: 'net.ipv4.ip_local_port_range',
    fields: ['localPortFirst', 'localPortLast'],
    unit: 1,
    min: 1,
    max: 65535,
  },
  { name: RESERVED_PORTS, fields: [], unit: 1, min: 0, max: 65535 },
  one('net.ipv4.ipfrag_high_thresh', 'ipfragHighThresh', 0, INT_MAX),
  one('net.ipv4.ipfrag_time', 'ipfragTime4Ns', 0, INT_MAX, SEC),
  ...NEIGHBOUR('ipv4'),
  one('net.ipv4.route.gc_timeout', 'redirectExpiresNs', 0, INT_MAX, SEC),
  one('net.ipv4.route.min_pmtu', 'minPmtu4', 68, 65535),
  one('net.ipv4.route.mtu_expires', 'mtuExpiresNs', 0, INT_MAX, SEC),
  one('net.ipv6.auto_flowlabels', 'autoFlowLabels', 0, 3),
  one('net.ipv6.conf.all.mldv1_unsolicited_report_interval', 'mldv1UnsolicitedNs', 1, INT_MAX, MS),
  one('net.ipv6.conf.all.mldv2_unsolicited_report_interval', 'mldv2UnsolicitedNs', 1, INT_MAX, MS),
  one('net.ipv6.icmp.echo_ignore_all', 'echoIgnoreAll6', 0, 1),
  one('net.ipv6.icmp.echo_ignore_multicast', 'echoIgnoreMulticast6', 0, 1),
  one('net.ipv6.icmp.ratelimit', 'icmpRate6Ns', 0, INT_MAX, MS),
  one('net.ipv6.ip6frag_high_thresh', 'ipfragHighThresh', 0, INT_MAX),
  one('net.ipv6.ip6frag_time', 'ipfragTime6Ns', 0, INT_MAX, SEC),
  one('net.ipv6.max_dst_opts_length', 'dstOptionBytes6', 0, INT_MAX),
  one('net.ipv6.max_dst_opts_number', 'dstOptions6', -INT_MAX, INT_MAX),
  one('net.ipv6.max_hbh_opts_length', 'hopOptionBytes6', 0, INT_MAX),
  one('net.ipv6.max_hbh_opts_number', 'hopOptions6', -INT_MAX, INT_MAX),
  one('net.ipv6.mld_max_msf', 'mldMaxMsf', 0, INT_MAX),
  one('net.ipv6.mld_qrv', 'mldRobustness', 1, INT_MAX),
  ...NEIGHBOUR('ipv6'),
];

/** Slashes are as good as dots, and so is a path under /proc/sys. Undefined: there is no such name. */
export function findSysctl(name: string): Sysctl | undefined {
  const dotted = dottedName(name);
  return SYSCTLS.find((s) => s.name === dotted);
}

export function dottedName(name: string): string {
  return name.replace(/^\/?proc\/sys\//, '').replaceAll('/', '.');
}

/** As the file under /proc/sys shows it. */
export function readSysctl(config: NetConfig, sysctl: Sysctl): string {
  if (sysctl.name === RESERVED_PORTS) return config.reservedPorts.toString();
  return sysctl.fields.map((field) => String(Math.round(config[field] / sysctl.unit))).join('\t');
}

/**
 * Sets it from text. 0, -ENOENT for an unknown name, -EINVAL for what is not a number of the range
 * (or, of a range, first > last); then nothing has changed.
 */
export function writeSysctl(config: NetConfig, name: string, text: string): number {
  const sysctl = findSysctl(name);
  if (sysctl === undefined) return -ENOENT;
  if (sysctl.name === RESERVED_PORTS) return config.reservedPorts.parse(text);
  const words = text.trim().split(/\s+/);
  if (words.length !== sysctl.fields.length) return -EINVAL;
  const values: number[] = [];
  for (const word of words) {
    if (!/^-?\d{1,10}$/.test(word)) return -EINVAL;
    const value = Number(word);
    if (value < sysctl.min || value > sysctl.max) return -EINVAL;
    values.push(value);
  }
  if (values.length === 2 && values[0]! > values[1]!) return -EINVAL;
  for (const [i, field] of sysctl.fields.entries()) config[field] = values[i]! * sysctl.unit;
  return 0;
}
