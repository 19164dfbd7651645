import { EHOSTUNREACH } from '../base/errno.ts';
import { HEADER_SLOT_BYTES } from '../link/tx-ring.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, writeEthernet } from '../wire/ethernet.ts';
import { ICMP4, ICMP6, UNREACH4, UNREACH6 } from '../wire/icmp.ts';
import { IPV6_SRC } from '../wire/ipv6.ts';
import { isTransitSource, transitUnreachable } from './forward.ts';
import { reportToOwner } from './icmp-error-input.ts';
import { hasRoom } from './ip-output.ts';
import { IP } from './mib.ts';
import type { Neighbour } from './neighbour.ts';
import type { NeighbourOutput } from './neighbour-host.ts';
import { type Network, QUOTE_BYTES } from './network.ts';

const SLOT_ROOM = HEADER_SLOT_BYTES - ETH_HEADER_LEN;

/** What becomes of packets that waited for a neighbour of one interface. */
export class InterfaceOutput implements NeighbourOutput {
  private readonly net: Network;
  private readonly index: number;

  constructor(net: Network, index: number) {
    this.net = net;
    this.index = index;
  }

  sendHeld(n: Neighbour, chain: number, len: number, csum: number, priority: number): void {
    const { net } = this;
    const iface = net.interfaceAt(this.index)!;
    const { device, isDropping } = iface;
    const { tx, mac } = device;
    const mib = n.family.isV4 ? net.mib.ip4 : net.mib.ip6;
    const { slab, cells } = net.env.memory;
    const isSmall = len <= SLOT_ROOM;
    const at = isSmall ? 0 : net.reserve(iface, len);
    if (at < 0 || isDropping || !hasRoom(device, 1)) {
      mib.count(IP.OutDiscards);
      return;
    }
    const slot = tx.begin();
    const type = n.family.isV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
    writeEthernet(slab.dv, slot, n.macHigh, n.macLow, mac.high, mac.low, type);
    if (isSmall) {
      cells.load(chain, 0, len, slot + ETH_HEADER_LEN);
      tx.add(slot, ETH_HEADER_LEN + len);
    } else {
      cells.load(chain, 0, len, at);
      tx.add(slot, ETH_HEADER_LEN);
      tx.add(at, len);
    }
    if (csum !== 0) tx.setChecksum(ETH_HEADER_LEN + (csum >>> 16), csum & 0xffff);
    iface.commit(priority);
    mib.count(IP.OutTransmits);
    mib.add(IP.OutOctets, len);
  }

  /** As if a router next to us had said "host unreachable", or as the router that we are: the sender hears of it. */
  unreachable(n: Neighbour, chain: number, len: number): void {
    const { net } = this;
    const { quote, report } = net;
    const { slab, cells } = net.env.memory;
    const v4 = n.family.isV4;
    const seen = Math.min(len, QUOTE_BYTES);
    cells.load(chain, 0, seen, net.heldQuote);
    (v4 ? net.mib.ip4 : net.mib.ip6).count(IP.OutDiscards);
    const source = net.rx.src;
    if (v4) source.readV4(slab.dv, net.heldQuote + 12);
    else source.readV6(slab.dv, net.heldQuote + IPV6_SRC);
    if (isTransitSource(net, source, this.index)) {
      transitUnreachable(net, this.index, net.heldQuote, seen);
      return;
    }
    if (!quote.parse(slab, net.heldQuote, seen, this.index)) return;
    report.errno = EHOSTUNREACH;
    report.isHard = false;
    report.mtu = 0;
    report.type = v4 ? ICMP4.DEST_UNREACH : ICMP6.DEST_UNREACH;
    report.code = v4 ? UNREACH4.HOST : UNREACH6.ADDRESS;
    report.from.copy(quote.src);
    reportToOwner(net, quote, report);
  }
}
