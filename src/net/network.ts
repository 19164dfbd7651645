import type { DeadlineQueue } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import type { RandomStream } from '../base/rng.ts';
import { SipHash } from '../base/siphash.ts';
import { Drops } from './drops.ts';
import type { Interface } from './interface.ts';
import { IpPacket } from './ip-packet.ts';
import { LocalAddresses } from './local-addresses.ts';
import { Mib } from './mib.ts';
import { NetConfig } from './net-config.ts';
import type { Transport } from './transport.ts';

/**
 * The network layer of one stack: what its input, output, ICMP, ARP and NDP functions share.
 * State sits in the parts; the functions that work on it are in files named after what they do.
 */
export class Network {
  readonly env: Env;
  readonly config = new NetConfig();
  readonly mib = new Mib();
  readonly drops = new Drops();
  readonly deadlines: DeadlineQueue;
  readonly interfaces: Interface[] = [];
  readonly locals: LocalAddresses;
  /** By protocol number; ICMP and ICMPv6 are the network layer's own. */
  readonly transports: (Transport | null)[] = new Array(256).fill(null);
  /** The packet being received. Borrowed by whoever is called with it. */
  readonly rx = new IpPacket();
  /** Timers and probes: jitter that an observer may see. */
  readonly random: RandomStream;
  /** Ports, identifications: what an observer must not predict. */
  readonly secret: SipHash;

  constructor(env: Env, deadlines: DeadlineQueue) {
    this.env = env;
    this.deadlines = deadlines;
    this.random = env.rng.stream('net');
    this.secret = SipHash.fromStream(env.rng.stream('net.secret'));
    this.locals = new LocalAddresses(env.rng.stream('net.locals'));
  }
}
