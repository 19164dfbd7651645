/** What a running stack answers on its control socket. */
import type { ByteSink } from '../../src/link/capture-writer.ts';
import type { ControlHandler, ControlSession } from '../../src/live/control-server.ts';
import { listCounters } from '../../src/stack/nstat.ts';
import { ccHandler } from './cc-handler.ts';
import { Failure } from './failure.ts';
import { IP_OBJECTS, ipAnswer, wordsOf } from './ip-handler.ts';
import type { LiveStack } from './live-stack.ts';
import { checkedRequest } from './ping-request.ts';
import { type PingEvent, PingRun } from './ping-run.ts';
import { raViews } from './ra.ts';
import { socketHandlers } from './socket-handlers.ts';
import { sysctl } from './sysctl-handler.ts';
import { checkedTrace } from './traceroute-request.ts';
import { TraceRun } from './traceroute-run.ts';

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
  const ask =
    (view: (request: Readonly<Record<string, unknown>>) => unknown): ControlHandler =>
    (request, session) => {
      live.device.refresh();
      live.kick();
      session.result(view(request));
    };
  const answer = (view: () => unknown): ControlHandler => ask(view);
  return new Map<string, ControlHandler>([
    ['info', answer(() => ({ ...identity, pid: process.pid, uptimeMs: live.now() / 1e6 }))],
    ['nstat', answer(() => ({ run: identity.run, counters: listCounters(stack.net, stack.tcp) }))],
    ...IP_OBJECTS.map(
      (object) => [object, ask((request) => ipAnswer(live, object, request))] as const,
    ),
    ['dhcp', ask((request) => dhcp(live, wordsOf(request.words)))],
    ['ra', answer(() => raViews(stack))],
    ...socketHandlers(live),
    ['cc', (request, session) => ccHandler(live.cc, request, session)],
    ['sysctl', (request, session) => sysctl(live, request, session)],
    ['ping', (request, session) => ping(live, request, session)],
    ['traceroute', (request, session) => traceroute(live, request, session)],
    ['capture', (request, session) => capture(live, request, session)],
  ]);
}

/** `show`, or nothing: what there is; other words change it. */
function dhcp(live: LiveStack, words: readonly string[]): unknown {
  const isShown = words.length === 0 || (words.length === 1 && words[0] === 'show');
  if (isShown) return live.autoconf4.views(live.now());
  live.autoconf4.change(words);
  return {};
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
  if (device !== undefined && device !== '' && device !== live.iface.name) {
    const named = typeof device === 'string' ? device : JSON.stringify(device);
    throw new Failure('ENODEV', `no capture of ${named}: the stack's device is ${live.iface.name}`);
  }
  const running = live.capture(new SessionSink(session), {
    snaplen: integerOf(request.snaplen ?? MAX_SNAPLEN, MIN_SNAPLEN, MAX_SNAPLEN, 'snaplen'),
    frames: integerOf(request.count ?? 0, 0, Number.MAX_SAFE_INTEGER, 'count'),
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
