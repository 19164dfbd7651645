/**
 * A program on the integer API: one epoll instance, and who is told of each descriptor.
 *
 *     stack's turn:  input ─► ready list of epoll ─► drainReady ─► resume() ─► handlers, until none is ready
 *
 * Descriptors are watched edge-triggered, for reading and writing at once: a handler reads and writes until
 * the answer is -EAGAIN, and is told again when that changes. So nobody changes interests, and no call
 * is made in vain. Handlers run inside a turn; who calls from outside kicks the driver first.
 */
import { EAGAIN, EBADF, EMFILE } from '../../src/base/errno.ts';
import { NEVER } from '../../src/base/time.ts';
import {
  AF,
  EPOLL,
  EPOLLET,
  POLL,
  POLL_READABLE,
  SO,
  SOCK,
  SOCK_NONBLOCK,
  SOL,
} from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import type { OpenFile } from '../../src/socket/open-file.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import type { SocketApi } from '../../src/socket/socket-api.ts';
import type { Resumable, Wait } from '../../src/socket/wait.ts';
import type { Address } from '../../src/wire/address.ts';

const BATCH = 64;
const BACKLOG = 128;

export interface Handler {
  /** Something changed: read and write until -EAGAIN. */
  ready(): void;
}

export class EventLoop implements Resumable {
  readonly api: SocketApi;
  private readonly epfd: number;
  private readonly epoll: OpenFile;
  private readonly wait: Wait;
  private readonly events = new EpollEvents(BATCH);
  private readonly handlers = new Map<number, Handler>();
  /** Listeners that found no descriptor free. */
  private readonly starved = new Set<Handler>();

  constructor(api: SocketApi) {
    this.api = api;
    this.epfd = api.epollCreate();
    this.epoll = api.files.get(this.epfd)!;
    this.wait = api.newWait(this);
    this.sleep();
  }

  /** From now on the handler hears of the descriptor, at once if something is ready. */
  watch(fd: number, handler: Handler): void {
    this.handlers.set(fd, handler);
    this.api.epollCtl(this.epfd, EPOLL.ADD, fd, POLL.IN | POLL.OUT | POLL.RDHUP | EPOLLET, fd);
  }

  close(fd: number): void {
    this.handlers.delete(fd);
    this.api.close(fd);
    const waiting = [...this.starved];
    this.starved.clear();
    for (const handler of waiting) handler.ready();
  }

  /** Listens on both families; `serve` gets the descriptor of each connection. Returns 0 or -errno. */
  listen(port: number, serve: (fd: number) => Handler): number {
    const { api } = this;
    const fd = api.socket(AF.INET6, SOCK.STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;
    api.setInt(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    let result = api.bind(fd, new SockAddr().any(AF.INET6, port));
    if (result === 0) result = api.listen(fd, BACKLOG);
    if (result < 0) {
      api.close(fd);
      return result;
    }
    this.watch(fd, { ready: () => this.accept(fd, serve) });
    return fd;
  }

  /** The descriptor of a connection under way, or -errno; its handler is told when it stands or has failed. */
  connect(to: Address, port: number, handler: (fd: number) => Handler): number {
    const { api } = this;
    const fd = api.socket(AF.INET6, SOCK.STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;
    this.watch(fd, handler(fd));
    api.connect(fd, new SockAddr().set(AF.INET6, to, port)); // -EINPROGRESS; why it failed is SO_ERROR
    return fd;
  }

  resume(): void {
    for (;;) {
      const n = this.api.epollWait(this.epfd, this.events, BATCH);
      if (n < 0) return; // the stack is closing
      if (n === 0) break;
      for (let i = 0; i < n; i++) this.handlers.get(this.events.data[i]!)?.ready();
    }
    this.sleep();
  }

  private sleep(): void {
    if (this.epoll.isClosed) return;
    this.wait.watch(this.epoll, POLL_READABLE);
    this.wait.start(NEVER);
  }

  private accept(listener: number, serve: (fd: number) => Handler): void {
    for (;;) {
      const fd = this.api.accept(listener, null, SOCK_NONBLOCK);
      if (fd === -EMFILE) this.starved.add({ ready: () => this.accept(listener, serve) });
      if (fd === -EMFILE || fd === -EAGAIN || fd === -EBADF) return;
      if (fd >= 0) this.watch(fd, serve(fd)); // else: that one was reset meanwhile
    }
  }
}
