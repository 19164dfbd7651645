/**
 * A packetdrill script as a tree: what the parser makes and the runner walks.
 *
 * Numbers stand as written: sequence numbers, ports and timestamps are the script's own; what they are
 * on the wire is known only while it runs (`flow`). Times are nanoseconds, whole microseconds.
 */
import type { IcmpKind } from './icmp-names.ts';
import type { ScriptOptions } from './options.ts';

/** Where something is written, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A mistake in the script, as `file:line: message`. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  readonly at: Position;

  constructor(file: string, at: Position, what: string) {
    super(`${file}:${at.line}: ${what}`);
    this.at = at;
  }
}

export interface Script {
  readonly file: string;
  readonly options: ScriptOptions;
  readonly init: CommandAction | null;
  readonly events: readonly ScriptEvent[];
  readonly cleanup: CommandAction | null;
}

export interface ScriptEvent {
  readonly at: Position;
  readonly time: EventTime;
  readonly action: Action;
}

/**
 * `start`: counted from the start of the script. `previous`: from the event before. `any`: whenever it
 * comes. A point in time has `toNs === fromNs`; `returnNs` is when a blocking call must return, on the
 * same anchor as `fromNs`, or null.
 */
export interface EventTime {
  readonly anchor: 'start' | 'previous' | 'any';
  readonly fromNs: number;
  readonly toNs: number;
  readonly returnNs: number | null;
}

export type Action = PacketAction | CallAction | CommandAction | CodeAction;

export interface CommandAction {
  readonly kind: 'command';
  readonly at: Position;
  readonly text: string;
}

export interface CodeAction {
  readonly kind: 'code';
  readonly at: Position;
  readonly text: string;
}

// ---- packets ----

export type PacketAction = TcpPacket | UdpPacket | IcmpPacket;

interface PacketBase {
  readonly at: Position;
  readonly isInbound: boolean;
  /** Outermost first, by name; no runner here speaks them. */
  readonly encapsulations: readonly string[];
  readonly ip: IpFields;
}

/** What is written about the IP header; null is what is not. */
export interface IpFields {
  readonly ecn: Ecn | null;
  readonly tos: number | null;
  readonly flowLabel: number | null;
  readonly ttl: number | null;
}
export type Ecn = 'noecn' | 'ect1' | 'ect0' | 'ce' | 'ect01';

export interface Ports {
  readonly source: number;
  readonly destination: number;
}

export interface SequenceRange {
  readonly start: number;
  readonly len: number;
}

export interface TcpPacket extends PacketBase {
  readonly kind: 'tcp';
  readonly ports: Ports | null;
  /** TCP_FLAG bits. */
  readonly flags: number;
  readonly seq: SequenceRange;
  readonly ack: number | null;
  readonly window: number | null;
  readonly urgent: number | null;
  /** null for `<...>`: any options will do. */
  readonly options: readonly TcpOption[] | null;
}

export type TcpOption =
  | { readonly kind: 'nop' | 'eol' | 'sackOK' }
  | { readonly kind: 'mss' | 'wscale'; readonly value: number }
  | { readonly kind: 'sack'; readonly blocks: readonly SackBlock[] }
  | { readonly kind: 'TS'; readonly val: number; readonly ecr: number }
  /** `bytes` in hexadecimal. `raw` is a whole option that has no notation: seen, never written. */
  | { readonly kind: 'FO' | 'FOEXP' | 'md5' | 'raw'; readonly bytes: string }
  /** RFC 9768 §3.2.3: 24-bit counters in the order on the wire; `first` is 0 for e0b, 1 for e1b. */
  | { readonly kind: 'ECN'; readonly first: 0 | 1; readonly counters: readonly number[] };

export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

export interface UdpPacket extends PacketBase {
  readonly kind: 'udp';
  readonly ports: Ports | null;
  readonly len: number;
}

export interface IcmpPacket extends PacketBase {
  readonly kind: 'icmp';
  readonly icmp: IcmpKind;
  readonly mtu: number | null;
  readonly id: number | null;
  readonly quoted: QuotedPacket | null;
}

/** What an ICMP error says it is about, behind the IP header. */
export type QuotedPacket =
  | { readonly kind: 'tcp'; readonly seq: SequenceRange }
  | { readonly kind: 'udp' | 'raw'; readonly len: number };

// ---- system calls ----

export interface CallAction {
  readonly kind: 'call';
  readonly at: Position;
  readonly name: string;
  readonly args: readonly Expression[];
  readonly result: Expression;
  /** `EAGAIN` in `= -1 EAGAIN`. */
  readonly errno: string | null;
  /** The text in parentheses behind it: for people. */
  readonly note: string | null;
}

export type Expression =
  | { readonly kind: 'ellipsis'; readonly at: Position }
  | { readonly kind: 'integer'; readonly at: Position; readonly value: number }
  | { readonly kind: 'symbol'; readonly at: Position; readonly name: string }
  /** One character a byte. */
  | { readonly kind: 'string'; readonly at: Position; readonly bytes: string }
  | { readonly kind: 'or'; readonly at: Position; readonly terms: readonly Expression[] }
  | { readonly kind: 'list'; readonly at: Position; readonly items: readonly Expression[] }
  /** `{..., 1000}`: a buffer and its length. */
  | {
      readonly kind: 'buffer';
      readonly at: Position;
      readonly base: Expression;
      readonly len: Expression;
    }
  | RecordExpression
  /** `htons(8080)`, `inet_addr("192.0.2.1")`. */
  | {
      readonly kind: 'function';
      readonly at: Position;
      readonly name: string;
      readonly argument: Expression;
    };

export type RecordShape =
  | 'sockaddr'
  | 'msghdr'
  | 'cmsg'
  | 'pollfd'
  | 'epoll'
  | 'linger'
  | 'timestamp'
  | 'extended error'
  | 'statistics';

/** `{name=value, …}`: which names occur decides what it is. */
export interface RecordExpression {
  readonly kind: 'record';
  readonly at: Position;
  readonly shape: RecordShape;
  readonly fields: readonly RecordField[];
}

export interface RecordField {
  readonly at: Position;
  readonly name: string;
  /** `2` in `msg_iov(2)=…`. */
  readonly argument: Expression | null;
  readonly value: Expression;
}
