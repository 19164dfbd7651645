/** What a DHCP client has sent, taken, and dropped by reason. */
import { Counters } from '../base/counters.ts';

const NAMES = [
  'DiscoversSent',
  'RequestsSent',
  'DeclinesSent',
  'ReleasesSent',
  /** No room in the device, or no way to the server: the next retransmission tries again. */
  'Unsent',
  'OffersIn',
  'AcksIn',
  'NaksIn',
  /** Leases that ended without an answer. */
  'Expired',
  /** Shorter than a message, or longer than any that we asked for. */
  'DropLength',
  /** No reply, or not BOOTP over Ethernet. */
  'DropNotReply',
  'DropHardwareAddress',
  'DropXid',
  'DropNoCookie',
  /** An option reaches beyond its end, has a length that it cannot have, or overload makes no sense. */
  'DropOptions',
  'DropMessageType',
  /** Of a kind that nobody waits for now: a second offer, an answer to nothing. */
  'DropUnexpected',
  'DropNoServer',
  'DropOtherServer',
  /** One that no host can have, that is the gateway's, the server's or ours already. */
  'DropAddress',
  /** An ACK for another address than the one asked for. */
  'DropOtherAddress',
  'DropMask',
  'DropLeaseTime',
  'DropRoutes',
] as const;

export type DhcpCounterName = (typeof NAMES)[number];
export type DhcpDrop = Extract<DhcpCounterName, `Drop${string}`>;

export class DhcpCounters extends Counters<DhcpCounterName> {
  constructor() {
    super(NAMES);
  }

  note(name: DhcpCounterName): void {
    this.count(this.id(name));
  }
}
