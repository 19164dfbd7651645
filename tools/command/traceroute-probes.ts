/** How a probe leaves and what comes back for it: over UDP, or as an ICMP echo request. */
import { EAGAIN } from '../../src/base/errno.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { EchoListener, EchoSocket } from '../../src/net/echo-socket.ts';
import { PMTUDISC } from '../../src/net/out-packet.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { type ReadyListener, UdpSendControl, type UdpSocket } from '../../src/udp/udp-socket.ts';
import { type Address, isV4 } from '../../src/wire/address.ts';
import { Failure } from './failure.ts';

/** With headers 60 bytes over IPv4 and 80 over IPv6, as Linux's traceroute sends. */
const DATA_BYTES = 32;
const NUMBERS = 65536;

/** What came back for a probe. */
export interface ProbeAnswer {
  readonly number: number;
  readonly from: Address;
  readonly atNs: number;
  /** The ICMP error, or null: the destination itself answered. */
  readonly error: {
    readonly type: number;
    readonly code: number;
    readonly mtu: number;
    readonly errno: number;
  } | null;
}

export interface ProbeListener {
  answered(answer: ProbeAnswer): void;
  /** All that had come was reported. */
  drained(): void;
}

export interface Prober {
  /** Sends probe `number`. 0 or -errno. */
  send(number: number, ttl: number): number;
  close(): void;
}

export class UdpProber implements Prober, ReadyListener {
  private readonly stack: Stack;
  private readonly to: Address;
  private readonly ifaceIndex: number;
  private readonly firstPort: number;
  private readonly listener: ProbeListener;
  private readonly s: UdpSocket;
  private readonly how = new UdpSendControl();
  private readonly data = new Uint8Array(DATA_BYTES).map((_, i) => 0x40 + i);
  private readonly got = new Datagram();
  private readonly into = new Uint8Array(DATA_BYTES);

  constructor(
    stack: Stack,
    to: Address,
    ifaceIndex: number,
    firstPort: number,
    listener: ProbeListener,
  ) {
    this.stack = stack;
    this.to = to;
    this.ifaceIndex = ifaceIndex;
    this.firstPort = firstPort;
    this.listener = listener;
    this.s = stack.udp.open(isV4(to) ? 'ipv4' : 'ipv6');
    this.s.wantsErrors4 = true;
    this.s.wantsErrors6 = true;
    this.s.pmtuDiscovery = PMTUDISC.DONT;
    this.s.listener = this;
    if (ifaceIndex !== 0) stack.udp.bindToDevice(this.s, ifaceIndex);
  }

  send(number: number, ttl: number): number {
    const { udp } = this.stack;
    this.how.setTtl(ttl);
    udp.takeError(this.s); // it is in the queue of errors too
    const n = udp.sendTo(
      this.s,
      this.data,
      this.to,
      this.portOf(number),
      this.ifaceIndex,
      this.how,
    );
    return n < 0 ? n : 0;
  }

  close(): void {
    this.stack.udp.close(this.s);
  }

  onReady(): void {
    const { udp } = this.stack;
    for (let e = udp.takeKeptError(this.s); e !== null; e = udp.takeKeptError(this.s)) {
      this.listener.answered({
        number: this.numberOf(e.port),
        from: e.from,
        atNs: e.atNs,
        error: e,
      });
    }
    udp.takeError(this.s);
    while (!this.s.isClosed && udp.receive(this.s, this.into, this.got) !== -EAGAIN) {
      const { port, src, atNs } = this.got;
      this.listener.answered({ number: this.numberOf(port), from: src, atNs, error: null });
    }
    this.listener.drained();
  }

  /** Port 0 cannot be sent to: after the last comes 1. */
  private portOf(number: number): number {
    return ((this.firstPort - 1 + number) % (NUMBERS - 1)) + 1;
  }

  private numberOf(port: number): number {
    return (port - this.firstPort + NUMBERS - 1) % (NUMBERS - 1);
  }
}

export class EchoProber implements Prober, EchoListener {
  private readonly stack: Stack;
  private readonly to: Address;
  private readonly first: number;
  private readonly listener: ProbeListener;
  private readonly s: EchoSocket;
  private readonly data = new Uint8Array(DATA_BYTES).map((_, i) => 0x48 + i);
  private readonly got = new Datagram();
  private readonly into = new Uint8Array(DATA_BYTES);
  private isClosed = false;

  constructor(
    stack: Stack,
    to: Address,
    ifaceIndex: number,
    first: number,
    listener: ProbeListener,
  ) {
    const s = stack.net.echoes.open();
    if (s === null) throw new Failure('EAGAIN', 'all 65,536 ping identifiers are in use');
    this.stack = stack;
    this.to = to;
    this.first = first;
    this.listener = listener;
    this.s = s;
    s.boundIndex = ifaceIndex;
    s.pmtuDiscovery = PMTUDISC.DONT;
    s.listener = this;
  }

  send(number: number, ttl: number): number {
    this.s.ttl = ttl;
    const seq = (this.first + number) % NUMBERS;
    return this.stack.net.echoes.send(this.s, this.to, seq, this.data);
  }

  close(): void {
    this.isClosed = true;
    this.stack.net.echoes.close(this.s);
  }

  onReady(): void {
    const { echoes } = this.stack.net;
    const { nowNs } = this.stack.env;
    for (const error of this.s.errors.splice(0)) {
      const { from, seq } = error;
      this.listener.answered({ number: this.numberOf(seq), from, atNs: nowNs, error });
    }
    while (!this.isClosed && echoes.receive(this.s, this.into, this.got) !== -EAGAIN) {
      const { port, src, atNs } = this.got;
      this.listener.answered({ number: this.numberOf(port), from: src, atNs, error: null });
    }
    this.listener.drained();
  }

  private numberOf(seq: number): number {
    return (seq - this.first + NUMBERS) % NUMBERS;
  }
}
