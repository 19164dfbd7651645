/** A stream protocol of nothing but queues: shows that one plugs in without any change to callers. */
import {
  EAGAIN,
  ECONNREFUSED,
  EINPROGRESS,
  EINVAL,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from '../../src/base/errno.ts';
import { POLL, POLL_READABLE, POLL_WRITABLE, SHUT, SOCK } from '../../src/socket/abi.ts';
import { Endpoint } from '../../src/socket/endpoint.ts';
import type { Message } from '../../src/socket/message.ts';
import { getFrom, optionMap, setIn } from '../../src/socket/option.ts';
import type { SockAddr } from '../../src/socket/sock-addr.ts';
import type { SocketProtocol } from '../../src/socket/socket-api.ts';
import { SOCKET_OPTIONS } from '../../src/socket/socket-options.ts';

const ROOM = 10;
const OPTIONS = optionMap(SOCKET_OPTIONS);

/** Who listens on which port. */
export class FakeStreams implements SocketProtocol {
  readonly listeners = new Map<number, FakeStream>();
  /** Connections wait until `establish` is called. */
  readonly pending: FakeStream[] = [];
  open = (domain: number, isNonBlocking: boolean) => new FakeStream(this, domain, isNonBlocking);

  /** The network has answered. */
  establish(): void {
    for (const c of this.pending.splice(0)) c.answered();
  }
}

export class FakeStream extends Endpoint {
  port = 0;
  peer: FakeStream | null = null;
  error = 0;
  readonly inbox: number[] = [];
  readonly backlog: FakeStream[] = [];
  private readonly world: FakeStreams;
  private target = 0;
  private isConnecting = false;

  constructor(world: FakeStreams, domain: number, isNonBlocking: boolean) {
    super(domain, SOCK.STREAM, 6, isNonBlocking);
    this.world = world;
  }

  ready(): number {
    if (this.isListening) return this.backlog.length > 0 ? POLL_READABLE : 0;
    if (this.isConnecting) return 0;
    let events = this.error !== 0 ? POLL.ERR : 0;
    const { peer } = this;
    if (peer === null) return events | POLL.OUT | POLL.HUP;
    if (this.inbox.length > 0 || peer.isWriteShut) events |= POLL_READABLE;
    if (peer.isWriteShut) events |= POLL.RDHUP;
    if (peer.isWriteShut && this.isWriteShut) events |= POLL.HUP;
    if (peer.inbox.length < ROOM || this.isWriteShut) events |= POLL_WRITABLE;
    return events;
  }

  bind(address: SockAddr): number {
    this.port = address.port;
    return 0;
  }

  override listen(): number {
    this.isListening = true;
    this.world.listeners.set(this.port, this);
    return 0;
  }

  connect(address: SockAddr): number {
    this.target = address.port;
    this.isConnecting = true;
    this.world.pending.push(this);
    return -EINPROGRESS;
  }

  answered(): void {
    const listener = this.world.listeners.get(this.target);
    this.isConnecting = false;
    if (listener === undefined) this.error = ECONNREFUSED;
    else {
      const child = new FakeStream(this.world, this.domain, false);
      child.peer = this;
      this.peer = child;
      listener.backlog.push(child);
      listener.waiters.wake(POLL_READABLE);
    }
    this.waiters.wake(POLL_WRITABLE | (this.error !== 0 ? POLL.ERR : 0));
  }

  override accept(): Endpoint | number {
    if (!this.isListening) return -EINVAL;
    return this.backlog.shift() ?? -EAGAIN;
  }

  send(from: Uint8Array, _flags: number, _to: SockAddr | null): number {
    const { peer } = this;
    if (peer === null) return -ENOTCONN;
    if (this.isWriteShut) return -EPIPE;
    const n = Math.min(from.length, ROOM - peer.inbox.length);
    if (n === 0) return -EAGAIN;
    peer.inbox.push(...from.subarray(0, n));
    peer.waiters.wake(POLL_READABLE);
    return n;
  }

  receive(into: Uint8Array, _flags: number, _from: SockAddr | null): number {
    const { peer } = this;
    if (peer === null) return -ENOTCONN;
    if (this.inbox.length === 0) return peer.isWriteShut ? 0 : -EAGAIN;
    const bytes = this.inbox.splice(0, into.length);
    into.set(bytes);
    peer.waiters.wake(POLL_WRITABLE);
    return bytes.length;
  }

  sendMessage(_m: Message, _flags: number): number {
    return -EOPNOTSUPP;
  }

  receiveMessage(_m: Message, _flags: number): number {
    return -EOPNOTSUPP;
  }

  shutdown(how: number): number {
    if (how !== SHUT.RD) this.isWriteShut = true;
    if (how !== SHUT.WR) this.isReadShut = true;
    this.waiters.wake(-1);
    this.peer?.waiters.wake(POLL_READABLE | POLL.RDHUP | POLL.HUP);
    return 0;
  }

  getName(to: SockAddr): number {
    to.any(this.domain, this.port);
    return 0;
  }

  getPeer(): number {
    return -ENOTCONN;
  }

  takeError(): number {
    const errno = this.error;
    this.error = 0;
    return errno;
  }

  getOption(level: number, name: number, into: Uint8Array): number {
    return getFrom<Endpoint>(OPTIONS, this, level, name, into);
  }

  setOption(level: number, name: number, value: Uint8Array): number {
    return setIn<Endpoint>(OPTIONS, this, level, name, value);
  }

  protected destroy(): number {
    if (this.isListening) this.world.listeners.delete(this.port);
    if (this.peer !== null) this.shutdown(SHUT.RDWR);
    return 0;
  }
}
