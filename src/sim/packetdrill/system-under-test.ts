/**
 * What the runner needs of a stack. It is all synchronous, and time stands still except in `run`.
 */
import type { Address } from '../../wire/address.ts';
import type { CodeVariables } from './code-evaluator.ts';

export interface SystemUnderTest {
  /** The virtual clock. */
  readonly nowNs: number;

  /**
   * Everything that is due up to and including `untilNs`, an instant at a time; stops after the first
   * instant at whose end `isReached` holds (asked before any time passes, too) and says whether it does.
   * The clock then shows that instant, otherwise `untilNs`.
   */
  run(untilNs: number, isReached: () => boolean): boolean;

  /** An IP packet arrives now. `run(nowNs, …)` does the work it causes. Borrowed: copied before return. */
  inject(packet: Uint8Array): void;

  /** The next IP packet that the stack gave to its device, in order; null when there is none. */
  takeOutbound(): CapturedPacket | null;

  /**
   * Starts a system call. One that need not wait is done when this returns; another is done within a
   * `run`, at the instant at which what it waits for happens, before the clock goes on.
   */
  call(request: SystemCall): CallRun;

  /** TCP_INFO and its relatives of a socket, by the names in scripts; null when it has none. */
  tcpInfo(fd: number): CodeVariables | null;

  readonly shell: ShellHost;
}

export interface CapturedPacket {
  /** When the stack handed it to the device, behind pacing and queueing. */
  readonly timeNs: number;
  readonly bytes: Uint8Array;
}

// ---- system calls ----

/** Filled in by the stack; the runner only looks. */
export interface CallRun {
  readonly isDone: boolean;
  /** When it returned. */
  readonly doneNs: number;
  readonly result: CallResult;
}

export interface CallResult {
  /** >= 0, or -errno. */
  readonly value: number;
  /** What calls return beside it; absent what this one does not. */
  readonly out?: CallOutput;
}

export interface CallOutput {
  /** accept: where the connection comes from. */
  readonly peer?: SocketAddress;
  /** getsockopt: as many bytes as were filled in. */
  readonly option?: Uint8Array;
  /** ioctl. */
  readonly number?: number;
  /** recvmsg. */
  readonly flags?: number;
  readonly control?: readonly ControlMessage[];
  /** poll: for each entry, in order. */
  readonly revents?: readonly number[];
  /** epoll_wait: those that are ready, in order. */
  readonly events?: readonly EpollEvent[];
  /** pipe: the end to read from, the end to write to. */
  readonly fds?: readonly [number, number];
}

export interface SocketAddress {
  readonly address: Address;
  readonly port: number;
}

export interface EpollEvent {
  readonly events: number;
  /** Whatever was given to epoll_ctl. */
  readonly data: number;
}

/** As recvmsg has it; `data` is laid out as on Linux x86-64. Times in it count from the clock's zero. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** Data to write is zeros and what is read is not looked at, so buffers are lengths. */
export type SystemCall =
  | {
      readonly name: 'socket';
      readonly domain: number;
      readonly type: number;
      readonly protocol: number;
    }
  | { readonly name: 'bind'; readonly fd: number; readonly address: SocketAddress }
  /** `address` null: AF_UNSPEC, which dissolves the association. */
  | { readonly name: 'connect'; readonly fd: number; readonly address: SocketAddress | null }
  | { readonly name: 'listen'; readonly fd: number; readonly backlog: number }
  | { readonly name: 'accept'; readonly fd: number; readonly flags: number }
  | ReceiveCall
  | SendCall
  | {
      readonly name: 'fcntl';
      readonly fd: number;
      readonly command: number;
      readonly argument: number;
    }
  | {
      readonly name: 'ioctl';
      readonly fd: number;
      readonly request: number;
      readonly argument: number;
    }
  | {
      readonly name: 'getsockopt';
      readonly fd: number;
      readonly level: number;
      readonly option: number;
      readonly len: number;
    }
  | {
      readonly name: 'setsockopt';
      readonly fd: number;
      readonly level: number;
      readonly option: number;
      readonly value: Uint8Array;
    }
  | { readonly name: 'shutdown'; readonly fd: number; readonly how: number }
  | { readonly name: 'close'; readonly fd: number }
  | { readonly name: 'poll'; readonly entries: readonly PollEntry[]; readonly timeoutMs: number }
  | { readonly name: 'epoll_create'; readonly size: number }
  | {
      readonly name: 'epoll_ctl';
      readonly epfd: number;
      readonly operation: number;
      readonly fd: number;
      readonly event: EpollEvent;
    }
  | {
      readonly name: 'epoll_wait';
      readonly epfd: number;
      readonly maxEvents: number;
      readonly timeoutMs: number;
    }
  | { readonly name: 'pipe' }
  | { readonly name: 'open'; readonly path: string; readonly flags: number }
  | {
      readonly name: 'splice';
      readonly from: number;
      readonly to: number;
      readonly len: number;
      readonly flags: number;
    }
  | {
      readonly name: 'sendfile';
      readonly to: number;
      readonly from: number;
      /** null: from where the file stands. */
      readonly offset: number | null;
      readonly len: number;
    };

export interface PollEntry {
  readonly fd: number;
  readonly events: number;
}

/** A buffer at an address that cannot be touched: EFAULT, if it comes to that. */
export const BAD_BUFFER = 'bad';
/** The lengths of the buffers, one for all but readv, writev, recvmsg and sendmsg. */
export type Buffers = readonly number[] | typeof BAD_BUFFER;

export interface ReceiveCall {
  readonly name: 'read' | 'recv' | 'recvfrom' | 'readv' | 'recvmsg';
  readonly fd: number;
  readonly buffers: Buffers;
  readonly len: number;
  readonly flags: number;
}

export interface SendCall {
  readonly name: 'write' | 'send' | 'sendto' | 'writev' | 'sendmsg';
  readonly fd: number;
  readonly buffers: Buffers;
  readonly len: number;
  readonly flags: number;
  /** Where to, or null; `unspecified` is AF_UNSPEC. */
  readonly address: SocketAddress | 'unspecified' | null;
}

// ---- what commands change ----

/** Results are 0 or -errno; -ENOENT: the stack knows nothing of that name. */
export interface ShellHost {
  /** By Linux's name with dots: `net.ipv4.tcp_sack`. */
  setSysctl(name: string, value: string): number;
  setModuleParameter(module: string, name: string, value: string): number;
  /** Forgets what was learned of peers. */
  flushTcpMetrics(): void;
  /** What stands between the stack and its device. */
  setQdisc(qdisc: Qdisc): number;
  /** `tso`, `gso`, `gro` … */
  setOffload(feature: string, isOn: boolean): number;
  setRoute(route: RouteChange): number;
  /** The counters that have changed since they were asked for last, by nstat's names. */
  nstat(): readonly (readonly [string, number])[];
  tcpSockets(): readonly TcpSocketLine[];
  writeFile(path: string, bytes: Uint8Array): number;
  removeFile(path: string): number;
}

export interface Qdisc {
  /** `pfifo`, `fq` (which paces), `default`. */
  readonly kind: string;
  /** Packets, or null. */
  readonly limit: number | null;
}

/** 0 is what is not said. */
export interface RouteChange {
  readonly address: Address;
  /** Counted within the family. */
  readonly bits: number;
  readonly mtu: number;
  readonly isMtuLocked: boolean;
  readonly advmss: number;
  readonly initcwnd: number;
}

export interface TcpSocketLine {
  readonly isV4: boolean;
  readonly localPort: number;
  readonly remotePort: number;
  /** Linux's number: 1 ESTABLISHED … 11 CLOSING. */
  readonly state: number;
}
