/** A call as written to a call as the stack takes it: names to numbers, `...` to addresses, values to bytes. */
import type { Arguments } from './expressions.ts';
import type { Expression } from './script.ts';
import { symbolValue } from './symbols.ts';
import type { EpollEvent, SystemCall } from './system-under-test.ts';

/** Calls that no stack of ours has. */
const UNSUPPORTED = new Set(['cap_set', 'psp_rx_assoc', 'psp_tx_assoc']);

/** Whether the name is that of a call that can be made here. */
export const isKnownCall = (name: string): boolean =>
  Object.hasOwn(BUILDERS, name) && !UNSUPPORTED.has(name);

/** Throws ScriptError for arguments that make no sense. */
export function buildCall(args: Arguments): SystemCall {
  const builder = BUILDERS[args.call.name];
  if (builder === undefined) return args.fail(args.call.at, `no call ${args.call.name}`);
  return builder(args);
}

type Builder = (args: Arguments) => SystemCall;

const BUILDERS: Readonly<Record<string, Builder>> = {
  socket,
  bind,
  connect,
  listen: (a) => {
    a.count(2);
    return { name: 'listen', fd: a.fd(0), backlog: a.number(1) };
  },
  accept: (a) => {
    a.count(3);
    return { name: 'accept', fd: a.fd(0), flags: 0 };
  },
  accept4: (a) => {
    a.count(4);
    return { name: 'accept', fd: a.fd(0), flags: a.number(3) };
  },
  read: (a) => {
    a.count(3);
    return { name: 'read', fd: a.fd(0), ...a.buffers(1), flags: 0 };
  },
  recv: (a) => {
    a.count(4);
    return { name: 'recv', fd: a.fd(0), ...a.buffers(1), flags: a.number(3) };
  },
  recvfrom: (a) => {
    a.count(6);
    return { name: 'recvfrom', fd: a.fd(0), ...a.buffers(1), flags: a.number(3) };
  },
  readv: (a) => {
    a.count(3);
    return { name: 'readv', fd: a.fd(0), ...a.vector(a.at(1)), flags: 0 };
  },
  recvmsg: (a) => {
    a.count(3);
    const vector = message(a).vector;
    return { name: 'recvmsg', fd: a.fd(0), ...vector, flags: a.number(2) };
  },
  write: (a) => {
    a.count(3);
    return { name: 'write', fd: a.fd(0), ...a.buffers(1), flags: 0, address: null };
  },
  send: (a) => {
    a.count(4);
    return { name: 'send', fd: a.fd(0), ...a.buffers(1), flags: a.number(3), address: null };
  },
  sendto: (a) => {
    a.count(6);
    const address = a.address(4, 'remote');
    return { name: 'sendto', fd: a.fd(0), ...a.buffers(1), flags: a.number(3), address };
  },
  writev: (a) => {
    a.count(3);
    return { name: 'writev', fd: a.fd(0), ...a.vector(a.at(1)), flags: 0, address: null };
  },
  sendmsg: (a) => {
    a.count(3);
    const { vector, hasName } = message(a);
    const { remoteIp, connectPort } = a.options;
    const address = hasName ? { address: remoteIp, port: connectPort } : null;
    return { name: 'sendmsg', fd: a.fd(0), ...vector, flags: a.number(2), address };
  },
  fcntl: (a) => {
    a.count(2, 3);
    const argument = a.call.args.length > 2 ? a.number(2) : 0;
    return { name: 'fcntl', fd: a.fd(0), command: a.number(1), argument };
  },
  ioctl: (a) => {
    a.count(2, 3);
    const argument = a.call.args.length > 2 ? a.number(2) : 0;
    return { name: 'ioctl', fd: a.fd(0), request: a.number(1), argument };
  },
  getsockopt: (a) => {
    a.count(5);
    return {
      name: 'getsockopt',
      fd: a.fd(0),
      level: a.number(1),
      option: a.number(2),
      len: a.number(4),
    };
  },
  setsockopt: (a) => {
    a.count(5);
    const value = optionBytes(a, a.at(3), a.number(4));
    return { name: 'setsockopt', fd: a.fd(0), level: a.number(1), option: a.number(2), value };
  },
  poll,
  epoll_create: (a) => {
    a.count(1);
    return { name: 'epoll_create', size: a.number(0) };
  },
  epoll_ctl: (a) => {
    a.count(4);
    const event = a.isSymbol(3, 'NULL') ? { events: 0, data: 0 } : epollEvent(a, a.at(3));
    return { name: 'epoll_ctl', epfd: a.fd(0), operation: a.number(1), fd: a.fd(2), event };
  },
  epoll_wait: (a) => {
    a.count(4);
    return { name: 'epoll_wait', epfd: a.fd(0), maxEvents: a.number(2), timeoutMs: a.number(3) };
  },
  shutdown: (a) => {
    a.count(2);
    return { name: 'shutdown', fd: a.fd(0), how: a.number(1) };
  },
  close: (a) => {
    a.count(1);
    return { name: 'close', fd: a.fd(0) };
  },
  pipe: (a) => {
    a.count(1);
    return { name: 'pipe' };
  },
  open: (a) => {
    a.count(2, 3);
    const path = a.at(0);
    if (path.kind !== 'string') return a.fail(path.at, 'expected the name of a file');
    return { name: 'open', path: path.bytes, flags: a.number(1) };
  },
  splice: (a) => {
    a.count(6);
    return { name: 'splice', from: a.fd(0), to: a.fd(2), len: a.number(4), flags: a.number(5) };
  },
  sendfile: (a) => {
    a.count(4);
    const offset = a.isSymbol(2, 'NULL') ? null : a.number(2);
    return { name: 'sendfile', to: a.fd(0), from: a.fd(1), offset, len: a.number(3) };
  },
};

function socket(a: Arguments): SystemCall {
  a.count(3);
  const family = a.options.ipVersion === 'ipv4' ? 'AF_INET' : 'AF_INET6';
  const domain = a.isEllipsis(0) ? symbolValue(family)! : a.number(0);
  return { name: 'socket', domain, type: a.number(1), protocol: a.number(2) };
}

function bind(a: Arguments): SystemCall {
  a.count(3);
  const address = a.address(1, 'local');
  if (address === 'unspecified') return a.fail(a.call.at, 'expected an address to bind to');
  return { name: 'bind', fd: a.fd(0), address };
}

function connect(a: Arguments): SystemCall {
  a.count(3);
  const address = a.address(1, 'remote');
  return { name: 'connect', fd: a.fd(0), address: address === 'unspecified' ? null : address };
}

function message(a: Arguments) {
  const header = a.record(a.at(1), 'msghdr');
  const vector = a.field(header, 'msg_iov');
  if (vector === null) return a.fail(header.at, 'a message has msg_iov');
  return { vector: a.vector(vector), hasName: a.field(header, 'msg_name') !== null };
}

function poll(a: Arguments): SystemCall {
  a.count(3);
  const entries = a.list(0).map((item) => {
    const record = a.record(item, 'pollfd');
    const fd = a.liveFd(a.numberField(record, 'fd'));
    return { fd, events: a.numberField(record, 'events') };
  });
  return { name: 'poll', entries, timeoutMs: a.number(2) };
}

/** The data are whatever the script calls it: the stack hands them back and nothing else. */
export function epollEvent(a: Arguments, expression: Expression): EpollEvent {
  const record = a.record(expression, 'epoll');
  const data = record.fields.find(({ name }) => name !== 'events');
  return {
    events: a.numberField(record, 'events'),
    data: data === undefined ? 0 : a.valueOf(data.value),
  };
}

/** `len` bytes: integers little-endian, 4 bytes each (one alone may have 8), or a string, or a linger. */
export function optionBytes(a: Arguments, expression: Expression, len: number): Uint8Array {
  if (len < 0 || len > 65536) return a.fail(expression.at, 'that is no length');
  const bytes = new Uint8Array(len);
  if (expression.kind === 'string') {
    for (let i = 0; i < Math.min(len, expression.bytes.length); i++) {
      bytes[i] = expression.bytes.charCodeAt(i);
    }
    return bytes;
  }
  if (expression.kind === 'ellipsis') return bytes;
  const words = optionWords(a, expression);
  const width = words.length === 1 && len === 8 ? 8 : 4;
  const whole = new DataView(new ArrayBuffer(words.length * width));
  for (const [i, word] of words.entries()) {
    if (width === 8) whole.setBigUint64(8 * i, BigInt(word), true);
    else whole.setUint32(4 * i, word, true);
  }
  bytes.set(new Uint8Array(whole.buffer).subarray(0, len));
  return bytes;
}

function optionWords(a: Arguments, expression: Expression): readonly number[] {
  if (expression.kind === 'list') return expression.items.map((item) => a.valueOf(item));
  if (expression.kind !== 'record') return [a.valueOf(expression)];
  const linger = a.record(expression, 'linger');
  return [a.numberField(linger, 'onoff'), a.numberField(linger, 'linger')];
}
