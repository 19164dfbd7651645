/** LISTEN: the SYN queue and the accept queue of one local address and port. */
import { IpAddress } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { Handshake } from './handshake.ts';

/** Told when a connection can be accepted. */
export interface Acceptor {
  acceptable(): void;
}

export class Listener {
  readonly local = new IpAddress();
  readonly localPort: number;
  readonly boundIndex: number;
  readonly backlog: number;
  readonly acceptor: Acceptor;
  private readonly half = new Set<Handshake>();
  private readonly ready: TcpConnection[] = [];

  constructor(
    local: IpAddress,
    localPort: number,
    boundIndex: number,
    backlog: number,
    acceptor: Acceptor,
  ) {
    this.local.copy(local);
    this.localPort = localPort;
    this.boundIndex = boundIndex;
    this.backlog = backlog;
    this.acceptor = acceptor;
  }

  /** Linux: full when more than `backlog` wait to be accepted. */
  get isAcceptQueueFull(): boolean {
    return this.ready.length > this.backlog;
  }

  get isSynQueueFull(): boolean {
    return this.half.size >= this.backlog;
  }

  /** Connections that nobody has accepted yet. */
  get waiting(): number {
    return this.ready.length;
  }

  began(h: Handshake): void {
    this.half.add(h);
  }

  abandoned(h: Handshake): void {
    this.half.delete(h);
  }

  established(h: Handshake, c: TcpConnection): void {
    this.half.delete(h);
    this.ready.push(c);
    this.acceptor.acceptable();
  }

  /** The oldest one nobody has accepted yet, or undefined. */
  accept(): TcpConnection | undefined {
    return this.ready.shift();
  }

  /** For close: whatever is left. */
  drain(): { half: Handshake[]; ready: TcpConnection[] } {
    const left = { half: [...this.half], ready: this.ready.splice(0) };
    this.half.clear();
    return left;
  }
}
