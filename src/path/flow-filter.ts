/** Frames of certain hosts and flows, told by their addresses. */
import { assert } from '../base/assert.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { IpAddress, isV4, prefixEquals } from '../wire/address.ts';
import { parsePrefix } from '../wire/address-text.ts';
import { ARP_LEN, arpIsEthernetIpv4, arpSenderIp, arpTargetIp } from '../wire/arp.ts';
import { ETH_HEADER_LEN, ETHERTYPE_ARP, ethType } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import {
  IPV4_OFFSET_MASK,
  ipVersion,
  ipv4Frag,
  ipv4HeaderLen,
  ipv4Protocol,
} from '../wire/ipv4.ts';
import { IPV6_DST, IPV6_HEADER_LEN, IPV6_SRC, ipv6NextHeader } from '../wire/ipv6.ts';
import { ipHeaderOf, NO_IP } from './ip-header.ts';

/** All that is said has to be so: what is left out may be anything. */
export interface FlowSpec {
  /** Addresses or prefixes, as text. An ARP packet is from its sender to its target. */
  readonly from?: string;
  readonly to?: string;
  /** Of UDP or TCP, in the first fragment and without IPv6 extension headers. */
  readonly fromPort?: number;
  readonly toPort?: number;
}

const ANY = -1;

/** One FlowSpec, read. `…Bits` count within 128. */
class Rule {
  readonly from: IpAddress;
  readonly fromBits: number;
  readonly to: IpAddress;
  readonly toBits: number;
  readonly fromPort: number;
  readonly toPort: number;

  constructor(spec: FlowSpec) {
    const from = prefixOf(spec.from);
    const to = prefixOf(spec.to);
    this.from = from.address;
    this.fromBits = from.bits;
    this.to = to.address;
    this.toBits = to.bits;
    this.fromPort = spec.fromPort ?? ANY;
    this.toPort = spec.toPort ?? ANY;
  }
}

/** Frames of any of the flows. */
export class FlowFilter {
  private readonly rules: readonly Rule[];
  /** Of the frame that is asked about. */
  private readonly from = new IpAddress();
  private readonly to = new IpAddress();
  private fromPort = ANY;
  private toPort = ANY;

  constructor(flows: readonly FlowSpec[]) {
    assert(flows.length > 0, 'a filter is for some flow');
    this.rules = flows.map((flow) => new Rule(flow));
  }

  matches(frames: FrameStore, frame: number): boolean {
    if (!this.read(frames, frame)) return false;
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i]!;
      if (
        (rule.fromPort === ANY || rule.fromPort === this.fromPort) &&
        (rule.toPort === ANY || rule.toPort === this.toPort) &&
        prefixEquals(rule.from, this.from, rule.fromBits) &&
        prefixEquals(rule.to, this.to, rule.toBits)
      ) {
        return true;
      }
    }
    return false;
  }

  /** Addresses and ports of the frame; false when it has no addresses. */
  private read(frames: FrameStore, frame: number): boolean {
    const { dv } = frames.slab;
    this.fromPort = ANY;
    this.toPort = ANY;
    const ip = ipHeaderOf(frames, frame);
    if (ip === NO_IP) return this.readArp(frames, frame);
    const end = frames.offsetOf(frame) + frames.lengthOf(frame);
    if (ipVersion(dv, ip) === 4) {
      this.from.readV4(dv, ip + 12);
      this.to.readV4(dv, ip + 16);
      const isFirst = (ipv4Frag(dv, ip) & IPV4_OFFSET_MASK) === 0;
      if (isFirst) this.readPorts(dv, ip + ipv4HeaderLen(dv, ip), end, ipv4Protocol(dv, ip));
    } else {
      this.from.readV6(dv, ip + IPV6_SRC);
      this.to.readV6(dv, ip + IPV6_DST);
      this.readPorts(dv, ip + IPV6_HEADER_LEN, end, ipv6NextHeader(dv, ip));
    }
    return true;
  }

  private readPorts(dv: DataView, at: number, end: number, protocol: number): void {
    if (protocol !== IPPROTO.TCP && protocol !== IPPROTO.UDP) return;
    if (at + 4 > end) return;
    this.fromPort = dv.getUint16(at);
    this.toPort = dv.getUint16(at + 2);
  }

  private readArp(frames: FrameStore, frame: number): boolean {
    const { dv } = frames.slab;
    const off = frames.offsetOf(frame);
    const arp = off + ETH_HEADER_LEN;
    if (frames.lengthOf(frame) < ETH_HEADER_LEN + ARP_LEN) return false;
    if (ethType(dv, off) !== ETHERTYPE_ARP || !arpIsEthernetIpv4(dv, arp)) return false;
    this.from.setV4(arpSenderIp(dv, arp));
    this.to.setV4(arpTargetIp(dv, arp));
    return true;
  }
}

function prefixOf(text: string | undefined): { address: IpAddress; bits: number } {
  if (text === undefined) return { address: new IpAddress(), bits: 0 };
  const prefix = parsePrefix(text);
  assert(prefix !== null, `${text} is an address or a prefix`);
  return { address: prefix.address, bits: prefix.bits + (isV4(prefix.address) ? 96 : 0) };
}
