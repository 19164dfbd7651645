/**
 * One run of `ping` on a stack: an application like any other, driven by the stack's own deadlines and
 * readiness, so it needs no clock of its own and runs in the process that has the stack. What happens
 * is reported as events (plain objects, for they may have to cross a control socket); words are made
 * of them elsewhere.
 */
import { Deadline, type Expirable } from '../../src/base/deadline-queue.ts';
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EMSGSIZE,
  ENOBUFS,
  ENOMEM,
  errnoName,
} from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { EchoError, EchoListener, EchoSocket } from '../../src/net/echo-socket.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { type PingRequest, type PingTarget, resolveTarget } from './ping-request.ts';
import { PingStats, type PingSummary } from './ping-stats.ts';

export type PingEvent =
  | { type: 'sent'; seq: number }
  | {
      type: 'reply';
      seq: number;
      from: string;
      /** Of the ICMP message, its header included. */
      bytes: number;
      ttl: number;
      rttNs: number;
      duplicate?: true;
      truncated?: true;
      /** The first byte that differs from what was sent. */
      wrong?: { at: number; is: number; should: number };
    }
  | {
      type: 'error';
      seq: number;
      from: string;
      v4: boolean;
      icmpType: number;
      icmpCode: number;
      mtu: number;
    }
  /** Our own stack refused to send: an errno name, and the path's MTU for EMSGSIZE. */
  | { type: 'refused'; seq: number; code: string; mtu: number };

/** What the engine needs of whoever turns the stack. */
export interface Turner {
  /** Nanoseconds now, not as of the turn's start. */
  now(): number;
  /** Before the stack is entered from outside a turn. */
  kick(): void;
}

export interface PingListener {
  event(event: PingEvent): void;
  done(summary: PingSummary): void;
}

const SEQUENCES = 65536;
const NOT_SENT = 0;
const WAITING = 1;
const ANSWERED = 2;
const NEXT = 0;
const END = 1;
/** A flood sends so often when no reply drives it: 100 a second. */
const FLOOD_NS = 10 * MS;
/** No room in the device, or our address is not usable yet: look again. */
const RETRY_NS = 1 * MS;
const TENTATIVE_NS = 50 * MS;
/** Replies to the last requests get this long, if -W does not say less. */
const LEAST_LINGER_NS = 1 * SEC;
/** Room for a burst of the largest replies. */
const RCVBUF_BYTES = 4 << 20;

export class PingRun implements Expirable, EchoListener {
  private readonly stack: Stack;
  private readonly turner: Turner;
  private readonly request: PingRequest;
  private readonly target: PingTarget;
  private readonly listener: PingListener;
  private readonly socket: EchoSocket;
  private readonly stats: PingStats;
  private readonly data: Buffer;
  private readonly into = Buffer.alloc(65536);
  private readonly reply = new Datagram();
  private readonly sentNs = new Float64Array(SEQUENCES);
  private readonly state = new Uint8Array(SEQUENCES);
  private readonly nextDeadline: Deadline = new Deadline(this, NEXT);
  private readonly endDeadline: Deadline = new Deadline(this, END);
  private isOver = false;

  /** Throws a Failure when the stack cannot do what is asked. */
  constructor(stack: Stack, turner: Turner, request: PingRequest, listener: PingListener) {
    this.stack = stack;
    this.turner = turner;
    this.request = request;
    this.listener = listener;
    this.target = resolveTarget(stack, request);
    this.socket = this.target.socket;
    this.socket.rcvbufBytes = RCVBUF_BYTES;
    this.socket.listener = this;
    this.data = payload(request.size, request.pattern);
    this.stats = new PingStats(request.isFlood || request.isAdaptive || request.intervalNs === 0);
  }

  start(): void {
    this.turner.kick();
    const nowNs = this.turner.now();
    this.stats.startNs = nowNs;
    if (this.request.deadlineNs > 0) {
      this.stack.deadlines.arm(this.endDeadline, nowNs + this.request.deadlineNs);
    }
    this.sendOne();
  }

  /** Ends the run now; the summary is reported. Idempotent. */
  stop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.turner.kick();
    this.stack.deadlines.remove(this.nextDeadline);
    this.stack.deadlines.remove(this.endDeadline);
    this.stats.lost = this.socket.repliesLost;
    this.stack.net.echoes.close(this.socket);
    this.listener.done(this.stats.summary(this.turner.now()));
  }

  get isDone(): boolean {
    return this.isOver;
  }

  expire(which: number): void {
    if (this.isOver) return;
    if (which === END) this.stop();
    else this.sendOne();
  }

  onReady(): void {
    while (!this.isOver) {
      const n = this.stack.net.echoes.receive(this.socket, this.into, this.reply);
      if (n === -EAGAIN) break;
      this.replied(n);
    }
    if (this.isOver) return;
    for (const error of this.socket.errors.splice(0)) this.failed(error);
    if (this.isComplete()) this.stop();
  }

  // ---- Out ----

  private sendOne(): void {
    if (this.hasSentAll()) {
      this.linger();
      return;
    }
    const seq = (this.stats.transmitted + 1) % SEQUENCES;
    const nowNs = this.turner.now();
    const result = this.stack.net.echoes.send(this.socket, this.target.address, seq, this.data);
    if (result < 0 && this.isPassing(result)) return;
    this.stats.transmitted++;
    this.sentNs[seq] = nowNs;
    this.state[seq] = result === 0 ? WAITING : NOT_SENT;
    if (result === 0) this.listener.event({ type: 'sent', seq });
    else this.refused(seq, result);
    if (!this.isOver && this.isComplete()) this.stop();
    if (this.isOver) return;
    if (this.hasSentAll()) this.linger();
    else this.stack.deadlines.arm(this.nextDeadline, nowNs + this.paceNs());
  }

  /** Nothing was sent and nothing is wrong: try again a little later. */
  private isPassing(result: number): boolean {
    const { deadlines } = this.stack;
    const isFull = result === -ENOBUFS || result === -EAGAIN || result === -ENOMEM;
    const isTentative = result === -EADDRNOTAVAIL && this.hasTentative();
    if (!isFull && !isTentative) return false;
    deadlines.arm(this.nextDeadline, this.turner.now() + (isFull ? RETRY_NS : TENTATIVE_NS));
    return true;
  }

  private refused(seq: number, result: number): void {
    this.stats.errors++;
    const path = this.stack.net.paths.lookup(this.target.address, this.socket.boundIndex);
    const mtu = result === -EMSGSIZE && path !== null ? path.mtu(this.stack.env) : 0;
    this.listener.event({ type: 'refused', seq, code: errnoName(result), mtu });
    if (result !== -EMSGSIZE) this.stop(); // no route: it will not get better by asking again
  }

  private paceNs(): number {
    const { isFlood, isAdaptive, intervalNs } = this.request;
    if (isFlood) return Math.min(intervalNs, FLOOD_NS);
    return isAdaptive || intervalNs === 0 ? 1 * SEC : intervalNs;
  }

  /** -w: until then it goes on asking, for as many replies as -c says. */
  private hasSentAll(): boolean {
    const { count, deadlineNs } = this.request;
    return count > 0 && this.stats.transmitted >= count && deadlineNs === 0;
  }

  private linger(): void {
    const { deadlines } = this.stack;
    deadlines.disarm(this.nextDeadline);
    if (this.endDeadline.isArmed) return;
    const { request, stats } = this;
    // iputils waits for two round trips; on a machine that is busy elsewhere that loses replies.
    const least = Math.min(request.lingerNs, LEAST_LINGER_NS);
    const answered = Math.max(2 * stats.maxNs, request.intervalNs, least);
    const waitNs = stats.received > 0 ? answered : request.lingerNs;
    deadlines.arm(this.endDeadline, this.turner.now() + waitNs);
  }

  // ---- In ----

  private replied(n: number): void {
    const { reply, stats } = this;
    const seq = reply.port;
    const state = this.state[seq]!;
    if (state === NOT_SENT) return; // a reply to what was never asked
    const isDuplicate = state === ANSWERED;
    this.state[seq] = ANSWERED;
    const rttNs = Math.max(0, reply.atNs - this.sentNs[seq]!);
    const event: PingEvent & { type: 'reply' } = {
      type: 'reply',
      seq,
      from: formatAddress(reply.src),
      bytes: reply.len + 8,
      ttl: reply.ttl,
      rttNs,
    };
    if (n < this.data.length) event.truncated = true;
    const wrong = firstWrong(this.into, this.data, Math.min(n, this.data.length));
    if (wrong !== undefined) {
      event.wrong = wrong;
      stats.corrupted++;
    }
    if (isDuplicate) {
      event.duplicate = true;
      stats.duplicates++;
    } else stats.answered(rttNs);
    this.listener.event(event);
    if (this.isComplete()) this.stop();
    else if (!isDuplicate && this.isDrivenByReplies()) this.sendOne();
  }

  private isDrivenByReplies(): boolean {
    const { isFlood, isAdaptive, intervalNs } = this.request;
    return (isFlood || isAdaptive || intervalNs === 0) && !this.hasSentAll();
  }

  private failed(error: EchoError): void {
    if (this.state[error.seq] !== WAITING) return;
    this.state[error.seq] = ANSWERED;
    this.stats.errors++;
    this.listener.event({
      type: 'error',
      seq: error.seq,
      from: formatAddress(error.from),
      v4: isV4(error.from),
      icmpType: error.type,
      icmpCode: error.code,
      mtu: error.mtu,
    });
  }

  private isComplete(): boolean {
    const { count, deadlineNs } = this.request;
    const { received, errors } = this.stats;
    if (deadlineNs > 0) return errors > 0 || (count > 0 && received >= count);
    return count > 0 && received + errors >= count;
  }

  private hasTentative(): boolean {
    const v4 = isV4(this.target.address);
    return this.stack.net.interfaces.some((i) =>
      i.addresses.some((a) => a.state === 'tentative' && isV4(a.address) === v4),
    );
  }
}

/** The pattern over and over; without one, bytes that count up. */
function payload(size: number, pattern: string): Buffer {
  const data = Buffer.alloc(size);
  if (pattern !== '' && size > 0) return data.fill(pattern, 'hex');
  for (let i = 0; i < size; i++) data[i] = i & 0xff;
  return data;
}

function firstWrong(
  got: Buffer,
  sent: Buffer,
  len: number,
): { at: number; is: number; should: number } | undefined {
  if (got.compare(sent, 0, len, 0, len) === 0) return undefined;
  let at = 0;
  while (got[at] === sent[at]) at++;
  return { at, is: got[at]!, should: sent[at]! };
}

/** For callers that only want to know whether and how fast a host answers. */
export function pingOnce(
  stack: Stack,
  turner: Turner,
  request: PingRequest,
  onEvent: (event: PingEvent) => void = () => undefined,
): Promise<PingSummary> {
  return new Promise((done) => {
    new PingRun(stack, turner, request, { event: onEvent, done }).start();
  });
}
