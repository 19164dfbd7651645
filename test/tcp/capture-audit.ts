/**
 * An accountant: reads the capture of one end of one connection, frame by frame, and says what that end's
 * counters must show. It knows RFCs and Linux's names, nothing of the stack: all it has are bytes.
 */
import { Buffer } from 'node:buffer';
import { type Capture, readPcapng } from '../link/pcapng-reader.ts';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const INBOUND = 1;

/** A segment as it is on the wire; sequence numbers count from the sender's first one. */
export interface Frame {
  readonly atNs: number;
  readonly isIn: boolean;
  readonly port: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly len: number;
  readonly sack: readonly (readonly [number, number])[];
  readonly tsVal: number | null;
  readonly scale: number;
  /** Segments it is, or is cut into. */
  readonly pieces: number;
}

const seqLen = (f: Frame): number =>
  f.len + ((f.flags & FIN) !== 0 ? 1 : 0) + ((f.flags & SYN) !== 0 ? 1 : 0);

/** Positions in a stream without wrapping: the distance to the first number seen. */
class Unwrap {
  private first: number | null = null;

  at(raw: number): number {
    this.first ??= raw;
    return (raw - this.first) | 0;
  }
}

/** The TCP segments of face `face`. @param mss bytes of text in a full segment */
export function readFrames(file: Uint8Array, face: number, mss: number): Frame[] {
  const capture: Capture = readPcapng(file);
  const ours = new Unwrap();
  const theirs = new Unwrap();
  const frames: Frame[] = [];
  for (const p of capture.packets) {
    if (p.face !== face) continue;
    const dv = new DataView(p.bytes.buffer, p.bytes.byteOffset, p.bytes.byteLength);
    if (dv.getUint16(12) !== 0x0800 || dv.getUint8(23) !== 6) continue;
    const isIn = (p.flags & 3) === INBOUND;
    const tcp = 14 + 20;
    const header = (dv.getUint8(tcp + 12) >> 4) * 4;
    const len = dv.getUint16(16) - 20 - header;
    const [mine, other] = isIn ? [theirs, ours] : [ours, theirs];
    const flags = dv.getUint8(tcp + 13);
    const seq = mine.at(dv.getInt32(tcp + 4));
    frames.push({
      atNs: p.timeNs,
      isIn,
      port: dv.getUint16(isIn ? tcp + 2 : tcp),
      seq,
      ack: (flags & ACK) === 0 ? 0 : other.at(dv.getInt32(tcp + 8)),
      flags,
      window: dv.getUint16(tcp + 14),
      len,
      pieces: Math.max(1, Math.ceil(len / mss)),
      ...readOptions(dv, tcp + 20, tcp + header, other),
    });
  }
  return frames;
}

function readOptions(
  dv: DataView,
  from: number,
  end: number,
  other: Unwrap,
): Pick<Frame, 'sack' | 'tsVal' | 'scale'> {
  const sack: (readonly [number, number])[] = [];
  let tsVal: number | null = null;
  let scale = 0;
  for (let at = from; at < end && dv.getUint8(at) !== 0; ) {
    const kind = dv.getUint8(at);
    if (kind === 1) {
      at++;
      continue;
    }
    const len = dv.getUint8(at + 1);
    if (kind === 3) scale = dv.getUint8(at + 2);
    if (kind === 8) tsVal = dv.getInt32(at + 2);
    for (let b = at + 2; kind === 5 && b < at + len; b += 8) {
      sack.push([other.at(dv.getInt32(b)), other.at(dv.getInt32(b + 4))]);
    }
    at += len;
  }
  return { sack, tsVal, scale };
}

export const gather = (parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts));

/** Of Linux's MIB, what a capture tells. */
const MIB = [
  'InSegs',
  'OutSegs',
  'RetransSegs',
  'OutRsts',
  'TCPSynRetrans',
  'TCPOrigDataSent',
  'TCPDelivered',
  'TCPPureAcks',
  'TCPOFOQueue',
  'TCPOFOMerge',
  'TCPDSACKOldSent',
  'TCPDSACKOfoSent',
  'TCPDSACKRecv',
  'TCPDSACKOfoRecv',
  'TCPDSACKRecvSegs',
  'TCPDSACKIgnoredDubious',
  'DelayedACKLost',
  'PAWSEstab',
  'PAWSOldAck',
  'TCPSYNChallenge',
  'BeyondWindow',
] as const;
export type Expected = Record<(typeof MIB)[number], number>;

/** Of TCP_INFO. */
export interface ExpectedInfo {
  segs_out: number;
  segs_in: number;
  data_segs_out: number;
  data_segs_in: number;
  bytes_sent: number;
  bytes_acked: number;
  bytes_received: number;
  bytes_retrans: number;
  total_retrans: number;
  dsack_dups: number;
  rcv_ooopack: number;
  delivered: number;
}

export class Audit {
  readonly mib = Object.fromEntries(MIB.map((name) => [name, 0])) as Expected;
  readonly info: ExpectedInfo = {
    segs_out: 0,
    segs_in: 0,
    data_segs_out: 0,
    data_segs_in: 0,
    bytes_sent: 0,
    bytes_acked: 0,
    bytes_received: 0,
    bytes_retrans: 0,
    total_retrans: 0,
    dsack_dups: 0,
    rcv_ooopack: 0,
    delivered: 0,
  };
  /** Segments sent again, and when: for whoever wants to know why. */
  readonly resent: Frame[] = [];
  private readonly mss: number;
  private isActive = false;
  private isEstablished = false;
  private hasSyn = false;
  /** Where the FINs end, once there are any. */
  private finSent = Number.POSITIVE_INFINITY;
  private finReceived = Number.POSITIVE_INFINITY;
  /** Sending: the end of all that was ever sent, what is acknowledged, the widest window offered to us. */
  private sent = 0;
  private una = 0;
  private maxWindow = 0;
  private peerScale = 0;
  private ownScale = 0;
  /** Receiving: what is complete, stretches beyond it, the right edge offered, what was acknowledged last. */
  private next = 0;
  private beyond: [number, number][] = [];
  private edge = 0;
  private acked = 0;
  private recent: number | null = null;

  constructor(frames: readonly Frame[], mss: number) {
    this.mss = mss;
    for (const f of frames) {
      if (f.isIn) this.arrives(f);
      else this.leaves(f);
    }
    // What was sent has arrived, once: the capture is of an exchange that is over.
    const { info, mib } = this;
    info.delivered += mib.TCPOrigDataSent + mib.TCPDSACKRecvSegs;
    mib.TCPDelivered = info.delivered - (this.isActive ? 0 : 1);
    info.bytes_acked = this.una - (this.isActive ? 0 : 1);
    info.bytes_received = this.next - 1;
  }

  // ---- out ----

  private leaves(f: Frame): void {
    const { mib, info } = this;
    if ((f.flags & RST) !== 0) mib.OutRsts++;
    if ((f.flags & SYN) !== 0) this.synLeaves(f);
    else if (seqLen(f) > 0 && f.seq < this.sent) {
      mib.RetransSegs += f.pieces;
      info.total_retrans += f.pieces;
      info.bytes_retrans += f.len;
      this.resent.push(f);
    } else {
      mib.OutSegs += f.pieces;
      if (seqLen(f) > 0) mib.TCPOrigDataSent += f.pieces;
    }
    this.sent = Math.max(this.sent, f.seq + seqLen(f));
    if ((f.flags & FIN) !== 0) this.finSent = f.seq + seqLen(f);
    if ((f.flags & SYN) === 0 || this.isActive) info.segs_out += f.pieces;
    if (f.len > 0) info.data_segs_out += f.pieces;
    info.bytes_sent += f.len;
    this.acked = f.ack;
    this.edge = Math.max(this.edge, f.ack + (f.window << (f.flags & SYN ? 0 : this.ownScale)));
  }

  private synLeaves(f: Frame): void {
    const { mib, info } = this;
    this.isActive = (f.flags & ACK) === 0;
    this.ownScale = f.scale;
    if (this.hasSyn) {
      mib.RetransSegs++;
      mib.TCPSynRetrans++;
      info.total_retrans++;
      if (!this.isActive) mib.OutSegs++; // Linux counts a SYN-ACK among the new ones as well
      return;
    }
    this.hasSyn = true;
    info.delivered++;
    mib.OutSegs++;
  }

  // ---- in ----

  private arrives(f: Frame): void {
    const { mib, info } = this;
    mib.InSegs++;
    if (!this.isEstablished) {
      this.opening(f);
      return;
    }
    // Both sides are done: TIME-WAIT, or nobody, gets what comes now.
    if (this.una >= this.finSent && this.next >= this.finReceived) return;
    info.segs_in += f.pieces;
    if (f.len > 0) info.data_segs_in += f.pieces;
    if (!this.isAccepted(f)) return;
    this.takeAck(f);
    if (this.recent !== null && f.tsVal !== null && f.seq <= this.acked && f.ack >= this.una) {
      if (((f.tsVal - this.recent) | 0) > 0) this.recent = f.tsVal;
    }
    this.una = Math.max(this.una, f.ack);
    this.takeText(f);
  }

  /** The handshake: a passive end's connection begins with the ACK of its SYN-ACK. */
  private opening(f: Frame): void {
    if ((f.flags & SYN) !== 0) {
      this.peerScale = f.scale;
      this.next = 1;
      this.recent = f.tsVal;
      if (!this.isActive) return;
      this.info.segs_in++;
      this.una = 1;
      this.maxWindow = f.window;
      this.isEstablished = true;
      return;
    }
    if (f.ack !== 1) return;
    this.isEstablished = true;
    this.una = 1;
    this.info.segs_in++;
    this.mib.InSegs--;
    this.arrives(f);
  }

  /** RFC 9293 §3.10.7.4 first, second and fourth: PAWS, sequence number, SYN. */
  private isAccepted(f: Frame): boolean {
    const { mib } = this;
    const isOld = this.recent !== null && f.tsVal !== null && ((f.tsVal - this.recent) | 0) < 0;
    const end = f.seq + seqLen(f);
    const isPure = end === f.seq;
    if (isOld && !(isPure && f.seq === this.next && f.ack === this.una)) {
      if ((f.flags & SYN) !== 0) mib.TCPSYNChallenge++;
      else if (isPure && f.seq < this.next) mib.PAWSOldAck++;
      else {
        mib.PAWSEstab++;
        this.tellOfDuplicate(f);
      }
      return false;
    }
    if (end < this.acked || f.seq > this.edge) {
      if ((f.flags & SYN) !== 0) mib.TCPSYNChallenge++;
      else this.tellOfDuplicate(f);
      return false;
    }
    if ((f.flags & SYN) === 0) return true;
    mib.TCPSYNChallenge++;
    return false;
  }

  private tellOfDuplicate(f: Frame): void {
    if (seqLen(f) === 0 || f.seq >= this.next) return;
    this.mib.DelayedACKLost++;
    this.mib.TCPDSACKOldSent++;
  }

  private takeAck(f: Frame): void {
    const { mib, info } = this;
    if (seqLen(f) === 0) mib.TCPPureAcks++;
    this.maxWindow = Math.max(this.maxWindow, f.window << this.peerScale);
    const [first, second] = f.sack;
    if (first === undefined) return;
    const isBelow = first[0] < f.ack;
    const isInside = second !== undefined && second[0] <= first[0] && first[1] <= second[1];
    if (isBelow) mib.TCPDSACKRecv++;
    else if (isInside) mib.TCPDSACKOfoRecv++;
    else return;
    const pieces = Math.max(1, Math.ceil((first[1] - first[0]) / this.mss));
    if (first[1] - first[0] <= this.maxWindow) info.dsack_dups += pieces;
    if (first[1] - first[0] > this.maxWindow || info.dsack_dups > info.total_retrans) {
      mib.TCPDSACKIgnoredDubious++;
    } else mib.TCPDSACKRecvSegs += pieces;
  }

  private takeText(f: Frame): void {
    const { mib, info } = this;
    const end = f.seq + seqLen(f);
    if (end === f.seq) return;
    if ((f.flags & FIN) !== 0) this.finReceived = end;
    if (end <= this.next) {
      mib.DelayedACKLost++;
      mib.TCPDSACKOldSent++;
      return;
    }
    if (f.seq < this.next) mib.TCPDSACKOldSent++;
    if (f.seq > this.next) {
      mib.TCPOFOQueue++;
      info.rcv_ooopack += f.pieces;
      if (this.overlaps(f.seq, end)) mib.TCPDSACKOfoSent++;
      if (this.covers(f.seq, end)) mib.TCPOFOMerge++;
    }
    this.add(Math.max(f.seq, this.next), end);
  }

  private overlaps(left: number, right: number): boolean {
    return this.beyond.some(([l, r]) => l < right && left < r);
  }

  private covers(left: number, right: number): boolean {
    return this.beyond.some(([l, r]) => l <= left && right <= r);
  }

  private add(left: number, right: number): void {
    let [l, r] = [left, right];
    const apart: [number, number][] = [];
    for (const [a, b] of this.beyond) {
      if (b < l || r < a) apart.push([a, b]);
      else [l, r] = [Math.min(a, l), Math.max(b, r)];
    }
    if (l <= this.next) {
      this.next = r;
      this.beyond = apart;
    } else this.beyond = [...apart, [l, r]];
  }
}
