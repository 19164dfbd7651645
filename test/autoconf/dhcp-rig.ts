/** DHCP messages as bytes and as text, written and read without a line of src/; and a client with its wire. */
import type { Test } from 'tap';
import tap from 'tap';
import { DhcpClient, type DhcpOptionsIn } from '../../src/autoconf/dhcp-client.ts';
import type { DhcpCounterName } from '../../src/autoconf/dhcp-counters.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import {
  addressBytes,
  addressText,
  BROADCAST_MAC,
  type Bytes,
  ethernet,
  hex,
  ip4,
  join,
  OUR_MAC,
  PEER_MAC,
  type Seen,
  sum16,
  u16,
  u32,
  udp,
} from '../net/packets.ts';
import { NetHarness, type RigOptions } from '../net/rig.ts';
import { arpLine, type Moment, watch } from './arp-rig.ts';

export const SERVER = '10.0.0.2';
export const OFFERED = '10.0.0.50';
export const ROUTER = '10.0.0.254';

const TYPES = ['', 'DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE'];

export type OptionBytes = readonly [number, readonly number[]];
export const option = {
  type: (name: string): OptionBytes => [53, [TYPES.indexOf(name)]],
  server: (a: string): OptionBytes => [54, addressBytes(a)],
  mask: (a: string): OptionBytes => [1, addressBytes(a)],
  routers: (...all: string[]): OptionBytes => [3, all.flatMap((a) => [...addressBytes(a)])],
  dns: (...all: string[]): OptionBytes => [6, all.flatMap((a) => [...addressBytes(a)])],
  domain: (text: string): OptionBytes => [15, [...Buffer.from(text, 'latin1')]],
  mtu: (n: number): OptionBytes => [26, u16(n)],
  lease: (s: number): OptionBytes => [51, u32(s)],
  t1: (s: number): OptionBytes => [58, u32(s)],
  t2: (s: number): OptionBytes => [59, u32(s)],
  /** `10.1.0.0/16 via 10.0.0.9` */
  routes: (...all: string[]): OptionBytes => [
    121,
    all.flatMap((text) => {
      const [, net, bits, via] = /^(\S+)\/(\d+) via (\S+)$/.exec(text)!;
      const octets = addressBytes(net!).slice(0, Math.ceil(Number(bits) / 8));
      return [Number(bits), ...octets, ...addressBytes(via!)];
    }),
  ],
};

export function encode(options: readonly OptionBytes[]): number[] {
  return options.flatMap(([code, bytes]) => [code, bytes.length, ...bytes]);
}

/** An answer of a server; what is not given is as it should be. */
export interface Answer {
  readonly type?: string;
  readonly xid: number;
  readonly yiaddr?: string;
  readonly options?: readonly OptionBytes[];
  /** Instead of the options, END included. */
  readonly raw?: readonly number[];
  readonly op?: number;
  readonly htype?: number;
  readonly hlen?: number;
  readonly chaddr?: string;
  readonly cookie?: readonly number[];
  readonly sname?: readonly number[];
  readonly file?: readonly number[];
  /** Of the message: what lies behind is cut off. */
  readonly length?: number;
  readonly from?: string;
  readonly to?: string;
  readonly ports?: { from: number; to: number };
  /** The Ethernet destination: us, unless by broadcast. */
  readonly dst?: string;
}

export const GOOD: readonly OptionBytes[] = [
  option.server(SERVER),
  option.mask('255.255.255.0'),
  option.routers(ROUTER),
  option.dns('10.0.0.53'),
  option.domain('example.net'),
  option.lease(3600),
];

const field = (bytes: readonly number[], length: number): number[] => [
  ...bytes,
  ...new Array<number>(Math.max(0, length - bytes.length)).fill(0),
];

export function message(a: Answer): Bytes {
  const named = [option.type(a.type ?? 'OFFER'), ...(a.options ?? GOOD)];
  return join(
    [a.op ?? 2, a.htype ?? 1, a.hlen ?? 6, 0],
    u32(a.xid),
    new Array<number>(8).fill(0),
    addressBytes(a.yiaddr ?? OFFERED),
    new Array<number>(8).fill(0),
    field(hex(a.chaddr ?? OUR_MAC), 16),
    field(a.sname ?? [], 64),
    field(a.file ?? [], 128),
    a.cookie ?? [99, 130, 83, 99],
    a.raw ?? [...encode(named), 255],
  ).slice(0, a.length ?? 65535);
}

export function frame(a: Answer): Bytes {
  const [src, dst] = [a.from ?? SERVER, a.to ?? '255.255.255.255'];
  const datagram = udp(a.ports ?? { from: 67, to: 68 }, message(a), src, dst);
  const isBroadcast = dst === '255.255.255.255';
  return ethernet(ip4({ src, dst, protocol: 17 }, datagram), {
    dst: a.dst ?? (isBroadcast ? BROADCAST_MAC : OUR_MAC),
    src: PEER_MAC,
  });
}

/** A message of the client, read. */
export interface Said {
  readonly type: string;
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: string;
  readonly options: ReadonlyMap<number, readonly number[]>;
  /** `DISCOVER ff:… 0.0.0.0>255.255.255.255 want=… server=… ciaddr=…` */
  readonly line: string;
}

export function said(seen: Seen): Said | null {
  const p = seen.payload;
  if (seen.protocol !== 17 || p.length < 8 + 240 || p[3] !== 67 || p[1] !== 68) return null;
  const b = p.subarray(8);
  const words = (at: number): number => new DataView(b.buffer, b.byteOffset).getInt32(at);
  const options = new Map<number, number[]>();
  let at = 240;
  for (; at < b.length && b[at] !== 255; ) {
    const len = b[at + 1]!;
    options.set(b[at]!, [...b.subarray(at + 2, at + 2 + len)]);
    at += 2 + len;
  }
  const isSound =
    b[at] === 255 &&
    b[0] === 1 &&
    b[1] === 1 &&
    b[2] === 6 &&
    words(236) === 0x63825363 &&
    join(b.subarray(28, 34)).join() === hex(OUR_MAC).join() &&
    b.length >= 300 &&
    isUdpWhole(seen);
  const type = TYPES[options.get(53)?.[0] ?? 0]!;
  const ciaddr = addressText(b.slice(12, 16));
  const text = (code: number): string =>
    options.has(code) ? addressText(Uint8Array.from(options.get(code)!)) : '';
  const line = [
    isSound ? type : 'BAD',
    seen.to === BROADCAST_MAC ? 'all' : seen.to,
    `${seen.src}>${seen.dst}`,
    ...(options.has(50) ? [`want ${text(50)}`] : []),
    ...(options.has(54) ? [`server ${text(54)}`] : []),
    ...(ciaddr === '0.0.0.0' ? [] : [`have ${ciaddr}`]),
  ].join(' ');
  const secs = (b[8]! << 8) | b[9]!;
  const flags = (b[10]! << 8) | b[11]!;
  return { type, xid: words(4), secs, flags, ciaddr, options, line };
}

function isUdpWhole(seen: Seen): boolean {
  const p = seen.payload;
  const pseudo = [...addressBytes(seen.src), ...addressBytes(seen.dst), 0, 17, ...u16(p.length)];
  return ((p[4]! << 8) | p[5]!) === p.length && sum16(pseudo, p) === 0xffff;
}

export class DhcpRig {
  readonly h: NetHarness;
  readonly client: DhcpClient;
  readonly states: string[] = [];
  /** The last message of the client. */
  last: Said | null = null;

  constructor(options: DhcpOptionsIn = {}, rig: RigOptions = {}) {
    this.h = new NetHarness({ addresses: [], gateway: false, ...rig });
    this.client = new DhcpClient(this.h.stack, this.h.port.iface, {
      ...options,
      listener: {
        dhcpChanged: (client) => {
          if (this.states.at(-1) !== client.state) this.states.push(client.state);
        },
      },
    });
  }

  /** What leaves within the time. */
  watch(seconds: number): Moment[] {
    return watch(this.h, seconds, (seen) => {
      const message = said(seen);
      if (message === null) return arpLine(seen);
      this.last = message;
      return message.line;
    });
  }

  /** Only the DHCP messages, in a line each. */
  lines(seconds: number): string[] {
    return this.watch(seconds)
      .map((m) => m.line)
      .filter((line) => /^[A-Z]{3,}/.test(line));
  }

  /** An answer to the last message. Its fate. */
  give(a: Partial<Answer> = {}): string {
    return this.h.giveFrame(frame({ xid: this.last?.xid ?? 0, ...a }));
  }

  /** From the start to BOUND. */
  bind(options: readonly OptionBytes[] = GOOD): void {
    this.client.start();
    this.lines(0);
    this.give({ options });
    this.lines(0);
    this.give({ type: 'ACK', options });
    this.lines(9);
    if (this.client.state !== 'bound') throw new Error(`it is ${this.client.state}`);
  }

  counted(name: DhcpCounterName): number {
    return this.client.counters.get(name);
  }

  /** The addresses of the interface, link-local ones of IPv6 left out. */
  addresses(): string[] {
    return this.h.port.iface.addresses
      .filter((a) => a.address.w2 === 0xffff)
      .map((a) => `${formatAddress(a.address)}/${a.bits - 96}`);
  }

  routes(): string[] {
    return this.h.net.routes.routes
      .filter((r) => r.iface === this.h.port.iface && r.prefix.w2 === 0xffff)
      .map((r) => {
        const via = r.gateway === null ? '' : ` via ${formatAddress(r.gateway)}`;
        return `${formatAddress(r.prefix)}/${r.bits - 96}${via}`;
      });
  }

  close(t: Test): void {
    this.client.stop();
    this.h.close(t);
  }
}

export function dhcp(
  title: string,
  run: (t: Test, r: DhcpRig) => void,
  options: DhcpOptionsIn = {},
  rig: RigOptions = {},
): void {
  tap.test(title, async (t) => {
    const r = new DhcpRig(options, rig);
    run(t, r);
    r.close(t);
  });
}
