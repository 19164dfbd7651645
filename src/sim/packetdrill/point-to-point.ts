/**
 * The cable between the stack and the script: a device whose frames are IP packets to the one and from the
 * other. Nobody is on it whose address would have to be asked for; what is not IP goes nowhere.
 *
 * What leaves is written down with its time. A super-frame is cut as the kernel cuts it in front of a device
 * that cannot, so a script sees what a capture would show.
 */
import type { Clock, FrameSink } from '../../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../../link/frame-store.ts';
import type { MemoryDevice } from '../../link/memory-device.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../../link/ring-layout.ts';
import { completeChecksum, foldChecksum, sumBytes } from '../../wire/checksum.ts';
import {
  ETH_HEADER_LEN,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethType,
  writeEthernet,
} from '../../wire/ethernet.ts';
import { IPPROTO } from '../../wire/ip-protocol.ts';
import { IPV4_HEADER_LEN, ipVersion } from '../../wire/ipv4.ts';
import { IPV6_HEADER_LEN } from '../../wire/ipv6.ts';
import { MacAddress } from '../../wire/mac.ts';
import { pseudoHeaderSum } from '../../wire/pseudo-header.ts';
import { setTcpChecksum, TCP_FLAG, TCP_HEADER_LEN, tcpDataOffset } from '../../wire/tcp.ts';
import { readPacket } from './live-packet.ts';
import type { CapturedPacket } from './system-under-test.ts';

/** Frames are taken at once: there is always room. */
const ROOM = 1 << 20;
const TCP_SEQ_AT = 4;
const TCP_FLAGS_AT = 13;

export class PointToPoint implements FrameSink {
  /** Whoever is at the other end. */
  readonly peerMac = new MacAddress(0x0200, 0xffff);
  private readonly frames: FrameStore;
  private readonly clock: Clock;
  private readonly nic: MemoryDevice;
  private readonly captured: CapturedPacket[] = [];
  private isDropping = false;

  constructor(frames: FrameStore, clock: Clock, nic: MemoryDevice) {
    this.frames = frames;
    this.clock = clock;
    this.nic = nic;
    nic.connect(this);
  }

  /** A queue without a place: everything that is sent is lost in it. */
  setDropping(isDropping: boolean): void {
    this.isDropping = isDropping;
  }

  room(): number {
    return ROOM;
  }

  take(frame: number): void {
    if (!this.isDropping) this.capture(frame);
    this.frames.release(frame);
  }

  /** The oldest packet that nobody has looked at. */
  next(): CapturedPacket | null {
    return this.captured.shift() ?? null;
  }

  /** An IP packet for the stack. */
  send(packet: Uint8Array): void {
    const bytes = new Uint8Array(ETH_HEADER_LEN + packet.length);
    const dv = new DataView(bytes.buffer);
    const isV4 = packet.length > 0 && packet[0]! >>> 4 === 4;
    const { mac } = this.nic;
    const { high, low } = this.peerMac;
    const type = isV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    writeEthernet(dv, 0, mac.high, mac.low, high, low, type);
    bytes.set(packet, ETH_HEADER_LEN);
    const frame = this.frames.fromBytes(bytes);
    if (frame !== NO_FRAME) this.nic.take(frame);
  }

  private capture(frame: number): void {
    const { words, slab } = this.frames;
    const w = frame * RX_STRIDE;
    const off = words[w + RX.OFF]!;
    const end = off + words[w + RX.LEN]!;
    const type = ethType(slab.dv, off);
    if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) return;
    const bytes = slab.u8.slice(off + ETH_HEADER_LEN, end);
    const size = words[w + RX.GSO]! & 0xffff;
    const { nowNs: timeNs } = this.clock;
    if (size > 0) {
      for (const piece of cutTcp(bytes, size)) this.captured.push({ timeNs, bytes: piece });
      return;
    }
    if ((words[w + RX.FLAGS]! & RX_FLAG.CSUM_PARTIAL) !== 0) {
      const csum = words[w + RX.CSUM]!;
      const dv = new DataView(bytes.buffer);
      completeChecksum(dv, 0, bytes.length, (csum >>> 16) - ETH_HEADER_LEN, csum & 0xffff);
    }
    this.captured.push({ timeNs, bytes });
  }
}

/** A super-segment as segments of `size` bytes of text: what ends a message on the last, CWR on the first. */
export function cutTcp(whole: Uint8Array, size: number): Uint8Array[] {
  const from = new DataView(whole.buffer, whole.byteOffset, whole.length);
  const isV4 = ipVersion(from, 0) === 4;
  const at = isV4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
  const headers = at + tcpDataOffset(from, at);
  const pieces: Uint8Array[] = [];
  for (let text = headers; text < whole.length; text += size) {
    const end = Math.min(whole.length, text + size);
    const bytes = new Uint8Array(headers + end - text);
    bytes.set(whole.subarray(0, headers));
    bytes.set(whole.subarray(text, end), headers);
    const dv = new DataView(bytes.buffer);
    dv.setInt32(at + TCP_SEQ_AT, dv.getInt32(at + TCP_SEQ_AT) + text - headers);
    let flags = dv.getUint8(at + TCP_FLAGS_AT);
    if (end < whole.length) flags &= ~(TCP_FLAG.FIN | TCP_FLAG.PSH);
    if (text > headers) flags &= ~TCP_FLAG.CWR;
    dv.setUint8(at + TCP_FLAGS_AT, flags);
    setLengths(dv, isV4, at);
    pieces.push(bytes);
  }
  return pieces;
}

function setLengths(dv: DataView, isV4: boolean, at: number): void {
  const total = dv.byteLength;
  if (isV4) {
    dv.setUint16(2, total);
    dv.setUint16(10, 0);
    dv.setUint16(10, foldChecksum(sumBytes(dv, 0, IPV4_HEADER_LEN, 0)));
  } else dv.setUint16(4, total - IPV6_HEADER_LEN);
  const { src, dst } = readPacket(new Uint8Array(dv.buffer, 0, at + TCP_HEADER_LEN));
  setTcpChecksum(dv, at, 0);
  const pseudo = pseudoHeaderSum(src, dst, IPPROTO.TCP, total - at);
  setTcpChecksum(dv, at, foldChecksum(sumBytes(dv, at, total - at, pseudo)));
}
