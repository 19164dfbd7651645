/** What a ping is asked to do: made of a command line, or received over a control socket and not trusted. */
import { SEC } from '../../src/base/time.ts';
import type { EchoSocket } from '../../src/net/echo-socket.ts';
import { PMTUDISC } from '../../src/net/out-packet.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, isV4 } from '../../src/wire/address.ts';
import { Failure, usageError } from './failure.ts';
import type { OptionSpec, Options } from './options.ts';
import { destinationOf, GivenFields, probeTarget } from './probe-request.ts';

export interface PingRequest {
  /** As text; a link-local one may end in %interface. */
  readonly destination: string;
  /** 0: until stopped. */
  readonly count: number;
  /** Bytes behind the ICMP header. */
  readonly size: number;
  readonly intervalNs: number;
  /** As fast as replies come, or 100 a second. */
  readonly isFlood: boolean;
  readonly isAdaptive: boolean;
  /** How long to wait for a first reply after the last request. */
  readonly lingerNs: number;
  /** 0: none. */
  readonly deadlineNs: number;
  /** 0: the stack's default. */
  readonly ttl: number;
  readonly tos: number;
  /** One of PMTUDISC. */
  readonly pmtuDiscovery: number;
  /** Hexadecimal, whole bytes; '' counts up. */
  readonly pattern: string;
  /** '' is any. */
  readonly device: string;
}

/** IPv4: 65,535 less both headers. IPv6 has no IP header in its count. */
export const MAX_SIZE_V4 = 65507;
export const MAX_SIZE_V6 = 65527;
const DAY_S = 86400;
const MAX_PATTERN_BYTES = 16;

export const PING_OPTIONS: readonly OptionSpec[] = [
  { name: '4', help: 'IPv4 only' },
  { name: '6', help: 'IPv6 only' },
  { name: 'count', short: 'c', value: 'N', help: 'stop after N requests' },
  { name: 'size', short: 's', value: 'BYTES', help: 'data behind the ICMP header (default 56)' },
  { name: 'interval', short: 'i', value: 'SECONDS', help: 'between requests (default 1)' },
  { name: 'flood', short: 'f', help: 'as fast as replies come, or 100 a second; prints dots' },
  { name: 'adaptive', short: 'A', help: 'as fast as replies come' },
  { name: 'timeout', short: 'W', value: 'SECONDS', help: 'wait so long for a reply (default 10)' },
  { name: 'deadline', short: 'w', value: 'SECONDS', help: 'end after so long, whatever came' },
  { name: 'ttl', short: 't', value: 'N', help: 'time to live, hop limit' },
  { name: 'tos', short: 'Q', value: 'N', help: 'type of service, traffic class' },
  { name: 'pmtudisc', short: 'M', value: 'do|want|dont|probe', help: 'how DF is used' },
  { name: 'pattern', short: 'p', value: 'HEX', help: 'fill the data with up to 16 bytes' },
  { name: 'interface', short: 'I', value: 'NAME', help: 'out of this interface of the stack' },
  { name: 'quiet', short: 'q', help: 'only the summary' },
  { name: 'numeric', short: 'n', help: 'addresses, no names (always so)' },
  { name: 'timestamps', short: 'D', help: 'print the time before each line' },
];

export function pingRequestOf(options: Options): PingRequest {
  const { text: destination, v4 } = destinationOf(options, 'ping whom? give an address');
  const isFlood = options.has('flood');
  const interval = options.decimal('interval', 0, DAY_S);
  return {
    destination,
    count: options.integer('count', 1, Number.MAX_SAFE_INTEGER) ?? 0,
    size: options.integer('size', 0, v4 ? MAX_SIZE_V4 : MAX_SIZE_V6) ?? 56,
    intervalNs: Math.round((interval ?? (isFlood ? 0.01 : 1)) * SEC),
    isFlood,
    isAdaptive: options.has('adaptive'),
    lingerNs: Math.round((options.decimal('timeout', 0, DAY_S) ?? 10) * SEC),
    deadlineNs: Math.round((options.decimal('deadline', 0, DAY_S) ?? 0) * SEC),
    ttl: options.integer('ttl', 1, 255) ?? 0,
    tos: options.integer('tos', 0, 255) ?? 0,
    pmtuDiscovery: pmtuDiscoveryOf(options),
    pattern: patternOf(options.text('pattern') ?? ''),
    device: options.text('interface') ?? '',
  };
}

function pmtuDiscoveryOf(options: Options): number {
  switch (options.choice('pmtudisc', ['do', 'want', 'dont', 'probe'])) {
    case 'do':
      return PMTUDISC.DO;
    case 'dont':
      return PMTUDISC.DONT;
    case 'probe':
      return PMTUDISC.PROBE;
    default:
      return PMTUDISC.WANT;
  }
}

function patternOf(text: string): string {
  const isHex = /^([0-9a-f]{2})*$/i.test(text) && text.length <= 2 * MAX_PATTERN_BYTES;
  if (!isHex) throw usageError('-p: up to 16 bytes as pairs of hexadecimal digits');
  return text;
}

/** Checks every field of something that came over a socket. */
export function checkedRequest(given: Readonly<Record<string, unknown>>): PingRequest {
  const fields = new GivenFields('ping', given);
  return {
    destination: fields.text('destination'),
    count: fields.number('count', 0, Number.MAX_SAFE_INTEGER),
    size: fields.number('size', 0, MAX_SIZE_V6),
    intervalNs: fields.number('intervalNs', 0, DAY_S * SEC),
    isFlood: fields.isTrue('isFlood'),
    isAdaptive: fields.isTrue('isAdaptive'),
    lingerNs: fields.number('lingerNs', 0, DAY_S * SEC),
    deadlineNs: fields.number('deadlineNs', 0, DAY_S * SEC),
    ttl: fields.number('ttl', 0, 255),
    tos: fields.number('tos', 0, 255),
    pmtuDiscovery: fields.number('pmtuDiscovery', 0, 3),
    pattern: patternOf(fields.text('pattern')),
    device: fields.text('device'),
  };
}

export interface PingTarget {
  readonly address: Address;
  readonly socket: EchoSocket;
}

/** The destination and a socket set up for it. */
export function resolveTarget(stack: Stack, request: PingRequest): PingTarget {
  const { address, ifaceIndex: boundIndex } = probeTarget(stack, request, '-I');
  const v4 = isV4(address);
  if (v4 && request.size > MAX_SIZE_V4) {
    throw new Failure('EMSGSIZE', `at most ${MAX_SIZE_V4} bytes fit into an IPv4 packet`);
  }
  const socket = stack.net.echoes.open();
  if (socket === null) throw new Failure('EAGAIN', 'all 65,536 ping identifiers are in use');
  socket.boundIndex = boundIndex;
  socket.ttl = request.ttl;
  socket.tos = request.tos;
  socket.pmtuDiscovery = request.pmtuDiscovery;
  return { address, socket };
}
