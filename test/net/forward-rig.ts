/**
 * A stack as the router between two links, and packets from one to the other.
 *
 *     PEER 10.0.0.2 ──1500── eth0 us eth1 ──MTU── FAR 10.1.0.2          198.51.100.0/24 by way of .254 of eth0,
 *          2001:db8::2                             2001:db8:1::2        203.0.113.0/24 by way of .254 of eth1
 */
import { type Bytes, OUR_MAC2, type Seen } from './packets.ts';
import { ip, NetHarness, type Port, type RigOptions } from './rig.ts';

export const FAR_MAC = '02:00:00:00:01:02';
export const FAR4 = '10.1.0.2';
export const FAR6 = '2001:db8:1::2';
export const BEYOND4 = '203.0.113.9';

export class Router {
  readonly h: NetHarness;
  readonly far: Port;
  /** The counters when all is set up. */
  readonly before4: Float64Array;
  readonly before6: Float64Array;

  constructor(options: RigOptions = {}, farOptions: RigOptions = {}) {
    const config = { forwarding4: 1, forwarding6: 1, ...options.config };
    this.h = new NetHarness({ gateway: false, ...options, config });
    this.far = this.h.addPort('eth1', OUR_MAC2, farOptions);
    const { h, far } = this;
    h.addAddress(far, '10.1.0.1/24');
    h.addAddress(far, '2001:db8:1::1/64');
    for (const neighbour of [FAR4, FAR6, '10.1.0.254', 'fe80::1:fe']) {
      h.knows(neighbour, FAR_MAC, far);
    }
    h.stack.addRoute(ip('203.0.113.0'), 24, ip('10.1.0.254'), null);
    h.stack.addRoute(ip('198.51.100.0'), 24, ip('10.0.0.254'), null);
    h.knows('fe80::fe', '02:00:00:00:00:fe');
    h.stack.addRoute(ip('2001:db8:f::'), 48, ip('fe80::fe'), h.port.iface);
    h.settle();
    for (const port of h.ports) port.wire.frames.length = 0;
    this.before4 = h.net.mib.ip4.values.slice();
    this.before6 = h.net.mib.ip6.values.slice();
  }

  /** A packet arrives from the near link: its fate, and what leaves on either side, in a line each. */
  give(packet: Bytes, how: Parameters<NetHarness['give']>[1] = {}): string[] {
    const fate = this.h.give(packet, how);
    return [fate, ...this.lines()];
  }

  lines(): string[] {
    const line = (side: string) => (s: Seen) =>
      `${side} ${s.line}${s.ttl > 0 ? ` ttl ${s.ttl}` : ''}`;
    return [...this.h.port.sent().map(line('near')), ...this.far.sent().map(line('far'))];
  }
}
