/** LISTEN: the SYN queue and the accept queue of one local address and port. */
import { IpAddress } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { ConnectionOwner } from './endpoint.ts';
import { FastOpenQueue } from './fast-open-queue.ts';
import type { Handshake } from './handshake.ts';
import type { TcpSettings } from './tcp-settings.ts';

/** Timeouts that a SYN-ACK has at least. */
const LEAST_PATIENCE = 2;

/** Told when a connection can be accepted. */
export interface Acceptor {
  acceptable(): void;
}

/** It owns the connections that wait in it: they remember how they ended, and their next owner asks. */
export class Listener implements ConnectionOwner {
  readonly local = new IpAddress();
  readonly localPort: number;
  readonly boundIndex: number;
  readonly isV6Only: boolean;
  readonly acceptor: Acceptor;
  /** Those of the connections it will accept. */
  settings: TcpSettings;
  backlog = 0;
  readonly fastOpens = new FastOpenQueue();
  private readonly half = new Set<Handshake>();
  /** Those of them whose SYN-ACK was not sent again by the timer. */
  private young = 0;
  private readonly ready: TcpConnection[] = [];

  constructor(
    local: IpAddress,
    localPort: number,
    boundIndex: number,
    backlog: number,
    acceptor: Acceptor,
    settings: TcpSettings,
  ) {
    this.local.copy(local);
    this.localPort = localPort;
    this.boundIndex = boundIndex;
    this.backlog = backlog;
    this.acceptor = acceptor;
    this.settings = settings.share();
    this.isV6Only = settings.isV6Only;
  }

  /** Linux: full when more than `backlog` wait to be accepted. */
  get isAcceptQueueFull(): boolean {
    return this.ready.length > this.backlog;
  }

  /** As many: a backlog of 0 still lets one begin (Linux 6.14). */
  get isSynQueueFull(): boolean {
    return this.half.size > this.backlog;
  }

  /** Handshakes that are under way. */
  get halfOpen(): number {
    return this.half.size;
  }

  /** `listen` again. */
  setBacklog(backlog: number): void {
    this.backlog = backlog;
  }

  setSettings(settings: TcpSettings): void {
    this.settings = settings.share();
  }

  /** Connections that nobody has accepted yet. */
  get waiting(): number {
    return this.ready.length;
  }

  began(h: Handshake): void {
    this.half.add(h);
    if (h.timeouts === 0) this.young++;
  }

  /** A SYN-ACK has timed out for the first time. */
  aged(): void {
    this.young--;
  }

  /**
   * How many timeouts a SYN-ACK may have, of so many. When the queue fills up with peers that do not answer they are
   * waited for less long (Linux).
   */
  patience(timeouts: number): number {
    const { size } = this.half;
    if (2 * size <= Math.max(8, this.backlog)) return timeouts;
    let most = timeouts;
    for (let few = 2 * this.young; most > LEAST_PATIENCE && size >= few; few *= 2) most--;
    return most;
  }

  abandoned(h: Handshake): void {
    if (this.half.delete(h) && h.timeouts === 0) this.young--;
  }

  established(c: TcpConnection): void {
    c.setOwner(this);
    this.ready.push(c);
    this.acceptor.acceptable();
  }

  readable(): void {
    // whoever accepts it finds what there is to read
  }

  writable(): void {
    // nobody has written anything yet
  }

  closed(): void {
    // the connection knows its error
  }

  /** The oldest one nobody has accepted yet, or undefined. */
  accept(): TcpConnection | undefined {
    return this.ready.shift();
  }

  /** For close: whatever is left. */
  drain(): { half: Handshake[]; ready: TcpConnection[] } {
    const left = { half: [...this.half], ready: this.ready.splice(0) };
    this.half.clear();
    this.young = 0;
    return left;
  }
}
