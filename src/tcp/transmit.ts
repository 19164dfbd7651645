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
import { doesCut } from './super-frame.ts';
import type { Tcp } from './tcp.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { OutRequests, OutTransmits, OutOctets } = IP;
const { UNICAST } = CAST;
const { TCP } = IPPROTO;
const [CHECKSUM_AT, ETH_LEN] = [TCP_CHECKSUM, ETH_HEADER_LEN];
const [LEN4, LEN6] = [IPV4_HEADER_LEN, IPV6_HEADER_LEN];
const [TYPE4, TYPE6] = [ETHERTYPE_IPV4, ETHERTYPE_IPV6];
const { DONT, WANT } = PMTUDISC;
const DF = IPV4_DF;
const TEXT_PIECES = MAX_PIECES - 1;
const [SEQ_AT, FLAGS_AT] = [TCP_SEQ, TCP_FLAGS];
const { CWR } = TCP_FLAG;
const AT_END = TCP_FLAG.FIN | TCP_FLAG.PSH;

/** Text of one packet that waits for a neighbour: more than any link that has neighbours takes. */
export const HELD_TEXT_BYTES = 16 << 10;
/** And what is in front of it. */
export const HELD_HEADER_BYTES = 128;

/**
 * Sends the header at `tcp.header` (`headerLen` bytes, checksum zero) with `len` bytes of the queue's
 * text: in one frame, or in frames of `mss` bytes where the device does not cut; all of them or none. False: no
 * route, no room, an interface that drops, or text for a neighbour that nobody can ask for.
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
  const v4 = isV4(path.destination);
  const isSuper = len > mss && mss > 0;
  const isCutHere = isSuper && !doesCut(device.caps, v4);
  const frames = isCutHere ? Math.ceil(len / mss) : 1;
  if (iface.isDropping || !hasRoom(device, frames)) return false;
  let n: Neighbour | null = null;
  if (!iface.isLoopback) {
    if (path.cast === UNICAST) n = iface.neighbours.resolve(path.nextHop);
    if (n === null || !n.isUsable()) {
      if (len === 0 || queue === null) return holdBare(tcp, path, n, id, headerLen);
      return holdText(tcp, path, n, id, headerLen, queue, from, len, mss);
    }
  }
  const mib = v4 ? net.mib.ip4 : net.mib.ip6;
  mib.add(OutRequests, frames);
  if (isCutHere) sendCut(tcp, path, n, id, headerLen, queue, from, len, mss);
  else sendFrame(tcp, path, n, id, headerLen, queue, from, len, isSuper ? mss : 0);
  mib.add(OutTransmits, frames);
  mib.add(OutOctets, frames * ((v4 ? LEN4 : LEN6) + headerLen) + len);
  return true;
}

/**
 * A super-frame for a device that takes none is cut here into the segments that the device would have made of it:
 * the sequence number moves along, FIN and PSH are the last one's. Precondition: there is room for all.
 */
function sendCut(
  tcp: Tcp,
  path: Path,
  n: Neighbour | null,
  id: Sender,
  headerLen: number,
  queue: SendQueue | null,
  from: number,
  len: number,
  mss: number,
): void {
  const { dv } = tcp.env.memory.slab;
  const seq = dv.getInt32(tcp.header + SEQ_AT);
  const flags = dv.getUint8(tcp.header + FLAGS_AT);
  for (let at = 0; at < len; at += mss) {
    const size = Math.min(mss, len - at);
    dv.setInt32(tcp.header + SEQ_AT, (seq + at) | 0);
    dv.setUint8(tcp.header + FLAGS_AT, pieceFlags(flags, at === 0, at + size === len));
    sendFrame(tcp, path, n, id, headerLen, queue, from + at, size, 0);
  }
}

/** Of a segment that was cut: FIN and PSH stand for the end of the text, CWR is said once (RFC 3168 §6.1.2). */
function pieceFlags(flags: number, isFirst: boolean, isLast: boolean): number {
  return flags & (isFirst ? -1 : ~CWR) & (isLast ? -1 : ~AT_END);
}

/** One frame into the device's ring, where there is room. `n`: null on a loopback; `gso`: how the device cuts it, or 0. */
function sendFrame(
  tcp: Tcp,
  path: Path,
  n: Neighbour | null,
  id: Sender,
  headerLen: number,
  queue: SendQueue | null,
  from: number,
  len: number,
  gso: number,
): void {
  const { iface } = path;
  const { tx, caps } = iface.device;
  const v4 = isV4(path.destination);
  const slot = tx.begin();
  const l4 = ETH_LEN + (v4 ? LEN4 : LEN6);
  writeHeaders(tcp, path, n, id, slot, headerLen, len);
  tx.add(slot, l4 + headerLen);
  if (queue !== null && len > 0) queue.addTo(tx, from, len, TEXT_PIECES);
  if (caps.txChecksum) tx.setChecksum(l4, CHECKSUM_AT);
  else complete(tcp.env.memory.slab, tx, slot + l4, headerLen);
  if (gso > 0) tx.setGso(v4 ? GSO.TCPV4 : GSO.TCPV6, gso, l4 + headerLen);
  iface.commit(id.settings.priority);
}

/** Ethernet, IP and TCP header, which has the pseudo-header's sum for a checksum. */
function writeHeaders(
  tcp: Tcp,
  path: Path,
  n: Neighbour | null,
  id: Sender,
  slot: number,
  headerLen: number,
  len: number,
): void {
  const { dv } = tcp.env.memory.slab;
  const v4 = isV4(path.destination);
  const type = v4 ? TYPE4 : TYPE6;
  if (n === null) writeEthernet(dv, slot, 0, 0, 0, 0, type);
  else {
    const { mac } = path.iface.device;
    writeEthernet(dv, slot, n.macHigh, n.macLow, mac.high, mac.low, type);
  }
  writePacket(tcp, path, id, slot + ETH_LEN, headerLen, len, v4);
}

function writePacket(
  tcp: Tcp,
  path: Path,
  id: Sender,
  l3: number,
  headerLen: number,
  len: number,
  v4: boolean,
): void {
  const { dv } = tcp.env.memory.slab;
  const l4 = l3 + (v4 ? LEN4 : LEN6);
  writeIp(tcp, path, id, l3, headerLen + len, v4);
  copyTcpHeader(dv, l4, tcp.header, headerLen);
  const pseudo = pseudoHeaderSum(id.local, id.remote, TCP, headerLen + len);
  dv.setUint16(l4 + CHECKSUM_AT, foldSum(pseudo));
}

/** The neighbour is being asked for: the segment waits in its queue. Nobody can be asked: it is lost. */
function holdBare(
  tcp: Tcp,
  path: Path,
  n: Neighbour | null,
  id: Sender,
  headerLen: number,
): boolean {
  const v4 = isV4(path.destination);
  (v4 ? tcp.net.mib.ip4 : tcp.net.mib.ip6).count(OutRequests);
  if (n === null) return true;
  const { device, neighbours } = path.iface;
  const ipLen = v4 ? LEN4 : LEN6;
  const l3 = tcp.heldText;
  writePacket(tcp, path, id, l3, headerLen, 0, v4);
  const byDevice = device.caps.txChecksum;
  if (!byDevice) completeHeader(tcp.env.memory.slab, l3 + ipLen, headerLen);
  const csum = byDevice ? (ipLen << 16) | CHECKSUM_AT : 0;
  neighbours.hold(n, l3, ipLen + headerLen, 0, 0, csum, id.settings.priority);
  return true;
}

/**
 * Text for a neighbour that is being asked for waits in its queue, as it would on Linux: otherwise only the
 * retransmission timer would bring it there. Each piece is a packet of its own, complete with checksum.
 */
function holdText(
  tcp: Tcp,
  path: Path,
  n: Neighbour | null,
  id: Sender,
  headerLen: number,
  queue: SendQueue,
  from: number,
  len: number,
  mss: number,
): boolean {
  const v4 = isV4(path.destination);
  const mib = v4 ? tcp.net.mib.ip4 : tcp.net.mib.ip6;
  if (n === null) {
    mib.count(OutRequests);
    return false;
  }
  const { slab } = tcp.env.memory;
  const { dv } = slab;
  const l3 = tcp.heldText;
  const l4 = l3 + (v4 ? LEN4 : LEN6);
  const headers = l4 - l3 + headerLen;
  const { priority } = id.settings;
  const { neighbours } = path.iface;
  const most = Math.min(mss > 0 ? mss : len, HELD_TEXT_BYTES);
  const seq = dv.getInt32(tcp.header + SEQ_AT);
  const flags = dv.getUint8(tcp.header + FLAGS_AT);
  for (let at = 0; at < len; at += most) {
    const size = Math.min(most, len - at);
    dv.setInt32(tcp.header + SEQ_AT, (seq + at) | 0);
    dv.setUint8(tcp.header + FLAGS_AT, pieceFlags(flags, at === 0, at + size === len));
    writePacket(tcp, path, id, l3, headerLen, size, v4);
    queue.copyTo(l4 + headerLen, from + at, size);
    completeHeader(slab, l4, headerLen + size);
    neighbours.hold(n, l3, headers, l4 + headerLen, size, 0, priority);
    mib.count(OutRequests);
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
