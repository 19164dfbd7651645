/** What is still to be said of one group: RFC 3376 §5, RFC 3810 §6; the timer of RFC 2236 §3, RFC 2710 §4. */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { type Address, addressEquals, IpAddress } from '../wire/address.ts';
import { type GroupRecord, RECORD } from '../wire/igmp.ts';
import type { Group } from './group-table.ts';
import { MOST_ASKED, type QuerySources } from './query-sources.ts';
import { type SourceFilter, sourcesOnlyIn } from './source-filter.ts';

class SourceChange {
  readonly source: Address;
  left: number;

  constructor(source: Address, left: number) {
    this.source = source;
    this.left = left;
  }
}

/** What runs when a group's report is due. */
export interface GroupExpiry {
  groupDue(reports: GroupReports): void;
}

export class GroupReports implements Expirable {
  readonly group: Group;
  readonly deadline: Deadline = new Deadline(this);
  private readonly expiry: GroupExpiry;
  /** How often the new filter mode, and each changed source, is still to be reported. */
  private modeLeft = 0;
  private changes: SourceChange[] = [];
  /** Asked for by a group-and-source query; empty while the deadline is armed: the whole group. */
  private asked: Address[] = [];
  /** Older versions: reports of a join still to be sent, and whether ours was the last one heard. */
  private unsolicitedLeft = 0;
  isLastReporter = false;

  constructor(group: Group, expiry: GroupExpiry) {
    this.group = group;
    this.expiry = expiry;
  }

  expire(): void {
    this.expiry.groupDue(this);
  }

  get hasChanges(): boolean {
    return this.modeLeft > 0 || this.changes.length > 0;
  }

  /** The group was left, and is joined again before all was said of that. */
  takeOver(gone: GroupReports): void {
    this.changes = gone.changes;
  }

  /** RFC 3376 §5.1: the difference is told `robustness` times. */
  changed(before: SourceFilter, robustness: number): void {
    const { filter } = this.group;
    if (before.isExclude !== filter.isExclude) {
      this.modeLeft = robustness;
      return;
    }
    this.tell(sourcesOnlyIn(filter.sources, before), robustness);
    this.tell(sourcesOnlyIn(before.sources, filter), robustness);
  }

  /** Tells the whole state again, as after a change of mode. */
  repeat(robustness: number): void {
    this.modeLeft = robustness;
  }

  private tell(sources: readonly Address[], times: number): void {
    for (const source of sources) {
      const known = this.changes.find((c) => addressEquals(c.source, source));
      if (known === undefined) this.changes.push(new SourceChange(source, times));
      else known.left = times;
    }
  }

  /** RFC 3376 §5.1: the records of the next state-change report; each change counts as told once more. */
  takeChanges(into: GroupRecord[]): void {
    const { address: group, filter } = this.group;
    if (this.modeLeft > 0) {
      this.modeLeft--;
      const type = filter.isExclude ? RECORD.TO_EXCLUDE : RECORD.TO_INCLUDE;
      into.push({ type, group, sources: filter.sources });
    } else {
      const allowed = this.changes.map((c) => c.source).filter((s) => filter.admits(s));
      const blocked = this.changes.map((c) => c.source).filter((s) => !filter.admits(s));
      if (allowed.length > 0) into.push({ type: RECORD.ALLOW, group, sources: allowed });
      if (blocked.length > 0) into.push({ type: RECORD.BLOCK, group, sources: blocked });
    }
    for (const c of this.changes) c.left--;
    this.changes = this.changes.filter((c) => c.left > 0);
  }

  /** RFC 3376 §5.2, rules 3 to 5: a query about the group, or about these sources of it. False: nothing to answer. */
  ask(sources: QuerySources): boolean {
    const { filter } = this.group;
    const wasAsked = this.deadline.isArmed;
    if (sources.count === 0 || (wasAsked && this.asked.length === 0)) {
      this.asked = [];
      return true;
    }
    if (!wasAsked) this.asked = [];
    for (let i = 0; i < sources.count; i++) {
      const source = sources.read(i);
      if (!filter.admits(source) || this.isAsked(source)) continue;
      if (this.asked.length === MOST_ASKED) {
        this.asked = [];
        return true;
      }
      this.asked.push(new IpAddress().copy(source));
    }
    return this.asked.length > 0;
  }

  private isAsked(source: Address): boolean {
    for (const a of this.asked) if (addressEquals(a, source)) return true;
    return false;
  }

  /** The answer to what was asked; null where nothing of it is wanted any more. */
  takeAnswer(): GroupRecord | null {
    const { asked } = this;
    this.asked = [];
    if (asked.length === 0) return this.currentState();
    const { address: group, filter } = this.group;
    const sources = asked.filter((s) => filter.admits(s));
    return sources.length === 0 ? null : { type: RECORD.IS_INCLUDE, group, sources };
  }

  currentState(): GroupRecord {
    const { address: group, filter } = this.group;
    const type = filter.isExclude ? RECORD.IS_EXCLUDE : RECORD.IS_INCLUDE;
    return { type, group, sources: filter.sources };
  }

  setUnsolicited(times: number): void {
    this.unsolicitedLeft = times;
  }

  /** A report of an older version leaves: true if the join is to be told once more. */
  reported(): boolean {
    this.isLastReporter = true;
    if (this.unsolicitedLeft > 0) this.unsolicitedLeft--;
    return this.unsolicitedLeft > 0;
  }

  /** RFC 2236 §3: somebody else has reported the group. */
  suppress(): void {
    this.isLastReporter = false;
    this.unsolicitedLeft = 0;
  }

  /** RFC 3376 §7.2.1: another version is spoken from now on. */
  forget(): void {
    this.modeLeft = 0;
    this.changes = [];
    this.asked = [];
    this.unsolicitedLeft = 0;
  }
}
