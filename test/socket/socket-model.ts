/**
 * What a few UDP sockets on one loopback do, in the simplest words: descriptors are keys, a queue is a list of
 * lengths. Random programs are compared with it, call by call.
 */
import { errnoName } from '../../src/base/errno.ts';
import { EPOLL, EPOLLONESHOT, POLL, SHUT } from '../../src/socket/abi.ts';

export interface ModelSocket {
  readonly kind: 'socket';
  port: number;
  /** Whether the application chose the port. */
  isBound: boolean;
  /** The peer's port, 0 for none. */
  peer: number;
  isReadShut: boolean;
  isWriteShut: boolean;
  error: number;
  readonly queue: { len: number; from: number }[];
}

interface Watched {
  readonly fd: number;
  readonly file: ModelSocket;
  events: number;
  isArmed: boolean;
}

export interface ModelEpoll {
  readonly kind: 'epoll';
  watched: Watched[];
}

export type ModelFile = ModelSocket | ModelEpoll;
type Result = number | string;

const ECONNREFUSED = 111;

export class Model {
  readonly fds = new Map<number, ModelFile>();
  private readonly firstFd: number;
  private readonly maxFds: number;

  constructor(firstFd: number, maxFds: number) {
    this.firstFd = firstFd;
    this.maxFds = maxFds;
  }

  get sockets(): ModelSocket[] {
    return [...new Set(this.fds.values())].filter((f): f is ModelSocket => f.kind === 'socket');
  }

  open(file: ModelFile): Result {
    for (let fd = this.firstFd; fd < this.maxFds; fd++) {
      if (this.fds.has(fd)) continue;
      this.fds.set(fd, file);
      return fd;
    }
    return 'EMFILE';
  }

  newSocket(): ModelSocket {
    return {
      kind: 'socket',
      port: 0,
      isBound: false,
      peer: 0,
      isReadShut: false,
      isWriteShut: false,
      error: 0,
      queue: [],
    };
  }

  close(fd: number): Result {
    const file = this.fds.get(fd);
    if (file === undefined) return 'EBADF';
    this.fds.delete(fd);
    if (![...this.fds.values()].includes(file)) this.forget(file);
    return 0;
  }

  dup(fd: number): Result {
    const file = this.fds.get(fd);
    return file === undefined ? 'EBADF' : this.open(file);
  }

  dup2(fd: number, onto: number): Result {
    const file = this.fds.get(fd);
    if (file === undefined || onto < this.firstFd || onto >= this.maxFds) {
      return file !== undefined && fd === onto ? fd : 'EBADF';
    }
    if (fd === onto) return fd;
    this.close(onto);
    this.fds.set(onto, file);
    return onto;
  }

  /** The socket of a call, or why there is none. */
  socket(fd: number): ModelSocket | string {
    const file = this.fds.get(fd);
    if (file === undefined) return 'EBADF';
    return file.kind === 'socket' ? file : 'ENOTSOCK';
  }

  bind(s: ModelSocket, port: number): Result {
    if (s.port !== 0) return 'EINVAL';
    if (this.sockets.some((other) => other.port === port)) return 'EADDRINUSE';
    s.port = port;
    s.isBound = true;
    return 0;
  }

  /** `ephemeral`: the port the stack chose, where it had to. */
  connect(s: ModelSocket, peer: number, ephemeral: number): Result {
    if (s.port === 0) s.port = ephemeral;
    s.peer = peer;
    return 0;
  }

  disconnect(s: ModelSocket): Result {
    if (s.peer !== 0 && !s.isBound) s.port = 0;
    s.peer = 0;
    return 0;
  }

  /** `to` 0: the peer. */
  send(s: ModelSocket, to: number, len: number, ephemeral: number): Result {
    if (to === 0 && s.peer === 0) return 'EDESTADDRREQ';
    if (s.isWriteShut) {
      const pending = this.takeError(s);
      return pending === 0 ? 'EPIPE' : errnoName(pending);
    }
    if (s.port === 0) s.port = ephemeral;
    const pending = this.takeError(s);
    if (pending !== 0) return errnoName(pending);
    const target = to === 0 ? s.peer : to;
    const receiver = this.sockets.find(
      (r) => r.port === target && (r.peer === 0 || r.peer === s.port),
    );
    if (receiver !== undefined) receiver.queue.push({ len, from: s.port });
    else if (s.peer === target) s.error = ECONNREFUSED; // port unreachable
    return len;
  }

  /** `len from` of what is received, or the errno. */
  receive(s: ModelSocket, room: number, isPeek: boolean, isTrunc: boolean): string {
    const pending = this.takeError(s);
    if (pending !== 0) return errnoName(pending);
    const first = isPeek ? s.queue[0] : s.queue.shift();
    if (first === undefined) return 'EAGAIN';
    return `${isTrunc ? first.len : Math.min(first.len, room)} ${first.from}`;
  }

  shutdown(s: ModelSocket, how: number): Result {
    if (how !== SHUT.WR) s.isReadShut = true;
    if (how !== SHUT.RD) s.isWriteShut = true;
    return s.peer !== 0 ? 0 : 'ENOTCONN';
  }

  takeError(s: ModelSocket): number {
    const { error } = s;
    s.error = 0;
    return error;
  }

  control(epfd: number, op: number, fd: number, events: number): Result {
    const epoll = this.fds.get(epfd);
    const file = this.fds.get(fd);
    if (epoll === undefined || file === undefined) return 'EBADF';
    if (epoll.kind !== 'epoll' || file.kind !== 'socket') return 'EINVAL';
    const item = epoll.watched.find((w) => w.fd === fd && w.file === file);
    if (op === EPOLL.ADD) {
      if (item !== undefined) return 'EEXIST';
      epoll.watched.push({ fd, file, events, isArmed: true });
      return 0;
    }
    if (item === undefined) return 'ENOENT';
    if (op === EPOLL.DEL) epoll.watched = epoll.watched.filter((w) => w !== item);
    else {
      item.events = events;
      item.isArmed = true;
    }
    return 0;
  }

  /** `fd:events` of each, sorted. */
  wait(epoll: ModelEpoll): string[] {
    const found: string[] = [];
    for (const w of epoll.watched) {
      const wanted = w.events & ~EPOLLONESHOT;
      const events = w.isArmed ? ready(w.file) & (wanted | POLL.ERR | POLL.HUP) : 0;
      if (events === 0) continue;
      found.push(`${w.fd}:${events.toString(16)}`);
      if ((w.events & EPOLLONESHOT) !== 0) w.isArmed = false;
    }
    return found.sort();
  }

  private forget(file: ModelFile): void {
    for (const f of this.fds.values()) {
      if (f.kind === 'epoll') f.watched = f.watched.filter((w) => w.file !== file);
    }
  }
}

function ready(s: ModelSocket): number {
  let events: number = POLL.OUT;
  if (s.queue.length > 0 || s.isReadShut) events |= POLL.IN;
  if (s.isReadShut) events |= POLL.RDHUP;
  if (s.isReadShut && s.isWriteShut) events |= POLL.HUP;
  if (s.error !== 0) events |= POLL.ERR;
  return events;
}
