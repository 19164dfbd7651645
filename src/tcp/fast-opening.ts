/**
 * An active open that tries Fast Open (RFC 7413 §4.2.1): its first SYN asks for a cookie, or brings one and text.
 *
 * The text is the application's first write. It is kept here, in a send queue, until the connection takes the queue
 * over: what the SYN-ACK acknowledges is done with, the rest leaves at once as ordinary segments (`fast-open`). The
 * SYN that is sent again has neither option nor text, for they may be why it was lost.
 */
import { CAST } from '../net/ip-packet.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import { isV4 } from '../wire/address.ts';
import { type Seq, seqAdd } from '../wire/seq.ts';
import { TCP_FLAG, TCP_HEADER_LEN } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import type { FlowId } from './endpoint.ts';
import { handOver } from './fast-open.ts';
import { FAST_OPEN, FastOpenCookie, NO_COOKIE } from './fast-open-option.ts';
import { noteTimeout } from './fast-open-pause.ts';
import { FAST_OPEN_FAILURE } from './fast-open-use.ts';
import { Handshake, type Opener } from './handshake.ts';
import { sendHandshakeSegment, sendSynWithText } from './handshake-segment.ts';
import { sparePages } from './page-shares.ts';
import type { Segment } from './segment.ts';
import { SendQueue } from './send-queue.ts';
import { hasSynGivenUp } from './syn-patience.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { STATE } from './tcp-state.ts';

/** MAX_TCP_OPTION_SPACE: room that a SYN leaves for options, a middlebox's included. */
const OPTION_SPACE = 40;

export class FastOpening extends Handshake {
  /** What the first SYN says; nothing once it has left. */
  readonly cookie = new FastOpenCookie();
  readonly queue: SendQueue;
  /** TCP_FASTOPEN_CONNECT: the SYN waits for the first write. */
  isDeferred = true;
  /** Text that left in the SYN. */
  sentBytes = 0;
  /** The SYN had the option, the experiment's perhaps. */
  hasAsked = false;
  isExperimental = false;
  /** The first after a pause: if it works the pause is forgotten. */
  isTrial = false;
  /** One of FAST_OPEN_FAILURE. */
  failure: number = FAST_OPEN_FAILURE.NONE;
  /** Bytes of the application that it has, or had until the connection took them over. */
  takenBytes = 0;
  /** The send with MSG_ZEROCOPY whose bytes they are (-1: none), and whether that goes on. */
  copyId = -1;
  isCopyOpen = false;
  private mayCarryText = false;
  private isTooLarge = false;

  constructor(tcp: Tcp, id: FlowId, opener: Opener, settings: TcpSettings, iss: Seq | null) {
    super(tcp, id, null, opener, settings, iss);
    this.queue = new SendQueue(tcp.memory);
  }

  override get fastOpening(): this {
    return this;
  }

  override get fastOpenCookie(): FastOpenCookie {
    return this.cookie;
  }

  override get sndNxt(): Seq {
    return seqAdd(this.iss, 1 + this.sentBytes);
  }

  /** Whether the SYN may carry text, by what is known of the server now. */
  consult(): boolean {
    const { tcp, cookie, settings } = this;
    const pause = tcp.fastOpenPause;
    const server = tcp.fastOpenCache.find(this.local, this.remote);
    cookie.set(0, false);
    if (server !== null) cookie.copy(server.cookie);
    if (server !== null && cookie.len <= 0) cookie.set(0, server.isExperimentDue());
    this.isTrial = pause.hasSigns();
    if (pause.isOn()) {
      cookie.set(NO_COOKIE, false);
      this.mayCarryText = false;
    } else if (settings.isFastOpenNoCookie || tcp.config.fastOpen & FAST_OPEN.CLIENT_NO_COOKIE) {
      cookie.set(NO_COOKIE, false);
      this.mayCarryText = true;
    } else {
      this.mayCarryText = cookie.len > 0;
      if (!this.mayCarryText) this.failure = FAST_OPEN_FAILURE.COOKIE_UNAVAILABLE;
    }
    return this.mayCarryText;
  }

  /**
   * The SYN leaves, with as much of the text as it may carry: so many bytes were taken. What does not leave now (the
   * device has no room) follows when the connection stands.
   */
  startWith(iov: readonly Uint8Array[]): number {
    if (this.consult()) this.fill(iov);
    this.takenBytes = this.queue.length;
    this.start();
    return this.takenBytes;
  }

  override start(): void {
    this.isDeferred = false;
    super.start();
  }

  private fill(iov: readonly Uint8Array[]): void {
    const { queue, tcp } = this;
    const { pages } = tcp.env.memory;
    if (sparePages(pages) === 0) return;
    let space = Math.min(this.textSpace(), pages.blockBytes);
    for (const piece of iov) {
      const part = piece.length <= space ? piece : piece.subarray(0, space);
      if (part.length > 0) space -= queue.append(part, 1);
    }
  }

  /** RFC 7413 §4.2.1: by the MSS the server told us last, TCP_MAXSEG and the path. */
  private textSpace(): number {
    const { tcp, settings } = this;
    const path = tcp.net.paths.lookup(this.remote, this.boundIndex);
    if (path === null || path.cast !== CAST.UNICAST) return 0;
    const known = tcp.fastOpenCache.find(this.local, this.remote)?.mss ?? 0;
    const clamp = settings.maxSegment || Infinity;
    const mss = Math.min(known || tcp.ourMss(this), clamp, path.mtu(tcp.env) - this.headerBytes());
    return Math.max(mss, tcp.config.minSndMss) - OPTION_SPACE;
  }

  /** IP's and TCP's, without options. */
  private headerBytes(): number {
    return (isV4(this.remote) ? 20 : 40) + TCP_HEADER_LEN;
  }

  protected override sendFirst(): void {
    const { cookie, queue } = this;
    this.hasAsked = cookie.len !== NO_COOKIE;
    this.isExperimental = cookie.isExperimental;
    if (queue.length > 0 && sendSynWithText(this, queue)) this.sentBytes = queue.length;
    else {
      if (!this.mayCarryText || queue.length > 0) this.askForCookie();
      sendHandshakeSegment(this, TCP_FLAG.SYN);
    }
    cookie.clear();
  }

  private askForCookie(): void {
    if (this.hasAsked) this.cookie.set(0, this.cookie.isExperimental);
  }

  noteCopy(id: number, isOpen: boolean): void {
    this.copyId = id;
    this.isCopyOpen = isOpen;
  }

  override expire(): void {
    if (this.isTooLarge) {
      this.isTooLarge = false;
      this.sendAgain();
      return;
    }
    if (this.hasAsked || this.sentBytes > 0) {
      noteTimeout(this.tcp.fastOpenPause, this.timeouts, hasSynGivenUp(this));
    }
    super.expire();
  }

  /**
   * A router found the SYN too large: it goes at once without its text. False: it cannot have been that, or it was not
   * this one (RFC 5927 §7).
   */
  override tooLarge(mtu: number): boolean {
    if (this.sentBytes === 0 || this.state !== STATE.SYN_SENT) return true;
    if (isV4(this.remote) && this.settings.pmtuDiscovery === PMTUDISC.DONT) return false;
    if (this.headerBytes() + this.sentBytes <= mtu) return false;
    this.isTooLarge = !this.wasRetransmitted;
    if (this.isTooLarge) this.expireSoon();
    return true;
  }

  override begun(c: TcpConnection, seg: Segment): void {
    handOver(this, c, seg);
  }

  override abandon(): void {
    super.abandon();
    this.queue.clear();
  }
}
