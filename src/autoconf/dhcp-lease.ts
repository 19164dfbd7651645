/** What a server offers, checked: an address with its routes and times, or why it cannot be believed. */
import { NEVER, SEC } from '../base/time.ts';
import { type Address, IpAddress, prefixMask } from '../wire/address.ts';
import { DHCP_OPT } from '../wire/dhcp.ts';
import type { DhcpOptions } from '../wire/dhcp-options.ts';
import type { DhcpDrop } from './dhcp-counters.ts';

/** Shorter than this a lease is a mistake or an attack: asking whether the address is free takes up to 7 s. */
const MIN_LEASE_SEC = 30;
const INFINITE = 0xffffffff;
/** RFC 2131 §4.4.5. */
const T1_SHARE = 0.5;
const T2_SHARE = 0.875;
/** A server that wants to be asked more often than this gets half of the lease instead. */
const MIN_RENEW_SEC = 30;
/** No network is larger than a class A: what lies beyond would be taken for neighbours. */
export const LEAST_BITS = 8;
/** Enough for any network that we know of; a message has no room for many more. */
export const MOST_ROUTES = 256;
export const MOST_NAME_SERVERS = 16;
/** RFC 1122 §3.3.2: every host takes 576 bytes; what says less is not believed. */
const MIN_MTU = 576;
export const MAX_DOMAIN = 253;

export interface LeaseRoute {
  readonly prefix: Address;
  /** Of 32. */
  readonly bits: number;
  /** Null: on the link. */
  readonly gateway: Address | null;
}

export interface Lease {
  readonly address: Address;
  /** Of 32. */
  readonly bits: number;
  readonly server: Address;
  /** From the request on; NEVER: for ever. */
  readonly leaseNs: number;
  readonly renewNs: number;
  readonly rebindNs: number;
  readonly routes: readonly LeaseRoute[];
  readonly nameServers: readonly Address[];
  /** '' where there is none, or none that can be a name. */
  readonly domain: string;
  /** 0: the link's. */
  readonly mtu: number;
}

export function v4(word: number): Address {
  return Object.freeze(new IpAddress().setV4(word));
}

/** Neither 0/8, loopback, group nor reserved. */
export function isHostWord(word: number): boolean {
  const first = word >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

/** @param yiaddr the address, as an int32 word. */
export function readLease(o: DhcpOptions, yiaddr: number, server: number): Lease | DhcpDrop {
  if (!areLengthsRight(o)) return 'DropOptions';
  if (!isHostWord(yiaddr) || yiaddr === server) return 'DropAddress';
  const bits = prefixLength(o, yiaddr);
  if (bits < 0) return 'DropMask';
  if (isReservedIn(yiaddr, bits)) return 'DropAddress';
  const router = firstRouter(o);
  if (router === yiaddr) return 'DropAddress';
  const leaseSec = o.has(DHCP_OPT.LEASE_TIME) ? o.u32(DHCP_OPT.LEASE_TIME, 0) >>> 0 : 0;
  if (leaseSec < MIN_LEASE_SEC) return 'DropLeaseTime';
  const routes = o.has(DHCP_OPT.CLASSLESS_ROUTES)
    ? classlessRoutes(o, yiaddr)
    : defaultRoute(router, yiaddr, bits);
  if (routes === null) return 'DropRoutes';
  return {
    address: v4(yiaddr),
    bits,
    server: v4(server),
    ...timesOf(o, leaseSec),
    routes,
    nameServers: nameServersOf(o),
    domain: domainOf(o),
    mtu: mtuOf(o),
  };
}

/** RFC 2132: what has a fixed length has it; lists are whole. */
function areLengthsRight(o: DhcpOptions): boolean {
  const fixed = [
    [DHCP_OPT.SUBNET_MASK, 4],
    [DHCP_OPT.LEASE_TIME, 4],
    [DHCP_OPT.RENEWAL_TIME, 4],
    [DHCP_OPT.REBINDING_TIME, 4],
    [DHCP_OPT.MTU, 2],
  ] as const;
  const lists = [DHCP_OPT.ROUTER, DHCP_OPT.NAME_SERVER] as const;
  return (
    fixed.every(([code, len]) => !o.has(code) || o.length(code) === len) &&
    lists.every((code) => !o.has(code) || (o.length(code) > 0 && o.length(code) % 4 === 0))
  );
}

/** Of 32; -1 for a mask with holes, or one too short. Without one: that of the address's class, as of old. */
function prefixLength(o: DhcpOptions, yiaddr: number): number {
  if (!o.has(DHCP_OPT.SUBNET_MASK)) {
    const first = yiaddr >>> 24;
    return first < 128 ? 8 : first < 192 ? 16 : 24;
  }
  const mask = o.u32(DHCP_OPT.SUBNET_MASK, 0);
  const bits = Math.clz32(~mask);
  return bits >= LEAST_BITS && mask === prefixMask(bits) ? bits : -1;
}

/** The subnet itself, or its broadcast address (RFC 3021: a /31 has neither). */
function isReservedIn(word: number, bits: number): boolean {
  if (bits >= 31) return false;
  const host = word & ~prefixMask(bits);
  return host === 0 || host === ~prefixMask(bits);
}

/** The first that can be one; 0: none. */
function firstRouter(o: DhcpOptions): number {
  for (let i = 0; i + 4 <= o.length(DHCP_OPT.ROUTER); i += 4) {
    const word = o.u32(DHCP_OPT.ROUTER, i);
    if (isHostWord(word)) return word;
  }
  return 0;
}

/** A router outside the subnet is reached on the link all the same: there is no other way to it. */
function defaultRoute(router: number, yiaddr: number, bits: number): LeaseRoute[] {
  if (router === 0) return [];
  const gateway = v4(router);
  const isNear = ((router ^ yiaddr) & prefixMask(bits)) === 0;
  const way = { prefix: v4(0), bits: 0, gateway };
  return isNear ? [way] : [{ prefix: gateway, bits: 32, gateway: null }, way];
}

/** RFC 3442: width, significant octets, router; 0.0.0.0 for what is on the link. Null: malformed. */
function classlessRoutes(o: DhcpOptions, yiaddr: number): LeaseRoute[] | null {
  const code = DHCP_OPT.CLASSLESS_ROUTES;
  const near: LeaseRoute[] = [];
  const far: LeaseRoute[] = [];
  const end = o.length(code);
  let at = 0;
  while (at < end) {
    const bits = o.u8(code, at);
    const octets = (bits + 7) >>> 3;
    if (bits > 32 || at + 1 + octets + 4 > end || near.length + far.length === MOST_ROUTES) {
      return null;
    }
    let word = 0;
    for (let i = 0; i < octets; i++) word |= o.u8(code, at + 1 + i) << (24 - 8 * i);
    const router = o.u32(code, at + 1 + octets);
    if (router === yiaddr || (router !== 0 && !isHostWord(router))) return null;
    const prefix = v4(word & prefixMask(bits));
    if (router === 0) near.push({ prefix, bits, gateway: null });
    else far.push({ prefix, bits, gateway: v4(router) });
    at += 1 + octets + 4;
  }
  return end === 0 ? null : [...near, ...far]; // gateways are looked up behind what leads to them
}

function timesOf(
  o: DhcpOptions,
  leaseSec: number,
): Pick<Lease, 'leaseNs' | 'renewNs' | 'rebindNs'> {
  if (leaseSec === INFINITE) return { leaseNs: NEVER, renewNs: NEVER, rebindNs: NEVER };
  const given = (code: number): number => (o.has(code) ? o.u32(code, 0) >>> 0 : 0);
  const t1 = given(DHCP_OPT.RENEWAL_TIME);
  const t2 = given(DHCP_OPT.REBINDING_TIME);
  const rebind = t2 > 0 && t2 < leaseSec ? t2 : leaseSec * T2_SHARE;
  const renew = t1 > 0 && t1 < rebind ? t1 : Math.min(leaseSec, rebind / T2_SHARE) * T1_SHARE;
  const isTooOften = renew < MIN_RENEW_SEC;
  return {
    leaseNs: leaseSec * SEC,
    renewNs: Math.floor((isTooOften ? leaseSec * T1_SHARE : renew) * SEC),
    rebindNs: (isTooOften ? leaseSec * T2_SHARE : rebind) * SEC,
  };
}

function nameServersOf(o: DhcpOptions): Address[] {
  const found: Address[] = [];
  for (let i = 0; i + 4 <= o.length(DHCP_OPT.NAME_SERVER); i += 4) {
    const word = o.u32(DHCP_OPT.NAME_SERVER, i);
    if (isHostWord(word) && found.length < MOST_NAME_SERVERS) found.push(v4(word));
  }
  return found;
}

/** Letters, digits, dots and hyphens: it is shown on terminals and written to files. */
function domainOf(o: DhcpOptions): string {
  let text = '';
  const len = Math.min(o.length(DHCP_OPT.DOMAIN_NAME), MAX_DOMAIN + 1);
  for (let i = 0; i < len; i++) text += String.fromCharCode(o.u8(DHCP_OPT.DOMAIN_NAME, i));
  const name = text.replace(/\0$/, '');
  return name.length <= MAX_DOMAIN && /^[A-Za-z0-9._-]+$/.test(name) ? name : '';
}

function mtuOf(o: DhcpOptions): number {
  const mtu = o.has(DHCP_OPT.MTU) ? o.u16(DHCP_OPT.MTU, 0) : 0;
  return mtu >= MIN_MTU ? mtu : 0;
}
