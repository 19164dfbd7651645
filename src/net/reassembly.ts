/**
 * Datagrams in pieces: RFC 791 §3.2, RFC 815's idea, RFC 8200 §4.5, RFC 5722.
 *
 * Fragments wait in cells, sorted by offset, one chain each. When the last gap closes they are copied
 * once into a scratch area, header first, and go on as one packet. Each unfinished datagram has one
 * deadline, from its first fragment, and all have the same lifetime, so the oldest is the first of a list.
 *
 *   first ──▶ Assembly ──▶ Assembly ──▶ … ──▶ last       (oldest to newest)
 *             pieces: [0,1480) [1480,2960) …  total 4028 or unknown
 *
 * Bounds: memory in cells per family; when it is used up the oldest datagram goes, so a flood of
 * pieces that never complete delays, but cannot stop, datagrams whose pieces arrive together.
 * Overlap kills a datagram, and what comes later for it dies until its time is over or memory is
 * short: nobody sends overlapping fragments but to deceive.
 */
import { NO_BLOCK } from '../base/block-pool.ts';
import { CELL_BYTES, cellsFor, NO_CELL } from '../base/cell-store.ts';
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, IpAddress, isLinkLocal6 } from '../wire/address.ts';
import { addSum, foldChecksum, sumBytes } from '../wire/checksum.ts';
import { IPV4_MAX_PACKET, ipVersion, ipv4Tos, ipv4Ttl } from '../wire/ipv4.ts';
import {
  IPV6_FRAG_HEADER_LEN,
  IPV6_HEADER_LEN,
  ipv6HopLimit,
  ipv6TrafficClass,
} from '../wire/ipv6.ts';
import { DROP } from './drops.ts';
import type { Interface } from './interface.ts';
import { CSUM, type IpPacket } from './ip-packet.ts';
import { IP, type IpMib } from './mib.ts';
import { sumPayload } from './payload-checksum.ts';

/** `input` took the fragment and waits for others. */
export const HELD = -1;

/** The largest header we put before reassembled bytes: IPv6 with what preceded its fragment header. */
const HEADER_ROOM = 512;
const SCRATCH_BYTES = HEADER_ROOM + 65536;
/** Datagrams in progress at most: poisoned ones hold no cells and must be bounded too. */
const MAX_ASSEMBLIES = 4096;

/** Where timeouts are reported: ICMP "time exceeded" if the first fragment is there. */
export interface ReassemblyFailure {
  /** Borrowed: `headerOff` with `len` bytes, header and the start of the first fragment. */
  reassemblyTimedOut(iface: Interface, src: Address, headerOff: number, len: number): void;
}

/** Words of one piece in `Assembly.pieces`. */
const PIECE = { OFFSET: 0, LEN: 1, CHAIN: 2 } as const;
const PIECE_WORDS = 3;
const FEW_PIECES = 4;
/** The longest list kept for reuse: what 64 KiB take at an MTU of 1,280 or more. */
const KEPT_PIECES = 64;

class Assembly {
  readonly src = new IpAddress();
  readonly dst = new IpAddress();
  iface!: Interface;
  id = 0;
  protocol = 0;
  /** The length of the whole payload; -1 until the last fragment is here. */
  total = -1;
  received = 0;
  sum = 0;
  pieces = new Int32Array(FEW_PIECES * PIECE_WORDS);
  count = 0;
  /** The first fragment's IP header(s), for the errors that quote them and for the datagram. */
  headerChain = NO_CELL;
  /** How many of these bytes head the datagram; IPv6: the fragment header behind them does not. */
  headerLen = 0;
  storedLen = 0;
  /** Of the first fragment (RFC 8200 §4.5 ignores the others'): what the whole datagram carries. */
  upperProtocol = 0;
  nextHeaderAt = 0;
  /** ECN codepoints seen, one bit each (RFC 3168 §5.3). */
  ecnSeen = 0;
  /** 0, or the DROP reason for which it was given up: what still comes of it goes for the same. */
  poison = 0;
  older: Assembly | null = null;
  newer: Assembly | null = null;
  readonly index: number;
  readonly deadline: Deadline;

  constructor(index: number, owner: Expirable) {
    this.index = index;
    this.deadline = new Deadline(owner, index);
  }
}

export class Reassembly implements Expirable {
  private readonly env: Env;
  private readonly deadlines: DeadlineQueue;
  private readonly table: WordTable;
  private readonly mib: IpMib;
  private readonly failure: ReassemblyFailure;
  private readonly limits: ReassemblyLimits;
  private readonly scratch: number;
  private readonly assemblies: Assembly[] = [];
  private readonly freeIndices: number[] = [];
  private oldest: Assembly | null = null;
  private newest: Assembly | null = null;
  private cells = 0;

  constructor(
    env: Env,
    deadlines: DeadlineQueue,
    mib: IpMib,
    failure: ReassemblyFailure,
    limits: ReassemblyLimits,
    random: RandomStream,
  ) {
    this.env = env;
    this.deadlines = deadlines;
    this.mib = mib;
    this.failure = failure;
    this.limits = limits;
    this.table = new WordTable(11, random);
    this.scratch = env.memory.slab.carve(SCRATCH_BYTES);
  }

  /** Memory charged for unfinished datagrams, in bytes. */
  get heldBytes(): number {
    return this.cells * CELL_BYTES;
  }

  /** Memory outside the cells: what the lists of pieces have grown to. */
  get listBytes(): number {
    return this.assemblies.reduce((sum, a) => sum + a.pieces.byteLength, 0);
  }

  get inProgress(): number {
    return this.table.size;
  }

  /**
   * Takes a fragment: `pkt.payloadLen` bytes at `at` that belong at `offset`; the `headerLen` bytes at
   * `pkt.headerOff` precede the fragmentable part. Returns 0 when the datagram is whole (`pkt` then
   * describes it), HELD, or a drop reason.
   */
  input(
    pkt: IpPacket,
    at: number,
    headerLen: number,
    id: number,
    offset: number,
    hasMore: boolean,
    protocol: number,
  ): number {
    this.mib.count(IP.ReasmReqds);
    const len = pkt.payloadLen;
    const end = offset + len;
    const longest = pkt.isV4 ? IPV4_MAX_PACKET : IPV4_MAX_PACKET + IPV6_HEADER_LEN;
    const isMalformed = len === 0 || (hasMore && (len & 7) !== 0) || headerLen > HEADER_ROOM;
    if (isMalformed || headerLen + end > longest) return this.refuse(DROP.FRAG_MALFORMED);
    const a = this.findOrStart(pkt, id, protocol);
    if (a.poison !== 0) return this.refuse(a.poison);
    if (!fitsTotal(a, end, hasMore)) return this.giveUp(a, DROP.FRAG_MALFORMED);
    const place = this.placeOf(a, offset, end);
    // A repeated piece that calls itself the last, and was not, contradicts itself.
    if (place === DUPLICATE && (hasMore || a.total === end)) return DROP.FRAG_DUPLICATE;
    if (place === OVERLAP) return this.giveUp(a, DROP.FRAG_OVERLAP);
    if (place === DUPLICATE) return this.giveUp(a, DROP.FRAG_MALFORMED);
    if (!hasMore) a.total = end;
    if (!this.store(a, pkt, at, headerLen, place, offset)) return this.refuse(DROP.FRAG_NO_MEMORY);
    if (a.received !== a.total) return HELD;
    return this.complete(a, pkt);
  }

  /** A datagram's time is over (RFC 792: time exceeded, code 1; RFC 8200 §4.5). */
  expire(index: number): void {
    const a = this.assemblies[index]!;
    this.mib.count(IP.ReasmTimeout);
    if (a.poison === 0) this.mib.count(IP.ReasmFails);
    if (a.headerChain !== NO_CELL) {
      const { cells } = this.env.memory;
      const quoted = Math.min(a.pieces[PIECE.LEN]!, QUOTE_PAYLOAD);
      cells.load(a.headerChain, 0, a.storedLen, this.scratch);
      cells.load(a.pieces[PIECE.CHAIN]!, 0, quoted, this.scratch + a.storedLen);
      this.failure.reassemblyTimedOut(a.iface, a.src, this.scratch, a.storedLen + quoted);
    }
    this.forget(a);
  }

  /** Drops everything: the stack is closing. */
  clear(): void {
    while (this.oldest !== null) this.forget(this.oldest);
  }

  private refuse(why: number): number {
    this.mib.count(IP.ReasmFails);
    return why;
  }

  private findOrStart(pkt: IpPacket, id: number, protocol: number): Assembly {
    // RFC 791: source, destination, protocol, identification. RFC 8200: without the protocol.
    this.writeKey(pkt.src, pkt.dst, id, pkt.isV4 ? protocol : 0, pkt.iface.index);
    const found = this.table.find();
    if (found !== NOT_FOUND) return this.assemblies[found]!;
    if (this.table.size >= MAX_ASSEMBLIES) this.evict(this.oldest!);
    const a = this.assemblies[this.takeIndex()]!;
    a.src.copy(pkt.src);
    a.dst.copy(pkt.dst);
    a.iface = pkt.iface;
    a.id = id;
    a.protocol = pkt.isV4 ? protocol : 0;
    this.table.set(a.index);
    a.older = this.newest;
    a.newer = null;
    if (this.newest !== null) this.newest.newer = a;
    else this.oldest = a;
    this.newest = a;
    this.deadlines.arm(a.deadline, this.env.nowNs + this.limits.lifetimeNs());
    return a;
  }

  private takeIndex(): number {
    const reused = this.freeIndices.pop();
    if (reused !== undefined) return reused;
    this.assemblies.push(new Assembly(this.assemblies.length, this));
    return this.assemblies.length - 1;
  }

  /** The index at which [offset, end) goes in, or DUPLICATE, or OVERLAP. */
  private placeOf(a: Assembly, offset: number, end: number): number {
    const p = a.pieces;
    let low = 0;
    let high = a.count;
    if (high > 0 && p[(high - 1) * PIECE_WORDS]! < offset) low = high; // in order: the usual case
    while (low < high) {
      const mid = (low + high) >> 1;
      if (p[mid * PIECE_WORDS]! < offset) low = mid + 1;
      else high = mid;
    }
    if (low > 0) {
      const before = (low - 1) * PIECE_WORDS;
      if (p[before]! + p[before + PIECE.LEN]! > offset) return OVERLAP;
    }
    if (low < a.count) {
      const after = low * PIECE_WORDS;
      if (p[after] === offset && p[after + PIECE.LEN] === end - offset) return DUPLICATE;
      if (p[after]! < end) return OVERLAP;
    }
    return low;
  }

  private store(
    a: Assembly,
    pkt: IpPacket,
    at: number,
    headerLen: number,
    place: number,
    offset: number,
  ): boolean {
    const { cells } = this.env.memory;
    const len = pkt.payloadLen;
    const storedLen = pkt.isV4 ? headerLen : headerLen + IPV6_FRAG_HEADER_LEN;
    const wanted = cellsFor(len) + (offset === 0 ? cellsFor(storedLen) : 0);
    if (!this.makeRoom(wanted, a)) return false;
    if (cells.free < wanted) return false;
    if (offset === 0) {
      a.headerChain = cells.store(pkt.headerOff, storedLen);
      a.headerLen = headerLen;
      a.storedLen = storedLen;
      a.nextHeaderAt = pkt.nextHeaderAt;
      a.upperProtocol = pkt.protocol;
    }
    const chain = cells.store(at, len);
    this.cells += wanted;
    this.insertPiece(a, place, offset, len, chain);
    a.received += len;
    a.ecnSeen |= 1 << (pkt.tos & 3);
    const known = pkt.csum === CSUM.SUMMED;
    a.sum = addSum(a.sum, known ? pkt.payloadSum : sumPayload(this.env.memory, at, len));
    return true;
  }

  private insertPiece(
    a: Assembly,
    place: number,
    offset: number,
    len: number,
    chain: number,
  ): void {
    const used = a.count * PIECE_WORDS;
    if (used === a.pieces.length) {
      const wider = new Int32Array(a.pieces.length * 2);
      wider.set(a.pieces);
      a.pieces = wider;
    }
    const p = place * PIECE_WORDS;
    if (p < used) a.pieces.copyWithin(p + PIECE_WORDS, p, used);
    a.pieces[p + PIECE.OFFSET] = offset;
    a.pieces[p + PIECE.LEN] = len;
    a.pieces[p + PIECE.CHAIN] = chain;
    a.count++;
  }

  /**
   * Evicts from the oldest on until `wanted` cells fit under the limit. Never `keep`. Those given up go on the
   * way although they hold nothing: passed over, thousands of them would be walked past for each piece.
   */
  private makeRoom(wanted: number, keep: Assembly): boolean {
    const limit = Math.floor(this.limits.maxBytes() / CELL_BYTES);
    let victim = this.oldest;
    while (this.cells + wanted > limit && victim !== null) {
      const next: Assembly | null = victim.newer;
      if (victim !== keep) this.evict(victim);
      victim = next;
    }
    return this.cells + wanted <= limit;
  }

  private evict(victim: Assembly): void {
    if (victim.poison === 0) this.mib.count(IP.ReasmFails);
    this.forget(victim);
  }

  /** All pieces are here: copied in order behind the first fragment's header. */
  private complete(a: Assembly, pkt: IpPacket): number {
    const seen = a.ecnSeen;
    // RFC 3168 §5.3: CE survives; a mix of ECN-capable and not-capable pieces is not from one sender.
    if ((seen & 1) !== 0 && seen !== 1) return this.giveUp(a, DROP.FRAG_MALFORMED);
    // The first fragment may have had the longer header.
    const longest = pkt.isV4 ? IPV4_MAX_PACKET : IPV4_MAX_PACKET + IPV6_HEADER_LEN;
    if (a.headerLen + a.total > longest) return this.giveUp(a, DROP.FRAG_MALFORMED);
    const { cells, slab } = this.env.memory;
    const at = this.scratch + HEADER_ROOM;
    // The header ends where the payload begins, however long it is.
    const headerOff = at - a.headerLen;
    cells.load(a.headerChain, 0, a.headerLen, headerOff);
    for (let i = 0; i < a.count; i++) {
      const p = i * PIECE_WORDS;
      const offset = a.pieces[p + PIECE.OFFSET]!;
      cells.load(a.pieces[p + PIECE.CHAIN]!, 0, a.pieces[p + PIECE.LEN]!, at + offset);
    }
    restoreHeader(slab.dv, headerOff, a.headerLen, a.total, a.nextHeaderAt, a.upperProtocol);
    pkt.headerOff = headerOff;
    pkt.payloadOff = at;
    pkt.payloadLen = a.total;
    pkt.protocol = a.upperProtocol;
    pkt.nextHeaderAt = a.nextHeaderAt;
    pkt.tos = (tosOf(slab.dv, headerOff) & 0xfc) | ecnOf(seen);
    pkt.ttl = ttlOf(slab.dv, headerOff);
    pkt.csum = CSUM.SUMMED;
    pkt.payloadSum = a.sum;
    pkt.chunk = NO_BLOCK;
    pkt.wasFragmented = true;
    this.mib.count(IP.ReasmOKs);
    this.forget(a);
    return 0;
  }

  /** RFC 5722 §4: the datagram goes, and so does what still comes of it. */
  private giveUp(a: Assembly, why: number): number {
    this.mib.count(IP.ReasmFails);
    if (why === DROP.FRAG_OVERLAP) this.mib.count(IP.ReasmOverlaps);
    this.releaseBytes(a);
    a.poison = why;
    return why;
  }

  private releaseBytes(a: Assembly): void {
    const { cells } = this.env.memory;
    for (let i = 0; i < a.count; i++) {
      const p = i * PIECE_WORDS;
      this.cells -= cellsFor(a.pieces[p + PIECE.LEN]!);
      cells.release(a.pieces[p + PIECE.CHAIN]!);
    }
    if (a.headerChain !== NO_CELL) this.cells -= cellsFor(a.storedLen);
    cells.release(a.headerChain);
    a.headerChain = NO_CELL;
    a.count = 0;
    a.received = 0;
    // A list that was made long by small pieces is not kept for the sake of one that may never come.
    if (a.pieces.length > KEPT_PIECES * PIECE_WORDS) {
      a.pieces = new Int32Array(FEW_PIECES * PIECE_WORDS);
    }
  }

  private forget(a: Assembly): void {
    this.releaseBytes(a);
    this.deadlines.disarm(a.deadline);
    this.writeKey(a.src, a.dst, a.id, a.protocol, a.iface.index);
    this.table.remove();
    if (a.older !== null) a.older.newer = a.newer;
    else this.oldest = a.newer;
    if (a.newer !== null) a.newer.older = a.older;
    else this.newest = a.older;
    a.older = null;
    a.newer = null;
    a.total = -1;
    a.sum = 0;
    a.ecnSeen = 0;
    a.poison = 0;
    this.freeIndices.push(a.index);
  }

  private writeKey(
    src: Address,
    dst: Address,
    id: number,
    protocol: number,
    ifaceIndex: number,
  ): void {
    const key = this.table.key;
    key[0] = src.w0;
    key[1] = src.w1;
    key[2] = src.w2;
    key[3] = src.w3;
    key[4] = dst.w0;
    key[5] = dst.w1;
    key[6] = dst.w2;
    key[7] = dst.w3;
    key[8] = id;
    key[9] = protocol;
    key[10] = isLinkLocal6(src) ? ifaceIndex : 0;
  }
}

/** Read at use, so that a sysctl acts at once. */
export interface ReassemblyLimits {
  lifetimeNs(): number;
  maxBytes(): number;
}

const DUPLICATE = -1;
const OVERLAP = -2;
/** What a "time exceeded" quotes of the first fragment at most (IPv6 minimum MTU less the headers). */
const QUOTE_PAYLOAD = 1184;

/** Where the highest piece ends. */
function endOf(a: Assembly): number {
  if (a.count === 0) return 0;
  const p = (a.count - 1) * PIECE_WORDS;
  return a.pieces[p + PIECE.OFFSET]! + a.pieces[p + PIECE.LEN]!;
}

/** Whether a piece that ends at `end` agrees with the length the others give the datagram. */
function fitsTotal(a: Assembly, end: number, hasMore: boolean): boolean {
  if (hasMore) return a.total < 0 || end <= a.total;
  return a.total < 0 ? endOf(a) <= end : end === a.total;
}

const tosOf = (dv: DataView, o: number): number =>
  ipVersion(dv, o) === 6 ? ipv6TrafficClass(dv, o) : ipv4Tos(dv, o);
const ttlOf = (dv: DataView, o: number): number =>
  ipVersion(dv, o) === 6 ? ipv6HopLimit(dv, o) : ipv4Ttl(dv, o);

/** Makes the first fragment's header that of the whole datagram, as errors quote it. */
function restoreHeader(
  dv: DataView,
  o: number,
  headerLen: number,
  payloadLen: number,
  nextHeaderAt: number,
  upper: number,
): void {
  if (ipVersion(dv, o) === 6) {
    dv.setUint16(o + 4, headerLen - IPV6_HEADER_LEN + payloadLen);
    dv.setUint8(o + nextHeaderAt, upper);
    return;
  }
  dv.setUint16(o + 2, headerLen + payloadLen);
  dv.setUint16(o + 6, 0);
  dv.setUint16(o + 10, 0);
  dv.setUint16(o + 10, foldChecksum(sumBytes(dv, o, headerLen, 0)));
}

/** CE if any piece was marked; else ECT(1) if any; else ECT(0); else not capable. */
function ecnOf(seen: number): number {
  if ((seen & 8) !== 0) return 3;
  if ((seen & 2) !== 0) return 1;
  return (seen & 4) !== 0 ? 2 : 0;
}
