/**
 * The one connection a script is about, and how its numbers map to those on the wire.
 *
 *     field                    packets with SYN                      packets without SYN
 *     peer's sequence numbers  as written                            peer's ISN + n
 *     ours                     n + (live ISN - ISN as written)       live ISN + n
 *
 * The peer's ISN is the script's own choice. Ours is learned from the first SYN or SYN-ACK that the
 * stack sends where the script expects one. All numbers here are 0 … 2^32 - 1.
 */
import { TCP_FLAG } from '../../wire/tcp.ts';

/** A number in the script and the one on the wire that it stands for. */
interface Anchor {
  readonly script: number;
  readonly live: number;
}

export class Flow {
  readonly protocol: 'tcp' | 'udp';
  /** The peer opened it: it is a listener's child. */
  readonly isPassive: boolean;
  /** The stack's port; null until it is bound or its first packet shows it. */
  localPort: number | null;
  remotePort: number | null;
  private localIsn: Anchor | null = null;
  private remoteIsn: number | null = null;
  /** TS values as written on outbound packets that matched, and what was there. */
  private readonly stamps = new Map<number, number>();
  private firstStamp: Anchor | null = null;
  private readonly labels = new Map<number, number>();

  constructor(
    protocol: 'tcp' | 'udp',
    isPassive: boolean,
    localPort: number | null,
    remotePort: number | null,
  ) {
    this.protocol = protocol;
    this.isPassive = isPassive;
    this.localPort = localPort;
    this.remotePort = remotePort;
  }

  bind(port: number): void {
    this.localPort = port;
  }

  connect(port: number): void {
    this.remotePort = port;
  }

  /** An outbound packet shows which port the stack chose. */
  learnPorts(local: number, remote: number): void {
    this.localPort ??= local;
    this.remotePort ??= remote;
  }

  /** Before the first comparison of an outbound SYN; later ones are retransmissions and change nothing. */
  learnLocalIsn(script: number, live: number): void {
    this.localIsn ??= { script, live };
  }

  /** With each SYN that is injected: the first one counts, later ones are repetitions or attacks. */
  setRemoteIsn(isn: number): void {
    this.remoteIsn ??= isn;
  }

  localToLive(flags: number, n: number): number {
    const { script, live } = this.localIsn ?? NO_ISN;
    return (hasSyn(flags) ? n + live - script : n + live) >>> 0;
  }

  localToScript(flags: number, n: number): number {
    const { script, live } = this.localIsn ?? NO_ISN;
    return (hasSyn(flags) ? n - live + script : n - live) >>> 0;
  }

  remoteToLive(flags: number, n: number): number {
    return hasSyn(flags) ? n : (n + (this.remoteIsn ?? 0)) >>> 0;
  }

  remoteToScript(flags: number, n: number): number {
    return hasSyn(flags) ? n : (n - (this.remoteIsn ?? 0)) >>> 0;
  }

  /** A matched outbound packet had this TS value where the script wrote that one. */
  recordStamp(script: number, live: number): void {
    this.firstStamp ??= { script, live };
    this.stamps.set(script, live);
  }

  /** How many ticks an outbound TS value is off, counted from the first of the flow; 0 for the first. */
  stampError(script: number, live: number): number {
    const first = this.firstStamp;
    return first === null ? 0 : (live - first.live - (script - first.script)) | 0;
  }

  /** The live value an inbound packet echoes, or null when the script wrote no such TS value before. */
  echoToLive(script: number, isScaled: boolean): number | null {
    const first = this.firstStamp;
    if (!isScaled) return this.stamps.get(script) ?? null;
    return first === null ? null : (script - first.script + first.live) >>> 0;
  }

  /** Whether a flow label seen is the one seen before where the script wrote the same. */
  isLabel(script: number, live: number): boolean {
    const known = this.labels.get(script);
    if (known === undefined) this.labels.set(script, live);
    return known === undefined || known === live;
  }
}

/** Before any SYN was seen (a reset from a closed port): numbers stand for themselves. */
const NO_ISN: Anchor = { script: 0, live: 0 };

const hasSyn = (flags: number): boolean => (flags & TCP_FLAG.SYN) !== 0;
