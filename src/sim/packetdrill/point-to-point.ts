/**
 * The cable between the stack and the script: a device whose frames are IP packets to the one and from the
 * other. Nobody is on it whose address would have to be asked for; what is not IP goes nowhere.
 *
 * What leaves is written down with its time. A super-frame is one packet, as on Linux's tunnel devices, which
 * take them whole: the lines of scripts were written for that.
 */
import type { Clock, FrameSink } from '../../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../../link/frame-store.ts';
import type { MemoryDevice } from '../../link/memory-device.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../../link/ring-layout.ts';
import { completeChecksum } from '../../wire/checksum.ts';
import {
  ETH_HEADER_LEN,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethType,
  writeEthernet,
} from '../../wire/ethernet.ts';
import { MacAddress } from '../../wire/mac.ts';
import type { CapturedPacket } from './system-under-test.ts';

/** Frames are taken at once: there is always room. */
const ROOM = 1 << 20;

export class PointToPoint implements FrameSink {
  /** Whoever is at the other end. */
  readonly peerMac = new MacAddress(0x0200, 0xffff);
  private readonly frames: FrameStore;
  private readonly clock: Clock;
  private readonly nic: MemoryDevice;
  private readonly captured: CapturedPacket[] = [];

  constructor(frames: FrameStore, clock: Clock, nic: MemoryDevice) {
    this.frames = frames;
    this.clock = clock;
    this.nic = nic;
    nic.connect(this);
  }

  room(): number {
    return ROOM;
  }

  take(frame: number): void {
    this.capture(frame);
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
    if ((words[w + RX.FLAGS]! & RX_FLAG.CSUM_PARTIAL) !== 0) {
      const csum = words[w + RX.CSUM]!;
      const dv = new DataView(bytes.buffer);
      completeChecksum(dv, 0, bytes.length, (csum >>> 16) - ETH_HEADER_LEN, csum & 0xffff);
    }
    this.captured.push({ timeNs: this.clock.nowNs, bytes });
  }
}
