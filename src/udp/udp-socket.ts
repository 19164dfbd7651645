import { Link } from '../base/link-list.ts';
import { ReadyMark, type ReadyTarget } from '../base/ready-list.ts';
import type { TxRing } from '../link/tx-ring.ts';
import { DatagramQueue } from '../net/datagram-store.ts';
import type { ErrorQueue } from '../net/error-queue.ts';
import type { Network } from '../net/network.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import { PREFER_SOURCE } from '../net/source-address.ts';
import { type Address, ANY6, IpAddress } from '../wire/address.ts';

import { Memberships } from './memberships.ts';

/** What a socket can be polled for. */
export const READY = { IN: 1, OUT: 2, ERROR: 4 } as const;

/**
 * One UDP socket: who it is, what it was told, what waits in it. `udp.ts` does the work and writes
 * the fields, `refused-sockets.ts` those of waiting for room; options are the application's to set.
 */
export class UdpSocket implements ReadyTarget {
  /** Its place in the protocol's list. */
  readonly index: number;
  /** An IPv6 socket that also speaks IPv4 (IPV6_V6ONLY off), or a socket of one family. */
  family: UdpFamily;
  readonly local = new IpAddress();
  localPort = 0;
  readonly remote = new IpAddress();
  remotePort = 0;
  isConnected = false;
  /** The interface that a link-local address or SO_BINDTODEVICE ties it to; 0 = any. */
  boundIndex = 0;
  /** What the application itself bound, and what `disconnect` goes back to: the rest was chosen for it. */
  readonly ownLocal = new IpAddress();
  ownPort = 0;
  ownIndex = 0;
  /** Bound to a group or a broadcast address: it receives what is sent there, and sends from elsewhere. */
  isGroupBound = false;
  /** The generation of the routes at which `local` was last seen to be ours. */
  sourceSeenAt = 0;
  isClosed = false;
  /** Reported by the next call, then forgotten (SO_ERROR). Positive errno. */
  pendingError = 0;

  readonly queue = new DatagramQueue();
  rcvbufBytes: number;
  /** Datagrams that did not fit, by cause: what `ss` shows as drops. */
  droppedFull = 0;
  droppedNoMemory = 0;

  /** IP_RECVERR, IPV6_RECVERR: every error about a datagram of its own is kept in `errors`. */
  wantsErrors4 = false;
  wantsErrors6 = false;
  /** Made when the first error has to be kept. */
  errors: ErrorQueue | null = null;

  /** SO_REUSEADDR, SO_REUSEPORT */
  isReuseAddress = false;
  isReusePort = false;
  /** IP_LOCAL_PORT_RANGE: the first port, and the last one above it; 0 = the sysctl's. */
  portRange = 0;
  /** IPV6_ADDR_PREFERENCES: bits of PREFER_SOURCE. */
  sourcePreference: number = PREFER_SOURCE.DEFAULT;
  isBroadcastAllowed = false;
  /** 0: the stack's default. */
  ttl = 0;
  multicastTtl = 1;
  /** IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP: what is sent to a group that this host listens to comes back. */
  isMulticastLooped = true;
  readonly groups: Memberships;
  /** IP_MULTICAST_IF, IPV6_MULTICAST_IF: where groups are sent; 0 = by route. */
  multicastIndex = 0;
  /** IP_UNICAST_IF, IPV6_UNICAST_IF: where the rest is sent. */
  unicastIndex4 = 0;
  unicastIndex6 = 0;
  tos = 0;
  /** SO_PRIORITY */
  priority = 0;
  /** One of PMTUDISC. */
  pmtuDiscovery: number = PMTUDISC.WANT;
  /** RFC 1122 §4.1.3.4: an application may send IPv4 datagrams without a checksum. */
  isChecksumOff = false;
  /** The ring that had no room for the last send, and how far it had come then; null: nothing is waited for. */
  refusedBy: TxRing | null = null;
  refusedAt = 0;
  listener: ReadyListener | null = null;
  /** Its places among those who are to be told, and among those who wait for room. */
  readonly readyMark = new ReadyMark(this);
  readonly refusedLink: Link<UdpSocket> = new Link(this);

  constructor(index: number, family: UdpFamily, net: Network) {
    this.index = index;
    this.family = family;
    this.rcvbufBytes = net.config.rmemDefault;
    this.groups = new Memberships(net);
  }

  /** Within `drainReady`. */
  onReady(bits: number): void {
    if (!this.isClosed) this.listener?.onReady(bits);
  }
}

/**
 * What one send asks for beyond its socket's options (control messages of `sendmsg`); scratch of whoever sends.
 */
export class UdpSendControl {
  /** 0: the socket's. */
  ttl = 0;
  /** -1: the socket's. */
  tos = -1;
  priority = -1;
  /** Unspecified: the socket's, or the route's. */
  readonly source = new IpAddress();
  /** 0: by route. */
  ifaceIndex = 0;

  setTtl(ttl: number): void {
    this.ttl = ttl;
  }

  setTos(tos: number): void {
    this.tos = tos;
  }

  setPriority(priority: number): void {
    this.priority = priority;
  }

  setSource(source: Address, ifaceIndex: number): void {
    this.source.copy(source);
    this.ifaceIndex = ifaceIndex;
  }

  reset(): void {
    this.ttl = 0;
    this.tos = -1;
    this.priority = -1;
    this.source.copy(ANY6);
    this.ifaceIndex = 0;
  }
}

export type UdpFamily = 'ipv4' | 'ipv6' | 'dual';

/** Called once a turn's input is done, never from within it. */
export interface ReadyListener {
  onReady(bits: number): void;
}
