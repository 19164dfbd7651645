/**
 * The neighbours of one interface: RFC 4861's unreachability detection, which ARP feeds as well as NDP.
 *
 *                 resolve                answered                  ReachableTime
 *      (none) ─────────────▶ INCOMPLETE ─────────▶ REACHABLE ─────────────────▶ STALE ◀── a claim (NS, ARP request)
 *                               │ 3 unanswered      ▲  ▲  ▲ confirm               │ resolve
 *                               ▼                   │  │  └────────── DELAY ◀─────┘
 *                             FAILED ◀── 3 unan- ── PROBE ◀─── 5 s ────┘
 *                               │        swered
 *                               └── resolve ──▶ INCOMPLETE
 *
 * ARP and NDP differ only in how they ask (`NeighbourProtocol`) and in what they read from a frame
 * (`learn`). A confirmation in REACHABLE writes one time; its deadline is pushed back when it comes up.
 */
import { assert } from '../base/assert.ts';
import type { CellStore } from '../base/cell-store.ts';
import type { DeadlineQueue, Expirable } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import { ENOBUFS, ENOENT } from '../base/errno.ts';
import type { RandomStream } from '../base/rng.ts';
import { NEVER } from '../base/time.ts';
import { type Address, ANY6, IpAddress } from '../wire/address.ts';
import { IPV6_SRC } from '../wire/ipv6.ts';
import type { MacAddress } from '../wire/mac.ts';
import { HeldPackets } from './held-packets.ts';
import { NEIGHBOUR } from './mib.ts';
import { type Neighbour, NUD } from './neighbour.ts';
import { NeighbourCache } from './neighbour-cache.ts';
import type { NeighbourHost, NeighbourOutput, NeighbourProtocol } from './neighbour-host.ts';
import type { NeighbourTimes } from './neighbour-times.ts';
import type { NetConfig } from './net-config.ts';
import { SolicitHistory } from './solicit-history.ts';

/** How an observation reached us: the bits of `learn`. */
export const LEARN = {
  /** An answer to a question of ours. */
  SOLICITED: 1,
  /** A link-layer address that differs replaces the one we have. */
  OVERRIDE: 2,
  /** The message carries a link-layer address. */
  LINK: 4,
  /** It may make an entry: a message sent to us by the neighbour itself, about itself. */
  CREATE: 8,
  /** The message says whether the neighbour is a router, and it is if ROUTER is set too. */
  SAYS_ROUTER: 16,
  ROUTER: 32,
} as const;

export class NeighbourTable implements Expirable {
  /** For the addresses in the ARP or NDP message being read. */
  readonly scratch = new IpAddress();

  private readonly cells: CellStore;
  private readonly held: HeldPackets;
  private readonly cache: NeighbourCache;
  private readonly history: SolicitHistory;

  private readonly env: Env;
  /** Scratch: a time that is passed in a field is not boxed. */
  private readonly until = { dueNs: NEVER };
  private readonly deadlines: DeadlineQueue;
  private readonly config: NetConfig;
  private readonly random: RandomStream;
  private readonly protocol: NeighbourProtocol;
  private readonly output: NeighbourOutput;

  constructor(host: NeighbourHost, protocol: NeighbourProtocol, output: NeighbourOutput) {
    this.env = host.env;
    this.deadlines = host.deadlines;
    this.config = host.config;
    this.random = host.random;
    this.protocol = protocol;
    this.output = output;
    this.cells = host.env.memory.cells;
    this.held = new HeldPackets(this.cells, host.config);
    this.cache = new NeighbourCache(this, host.mib, host.random);
    this.history = new SolicitHistory(host.random);
  }

  /**
   * The next hop of a packet about to leave, made if there is none; null when all places are taken by
   * neighbours in use. If it is not usable, `hold` the packet: the first one held sends the question
   * (at the latest the next firing of deadlines does). As on Linux it is not counted: that would be for every packet.
   */
  resolve(address: Address): Neighbour | null {
    const n = this.cache.find(address);
    if (n === null) return this.resolveNew(address);
    if (n.state === NUD.STALE) this.enterDelay(n);
    else if (n.state === NUD.FAILED) this.enterIncomplete(n);
    return n;
  }

  /** No side effects. */
  find(address: Address): Neighbour | null {
    return this.cache.find(address);
  }

  /**
   * Copies a packet of `headerLen` + `payloadLen` bytes, starting with its IP header, to wait for the
   * neighbour. `csum`: 0, or a partial checksum's start << 16 | offset relative to the IP header. `priority`: SO_PRIORITY's.
   * Beyond `unresolvedBytes` the oldest go, counted. 0, or -ENOBUFS when no cells are free.
   */
  hold(
    n: Neighbour,
    headerOff: number,
    headerLen: number,
    payloadOff: number,
    payloadLen: number,
    csum: number,
    priority: number,
  ): number {
    assert(n.state === NUD.INCOMPLETE, 'packets wait only while a neighbour is being asked for');
    const result = this.held.push(n, headerOff, headerLen, payloadOff, payloadLen, csum, priority);
    if (n.probes === 0) {
      const dv = this.env.memory.slab.dv;
      if (n.family.isV4) n.source.readV4(dv, headerOff + 12);
      else n.source.readV6(dv, headerOff + IPV6_SRC);
      if (this.env.nowNs >= n.notBeforeNs) this.solicit(n, false);
    }
    return result;
  }

  /** RFC 4861 §7.3.1: an upper layer has seen its packets arrive there. Cheap enough for every ACK. */
  confirm(n: Neighbour): void {
    if (n.state === NUD.REACHABLE) n.confirmedNs = this.env.nowNs;
    else if ((n.state & (NUD.STALE | NUD.DELAY | NUD.PROBE)) !== 0) this.enterReachable(n);
  }

  /**
   * What ARP or NDP saw of an address (RFC 4861 §7.2.3, §7.2.5; RFC 826's merge). `how`: bits of LEARN.
   * Returns the entry, or null when there is none and none was made.
   */
  learn(address: Address, macHigh: number, macLow: number, how: number): Neighbour | null {
    const n = this.cache.find(address);
    const { mib } = this.cache.familyOf(address);
    mib.count(NEIGHBOUR.Lookups);
    if (n !== null) mib.count(NEIGHBOUR.Hits);
    if (n === null || n.state === NUD.FAILED) return this.claim(n, address, macHigh, macLow, how);
    if (n.state === NUD.PERMANENT) return n;
    if (n.state === NUD.INCOMPLETE) {
      if ((how & LEARN.LINK) !== 0) this.answered(n, macHigh, macLow, how);
      return n;
    }
    const isOther = (how & LEARN.LINK) !== 0 && (macHigh !== n.macHigh || macLow !== n.macLow);
    if (isOther && (how & LEARN.OVERRIDE) === 0) {
      // RFC 4861 §7.2.5 I: doubt what we have, but do not believe the other either.
      if (n.state === NUD.REACHABLE) this.enterStale(n);
      return n;
    }
    if (isOther) this.setLink(n, macHigh, macLow);
    this.noteRouter(n, how);
    if ((how & LEARN.SOLICITED) !== 0) this.enterReachable(n);
    else if (isOther) this.enterStale(n);
    return n;
  }

  /** From the administrator. Permanent entries never change or go by themselves. 0 or -ENOBUFS. */
  set(address: Address, mac: MacAddress, isPermanent: boolean): number {
    return this.put(address, mac, isPermanent ? NUD.PERMANENT : NUD.REACHABLE, false);
  }

  /** The same in any usable state of NUD. */
  put(address: Address, mac: MacAddress, state: number, isRouter: boolean): number {
    const n = this.cache.find(address) ?? this.make(address, true);
    if (n === null) return -ENOBUFS;
    n.wasUsed = true;
    n.isRouter = isRouter;
    this.setLink(n, mac.high, mac.low);
    this.deadlines.disarm(n.deadline);
    if (state === NUD.REACHABLE) this.enterReachable(n);
    else if (state === NUD.DELAY) this.enterDelay(n);
    else if (state === NUD.PROBE) this.enterProbe(n);
    else this.enter(n, state);
    this.sendHeld(n);
    return 0;
  }

  /** From the administrator: what waits for it is given up, and who needs it next asks anew. 0 or -ENOBUFS. */
  fail(address: Address): number {
    const n = this.cache.find(address) ?? this.make(address, true);
    if (n === null) return -ENOBUFS;
    this.deadlines.disarm(n.deadline);
    this.enterFailed(n);
    return 0;
  }

  /** 0 or -ENOENT. Packets that waited for it are dropped and counted. */
  remove(address: Address): number {
    const n = this.cache.find(address);
    if (n === null) return -ENOENT;
    this.forget(n);
    return 0;
  }

  /** The link went down: what we knew of it is void. Permanent entries stay, as on Linux. */
  clear(): void {
    for (const n of this.cache.inUse()) if (n.state !== NUD.PERMANENT) this.forget(n);
  }

  /** RFC 4861 §6.3.2: of IPv6, as configured or advertised. */
  get times6(): NeighbourTimes {
    return this.cache.v6.times;
  }

  /** All entries, for listings. Borrowed. */
  entries(): readonly Neighbour[] {
    return this.cache.inUse();
  }

  /** Bytes of cells that wait. */
  get heldBytes(): number {
    return this.held.bytes;
  }

  expire(which: number): void {
    const n = this.cache.at(which);
    switch (n.state) {
      case NUD.INCOMPLETE:
        if (n.probes < this.config.multicastSolicit) this.solicit(n, false);
        else this.giveUp(n);
        return;
      case NUD.REACHABLE:
        if (n.confirmedNs + n.family.times.reachableNs > this.env.nowNs) {
          this.deadlines.arm(n.deadline, n.confirmedNs + n.family.times.reachableNs);
        } else this.enterStale(n);
        return;
      case NUD.DELAY:
        this.enterProbe(n);
        return;
      case NUD.PROBE:
        if (n.probes < this.config.unicastSolicit) this.solicit(n, true);
        else this.giveUp(n);
        return;
      default:
        assert(false, 'a neighbour without a timer has timed out');
    }
  }

  private resolveNew(address: Address): Neighbour | null {
    const n = this.make(address, true);
    if (n === null) return null;
    n.wasUsed = true;
    n.notBeforeNs = this.history.earliestNs(address);
    this.enterIncomplete(n);
    return n;
  }

  /** An entry in no state yet, or null: no place. `isForUse`: we want to send to it. */
  private make(address: Address, isForUse: boolean): Neighbour | null {
    const family = this.cache.familyOf(address);
    const most = this.config.neighbourMax;
    if (family.count >= most) {
      const victim = isForUse ? family.victimForUse(most) : family.victimForClaim();
      if (victim === null) {
        family.mib.count(NEIGHBOUR.TableFulls);
        return null;
      }
      this.forget(victim);
    }
    family.mib.count(NEIGHBOUR.Allocs);
    const n = this.cache.add(address);
    n.macHigh = 0;
    n.macLow = 0;
    n.isRouter = false;
    n.wasUsed = false;
    n.wasProven = false;
    n.notBeforeNs = 0;
    n.source.copy(ANY6);
    return n;
  }

  private forget(n: Neighbour): void {
    const isUnanswered = n.state === NUD.INCOMPLETE;
    if (isUnanswered && n.notBeforeNs > this.env.nowNs) this.history.note(n.identity, n);
    this.held.discardAll(n);
    this.deadlines.remove(n.deadline);
    n.state = NUD.NONE;
    n.family.mib.count(NEIGHBOUR.Destroys);
    this.cache.remove(n);
  }

  /** Somebody we know nothing of, or whom we gave up, says that he is there. */
  private claim(
    known: Neighbour | null,
    address: Address,
    macHigh: number,
    macLow: number,
    how: number,
  ): Neighbour | null {
    const wanted = LEARN.CREATE | LEARN.LINK;
    if ((how & wanted) !== wanted) return null;
    const n = known ?? this.make(address, false);
    if (n === null) return null;
    this.setLink(n, macHigh, macLow);
    this.noteRouter(n, how);
    this.enterStale(n);
    this.protocol.answered(n);
    return n;
  }

  private answered(n: Neighbour, macHigh: number, macLow: number, how: number): void {
    this.setLink(n, macHigh, macLow);
    this.noteRouter(n, how);
    if ((how & LEARN.SOLICITED) !== 0) this.enterReachable(n);
    else this.enterStale(n);
    this.protocol.answered(n);
    this.sendHeld(n);
  }

  private setLink(n: Neighbour, macHigh: number, macLow: number): void {
    n.macHigh = macHigh;
    n.macLow = macLow;
    n.linkSetNs = this.env.nowNs;
  }

  private noteRouter(n: Neighbour, how: number): void {
    if ((how & LEARN.SAYS_ROUTER) !== 0) n.isRouter = (how & LEARN.ROUTER) !== 0;
  }

  private enterIncomplete(n: Neighbour): void {
    n.probes = 0;
    n.wasUsed = true;
    this.enter(n, NUD.INCOMPLETE);
    this.deadlines.arm(n.deadline, Math.max(this.env.nowNs, n.notBeforeNs));
  }

  private enterReachable(n: Neighbour): void {
    n.confirmedNs = this.env.nowNs;
    n.wasProven = true;
    n.family.times.draw(this.env, this.config, this.random);
    this.enter(n, NUD.REACHABLE);
    this.until.dueNs = n.confirmedNs + n.family.times.reachableNs;
    this.deadlines.armAs(n.deadline, this.until);
    this.sendHeld(n);
  }

  private enterStale(n: Neighbour): void {
    this.deadlines.disarm(n.deadline);
    this.enter(n, NUD.STALE);
  }

  /** RFC 4861 §7.3.3: the first packet to a stale neighbour; an upper layer may still confirm it. */
  private enterDelay(n: Neighbour): void {
    n.wasUsed = true;
    this.enter(n, NUD.DELAY);
    this.deadlines.arm(n.deadline, this.env.nowNs + this.config.delayFirstProbeNs);
  }

  private enterProbe(n: Neighbour): void {
    this.enter(n, NUD.PROBE);
    n.probes = 0;
    this.solicit(n, true);
  }

  private giveUp(n: Neighbour): void {
    n.family.mib.count(NEIGHBOUR.ResFailed);
    this.enterFailed(n);
  }

  private enterFailed(n: Neighbour): void {
    n.macHigh = 0;
    n.macLow = 0;
    n.isRouter = false;
    n.wasUsed = false;
    n.wasProven = false;
    n.source.copy(ANY6);
    this.enter(n, NUD.FAILED);
    this.protocol.failed(n);
    for (let left = this.held.countOf(n); left > 0 && this.held.take(n); left--) {
      const chain = this.held.chain;
      this.output.unreachable(n, chain, this.held.len);
      this.cells.release(chain);
    }
  }

  private enter(n: Neighbour, state: number): void {
    n.state = state;
    this.cache.place(n);
    this.env.trace.event('neighbour.state', state, n.identity.w3);
  }

  /** Only what waited before: what a callback adds waits for its own turn. */
  private sendHeld(n: Neighbour): void {
    const count = this.held.countOf(n);
    if (count === 0) return;
    if (n.state === NUD.STALE) this.enterDelay(n);
    for (let left = count; left > 0 && this.held.take(n); left--) {
      const { chain, len, csum, priority } = this.held;
      this.output.sendHeld(n, chain, len, csum, priority);
      this.cells.release(chain);
    }
  }

  private solicit(n: Neighbour, isUnicast: boolean): void {
    n.probes++;
    n.notBeforeNs = this.env.nowNs + n.family.times.retransNs(this.config);
    this.deadlines.arm(n.deadline, n.notBeforeNs);
    this.protocol.solicit(n, isUnicast);
  }
}
