/**
 * What the application asked of one socket, before or during a connection: the socket, its handshake and its
 * connection point at the same settings, and a listener's are those of the connections it accepts.
 *
 * Settings that two share are never written: `own` gives whoever wants to change them a copy. So a
 * thousand accepted connections without wishes of their own cost a pointer each.
 */

import { SEC } from '../base/time.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import { PREFER_SOURCE } from '../net/source-address.ts';
import type { FastOpenKeys } from './fast-open-keys.ts';
import type { TcpConfig } from './tcp-config.ts';

/** For `linger2Sec`: no FIN-WAIT-2 without a reader. */
export const NO_LINGER2 = -1;

export class TcpSettings {
  private isShared = false;
  /** Of a listener with a priority: what its connections have. */
  private child: TcpSettings | null = null;
  /** TCP_NODELAY, TCP_CORK */
  isNoDelay = false;
  isCorked = false;
  /** SO_KEEPALIVE; TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT: 0 = the sysctl's. */
  isKeepalive = false;
  keepIdleSec = 0;
  keepIntervalSec = 0;
  keepProbes = 0;
  /** TCP_SYNCNT, TCP_LINGER2: 0 = the sysctl's. */
  synRetries = 0;
  linger2Sec = 0;
  /** TCP_DEFER_ACCEPT, in timeouts of the SYN-ACK: 0 = accepted when the handshake is over. */
  deferTimeouts = 0;
  /** TCP_USER_TIMEOUT: 0 = R2 decides. */
  userTimeoutMs = 0;
  /** TCP_THIN_LINEAR_TIMEOUTS */
  isThinLinear = false;
  /** TCP_MAXSEG: 0 = the path's. */
  maxSegment = 0;
  /** TCP_NOTSENT_LOWAT: 0 = the sysctl's. */
  notsentLowat = 0;
  /** TCP_WINDOW_CLAMP: 0 = none. */
  windowClamp = 0;
  /** SO_SNDBUF, SO_RCVBUF as set (doubled), which ends autotuning: 0 = automatic. */
  sndbufBytes = 0;
  rcvbufBytes = 0;
  /** SO_RCVLOWAT */
  rcvLowat = 1;
  /** IP_TOS, IPV6_TCLASS; IP_TTL, IPV6_UNICAST_HOPS: 0 = the stack's. */
  tos = 0;
  ttl = 0;
  /** SO_PRIORITY */
  priority = 0;
  /** IP_MTU_DISCOVER: one of PMTUDISC. */
  pmtuDiscovery: number = PMTUDISC.WANT;
  /** TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE */
  isFastOpenConnect = false;
  isFastOpenNoCookie = false;
  /** SO_REUSEADDR */
  isReuseAddress = false;
  /** SO_REUSEPORT */
  isReusePort = false;
  /** IP_LOCAL_PORT_RANGE: the first port, and the last one above it; 0 = the sysctl's. */
  portRange = 0;
  /** IPV6_ADDR_PREFERENCES: bits of PREFER_SOURCE. */
  sourcePreference: number = PREFER_SOURCE.DEFAULT;
  /** IPV6_V6ONLY */
  isV6Only = false;
  /** SO_OOBINLINE */
  isUrgentInline = false;
  /** IP_RECVERR, IPV6_RECVERR */
  wantsErrors4 = false;
  wantsErrors6 = false;
  /** SO_ZEROCOPY; SO_TIMESTAMPING's flags. */
  isZerocopy = false;
  timestamping = 0;
  /** TCP_CONGESTION: '' = the stack's. */
  congestion = '';
  /** SO_MAX_PACING_RATE in bytes/s. */
  maxPacingRate = Infinity;
  /** TCP_FASTOPEN: how many a listener lets begin by their SYN, 0 = none. TCP_FASTOPEN_KEY: null = the stack's. */
  fastOpenQueue = 0;
  fastOpenKeys: FastOpenKeys | null = null;
  /** SO_LINGER: -1 = off. */
  lingerSec = -1;

  /** Somebody else points here from now on. */
  share(): this {
    this.isShared = true;
    return this;
  }

  /** These, if nobody else has them, or a copy that may be changed. */
  own(): TcpSettings {
    if (!this.isShared) return this;
    const copy = Object.assign(new TcpSettings(), this);
    copy.isShared = false;
    copy.child = null;
    return copy;
  }

  /** As on Linux an accepted connection has its listener's wishes, but for SO_PRIORITY. */
  ofChild(): TcpSettings {
    if (this.priority === 0) return this;
    if (this.child === null) {
      this.child = Object.assign(new TcpSettings(), this).share();
      this.child.priority = 0;
    }
    return this.child;
  }

  /** For a flow without an application: how its IP headers are. */
  setIp(tos: number, ttl: number, pmtuDiscovery: number, priority: number): void {
    this.tos = tos;
    this.ttl = ttl;
    this.pmtuDiscovery = pmtuDiscovery;
    this.priority = priority;
  }

  /** Precondition: nobody else has them (`own`). */
  change(values: Partial<TcpSettingValues>): void {
    Object.assign(this, values);
    this.child = null;
  }
}

export type TcpSettingValues = Omit<
  TcpSettings,
  'share' | 'own' | 'ofChild' | 'change' | 'setIp' | 'isShared' | 'child'
>;

/** The receive buffer that a connection begins with: SO_RCVBUF, or tcp_rmem and room for SO_RCVLOWAT. */
export function firstReceiveBuffer(s: TcpSettings, config: TcpConfig): number {
  return s.rcvbufBytes || Math.max(config.rmemDefault, Math.min(2 * s.rcvLowat, config.rmemMax));
}

/** TCP_KEEPIDLE, or the sysctl. */
export function keepaliveIdleNs(s: TcpSettings, config: TcpConfig): number {
  return s.keepIdleSec !== 0 ? s.keepIdleSec * SEC : config.keepaliveTimeNs;
}
