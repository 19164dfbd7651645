/**
 * Our own addresses: added, checked for duplicates (RFC 4862 §5.4), announced, removed.
 *
 * An IPv6 address starts tentative: it is not used, and only its solicited-node group is listened to.
 * After a random wait within a second `dadTransmits` questions go out, `retransNs` apart; silence for
 * another `retransNs` makes it preferred. An advertisement for it, or somebody else's question of the
 * same kind, makes it duplicate, and it stays unused until it is removed.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { EADDRNOTAVAIL, EEXIST, EINVAL } from '../base/errno.ts';
import { SEC } from '../base/time.ts';
import {
  type Address,
  ANY6,
  IpAddress,
  isLimitedBroadcast,
  isLinkLocal6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
  setSolicitedNode,
} from '../wire/address.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { announce } from './arp.ts';
import {
  type AddressOrigin,
  type AddressState,
  type Interface,
  InterfaceAddress,
} from './interface.ts';
import { sendDadSolicit } from './ndp-output.ts';
import type { Network } from './network.ts';

/** RFC 4862 §5.4.2, RFC 4861 §10: MAX_RTR_SOLICITATION_DELAY. */
const MAX_DELAY_NS = 1 * SEC;

/** Told when an address has passed, or failed, duplicate address detection. */
export interface DadListener {
  dadDone(iface: Interface, entry: InterfaceAddress): void;
}

/** An IPv6 address of ours, with what its detection needs. */
class DetectedAddress extends InterfaceAddress implements Expirable {
  readonly group: Address;
  readonly deadline: Deadline = new Deadline(this);
  sent = 0;
  /** It is in use, and asked about again: the link was away. */
  isInQuestion = false;
  /** The nonce of our questions (RFC 7527 §4.1): 6 bytes. */
  readonly nonceHigh: number;
  readonly nonceLow: number;

  readonly iface: Interface;
  private readonly net: Network;
  private readonly listener: DadListener | null;

  constructor(
    net: Network,
    iface: Interface,
    address: Address,
    bits: number,
    listener: DadListener | null,
    origin: AddressOrigin,
  ) {
    super(address, bits, 'tentative', origin);
    this.net = net;
    this.iface = iface;
    this.listener = listener;
    this.group = Object.freeze(setSolicitedNode(new IpAddress(), address));
    this.nonceHigh = net.random.int32() & 0xffff;
    this.nonceLow = net.random.int32();
  }

  /** From the beginning; what is in use stays so. */
  askAgain(): void {
    const { net } = this;
    if (this.state === 'preferred') this.isInQuestion = true;
    else this.setState('tentative');
    this.sent = 0;
    if (this.iface.conf6.get('dad_transmits') === 0) this.finish('preferred');
    else net.deadlines.arm(this.deadline, net.env.nowNs + net.random.below(MAX_DELAY_NS));
  }

  suspend(): void {
    this.net.deadlines.remove(this.deadline);
    this.isInQuestion = false;
    this.setState('tentative');
  }

  expire(): void {
    const { net } = this;
    if (this.sent >= this.iface.conf6.get('dad_transmits')) {
      this.finish('preferred');
      return;
    }
    this.sent++;
    const retransNs = this.iface.neighbours.times6.retransNs(net.config);
    net.deadlines.arm(this.deadline, net.env.nowNs + retransNs);
    sendDadSolicit(net, this.iface, ANY6, this.group, this.address, this.nonceHigh, this.nonceLow);
  }

  finish(state: AddressState): void {
    const { net } = this;
    net.deadlines.remove(this.deadline);
    this.isInQuestion = false;
    this.setState(state);
    net.env.trace.event(`dad.${state}`, this.iface.index, this.address.w3);
    if (state === 'preferred') {
      announce(net, this.iface, this);
      if (isOnlyLinkLocal(this.iface, this)) this.iface.mld?.tellAgain();
    }
    if (this.listener !== null) this.listener.dadDone(this.iface, this);
  }

  private setState(state: AddressState): void {
    this.state = state;
    this.net.locals.changed();
  }
}

/**
 * Adds an IPv6 address with a prefix of `bits` (of 128). 0, or -errno: -EINVAL for an address that no
 * interface can have, -EEXIST when the interface has it, -EADDRNOTAVAIL when another one does.
 * `isAsked`: whether somebody else has it; false: it is in use at once.
 */
export function addAddress6(
  net: Network,
  iface: Interface,
  address: Address,
  bits: number,
  listener: DadListener | null = null,
  origin: AddressOrigin = 'manual',
  isAsked = true,
): number {
  const refused = refusal(net, iface, address, bits, false);
  if (refused !== 0) return refused;
  const entry = new DetectedAddress(net, iface, address, bits, listener, origin);
  iface.join(entry.group);
  register(net, iface, entry);
  const isSure = !isAsked || iface.isLoopback || iface.conf6.get('dad_transmits') === 0;
  if (isSure) entry.finish('preferred');
  else {
    const delayNs = net.random.below(MAX_DELAY_NS);
    net.deadlines.arm(entry.deadline, net.env.nowNs + delayNs);
  }
  return 0;
}

/** RFC 4862 §5.4 on a link that is back: also of a duplicate, as it may be another link. */
export function checkAgain(net: Network, entry: InterfaceAddress): void {
  if (!(entry instanceof DetectedAddress)) return;
  entry.askAgain();
  net.routes.changed();
}

/** Its interface is disabled: it is nobody's until it is checked. */
export function suspendAddress(entry: InterfaceAddress): void {
  if (entry instanceof DetectedAddress) entry.suspend();
}

/** Adds an IPv4 address, `bits` of 128 (its own prefix length plus 96). In use, and announced, at once. */
export function addAddress4(
  net: Network,
  iface: Interface,
  address: Address,
  bits: number,
): number {
  const refused = refusal(net, iface, address, bits, true);
  if (refused !== 0) return refused;
  const entry = new InterfaceAddress(address, bits, 'preferred');
  register(net, iface, entry);
  announce(net, iface, entry);
  return 0;
}

export function removeAddress(net: Network, iface: Interface, entry: InterfaceAddress): void {
  const at = iface.addresses.indexOf(entry);
  if (at < 0) return;
  iface.addresses.splice(at, 1);
  net.locals.remove(iface, entry);
  if (!(entry instanceof DetectedAddress)) return;
  net.deadlines.remove(entry.deadline);
  iface.leave(entry.group);
}

/**
 * RFC 4862 §5.4.3: somebody asks, from no address, for an address that is tentative here. `nonceAt`:
 * where the nonce option stands, or negative. False when it was our own question, looped back.
 */
export function dadSolicited(
  net: Network,
  iface: Interface,
  entry: InterfaceAddress,
  nonceAt: number,
): boolean {
  if (!(entry instanceof DetectedAddress) || isOwnQuestion(net, iface, entry, nonceAt))
    return false;
  entry.finish('duplicate');
  return true;
}

/** RFC 7527 §4.2: our own question about the address, looped back. */
export function isOwnQuestion(
  net: Network,
  iface: Interface,
  entry: InterfaceAddress,
  nonceAt: number,
): boolean {
  if (!(entry instanceof DetectedAddress) || nonceAt < 0) return false;
  const { dv } = net.env.memory.slab;
  const isEcho =
    dv.getUint16(nonceAt + 2) === entry.nonceHigh && dv.getInt32(nonceAt + 4) === entry.nonceLow;
  if (isEcho) net.env.trace.event('dad.looped', iface.index, entry.address.w3);
  return isEcho;
}

/**
 * Somebody advertises an address of ours. While it is tentative, or asked about again, it is his (RFC 4862 §5.4.4), and
 * true is returned; later it is a conflict that an administrator should hear of.
 */
export function addressClaimed(net: Network, iface: Interface, entry: InterfaceAddress): boolean {
  const isOpen = entry instanceof DetectedAddress && entry.isInQuestion;
  if ((isOpen || entry.state === 'tentative') && entry instanceof DetectedAddress) {
    entry.finish('duplicate');
    return true;
  }
  net.env.trace.event('ndp.conflict', iface.index, entry.address.w3);
  return false;
}

/** RFC 3590 §4: what was reported from `::` a snooping switch may have ignored. */
function isOnlyLinkLocal(iface: Interface, entry: InterfaceAddress): boolean {
  if (!isLinkLocal6(entry.address)) return false;
  return !iface.addresses.some(
    (a) => a !== entry && a.state === 'preferred' && isLinkLocal6(a.address),
  );
}

function register(net: Network, iface: Interface, entry: InterfaceAddress): void {
  iface.addresses.push(entry);
  net.locals.add(iface, entry);
}

function refusal(
  net: Network,
  iface: Interface,
  address: Address,
  bits: number,
  v4: boolean,
): number {
  const isHost =
    !isUnspecified(address) &&
    !isMulticast(address) &&
    !isLimitedBroadcast(address) &&
    isV4(address) === v4 &&
    (!isLoopback(address) || iface.isLoopback);
  if (!isHost || bits > 128 || bits < (v4 ? 96 : 0)) return -EINVAL;
  if (!v4 && iface.device.mtu < IPV6_MIN_MTU) return -EINVAL; // RFC 8200 §5: no link for IPv6
  const owner = net.locals.ownerOf(address, iface.index);
  if (owner === null) return 0;
  return owner === iface ? -EEXIST : -EADDRNOTAVAIL;
}
