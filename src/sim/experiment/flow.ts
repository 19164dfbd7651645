/**
 * A flow of an experiment: who opens connections to whom, and what has come of it.
 *
 *     FlowSpec ──► Flow ──► Traffic (bulk, requests, page …)
 *                  opens, listens, counts      decides what to send, and when
 *
 * It acts within its host's turns: when a timer of the stack's fires, or a connection says something.
 */
import { assert } from '../../base/assert.ts';
import { Deadline, type Expirable } from '../../base/deadline-queue.ts';
import { NEVER } from '../../base/time.ts';
import type { Stack } from '../../stack/stack.ts';
import type { TcpConnection } from '../../tcp/connection.ts';
import type { Listener } from '../../tcp/listener.ts';
import type { Tcp } from '../../tcp/tcp.ts';
import type { TcpSettings } from '../../tcp/tcp-settings.ts';
import { plainFrom, tcpConnect, tcpListen } from '../../tcp/user-calls.ts';
import { type Address, ANY4, ANY6, isV4 } from '../../wire/address.ts';
import type { FlowSpec } from './scenario.ts';
import { type ReadyEnds, StreamEnd, type StreamUser } from './stream-end.ts';

/** What a flow does once it may: one class for each kind of TrafficSpec. */
export interface Traffic extends StreamUser {
  /** The flow's time has come. */
  start(): void;
  /** The timer that it set. */
  timer(): void;
  /** Nothing new from now on. */
  stop(): void;
}

/** Flow 0 is on this port, the next on the next; all below the ports that stacks choose by themselves. */
export const FIRST_PORT = 5001;
const BACKLOG = 4096;
/** Who falls silent does so soon: no megabytes wait in the send buffer. */
const LITTLE_UNSENT = 16384;

/** A stack, and what on it has something to do. */
export interface FlowHost {
  readonly stack: Stack;
  readonly ready: ReadyEnds;
}

const START = 0;
const TIMER = 1;
const STOP = 2;

/** Whether this is the end that opened the connection. */
export function isOpener(c: TcpConnection): boolean {
  return c.localPort > c.remotePort;
}

/** Whose connection it is. */
export function flowOf(flows: readonly Flow[], c: TcpConnection): Flow | null {
  return flows[Math.min(c.localPort, c.remotePort) - FIRST_PORT] ?? null;
}

export class Flow implements Expirable {
  readonly spec: FlowSpec;
  readonly index: number;
  /** Bytes that the receiving application has read. */
  delivered = 0;
  /** Nanoseconds from asking for something until all of it had come: a transfer, an answer, a page. */
  readonly completions: number[] = [];
  /** errno of connections that failed, in the order in which they did. */
  readonly failures: number[] = [];
  /** When its first connection stood, and when the last byte so far was read; NEVER before. */
  firstNs = NEVER;
  lastNs = NEVER;
  private readonly client: FlowHost;
  private readonly server: FlowHost;
  private readonly remote: Address;
  /** Any address of the remote one's family. */
  private readonly any: Address;
  private readonly port: number;
  private readonly start = new Deadline(this, START);
  private readonly timer = new Deadline(this, TIMER);
  private readonly stop = new Deadline(this, STOP);
  private traffic: Traffic | null = null;

  constructor(spec: FlowSpec, index: number, client: FlowHost, server: FlowHost, remote: Address) {
    this.spec = spec;
    this.index = index;
    this.client = client;
    this.server = server;
    this.remote = remote;
    this.any = isV4(remote) ? ANY4 : ANY6;
    this.port = FIRST_PORT + index;
  }

  /** Whichever of its hosts has its turn: the other's clock stands where its last turn was. */
  get nowNs(): number {
    return Math.max(this.client.stack.env.nowNs, this.server.stack.env.nowNs);
  }

  /** Listens, and waits for its time. To be called once, before the hosts' first turns. */
  arm(traffic: Traffic): void {
    assert(this.traffic === null, 'a flow begins once');
    this.traffic = traffic;
    const { startNs, stopNs } = this.spec;
    this.client.stack.deadlines.arm(this.start, startNs);
    if (stopNs !== undefined) this.client.stack.deadlines.arm(this.stop, stopNs);
    const { tcp } = this.server.stack;
    const from = { ...plainFrom(tcp, this.any, this.port), settings: this.settings(tcp) };
    const listener = tcpListen(tcp, from, BACKLOG, {
      acceptable: () => {
        for (let c = listener.accept(); c !== undefined; c = listener.accept()) this.accept(c);
      },
    }) as Listener;
    assert(typeof listener !== 'number', 'every flow has a port of its own');
  }

  /** One more connection. */
  connect(): void {
    const { tcp } = this.client.stack;
    const from = { ...plainFrom(tcp, this.any, 0), settings: this.settings(tcp) };
    const opened = tcpConnect(tcp, this.remote, this.port, from, {
      established: (c) => this.established(c),
      failed: (errno) => {
        this.failures.push(errno);
      },
    });
    if (typeof opened === 'number') this.failures.push(-opened);
  }

  /** Calls the traffic's `timer` at a time, instead of at one set before. */
  wakeAt(ns: number): void {
    this.client.stack.deadlines.arm(this.timer, ns);
  }

  /** An application has read so much of what was sent for it. */
  count(bytes: number): void {
    this.delivered += bytes;
    this.lastNs = this.server.stack.env.nowNs;
  }

  complete(sinceNs: number): void {
    this.completions.push(this.nowNs - sinceNs);
  }

  fail(errno: number): void {
    if (errno !== 0) this.failures.push(errno);
  }

  expire(which: number): void {
    if (which === START) this.traffic!.start();
    else if (which === TIMER) this.traffic!.timer();
    else this.traffic!.stop();
  }

  private established(c: TcpConnection): void {
    if (this.firstNs === NEVER) this.firstNs = this.nowNs;
    new StreamEnd(c, true, this.traffic!, this.client.ready);
  }

  private accept(c: TcpConnection): void {
    new StreamEnd(c, false, this.traffic!, this.server.ready);
  }

  private settings(tcp: Tcp): TcpSettings {
    const settings = tcp.defaults.own();
    const { cc, traffic } = this.spec;
    const notsentLowat = traffic.kind === 'on-off' || traffic.kind === 'steps' ? LITTLE_UNSENT : 0;
    settings.change({ congestion: cc ?? '', isNoDelay: true, notsentLowat });
    return settings.share();
  }
}
