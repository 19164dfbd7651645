/**
 * Addresses that come by themselves: RFC 4862 §5.3, §5.5, RFC 7217 and RFC 8981.
 *
 *      tentative ──▶ preferred ──preferred lifetime──▶ deprecated ──valid lifetime──▶ gone
 *
 * A temporary address belongs to the public one of its prefix: it lives no longer, and shortly before
 * it is deprecated the next one is made.
 */
import { NEVER, SEC } from '../base/time.ts';
import { type Address, IpAddress, isLinkLocal6, prefixEquals } from '../wire/address.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { LIFETIME_INFINITE } from '../wire/ndp-router.ts';
import type { Autoconf } from './autoconf.ts';
import { addAddress6, removeAddress } from './dad.ts';
import type { InterfaceAddress } from './interface.ts';
import { setEui64, setRandom, setStable } from './interface-id.ts';
import { ADDR_GEN } from './ipv6-conf.ts';
import { NO_METRICS, Route, WITH_ADDRESS } from './route-table.ts';

/** RFC 4862 §5.5.3 (e): what nobody authenticates cannot make an address end sooner than this. */
const TWO_HOURS_NS = 7200 * SEC;
/** RFC 7217 §7's IDGEN_RETRIES. */
const IDGEN_RETRIES = 3;
/** RFC 8981 §3.8: MAX_DESYNC_FACTOR is at most this share of TEMP_PREFERRED_LIFETIME. */
const DESYNC_SHARE = 0.4;
const PREFIX_BITS = 64;
const LINK_LOCAL_METRIC = 256;
const LINK_LOCAL: Address = Object.freeze(new IpAddress().set(0xfe800000, 0, 0, 0));

/** An address that the stack chose. */
export class AutoAddress {
  readonly entry: InterfaceAddress;
  /** RFC 7217's DAD_Counter; how often a temporary one was drawn. */
  readonly attempt: number;
  /** Of a temporary address: the public one, and the lifetimes that it cannot outlive. */
  readonly base: AutoAddress | null;
  readonly preferredCapNs: number;
  readonly validCapNs: number;
  /** A temporary address's successor has been made. */
  hasSuccessor = false;

  constructor(
    entry: InterfaceAddress,
    attempt: number,
    base: AutoAddress | null,
    preferredCapNs: number,
    validCapNs: number,
  ) {
    this.entry = entry;
    this.attempt = attempt;
    this.base = base;
    this.preferredCapNs = preferredCapNs;
    this.validCapNs = validCapNs;
  }
}

/** When a lifetime in seconds ends. */
export function endOf(nowNs: number, seconds: number): number {
  return seconds === LIFETIME_INFINITE ? NEVER : nowNs + seconds * SEC;
}

/** RFC 4862 §5.3, or RFC 7217: the address with which a link comes up, and its route. */
export function addLinkLocal(a: Autoconf): void {
  const { net, iface } = a;
  if (iface.conf6.get('addr_gen_mode') === ADDR_GEN.NONE) return;
  if (iface.device.mtu < IPV6_MIN_MTU) return; // RFC 8200 §5: no link for IPv6
  const metric = LINK_LOCAL_METRIC;
  const bits = PREFIX_BITS;
  net.routes.add(new Route(LINK_LOCAL, bits, null, iface, metric, NO_METRICS, null, WITH_ADDRESS));
  make(a, LINK_LOCAL, 0);
}

/** RFC 4862 §5.5.3: what a prefix of 64 bits with the autonomous flag makes of our addresses; seconds. */
export function prefixForAddresses(
  a: Autoconf,
  prefix: Address,
  preferred: number,
  valid: number,
): void {
  const { nowNs } = a.net.env;
  const known = a.addresses.find((r) => r.base === null && isIn(r, prefix) && isThere(a, r));
  if (known !== undefined) {
    refresh(a, known, preferred, valid);
    return;
  }
  if (valid === 0) return;
  if (isFull(a)) return;
  const made = make(a, prefix, 0);
  if (made === null) return;
  setLifetimes(a, made, endOf(nowNs, preferred), endOf(nowNs, valid));
  makeTemporary(a, made, 0);
}

/** Somebody has the address: RFC 7217 §6 and RFC 8981 §3.3 choose another; an EUI-64 has no other. */
export function replaceDuplicate(a: Autoconf, entry: InterfaceAddress): void {
  const record = a.addresses.find((r) => r.entry === entry);
  if (record === undefined) return;
  const attempt = record.attempt + 1;
  if (record.base !== null) {
    if (attempt > a.iface.conf6.get('regen_max_retry')) return;
    drop(a, record);
    makeTemporary(a, record.base, attempt);
    return;
  }
  if (secretOf(a) === null || attempt > IDGEN_RETRIES) return;
  drop(a, record);
  const made = make(a, entry.address, attempt);
  if (made === null) return;
  setLifetimes(a, made, entry.preferredUntilNs, entry.validUntilNs);
  if (!isLinkLocal6(entry.address)) makeTemporary(a, made, 0);
}

export function ageAddresses(a: Autoconf): void {
  const { nowNs } = a.net.env;
  for (const record of [...a.addresses]) {
    const { entry, base } = record;
    if (!isThere(a, record) || entry.validUntilNs <= nowNs) {
      drop(a, record);
      continue;
    }
    if (base !== null && !record.hasSuccessor && regenerateAtNs(a, record) <= nowNs) {
      record.hasSuccessor = makeTemporary(a, base, 0);
    }
    noteAge(a, entry);
  }
}

export function nextAddressNs(a: Autoconf): number {
  const { nowNs } = a.net.env;
  let next = NEVER;
  for (const record of a.addresses) {
    const { entry } = record;
    next = Math.min(next, entry.validUntilNs);
    if (!entry.isDeprecated) next = Math.min(next, entry.preferredUntilNs);
    const regenerateNs = record.base === null ? NEVER : regenerateAtNs(a, record);
    if (!record.hasSuccessor && regenerateNs > nowNs) next = Math.min(next, regenerateNs);
  }
  return next;
}

function refresh(a: Autoconf, record: AutoAddress, preferred: number, valid: number): void {
  const { nowNs } = a.net.env;
  const { entry } = record;
  const offeredNs = endOf(nowNs, valid);
  let validUntilNs = entry.validUntilNs;
  if (offeredNs > nowNs + TWO_HOURS_NS || offeredNs > validUntilNs) validUntilNs = offeredNs;
  else if (validUntilNs > nowNs + TWO_HOURS_NS) validUntilNs = nowNs + TWO_HOURS_NS;
  setLifetimes(a, record, Math.min(endOf(nowNs, preferred), validUntilNs), validUntilNs);
  const temporaries = a.addresses.filter((r) => r.base === record);
  for (const t of temporaries) {
    setLifetimes(
      a,
      t,
      Math.min(t.preferredCapNs, entry.preferredUntilNs),
      Math.min(t.validCapNs, entry.validUntilNs),
    );
  }
  if (temporaries.every((t) => t.hasSuccessor)) makeTemporary(a, record, 0);
}

/** An address behind the first 64 bits of `prefix`, by addr_gen_mode. Null: it is there already. */
function make(a: Autoconf, prefix: Address, attempt: number): AutoAddress | null {
  const { net, iface, listener } = a;
  const address = new IpAddress();
  const secret = secretOf(a);
  if (secret === null) setEui64(address, prefix, iface.device.mac);
  else setStable(address, prefix, iface.name, attempt, secret);
  const origin = isLinkLocal6(prefix) ? 'manual' : 'slaac';
  if (addAddress6(net, iface, address, PREFIX_BITS, listener, origin) !== 0) return null;
  return keep(a, new AutoAddress(iface.find(address)!, attempt, null, NEVER, NEVER)); // just added
}

/** RFC 8981 §3.4. False: none is wanted, or it would be over at once. */
function makeTemporary(a: Autoconf, base: AutoAddress, attempt: number): boolean {
  const { net, iface, listener } = a;
  const { conf6 } = iface;
  const { nowNs } = net.env;
  if (conf6.get('use_tempaddr') === 0) return false;
  const lifetime = conf6.get('temp_prefered_lft');
  const desync = Math.min(conf6.get('max_desync_factor'), lifetime * DESYNC_SHARE);
  const preferredCapNs = nowNs + Math.round((lifetime - net.random.unit() * desync) * SEC);
  const validCapNs = nowNs + conf6.get('temp_valid_lft') * SEC;
  const preferredUntilNs = Math.min(preferredCapNs, validCapNs, base.entry.preferredUntilNs);
  if (preferredUntilNs - nowNs <= regenerateAdvanceNs(a) || isFull(a)) return false;
  const address = setRandom(new IpAddress(), base.entry.address, net.random);
  if (addAddress6(net, iface, address, PREFIX_BITS, listener, 'temporary') !== 0) return false;
  const entry = iface.find(address)!; // just added
  const made = keep(a, new AutoAddress(entry, attempt, base, preferredCapNs, validCapNs));
  setLifetimes(a, made, preferredUntilNs, Math.min(validCapNs, base.entry.validUntilNs));
  return true;
}

function keep(a: Autoconf, record: AutoAddress): AutoAddress {
  a.addresses.push(record);
  a.net.routes.changed();
  return record;
}

function drop(a: Autoconf, record: AutoAddress): void {
  a.addresses.splice(a.addresses.indexOf(record), 1);
  removeAddress(a.net, a.iface, record.entry);
  a.net.routes.changed();
}

function setLifetimes(
  a: Autoconf,
  { entry }: AutoAddress,
  preferredUntilNs: number,
  validUntilNs: number,
): void {
  entry.setLifetimes(validUntilNs, preferredUntilNs);
  noteAge(a, entry);
}

/** Who sends from a deprecated address although there is another looks again. */
function noteAge(a: Autoconf, entry: InterfaceAddress): void {
  const isDeprecated = entry.preferredUntilNs <= a.net.env.nowNs;
  if (isDeprecated === entry.isDeprecated) return;
  entry.setDeprecated(isDeprecated);
  a.net.routes.changed();
}

function regenerateAtNs(a: Autoconf, { entry }: AutoAddress): number {
  return entry.preferredUntilNs - regenerateAdvanceNs(a);
}

/** RFC 8981 §3.8's REGEN_ADVANCE: long enough for the successor to pass, even if it is drawn again. */
function regenerateAdvanceNs(a: Autoconf): number {
  const { conf6, neighbours } = a.iface;
  const questions = conf6.get('regen_max_retry') * conf6.get('dad_transmits');
  return 2 * SEC + questions * neighbours.times6.retransNs(a.net.config);
}

/** RFC 7217's key, or null: EUI-64. */
function secretOf(a: Autoconf): Address | null {
  const mode = a.iface.conf6.get('addr_gen_mode');
  if (mode === ADDR_GEN.STABLE) return a.iface.conf6.secret;
  return mode === ADDR_GEN.RANDOM ? (a.iface.conf6.secret ?? a.drawnSecret) : null;
}

/** max_addresses: a router cannot fill our memory with prefixes. */
function isFull(a: Autoconf): boolean {
  const count = a.addresses.filter((r) => !isLinkLocal6(r.entry.address)).length;
  if (count < a.iface.conf6.get('max_addresses')) return false;
  a.count('AddressesFull');
  return true;
}

/** The administrator may have taken it away. */
function isThere(a: Autoconf, record: AutoAddress): boolean {
  return a.iface.addresses.includes(record.entry);
}

function isIn(record: AutoAddress, prefix: Address): boolean {
  return prefixEquals(record.entry.address, prefix, PREFIX_BITS);
}
