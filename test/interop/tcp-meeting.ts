/** Pairs of connected ends, ours and the kernel's, opened by either; and what both sides counted. */
import type { Server } from 'node:net';
import { PacketDevice } from '../../src/live/packet-device.ts';
import { kernelSent, type Station } from './lab.ts';
import { Ends, type OurEnd } from './tcp-end.ts';
import { LinuxEnd, linuxCounters, linuxServer } from './tcp-linux.ts';

export type Family = 'v4' | 'v6';
export const OURS: Readonly<Record<Family, string>> = { v4: '10.9.0.2', v6: 'fd09::2' };
export const THEIRS: Readonly<Record<Family, string>> = { v4: '10.9.0.1', v6: 'fd09::1' };
export const PORT = 4000;

export interface Pair {
  readonly ours: OurEnd;
  readonly theirs: LinuxEnd;
}

/** Never zero on a wire that loses nothing, out of order or not. */
const SURPRISES = [
  'TcpInErrs',
  'TcpInCsumErrors',
  'TcpExtPAWSActive',
  'TcpExtPAWSEstab',
  'TcpExtPAWSOldAck',
  'TcpExtTCPACKSkippedPAWS',
  'TcpExtTCPACKSkippedSeq',
  'TcpExtTCPMD5Failure',
  'TcpExtTCPReqQFullDrop',
  'TcpExtTCPOFODrop',
  'TcpExtSyncookiesFailed',
  'TcpExtTCPSYNChallenge',
  'TcpExtTCPChallengeACK',
  'TcpExtTCPSACKDiscard',
  'TcpExtTCPAbortFailed',
  'TcpExtTCPZeroWindowDrop',
  'TcpExtTCPRcvQDrop',
  'TcpExtBeyondWindow',
] as const;
/** Unless the wire's queue overflowed. */
const LOSSES = [
  'TcpExtTCPFastRetrans',
  'TcpExtTCPSackRecovery',
  'TcpExtTCPRenoRecovery',
  'TcpExtTCPSACKReorder',
  'TcpExtTCPOFOQueue',
  'TcpExtTCPLostRetransmit',
  'TcpExtTCPSpuriousRTOs',
] as const;

/**
 * A veth queues for each CPU: frames of a program that moves to another one overtake each other now and then, which looks
 * like a loss. Of each sign of that a gibibyte or two may have so many.
 */
const MOST_OVERTAKEN = 100;

export class Meeting {
  readonly us: Station;
  readonly ends: Ends;
  private readonly before = linuxCounters();
  private readonly accepted: OurEnd[] = [];
  private readonly acceptedThere: LinuxEnd[] = [];
  private wake: () => void = () => undefined;
  private readonly servers: Server[] = [];

  constructor(us: Station) {
    this.us = us;
    this.ends = new Ends(us);
    for (const family of ['v4', 'v6'] as const) {
      this.ends.listen(OURS[family], PORT, (end) => {
        this.accepted.push(end);
        this.wake();
      });
      this.ends.listen(OURS[family], PORT + 1, (end) => void echo(end));
    }
  }

  /** The kernel's servers. */
  async open(): Promise<void> {
    for (const family of ['v4', 'v6'] as const) {
      const server = await linuxServer(THEIRS[family], PORT, (end) => {
        this.acceptedThere.push(end);
        this.wake();
      });
      const echoing = await linuxServer(THEIRS[family], PORT + 1, (end) => {
        end.socket.pipe(end.socket);
      });
      this.servers.push(server, echoing);
    }
  }

  close(): void {
    for (const server of this.servers) server.close();
  }

  /** One connection at a time: who is accepted next is who was opened. */
  async pair(family: Family, opener: 'us' | 'Linux'): Promise<Pair> {
    if (opener === 'Linux') {
      const theirs = await LinuxEnd.connect(OURS[family], PORT);
      return { ours: await this.next(this.accepted), theirs };
    }
    const ours = await this.ends.connect(THEIRS[family], PORT);
    if (typeof ours === 'number') throw new Error(`connect to ${THEIRS[family]}: ${ours}`);
    return { ours, theirs: await this.next(this.acceptedThere) };
  }

  /** Whoever connects to us next. */
  accept(): Promise<OurEnd> {
    return this.next(this.accepted);
  }

  private async next<T>(queue: T[]): Promise<T> {
    for (;;) {
      const first = queue.shift();
      if (first !== undefined) return first;
      await new Promise<void>((done) => {
        this.wake = done;
      });
    }
  }

  /** Connections of ours that are more than a memory of one. */
  alive(): number {
    return this.us.stack.tcp.demux.all().filter((e) => e.kind !== 'time-wait').length;
  }

  /** What the kernel, or we, counted that should not be; null when nothing. */
  surprises(): string | null {
    const now = linuxCounters();
    const of = (name: string) => (now.get(name) ?? 0) - (this.before.get(name) ?? 0);
    const missing = [...SURPRISES, ...LOSSES].filter((name) => !now.has(name));
    if (missing.length > 0) return `no such counters: ${missing.join(', ')}`;
    const hasLost = kernelSent('wire0').dropped > 0 || this.us.device.stats.get('rxDropped') > 0;
    const isVeth = this.us.device instanceof PacketDevice;
    const allowed = isVeth ? MOST_OVERTAKEN : 0;
    const found: string[] = SURPRISES.filter((name) => of(name) !== 0).map(
      (name) => `${name} ${of(name)}`,
    );
    const losses = hasLost ? [] : LOSSES.filter((name) => of(name) > allowed);
    found.push(...losses.map((name) => `${name} ${of(name)}`));
    const { mib } = this.us.stack.tcp;
    const own = ['InErrs', 'InCsumErrors', 'TCPRcvQDrop'] as const;
    found.push(...own.filter((name) => mib.get(name) !== 0).map((n) => `our ${n} ${mib.get(n)}`));
    // What is overtaken by more than a tick of the sender's timestamps is old (RFC 7323 §5.3).
    if (mib.get('PAWSEstab') > allowed) found.push(`our PAWSEstab ${mib.get('PAWSEstab')}`);
    if (of('TcpInSegs') < 1000) found.push(`only ${of('TcpInSegs')} segments`);
    return found.length === 0 ? null : found.join(', ');
  }
}

async function echo(end: OurEnd): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let n = await end.read(buffer); n > 0; n = await end.read(buffer)) {
    await end.write(buffer.slice(0, n));
  }
  end.close();
}
