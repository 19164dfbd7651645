/**
 * Whether an IPv4 address is free on the link, and whether it stays ours: RFC 5227.
 *
 *     start ──► PROBING ──► HELD ──► …            for ever, until `stop`
 *                  │          │
 *                  │          └─ a conflict: defended once; a second within DEFEND_INTERVAL: given up
 *                  └─ a conflict: taken
 *
 * Who wants an address so checked makes a claim: link-local addresses and the DHCP client do. Addresses
 * that are configured by hand are used at once, without a claim, as on Linux.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import type { RandomStream } from '../base/rng.ts';
import { NEVER, SEC } from '../base/time.ts';
import {
  ARP_REQUEST,
  arpOperation,
  arpSenderHigh,
  arpSenderIp,
  arpSenderLow,
  arpTargetIp,
} from '../wire/arp.ts';
import { BROADCAST_HIGH, BROADCAST_LOW } from '../wire/ethernet.ts';
import { sendArpRequest } from './arp.ts';
import type { ArpWatcher, Interface } from './interface.ts';
import type { Network } from './network.ts';

/** RFC 5227 §1.1. */
const PROBE_WAIT_NS = 1 * SEC;
const PROBE_NUM = 3;
const PROBE_MIN_NS = 1 * SEC;
const PROBE_MAX_NS = 2 * SEC;
const ANNOUNCE_WAIT_NS = 2 * SEC;
const ANNOUNCE_NUM = 2;
const ANNOUNCE_INTERVAL_NS = 2 * SEC;
const MAX_CONFLICTS = 10;
const RATE_LIMIT_INTERVAL_NS = 60 * SEC;
const DEFEND_INTERVAL_NS = 10 * SEC;

export interface ClaimOwner {
  /** Nobody has the address. The owner gives it to the interface, which announces it for the first time. */
  addressFree(): void;
  /** Somebody else has it. `wasHeld`: it was ours, and the defence failed. The claim is over. */
  addressTaken(wasHeld: boolean): void;
}

type ClaimState = 'idle' | 'probing' | 'held';

/** One address that we want, or have, on one interface. It can be started again for another address. */
export class AddressClaim implements Expirable, ArpWatcher {
  /** The address as an int32 word. */
  word = 0;
  /** Conflicts that were answered with an announcement. */
  defences = 0;
  private state: ClaimState = 'idle';
  /** Probes or announcements so far. */
  private sent = 0;
  private lastConflictNs = -NEVER;
  private readonly deadline = new Deadline(this);
  private readonly net: Network;
  private readonly iface: Interface;
  private readonly random: RandomStream;
  private readonly owner: ClaimOwner;

  constructor(net: Network, iface: Interface, random: RandomStream, owner: ClaimOwner) {
    this.net = net;
    this.iface = iface;
    this.random = random;
    this.owner = owner;
  }

  get isHeld(): boolean {
    return this.state === 'held';
  }

  /** RFC 5227 §2.1.1: the first probe leaves after a random wait, so that hosts that start together differ. */
  start(word: number): void {
    this.stop();
    this.word = word;
    this.state = 'probing';
    this.iface.watchArp(this);
    this.arm(this.random.below(PROBE_WAIT_NS));
  }

  /** The owner has lost interest. Idempotent. */
  stop(): void {
    if (this.state === 'idle') return;
    this.state = 'idle';
    this.sent = 0;
    this.lastConflictNs = -NEVER;
    this.net.deadlines.remove(this.deadline);
    this.iface.unwatchArp(this);
  }

  expire(): void {
    if (this.state === 'held') this.announceAgain();
    else if (this.sent < PROBE_NUM) this.probe();
    else {
      this.hasWon();
      this.owner.addressFree();
    }
  }

  /** §2.1.1: a probe has no sender address, so that it changes nobody's cache. */
  private probe(): void {
    this.ask(0);
    this.sent++;
    const between = PROBE_MIN_NS + this.random.below(PROBE_MAX_NS - PROBE_MIN_NS);
    this.arm(this.sent < PROBE_NUM ? between : ANNOUNCE_WAIT_NS);
  }

  private hasWon(): void {
    this.state = 'held';
    this.sent = 1; // the interface announces what is added to it
    this.arm(ANNOUNCE_INTERVAL_NS);
  }

  /** §2.3: and once more, for those who did not hear the first. */
  private announceAgain(): void {
    this.ask(this.word);
    if (++this.sent < ANNOUNCE_NUM) this.arm(ANNOUNCE_INTERVAL_NS);
  }

  /** §2.1.1, §2.4. */
  arpSeen(dv: DataView, off: number): void {
    const { mac } = this.iface.device;
    const isOwn = arpSenderHigh(dv, off) === mac.high && arpSenderLow(dv, off) === mac.low;
    if (isOwn) return; // looped back
    const sender = arpSenderIp(dv, off);
    if (sender === this.word) this.conflict();
    else if (this.state !== 'probing' || sender !== 0) return;
    else if (arpOperation(dv, off) === ARP_REQUEST && arpTargetIp(dv, off) === this.word) {
      this.conflict(); // he probes for it at the same time: neither may have it
    }
  }

  /** §2.4 (b): one defence in DEFEND_INTERVAL; whoever insists gets it. */
  private conflict(): void {
    const { nowNs } = this.net.env;
    this.net.env.trace.event('acd.conflict', this.iface.index, this.word);
    const isDefended = this.isHeld && nowNs >= this.lastConflictNs + DEFEND_INTERVAL_NS;
    if (isDefended) {
      this.lastConflictNs = nowNs;
      this.defences++;
      this.ask(this.word);
      return;
    }
    const wasHeld = this.isHeld;
    this.stop();
    this.owner.addressTaken(wasHeld);
  }

  private ask(sender: number): void {
    const { net, iface, word } = this;
    if (!sendArpRequest(net, iface, BROADCAST_HIGH, BROADCAST_LOW, sender, word)) {
      net.env.trace.event('acd.unsent', iface.index, word);
    }
  }

  private arm(delayNs: number): void {
    this.net.deadlines.arm(this.deadline, this.net.env.nowNs + delayNs);
  }
}

/** §2.1.1: after MAX_CONFLICTS no more than one new attempt in RATE_LIMIT_INTERVAL. */
export class ConflictLimit {
  conflicts = 0;

  note(): void {
    this.conflicts++;
  }

  /** An address has been won. */
  forgive(): void {
    this.conflicts = 0;
  }

  /** How long the next attempt has to wait. */
  get delayNs(): number {
    return this.conflicts < MAX_CONFLICTS ? 0 : RATE_LIMIT_INTERVAL_NS;
  }
}
