/**
 * A DHCPv4 client for one interface: RFC 2131 §4.4, figure 5.
 *
 *   init ──► selecting ──► requesting ──► checking ──► bound ──T1──► renewing ──T2──► rebinding
 *     ▲          ▲   OFFER         ACK      │ RFC 5227    ▲ ▲           │ ACK             │ ACK
 *     │          │                          │             │ └───────────┴─────────────────┘
 *     │          └── rebooting ─────────────┼─────────────┘  a known address is asked for again
 *     └───────────── NAK, conflict (DECLINE), expiry
 *
 * It is part of the core: no clock, no socket. It hears what comes to port 68 of its interface, even while
 * the interface has no address, and sends through the network layer. Whatever servers do, it keeps one
 * offer and one lease; what it does not take is counted by reason.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import type { RandomStream } from '../base/rng.ts';
import { NEVER, SEC } from '../base/time.ts';
import { AddressClaim, type ClaimOwner, ConflictLimit } from '../net/conflict.ts';
import { ACCEPTED, DROP } from '../net/drops.ts';
import type { BootListener, Interface } from '../net/interface.ts';
import type { IpPacket } from '../net/ip-packet.ts';
import type { Stack } from '../stack/stack.ts';
import { type Address, addressEquals } from '../wire/address.ts';
import { DHCP_CLIENT_PORT, DHCP_MESSAGE } from '../wire/dhcp.ts';
import { DhcpCounters, type DhcpDrop } from './dhcp-counters.ts';
import { DhcpInput } from './dhcp-input.ts';
import { type Lease, readLease } from './dhcp-lease.ts';
import { type DhcpIdentity, DhcpSender } from './dhcp-sender.ts';
import { askWaitNs, extendWaitNs, JITTER_NS } from './dhcp-waits.ts';
import { LeaseUse } from './lease-use.ts';

export type DhcpState =
  | 'stopped'
  | 'init'
  | 'selecting'
  | 'requesting'
  | 'rebooting'
  | 'checking'
  | 'bound'
  | 'renewing'
  | 'rebinding'
  | 'releasing';

/** A lease of an earlier life, with its times on the stack's clock. */
export interface RememberedLease {
  readonly lease: Lease;
  readonly obtainedNs: number;
  readonly untilNs: number;
}

export interface DhcpOptionsIn extends DhcpIdentity {
  /** The address of an earlier life: asked for first (INIT-REBOOT). */
  readonly requested?: Address;
  /** The same with all that belongs to it: used for the rest of its time where nobody answers (§3.2). */
  readonly remembered?: RememberedLease;
  readonly listener?: DhcpListener;
}

/** Told after a change of state or lease, from within the stack's turn. */
export interface DhcpListener {
  dhcpChanged(client: DhcpClient): void;
}

/** §3.1 (5): after that many requests without an answer begin anew. */
const MOST_REQUESTS = 4;
const MOST_REBOOT_REQUESTS = 2;
/** So many DISCOVERs without an offer: nobody is there. It goes on asking. */
const UNANSWERED = 2;
/** Without a lease for so long, whatever servers say meanwhile: who waits for one does without. It goes on asking. */
const PATIENCE_NS = 15 * SEC;
/** §3.1 (5): at least ten seconds after a DECLINE. */
const DECLINE_WAIT_NS = 10 * SEC;
/** After a NAK, doubled with each until a lease is ours: a server that refuses for ever gets little to refuse. */
const FIRST_NAK_WAIT_NS = 1 * SEC;
const LAST_NAK_WAIT_NS = 64 * SEC;
/** A RELEASE may wait so long for the server's MAC address. */
const RELEASE_WAIT_NS = 1 * SEC;

const TIMER = { RETRY: 0, PHASE: 1, EXPIRY: 2, PATIENCE: 3 } as const;

export class DhcpClient implements BootListener, ClaimOwner, Expirable {
  readonly port = DHCP_CLIENT_PORT;
  readonly counters = new DhcpCounters();
  readonly limit = new ConflictLimit();
  readonly claim: AddressClaim;
  readonly use: LeaseUse;
  state: DhcpState = 'stopped';
  /** What is in use; null before and after. */
  lease: Lease | null = null;
  /** When the request left that brought the lease; and until when it is ours. */
  obtainedNs = 0;
  untilNs = NEVER;
  /** DISCOVERs or REQUESTs of this exchange so far. */
  tries = 0;
  /** What a server has offered, or granted and not yet used. */
  private offer: Lease | null = null;
  private requested: Address | null;
  private remembered: RememberedLease | null;
  private xid = 0;
  private startedNs = 0;
  private secs = 0;
  private firstRequestNs = 0;
  private nakWaitNs = FIRST_NAK_WAIT_NS;
  private readonly retry = new Deadline(this, TIMER.RETRY);
  private readonly phase = new Deadline(this, TIMER.PHASE);
  private readonly expiry = new Deadline(this, TIMER.EXPIRY);
  private readonly patience = new Deadline(this, TIMER.PATIENCE);
  private isOverdue = false;
  private readonly random: RandomStream;
  private readonly stack: Stack;
  private readonly iface: Interface;
  private readonly sender: DhcpSender;
  private readonly incoming: DhcpInput;
  private readonly listener: DhcpListener | null;

  constructor(stack: Stack, iface: Interface, options: DhcpOptionsIn = {}) {
    this.stack = stack;
    this.iface = iface;
    this.random = stack.env.rng.stream(`autoconf.dhcp.${iface.index}`);
    this.claim = new AddressClaim(stack.net, iface, this.random, this);
    this.sender = new DhcpSender(stack.net, iface, options);
    this.incoming = new DhcpInput(stack.net, iface);
    this.use = new LeaseUse(stack, iface);
    this.remembered = options.remembered ?? null;
    this.requested = this.remembered?.lease.address ?? options.requested ?? null;
    this.listener = options.listener ?? null;
  }

  /** Nobody has offered anything for a while, or nothing has come of what was offered. */
  get isUnanswered(): boolean {
    return this.isOverdue || (this.state === 'selecting' && this.tries > UNANSWERED);
  }

  /** Idempotent. */
  start(): void {
    if (this.state !== 'stopped') return;
    this.iface.setBoot(this);
    this.arm(this.patience, PATIENCE_NS);
    if (this.requested === null) this.discover();
    else this.reboot();
  }

  /** Leaves without a word; what the lease brought goes. Idempotent. */
  stop(): void {
    if (this.state === 'stopped') return;
    this.forgetLease();
    this.claim.stop();
    this.stack.deadlines.remove(this.retry);
    this.endPatience();
    this.iface.setBoot(null);
    this.enter('stopped');
  }

  /** RFC 2131 §4.4.6: gives the lease back, then stops. It has no answer. */
  release(): void {
    const { lease } = this;
    if (this.state === 'stopped' || this.state === 'releasing') return;
    if (lease === null) {
      this.stop();
      return;
    }
    this.xid = this.random.int32();
    const isSent = this.say(DHCP_MESSAGE.RELEASE, { lease, isUnicast: true });
    this.counters.note(isSent ? 'ReleasesSent' : 'Unsent');
    // A message that waits for the server's MAC address leaves only while its source is ours.
    this.disarmLease();
    this.claim.stop();
    this.enter('releasing');
    this.arm(this.retry, RELEASE_WAIT_NS);
    if (this.isNeighbourKnown(lease.server)) this.stop();
  }

  /** Asks for the lease's extension now. False: there is none to extend, or it is being done. */
  renew(): boolean {
    if (this.state !== 'bound' || this.untilNs === NEVER) return false;
    this.beginRenewal();
    return true;
  }

  expire(which: number): void {
    if (which === TIMER.EXPIRY) this.leaseEnded();
    else if (which === TIMER.PATIENCE) {
      this.isOverdue = true;
      this.tell();
    } else if (which === TIMER.PHASE) {
      if (this.state === 'bound') this.beginRenewal();
      else this.beginRebinding();
    } else this.retryNow();
  }

  /** A datagram for port 68, `pkt.payloadOff` at the UDP header. */
  input(pkt: IpPacket): number {
    const why = this.take(pkt);
    if (why === null) return ACCEPTED;
    this.counters.note(why);
    return DROP.DHCP_IGNORED;
  }

  private take(pkt: IpPacket): DhcpDrop | null {
    const { incoming } = this;
    const why = incoming.read(pkt, this.xid);
    if (why !== null) return why;
    const { type } = incoming;
    const wants =
      this.state === 'selecting'
        ? type === DHCP_MESSAGE.OFFER
        : isAsking(this.state) && type !== DHCP_MESSAGE.OFFER;
    if (!wants) return 'DropUnexpected';
    if (incoming.server === 0) return 'DropNoServer';
    const expected = this.expectedServer();
    if (expected !== null && expected.w3 !== incoming.server) return 'DropOtherServer';
    if (type === DHCP_MESSAGE.NAK) return this.refused();
    const lease = readLease(incoming.options, incoming.yiaddr, incoming.server);
    if (typeof lease === 'string') return lease;
    if (this.isTakenHere(lease.address)) return 'DropAddress';
    return type === DHCP_MESSAGE.OFFER ? this.offered(lease) : this.granted(lease);
  }

  /** Whose word counts: that of the server asked; while rebooting and rebinding anybody's. */
  private expectedServer(): Address | null {
    if (this.state === 'requesting') return this.offer!.server; // it was made there
    return this.state === 'renewing' ? this.lease!.server : null;
  }

  /** It is the stack's already, and not by our lease. */
  private isTakenHere(address: Address): boolean {
    const isOurLease = this.lease !== null && addressEquals(this.lease.address, address);
    return !isOurLease && this.stack.net.locals.ownerOf(address, this.iface.index) !== null;
  }

  private offered(lease: Lease): null {
    this.counters.note('OffersIn');
    this.offer = lease;
    this.tries = 0;
    this.firstRequestNs = this.stack.env.nowNs;
    this.enter('requesting');
    this.ask();
    return null;
  }

  private granted(lease: Lease): DhcpDrop | null {
    const known = this.state === 'requesting' ? this.offer!.address : this.lease?.address;
    const isKnown = known !== undefined && addressEquals(known, lease.address);
    if (this.state === 'requesting' && !isKnown) return 'DropOtherAddress';
    this.counters.note('AcksIn');
    this.remembered = null;
    this.stack.deadlines.disarm(this.retry);
    this.obtainedNs = this.firstRequestNs;
    this.untilNs = this.firstRequestNs + lease.leaseNs;
    if (this.lease !== null && isKnown) {
      this.lease = lease;
      this.use.renew(lease, this.untilNs);
      this.bind();
      return null;
    }
    this.forgetLease(); // extended under another address: that one is asked about first
    this.untilNs = this.firstRequestNs + lease.leaseNs;
    this.offer = lease;
    this.enter('checking');
    this.claim.start(lease.address.w3);
    return null;
  }

  /** The address granted is free on the link. */
  addressFree(): void {
    const lease = this.offer!; // what was asked about
    this.offer = null;
    if (this.use.begin(lease, this.untilNs) < 0) {
      this.decline(lease);
      return;
    }
    this.lease = lease;
    this.bind();
  }

  /** RFC 2131 §3.1 (5), RFC 5227 §2.1.1, §2.4. */
  addressTaken(wasHeld: boolean): void {
    this.limit.note();
    this.decline((wasHeld ? this.lease : this.offer)!); // one of the two is what was claimed
  }

  private decline(lease: Lease): void {
    this.xid = this.random.int32();
    const isSent = this.say(DHCP_MESSAGE.DECLINE, { lease, isUnicast: false });
    this.counters.note(isSent ? 'DeclinesSent' : 'Unsent');
    this.requested = null;
    this.forgetLease();
    this.enter('init');
    this.arm(this.retry, Math.max(DECLINE_WAIT_NS, this.limit.delayNs));
  }

  private bind(): void {
    const { lease, stack } = this;
    const { renewNs } = lease!; // bound to it
    this.requested = lease!.address;
    this.nakWaitNs = FIRST_NAK_WAIT_NS;
    this.limit.forgive();
    this.endPatience();
    // §4.4.5: a little earlier, each at its own time, so that those who started together do not renew together.
    const early = renewNs === NEVER ? 0 : this.random.below(JITTER_NS);
    stack.deadlines.arm(this.phase, this.obtainedNs + renewNs - early);
    stack.deadlines.arm(this.expiry, this.untilNs);
    this.enter('bound');
  }

  private refused(): null {
    this.counters.note('NaksIn');
    this.requested = null;
    this.remembered = null;
    this.forgetLease();
    this.enter('init');
    this.arm(this.retry, this.nakWaitNs);
    this.nakWaitNs = Math.min(2 * this.nakWaitNs, LAST_NAK_WAIT_NS);
    return null;
  }

  private leaseEnded(): void {
    this.counters.note('Expired');
    this.forgetLease();
    this.discover();
  }

  private discover(): void {
    this.xid = this.random.int32();
    this.tries = 0;
    this.offer = null;
    this.startedNs = this.stack.env.nowNs;
    this.enter('selecting');
    this.ask();
  }

  private reboot(): void {
    this.beginExchange('rebooting');
    this.startedNs = this.stack.env.nowNs;
    this.ask();
  }

  /** §3.2: what was ours is so for the rest of its time, if nobody on the link has it meanwhile. */
  private rebootUnanswered(): void {
    const { remembered } = this;
    this.remembered = null;
    if (remembered === null || remembered.untilNs <= this.stack.env.nowNs) {
      this.discover();
      return;
    }
    this.offer = remembered.lease;
    this.obtainedNs = remembered.obtainedNs;
    this.untilNs = remembered.untilNs;
    this.enter('checking');
    this.claim.start(remembered.lease.address.w3);
  }

  private beginRenewal(): void {
    this.beginExchange('renewing');
    this.startedNs = this.stack.env.nowNs;
    this.stack.deadlines.arm(this.phase, this.obtainedNs + this.lease!.rebindNs);
    this.ask();
  }

  private beginRebinding(): void {
    this.beginExchange('rebinding');
    this.ask();
  }

  private beginExchange(state: DhcpState): void {
    this.xid = this.random.int32();
    this.tries = 0;
    this.firstRequestNs = this.stack.env.nowNs;
    this.enter(state);
  }

  private retryNow(): void {
    const { state, tries } = this;
    if (state === 'releasing') this.stop();
    else if (state === 'init') this.discover();
    else if (state === 'requesting' && tries >= MOST_REQUESTS) this.discover();
    else if (state === 'rebooting' && tries >= MOST_REBOOT_REQUESTS) this.rebootUnanswered();
    else this.ask();
  }

  /** Sends what the state asks with, and waits for the answer. */
  private ask(): void {
    const { state, lease, offer } = this;
    const isDiscover = state === 'selecting';
    const type = isDiscover ? DHCP_MESSAGE.DISCOVER : DHCP_MESSAGE.REQUEST;
    // §4.4.1: a request tells the time that its DISCOVER told.
    if (state !== 'requesting') this.secs = this.secondsSince(this.startedNs);
    let isSent: boolean;
    if (state === 'renewing' || state === 'rebinding') {
      isSent = this.say(type, { lease, isUnicast: state === 'renewing' });
    } else {
      const requested = state === 'requesting' ? offer!.address : this.requested;
      const server = state === 'requesting' ? offer!.server : null;
      isSent = this.sayTo(type, null, requested, server, null);
    }
    const name = isDiscover ? 'DiscoversSent' : 'RequestsSent';
    this.counters.note(isSent ? name : 'Unsent');
    this.tries++;
    this.arm(this.retry, this.waitNs());
    if (this.isUnanswered) this.tell();
  }

  /** Table 5: an extension names the address in ciaddr only, DECLINE and RELEASE say whose lease it was. */
  private say(type: number, about: { lease: Lease | null; isUnicast: boolean }): boolean {
    const { address, server } = about.lease!; // only with a lease are these said
    const isEnd = type !== DHCP_MESSAGE.REQUEST;
    if (type === DHCP_MESSAGE.DECLINE) return this.sayTo(type, null, address, server, null);
    return this.sayTo(type, address, null, isEnd ? server : null, about.isUnicast ? server : null);
  }

  private sayTo(
    type: number,
    ciaddr: Address | null,
    requested: Address | null,
    server: Address | null,
    to: Address | null,
  ): boolean {
    const secs = type === DHCP_MESSAGE.DISCOVER || type === DHCP_MESSAGE.REQUEST ? this.secs : 0;
    return this.sender.send({ type, xid: this.xid, secs, ciaddr, requested, server, to });
  }

  private waitNs(): number {
    const { state, lease, untilNs } = this;
    if (state !== 'renewing' && state !== 'rebinding') return askWaitNs(this.tries, this.random);
    const next = state === 'renewing' ? this.obtainedNs + lease!.rebindNs : untilNs; // there is one to extend
    return extendWaitNs(next - this.stack.env.nowNs);
  }

  private secondsSince(ns: number): number {
    return Math.min(0xffff, Math.floor((this.stack.env.nowNs - ns) / SEC));
  }

  private isNeighbourKnown(address: Address): boolean {
    const path = this.stack.net.pathTo(address, this.iface.index);
    return path === null || (this.iface.neighbours.find(path.nextHop)?.isUsable() ?? false);
  }

  private forgetLease(): void {
    this.disarmLease();
    this.claim.stop();
    this.use.end();
    if (this.lease !== null) this.arm(this.patience, PATIENCE_NS);
    this.lease = null;
    this.offer = null;
    this.untilNs = NEVER;
  }

  private endPatience(): void {
    this.isOverdue = false;
    this.stack.deadlines.remove(this.patience);
  }

  private disarmLease(): void {
    this.stack.deadlines.remove(this.phase);
    this.stack.deadlines.remove(this.expiry);
  }

  private arm(deadline: Deadline, delayNs: number): void {
    this.stack.deadlines.arm(deadline, this.stack.env.nowNs + delayNs);
  }

  private enter(state: DhcpState): void {
    this.state = state;
    this.tell();
  }

  private tell(): void {
    if (this.listener !== null) this.listener.dhcpChanged(this);
  }
}

function isAsking(state: DhcpState): boolean {
  return (
    state === 'requesting' || state === 'rebooting' || state === 'renewing' || state === 'rebinding'
  );
}
