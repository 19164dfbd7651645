/** What a running stack answers on its control socket. */
import type { ByteSink } from '../../src/link/capture-writer.ts';
import type { ControlHandler, ControlSession } from '../../src/live/control-server.ts';
import { listCounters } from '../../src/stack/nstat.ts';
import { applyChange, CHANGED_OBJECTS } from './changes.ts';
import { Failure } from './failure.ts';
import type { LiveStack } from './live-stack.ts';
import { maddrViews } from './maddr.ts';
import { checkedRequest } from './ping-request.ts';
import { type PingEvent, PingRun } from './ping-run.ts';
import { raViews } from './ra.ts';
import { socketHandlers } from './socket-handlers.ts';
import { sysctl } from './sysctl-handler.ts';
import { checkedTrace } from './traceroute-request.ts';
import { TraceRun } from './traceroute-run.ts';
import { addrView, linkStatsView, linkView, neighViews, routeViews } from './views.ts';

const MAX_WORDS = 16;
const MAX_WORD_LENGTH = 100;
/** A reader that is so far behind misses frames; the stack does not wait for it. */
const CAPTURE_BACKLOG_BYTES = 4 << 20;
/** So often what was captured is handed over, for whoever watches live. */
const CAPTURE_FLUSH_MS = 50;
const MIN_SNAPLEN = 14;
const MAX_SNAPLEN = 262144;

export interface Identity {
  readonly name: string;
  readonly version: string;
  /** Tells one run from the next, for those who keep counters. */
  readonly run: string;
}

export function controlHandlers(
  live: LiveStack,
  identity: Identity,
): ReadonlyMap<string, ControlHandler> {
  const { stack } = live;
  const answer =
    (view: () => unknown): ControlHandler =>
    (_request, session) => {
      live.device.refresh();
      live.kick();
      session.result(view());
    };
  return new Map<string, ControlHandler>([
    ['info', answer(() => ({ ...identity, pid: process.pid, uptimeMs: live.now() / 1e6 }))],
    ['nstat', answer(() => ({ run: identity.run, counters: listCounters(stack.net, stack.tcp) }))],
    ['link', answer(() => stack.net.interfaces.map(linkView))],
    ['link-stats', answer(() => linkStats(live))],
    ['addr', answer(() => stack.net.interfaces.map((i) => addrView(i, live.now())))],
    ['route', answer(() => routeViews(stack))],
    ['neigh', answer(() => neighViews(stack))],
    ['maddr', answer(() => maddrViews(stack))],
    ['dhcp', answer(() => live.autoconf4.views(live.now()))],
    ['ra', answer(() => raViews(stack))],
    ...socketHandlers(live),
    ['sysctl', (request, session) => sysctl(live, request, session)],
    ['change', (request, session) => change(live, request, session)],
    ['ping', (request, session) => ping(live, request, session)],
    ['traceroute', (request, session) => traceroute(live, request, session)],
    ['capture', (request, session) => capture(live, request, session)],
  ]);
}

/** The links' counters, and what is counted beside them: frames by fate, and how the driver woke. */
function linkStats(live: LiveStack): unknown {
  const { drops } = live.stack.net;
  return {
    links: live.stack.net.interfaces.map(linkStatsView),
    accepted: drops.accepted,
    dropped: drops.dropped,
    drops: drops.toObject(),
    driver: live.driver.stats.toObject(),
  };
}

function change(
  live: LiveStack,
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  const { object, words } = request;
  const isDhcp = object === 'dhcp';
  const known = CHANGED_OBJECTS.find((name) => name === object);
  const isSane =
    Array.isArray(words) &&
    words.length <= MAX_WORDS &&
    words.every((w) => typeof w === 'string' && w.length <= MAX_WORD_LENGTH);
  if ((known === undefined && !isDhcp) || !isSane)
    throw new Failure('EINVAL', 'change: makes no sense');
  live.kick();
  if (known === undefined) live.autoconf4.change(words as string[]);
  else applyChange(live.stack, known, words as string[]);
  session.result({});
}

function ping(
  live: LiveStack,
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  const events = request.events;
  const isShown = (event: PingEvent) =>
    events === 'all' || (events === 'shown' && event.type !== 'sent') || event.type === 'refused';
  const run = new PingRun(live.stack, live, checkedRequest(request), {
    event: (event) => {
      if (isShown(event)) session.event(event);
    },
    done: (summary) => session.result(summary),
  });
  session.onCancel(() => run.stop());
  run.start();
}

function traceroute(
  live: LiveStack,
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  const run = new TraceRun(live.stack, live, checkedTrace(request), {
    event: (event) => session.event(event),
    done: (summary) => session.result(summary),
    failed: ({ code, message }) => session.error(code, message),
  });
  session.onCancel(() => run.stop());
  run.start();
}

/** pcapng to a client, who decides where it goes. Frames the client is too slow for are counted. */
class SessionSink implements ByteSink {
  private readonly session: ControlSession;

  constructor(session: ControlSession) {
    this.session = session;
  }

  write(u8: Uint8Array, off: number, len: number): number {
    this.session.bytes(u8, off, len);
    return 0;
  }
}

function capture(
  live: LiveStack,
  request: Readonly<Record<string, unknown>>,
  session: ControlSession,
): void {
  const { device } = request;
  if (device !== '' && device !== live.iface.name) {
    throw new Failure(
      'ENODEV',
      `no capture of ${device}: the stack's device is ${live.iface.name}`,
    );
  }
  const running = live.capture(new SessionSink(session), {
    snaplen: integerOf(request.snaplen, MIN_SNAPLEN, MAX_SNAPLEN, 'snaplen'),
    frames: integerOf(request.count, 0, Number.MAX_SAFE_INTEGER, 'count'),
    hasRoom: () => session.backlog < CAPTURE_BACKLOG_BYTES,
  });
  running.writer.flush(); // the file's head, so that a reader sees that it has begun
  const timer = setInterval(() => {
    running.writer.flush();
    if (running.isFull || !session.isOpen) end();
  }, CAPTURE_FLUSH_MS);
  const end = (): void => {
    clearInterval(timer);
    running.end();
    session.result({ captured: running.captured, missed: running.missed });
  };
  session.onCancel(end);
}

function integerOf(value: unknown, least: number, most: number, name: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number;
  }
  throw new Failure('EINVAL', `capture: ${name} is not from ${least} to ${most}`);
}
