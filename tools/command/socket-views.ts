/** A running stack's sockets as plain objects: what `ss` prints, and its JSON. */
import { MS, NEVER } from '../../src/base/time.ts';
import type { CcInfo } from '../../src/cc/congestion-control.ts';
import type { Stack } from '../../src/stack/stack.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { DUE } from '../../src/tcp/deadlines.ts';
import type { Handshake } from '../../src/tcp/handshake.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import type { Endpoint } from '../../src/tcp/tcp-demux.ts';
import { connectionInfo, handshakeInfo, listenerInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { isIn, STATE, type TcpState } from '../../src/tcp/tcp-state.ts';
import type { TimeWait } from '../../src/tcp/time-wait.ts';
import type { UdpSocket } from '../../src/udp/udp-socket.ts';
import { type Address, ANY4, isUnspecified, isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';

/** TCP's states as ss names them; UNCONN is a UDP socket without a peer. */
export type SocketState =
  | 'ESTAB'
  | 'SYN-SENT'
  | 'SYN-RECV'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'TIME-WAIT'
  | 'UNCONN'
  | 'CLOSE-WAIT'
  | 'LAST-ACK'
  | 'LISTEN'
  | 'CLOSING';

export interface TimerView {
  readonly name: 'on' | 'keepalive' | 'timewait' | 'persist';
  readonly ms: number;
  readonly retrans: number;
}

/** Bytes, as in ss's skmem; what Linux charges for bookkeeping beside the text is not counted here. */
export interface MemoryView {
  readonly received: number;
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  readonly queued: number;
  readonly drops: number;
}

export interface SocketView {
  readonly netid: 'tcp' | 'udp';
  readonly state: SocketState;
  readonly recvQ: number;
  readonly sendQ: number;
  /** `*` for any address of both families. */
  readonly local: string;
  readonly localPort: number;
  readonly peer: string;
  /** 0: any. */
  readonly peerPort: number;
  readonly family: 'inet' | 'inet6';
  /** The interface that the socket is tied to. */
  readonly dev?: string;
  readonly timer?: TimerView;
  /** Whether text may still come, and go. */
  readonly isOpenIn: boolean;
  readonly isOpenOut: boolean;
  readonly congestion?: string;
  /** Who works in its place since it failed. */
  readonly standIn?: string;
  /** What the module tells of itself in one of Linux's layouts. */
  readonly module?: CcInfo;
  readonly memory?: MemoryView;
  /** TCP_INFO without the rates that have no limit. */
  readonly info?: Readonly<Record<string, number>>;
}

const NAMES: Readonly<Record<TcpState, SocketState>> = {
  [STATE.ESTABLISHED]: 'ESTAB',
  [STATE.SYN_SENT]: 'SYN-SENT',
  [STATE.SYN_RECEIVED]: 'SYN-RECV',
  [STATE.FIN_WAIT_1]: 'FIN-WAIT-1',
  [STATE.FIN_WAIT_2]: 'FIN-WAIT-2',
  [STATE.TIME_WAIT]: 'TIME-WAIT',
  [STATE.CLOSED]: 'UNCONN',
  [STATE.CLOSE_WAIT]: 'CLOSE-WAIT',
  [STATE.LAST_ACK]: 'LAST-ACK',
  [STATE.LISTEN]: 'LISTEN',
  [STATE.CLOSING]: 'CLOSING',
};
/** Our FIN has left, and is not acknowledged yet. */
const FIN_UNDER_WAY =
  (1 << STATE.FIN_WAIT_1) | (1 << STATE.CLOSING) | (1 << STATE.LAST_ACK) | (1 << STATE.CLOSED);

export function udpViews(stack: Stack): SocketView[] {
  return stack.udp.list().map((s) => udpView(stack, s));
}

export function tcpViews(stack: Stack): SocketView[] {
  const { demux } = stack.tcp;
  return [
    ...demux.listeners.all().map((l) => listenerView(stack, l)),
    ...demux.all().map((e) => endpointView(stack, e)),
  ];
}

function endpointView(stack: Stack, e: Endpoint): SocketView {
  if (e.kind === 'connection') return connectionView(stack, e);
  return e.kind === 'handshake' ? handshakeView(stack, e) : timeWaitView(stack, e);
}

function connectionView(stack: Stack, c: TcpConnection): SocketView {
  const info = new TcpInfo();
  connectionInfo(c, info);
  const timer = timerOf(c);
  const hasFin = c.isFinQueued && isIn(c.state, FIN_UNDER_WAY);
  return {
    netid: 'tcp',
    state: NAMES[c.state],
    recvQ: c.received.readyBytes,
    sendQ: c.sendQueue.length + (hasFin ? 1 : 0),
    ...ends(stack, c),
    ...(timer === null ? {} : { timer }),
    isOpenIn: !c.isFinReceived,
    isOpenOut: !c.isFinQueued,
    congestion: c.congestion.module.name,
    ...(c.congestion.cc.standIn === '' ? {} : { standIn: c.congestion.cc.standIn }),
    ...moduleOf(c),
    memory: {
      received: c.received.chargedBytes,
      receiveBuffer: c.rcvbufBytes,
      sendBuffer: c.sndbufBytes,
      queued: c.sendQueue.length,
      drops: 0,
    },
    info: finite(info),
  };
}

function moduleOf({ congestion }: TcpConnection): Pick<SocketView, 'module'> {
  const module = congestion.cc.getInfo(congestion.view);
  return module === null || module.kind === 'other' ? {} : { module };
}

/** The one that will fire first of those that Linux shows. */
function timerOf(c: TcpConnection): TimerView | null {
  const { due, rtt } = c;
  const now = c.tcp.env.nowNs;
  const resend = Math.min(due.at(DUE.RTO), due.at(DUE.TLP), due.at(DUE.REORDER));
  if (resend !== NEVER) return timer('on', resend - now, rtt.backoff);
  if (due.isArmed(DUE.PERSIST)) return timer('persist', due.at(DUE.PERSIST) - now, c.probes);
  const idle = Math.min(due.at(DUE.KEEPALIVE), due.at(DUE.FIN_WAIT_2));
  return idle === NEVER ? null : timer('keepalive', idle - now, c.probes);
}

function timer(name: TimerView['name'], leftNs: number, retrans: number): TimerView {
  return { name, ms: Math.max(0, Math.floor(leftNs / MS)), retrans };
}

function handshakeView(stack: Stack, h: Handshake): SocketView {
  const info = new TcpInfo();
  handshakeInfo(h, info);
  return {
    netid: 'tcp',
    state: NAMES[h.state],
    recvQ: 0,
    sendQ: h.state === STATE.SYN_SENT ? 1 : 0,
    ...ends(stack, h),
    timer: timer('on', h.dueNs - stack.env.nowNs, h.timeouts),
    isOpenIn: true,
    isOpenOut: true,
    // Linux has no socket yet in SYN-RECV, so there is nothing that TCP_INFO could be of.
    ...(h.state === STATE.SYN_SENT ? { info: finite(info) } : {}),
  };
}

function timeWaitView(stack: Stack, tw: TimeWait): SocketView {
  return {
    netid: 'tcp',
    state: NAMES[tw.state],
    recvQ: 0,
    sendQ: 0,
    ...ends(stack, tw),
    timer: timer('timewait', tw.dueNs - stack.env.nowNs, 0),
    isOpenIn: false,
    isOpenOut: false,
  };
}

function listenerView(stack: Stack, l: Listener): SocketView {
  const info = new TcpInfo();
  listenerInfo(l, stack.tcp, info);
  const isV4Only = isV4(l.local);
  return {
    netid: 'tcp',
    state: 'LISTEN',
    recvQ: l.waiting,
    sendQ: l.backlog,
    local: wildcard(l.local, !isV4Only && !l.isV6Only),
    localPort: l.localPort,
    peer: isV4Only ? formatAddress(ANY4) : l.isV6Only ? '[::]' : '*',
    peerPort: 0,
    family: isV4Only ? 'inet' : 'inet6',
    ...device(stack, l.boundIndex),
    isOpenIn: true,
    isOpenOut: true,
    info: finite(info),
  };
}

function udpView(stack: Stack, s: UdpSocket): SocketView {
  const isDual = s.family === 'dual';
  const peerAny = isDual ? '*' : s.family === 'ipv4' ? formatAddress(ANY4) : '[::]';
  return {
    netid: 'udp',
    state: s.isConnected ? 'ESTAB' : 'UNCONN',
    recvQ: s.queue.chargedBytes,
    sendQ: 0,
    local: isUnspecified(s.local) && s.family === 'ipv4' ? peerAny : wildcard(s.local, isDual),
    localPort: s.localPort,
    peer: s.isConnected ? hostText(s.remote) : peerAny,
    peerPort: s.remotePort,
    family: s.family === 'ipv4' ? 'inet' : 'inet6',
    ...device(stack, s.boundIndex),
    isOpenIn: true,
    isOpenOut: true,
    memory: {
      received: s.queue.chargedBytes,
      receiveBuffer: s.rcvbufBytes,
      sendBuffer: stack.net.config.wmemDefault,
      queued: 0,
      drops: s.droppedFull + s.droppedNoMemory,
    },
  };
}

function ends(
  stack: Stack,
  id: Handshake | TcpConnection | TimeWait,
): Pick<SocketView, 'local' | 'localPort' | 'peer' | 'peerPort' | 'family' | 'dev'> {
  return {
    local: hostText(id.local),
    localPort: id.localPort,
    peer: hostText(id.remote),
    peerPort: id.remotePort,
    family: isV4(id.remote) ? 'inet' : 'inet6',
    ...device(stack, id.boundIndex),
  };
}

function device(stack: Stack, index: number): { dev?: string } {
  const iface = stack.net.interfaceAt(index);
  return iface === null ? {} : { dev: iface.name };
}

function wildcard(address: Address, isDual: boolean): string {
  return isDual && isUnspecified(address) ? '*' : hostText(address);
}

function hostText(address: Address): string {
  const text = formatAddress(address);
  return isV4(address) ? text : `[${text}]`;
}

/** JSON knows no Infinity. */
function finite(info: TcpInfo): Record<string, number> {
  const numbers = Object.entries(info) as [string, number][];
  return Object.fromEntries(numbers.filter(([, value]) => value !== Infinity));
}
