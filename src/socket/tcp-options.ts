/** Options of SOL_TCP. */
import { EINVAL, ENOENT, EOPNOTSUPP } from '../base/errno.ts';
import { MS, SEC } from '../base/time.ts';
import type { CcInfo } from '../cc/congestion-control.ts';
import { secondsOf, timeoutsFor } from '../tcp/defer-accept.ts';
import { FAST_OPEN } from '../tcp/fast-open-option.ts';
import {
  closedInfo,
  connectionInfo,
  handshakeInfo,
  listenerInfo,
  TcpInfo,
} from '../tcp/tcp-info.ts';
import { TCP_INFO_LEN, writeTcpInfo } from '../tcp/tcp-info-layout.ts';
import { NO_LINGER2, type TcpSettings } from '../tcp/tcp-settings.ts';
import { isIn, STATE } from '../tcp/tcp-state.ts';
import { tcpQuickAck } from '../tcp/user-calls.ts';
import { SOL, TCP_OPTION } from './abi.ts';
import { on } from './ip-options.ts';
import {
  bytesOption,
  intOption,
  type OptionHead,
  refusedOption,
  type SocketOption,
  textOption,
} from './option.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';
import { listenerFastOpenOptions } from './tcp-fast-open-options.ts';

type Option = SocketOption<TcpEndpoint>;
/** The settings that are whole numbers. */
type CountField = {
  [K in keyof TcpSettings]: TcpSettings[K] extends number ? K : never;
}[keyof TcpSettings];

/** TCP_MIN_MSS, MAX_TCP_WINDOW. */
const MIN_MSS = 88;
const MAX_MSS = 32767;
/** MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT, MAX_TCP_SYNCNT. */
const MAX_KEEP_SEC = 32767;
const MAX_COUNT = 127;
/** SOCK_MIN_RCVBUF / 2 */
const MIN_CLAMP = 1152;
/** TCP_FIN_TIMEOUT_MAX */
const MAX_LINGER2_SEC = 120;
/** TCP_CA_NAME_MAX, with the zero at the end. */
const MAX_CC_NAME = 16;
/** TCP_MSS_DEFAULT: what a socket without a connection answers. */
const DEFAULT_MSS = 536;

const atTcp = (name: string, number: number, note = ''): OptionHead => ({
  level: SOL.TCP,
  name,
  number,
  note,
});

/** A number within bounds; unset it reads as `otherwise`. */
function counted(
  head: OptionHead,
  field: CountField,
  min: number,
  max: number,
  otherwise: (e: TcpEndpoint) => number,
): Option {
  return intOption<TcpEndpoint>(
    head,
    (e) => e.settings[field] || otherwise(e),
    (e, value) => {
      if (value < min || value > max) return -EINVAL;
      e.change({ [field]: value });
      return 0;
    },
  );
}

const sec = (ns: number): number => Math.floor(ns / SEC);

function keepaliveOptions(): Option[] {
  return [
    counted(
      atTcp('TCP_KEEPIDLE', TCP_OPTION.KEEPIDLE, '1 to 32767 s'),
      'keepIdleSec',
      1,
      MAX_KEEP_SEC,
      (e) => sec(e.tcp.config.keepaliveTimeNs),
    ),
    counted(
      atTcp('TCP_KEEPINTVL', TCP_OPTION.KEEPINTVL, '1 to 32767 s'),
      'keepIntervalSec',
      1,
      MAX_KEEP_SEC,
      (e) => sec(e.tcp.config.keepaliveIntervalNs),
    ),
    counted(
      atTcp('TCP_KEEPCNT', TCP_OPTION.KEEPCNT, '1 to 127'),
      'keepProbes',
      1,
      MAX_COUNT,
      (e) => e.tcp.config.keepaliveProbes,
    ),
    counted(
      atTcp('TCP_SYNCNT', TCP_OPTION.SYNCNT, '1 to 127'),
      'synRetries',
      1,
      MAX_COUNT,
      (e) => e.tcp.config.synRetries,
    ),
  ];
}

function pushOptions(): Option[] {
  return [
    intOption<TcpEndpoint>(
      atTcp('TCP_NODELAY', TCP_OPTION.NODELAY, 'what waits goes at once'),
      (e) => on(e.settings.isNoDelay),
      (e, value) => {
        e.change({ isNoDelay: value !== 0 });
        if (value !== 0) e.connection?.push(true);
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atTcp('TCP_CORK', TCP_OPTION.CORK, 'a last part waits for one timeout at most'),
      (e) => on(e.settings.isCorked),
      (e, value) => {
        e.change({ isCorked: value !== 0 });
        if (value === 0) e.connection?.push(e.settings.isNoDelay);
        return 0;
      },
    ),
  ];
}

function linger2Option(): Option {
  return intOption<TcpEndpoint>(
    atTcp('TCP_LINGER2', TCP_OPTION.LINGER2, 'at most 120 s; negative: none'),
    (e) => {
      const { linger2Sec } = e.settings;
      return linger2Sec !== 0 ? linger2Sec : sec(e.tcp.config.finTimeoutNs);
    },
    (e, value) => {
      e.change({ linger2Sec: value < 0 ? NO_LINGER2 : Math.min(value, MAX_LINGER2_SEC) });
      return 0;
    },
  );
}

function deferAcceptOption(): Option {
  return intOption<TcpEndpoint>(
    atTcp(
      'TCP_DEFER_ACCEPT',
      TCP_OPTION.DEFER_ACCEPT,
      's; read back as timeouts of the SYN-ACK last',
    ),
    (e) => secondsOf(e.settings.deferTimeouts, e.tcp.config),
    (e, value) => {
      e.change({ deferTimeouts: timeoutsFor(value, e.tcp.config) });
      return 0;
    },
  );
}

function maxSegmentOption(): Option {
  return intOption<TcpEndpoint>(
    atTcp('TCP_MAXSEG', TCP_OPTION.MAXSEG, '88 to 32767; of a connection what it uses'),
    (e) => {
      const { connection: c } = e;
      const asked = e.settings.maxSegment;
      if (asked !== 0 && (c === null || c.state === STATE.CLOSED)) return asked;
      return c?.mss() ?? DEFAULT_MSS;
    },
    (e, value) => {
      if (value !== 0 && (value < MIN_MSS || value > MAX_MSS)) return -EINVAL;
      e.change({ maxSegment: value });
      return 0;
    },
  );
}

function quickAckOption(): Option {
  return intOption<TcpEndpoint>(
    atTcp('TCP_QUICKACK', TCP_OPTION.QUICKACK, ''),
    (e) => on(e.connection?.delack.isInteractive !== true),
    (e, value) => {
      const c = e.connection;
      if (c !== null) tcpQuickAck(c, value);
      return 0;
    },
  );
}

/** Unset, a connection has what its buffer admits. */
function windowClampOption(): Option {
  return intOption<TcpEndpoint>(
    atTcp('TCP_WINDOW_CLAMP', TCP_OPTION.WINDOW_CLAMP, 'at least 1152; 0: none, while closed'),
    (e) => {
      const c = e.connection;
      if (e.settings.windowClamp !== 0 || c === null) return e.settings.windowClamp;
      return Math.min(c.rcvbufBytes >> 1, 65535 << c.agreed.rcvShift);
    },
    (e, value) => {
      const isClosed = e.connection === null && e.handshake === null && e.listener === null;
      if (value === 0 && !isClosed) return -EINVAL;
      e.change({ windowClamp: value === 0 ? 0 : Math.max(value, MIN_CLAMP) });
      return 0;
    },
  );
}

function thinOptions(): Option[] {
  const isSwitch = (value: number): boolean => value === 0 || value === 1;
  return [
    intOption<TcpEndpoint>(
      atTcp(
        'TCP_THIN_LINEAR_TIMEOUTS',
        TCP_OPTION.THIN_LINEAR_TIMEOUTS,
        'six timeouts of a thin stream do not double',
      ),
      (e) => on(e.settings.isThinLinear),
      (e, value) => {
        if (!isSwitch(value)) return -EINVAL;
        e.change({ isThinLinear: value === 1 });
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atTcp('TCP_THIN_DUPACK', TCP_OPTION.THIN_DUPACK, 'obsolete: nothing, as since Linux 4.11'),
      () => 0,
      (_e, value) => (isSwitch(value) ? 0 : -EINVAL),
      'advisory',
    ),
  ];
}

function congestionOption(): Option {
  return textOption<TcpEndpoint>(
    atTcp('TCP_CONGESTION', TCP_OPTION.CONGESTION, 'a name; ENOENT: nobody knows it'),
    (e, into) => {
      const { ccModules } = e.tcp;
      const name =
        e.connection?.congestion.module.name ??
        (e.settings.congestion || ccModules.defaultModule.name);
      const n = Math.min(into.length, MAX_CC_NAME);
      for (let i = 0; i < n; i++) into[i] = i < name.length ? name.charCodeAt(i) : 0;
      return n;
    },
    (e, value) => {
      if (value.length === 0) return -EINVAL;
      const end = value.indexOf(0);
      const bytes = value.subarray(0, Math.min(end < 0 ? value.length : end, MAX_CC_NAME - 1));
      const congestion = String.fromCharCode(...bytes);
      if (e.tcp.ccModules.find(congestion) === undefined) return -ENOENT;
      e.change({ congestion });
      return 0;
    },
  );
}

const CLOSED_OR_LISTEN = (1 << STATE.CLOSED) | (1 << STATE.LISTEN);

function fastOpenOptions(): Option[] {
  return [
    intOption<TcpEndpoint>(
      atTcp(
        'TCP_FASTOPEN_CONNECT',
        TCP_OPTION.FASTOPEN_CONNECT,
        'connect waits for the first send',
      ),
      (e) => on(e.settings.isFastOpenConnect),
      (e, value) => {
        if (value < 0 || value > 1) return -EINVAL;
        if ((e.tcp.config.fastOpen & FAST_OPEN.CLIENT) === 0) return -EOPNOTSUPP;
        if (e.state !== STATE.CLOSED) return -EINVAL;
        e.change({ isFastOpenConnect: value === 1 });
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atTcp('TCP_FASTOPEN_NO_COOKIE', TCP_OPTION.FASTOPEN_NO_COOKIE, 'before connect or listen'),
      (e) => on(e.settings.isFastOpenNoCookie),
      (e, value) => {
        if (value < 0 || value > 1 || !isIn(e.state, CLOSED_OR_LISTEN)) return -EINVAL;
        e.change({ isFastOpenNoCookie: value === 1 });
        return 0;
      },
    ),
  ];
}

function infoOptions(): Option[] {
  return [
    bytesOption<TcpEndpoint>(
      atTcp('TCP_INFO', TCP_OPTION.INFO, "280 bytes, Linux 6.18's struct"),
      (e, into) => {
        const bytes = new Uint8Array(TCP_INFO_LEN);
        writeTcpInfo(infoOf(e), bytes);
        return copyOut(bytes, into);
      },
      null,
    ),
    bytesOption<TcpEndpoint>(
      atTcp('TCP_CC_INFO', TCP_OPTION.CC_INFO, "Linux's struct, of modules that have one"),
      (e, into) => {
        const info = e.connection?.congestion.cc.getInfo(e.connection.congestion.view) ?? null;
        return info === null ? 0 : copyOut(ccInfoBytes(info), into);
      },
      null,
    ),
  ];
}

function copyOut(bytes: Uint8Array, into: Uint8Array): number {
  const n = Math.min(into.length, bytes.length);
  into.set(bytes.subarray(0, n));
  return n;
}

/** TCP_INFO as an object; of a socket that is nothing yet, its state alone. */
export function infoOf(e: TcpEndpoint): TcpInfo {
  const info = new TcpInfo();
  const { connection, handshake, listener } = e;
  if (connection !== null) connectionInfo(connection, info);
  else if (handshake !== null) handshakeInfo(handshake, info);
  else if (listener !== null) listenerInfo(listener, e.tcp, info);
  else closedInfo(info);
  return info;
}

/** `union tcp_cc_info` */
function ccInfoBytes(info: CcInfo): Uint8Array {
  switch (info.kind) {
    case 'vegas':
      return words([info.enabled, info.rttCount, info.rttUs, info.minRttUs]);
    case 'dctcp': {
      const first = info.enabled | (info.ceState << 16);
      return words([first, info.alpha, info.abEcn, info.abTot]);
    }
    case 'bbr': {
      const rate = Math.floor(info.bytesPerSecond);
      const high = Math.floor(rate / 4294967296);
      return words([rate, high, info.minRttUs, info.pacingGain, info.cwndGain]);
    }
    default:
      return words([]);
  }
}

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values, (v) => v | 0).buffer);
}

const REFUSED: readonly (readonly [string, number, string])[] = [
  ['TCP_MD5SIG', TCP_OPTION.MD5SIG, 'no signatures'],
  ['TCP_REPAIR', TCP_OPTION.REPAIR, 'state is not moved'],
  ['TCP_SAVE_SYN', TCP_OPTION.SAVE_SYN, 'headers are not kept'],
  ['TCP_SAVED_SYN', TCP_OPTION.SAVED_SYN, 'headers are not kept'],
  ['TCP_ULP', TCP_OPTION.ULP, 'nothing between TCP and the application'],
  ['TCP_ZEROCOPY_RECEIVE', TCP_OPTION.ZEROCOPY_RECEIVE, 'receives copy once'],
  ['TCP_TX_DELAY', TCP_OPTION.TX_DELAY, 'the emulator delays'],
];

export function tcpLevelOptions(): readonly Option[] {
  return [
    ...pushOptions(),
    deferAcceptOption(),
    maxSegmentOption(),
    ...keepaliveOptions(),
    linger2Option(),
    quickAckOption(),
    windowClampOption(),
    ...thinOptions(),
    congestionOption(),
    ...fastOpenOptions(),
    counted(
      atTcp('TCP_USER_TIMEOUT', TCP_OPTION.USER_TIMEOUT, 'ms; 0: tcp_retries2 decides'),
      'userTimeoutMs',
      0,
      0x7fffffff,
      () => 0,
    ),
    intOption<TcpEndpoint>(
      atTcp('TCP_NOTSENT_LOWAT', TCP_OPTION.NOTSENT_LOWAT, '0: tcp_notsent_lowat'),
      (e) => e.settings.notsentLowat | 0,
      (e, value) => {
        e.change({ notsentLowat: value >>> 0 });
        if (e.connection !== null) e.writable();
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atTcp('TCP_INQ', TCP_OPTION.INQ, 'how much is left, with each recvmsg'),
      (e) => on(e.wantsLeft),
      (e, value) => {
        if (value < 0 || value > 1) return -EINVAL;
        e.setWantsLeft(value === 1);
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atTcp('TCP_TIMESTAMP', TCP_OPTION.TIMESTAMP, "ms of the connection's clock"),
      (e) => {
        const c = e.connection;
        return c === null
          ? Math.floor(e.net.env.nowNs / MS) | 0
          : c.tcp.timestamp(c.tcp.env.nowNs, c.tsOffset);
      },
      null,
    ),
    ...infoOptions(),
    ...listenerFastOpenOptions(),
    ...REFUSED.map(([name, number, note]) => refusedOption<TcpEndpoint>(atTcp(name, number, note))),
  ];
}
