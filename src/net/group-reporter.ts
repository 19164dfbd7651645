/**
 * A host's part of IGMP and of MLD on one interface: one machine for both, as MLD is IGMP translated.
 *
 *     a listener comes, goes, changes its sources   state-change reports: at once, then after random times (§5.1)
 *     a query                                       current-state reports after a random delay (§5.2)
 *     an older querier                              its version, until it has been silent for long enough (§7.2)
 *
 * Sections are RFC 3376's (RFC 3810: §6.1, §6.2, §8.2). Version 1 and 2 are RFC 1112, RFC 2236 and, for MLDv1, RFC 2710:
 * a report for each group, sent to the group, and kept back when another member reports first.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import type { RandomStream } from '../base/rng.ts';
import { SEC } from '../base/time.ts';
import { type Address, addressEquals, isUnspecified, isV4 } from '../wire/address.ts';
import type { GroupRecord } from '../wire/igmp.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { sendLeave, sendOldReport, sendRecords, VERSION } from './group-output.ts';
import { type GroupExpiry, GroupReports } from './group-reports.ts';
import type { Group, GroupWatcher } from './group-table.ts';
import type { Interface } from './interface.ts';
import { CONF4 } from './ipv4-conf.ts';
import type { Network } from './network.ts';
import { QuerySources } from './query-sources.ts';
import type { SourceFilter } from './source-filter.ts';

const CHANGE = 0;
const GENERAL = 1;

/** RFC 3376 §8.2, §8.3: until a querier says otherwise. */
const QUERY_INTERVAL_NS = 125 * SEC;
export const RESPONSE_INTERVAL_NS = 10 * SEC;

export class GroupReporter implements GroupWatcher, GroupExpiry, Expirable {
  /** For the query being read. */
  readonly sources = new QuerySources();
  private readonly net: Network;
  private readonly iface: Interface;
  private readonly isV4: boolean;
  private readonly random: RandomStream;
  private readonly reports = new Map<Group, GroupReports>();
  /** Groups that nobody listens to any more, of which there is still something to say. */
  private gone: GroupReports[] = [];
  private readonly changeDue = new Deadline(this, CHANGE);
  private readonly generalDue = new Deadline(this, GENERAL);
  /** The querier's robustness variable and query interval; 0: it has not said. */
  private saidRobustness = 0;
  private queryIntervalNs = QUERY_INTERVAL_NS;
  /** §7.2.1: the Older Version Querier Present timers. */
  private oneUntilNs = 0;
  private twoUntilNs = 0;
  private spoken: number = VERSION.THREE;

  constructor(net: Network, iface: Interface, v4: boolean) {
    this.net = net;
    this.iface = iface;
    this.isV4 = v4;
    this.random = net.env.rng.stream(`net.${v4 ? 'igmp' : 'mld'}.${iface.index}`);
    for (const group of iface.groups.list(v4)) this.add(group);
  }

  /** Which version is spoken; MLDv1 is TWO. */
  get version(): number {
    const { env } = this.net;
    const forced = this.forcedVersion;
    if (forced !== 0) return this.isV4 ? forced : forced + 1;
    if (env.nowNs < this.oneUntilNs) return VERSION.ONE;
    return env.nowNs < this.twoUntilNs ? VERSION.TWO : VERSION.THREE;
  }

  /** 0: none; of MLD its own numbers. */
  get forcedVersion(): number {
    const { conf4, conf6 } = this.iface;
    if (this.isV4) return conf4.get(CONF4.FORCE_IGMP_VERSION);
    const all = this.net.config.conf6.get('force_mld_version');
    return all === 0 ? conf6.get('force_mld_version') : all;
  }

  get robustness(): number {
    return this.saidRobustness === 0 ? this.ownRobustness : this.saidRobustness;
  }

  private get ownRobustness(): number {
    const { config } = this.net;
    return this.isV4 ? config.igmpRobustness : config.mldRobustness;
  }

  groupChanged(group: Group, before: SourceFilter): void {
    if (!this.isReported(group.address)) return;
    this.settleVersion();
    const isJoin = before.isNobody && !this.reports.has(group);
    const r = this.reports.get(group) ?? this.add(group);
    const isLeave = group.users === 0;
    if (isLeave) this.remove(r);
    if (this.spoken === VERSION.THREE) {
      r.changed(before, this.robustness);
      if (isLeave && r.hasChanges) this.gone.push(r);
      if (r.hasChanges) this.armChange(0);
    } else if (isJoin) {
      r.setUnsolicited(this.robustness);
      this.armGroup(r, 0);
    } else if (isLeave && r.isLastReporter && this.spoken === VERSION.TWO) {
      sendLeave(this.net, this.iface, group.address);
    }
  }

  /** The first link-local address is ours: what was said from `::` is said again (RFC 3590 §4, as Linux does). */
  tellAgain(): void {
    this.settleVersion();
    if (this.spoken !== VERSION.THREE || this.reports.size === 0) return;
    for (const r of this.reports.values()) r.repeat(this.robustness);
    this.armChange(0);
  }

  /**
   * §7.2.1: an older querier speaks; from now on so do we, for as long as it may be silent between two queries. An older
   * query names neither robustness nor interval. What another one said of them shortens the time, and never makes it
   * longer than our own values do (§8.12: 260 s): or one lie (7 times 31,744 s) would last for days.
   */
  olderQuery(version: number, responseNs: number): void {
    const { nowNs } = this.net.env;
    const robustness = Math.min(this.robustness, this.ownRobustness);
    const untilNs =
      nowNs + robustness * Math.min(this.queryIntervalNs, QUERY_INTERVAL_NS) + responseNs;
    if (version === VERSION.ONE) this.oneUntilNs = untilNs;
    else this.twoUntilNs = untilNs;
  }

  /** §4.1.6, §4.1.7: the querier's own values are taken; 0 says that it has none to tell. */
  querierSays(robustness: number, intervalSeconds: number): void {
    this.saidRobustness = robustness;
    this.queryIntervalNs = intervalSeconds === 0 ? QUERY_INTERVAL_NS : intervalSeconds * SEC;
  }

  /** §5.2. `about` unspecified: all groups. Returns the fate of the packet that asked. */
  query(about: Address, sources: QuerySources, delayNs: number): number {
    return this.concerns(about, sources, delayNs) ? ACCEPTED : DROP.GROUP_NOT_OURS;
  }

  private concerns(about: Address, sources: QuerySources, delayNs: number): boolean {
    this.settleVersion();
    const isGeneral = isUnspecified(about);
    if (this.spoken !== VERSION.THREE) return this.queryOld(about, isGeneral, delayNs);
    if (isGeneral) {
      if (this.reports.size > 0) this.armSooner(this.generalDue, delayNs);
      return this.reports.size > 0;
    }
    const r = this.find(about);
    if (r === undefined || !r.ask(sources)) return false;
    const { generalDue } = this;
    const isAnswered = generalDue.isArmed && generalDue.dueNs <= this.net.env.nowNs + delayNs;
    // Rule 1: an answer about everything that comes soon enough answers this as well.
    if (!isAnswered || r.deadline.isArmed) this.armSooner(r.deadline, delayNs);
    return true;
  }

  private queryOld(about: Address, isGeneral: boolean, delayNs: number): boolean {
    if (isGeneral) {
      for (const r of this.reports.values()) this.armSooner(r.deadline, delayNs);
      return this.reports.size > 0;
    }
    const r = this.find(about);
    if (r !== undefined) this.armSooner(r.deadline, delayNs);
    return r !== undefined;
  }

  /** RFC 2236 §3, RFC 2710 §4: another member has reported the group. RFC 3376 §7.2.2 allows it in version 3 too. */
  heardReport(about: Address): number {
    const r = this.find(about);
    if (r === undefined) return DROP.GROUP_NOT_OURS;
    this.net.deadlines.disarm(r.deadline);
    r.suppress();
    return ACCEPTED;
  }

  expire(which: number): void {
    this.settleVersion();
    if (this.spoken !== VERSION.THREE) return;
    if (which === GENERAL) this.sendAll();
    else this.sendChanges();
  }

  /** §5.2: the group's own timer; in the older versions, its report. */
  groupDue(r: GroupReports): void {
    this.settleVersion();
    const { net, iface, isV4: v4 } = this;
    if (this.spoken === VERSION.THREE) {
      const answer = r.takeAnswer();
      if (answer !== null) sendRecords(net, iface, v4, [answer]);
      return;
    }
    sendOldReport(net, iface, r.group.address, this.spoken);
    if (r.reported()) this.armGroup(r, this.unsolicitedNs());
  }

  /** The interface goes: nothing is said any more. */
  stop(): void {
    this.forget();
    this.reports.clear();
  }

  private sendAll(): void {
    const records: GroupRecord[] = [];
    for (const r of this.reports.values()) records.push(r.currentState());
    if (records.length > 0) sendRecords(this.net, this.iface, this.isV4, records);
  }

  private sendChanges(): void {
    const records: GroupRecord[] = [];
    for (const r of this.gone) if (r.hasChanges) r.takeChanges(records);
    for (const r of this.reports.values()) if (r.hasChanges) r.takeChanges(records);
    this.gone = this.gone.filter((r) => r.hasChanges);
    if (records.length > 0) sendRecords(this.net, this.iface, this.isV4, records);
    let isMore = this.gone.length > 0;
    for (const r of this.reports.values()) isMore ||= r.hasChanges;
    if (isMore) this.armChange(this.unsolicitedNs());
  }

  private unsolicitedNs(): number {
    const { config } = this.net;
    const isNewest = this.spoken === VERSION.THREE;
    if (this.isV4) return isNewest ? config.igmpv3UnsolicitedNs : config.igmpv2UnsolicitedNs;
    return isNewest ? config.mldv2UnsolicitedNs : config.mldv1UnsolicitedNs;
  }

  /** §7.2.1: another version than before: what was pending in the old one is forgotten. */
  private settleVersion(): void {
    const { version } = this;
    if (version === this.spoken) return;
    this.spoken = version;
    this.forget();
  }

  private forget(): void {
    const { deadlines } = this.net;
    deadlines.disarm(this.changeDue);
    deadlines.disarm(this.generalDue);
    for (const r of this.reports.values()) {
      deadlines.disarm(r.deadline);
      r.forget();
    }
    this.gone = [];
  }

  /**
   * RFC 2236 §6, RFC 2710 §5, RFC 3810 §6: all hosts and all nodes are never reported, nor is what does not leave the
   * node (scopes 0 and 1). 224.0.0.x is, unless told otherwise.
   */
  private isReported(group: Address): boolean {
    if (isV4(group)) {
      const isLinkLocal = group.w3 >>> 8 === 0xe00000;
      return group.w3 !== ALL_HOSTS && (!isLinkLocal || this.net.config.igmpLinkLocalReports !== 0);
    }
    const scope = (group.w0 >>> 16) & 15;
    const isAllNodes = group.w0 === ALL_NODES_HIGH && group.w3 === 1 && (group.w1 | group.w2) === 0;
    return scope > 1 && !isAllNodes;
  }

  private add(group: Group): GroupReports {
    const r = new GroupReports(group, this);
    if (!this.isReported(group.address)) return r;
    const left = this.gone.find((g) => addressEquals(g.group.address, group.address));
    if (left !== undefined) {
      r.takeOver(left);
      this.gone.splice(this.gone.indexOf(left), 1);
    }
    this.reports.set(group, r);
    return r;
  }

  private remove(r: GroupReports): void {
    this.net.deadlines.remove(r.deadline);
    this.reports.delete(r.group);
  }

  private find(about: Address): GroupReports | undefined {
    const group = this.iface.groups.find(about);
    return group === null ? undefined : this.reports.get(group);
  }

  private armChange(withinNs: number): void {
    this.arm(this.changeDue, withinNs);
  }

  private armGroup(r: GroupReports, withinNs: number): void {
    this.arm(r.deadline, withinNs);
  }

  /** RFC 2236 §3: a timer that runs is set anew only if it would come too late. */
  private armSooner(d: Deadline, delayNs: number): void {
    if (d.isArmed && d.dueNs <= this.net.env.nowNs + delayNs) return;
    this.arm(d, delayNs);
  }

  /** At a random time within `withinNs`; 0: at once. */
  private arm(d: Deadline, withinNs: number): void {
    const waitNs = withinNs === 0 ? 0 : Math.floor(this.random.unit() * withinNs);
    this.net.deadlines.arm(d, this.net.env.nowNs + waitNs);
  }
}

export const ALL_HOSTS = 0xe0000001 | 0;
const ALL_NODES_HIGH = 0xff020000 | 0;

/** Routers are told of the interface's groups from now on: those that it has, and each change. */
export function startGroupReports(net: Network, iface: Interface): void {
  iface.setReporters(new GroupReporter(net, iface, true), new GroupReporter(net, iface, false));
}

export function stopGroupReports(iface: Interface): void {
  iface.igmp?.stop();
  iface.mld?.stop();
  iface.setReporters(null, null);
}
