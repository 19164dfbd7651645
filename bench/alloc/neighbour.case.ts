/** Neighbours in steady state and under a flood: look-ups, changes of state, ARP and NDP answered. */
import { DeadlineQueue } from '../../src/base/deadline-queue.ts';
import { Env } from '../../src/base/env.ts';
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';
import { FrameStore } from '../../src/link/frame-store.ts';
import { MemoryDevice } from '../../src/link/memory-device.ts';
import { arpInput } from '../../src/net/arp.ts';
import { addAddress4, addAddress6 } from '../../src/net/dad.ts';
import { ACCEPTED } from '../../src/net/drops.ts';
import type { Interface } from '../../src/net/interface.ts';
import { neighbourAdvertInput, neighbourSolicitInput } from '../../src/net/ndp.ts';
import { NUD } from '../../src/net/neighbour.ts';
import type { NeighbourOutput } from '../../src/net/neighbour-host.ts';
import { LEARN } from '../../src/net/neighbour-table.ts';
import { Network } from '../../src/net/network.ts';
import { createInterface } from '../../src/net/solicitor.ts';
import { IpAddress, writeV6 } from '../../src/wire/address.ts';
import { ARP_LEN, ARP_REPLY, ARP_REQUEST, writeArp } from '../../src/wire/arp.ts';
import { ICMP6, writeIcmp } from '../../src/wire/icmp.ts';
import { IPV6_HEADER_LEN } from '../../src/wire/ipv6.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import {
  NA_SOLICITED,
  NDP_NEIGHBOUR_LEN,
  NDP_OPT_SOURCE_LINK,
  NDP_OPT_TARGET_LINK,
  NDP_TARGET,
  writeLinkOption,
} from '../../src/wire/ndp.ts';
import type { AllocCase } from './measure.ts';

const OURS = new MacAddress(0x0200, 1);
const PEER4 = new IpAddress().setV4(0x0a000002);
const OUR4 = new IpAddress().setV4(0x0a000001);
const PEER6 = new IpAddress().set(0xfe800000, 0, 0, 2);
const OUR6 = new IpAddress().set(0xfe800000, 0, 0, 1);
const MESSAGE_LEN = NDP_NEIGHBOUR_LEN + 8;

class Quiet implements NeighbourOutput {
  sent = 0;
  lost = 0;

  sendHeld(): void {
    this.sent++;
  }

  unreachable(): void {
    this.lost++;
  }
}

interface Link {
  readonly net: Network;
  readonly iface: Interface;
  readonly output: Quiet;
  readonly dv: DataView;
  readonly at: number;
}

function link(): Link {
  const memory = new Memory({ slabBytes: 8 << 20, chunks: 1, cellBytes: 1 << 20 });
  const net = new Network(new Env(memory, new Rng(1), new NullTrace()), new DeadlineQueue());
  const device = new MemoryDevice(new FrameStore(memory), { name: 'bench0', mac: OURS });
  const output = new Quiet();
  const iface = createInterface(net, 1, 'bench0', device, false, output);
  net.attach(iface);
  net.config.dadTransmits = 0;
  addAddress4(net, iface, OUR4, 120);
  addAddress6(net, iface, OUR6, 64);
  net.env.nowNs = 5e12; // past int32, as on any stack that has run for a while
  const at = memory.slab.carve(4096);
  return { net, iface, output, dv: memory.slab.dv, at };
}

/** Times in which every packet sees another state: REACHABLE, STALE, DELAY, PROBE, answered. */
function states(): () => void {
  const { net, iface, dv, at } = link();
  const { deadlines, env } = net;
  const table = iface.neighbours;
  const { tx } = iface.device;
  table.set(PEER4, new MacAddress(0x0200, 2), false);
  let seen = 0;
  let left = 100_000;
  return () => {
    env.nowNs += 6 * SEC;
    if (deadlines.nextNs() <= env.nowNs) deadlines.fire(env.nowNs);
    const n = table.resolve(PEER4)!;
    seen |= n.state;
    if (n.state === NUD.PROBE) {
      writeArp(dv, at, ARP_REPLY, 0x0200, 2, PEER4.w3, OURS.high, OURS.low, OUR4.w3);
      if (arpInput(net, iface, at, ARP_LEN) !== ACCEPTED) throw new Error('not taken');
    }
    tx.complete(tx.inFlight);
    const all = NUD.REACHABLE | NUD.DELAY | NUD.PROBE;
    if (--left === 0 && seen !== all) throw new Error(`saw ${seen}`);
  };
}

/** A neighbour made, asked for, waited for, answered and forgotten, once for each packet. */
function resolution(): () => void {
  const { net, iface, output, dv, at } = link();
  const table = iface.neighbours;
  const { tx } = iface.device;
  return () => {
    net.env.nowNs += 2 * SEC;
    const n = table.resolve(PEER4)!;
    const sent = output.sent;
    if (table.hold(n, at + 64, 20, at + 128, 1000, 0, 0) !== 0) throw new Error('no cells');
    writeArp(dv, at, ARP_REPLY, 0x0200, 2, PEER4.w3, OURS.high, OURS.low, OUR4.w3);
    arpInput(net, iface, at, ARP_LEN);
    if (output.sent !== sent + 1) throw new Error('not sent');
    table.remove(PEER4);
    tx.complete(tx.inFlight);
  };
}

/** The plain case of output: look up, use, confirm. */
function reachable(): () => void {
  const { net, iface } = link();
  const table = iface.neighbours;
  table.set(PEER4, new MacAddress(0x0200, 2), false);
  table.set(PEER6, new MacAddress(0x0200, 2), false);
  return () => {
    net.env.nowNs += 1234;
    const a = table.resolve(PEER4)!;
    const b = table.resolve(PEER6)!;
    if (!a.isUsable() || !b.isUsable()) throw new Error('not usable');
    table.confirm(a);
    table.confirm(b);
    if (net.deadlines.nextNs() <= net.env.nowNs) net.deadlines.fire(net.env.nowNs);
  };
}

/** Requests for our address, each from somebody new: the full table gives up the oldest claim. */
function arpFlood(): () => void {
  const { net, iface, dv, at } = link();
  const { tx } = iface.device;
  let sender = 0x0b000000;
  return () => {
    sender = sender === 0x0bffffff ? 0x0b000000 : sender + 1;
    writeArp(dv, at, ARP_REQUEST, 0x0200, sender, sender, 0, 0, OUR4.w3);
    if (arpInput(net, iface, at, ARP_LEN) !== ACCEPTED) throw new Error('not answered');
    tx.complete(tx.inFlight);
  };
}

/** Packets to addresses that nobody has: one made and one evicted for each. */
function scan(): () => void {
  const { net, iface, at } = link();
  const { tx } = iface.device;
  const target = new IpAddress();
  let i = 0;
  return () => {
    i = (i + 1) & 0xffff;
    net.env.nowNs += 1000;
    const n = iface.neighbours.resolve(target.setV4(0x0b000000 + i));
    if (n === null) throw new Error('full');
    if (!n.isUsable()) iface.neighbours.hold(n, at, 60, 0, 0, 0, 0);
    if (net.deadlines.nextNs() <= net.env.nowNs) net.deadlines.fire(net.env.nowNs);
    tx.complete(tx.inFlight);
  };
}

/** A solicitation answered, and an advertisement taken, as packets whose checksum was good. */
function ndp(): () => void {
  const { net, iface, dv, at: packet } = link();
  const at = packet + IPV6_HEADER_LEN;
  const { tx } = iface.device;
  const pkt = net.rx;
  pkt.iface = iface;
  pkt.ttl = 255;
  pkt.headerOff = at - IPV6_HEADER_LEN;
  pkt.payloadOff = at;
  pkt.payloadLen = MESSAGE_LEN;
  return () => {
    net.env.nowNs += SEC;
    pkt.src.copy(PEER6);
    pkt.dst.copy(OUR6);
    writeIcmp(dv, at, ICMP6.NEIGHBOUR_SOLICIT, 0, 0);
    writeV6(OUR6, dv, at + NDP_TARGET);
    writeLinkOption(dv, at + NDP_NEIGHBOUR_LEN, NDP_OPT_SOURCE_LINK, 0x0200, 2);
    if (neighbourSolicitInput(net, pkt) !== ACCEPTED) throw new Error('not answered');
    iface.neighbours.resolve(PEER6);
    writeIcmp(dv, at, ICMP6.NEIGHBOUR_ADVERT, 0, NA_SOLICITED);
    writeV6(PEER6, dv, at + NDP_TARGET);
    writeLinkOption(dv, at + NDP_NEIGHBOUR_LEN, NDP_OPT_TARGET_LINK, 0x0200, 2);
    if (neighbourAdvertInput(net, pkt) !== ACCEPTED) throw new Error('not taken');
    if (net.deadlines.nextNs() <= net.env.nowNs) net.deadlines.fire(net.env.nowNs);
    tx.complete(tx.inFlight);
  };
}

/** A neighbour that moves with each claim: the link-layer address changes, the entry stays. */
function claims(): () => void {
  const { net, iface } = link();
  let i = 0;
  return () => {
    i = (i + 1) & 0xffff;
    net.env.nowNs += MS;
    const how = LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE;
    if (iface.neighbours.learn(PEER6, 0x0200, i, how) === null) throw new Error('full');
    const n = iface.neighbours.resolve(PEER6)!;
    iface.neighbours.confirm(n);
    if (net.deadlines.nextNs() <= net.env.nowNs) net.deadlines.fire(net.env.nowNs);
  };
}

export const cases: readonly AllocCase[] = [
  { name: 'neighbour resolved and confirmed', packetsPerCall: 2, build: reachable },
  { name: 'neighbour through its states', packetsPerCall: 1, build: states },
  { name: 'neighbour made, waited for, forgotten', packetsPerCall: 1, build: resolution },
  { name: 'neighbour that moves', packetsPerCall: 1, build: claims },
  { name: 'ARP flood of claims', packetsPerCall: 1, build: arpFlood },
  { name: 'ARP scan of silent addresses', packetsPerCall: 1, build: scan },
  { name: 'NDP solicitation and advertisement', packetsPerCall: 2, build: ndp },
];
