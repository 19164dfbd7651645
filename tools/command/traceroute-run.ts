/**
 * One run of `traceroute` on a stack: an application like any other, driven by the stack's own deadlines and
 * readiness. Sixteen probes are under way at most, as with Linux's program; what became of them is told in the
 * order in which they were sent.
 */
import { Deadline, type Expirable } from '../../src/base/deadline-queue.ts';
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EHOSTUNREACH,
  ENOBUFS,
  ENOMEM,
  errnoName,
} from '../../src/base/errno.ts';
import { MS } from '../../src/base/time.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type Address, isUnspecified, isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { Failure } from './failure.ts';
import type { Turner } from './ping-run.ts';
import {
  EchoProber,
  type ProbeAnswer,
  type ProbeListener,
  type Prober,
  UdpProber,
} from './traceroute-probes.ts';
import { type TraceRequest, traceTarget } from './traceroute-request.ts';

/** What became of one probe; `from` is '' when nobody answered in time. */
export interface TraceEvent {
  readonly ttl: number;
  readonly from: string;
  readonly rttNs: number;
  /** '', or Linux's mark of an error that ends the way: !H, !N, !X … */
  readonly mark: string;
}

export interface TraceSummary {
  /** The destination answered. */
  readonly isReached: boolean;
  /** The last TTL that was told of. */
  readonly hops: number;
}

export interface TraceListener {
  event(event: TraceEvent): void;
  done(summary: TraceSummary): void;
  failed(failure: Failure): void;
}

const MOST_UNDER_WAY = 16;
/** No room in the device; our address is not usable yet. */
const RETRY_NS = 1 * MS;
const TENTATIVE_NS = 50 * MS;
const WAIT = 0;
const RETRY = 1;

class Probe {
  readonly sentNs: number;
  from = '';
  rttNs = 0;
  mark = '';
  isOver = false;
  /** The way ends where it came from. */
  isLast = false;
  isDestination = false;

  constructor(sentNs: number) {
    this.sentNs = sentNs;
  }
}

export class TraceRun implements Expirable, ProbeListener {
  private readonly stack: Stack;
  private readonly turner: Turner;
  private readonly request: TraceRequest;
  private readonly listener: TraceListener;
  private readonly address: Address;
  private readonly prober: Prober;
  private readonly probes: Probe[] = [];
  private readonly total: number;
  /** Probes that were told of. */
  private told = 0;
  private isLastHop = false;
  private isReached = false;
  private isOver = false;
  private readonly waitDeadline: Deadline = new Deadline(this, WAIT);
  private readonly retryDeadline: Deadline = new Deadline(this, RETRY);

  /** Throws a Failure when the stack cannot do what is asked. */
  constructor(stack: Stack, turner: Turner, request: TraceRequest, listener: TraceListener) {
    this.stack = stack;
    this.turner = turner;
    this.request = request;
    this.listener = listener;
    this.total = (request.maxTtl - request.firstTtl + 1) * request.queries;
    const { address, ifaceIndex } = traceTarget(stack, request);
    this.address = address;
    const How = request.isIcmp ? EchoProber : UdpProber;
    this.prober = new How(stack, address, ifaceIndex, request.port, this);
  }

  start(): void {
    this.turner.kick();
    this.sendMore();
  }

  /** Ends the run now; what was told stays. Idempotent. */
  stop(): void {
    if (!this.close()) return;
    const hops = this.told === 0 ? 0 : this.ttlOf(this.told - 1);
    this.listener.done({ isReached: this.isReached, hops });
  }

  expire(which: number): void {
    if (which === RETRY) this.sendMore();
    else this.expireProbes();
  }

  answered(answer: ProbeAnswer): void {
    const probe = this.probes[answer.number];
    if (probe === undefined || probe.isOver) return;
    probe.isOver = true;
    probe.rttNs = Math.max(0, answer.atNs - probe.sentNs);
    probe.from = formatAddress(isUnspecified(answer.from) ? this.ownAddress() : answer.from);
    const v4 = isV4(this.address);
    const { error } = answer;
    const isPassing = error !== null && error.type === (v4 ? 11 : 3);
    probe.isLast = !isPassing;
    const isPort = error !== null && error.type === (v4 ? 3 : 1) && error.code === (v4 ? 3 : 4);
    probe.isDestination = error === null || isPort;
    probe.mark = error === null || isPassing || isPort ? '' : markOf(error, v4);
  }

  drained(): void {
    if (!this.isOver) this.tell();
  }

  private ownAddress(): Address {
    return this.stack.net.paths.lookup(this.address, 0)?.source ?? this.address;
  }

  private ttlOf(index: number): number {
    return this.request.firstTtl + Math.floor(index / this.request.queries);
  }

  private sendMore(): void {
    const { probes, stack, turner } = this;
    while (!this.isOver && probes.length < this.total) {
      if (probes.length - this.told >= MOST_UNDER_WAY) break;
      const number = probes.length;
      const sentNs = turner.now();
      const result = this.prober.send(number, this.ttlOf(number));
      if (result === 0) {
        probes.push(new Probe(sentNs));
        continue;
      }
      const isFull = result === -ENOBUFS || result === -EAGAIN || result === -ENOMEM;
      if (isFull || (result === -EADDRNOTAVAIL && this.hasTentative())) {
        const delayNs = isFull ? RETRY_NS : TENTATIVE_NS;
        stack.deadlines.arm(this.retryDeadline, sentNs + delayNs);
      } else if (this.close()) {
        const code = errnoName(result);
        this.listener.failed(new Failure(code, `a probe cannot be sent (${code})`));
      }
      break;
    }
    this.armWait();
  }

  private hasTentative(): boolean {
    return this.stack.net.interfaces.some((i) => i.addresses.some((a) => a.state === 'tentative'));
  }

  private expireProbes(): void {
    const nowNs = this.turner.now();
    for (let i = this.told; i < this.probes.length; i++) {
      const probe = this.probes[i]!;
      if (probe.sentNs + this.request.waitNs <= nowNs) probe.isOver = true;
    }
    this.tell();
  }

  /** In order, as far as everything before is known; the last hop is told as a whole. */
  private tell(): void {
    const { probes, request } = this;
    while (!this.isOver && this.told < probes.length && probes[this.told]!.isOver) {
      const { from, rttNs, mark, isLast, isDestination } = probes[this.told]!;
      this.listener.event({ ttl: this.ttlOf(this.told), from, rttNs, mark });
      this.told++;
      if (isLast) this.isLastHop = true;
      if (isDestination) this.isReached = true;
      const isHopTold = this.told % request.queries === 0;
      if (isHopTold && (this.isLastHop || this.told === this.total)) this.stop();
    }
    if (!this.isOver) this.sendMore();
  }

  private armWait(): void {
    if (this.isOver) return;
    const { deadlines } = this.stack;
    const oldest = this.probes.find((p, i) => i >= this.told && !p.isOver);
    if (oldest === undefined) deadlines.disarm(this.waitDeadline);
    else deadlines.arm(this.waitDeadline, oldest.sentNs + this.request.waitNs);
  }

  /** False: it was over already. */
  private close(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.turner.kick();
    this.stack.deadlines.remove(this.waitDeadline);
    this.stack.deadlines.remove(this.retryDeadline);
    this.prober.close();
    return true;
  }
}

/** By code of "destination unreachable": as Linux's traceroute writes them. */
const MARKS4: Readonly<Record<number, string>> = {
  0: '!N',
  1: '!H',
  2: '!P',
  5: '!S',
  6: '!N',
  7: '!H',
  9: '!X',
  10: '!X',
  13: '!X',
  14: '!V',
  15: '!C',
};
const MARKS6: Readonly<Record<number, string>> = { 0: '!N', 1: '!X', 2: '!S', 3: '!H' };

function markOf(error: NonNullable<ProbeAnswer['error']>, v4: boolean): string {
  const { type, code, mtu, errno } = error;
  if (type < 0) return errno === EHOSTUNREACH ? '!H' : '!N'; // our own stack says it
  if (mtu > 0) return `!F-${mtu}`;
  if (type !== (v4 ? 3 : 1)) return `!<${type}-${code}>`;
  return (v4 ? MARKS4 : MARKS6)[code] ?? `!<${code}>`;
}
