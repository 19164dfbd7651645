/** The calls of scripts as calls on the socket layer: coroutines, because any of them may wait. */
import { EAGAIN, EBADF, EINVAL, ENOENT } from '../../base/errno.ts';
import { AF, FIONBIO, MSG } from '../../socket/abi.ts';
import type { Blocking, BlockingCalls } from '../../socket/blocking-calls.ts';
import { controlLength, encodeControl } from '../../socket/control-message.ts';
import { EpollEvents } from '../../socket/epoll.ts';
import { Message } from '../../socket/message.ts';
import { PollFd } from '../../socket/poll.ts';
import { SockAddr } from '../../socket/sock-addr.ts';
import { IpAddress, isV4 } from '../../wire/address.ts';
import { openPipe, PipeEnd, PlainFile } from './ringway-files.ts';
import {
  BAD_BUFFER,
  type Buffers,
  type CallResult,
  type EpollEvent,
  type ReceiveCall,
  type SendCall,
  type SocketAddress,
  type SystemCall,
} from './system-under-test.ts';

/** Files by name: what a script's commands made. */
export type Files = ReadonlyMap<string, Uint8Array>;

type Call<N extends SystemCall['name']> = Extract<SystemCall, { name: N }>;

const value = (n: number): CallResult => ({ value: n });
const MAX_EPOLL_EVENTS = 1024;
/** A control message's header, in front of its data. */
const CMSG_HEADER = 16;
const SPLICE_F_NONBLOCK = 2;

export function* perform(sys: BlockingCalls, files: Files, call: SystemCall): Blocking<CallResult> {
  const { api } = sys;
  switch (call.name) {
    case 'socket':
      return value(api.socket(call.domain, call.type, call.protocol));
    case 'bind':
      return value(api.bind(call.fd, sockAddr(sys, call.fd, call.address)));
    case 'connect':
      return value(yield* sys.connect(call.fd, sockAddr(sys, call.fd, call.address)));
    case 'listen':
      return value(api.listen(call.fd, call.backlog));
    case 'accept':
      return yield* accept(sys, call);
    case 'fcntl':
      return value(api.fcntl(call.fd, call.command, call.argument));
    case 'ioctl':
      return ioctl(sys, call);
    case 'getsockopt':
      return getsockopt(sys, call);
    case 'setsockopt':
      return value(api.setsockopt(call.fd, call.level, call.option, call.value));
    case 'shutdown':
      return value(api.shutdown(call.fd, call.how));
    case 'close':
      return value(api.close(call.fd));
    case 'poll':
      return yield* poll(sys, call);
    case 'epoll_create':
      return value(call.size <= 0 ? -EINVAL : api.epollCreate());
    case 'epoll_ctl':
      return epollCtl(sys, call);
    case 'epoll_wait':
      return yield* epollWait(sys, call);
    case 'pipe':
      return pipe(sys);
    case 'open':
      return open(sys, files, call);
    case 'splice':
      return value(yield* splice(sys, call));
    case 'sendfile':
      return value(yield* sendfile(sys, call));
    case 'read':
    case 'recv':
    case 'recvfrom':
    case 'readv':
    case 'recvmsg':
      return yield* receive(sys, call);
    default:
      return value(yield* send(sys, call));
  }
}

// ---- addresses ----

/** In the socket's own family: an IPv4 address reads mapped on a socket of AF_INET6. Null: AF_UNSPEC. */
function sockAddr(sys: BlockingCalls, fd: number, to: SocketAddress | null): SockAddr {
  const a = new SockAddr();
  if (to === null) return a;
  const e = sys.api.endpoint(fd);
  const family = typeof e !== 'number' ? e.domain : isV4(to.address) ? AF.INET : AF.INET6;
  return a.set(family, to.address, to.port);
}

function* accept(sys: BlockingCalls, call: Call<'accept'>): Blocking<CallResult> {
  const peer = new SockAddr();
  const fd = yield* sys.accept(call.fd, peer, call.flags);
  if (fd < 0) return value(fd);
  const address = new IpAddress().copy(peer.address);
  return { value: fd, out: { peer: { address, port: peer.port } } };
}

// ---- data ----

/** Zeros to write, or room to read into; null is a bad address. */
function vectorOf(buffers: Buffers): Uint8Array[] | null {
  if (buffers === BAD_BUFFER) return null;
  return buffers.map((len) => new Uint8Array(Math.max(0, len)));
}

function* receive(sys: BlockingCalls, call: ReceiveCall): Blocking<CallResult> {
  const iov = vectorOf(call.buffers);
  const into = iov === null ? null : (iov[0] ?? new Uint8Array(0));
  switch (call.name) {
    case 'read':
      return value(yield* sys.read(call.fd, into));
    case 'readv':
      return value(iov === null ? yield* sys.read(call.fd, null) : yield* sys.readv(call.fd, iov));
    case 'recvmsg':
      return yield* recvmsg(sys, call, iov ?? []);
    default:
      return value(yield* sys.recvfrom(call.fd, into, call.flags));
  }
}

function* recvmsg(
  sys: BlockingCalls,
  call: ReceiveCall,
  iov: readonly Uint8Array[],
): Blocking<CallResult> {
  const m = new Message(iov);
  const n = yield* sys.recvmsg(call.fd, m, call.flags);
  const control = m.control.map((c) => {
    const bytes = encodeControl([c]).slice(CMSG_HEADER, controlLength(c));
    return { level: c.level, type: c.type, data: bytes };
  });
  return { value: n, out: { flags: m.flags, control } };
}

function* send(sys: BlockingCalls, call: SendCall): Blocking {
  const iov = vectorOf(call.buffers);
  const from = iov === null ? null : (iov[0] ?? new Uint8Array(0));
  switch (call.name) {
    case 'write':
      return yield* sys.write(call.fd, from);
    case 'writev':
      return iov === null ? yield* sys.write(call.fd, null) : yield* sys.writev(call.fd, iov);
    case 'sendmsg': {
      if (iov === null) return yield* sys.sendto(call.fd, null, call.flags);
      const m = new Message(iov);
      const to = destination(sys, call);
      if (to !== null) m.name.copy(to);
      return yield* sys.sendmsg(call.fd, m, call.flags);
    }
    default:
      return yield* sys.sendto(call.fd, from, call.flags, destination(sys, call));
  }
}

function destination(sys: BlockingCalls, { fd, address }: SendCall): SockAddr | null {
  if (address === null) return null;
  return sockAddr(sys, fd, address === 'unspecified' ? null : address);
}

// ---- options ----

function ioctl({ api }: BlockingCalls, call: Call<'ioctl'>): CallResult {
  const argument = Int32Array.of(call.argument);
  const result = api.ioctl(call.fd, call.request, argument);
  if (result < 0 || call.request === FIONBIO) return value(result);
  return { value: result, out: { number: argument[0]! } };
}

function getsockopt({ api }: BlockingCalls, call: Call<'getsockopt'>): CallResult {
  if (call.len < 0) return value(-EINVAL);
  const into = new Uint8Array(call.len);
  const n = api.getsockopt(call.fd, call.level, call.option, into);
  return n < 0 ? value(n) : { value: 0, out: { option: into.subarray(0, Math.min(n, call.len)) } };
}

// ---- readiness ----

function* poll(sys: BlockingCalls, call: Call<'poll'>): Blocking<CallResult> {
  const entries = call.entries.map(({ fd, events }) => new PollFd(fd, events));
  const n = yield* sys.poll(entries, call.timeoutMs);
  return { value: n, out: { revents: entries.map(({ revents }) => revents) } };
}

function epollCtl({ api }: BlockingCalls, call: Call<'epoll_ctl'>): CallResult {
  const { events, data } = call.event;
  return value(api.epollCtl(call.epfd, call.operation, call.fd, events, data));
}

function* epollWait(sys: BlockingCalls, call: Call<'epoll_wait'>): Blocking<CallResult> {
  const { maxEvents } = call;
  if (maxEvents <= 0) return value(-EINVAL);
  const out = new EpollEvents(Math.min(maxEvents, MAX_EPOLL_EVENTS));
  const n = yield* sys.epollWait(call.epfd, out, out.events.length, call.timeoutMs);
  const events: EpollEvent[] = [];
  for (let i = 0; i < n; i++) {
    events.push({ events: out.events[i]! >>> 0, data: out.data[i]! });
  }
  return { value: n, out: { events } };
}

// ---- pipes and files ----

function pipe({ api }: BlockingCalls): CallResult {
  const [reader, writer] = openPipe();
  const from = api.files.add(reader);
  if (from < 0) return value(from);
  const to = api.files.add(writer);
  if (to < 0) {
    api.files.close(from);
    return value(to);
  }
  return { value: 0, out: { fds: [from, to] } };
}

function open({ api }: BlockingCalls, files: Files, call: Call<'open'>): CallResult {
  const bytes = files.get(call.path);
  return value(bytes === undefined ? -ENOENT : api.files.add(new PlainFile(bytes)));
}

/** Between a socket and a pipe: as much as there is and as fits, at least a byte. */
function* splice(sys: BlockingCalls, call: Call<'splice'>): Blocking {
  const { files } = sys.api;
  const from = files.get(call.from);
  const to = files.get(call.to);
  if (from === null || to === null) return -EBADF;
  const dontWait = (call.flags & SPLICE_F_NONBLOCK) !== 0 ? MSG.DONTWAIT : 0;
  if (to instanceof PipeEnd) {
    const into = new Uint8Array(Math.min(call.len, to.available));
    if (into.length === 0) return call.len === 0 ? 0 : -EAGAIN;
    const n =
      from instanceof PipeEnd || from instanceof PlainFile
        ? from.read(into)
        : yield* sys.recvfrom(call.from, into, dontWait);
    return n <= 0 ? n : to.write(into.subarray(0, n));
  }
  if (!(from instanceof PipeEnd)) return -EINVAL;
  const bytes = new Uint8Array(Math.min(call.len, from.available));
  if (bytes.length === 0) return call.len === 0 ? 0 : -EAGAIN;
  const n = yield* sys.sendto(call.to, bytes, dontWait);
  if (n > 0) from.read(bytes.subarray(0, n));
  return n;
}

function* sendfile(sys: BlockingCalls, call: Call<'sendfile'>): Blocking {
  const from = sys.api.files.get(call.from);
  if (from === null || sys.api.files.get(call.to) === null) return -EBADF;
  if (!(from instanceof PlainFile)) return -EINVAL;
  const bytes = new Uint8Array(Math.max(0, call.len));
  const n = call.offset === null ? from.read(bytes) : from.readAt(call.offset, bytes);
  return n <= 0 ? n : yield* sys.write(call.to, bytes.subarray(0, n));
}
