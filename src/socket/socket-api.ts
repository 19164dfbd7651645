/**
 * The system calls of one process on one stack: integers in, a value >= 0 or -errno out.
 *
 * No call here blocks. What would block answers -EAGAIN (-EINPROGRESS for a connection that was begun),
 * whether or not the descriptor has O_NONBLOCK; `BlockingCalls` has the same calls for applications that
 * wait. Buffers are `Uint8Array`s whose length is the length meant; null is a bad address (-EFAULT).
 * Applications run where the driver runs them, or in `drainReady` when a `Wait` of theirs is over: never
 * within input.
 */
import {
  EAFNOSUPPORT,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENOTSOCK,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../base/errno.ts';
import type { ReadyDrain, Stack } from '../stack/stack.ts';
import { AF, FIONBIO, SOCK, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_TYPE_MASK } from './abi.ts';
import { Endpoint } from './endpoint.ts';
import { Epoll, type EpollEvents } from './epoll.ts';
import { fcntl } from './fcntl.ts';
import { FdTable } from './fd-table.ts';
import { Message } from './message.ts';
import type { OpenFile } from './open-file.ts';
import { optionMap, readInt, writeInt } from './option.ts';
import { type PollFd, pollOnce } from './poll.ts';
import type { SockAddr } from './sock-addr.ts';
import { TcpShared } from './tcp-shared.ts';
import { tcpOptions } from './tcp-socket-options.ts';
import { UdpShared } from './udp-endpoint.ts';
import { udpOptions } from './udp-options.ts';
import { type Resumable, Wait, WaitQueue } from './wait.ts';

/** Makes sockets of one type and protocol. */
export interface SocketProtocol {
  open(domain: number, isNonBlocking: boolean): Endpoint;
}

export interface SocketApiOptions {
  /** RLIMIT_NOFILE. Default 1024. */
  readonly maxFds?: number;
  /** The lowest descriptor. Default 3: the standard streams keep their numbers. */
  readonly firstFd?: number;
  /** Unix time, in ns, of the stack's time 0: for SO_TIMESTAMP. Default 0. */
  readonly epochNs?: number;
}

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
/** Beyond 255 are numbers that are no IP protocols: MPTCP is 262. */
const IPPROTO_MAX = 263;

export class SocketApi implements ReadyDrain {
  readonly stack: Stack;
  readonly files: FdTable;
  private readonly tcp: TcpShared;
  private readonly waits: WaitQueue;
  private readonly protocols = new Map<number, SocketProtocol>();
  private readonly message = new Message();
  private readonly intBytes = new Uint8Array(4);

  constructor(stack: Stack, options: SocketApiOptions = {}) {
    this.stack = stack;
    this.files = new FdTable(options.firstFd ?? 3, options.maxFds ?? 1024);
    this.waits = new WaitQueue(stack.deadlines);
    stack.attachDrain(this);
    const udp = new UdpShared(
      stack.udp,
      optionMap(udpOptions(AF.INET)),
      optionMap(udpOptions(AF.INET6)),
      options.epochNs ?? 0,
    );
    this.register(SOCK.DGRAM, IPPROTO_UDP, udp, true);
    this.tcp = new TcpShared(
      stack.tcp,
      optionMap(tcpOptions(AF.INET)),
      optionMap(tcpOptions(AF.INET6)),
      options.epochNs ?? 0,
    );
    this.register(SOCK.STREAM, IPPROTO_TCP, this.tcp, true);
  }

  /** Adds a protocol; `isDefault`: what `socket` with protocol 0 means for this type. */
  register(type: number, protocol: number, maker: SocketProtocol, isDefault: boolean): void {
    this.protocols.set(type * 512 + protocol, maker);
    if (isDefault) this.protocols.set(type * 512, maker);
  }

  get hasReady(): boolean {
    return this.tcp.ready.hasReady || this.waits.hasReady;
  }

  drainReady(): void {
    this.tcp.ready.drain();
    this.waits.drain();
  }

  /** @param listener resumed in `drainReady` when the wait is over; null: whoever owns it asks `over`. */
  newWait(listener: Resumable | null = null): Wait {
    return new Wait(this.waits, listener);
  }

  /** Closes every descriptor. */
  closeAll(): void {
    this.files.closeAll();
  }

  socket(domain: number, type: number, protocol: number): number {
    if (domain !== AF.INET && domain !== AF.INET6) return -EAFNOSUPPORT;
    const kind = type & SOCK_TYPE_MASK;
    if ((type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
    if (kind !== SOCK.STREAM && kind !== SOCK.DGRAM) return -ESOCKTNOSUPPORT;
    if (protocol < 0 || protocol >= IPPROTO_MAX) return -EINVAL;
    const maker = this.protocols.get(kind * 512 + protocol);
    if (maker === undefined) return -EPROTONOSUPPORT;
    if (!this.files.hasRoom()) return -EMFILE;
    return this.install(maker.open(domain, (type & SOCK_NONBLOCK) !== 0), type);
  }

  bind(fd: number, address: SockAddr): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.bind(address);
  }

  /** AF_UNSPEC disconnects a datagram socket. */
  connect(fd: number, address: SockAddr): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.connect(address);
  }

  listen(fd: number, backlog: number): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.listen(backlog);
  }

  /** @param flags SOCK_NONBLOCK, SOCK_CLOEXEC: the new socket inherits nothing. */
  accept(fd: number, peer: SockAddr | null = null, flags: number = 0): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : this.acceptFrom(e, peer, flags);
  }

  acceptFrom(e: Endpoint, peer: SockAddr | null, flags: number): number {
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
    if (!this.files.hasRoom()) return -EMFILE;
    const child = e.accept(peer);
    if (typeof child === 'number') return child;
    child.setNonBlocking((flags & SOCK_NONBLOCK) !== 0);
    return this.install(child, flags);
  }

  send(fd: number, from: Uint8Array | null, flags: number): number {
    return this.sendto(fd, from, flags, null);
  }

  sendto(fd: number, from: Uint8Array | null, flags: number, to: SockAddr | null): number {
    const e = this.endpoint(fd);
    if (typeof e === 'number') return e;
    return from === null ? -EFAULT : e.send(from, flags, to);
  }

  sendmsg(fd: number, m: Message, flags: number): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.sendMessage(m, flags);
  }

  recv(fd: number, into: Uint8Array | null, flags: number): number {
    return this.recvfrom(fd, into, flags, null);
  }

  /** @param from filled in with the sender. */
  recvfrom(fd: number, into: Uint8Array | null, flags: number, from: SockAddr | null): number {
    const e = this.endpoint(fd);
    if (typeof e === 'number') return e;
    return into === null ? -EFAULT : e.receive(into, flags, from);
  }

  recvmsg(fd: number, m: Message, flags: number): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.receiveMessage(m, flags);
  }

  /** Reading nothing takes nothing: an empty buffer answers 0, as on Linux. */
  read(fd: number, into: Uint8Array | null): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    if (into === null) return -EFAULT;
    return into.length === 0 && file instanceof Endpoint ? 0 : file.read(into);
  }

  write(fd: number, from: Uint8Array | null): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    return from === null ? -EFAULT : file.write(from);
  }

  readv(fd: number, iov: readonly Uint8Array[]): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    if (!(file instanceof Endpoint)) return -EINVAL;
    const m = this.message.setIov(iov);
    return m.bytes === 0 ? 0 : file.receiveMessage(m, 0);
  }

  writev(fd: number, iov: readonly Uint8Array[]): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    if (!(file instanceof Endpoint)) return -EINVAL;
    this.message.reset();
    return file.sendMessage(this.message.setIov(iov), 0);
  }

  shutdown(fd: number, how: number): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.shutdown(how);
  }

  close(fd: number): number {
    return this.files.close(fd);
  }

  getsockname(fd: number, to: SockAddr): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.getName(to);
  }

  getpeername(fd: number, to: SockAddr): number {
    const e = this.endpoint(fd);
    return typeof e === 'number' ? e : e.getPeer(to);
  }

  /** Fills `into`; returns the value's length. */
  getsockopt(fd: number, level: number, name: number, into: Uint8Array | null): number {
    const e = this.endpoint(fd);
    if (typeof e === 'number') return e;
    return into === null ? -EFAULT : e.getOption(level, name, into);
  }

  setsockopt(fd: number, level: number, name: number, value: Uint8Array | null): number {
    const e = this.endpoint(fd);
    if (typeof e === 'number') return e;
    return value === null ? -EFAULT : e.setOption(level, name, value);
  }

  /** An option that is an int. No int option is negative, so what is below 0 is -errno. */
  getInt(fd: number, level: number, name: number): number {
    const n = this.getsockopt(fd, level, name, this.intBytes);
    if (n < 0) return n;
    return n === 4 ? readInt(this.intBytes)! : -EINVAL;
  }

  setInt(fd: number, level: number, name: number, value: number): number {
    writeInt(value, this.intBytes);
    return this.setsockopt(fd, level, name, this.intBytes);
  }

  /** The lowest free descriptor, for the same file. */
  dup(fd: number): number {
    const file = this.files.get(fd);
    return file === null ? -EBADF : this.files.add(file);
  }

  dup2(fd: number, onto: number): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    return fd === onto ? fd : this.files.replace(onto, file);
  }

  fcntl(fd: number, command: number, argument: number = 0): number {
    return fcntl(this.files, fd, command, argument);
  }

  /**
   * FIONREAD (SIOCINQ), SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK answer in `argument[0]`; FIONBIO takes it from there.
   * Null is a bad address.
   */
  ioctl(fd: number, request: number, argument: Int32Array | null): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    if (request !== FIONBIO) return answer(file.ioctl(request), argument);
    if (argument === null) return -EFAULT;
    file.setNonBlocking(argument[0] !== 0);
    return 0;
  }

  /** Fills in `revents`; how many are ready now. */
  poll(entries: readonly PollFd[]): number {
    return pollOnce(this.files, entries);
  }

  epollCreate(flags: number = 0): number {
    if ((flags & ~SOCK_CLOEXEC) !== 0) return -EINVAL;
    if (!this.files.hasRoom()) return -EMFILE;
    return this.install(new Epoll(false), flags);
  }

  /** `events` is 0 and data is nothing for EPOLL_CTL_DEL. */
  epollCtl(epfd: number, op: number, fd: number, events: number = 0, data: number = 0): number {
    const epoll = this.files.get(epfd);
    const file = this.files.get(fd);
    if (epoll === null || file === null) return -EBADF;
    if (!(epoll instanceof Epoll)) return -EINVAL;
    return epoll.control(op, fd, file, events, data);
  }

  /** How many entries are ready now, up to `max`. */
  epollWait(epfd: number, out: EpollEvents, max: number): number {
    const epoll = this.files.get(epfd);
    if (epoll === null) return -EBADF;
    return epoll instanceof Epoll ? epoll.take(out, max) : -EINVAL;
  }

  /** The socket, or -EBADF, or -ENOTSOCK. */
  endpoint(fd: number): Endpoint | number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    return file instanceof Endpoint ? file : -ENOTSOCK;
  }

  /** There is room: the caller has asked. */
  private install(file: OpenFile, flags: number): number {
    return this.files.add(file, 0, (flags & SOCK_CLOEXEC) !== 0);
  }
}

/** A value that is asked for goes where the caller wants it, and 0 is the result. */
function answer(result: number, into: Int32Array | null): number {
  if (result < 0) return result;
  if (into === null) return -EFAULT;
  into[0] = result;
  return 0;
}
