/**
 * Somebody who can send packets under any address, sees none, and knows all of a connection but its numbers: a peer's
 * addresses, ports, timestamps, the size of its window. He guesses at random, and he goes through the numbers step
 * by step, a window at a time.
 */
import type { RandomStream } from '../../src/base/rng.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { seqBits } from '../../src/wire/seq.ts';
import { type Bytes, ethernet, icmp4, ip4 } from '../net/packets.ts';
import { tcpBytes } from './segment-text.ts';
import type { TcpPair } from './tcp-pair.ts';

export interface Forgery {
  readonly flags?: string;
  /** Bytes of text. */
  readonly text?: number;
  readonly urg?: number;
  /** Type, code and MTU of an ICMP error, instead of a segment. */
  readonly icmp?: readonly [type: number, code: number, mtu: number];
}

/** Ethernet and IPv4. */
const L3 = 14;
const L4 = L3 + 20;
/** The sequence number in a segment, and in one that an ICMP error quotes. */
const SEQ = L4 + 4;
const QUOTED_SEQ = L4 + 8 + 20 + 4;
/** A TS option behind two NOPs. */
const TS_VAL = L4 + 20 + 4;

export class Stranger {
  /** How many there were. */
  sent = 0;
  private step = 0;
  private readonly pair: TcpPair;
  private readonly side: number;
  private readonly victim: TcpConnection;
  private readonly random: RandomStream;
  private readonly bytes: Bytes;
  private readonly dv: DataView;
  private readonly isIcmp: boolean;
  private readonly first: number;
  private readonly stride: number;

  /** `side`: the victim's number in the pair. `steps`: how many he will make; the truth lies in the middle of them. */
  constructor(pair: TcpPair, side: number, victim: TcpConnection, what: Forgery, steps: number) {
    this.pair = pair;
    this.side = side;
    this.victim = victim;
    this.random = pair.sim.env(`stranger ${side}`).rng.stream('numbers');
    this.isIcmp = what.icmp !== undefined;
    this.bytes = ethernet(packetOf(victim, what));
    this.dv = new DataView(this.bytes.buffer);
    const { high, low } = pair.nics[side]!.mac;
    this.dv.setUint16(0, high);
    this.dv.setUint32(2, low);
    this.stride = this.isIcmp ? 1000 : victim.rcv.window();
    const truth = seqBits(this.isIcmp ? victim.snd.una : victim.rcv.nxt);
    this.first = truth - Math.floor(steps / 2) * this.stride - (this.random.int32() & 511);
  }

  atRandom(n: number): void {
    for (let i = 0; i < n; i++) this.send(this.random.int32());
  }

  stepping(n: number): void {
    for (let i = 0; i < n; i++) this.send((this.first + this.stride * this.step++) | 0);
  }

  private send(seq: number): void {
    const { dv, bytes, pair, victim } = this;
    dv.setInt32(this.isIcmp ? QUOTED_SEQ : SEQ, seq);
    if (!this.isIcmp) {
      dv.setInt32(SEQ + 4, this.random.int32());
      if (victim.agreed.hasTimestamps) dv.setInt32(TS_VAL, victim.tsRecent + 1);
    }
    const frame = pair.sim.frames.fromBytes(bytes);
    pair.sim.frames.words[frame * RX_STRIDE + RX.FLAGS] = RX_FLAG.CSUM_VALID;
    pair.nics[this.side]!.take(frame);
    this.sent++;
  }
}

function packetOf(victim: TcpConnection, what: Forgery): Bytes {
  const us = formatAddress(victim.local);
  const peer = formatAddress(victim.remote);
  const numbers = { seq: 0, ack: 0, win: 500 };
  if (what.icmp !== undefined) {
    const [type, code, rest] = what.icmp;
    const ports = { srcPort: victim.localPort, dstPort: victim.remotePort };
    const quoted = tcpBytes({ ...ports, ...numbers, flags: '.' }, us, peer);
    const packet = ip4({ protocol: 6, df: true, src: us, dst: peer }, quoted);
    return ip4({ protocol: 1, src: peer, dst: us }, icmp4({ type, code, rest }, packet));
  }
  const { flags = '.', text = 0, urg = 0 } = what;
  const ports = { srcPort: victim.remotePort, dstPort: victim.localPort };
  const options = victim.agreed.hasTimestamps ? [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0] : [];
  const rest = { flags, urg, options, text: new Uint8Array(text).fill(0xee) };
  return ip4(
    { protocol: 6, df: true, src: peer, dst: us },
    tcpBytes({ ...ports, ...numbers, ...rest }, peer, us),
  );
}
