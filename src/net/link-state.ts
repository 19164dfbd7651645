/**
 * Links that go and come back. RFC 4861 §6.3.7 and RFC 4862 §5.3 want a host to begin anew after a failure of its
 * interface, or when it was disabled: its IPv6 addresses are checked again, routers are asked for (once the link-local
 * address is found to be ours), and those who listen hear of groups and, with arp_notify, of IPv4 addresses.
 *
 * Who was disabled has no address until it is checked. After a lost carrier they stay in use meanwhile: Linux does not
 * check them at all then, and a flap of the link must not cut connections.
 */
import { isV4 } from '../wire/address.ts';
import { announce } from './arp.ts';
import { checkAgain, suspendAddress } from './dad.ts';
import type { Interface } from './interface.ts';
import { CONF4 } from './ipv4-conf.ts';
import type { Network } from './network.ts';

/** Once a turn: the devices say by themselves whether there is a carrier. */
export function followLinks(net: Network): void {
  const { linked } = net;
  for (let i = 0; i < linked.length; i++) if (linked[i]!.noteLink()) linkChanged(net, linked[i]!);
}

function linkChanged(net: Network, iface: Interface): void {
  if (iface.isUp) cameUp(net, iface);
  else wentDown(net, iface);
}

/** As `ip link set … up` and `down`; addresses and routes stay, as with keep_addr_on_down. */
export function setEnabled(net: Network, iface: Interface, isEnabled: boolean): void {
  followLinks(net);
  iface.setEnabled(isEnabled);
  if (!isEnabled) for (const entry of iface.addresses) suspendAddress(entry);
  followLinks(net);
}

/** What is known of neighbours may be of another link tomorrow (Linux: arp_evict_nocarrier, ndisc_evict_nocarrier). */
function wentDown(net: Network, iface: Interface): void {
  net.autoconfOf(iface)?.solicitation.stop();
  iface.neighbours.clear();
  net.routes.changed();
  net.env.trace.event('link.down', iface.index, 0);
}

function cameUp(net: Network, iface: Interface): void {
  net.routes.changed();
  net.env.trace.event('link.up', iface.index, 0);
  iface.igmp?.tellAgain();
  iface.mld?.tellAgain();
  const isNotified = iface.conf4.get(CONF4.ARP_NOTIFY) !== 0;
  for (const entry of [...iface.addresses]) {
    if (!isV4(entry.address)) checkAgain(net, entry);
    else if (isNotified && entry.state === 'preferred') announce(net, iface, entry);
  }
}
