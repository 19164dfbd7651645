/** UDP sockets of the network rig's stack, by name: addresses as text, errors as errno names. */
import tap, { type Test } from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { Datagram } from '../../src/net/datagram-store.ts';
import type { Udp } from '../../src/udp/udp.ts';
import type { UdpFamily, UdpSocket } from '../../src/udp/udp-socket.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { type Bytes, ip4, ip6, type UdpPorts, udp as udpMessage } from '../net/packets.ts';
import { ip, NetHarness, type RigOptions } from '../net/rig.ts';

export interface Received {
  readonly from: string;
  readonly body: Bytes;
  /** The datagram's own length: more than `body` when it was cut. */
  readonly len: number;
  readonly to: string;
  readonly iface: number;
  readonly ttl: number;
  readonly tos: number;
  readonly atNs: number;
}

/** A test that is one dialogue; in the end all memory is back. */
export function dialogue(
  title: string,
  run: (t: Test, h: UdpHarness) => void,
  options: RigOptions | (() => UdpHarness) = {},
): void {
  tap.test(title, async (t) => {
    const h = typeof options === 'function' ? options() : new UdpHarness(options);
    run(t, h);
    h.close(t);
  });
}

export class UdpHarness extends NetHarness {
  readonly udp: Udp;
  private readonly d = new Datagram();

  constructor(options: RigOptions = {}) {
    super(options);
    this.udp = this.stack.udp;
  }

  open(family: UdpFamily = 'ipv4'): UdpSocket {
    return this.udp.open(family);
  }

  /** A socket bound to `address`, `address%index` or `*`; the errno's name when that fails. */
  bound(family: UdpFamily, address: string, port: number): UdpSocket {
    const s = this.open(family);
    const result = this.bind(s, address, port);
    if (result !== 'ok') throw new Error(`bind ${address}: ${result}`);
    return s;
  }

  bind(s: UdpSocket, text: string, port: number): string {
    const [address, index] = scoped(text);
    return named(this.udp.bind(s, ip(address), port, index));
  }

  connect(s: UdpSocket, text: string, port: number): string {
    const [address, index] = scoped(text);
    return named(this.udp.connect(s, ip(address), port, index));
  }

  /** The number of bytes, or the errno's name. */
  sendTo(s: UdpSocket, body: Bytes, text: string, port: number): number | string {
    const [address, index] = scoped(text);
    const n = this.udp.sendTo(s, body, ip(address), port, index);
    this.settle();
    return n < 0 ? errnoName(n) : n;
  }

  send(s: UdpSocket, body: Bytes): number | string {
    const n = this.udp.send(s, body);
    this.settle();
    return n < 0 ? errnoName(n) : n;
  }

  take(s: UdpSocket, most: number = 65536): Received | string {
    const into = new Uint8Array(most);
    const n = this.udp.receive(s, into, this.d);
    if (n < 0) return errnoName(n);
    const { d } = this;
    return {
      from: `${formatAddress(d.src)} ${d.port}`,
      body: into.slice(0, n),
      len: d.len,
      to: formatAddress(d.dst),
      iface: d.ifaceIndex,
      ttl: d.ttl,
      tos: d.tos,
      atNs: d.atNs,
    };
  }

  /** `from bytes` of what waits, or the errno. */
  brief(s: UdpSocket): string {
    const r = this.take(s);
    return typeof r === 'string' ? r : `${r.from} ${r.body.length}`;
  }

  /** A datagram from the peer arrives; its fate. */
  arrives(p: UdpPorts, body: Bytes, src = '10.0.0.2', dst = '10.0.0.1'): string {
    return this.give(datagram(p, body, src, dst));
  }

  /** What a socket is bound and connected to. */
  ends(s: UdpSocket): string {
    const local = `${formatAddress(s.local)} ${s.localPort}`;
    return s.isConnected ? `${local} > ${formatAddress(s.remote)} ${s.remotePort}` : local;
  }
}

export function datagram(p: UdpPorts, body: Bytes, src = '10.0.0.2', dst = '10.0.0.1'): Bytes {
  const message = udpMessage(p, body, src, dst);
  return src.includes(':')
    ? ip6({ src, dst, next: 17 }, message)
    : ip4({ src, dst, protocol: 17 }, message);
}

export const named = (result: number): string => (result === 0 ? 'ok' : errnoName(result));

function scoped(text: string): [string, number] {
  const [address = '', index] = text.split('%');
  return [address, Number(index ?? 0)];
}
