/**
 * The error queue of a TCP socket that asked for what goes there: errors of the network (IP_RECVERR), what became
 * of marked bytes (SO_TIMESTAMPING), sends that are over (MSG_ZEROCOPY). Told by TCP; read with MSG_ERRQUEUE.
 */
import { EAGAIN } from '../base/errno.ts';
import { ErrorQueue, MAX_QUOTED, QueuedError, quotedPayload } from '../net/error-queue.ts';
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import { FATE, type SendWatcher } from '../tcp/send-marks.ts';
import type { SendQueue } from '../tcp/send-queue.ts';
import type { TcpSettings } from '../tcp/tcp-settings.ts';
import { type Seq, seqAdd, seqDiff, seqOf } from '../wire/seq.ts';
import { tcpDstPort } from '../wire/tcp.ts';
import { MSG, STAMPING, TSTAMP } from './abi.ts';
import {
  addCopyNews,
  addNetworkError,
  addStampNews,
  CopyNews,
  NEWS_CHARGE,
  StampNews,
} from './error-message.ts';
import { type Message, scatter } from './message.ts';
import type { SockAddr } from './sock-addr.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';

type Kept = QueuedError | CopyNews | StampNews;

const NO_BYTES = new Uint8Array(0);

/** Whether a socket with these settings has such a queue. */
export function isWatching(s: TcpSettings): boolean {
  return s.isZerocopy || s.timestamping !== 0 || s.wantsErrors4 || s.wantsErrors6;
}

export class TcpErrors implements SendWatcher {
  private readonly e: TcpEndpoint;
  private readonly queue = new ErrorQueue<Kept>();
  /** SOF_TIMESTAMPING_OPT_ID: the byte that is 0. */
  private stampBase: Seq = seqOf(0);
  /** Of the next send with MSG_ZEROCOPY: 32 bits. */
  private nextCopy = 0;
  /** Notifications in the queue. */
  private copyNews = 0;

  constructor(e: TcpEndpoint) {
    this.e = e;
  }

  get isEmpty(): boolean {
    return this.queue.isEmpty;
  }

  setStampBase(base: Seq): void {
    this.stampBase = base;
  }

  // ---- sends ----

  /** net.core.optmem_max bounds notifications, those to come included. False: -ENOBUFS. */
  hasRoomForCopy(): boolean {
    const { connection: c, net } = this.e;
    const marks = c?.marks ?? null;
    if (marks?.isCopyOpen === true) return true;
    const news = this.copyNews + (marks?.pendingCopies ?? 0);
    return (news + 1) * NEWS_CHARGE <= net.config.optmemMax;
  }

  /** The number of a send that has begun to take bytes. */
  takeCopyId(): number {
    const id = this.nextCopy;
    this.nextCopy = (id + 1) >>> 0;
    return id;
  }

  /** The number of the send that goes on. */
  get openCopyId(): number {
    return (this.nextCopy - 1) >>> 0;
  }

  // ---- told by TCP: marks, nothing more ----

  reached(fate: number, end: Seq, queue: SendQueue, from: number, len: number): void {
    const { e } = this;
    const flags = e.settings.timestamping;
    const quoted = (flags & STAMPING.OPT_TSONLY) !== 0 ? 0 : Math.min(len, MAX_QUOTED);
    const payload = quoted === 0 ? NO_BYTES : queue.copyOf(from + len - quoted, quoted);
    const hasId = (flags & STAMPING.OPT_ID) !== 0;
    const key = hasId ? seqDiff(seqAdd(end, -1), this.stampBase) >>> 0 : 0;
    this.keep(new StampNews(nameOf(fate), key, e.net.env.nowNs, payload));
  }

  released(first: number, last: number): void {
    const newest = this.queue.last();
    if (!(newest instanceof CopyNews && newest.extend(first, last))) {
      this.queue.push(new CopyNews(first, last), Infinity);
      this.copyNews++;
    }
    this.e.wakeErrors();
  }

  softError(errno: number): void {
    this.e.setError(errno);
    this.e.wakeAll();
  }

  networkError(quote: QuotedPacket, why: NetworkError): void {
    const { slab } = this.e.net.env.memory;
    const port = tcpDstPort(slab.dv, quote.off);
    const payload = quotedPayload(slab, quote, 0);
    this.keep(new QueuedError(why, quote, port, this.e.net.env.nowNs, payload));
  }

  /** Bounded with what waits to be read; what finds no room is lost. */
  private keep(error: QueuedError | StampNews): void {
    const { e } = this;
    const unread = e.connection?.received.chargedBytes ?? 0;
    // Notifications of copies have a limit of their own.
    const limit = e.receiveBuffer - unread + this.copyNews * NEWS_CHARGE;
    if (this.queue.push(error, limit)) e.wakeErrors();
  }

  // ---- for the application ----

  /** IP_RECVERR is off: the network's errors go, news of sends stay. */
  dropNetworkErrors(): void {
    this.queue.keep((error) => !(error instanceof QueuedError));
  }

  /** The oldest entry: its bytes, and what there is to say of it. */
  receive(
    iov: readonly Uint8Array[],
    room: number,
    name: SockAddr | null,
    m: Message | null,
  ): number {
    const error = this.queue.shift();
    if (error === null) return -EAGAIN;
    const { e } = this;
    e.setError(this.queue.pendingAfter(error, e.error));
    if (!this.queue.isEmpty) e.wakeErrors();
    if (error instanceof CopyNews) this.copyNews--;
    const payload = error instanceof CopyNews ? NO_BYTES : error.payload;
    const n = Math.min(payload.length, room);
    scatter(payload, n, iov);
    if (name !== null && error instanceof QueuedError) {
      name.set(e.domain, error.destination, error.port, 0);
    }
    if (m !== null) {
      m.addFlags(MSG.ERRQUEUE | (n < payload.length ? MSG.TRUNC : 0));
      this.describe(m, error);
    }
    return n;
  }

  private describe(m: Message, error: Kept): void {
    const { domain, settings, shared } = this.e;
    if (error instanceof QueuedError) addNetworkError(m, error, domain);
    else if (error instanceof CopyNews) addCopyNews(m, error, domain);
    else {
      const isTold = (settings.timestamping & STAMPING.SOFTWARE) !== 0;
      addStampNews(m, error, domain, shared.epochNs, isTold);
    }
  }
}

function nameOf(fate: number): number {
  if (fate === FATE.SCHEDULED) return TSTAMP.SCHED;
  return fate === FATE.SENT ? TSTAMP.SND : TSTAMP.ACK;
}

/** The FATE bits that SO_TIMESTAMPING's flags ask for. */
export function fatesOf(flags: number): number {
  let fates = 0;
  if ((flags & STAMPING.TX_SCHED) !== 0) fates |= FATE.SCHEDULED;
  if ((flags & STAMPING.TX_SOFTWARE) !== 0) fates |= FATE.SENT;
  if ((flags & STAMPING.TX_ACK) !== 0) fates |= FATE.ACKNOWLEDGED;
  return fates;
}
