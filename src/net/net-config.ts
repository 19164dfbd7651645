import { MS, SEC } from '../base/time.ts';
import { CONF4, Ipv4Conf } from './ipv4-conf.ts';
import { Ipv6Conf } from './ipv6-conf.ts';
import { PortSet } from './port-set.ts';
import { Revision } from './revision.ts';

/**
 * What can be tuned in the network layer, with Linux's defaults. `stack/sysctl.ts` gives each its
 * Linux name; code reads the field when it needs the value, so a change acts at once.
 */
export class NetConfig {
  /** net.ipv4.ip_default_ttl */
  ttl4 = 64;
  /** net.ipv6.conf.all.hop_limit */
  hopLimit6 = 64;

  /** net.ipv6.auto_flowlabels: 0: packets have no flow label. */
  autoFlowLabels = 1;

  /** net.ipv4.icmp_echo_ignore_all */
  echoIgnoreAll4 = 0;
  /** net.ipv4.icmp_echo_ignore_broadcasts: RFC 1122 §3.2.2.6 lets a host keep silent. */
  echoIgnoreBroadcasts = 1;
  /** net.ipv6.icmp.echo_ignore_all */
  echoIgnoreAll6 = 0;
  /** net.ipv6.icmp.echo_ignore_multicast */
  echoIgnoreMulticast6 = 0;
  /** net.ipv4.icmp_ratelimit, net.ipv6.icmp.ratelimit: between two errors to one destination. */
  icmpRate4Ns = 1000 * MS;
  icmpRate6Ns = 100 * MS;
  /** net.ipv4.icmp_msgs_per_sec and icmp_msgs_burst: over all destinations. */
  icmpMessagesPerSec = 1000;
  icmpMessagesBurst = 50;

  /** net.ipv4.ipfrag_time (and IPv6's ip6frag_time is 60 s, RFC 8200 §4.5). */
  ipfragTime4Ns = 30 * SEC;
  ipfragTime6Ns = 60 * SEC;
  /** net.ipv4.ipfrag_high_thresh: memory in cells for all unfinished datagrams of one family. */
  ipfragHighThresh = 4 << 20;

  /** net.ipv4.route.gc_timeout: how long a redirect is followed. */
  redirectExpiresNs = 300 * SEC;

  /**
   * net.ipv6.max_hbh_opts_number, max_dst_opts_number: the options of one header besides padding; negative: as many, and
   * none that is unknown. max_hbh_opts_length, max_dst_opts_length: its bytes.
   */
  hopOptions6 = 8;
  dstOptions6 = 8;
  hopOptionBytes6 = 0x7fffffff;
  dstOptionBytes6 = 0x7fffffff;

  /** net.ipv4.route.mtu_expires */
  mtuExpiresNs = 600 * SEC;
  /** net.ipv4.route.min_pmtu: below this a "fragmentation needed" is not believed literally. */
  minPmtu4 = 552;

  /** net.ipv4.ip_local_port_range */
  localPortFirst = 32768;
  localPortLast = 60999;
  /** net.ipv4.ip_local_reserved_ports: never chosen; who asks for one by number gets it. */
  readonly reservedPorts = new PortSet();

  /** net.core.rmem_default, rmem_max, wmem_default, wmem_max */
  rmemDefault = 212992;
  rmemMax = 4 << 20;
  wmemDefault = 212992;
  wmemMax = 4 << 20;
  /** net.core.optmem_max: what one socket's unread MSG_ZEROCOPY notifications may take. */
  optmemMax = 128 << 10;

  /** net.ipv4.neigh.default.gc_thresh3: the most entries of one family on one interface. */
  neighbourMax = 1024;
  /** net.ipv4.neigh.default.unres_qlen_bytes: what waits for one unresolved neighbour. */
  unresolvedBytes = 212992;
  /** base_reachable_time_ms: RFC 4861 §6.3.2 draws REACHABLE from 0.5 to 1.5 times this. */
  baseReachableNs = 30 * SEC;
  /** retrans_time_ms, and RFC 4861's RetransTimer. */
  retransNs = 1 * SEC;
  /** delay_first_probe_time */
  delayFirstProbeNs = 5 * SEC;
  /** mcast_solicit, ucast_solicit: RFC 4861 §10's MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT. */
  multicastSolicit = 3;
  unicastSolicit = 3;
  /** net.ipv4.igmp_max_memberships: groups of one socket; igmp_max_msf, mld_max_msf: sources of one group. */
  igmpMaxMemberships = 20;
  igmpMaxMsf = 10;
  mldMaxMsf = 64;
  /** igmp_qrv, mld_qrv: how often a change is told, until a querier says otherwise (RFC 3376 §8.1). */
  igmpRobustness = 2;
  mldRobustness = 2;
  /** igmp_link_local_mcast_reports: 224.0.0.x is reported, for switches that listen. */
  igmpLinkLocalReports = 1;
  /** The longest wait before a report is repeated: RFC 2236 §8.10, RFC 2710 §7.10; RFC 3376 §8.11, RFC 3810 §9.11. */
  igmpv2UnsolicitedNs = 10 * SEC;
  igmpv3UnsolicitedNs = 1 * SEC;
  mldv1UnsolicitedNs = 10 * SEC;
  mldv2UnsolicitedNs = 1 * SEC;

  /** Of our addresses and of net.ipv4.conf: what each packet that comes in is judged by. */
  readonly revision = new Revision();
  /** net.ipv4.conf.all and default. */
  readonly conf4 = new Ipv4Conf(this.revision);
  /** net.ipv6.conf.all and default. */
  readonly conf6 = new Ipv6Conf(null);
  /** What `default` alone says, of whether it is a router: to interfaces that come later. */
  readonly laterConf6 = new Ipv6Conf(this.conf6);

  /** net.ipv4.ip_forward: packets for other hosts are sent on. */
  get forwarding4(): number {
    return this.conf4.all.get(CONF4.FORWARDING);
  }

  set forwarding4(isOn: number) {
    this.conf4.setForwarding(isOn);
  }

  /** net.ipv6.conf.all.forwarding, for interfaces that are not there yet; others are told by `writeConf6Sysctl`. */
  get forwarding6(): number {
    return this.conf6.get('forwarding');
  }

  set forwarding6(isOn: number) {
    this.conf6.set('forwarding', isOn);
  }

  /** net.ipv6.conf.all.dad_transmits */
  get dadTransmits(): number {
    return this.conf6.get('dad_transmits');
  }

  set dadTransmits(count: number) {
    this.conf6.set('dad_transmits', count);
  }
}
