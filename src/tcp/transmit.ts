/** Segments out: IP and TCP header, options, text by reference, checksum. What to send is `output.ts`'s affair. */
import type { Clock } from '../base/env.ts';
import type { Slab } from '../base/slab.ts';
import { GSO, MAX_PIECES, TX } from '../link/ring-layout.ts';
import type { TxRing } from '../link/tx-ring.ts';
import { hasRoom } from '../net/ip-output.ts';
import { CAST } from '../net/ip-packet.ts';
import { IP } from '../net/mib.ts';
import type { Neighbour } from '../net/neighbour.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import type { Path } from '../net/path-cache.ts';
import { isV4 } from '../wire/address.ts';
import { addSum, foldChecksum, foldSum, sumBytes, swapSum } from '../wire/checksum.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, writeEthernet } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_DF, IPV4_HEADER_LEN, writeIpv4 } from '../wire/ipv4.ts';
import { IPV6_HEADER_LEN, writeIpv6 } from '../wire/ipv6.ts';
import { pseudoHeaderSum } from '../wire/pseudo-header.ts';
import { copyTcpHeader, TCP_CHECKSUM, TCP_FLAG, TCP_FLAGS, TCP_SEQ } from '../wire/tcp.ts';
import type { Sender } from './endpoint.ts';
import type { SendQueue } from './send-queue.ts';
import type { Tcp } from './tcp.ts';

// Node 20 folds a constant of this module into the code; one of another module it loads and checks at each use.
const { OutRequests, OutTransmits, OutOctets } = IP;
const { UNICAST } = CAST;
const { TCP } = IPPROTO;
const [CHECKSUM_AT, ETH_LEN] = [TCP_CHECKSUM, ETH_HEADER_LEN];
const [LEN4, LEN6] = [IPV4_HEADER_LEN, IPV6_HEADER_LEN];
const [TYPE4, TYPE6] = [ETHERTYPE_IPV4, ETHERTYPE_IPV6];
const { DONT, WANT } = PMTUDISC;
const DF = IPV4_DF;
const TEXT_PIECES = MAX_PIECES - 1;

/** Text of one packet that waits for a neighbour: more than any link that has neighbours takes. */
export const HELD_TEXT_BYTES = 16 << 10;
/** And what is in front of it. */
export const HELD_HEADER_BYTES = 128;

/**
 * Sends the header at `tcp.header` (`headerLen` bytes, checksum zero) with `len` bytes of the queue's
 * text. False: no route, no room, an interface that drops, or text for a neighbour that is not resolved yet.
 */
export function transmit(
  tcp: Tcp,
  id: Sender,
  headerLen: number,
  queue: SendQueue | null,
  from: number,
  len: number,
  mss: number,
): boolean {
  const { net } = tcp;
  const path = net.paths.lookup(id.remote, id.boundIndex);
  if (path === null) return false;
  const { iface } = path;
  const { device } = iface;
  if (iface.isDropping || !hasRoom(device, 1)) return false;
  const v4 = isV4(id.remote);
  if (len > 0 && queue !== null && !iface.isLoopback && path.cast === UNICAST) {
    const n = iface.neighbours.resolve(path.nextHop);
    if (n !== null && !n.isUsable())
      return holdText(tcp, path, n, id, headerLen, queue, from, len, mss);
  }
  const ipLen = v4 ? LEN4 : LEN6;
  const { tx } = device;
  const slot = tx.begin();
  const l4 = slot + ETH_LEN + ipLen;
  const { slab } = net.env.memory;
  writeIp(tcp, path, id, slot + ETH_LEN, headerLen + len, v4);
  copyTcpHeader(slab.dv, l4, tcp.header, headerLen);
  const mib = v4 ? net.mib.ip4 : net.mib.ip6;
  mib.count(OutRequests);
  const pseudo = pseudoHeaderSum(id.local, id.remote, TCP, headerLen + len);
  slab.dv.setUint16(l4 + CHECKSUM_AT, foldSum(pseudo));
  const byDevice = device.caps.txChecksum;
  if (!byDevice && len === 0) completeHeader(slab, l4, headerLen);
  const csum = byDevice ? (ipLen << 16) | CHECKSUM_AT : 0;
  if (!writeLink(tcp, path, id, slot, v4, ipLen + headerLen, len, csum)) return len === 0;
  tx.add(slot, ETH_LEN + ipLen + headerLen);
  if (queue !== null && len > 0) queue.addTo(tx, from, len, TEXT_PIECES);
  if (byDevice) tx.setChecksum(ETH_LEN + ipLen, CHECKSUM_AT);
  else if (len > 0) complete(slab, tx, l4, headerLen);
  if (len > mss && mss > 0) tx.setGso(v4 ? GSO.TCPV4 : GSO.TCPV6, mss, ETH_LEN + ipLen + headerLen);
  iface.commit(id.settings.priority);
  mib.count(OutTransmits);
  mib.add(OutOctets, ipLen + headerLen + len);
  return true;
}

/**
 * Text for a neighbour that is being asked for waits in its queue, as it would on Linux: otherwise only the
 * retransmission timer would bring it there. Each piece is a packet of its own, complete with checksum.
 */
function holdText(
  tcp: Tcp,
  path: Path,
  n: Neighbour,
  id: Sender,
  headerLen: number,
  queue: SendQueue,
  from: number,
  len: number,
  mss: number,
): boolean {
  const { slab } = tcp.net.env.memory;
  const { dv } = slab;
  const v4 = isV4(id.remote);
  const l3 = tcp.heldText;
  const l4 = l3 + (v4 ? LEN4 : LEN6);
  const { settings } = id;
  const most = Math.min(mss > 0 ? mss : len, HELD_TEXT_BYTES);
  const seq = dv.getInt32(tcp.header + TCP_SEQ);
  const flags = dv.getUint8(tcp.header + TCP_FLAGS);
  for (let done = 0; done < len; done += most) {
    const size = Math.min(most, len - done);
    const isLast = done + size === len;
    copyTcpHeader(dv, l4, tcp.header, headerLen);
    dv.setInt32(l4 + TCP_SEQ, (seq + done) | 0);
    let now = isLast ? flags : flags & ~(TCP_FLAG.FIN | TCP_FLAG.PSH);
    if (done > 0) now &= ~TCP_FLAG.CWR; // said once (RFC 3168 §6.1.2)
    dv.setUint8(l4 + TCP_FLAGS, now);
    queue.copyTo(l4 + headerLen, from + done, size);
    writeIp(tcp, path, id, l3, headerLen + size, v4);
    const pseudo = pseudoHeaderSum(id.local, id.remote, TCP, headerLen + size);
    dv.setUint16(l4 + CHECKSUM_AT, foldSum(pseudo));
    completeHeader(slab, l4, headerLen + size);
    path.iface.neighbours.hold(
      n,
      l3,
      l4 - l3 + headerLen,
      l4 + headerLen,
      size,
      0,
      settings.priority,
    );
    (v4 ? tcp.net.mib.ip4 : tcp.net.mib.ip6).count(OutRequests);
  }
  return true;
}

/** A path of less than min_pmtu is not believed, so segments must be cut on it, or none would arrive. */
function mayNotBeCut(path: Path, discovery: number, clock: Clock): boolean {
  if (discovery === DONT) return false;
  return discovery !== WANT || !path.needsFragmenting(clock);
}

function writeIp(tcp: Tcp, path: Path, id: Sender, l3: number, tcpLen: number, v4: boolean): void {
  const { net } = tcp;
  const { dv } = net.env.memory.slab;
  const { settings, local } = id;
  const tos = settings.tos | id.ect;
  const { destination } = path;
  if (v4) {
    const ttl = settings.ttl || net.config.ttl4;
    const hasDf = mayNotBeCut(path, settings.pmtuDiscovery, net.env);
    const ipId = hasDf ? 0 : net.identifications.next4(destination, TCP);
    const df = hasDf ? DF : 0;
    const total = LEN4 + tcpLen;
    writeIpv4(dv, l3, tos, total, ipId, df, ttl, TCP, local.w3, destination.w3);
  } else {
    const hopLimit = settings.ttl || path.iface.hopLimit(net.config);
    const ports = (id.localPort << 16) | id.remotePort;
    const isLabelled = net.config.autoFlowLabels !== 0;
    const label = isLabelled ? net.flowLabels.of(local, destination, TCP, ports) : 0;
    writeIpv6(dv, l3, tos, label, tcpLen, TCP, hopLimit, local, destination);
  }
}

/** The Ethernet header. False: the neighbour is unknown; a segment without text waits for it in its queue. */
function writeLink(
  tcp: Tcp,
  path: Path,
  id: Sender,
  slot: number,
  v4: boolean,
  headerLen: number,
  textLen: number,
  csum: number,
): boolean {
  const { dv } = tcp.net.env.memory.slab;
  const { iface } = path;
  const { mac } = iface.device;
  const type = v4 ? TYPE4 : TYPE6;
  if (iface.isLoopback) {
    writeEthernet(dv, slot, 0, 0, 0, 0, type);
    return true;
  }
  if (path.cast !== UNICAST) return false;
  const n = iface.neighbours.resolve(path.nextHop);
  if (n === null) return false;
  if (!n.isUsable()) {
    if (textLen === 0) {
      const { priority } = id.settings;
      iface.neighbours.hold(n, slot + ETH_LEN, headerLen, 0, 0, csum, priority);
    }
    return false;
  }
  writeEthernet(dv, slot, n.macHigh, n.macLow, mac.high, mac.low, type);
  return true;
}

function completeHeader(slab: Slab, l4: number, headerLen: number): void {
  slab.dv.setUint16(l4 + CHECKSUM_AT, foldChecksum(sumBytes(slab.dv, l4, headerLen, 0)));
}

/** For devices without checksums of their own: over the header and the pieces of text, which may have odd lengths. */
function complete(slab: Slab, tx: TxRing, l4: number, headerLen: number): void {
  let sum = sumBytes(slab.dv, l4, headerLen, 0);
  let isOdd = false;
  const d = tx.descAt(tx.inFlight);
  const pieces = tx.desc[d + TX.PIECES]!;
  for (let i = 1; i < pieces; i++) {
    const len = tx.desc[d + TX.PIECE + 2 * i + 1]!;
    const part = sumBytes(slab.dv, tx.desc[d + TX.PIECE + 2 * i]!, len, 0);
    sum = addSum(sum, isOdd ? swapSum(part) : part);
    if ((len & 1) !== 0) isOdd = !isOdd;
  }
  slab.dv.setUint16(l4 + CHECKSUM_AT, foldChecksum(sum));
}
