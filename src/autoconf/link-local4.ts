/**
 * An IPv4 address without anybody's help: RFC 3927. One of 169.254.1.0 … 169.254.254.255, drawn from a
 * sequence that belongs to the MAC address, so that a host comes back to the address that it had; probed,
 * claimed and defended by RFC 5227's rules.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { RandomStream } from '../base/rng.ts';
import { AddressClaim, type ClaimOwner, ConflictLimit } from '../net/conflict.ts';
import type { Interface } from '../net/interface.ts';
import type { Stack } from '../stack/stack.ts';
import { IpAddress } from '../wire/address.ts';

/** RFC 3927 §2.1: the first and the last 256 addresses are reserved. */
const FIRST = 0xa9fe0100 | 0;
const CHOICES = 65024;
const PREFIX_BITS = 16;
/** Tells this use of a MAC address from others. */
const SALT = 3927;

export class LinkLocal4 implements ClaimOwner, Expirable {
  /** In use, or being probed; unspecified while stopped. */
  readonly address = new IpAddress().setV4(0);
  readonly limit = new ConflictLimit();
  readonly claim: AddressClaim;
  private isStarted = false;
  private candidates: RandomStream;
  private readonly deadline = new Deadline(this);
  private readonly stack: Stack;
  private readonly iface: Interface;

  constructor(stack: Stack, iface: Interface) {
    this.stack = stack;
    this.iface = iface;
    this.candidates = this.ownSequence();
    const random = stack.env.rng.stream(`autoconf.link-local.${iface.index}`);
    this.claim = new AddressClaim(stack.net, iface, random, this);
  }

  /** The address is in use. */
  get isUp(): boolean {
    return this.claim.isHeld;
  }

  /** Idempotent. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.candidates = this.ownSequence();
    this.next();
  }

  /** Idempotent; the address goes at once. */
  stop(): void {
    if (!this.isStarted) return;
    this.isStarted = false;
    this.stack.deadlines.remove(this.deadline);
    this.drop();
    this.claim.stop();
    this.address.setV4(0);
  }

  /** The rate limit has passed. */
  expire(): void {
    this.next();
  }

  addressFree(): void {
    if (this.stack.addAddress(this.iface, this.address, PREFIX_BITS) < 0) {
      this.claim.stop(); // ours by another way, or no place for it
      this.addressTaken(false);
    } else this.limit.forgive();
  }

  /** §2.2.1, §2.5: another one; not too often, whatever somebody on the link claims. */
  addressTaken(wasHeld: boolean): void {
    if (wasHeld) this.stack.removeAddress(this.iface, this.address);
    this.limit.note();
    const { deadlines, env } = this.stack;
    if (this.limit.delayNs === 0) this.next();
    else deadlines.arm(this.deadline, env.nowNs + this.limit.delayNs);
  }

  private next(): void {
    const word = FIRST + this.candidates.below(CHOICES);
    this.address.setV4(word);
    this.claim.start(word | 0);
  }

  private drop(): void {
    if (this.isUp) this.stack.removeAddress(this.iface, this.address);
  }

  private ownSequence(): RandomStream {
    const { mac } = this.iface.device;
    return new RandomStream(mac.high, mac.low, SALT);
  }
}
