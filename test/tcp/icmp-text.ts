/** ICMP errors about a segment of ours, by name, in either family. */
import { type Bytes, icmp4, icmp6, ip4, ip6, PEER4, PEER6, US4, US6 } from '../net/packets.ts';

/** Type and code: of ICMP, and of the ICMPv6 error that says the same (RFC 792, RFC 4443). */
const ERRORS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  'net-unreachable': [3, 0, 1, 0],
  'host-unreachable': [3, 1, 1, 3],
  'protocol-unreachable': [3, 2, 4, 1],
  'port-unreachable': [3, 3, 1, 4],
  'frag-needed': [3, 4, 2, 0],
  'ttl-exceeded': [11, 0, 3, 0],
  'parameter-problem': [12, 0, 4, 0],
};

/** The whole packet, with `segment` of ours quoted. */
export function icmpPacket(name: string, mtu: number, segment: Bytes, v6: boolean): Bytes {
  const error = ERRORS[name];
  if (error === undefined) throw new Error(`no ICMP error is called ${name}`);
  const [type4, code4, type6, code6] = error;
  if (v6) {
    const quoted = ip6({ next: 6, src: US6, dst: PEER6 }, segment);
    return ip6({ next: 58 }, icmp6({ type: type6, code: code6, rest: mtu }, quoted));
  }
  const quoted = ip4({ protocol: 6, df: true, src: US4, dst: PEER4 }, segment);
  return ip4({ protocol: 1 }, icmp4({ type: type4, code: code4, rest: mtu }, quoted));
}
