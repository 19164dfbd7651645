/**
 * One more host on a wire, made of bytes: it sends whatever frame it is told to, and says what came back. No time
 * decides what an answer is: behind each probe go two echo requests, one after the other, and what arrives before
 * their replies is the answer to the probe. It answers questions about its own addresses, and nothing else.
 */
import { Memory } from '../../src/base/memory.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import {
  addressBytes,
  type Bytes,
  data,
  echo4,
  echo6,
  ethernet,
  hex,
  icmp6,
  ip6,
  join,
  sameBytes,
  u16,
} from '../net/packets.ts';
import { answerText, type Ends } from './answer-text.ts';

const PEER_MAC = '02:00:00:00:00:77';
/** How long a fence may take before the target counts as dead. */
const LIMIT_MS = 20_000;
const FENCE_ID = 0x7e7e;
const NS = 135;

export class RawPeer {
  readonly ends: Ends;
  private readonly device: PacketDevice;
  private readonly memory: Memory;
  private readonly targetMac: string;
  private fences = 0;

  constructor(iface: string, targetMac: string, ends: Ends) {
    this.memory = new Memory({ slabBytes: 64 << 20, chunks: 16, cellBytes: 1 << 20 });
    const mac = MacAddress.parse(PEER_MAC)!;
    this.device = new PacketDevice(this.memory, {
      interface: iface,
      vnet: false,
      mac,
      ringBytes: 1 << 20,
    });
    this.targetMac = targetMac;
    this.ends = ends;
  }

  close(): void {
    this.device.close();
  }

  /** Sends packets, and returns what they were answered with, a line for each. */
  async ask(packets: readonly Bytes[], isV4: boolean): Promise<string[]> {
    const answers: string[] = [];
    for (const p of packets) await this.send(ethernet(p, this.frameTo(p)));
    await this.fence(isV4, answers);
    await this.fence(isV4, answers);
    return answers;
  }

  private frameTo(packet: Bytes): { dst: string; src: string; type: number } {
    const type = packet[0]! >>> 4 === 6 ? 0x86dd : 0x0800;
    return { dst: this.targetMac, src: PEER_MAC, type };
  }

  /** Until the target has answered an echo request: it is alive, and everything before it has been seen to. */
  private async fence(isV4: boolean, answers: string[]): Promise<void> {
    const seq = ++this.fences & 0xffff;
    const body = data(24);
    const { us4, them4, us6, them6 } = this.ends;
    const request = isV4
      ? echo4(body, { src: us4, dst: them4 }, FENCE_ID, seq)
      : echo6(body, { src: us6, dst: them6 }, FENCE_ID, seq);
    const mark = join(u16(FENCE_ID), u16(seq), body);
    await this.send(ethernet(request, this.frameTo(request)));
    for (const end = Date.now() + LIMIT_MS; Date.now() < end; ) {
      if (await this.take(mark, answers)) return;
      await new Promise((r) => setImmediate(r));
    }
    throw new Error(`no answer to an echo request; before it: ${answers.join('; ')}`);
  }

  /** Whether the fence's reply was among what has arrived. */
  private async take(mark: Bytes, answers: string[]): Promise<boolean> {
    const n = this.device.rxBatch(64);
    const frames: Bytes[] = [];
    const { desc } = this.device.rx;
    for (let i = 0; i < n; i++) {
      const off = desc[i * RX_STRIDE + RX.OFF]!;
      frames.push(this.memory.slab.u8.slice(off, off + desc[i * RX_STRIDE + RX.LEN]!));
    }
    let isDone = false;
    for (const frame of frames) {
      if (await this.isHousekeeping(frame)) continue;
      if (isReply(frame) && sameBytes(frame.subarray(-mark.length), mark)) isDone = true;
      else {
        const text = answerText(frame, this.ends);
        if (text !== null) answers.push(text);
      }
    }
    return isDone;
  }

  /** ARP requests and neighbour solicitations: answered when they ask for us. */
  private async isHousekeeping(frame: Bytes): Promise<boolean> {
    const type = (frame[12]! << 8) | frame[13]!;
    const p = frame.subarray(14);
    if (type === 0x0806) {
      const isForUs =
        p[7] === 1 && sameBytes(p.slice(24, 28), Uint8Array.from(addressBytes(this.ends.us4)));
      if (isForUs) {
        const reply = join(
          [0, 1, 8, 0, 6, 4, 0, 2],
          hex(PEER_MAC),
          p.slice(24, 28),
          p.slice(8, 18),
        );
        await this.send(ethernet(reply, { dst: this.targetMac, src: PEER_MAC, type: 0x0806 }));
      }
      return true;
    }
    if (type !== 0x86dd || p[6] !== 58 || p[40] !== NS) return false;
    const { us6 } = this.ends;
    if (!sameBytes(p.slice(48, 64), Uint8Array.from(addressBytes(us6)))) return true;
    const body = join(p.slice(48, 64), [2, 1], hex(PEER_MAC));
    const { them6 } = this.ends;
    const advert = icmp6({ type: 136, rest: 0x60000000 }, body, us6, them6);
    await this.send(
      ethernet(ip6({ src: us6, dst: them6, hop: 255 }, advert), this.frameTo(ip6({}))),
    );
    return true;
  }

  private async send(frame: Bytes): Promise<void> {
    const { device, memory } = this;
    const at = device.tx.reserve(frame.length);
    const slot = at < 0 ? -1 : device.tx.begin();
    if (slot < 0) throw new Error('the ring of the raw socket is full');
    memory.slab.u8.set(frame, at);
    device.tx.add(at, frame.length);
    device.tx.commit();
    while (device.txFlush() > 0) await new Promise((r) => setImmediate(r));
  }
}

/** An echo reply of either family without options. */
function isReply(frame: Bytes): boolean {
  const p = frame.subarray(14);
  return p[0]! >>> 4 === 4 ? p[9] === 1 && p[(p[0]! & 15) * 4] === 0 : p[6] === 58 && p[40] === 129;
}
