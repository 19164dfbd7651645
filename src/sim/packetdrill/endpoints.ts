/**
 * Which connection a script is about. It is one at a time: the socket that `socket()` returned last, or
 * the child that the first inbound packet makes of it when it listens. Packets of others are nobody's.
 */
import { addressEquals } from '../../wire/address.ts';
import { TCP_FLAG } from '../../wire/tcp.ts';
import { Flow } from './flow.ts';
import type { LivePacket } from './live-packet.ts';
import type { ScriptOptions } from './options.ts';
import type { PacketAction } from './script.ts';
import { symbolValue } from './symbols.ts';
import type { SocketAddress, SystemCall } from './system-under-test.ts';

/** Each child has a peer's port of its own, counted up from here. */
const FIRST_PEER_PORT = 40000;
const SOCK_TYPE_MASK = 15;
const SOCK_DGRAM = symbolValue('SOCK_DGRAM')!;

export class Endpoints {
  private readonly options: ScriptOptions;
  private flow: Flow | null = null;
  /** The stack's descriptor of the tracked socket; null for a child that was not accepted. */
  private fd: number | null = null;
  private isListening = false;
  private peerPort = FIRST_PEER_PORT;
  /** Ports that the stack chose for connections which the script is done with. */
  private readonly before = new Set<number>();
  private readonly children = new Map<number, Flow>();

  constructor(options: ScriptOptions) {
    this.options = options;
  }

  get tracked(): Flow | null {
    return this.flow;
  }

  get trackedFd(): number | null {
    return this.fd;
  }

  /** Before a call is made: what is sent while it lasts is of this flow. */
  callStarts(call: SystemCall): void {
    const names = ['connect', 'sendto', 'sendmsg'];
    if (!names.includes(call.name) || !('fd' in call) || call.fd !== this.fd) return;
    const address = 'address' in call ? (call.address as SocketAddress | string | null) : null;
    if (address === null || typeof address === 'string' || this.isListening) return;
    if (this.flow!.remotePort === null) this.flow!.connect(address.port);
  }

  /** After a call has succeeded. */
  callSucceeded(call: SystemCall, value: number, peer: SocketAddress | undefined): void {
    switch (call.name) {
      case 'socket': {
        const isUdp = (call.type & SOCK_TYPE_MASK) === SOCK_DGRAM;
        this.track(new Flow(isUdp ? 'udp' : 'tcp', false, null, null), value);
        break;
      }
      case 'bind':
        if (call.fd === this.fd) this.flow!.bind(call.address.port);
        break;
      case 'listen':
        if (call.fd === this.fd) this.isListening = true;
        break;
      case 'connect':
        // The association is dissolved: the next connection starts anew.
        if (call.fd === this.fd && call.address === null) {
          this.track(new Flow(this.flow!.protocol, false, null, null), call.fd);
        }
        break;
      case 'accept':
        if (peer !== undefined && this.children.get(peer.port) === this.flow) this.fd = value;
    }
  }

  /** The flow of an inbound TCP packet: with a listener, or nothing, to take it, a new one. */
  forInbound(): Flow {
    if (this.flow !== null && !this.isListening) return this.flow;
    const port = this.peerPort++;
    const local = this.flow?.localPort ?? this.options.bindPort;
    const child = new Flow('tcp', true, local, port);
    this.children.set(port, child);
    this.track(child, null);
    return child;
  }

  /** Whether an outbound packet is one that `expected` has to be compared with. */
  isOurs(live: LivePacket, expected: PacketAction): boolean {
    const { flow, options } = this;
    const { transport } = live;
    if (!addressEquals(live.dst, options.remoteIp)) return false;
    if (transport.kind === 'icmp') return expected.kind === 'icmp';
    if (flow === null || transport.kind !== flow.protocol) return false;
    if (flow.remotePort !== transport.dstPort) return false;
    if (!addressEquals(live.src, options.localIp)) return false;
    if (flow.localPort !== null) return flow.localPort === transport.srcPort;
    // Its first packet shows the port that the stack chose; an earlier connection's SYN may come again meanwhile.
    if (transport.kind === 'udp') return true;
    return (transport.flags & TCP_FLAG.SYN) !== 0 && !this.before.has(transport.srcPort);
  }

  private track(flow: Flow, fd: number | null): void {
    const port = this.flow?.localPort ?? null;
    // A socket that connects again may do so from the same port.
    if (port !== null && !this.flow!.isPassive && fd !== this.fd) this.before.add(port);
    this.flow = flow;
    this.fd = fd;
    this.isListening = false;
  }
}
