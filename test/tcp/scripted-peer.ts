/** The peer of a dialogue: what its numbers mean, what its segments look like, and how it reads ours. */
import { MS } from '../../src/base/time.ts';
import { type Bytes, data, ip4, ip6, PEER4, PEER6, US4, US6 } from '../net/packets.ts';
import { icmpPacket } from './icmp-text.ts';
import type { Line } from './script-text.ts';
import {
  optionBytes,
  optionText,
  readTcp,
  type SeenSegment,
  type TcpFields,
  tcpBytes,
} from './segment-text.ts';

export const LOCAL_PORT = 80;
export const PEER_PORT = 40000;
const DEFAULT_IRS = 0x0a000000;

export class ScriptedPeer {
  readonly us: string;
  readonly address: string;
  /** Absolute; ours is known once our SYN was seen. */
  readonly isn: number;
  ourIsn: number | null = null;
  ourPort = LOCAL_PORT;
  port = PEER_PORT;
  private readonly v6: boolean;
  private window = 65535;
  /** Our timestamp clock at the origin of the script, and the latest we sent. */
  private tsBase = 0;
  private tsLatest = 0;
  /** Which SYN offered timestamps. */
  private isTsOffered = false;
  private isTsOurs = false;
  private readonly nowNs: () => number;

  /** @param nowNs since the script began. */
  constructor(v6: boolean, irs: number | undefined, nowNs: () => number) {
    this.v6 = v6;
    this.us = v6 ? US6 : US4;
    this.address = v6 ? PEER6 : PEER4;
    this.isn = (irs ?? DEFAULT_IRS) | 0;
    this.nowNs = nowNs;
  }

  private clockMs(): number {
    return Math.floor(this.nowNs() / MS);
  }

  private get hasTs(): boolean {
    return this.isTsOffered && this.isTsOurs;
  }

  // ---- ours ----

  read(payload: Bytes): SeenSegment {
    const seg = readTcp(payload, this.us, this.address);
    const isSyn = seg.flags.includes('S');
    if (isSyn) {
      this.ourIsn = seg.seq;
      this.ourPort = seg.srcPort;
    }
    const val = timestampOf(seg.options);
    if (isSyn) this.isTsOurs = val !== null;
    if (val !== null) this.tsLatest = val;
    if (isSyn && val !== null) this.tsBase = (val - this.clockMs()) | 0;
    return seg;
  }

  /** As the script would write it, with the fields that the line asks for. */
  describe(seg: SeenSegment, atNs: number, line: Line): string {
    const seq = (seg.seq - (this.ourIsn ?? 0)) | 0;
    let text = `${seg.flags} ${seq}:${seq + seg.text.length}(${seg.text.length})`;
    if (seg.flags.includes('.')) text += ` ack ${(seg.ack - this.isn) | 0}`;
    if (line.hasWin) text += ` win ${seg.win}`;
    if (seg.urg !== 0 || seg.flags.includes('U')) text += ` urg ${seg.urg}`;
    const origin = { seq: this.isn, tsVal: this.tsBase, tsEcr: 0 };
    const options = optionText(seg.options, origin);
    if (line.isAnyOption) return `${text} <*>`;
    if (line.options !== null) return `${text} <${options}>`;
    const tsVal = (this.tsBase + Math.floor(atNs / MS)) | 0;
    const isPlain = this.hasTs
      ? /^TS val -?\d+ ecr -?\d+$/.test(options) && timestampOf(seg.options) === tsVal
      : options === '';
    return isPlain || seg.flags.includes('R') ? text : `${text} <${options}>`;
  }

  checkText(seg: SeenSegment): void {
    const isSyn = seg.flags.includes('S');
    const from = (seg.seq - (this.ourIsn ?? 0) - (isSyn ? 0 : 1)) | 0;
    const wanted = data(seg.text.length, from);
    for (let i = 0; i < wanted.length; i++) {
      if (seg.text[i] !== wanted[i]) throw new Error(`byte ${from + i} is not what was written`);
    }
  }

  // ---- its own ----

  /** The packet that a line describes. */
  packet(line: Line, extra: Partial<TcpFields> = {}): Bytes {
    if (line.icmp !== null) return this.icmp(line.icmp);
    if (line.hasWin) this.window = line.win;
    const isSyn = line.flags.includes('S');
    if (isSyn) this.isTsOffered = line.options?.includes('TS') ?? false;
    const fields: TcpFields = {
      srcPort: this.port,
      dstPort: this.ourPort,
      seq: (this.isn + line.seq) | 0,
      ack: line.flags.includes('.') ? ((this.ourIsn ?? 0) + line.ack) | 0 : 0,
      flags: line.flags,
      win: this.window,
      urg: line.urg,
      options: this.options(line, isSyn),
      text: data(line.len, isSyn ? line.seq : line.seq - 1),
      ...extra,
    };
    const segment = tcpBytes(fields, this.address, this.us);
    return this.v6 ? ip6({ next: 6 }, segment) : ip4({ protocol: 6, df: true }, segment);
  }

  private options(line: Line, isSyn: boolean): number[] {
    const text = line.options ?? '';
    // The echo of a SYN is no time of ours.
    const tsEcr = isSyn && !line.flags.includes('.') ? 0 : this.tsBase;
    const origin = { seq: this.ourIsn ?? 0, tsVal: 0, tsEcr };
    const bytes = optionBytes(text.replace('noTS', ''), origin);
    const isAuto = this.hasTs && !isSyn && !text.includes('TS') && !line.flags.includes('R');
    if (!isAuto) return bytes;
    const ecr = (this.tsLatest - this.tsBase) | 0;
    return [1, 1, ...optionBytes(`TS val ${this.clockMs()} ecr ${ecr}`, origin), ...bytes];
  }

  private icmp({ name, mtu, seq }: { name: string; mtu: number; seq: number }): Bytes {
    const quoted = {
      srcPort: this.ourPort,
      dstPort: this.port,
      seq: ((this.ourIsn ?? 0) + seq) | 0,
      ack: 0,
      flags: '.',
      win: 0,
    };
    return icmpPacket(name, mtu, tcpBytes(quoted, this.us, this.address), this.v6);
  }
}

function timestampOf(options: Bytes): number | null {
  const dv = new DataView(options.buffer, options.byteOffset, options.length);
  for (let at = 0; at < options.length && options[at] !== 0; ) {
    if (options[at] === 8) return dv.getInt32(at + 2);
    at += options[at] === 1 ? 1 : options[at + 1]!;
  }
  return null;
}
