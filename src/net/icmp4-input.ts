/** ICMP in: RFC 792, RFC 1122 §3.2.2. */
import {
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from '../base/errno.ts';
import {
  ICMP_HEADER_LEN,
  ICMP4,
  icmpCode,
  icmpNextHopMtu,
  icmpType,
  UNREACH4,
} from '../wire/icmp.ts';
import { DROP } from './drops.ts';
import { echoRequestInput } from './icmp-echo.ts';
import { errorInput, OLD_ROUTER } from './icmp-error-input.ts';
import type { IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';
import { checksumIsGood } from './payload-checksum.ts';
import { redirectInput4 } from './redirect.ts';

export function icmp4Input(net: Network, pkt: IpPacket): number {
  const mib = net.mib.icmp4;
  const { dv } = net.env.memory.slab;
  mib.count(ICMP.InMsgs);
  if (pkt.payloadLen < ICMP_HEADER_LEN) {
    mib.count(ICMP.InErrors);
    return DROP.ICMP_TRUNCATED;
  }
  if (!checksumIsGood(net, pkt, 0)) {
    mib.count(ICMP.InCsumErrors);
    mib.count(ICMP.InErrors);
    return DROP.ICMP_BAD_CHECKSUM;
  }
  const type = icmpType(dv, pkt.payloadOff);
  mib.inType[type]!++;
  switch (type) {
    case ICMP4.ECHO:
      return echoRequestInput(net, pkt);
    case ICMP4.ECHO_REPLY:
      return net.echoes.replyInput(pkt);
    case ICMP4.DEST_UNREACH:
      return unreachableInput(net, pkt);
    case ICMP4.TIME_EXCEEDED:
      return errorInput(net, pkt, EHOSTUNREACH, false, 0);
    case ICMP4.PARAM_PROBLEM:
      return errorInput(net, pkt, EPROTO, true, 0);
    case ICMP4.REDIRECT:
      return redirectInput4(net, pkt);
    default:
      if (type > ICMP4.ADDRESS_MASK_REPLY) mib.count(ICMP.InErrors); // Linux knows nothing beyond
      // Source quench is dead (RFC 6633); timestamps are optional (RFC 1122 §3.2.2.8).
      return DROP.ICMP_UNKNOWN_TYPE;
  }
}

/** Code → errno, and whether a connection should give up at once: RFC 1122 §4.2.3.9, Linux's table. */
const ERRNO: readonly number[] = [
  ENETUNREACH,
  EHOSTUNREACH,
  ENOPROTOOPT,
  ECONNREFUSED,
  EMSGSIZE,
  EOPNOTSUPP,
  ENETUNREACH,
  EHOSTDOWN,
  ENONET,
  ENETUNREACH,
  EHOSTUNREACH,
  ENETUNREACH,
  EHOSTUNREACH,
  EHOSTUNREACH,
  EHOSTUNREACH,
  EHOSTUNREACH,
];
const IS_SOFT: readonly number[] = [
  UNREACH4.NET,
  UNREACH4.HOST,
  UNREACH4.FRAG_NEEDED,
  UNREACH4.SOURCE_ROUTE_FAILED,
  UNREACH4.NET_TOS,
  UNREACH4.HOST_TOS,
];

function unreachableInput(net: Network, pkt: IpPacket): number {
  const { dv } = net.env.memory.slab;
  const code = icmpCode(dv, pkt.payloadOff);
  if (code >= ERRNO.length) return DROP.ICMP_MALFORMED;
  let mtu = 0;
  if (code === UNREACH4.FRAG_NEEDED) {
    mtu = icmpNextHopMtu(dv, pkt.payloadOff);
    if (mtu === 0) mtu = OLD_ROUTER;
  }
  return errorInput(net, pkt, ERRNO[code]!, !IS_SOFT.includes(code), mtu);
}
