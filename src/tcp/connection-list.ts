import type { TcpConnection } from './connection.ts';

/** Connections in the order they came. Its memory stays: an array that is emptied gives it up, and takes it anew. */
export class ConnectionList {
  count = 0;
  private readonly places: (TcpConnection | null)[] = [];

  add(c: TcpConnection): void {
    this.places[this.count++] = c;
  }

  /** Precondition: i < count. */
  at(i: number): TcpConnection {
    return this.places[i]!;
  }

  clear(): void {
    this.keep(0);
  }

  /** Puts one that stays where it belongs, when those before it leave. */
  move(i: number, to: number): void {
    this.places[to] = this.places[i]!;
  }

  /** Only the first `count` stay. */
  keep(count: number): void {
    for (let i = count; i < this.count; i++) this.places[i] = null;
    this.count = count;
  }
}
