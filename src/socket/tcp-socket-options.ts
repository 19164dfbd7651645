/** Options of TCP sockets below SOL_TCP, and the whole table, which docs/sockets.md is checked against. */
import { EINVAL } from '../base/errno.ts';
import { HOLD } from '../tcp/port-holds.ts';
import { chargedBytes } from '../tcp/write-room.ts';
import { AF, IP_OPT, SO } from './abi.ts';
import {
  atIp,
  DEVICE_OPTIONS,
  IP_OPTIONS,
  IPV6_OPTIONS,
  on,
  receiveBufferOptions,
  sendBufferForceOption,
  sendBufferOption,
  unicastIf,
} from './ip-options.ts';
import {
  bytesOption,
  intOption,
  readInt,
  refusedOption,
  type SocketOption,
  writeInt,
} from './option.ts';
import { atSocket, SOCKET_OPTIONS } from './socket-options.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';
import { errorOptions } from './tcp-error-options.ts';
import { renewHold } from './tcp-open.ts';
import { tcpLevelOptions } from './tcp-options.ts';

type Option = SocketOption<TcpEndpoint>;

/** sizeof(struct linger) */
const LINGER_BYTES = 8;
/** SK_MEMINFO_VARS, in their order. */
const MEMINFO_WORDS = 9;
const NO_RATE_LIMIT = 0xffffffff;
/** The largest that 64 bits and a double both hold. */
const MAX_RATE = 2 ** 64 - 2048;

function lingerOption(): Option {
  return bytesOption<TcpEndpoint>(
    atSocket('SO_LINGER', SO.LINGER, 'struct linger; 0 s: a reset'),
    (e, into) => {
      const { lingerSec } = e.settings;
      const n = writeInt(on(lingerSec >= 0), into.subarray(0, 4));
      return n + writeInt(Math.max(lingerSec, 0), into.subarray(n, LINGER_BYTES));
    },
    (e, value) => {
      if (value.length < LINGER_BYTES) return -EINVAL;
      const isOn = readInt(value) !== 0;
      const seconds = readInt(value.subarray(4))!;
      e.change({ lingerSec: isOn ? seconds & 0x7fffffff : -1 });
      return 0;
    },
  );
}

function lowWaterOption(): Option {
  return intOption<TcpEndpoint>(
    atSocket('SO_RCVLOWAT', SO.RCVLOWAT, 'at most half of the receive buffer'),
    (e) => e.settings.rcvLowat,
    (e, value) => {
      const { rcvbufBytes } = e.settings;
      const most = (rcvbufBytes !== 0 ? rcvbufBytes : e.tcp.config.rmemMax) >> 1;
      const rcvLowat = Math.min(value < 0 ? most : value, most) || 1;
      e.change({ rcvLowat });
      e.connection?.growReceiveBuffer(2 * rcvLowat);
      e.wakeAll();
      return 0;
    },
  );
}

/** Bytes a second: 32 bits or 64. */
function pacingOption(): Option {
  return bytesOption<TcpEndpoint>(
    atSocket(
      'SO_MAX_PACING_RATE',
      SO.MAX_PACING_RATE,
      'bytes/s in 32 or 64 bits; 0: paced, not limited',
    ),
    (e, into) => {
      const rate = e.settings.maxPacingRate;
      const dv = new DataView(new ArrayBuffer(8));
      const isWide = into.length >= 8;
      const is64 = rate !== Infinity && isWide;
      dv.setUint32(0, is64 ? rate % 4294967296 : Math.min(rate, NO_RATE_LIMIT), true);
      dv.setUint32(4, rate === Infinity ? NO_RATE_LIMIT : Math.floor(rate / 4294967296), true);
      const n = isWide ? 8 : Math.min(into.length, 4);
      for (let i = 0; i < n; i++) into[i] = dv.getUint8(i);
      return n;
    },
    (e, value) => {
      if (value.length < 4) return -EINVAL;
      const low = readInt(value)! >>> 0;
      const high = value.length >= 8 ? readInt(value.subarray(4))! >>> 0 : -1;
      const isOff = low === NO_RATE_LIMIT && (high === -1 || high === NO_RATE_LIMIT);
      const rate = Math.min(low + Math.max(high, 0) * 4294967296, MAX_RATE);
      e.change({ maxPacingRate: isOff ? Infinity : rate });
      return 0;
    },
  );
}

/** What is charged to the socket; the three that we have nothing for are 0. */
function memoryOption(): Option {
  return bytesOption<TcpEndpoint>(
    atSocket('SO_MEMINFO', SO.MEMINFO, 'both queues and both buffers'),
    (e, into) => {
      const c = e.connection;
      const words = new Int32Array(MEMINFO_WORDS);
      words[0] = c?.received.chargedBytes ?? 0;
      words[1] = e.receiveBuffer;
      words[2] = c === null ? 0 : c.sendQueue.length - c.unsentBytes();
      words[3] = e.sendBuffer;
      words[5] = c === null ? 0 : chargedBytes(c);
      const bytes = new Uint8Array(words.buffer);
      const n = Math.min(into.length, bytes.length);
      into.set(bytes.subarray(0, n));
      return n;
    },
    null,
  );
}

function switchOptions(): Option[] {
  return [
    intOption<TcpEndpoint>(
      atSocket('SO_REUSEADDR', SO.REUSEADDR, 'as on Linux: not beside a listener'),
      (e) => on(e.settings.isReuseAddress),
      (e, value) => {
        e.change({ isReuseAddress: value !== 0 });
        renewHold(e, e.isListening ? HOLD.LISTENING : HOLD.BOUND);
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atSocket('SO_REUSEPORT', SO.REUSEPORT, 'one listener by a keyed hash of the 4-tuple'),
      (e) => on(e.settings.isReusePort),
      (e, value) => {
        e.change({ isReusePort: value !== 0 });
        renewHold(e, e.isListening ? HOLD.LISTENING : HOLD.BOUND);
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atSocket('SO_KEEPALIVE', SO.KEEPALIVE, ''),
      (e) => on(e.settings.isKeepalive),
      (e, value) => {
        e.change({ isKeepalive: value !== 0 });
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atSocket('SO_OOBINLINE', SO.OOBINLINE, ''),
      (e) => on(e.settings.isUrgentInline),
      (e, value) => {
        e.change({ isUrgentInline: value !== 0 });
        return 0;
      },
    ),
    intOption<TcpEndpoint>(
      atSocket('SO_PEEK_OFF', SO.PEEK_OFF, 'negative: off'),
      (e) => e.peekOffset,
      (e, value) => {
        e.setPeekOffset(value);
        return 0;
      },
    ),
  ];
}

const REFUSED_SOCKET: readonly (readonly [string, number, string])[] = [
  ['SO_TIMESTAMP', SO.TIMESTAMP, 'of datagrams only'],
  ['SO_TIMESTAMPNS', SO.TIMESTAMPNS, 'of datagrams only'],
  ['SO_INCOMING_CPU', SO.INCOMING_CPU, 'one stack, one thread'],
];

const REFUSED_IP: readonly (readonly [string, number, string])[] = [
  ['IP_OPTIONS', IP_OPT.OPTIONS, 'sent without options'],
  ['IP_FREEBIND', IP_OPT.FREEBIND, 'addresses are ours or not'],
  ['IP_TRANSPARENT', IP_OPT.TRANSPARENT, 'addresses are ours or not'],
  ['IP_MINTTL', IP_OPT.MINTTL, 'not looked at'],
];

function ipOptions(): Option[] {
  return [
    ...IP_OPTIONS,
    unicastIf(true, 'connections do not ask for it, as on Linux', 'advisory'),
    intOption<TcpEndpoint>(
      atIp('IP_BIND_ADDRESS_NO_PORT', IP_OPT.BIND_ADDRESS_NO_PORT, 'connect chooses the port'),
      (e) => on(e.isPortless),
      (e, value) => {
        if (value < 0 || value > 1) return -EINVAL;
        e.setPortless(value === 1);
        return 0;
      },
    ),
    ...REFUSED_IP.map(([name, number, note]) =>
      refusedOption<TcpEndpoint>(atIp(name, number, note)),
    ),
  ];
}

/** Of an AF_INET socket, or of an AF_INET6 one, which has IPv4's too. */
export function tcpOptions(domain: number): readonly Option[] {
  const ipv6: readonly Option[] =
    domain === AF.INET6
      ? [
          ...IPV6_OPTIONS,
          unicastIf(false, 'connections do not ask for it, as on Linux', 'advisory'),
        ]
      : [];
  return [
    ...SOCKET_OPTIONS,
    ...switchOptions(),
    lingerOption(),
    ...receiveBufferOptions('doubled; net.core.rmem_max; ends autotuning'),
    sendBufferOption('doubled; net.core.wmem_max; ends autotuning', 'implemented'),
    sendBufferForceOption(),
    lowWaterOption(),
    intOption<TcpEndpoint>(atSocket('SO_SNDLOWAT', SO.SNDLOWAT, 'always 1'), () => 1, null),
    pacingOption(),
    memoryOption(),
    ...errorOptions(domain),
    ...REFUSED_SOCKET.map(([name, number, note]) =>
      refusedOption<TcpEndpoint>(atSocket(name, number, note)),
    ),
    ...DEVICE_OPTIONS,
    ...ipOptions(),
    ...ipv6,
    ...tcpLevelOptions(),
  ];
}
