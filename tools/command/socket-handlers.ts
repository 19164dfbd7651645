/** What a running stack answers to `ss`. */
import type { ControlHandler, ControlSession } from '../../src/live/control-server.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { TCP_MEM_PAGE } from '../../src/tcp/tcp-config.ts';
import { STATE } from '../../src/tcp/tcp-state.ts';
import { isV4 } from '../../src/wire/address.ts';
import { Failure } from './failure.ts';
import type { LiveStack } from './live-stack.ts';
import { type SocketView, tcpViews, udpViews } from './socket-views.ts';
import type { FamilyCount, SocketsAnswer, SummaryAnswer } from './ss.ts';
import { ALL_STATES } from './ss-filter.ts';

/** So many fit into one answer, TCP_INFO and all. */
const MAX_SOCKETS = 3000;

export function socketHandlers(live: LiveStack): readonly (readonly [string, ControlHandler])[] {
  return [
    ['ss', (request, session) => sockets(live, request, session)],
    [
      'ss-summary',
      (_request, session) => {
        live.kick();
        session.result(socketSummary(live.stack));
      },
    ],
  ];
}

function sockets(
  live: LiveStack,
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  live.kick();
  session.result(
    listSockets(
      live.stack,
      wordsOf(request.netids, ['udp', 'tcp']),
      wordsOf(request.states, ALL_STATES),
    ),
  );
}

export function listSockets(
  stack: Stack,
  netids: readonly string[],
  states: readonly string[],
): SocketsAnswer {
  const all: SocketView[] = [
    ...(netids.includes('udp') ? udpViews(stack) : []),
    ...(netids.includes('tcp') ? tcpViews(stack) : []),
  ].filter((s) => states.includes(s.state));
  return { sockets: all.slice(0, MAX_SOCKETS), total: all.length };
}

export function socketSummary(stack: Stack): SummaryAnswer {
  const { net, tcp, udp } = stack;
  const endpoints = tcp.demux.all();
  const waiting = endpoints.filter(
    (e) => e.kind === 'time-wait' && e.state === STATE.TIME_WAIT,
  ).length;
  const connections = endpoints.filter((e) => e.kind === 'connection');
  const opening = endpoints.filter((e) => e.kind === 'handshake' && e.listener === null);
  const isEstablished = (state: number) =>
    state === STATE.ESTABLISHED || state === STATE.CLOSE_WAIT;
  return {
    udp: byFamily(udp.list(), (s) => s.family === 'ipv4'),
    tcp: sum(
      byFamily([...connections, ...opening], (e) => isV4(e.remote)),
      byFamily(tcp.demux.listeners.all(), (l) => isV4(l.local)),
    ),
    fragments: { ip: net.reassembly4.inProgress, ip6: net.reassembly6.inProgress },
    estab: connections.filter((c) => isEstablished(c.state)).length,
    closed: waiting,
    orphaned: stack.tcp.orphans.count,
    timewait: waiting,
    memory: { pages: Math.ceil(tcp.memory.bytes / TCP_MEM_PAGE), isPressed: tcp.memory.isPressed },
  };
}

function byFamily<T>(all: readonly T[], isIp: (item: T) => boolean): FamilyCount {
  const ip = all.filter(isIp).length;
  return { ip, ip6: all.length - ip };
}

function sum(a: FamilyCount, b: FamilyCount): FamilyCount {
  return { ip: a.ip + b.ip, ip6: a.ip6 + b.ip6 };
}

function wordsOf(value: unknown, known: readonly string[]): readonly string[] {
  const isSane = Array.isArray(value) && value.every((word) => known.includes(word as string));
  if (!isSane) throw new Failure('EINVAL', 'ss: makes no sense');
  return value as string[];
}
