/** What a traceroute is asked to do: made of a command line, or received over a control socket and not trusted. */
import { SEC } from '../../src/base/time.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { Failure, usageError } from './failure.ts';
import type { OptionSpec, Options } from './options.ts';
import { destinationOf, GivenFields, type ProbeTarget, probeTarget } from './probe-request.ts';

export interface TraceRequest {
  /** As text; a link-local one may end in %interface. */
  readonly destination: string;
  readonly isIcmp: boolean;
  readonly firstTtl: number;
  readonly maxTtl: number;
  /** Probes a hop. */
  readonly queries: number;
  /** How long an answer may take. */
  readonly waitNs: number;
  /** UDP: of the first probe, each further one has the next. ICMP: the first sequence number. */
  readonly port: number;
  /** '' is any. */
  readonly device: string;
}

/** RFC 1393's ancestors began here, above what is used: the destination answers "port unreachable". */
const FIRST_PORT = 33434;
const MAX_TTL = 255;
/** As Linux's traceroute. */
const MAX_QUERIES = 10;
const MAX_WAIT_S = 3600;

export const TRACE_OPTIONS: readonly OptionSpec[] = [
  { name: '4', help: 'IPv4 only' },
  { name: '6', help: 'IPv6 only' },
  { name: 'icmp', short: 'I', help: 'ICMP echo requests instead of UDP' },
  { name: 'max-hops', short: 'm', value: 'N', help: 'the largest TTL (default 30)' },
  { name: 'queries', short: 'q', value: 'N', help: 'probes a hop (default 3)' },
  { name: 'wait', short: 'w', value: 'SECONDS', help: 'for an answer (default 5)' },
  { name: 'first', short: 'f', value: 'N', help: 'the first TTL (default 1)' },
  { name: 'port', short: 'p', value: 'N', help: 'the first port (UDP, default 33434) or number' },
  { name: 'interface', short: 'i', value: 'NAME', help: 'out of this interface of the stack' },
  { name: 'numeric', short: 'n', help: 'addresses, no names (always so)' },
];

export function traceRequestOf(options: Options): TraceRequest {
  const { text: destination } = destinationOf(options, 'trace the way to whom? give an address');
  const isIcmp = options.has('icmp');
  const maxTtl = options.integer('max-hops', 1, MAX_TTL) ?? 30;
  const firstTtl = options.integer('first', 1, MAX_TTL) ?? 1;
  if (firstTtl > maxTtl) throw usageError('first hop out of range');
  return {
    destination,
    isIcmp,
    firstTtl,
    maxTtl,
    queries: options.integer('queries', 1, MAX_QUERIES) ?? 3,
    waitNs: Math.round((options.decimal('wait', 0.001, MAX_WAIT_S) ?? 5) * SEC),
    port: options.integer('port', isIcmp ? 0 : 1, 65535) ?? (isIcmp ? 1 : FIRST_PORT),
    device: options.text('interface') ?? '',
  };
}

/** Checks every field of something that came over a socket. */
export function checkedTrace(given: Readonly<Record<string, unknown>>): TraceRequest {
  const fields = new GivenFields('traceroute', given);
  const firstTtl = fields.number('firstTtl', 1, MAX_TTL);
  return {
    destination: fields.text('destination'),
    isIcmp: fields.isTrue('isIcmp'),
    firstTtl,
    maxTtl: fields.number('maxTtl', firstTtl, MAX_TTL),
    queries: fields.number('queries', 1, MAX_QUERIES),
    waitNs: fields.number('waitNs', 1, MAX_WAIT_S * SEC),
    port: fields.number('port', fields.isTrue('isIcmp') ? 0 : 1, 65535),
    device: fields.text('device'),
  };
}

/** Throws a Failure when there is no way. */
export function traceTarget(stack: Stack, request: TraceRequest): ProbeTarget {
  const target = probeTarget(stack, request, '-i');
  if (stack.net.paths.lookup(target.address, target.ifaceIndex) === null) {
    const text = request.destination.split('%')[0];
    throw new Failure('ENETUNREACH', `there is no route to ${text}`);
  }
  return target;
}
