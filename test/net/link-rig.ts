/**
 * One interface of a network without a stack around it: frames go in as bytes and come out as lines of
 * text, time is what the test says. The decoder reads the bytes for itself and checks every checksum.
 */
import { DeadlineQueue } from '../../src/base/deadline-queue.ts';
import { Env } from '../../src/base/env.ts';
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { SEC } from '../../src/base/time.ts';
import type { TraceSink } from '../../src/base/trace.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { MemoryDevice } from '../../src/link/memory-device.ts';
import { TX } from '../../src/link/ring-layout.ts';
import { arpInput } from '../../src/net/arp.ts';
import { addAddress4, addAddress6 } from '../../src/net/dad.ts';
import { DROP_NAMES } from '../../src/net/drops.ts';
import type { Interface } from '../../src/net/interface.ts';
import { neighbourAdvertInput, neighbourSolicitInput } from '../../src/net/ndp.ts';
import { type Neighbour, nudName } from '../../src/net/neighbour.ts';
import type { NeighbourOutput } from '../../src/net/neighbour-host.ts';
import { Network } from '../../src/net/network.ts';
import { createInterface } from '../../src/net/solicitor.ts';
import { type Address, IpAddress } from '../../src/wire/address.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { sumBytes } from '../../src/wire/checksum.ts';
import { MacAddress } from '../../src/wire/mac.ts';

export const OUR_MAC = '02:00:00:00:00:01';
export const ip = (text: string): IpAddress => parseAddress(text)!;
export const mac = (text: string): MacAddress => MacAddress.parse(text)!;

/** The prefix length out of 128 that `addAddress` wants. */
export function prefix(text: string): { address: IpAddress; bits: number } {
  const { address, bits } = parsePrefix(text)!;
  return { address, bits: text.includes(':') ? bits : bits + 96 };
}

/** What the lead function of output would have done with the packets that waited. */
class Outcome implements NeighbourOutput {
  readonly lines: string[] = [];
  /** Called within the callback: what output may do at the worst moment. */
  during: (n: Neighbour) => void = () => undefined;

  sendHeld(n: Neighbour, chain: number, len: number, csum: number): void {
    const mark = this.markOf(chain, len);
    this.lines.push(
      `sent ${mark} to ${formatAddress(n.address)}${csum === 0 ? '' : ` csum ${csum}`}`,
    );
    this.during(n);
  }

  unreachable(n: Neighbour, chain: number, len: number): void {
    this.lines.push(`unreachable ${this.markOf(chain, len)} for ${formatAddress(n.address)}`);
    this.during(n);
  }

  /** Packets are marked by their last byte, and have their length in front of it. */
  private markOf(chain: number, len: number): string {
    const bytes = new Uint8Array(len);
    this.memory.cells.loadInto(chain, len, bytes);
    return `#${bytes[len - 1]}/${len}`;
  }

  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }
}

class Trace implements TraceSink {
  readonly events: string[] = [];

  event(name: string, a: number, b: number): void {
    if (name !== 'neighbour.state') this.events.push(`${name} ${a} ${b}`);
  }
}

export interface RigOptions {
  readonly addresses?: readonly string[];
  readonly txFrames?: number;
  readonly cellBytes?: number;
  readonly seed?: number;
}

export class LinkRig {
  readonly memory: Memory;
  readonly trace = new Trace();
  readonly net: Network;
  readonly iface: Interface;
  readonly device: MemoryDevice;
  readonly outcome: Outcome;
  /** Where input is put: what lies behind it is filled, so that reading past the end shows. */
  readonly inputAt: number;

  constructor(options: RigOptions = {}) {
    this.memory = new Memory({
      slabBytes: (4 << 20) + (options.cellBytes ?? 1 << 20),
      chunks: 1,
      cellBytes: options.cellBytes ?? 1 << 20,
    });
    const env = new Env(this.memory, new Rng(options.seed ?? 4861), this.trace);
    this.net = new Network(env, new DeadlineQueue());
    this.device = new MemoryDevice(new FrameStore(this.memory), {
      name: 'test0',
      mac: mac(OUR_MAC),
      txFrames: options.txFrames ?? 64,
      txPayloadBytes: 1 << 16,
    });
    this.outcome = new Outcome(this.memory);
    this.inputAt = this.memory.slab.carve(4096);
    this.iface = createInterface(this.net, 1, 'test0', this.device, false, this.outcome);
    this.net.attach(this.iface);
    for (const text of options.addresses ?? ['10.0.0.1/24', 'fe80::1/64', '2001:db8::1/64']) {
      this.addPreferred(text);
    }
    this.frames(); // announcements are the subject of other tests
    this.trace.events.length = 0;
  }

  get table() {
    return this.iface.neighbours;
  }

  /** An address in use at once, whatever its family. */
  addPreferred(text: string): void {
    const { address, bits } = prefix(text);
    const { config } = this.net;
    const wanted = config.dadTransmits;
    config.dadTransmits = 0;
    const add = text.includes(':') ? addAddress6 : addAddress4;
    const result = add(this.net, this.iface, address, bits);
    config.dadTransmits = wanted;
    if (result !== 0) throw new Error(`${text} refused: ${result}`);
  }

  /** Lets time pass, deadline by deadline, as a driver does. */
  advance(seconds: number): void {
    const { env, deadlines } = this.net;
    const until = env.nowNs + Math.round(seconds * SEC);
    for (let next = deadlines.nextNs(); next <= until; next = deadlines.nextNs()) {
      env.nowNs = Math.max(env.nowNs, next);
      deadlines.fire(env.nowNs);
    }
    env.nowNs = until;
  }

  /** The frames committed since the last call, decoded. */
  frames(): string[] {
    const { tx } = this.device;
    const lines: string[] = [];
    const n = tx.inFlight;
    for (let i = 0; i < n; i++) {
      const d = tx.descAt(i);
      const parts: number[] = [];
      for (let p = 0; p < tx.desc[d + TX.PIECES]!; p++) {
        const off = tx.desc[d + TX.PIECE + 2 * p]!;
        const len = tx.desc[d + TX.PIECE + 2 * p + 1]!;
        parts.push(...this.memory.slab.u8.subarray(off, off + len));
      }
      lines.push(describe(Uint8Array.from(parts)));
    }
    tx.complete(n);
    return lines;
  }

  /** The last bytes of the newest frame, as hexadecimal with colons. */
  lastBytes(count: number): string {
    const { tx } = this.device;
    const d = tx.descAt(tx.inFlight - 1);
    const end = tx.desc[d + TX.PIECE]! + tx.desc[d + TX.LEN]!;
    const bytes = this.memory.slab.u8.subarray(end - count, end);
    return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');
  }

  /** Resolves and, if the neighbour is not usable, holds a packet marked `mark`. Returns the state. */
  send(to: string, mark: number, len = 100, src?: string): string {
    const n = this.table.resolve(ip(to));
    if (n === null) return 'full';
    if (n.isUsable()) return nudName(n.state);
    const { slab } = this.memory;
    const at = this.device.tx.begin();
    slab.u8.fill(0, at, at + 192);
    const isV6 = to.includes(':');
    const header = isV6 ? 40 : 20;
    if (src !== undefined) this.writeSource(at, src);
    const payload = len - header;
    if (payload > 0) {
      slab.u8.fill(0, this.inputAt, this.inputAt + payload);
      slab.u8[this.inputAt + payload - 1] = mark;
    } else slab.u8[at + len - 1] = mark;
    const result = this.table.hold(
      n,
      at,
      Math.min(len, header),
      this.inputAt,
      Math.max(0, payload),
      0,
      0,
    );
    return result === 0 ? nudName(n.state) : `${nudName(n.state)} ${result}`;
  }

  /** `10.0.0.2 REACHABLE 02:…:02`, or `none`. */
  show(address: string): string {
    const n = this.table.find(ip(address));
    if (n === null) return 'none';
    const link = new MacAddress(n.macHigh, n.macLow);
    return `${nudName(n.state)}${link.isZero ? '' : ` ${link}`}${n.isRouter ? ' router' : ''}`;
  }

  arp(bytes: Uint8Array): string {
    return this.arpBefore(bytes, 0xee);
  }

  /** What stands behind the packet in memory is `filling`. */
  arpBefore(bytes: Uint8Array, filling: number): string {
    this.put(bytes, filling);
    return fate(arpInput(this.net, this.iface, this.inputAt, bytes.length));
  }

  /** An IPv6 packet with a solicitation or advertisement, as input would have filled `net.rx`. */
  nd(message: Ndp): string {
    return this.ndBefore(message, ndpBytes(message), 0xee);
  }

  ndBefore(message: Ndp, bytes: Uint8Array, filling: number): string {
    const headers = [
      0x60,
      0,
      0,
      0,
      0,
      0,
      message.extensions?.[0] ?? 58,
      255,
      ...new Array(32).fill(0),
    ];
    headers.push(...(message.extensions?.slice(1) ?? []));
    this.put(Uint8Array.from([...headers, ...bytes]), filling);
    const pkt = this.net.rx;
    pkt.iface = this.iface;
    pkt.mib = this.net.mib.ip6;
    pkt.isV4 = false;
    pkt.src.copy(ip(message.src));
    pkt.dst.copy(ip(message.dst));
    pkt.ttl = message.hopLimit ?? 255;
    pkt.headerOff = this.inputAt;
    pkt.payloadOff = this.inputAt + headers.length;
    pkt.payloadLen = bytes.length;
    pkt.wasFragmented = message.isFragmented ?? false;
    const input = message.type === 'ns' ? neighbourSolicitInput : neighbourAdvertInput;
    return fate(input(this.net, pkt));
  }

  private put(bytes: Uint8Array, filling: number): void {
    const { u8 } = this.memory.slab;
    u8.fill(filling, this.inputAt, this.inputAt + 4096);
    u8.set(bytes, this.inputAt);
  }

  private writeSource(at: number, src: string): void {
    const { dv } = this.memory.slab;
    const a = ip(src);
    if (!src.includes(':')) dv.setInt32(at + 12, a.w3);
    else for (const [i, w] of [a.w0, a.w1, a.w2, a.w3].entries()) dv.setInt32(at + 8 + 4 * i, w);
  }
}

export function fate(reason: number): string {
  return reason === 0 ? 'accepted' : DROP_NAMES[reason - 1]!;
}

export interface Arp {
  readonly op: number;
  readonly from: string;
  readonly sender: string;
  readonly to?: string;
  readonly target: string;
}

export function arpBytes(a: Arp): Uint8Array {
  const to = a.to ?? '00:00:00:00:00:00';
  return Uint8Array.from([
    ...[0, 1, 8, 0, 6, 4, 0, a.op],
    ...hexOf(a.from),
    ...a.sender.split('.').map(Number),
    ...hexOf(to),
    ...a.target.split('.').map(Number),
  ]);
}

export const request = (sender: string, from: string, target: string): Uint8Array =>
  arpBytes({ op: 1, sender, from, target });
export const reply = (sender: string, from: string, target: string, to = OUR_MAC): Uint8Array =>
  arpBytes({ op: 2, sender, from, target, to });

export interface Ndp {
  readonly type: 'ns' | 'na';
  readonly src: string;
  readonly dst: string;
  readonly target: string;
  /** R, S, O. */
  readonly flags?: string;
  readonly source?: string;
  readonly link?: string;
  readonly nonce?: string;
  readonly code?: number;
  readonly hopLimit?: number;
  readonly isFragmented?: boolean;
  /** The IPv6 header's "next header", then the extension headers. */
  readonly extensions?: readonly number[];
  /** Raw bytes behind the options. */
  readonly tail?: readonly number[];
  readonly cutTo?: number;
}

export function ndpBytes(m: Ndp): Uint8Array {
  const flags = m.flags ?? '';
  const bits =
    (flags.includes('R') ? 0x80 : 0) |
    (flags.includes('S') ? 0x40 : 0) |
    (flags.includes('O') ? 0x20 : 0);
  const bytes = [
    m.type === 'ns' ? 135 : 136,
    m.code ?? 0,
    0,
    0,
    bits,
    0,
    0,
    0,
    ...bytesOf(ip(m.target)),
  ];
  if (m.source !== undefined) bytes.push(1, 1, ...hexOf(m.source));
  if (m.link !== undefined) bytes.push(2, 1, ...hexOf(m.link));
  if (m.nonce !== undefined) bytes.push(14, 1, ...hexOf(m.nonce));
  bytes.push(...(m.tail ?? []));
  return Uint8Array.from(bytes.slice(0, m.cutTo ?? bytes.length));
}

function bytesOf(a: Address): number[] {
  return [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [
    w >>> 24,
    (w >>> 16) & 255,
    (w >>> 8) & 255,
    w & 255,
  ]);
}

const hexOf = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16));

/** A frame of ours in words: everything in it that matters, and nothing that is wrong passes. */
function describe(frame: Uint8Array): string {
  const dv = new DataView(frame.buffer);
  const macAt = (o: number): string =>
    Array.from(frame.subarray(o, o + 6), (b) => b.toString(16).padStart(2, '0')).join(':');
  const to = macAt(0);
  if (macAt(6) !== OUR_MAC) return `from ${macAt(6)}?`;
  if (dv.getUint16(12) === 0x0806) return `${to} ${describeArp(frame, dv, macAt)}`;
  return dv.getUint16(12) === 0x86dd
    ? `${to} ${describeNdp(frame, dv, macAt)}`
    : 'not ours to send';
}

function describeArp(frame: Uint8Array, dv: DataView, macAt: (o: number) => string): string {
  const at = (o: number): string => Array.from(frame.subarray(o, o + 4)).join('.');
  if (frame.length !== 42 || dv.getInt32(14) !== 0x00010800 || dv.getUint16(18) !== 0x0604) {
    return 'bad arp';
  }
  if (macAt(22) !== OUR_MAC) return `arp in the name of ${macAt(22)}`;
  const op = dv.getUint16(20);
  if (op === 2) return `arp ${at(28)} is here, ${at(38)} at ${macAt(32)}`;
  return op === 1 && macAt(32) === '00:00:00:00:00:00'
    ? `arp who has ${at(38)}, says ${at(28)}`
    : 'bad arp';
}

function describeNdp(frame: Uint8Array, dv: DataView, macAt: (o: number) => string): string {
  const at = (o: number): string => {
    const a = new IpAddress();
    a.readV6(dv, o);
    return formatAddress(a);
  };
  const len = frame.length - 54;
  // The sum over pseudo-header and message, checksum included, is all ones.
  const sum = sumBytes(dv, 22, 32 + len, len + 58);
  const isRight = dv.getUint16(14) === 0x6000 && dv.getUint16(18) === len && frame[20] === 58;
  if (!isRight || frame[21] !== 255 || sum !== 0xffff) return 'bad ipv6';
  const [type, code] = [frame[54], frame[55]];
  const flags = frame[58]!;
  const letters = `${flags & 0x80 ? 'R' : ''}${flags & 0x40 ? 'S' : ''}${flags & 0x20 ? 'O' : ''}`;
  let options = '';
  for (let o = 78; o < frame.length; o += frame[o + 1]! * 8) {
    const name = ['', 'source', 'target'][frame[o]!] ?? (frame[o] === 14 ? 'nonce' : 'option');
    options += name === 'nonce' ? ' nonce' : ` ${name} ${macAt(o + 2)}`;
  }
  const what = type === 135 ? 'ns' : type === 136 ? 'na' : 'icmp6';
  if (code !== 0) return 'bad code';
  return `${what} ${at(22)} > ${at(38)}: ${at(62)}${letters === '' ? '' : ` ${letters}`}${options}`;
}
