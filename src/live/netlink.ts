/**
 * Network set-up of the namespace this process is in, without any program: links, addresses, routes,
 * sysctls. Synchronous, for start-up and tests; each call is one conversation with the kernel and
 * throws an Error with code, errno and syscall when it is refused.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Address, IpAddress, isV4 } from '../wire/address.ts';
import { formatAddress, parseAddress } from '../wire/address-text.ts';
import { MacAddress } from '../wire/mac.ts';
import {
  change,
  dump,
  getOne,
  NetlinkError,
  type Reply,
  type Request,
  RTM,
  talk,
} from './rtnetlink.ts';

const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;
const ENODEV = 19;

export const IFF = { UP: 1, LOOPBACK: 8, PROMISC: 0x100, LOWER_UP: 0x10000 } as const;

const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  TXQLEN: 13,
  LINKINFO: 18,
  NET_NS_PID: 19,
  STATS64: 23,
  LINK_NETNSID: 37,
} as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const VETH_INFO_PEER = 1;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8 } as const;
const IFA_F = { NODAD: 2, DADFAILED: 8, TENTATIVE: 0x40 } as const;
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7 } as const;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const SCOPE = { UNIVERSE: 0, LINK: 253, HOST: 254 } as const;

export interface LinkStats {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  /** null for links without Ethernet addresses. */
  readonly mac: MacAddress | null;
  readonly mtu: number;
  /** IFF bits. */
  readonly flags: number;
  /** Administratively up. */
  readonly isUp: boolean;
  /** Up, and the other end too. */
  readonly hasCarrier: boolean;
  readonly txQueueLen: number;
  /** `veth`, `tun`, `bridge` …; null for links that have no kind. */
  readonly kind: string | null;
  /** Of a veth: its other end; of a VLAN: what it is on. 0: neither. */
  readonly lowerIndex: number;
  /** That one is in another namespace, which has numbers of its own. */
  readonly isLowerElsewhere: boolean;
  /** The bridge it is a port of, or 0. */
  readonly masterIndex: number;
  readonly stats: LinkStats;
}

export interface LinkChanges {
  readonly isUp?: boolean;
  readonly mtu?: number;
  readonly mac?: MacAddress;
  readonly txQueueLen?: number;
  /** Makes it a port of this bridge; null takes it out. */
  readonly master?: string | null;
  /** Moves it to the namespace of this process: the last change, for it is out of reach then. */
  readonly namespacePid?: number;
}

export interface AddressInfo {
  readonly linkIndex: number;
  /** As text, without prefix length. */
  readonly address: string;
  readonly prefixLen: number;
  /** Duplicate address detection has not ended yet, or has failed. */
  readonly isTentative: boolean;
  readonly isDuplicate: boolean;
}

export interface RouteSpec {
  /** As text; with prefixLen 0 only the family counts. */
  readonly destination: string;
  readonly prefixLen: number;
  readonly via?: string;
  readonly device?: string;
  readonly metric?: number;
  readonly source?: string;
}

// ---- Links ----

export function listLinks(): LinkInfo[] {
  return talk(linkHeader(dump(RTM.GETLINK), 0), 'list links').map(parseLink);
}

/** null when there is no such link. */
export function findLink(name: string): LinkInfo | null {
  try {
    return getLink(name);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === -ENODEV) return null;
    throw error;
  }
}

export function getLink(name: string): LinkInfo {
  const request = linkHeader(getOne(RTM.GETLINK), 0).attrText(IFLA.IFNAME, name);
  const [link] = talk(request, `find link ${name}`);
  if (link === undefined) throw new NetlinkError(ENODEV, `find link ${name}`, '');
  return parseLink(link);
}

/**
 * Two links back to back. `peerChanges.namespacePid` puts the peer elsewhere at once, where only those
 * who are there can bring it up.
 */
export function createVeth(
  name: string,
  peerName: string,
  changes: LinkChanges = {},
  peerChanges: LinkChanges = {},
): void {
  const request = newLink(change(RTM.NEWLINK, true), name, changes);
  request.nest(IFLA.LINKINFO, () => {
    request.attrText(IFLA_INFO.KIND, 'veth').nest(IFLA_INFO.DATA, () => {
      request.nest(VETH_INFO_PEER, () => {
        newLink(request, peerName, peerChanges);
      });
    });
  });
  talk(request, `create veth pair ${name}, ${peerName}`);
  // The kernel brings neither up before it knows both.
  if (changes.isUp) setLink(name, { isUp: true });
  if (peerChanges.isUp && peerChanges.namespacePid === undefined) setLink(peerName, { isUp: true });
}

/** A switch: `setLink(port, { master: name })` plugs a link in. */
export function createBridge(name: string, changes: LinkChanges = {}): void {
  const request = newLink(change(RTM.NEWLINK, true), name, changes);
  request.nest(IFLA.LINKINFO, () => void request.attrText(IFLA_INFO.KIND, 'bridge'));
  talk(request, `create bridge ${name}`);
  if (changes.isUp) setLink(name, { isUp: true });
}

/** Of a veth pair, both ends go. */
export function deleteLink(name: string): void {
  talk(linkHeader(change(RTM.DELLINK), indexOf(name)), `delete link ${name}`);
}

export function setLink(name: string, changes: LinkChanges): void {
  const isUp = changes.isUp;
  const request = change(RTM.NEWLINK);
  linkHeader(request, indexOf(name), isUp ? IFF.UP : 0, isUp === undefined ? 0 : IFF.UP);
  addLinkAttrs(request, changes);
  talk(request, `change link ${name}`);
}

// ---- Addresses and routes ----

export function listAddresses(): AddressInfo[] {
  return talk(addressHeader(dump(RTM.GETADDR), AF_UNSPEC, 0, 0), 'list addresses').map(
    parseIfAddress,
  );
}

export interface AddOptions {
  /** IPv6: usable at once, without duplicate address detection. */
  readonly nodad?: boolean;
}

export function addAddress(
  link: string,
  address: string,
  prefixLen: number,
  options: AddOptions = {},
): void {
  const ip = parsed(address);
  const request = addressRequest(change(RTM.NEWADDR, true), link, ip, prefixLen);
  if (isV4(ip) && prefixLen < 31) {
    const hosts = (2 ** (32 - prefixLen) - 1) | 0;
    request.attr(IFA.BROADCAST, addressBytes(new IpAddress().setV4(ip.w3 | hosts)));
  }
  if (options.nodad) request.attrU32(IFA.FLAGS, IFA_F.NODAD);
  talk(request, `add ${address}/${prefixLen} to ${link}`);
}

export function removeAddress(link: string, address: string, prefixLen: number): void {
  const request = addressRequest(change(RTM.DELADDR), link, parsed(address), prefixLen);
  talk(request, `remove ${address}/${prefixLen} from ${link}`);
}

export function addRoute(route: RouteSpec): void {
  talk(routeRequest(change(RTM.NEWROUTE, true), route), `add route ${routeText(route)}`);
}

export function removeRoute(route: RouteSpec): void {
  talk(routeRequest(change(RTM.DELROUTE), route), `remove route ${routeText(route)}`);
}

// ---- Sysctls ----

/** `readSysctl('ipv4/conf/veth0/rp_filter')`: a file under /proc/sys/net of this namespace. */
export function readSysctl(path: string): string {
  return readFileSync(`/proc/sys/net/${path}`, 'utf8').trim();
}

export function writeSysctl(path: string, value: string | number): void {
  writeFileSync(`/proc/sys/net/${path}`, `${value}\n`);
}

// ---- Messages ----

function linkHeader(request: Request, index: number, flags = 0, mask = 0): Request {
  return request.u8(AF_UNSPEC).u8(0).u16(0).u32(index).u32(flags).u32(mask);
}

function newLink(request: Request, name: string, changes: LinkChanges): Request {
  linkHeader(request, 0).attrText(IFLA.IFNAME, name);
  addLinkAttrs(request, changes);
  return request;
}

function addLinkAttrs(request: Request, changes: LinkChanges): void {
  const { mtu, mac, txQueueLen, master, namespacePid } = changes;
  if (mtu !== undefined) request.attrU32(IFLA.MTU, mtu);
  if (mac !== undefined) request.attr(IFLA.ADDRESS, macBytes(mac));
  if (txQueueLen !== undefined) request.attrU32(IFLA.TXQLEN, txQueueLen);
  if (master !== undefined) request.attrU32(IFLA.MASTER, master === null ? 0 : indexOf(master));
  if (namespacePid !== undefined) request.attrU32(IFLA.NET_NS_PID, namespacePid);
}

function parseLink(reply: Reply): LinkInfo {
  const attrs = reply.attrs(16);
  const flags = reply.u32(8);
  const kind = attrs.get(IFLA.LINKINFO)?.attrs(0).get(IFLA_INFO.KIND)?.text() ?? null;
  const mac = attrs.get(IFLA.ADDRESS);
  return {
    index: reply.u32(4),
    name: attrs.get(IFLA.IFNAME)?.text() ?? '',
    mac: mac === undefined || mac.length !== 6 ? null : macOf(mac.data()),
    mtu: attrs.get(IFLA.MTU)?.u32(0) ?? 0,
    flags,
    isUp: (flags & IFF.UP) !== 0,
    hasCarrier: (flags & IFF.LOWER_UP) !== 0,
    txQueueLen: attrs.get(IFLA.TXQLEN)?.u32(0) ?? 0,
    kind,
    lowerIndex: attrs.get(IFLA.LINK)?.u32(0) ?? 0,
    isLowerElsewhere: attrs.has(IFLA.LINK_NETNSID),
    masterIndex: attrs.get(IFLA.MASTER)?.u32(0) ?? 0,
    stats: parseStats(attrs.get(IFLA.STATS64)),
  };
}

/** struct rtnl_link_stats64: 64-bit words in this order. */
function parseStats(stats: Reply | undefined): LinkStats {
  const word = (i: number) => (stats === undefined ? 0 : stats.u64(i * 8));
  return {
    rxPackets: word(0),
    txPackets: word(1),
    rxBytes: word(2),
    txBytes: word(3),
    rxErrors: word(4),
    txErrors: word(5),
    rxDropped: word(6),
    txDropped: word(7),
  };
}

function addressHeader(
  request: Request,
  family: number,
  prefixLen: number,
  index: number,
): Request {
  return request.u8(family).u8(prefixLen).u8(0).u8(SCOPE.UNIVERSE).u32(index);
}

function addressRequest(request: Request, link: string, ip: Address, prefixLen: number): Request {
  const bytes = addressBytes(ip);
  addressHeader(request, familyOf(ip), prefixLen, indexOf(link));
  return request.attr(IFA.LOCAL, bytes).attr(IFA.ADDRESS, bytes);
}

function parseIfAddress(reply: Reply): AddressInfo {
  const attrs = reply.attrs(8);
  const flags = attrs.get(IFA.FLAGS)?.u32(0) ?? reply.u8(2);
  const bytes = (attrs.get(IFA.LOCAL) ?? attrs.get(IFA.ADDRESS))?.data() ?? new Uint8Array(4);
  return {
    linkIndex: reply.u32(4),
    address: formatAddress(addressOf(bytes)),
    prefixLen: reply.u8(1),
    isTentative: (flags & IFA_F.TENTATIVE) !== 0,
    isDuplicate: (flags & IFA_F.DADFAILED) !== 0,
  };
}

function routeRequest(request: Request, route: RouteSpec): Request {
  const destination = parsed(route.destination);
  const scope = route.via === undefined ? SCOPE.LINK : SCOPE.UNIVERSE;
  request.u8(familyOf(destination)).u8(route.prefixLen).u8(0).u8(0);
  request
    .u8(RT_TABLE_MAIN)
    .u8(RTPROT_BOOT)
    .u8(isV4(destination) ? scope : 0)
    .u8(RTN_UNICAST)
    .u32(0);
  if (route.prefixLen > 0) request.attr(RTA.DST, addressBytes(destination));
  if (route.via !== undefined) request.attr(RTA.GATEWAY, addressBytes(parsed(route.via)));
  if (route.device !== undefined) request.attrU32(RTA.OIF, indexOf(route.device));
  if (route.metric !== undefined) request.attrU32(RTA.PRIORITY, route.metric);
  if (route.source !== undefined) request.attr(RTA.PREFSRC, addressBytes(parsed(route.source)));
  return request;
}

function routeText(route: RouteSpec): string {
  const via = route.via === undefined ? '' : ` via ${route.via}`;
  const device = route.device === undefined ? '' : ` dev ${route.device}`;
  return `${route.destination}/${route.prefixLen}${via}${device}`;
}

function indexOf(name: string): number {
  return getLink(name).index;
}

function parsed(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`${text} is not an IP address`);
  return address;
}

function familyOf(ip: Address): number {
  return isV4(ip) ? AF_INET : AF_INET6;
}

/** Network byte order, 4 or 16 bytes. */
export function addressBytes(ip: Address): Uint8Array {
  const bytes = new Uint8Array(16);
  const dv = new DataView(bytes.buffer);
  for (const [i, word] of [ip.w0, ip.w1, ip.w2, ip.w3].entries()) dv.setInt32(i * 4, word);
  return isV4(ip) ? bytes.slice(12) : bytes;
}

function addressOf(bytes: Uint8Array): IpAddress {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ip = new IpAddress();
  if (bytes.length === 4) ip.readV4(dv, 0);
  else ip.readV6(dv, 0);
  return ip;
}

function macBytes(mac: MacAddress): Uint8Array {
  const bytes = new Uint8Array(6);
  const dv = new DataView(bytes.buffer);
  dv.setUint16(0, mac.high);
  dv.setInt32(2, mac.low);
  return bytes;
}

function macOf(bytes: Uint8Array): MacAddress {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return new MacAddress(dv.getUint16(0), dv.getInt32(2));
}
