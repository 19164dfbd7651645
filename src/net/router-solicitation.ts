/** Asking for routers: RFC 4861 §6.3.7 with the back-off of RFC 7559. */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { SEC } from '../base/time.ts';
import { ALL_ROUTERS6, isLinkLocal6 } from '../wire/address.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import { ICMP6, writeIcmp } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV6_HEADER_LEN, writeIpv6 } from '../wire/ipv6.ts';
import {
  NDP_HOP_LIMIT,
  NDP_LINK_OPT_LEN,
  NDP_OPT_SOURCE_LINK,
  writeLinkOption,
} from '../wire/ndp.ts';
import { ROUTER_SOLICIT_LEN } from '../wire/ndp-router.ts';
import type { Interface } from './interface.ts';
import { finishNdp, GROUP_MAC_HIGH, refused } from './ndp-output.ts';
import type { Network } from './network.ts';

/** RFC 8415 §15's RAND, which RFC 7559 takes over: a tenth, more or less. */
const JITTER = 0.1;

export class RouterSolicitation implements Expirable {
  /** How many have been sent since the link-local address came into use. */
  sent = 0;
  private intervalNs = 0;
  private readonly deadline = new Deadline(this);
  private readonly net: Network;
  private readonly iface: Interface;

  constructor(net: Network, iface: Interface) {
    this.net = net;
    this.iface = iface;
  }

  get isRunning(): boolean {
    return this.deadline.isArmed;
  }

  /** The wait before duplicate address detection was random already, so the first goes at once (§6.3.7). */
  start(): void {
    this.sent = 0;
    this.intervalNs = 0;
    this.expire();
  }

  /** A router has answered, or there is nobody to ask any more. */
  stop(): void {
    this.net.deadlines.remove(this.deadline);
  }

  expire(): void {
    const { net, iface } = this;
    const most = iface.conf6.get('router_solicitations');
    if (!acceptsAdverts(iface) || (most >= 0 && this.sent >= most)) return;
    this.sent++;
    sendRouterSolicit(net, iface);
    net.deadlines.arm(this.deadline, net.env.nowNs + this.nextIntervalNs());
  }

  /** RFC 7559 §2: the first about 4 s, then about twice the one before, and at most about an hour. */
  private nextIntervalNs(): number {
    const { conf6 } = this.iface;
    const most = conf6.get('router_solicitation_max_interval') * SEC;
    const jitter = (this.net.random.unit() * 2 - 1) * JITTER;
    this.intervalNs =
      this.intervalNs === 0
        ? conf6.get('router_solicitation_interval') * SEC * (1 + jitter)
        : this.intervalNs * (2 + jitter);
    if (this.intervalNs > most) this.intervalNs = most * (1 + jitter);
    return Math.round(this.intervalNs);
  }
}

/** `accept_ra` 1: as a host; a router has no router (RFC 4861 §6.2.8), unless that is what 2 says. */
export function acceptsAdverts({ conf6 }: Interface): boolean {
  const mode = conf6.get('accept_ra');
  return mode === 2 || (mode === 1 && conf6.get('forwarding') === 0);
}

/** RFC 4861 §4.1: from the link-local address, with our link-layer address, to all routers. */
function sendRouterSolicit(net: Network, iface: Interface): boolean {
  const own = iface.addresses.find((a) => isLinkLocal6(a.address) && a.state === 'preferred');
  if (own === undefined) return false;
  const frame = iface.device.tx.begin();
  if (frame < 0) return refused(net);
  const { dv } = net.env.memory.slab;
  const { mac } = iface.device;
  const ip = frame + ETH_HEADER_LEN;
  const len = ROUTER_SOLICIT_LEN + NDP_LINK_OPT_LEN;
  writeIpv6(dv, ip, 0, 0, len, IPPROTO.ICMPV6, NDP_HOP_LIMIT, own.address, ALL_ROUTERS6);
  const icmp = ip + IPV6_HEADER_LEN;
  writeIcmp(dv, icmp, ICMP6.ROUTER_SOLICIT, 0, 0);
  writeLinkOption(dv, icmp + ROUTER_SOLICIT_LEN, NDP_OPT_SOURCE_LINK, mac.high, mac.low);
  finishNdp(
    net,
    iface,
    frame,
    GROUP_MAC_HIGH,
    ALL_ROUTERS6.w3,
    ALL_ROUTERS6,
    IPV6_HEADER_LEN + len,
  );
  return true;
}
