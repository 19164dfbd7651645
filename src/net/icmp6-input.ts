/** ICMPv6 in: RFC 4443. */
import {
  EACCES,
  ECONNREFUSED,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  EPROTO,
} from '../base/errno.ts';
import {
  ICMP_HEADER_LEN,
  ICMP6,
  icmpCode,
  icmpRest,
  icmpType,
  isIcmp6Error,
  UNREACH6,
} from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { DROP } from './drops.ts';
import { echoRequestInput } from './icmp-echo.ts';
import { errorInput } from './icmp-error-input.ts';
import type { IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import { mldInput } from './mld-input.ts';
import { neighbourAdvertInput, neighbourSolicitInput } from './ndp.ts';
import type { Network } from './network.ts';
import { transportChecksumIsGood } from './payload-checksum.ts';
import { redirectInput6 } from './redirect.ts';
import { routerAdvertInput } from './router-advert.ts';

export function icmp6Input(net: Network, pkt: IpPacket): number {
  const mib = net.mib.icmp6;
  const { dv } = net.env.memory.slab;
  mib.count(ICMP.InMsgs);
  if (pkt.payloadLen < ICMP_HEADER_LEN) {
    mib.count(ICMP.InErrors);
    return DROP.ICMP_TRUNCATED;
  }
  if (!transportChecksumIsGood(net, pkt, IPPROTO.ICMPV6)) {
    mib.count(ICMP.InCsumErrors);
    mib.count(ICMP.InErrors);
    return DROP.ICMP_BAD_CHECKSUM;
  }
  const type = icmpType(dv, pkt.payloadOff);
  mib.inType[type]!++;
  switch (type) {
    case ICMP6.ECHO:
      return echoRequestInput(net, pkt);
    case ICMP6.ECHO_REPLY:
      return net.echoes.replyInput(pkt);
    case ICMP6.MLD_QUERY:
    case ICMP6.MLD_REPORT:
    case ICMP6.MLD_DONE:
    case ICMP6.MLD2_REPORT:
      return mldInput(net, pkt, type);
    case ICMP6.ROUTER_SOLICIT:
      return DROP.NDP_NOT_FOR_US; // RFC 4861 §6.2.6: for routers
    case ICMP6.ROUTER_ADVERT:
      return routerAdvertInput(net, pkt);
    case ICMP6.REDIRECT:
      return redirectInput6(net, pkt);
    case ICMP6.NEIGHBOUR_SOLICIT:
      return neighbourSolicitInput(net, pkt);
    case ICMP6.NEIGHBOUR_ADVERT:
      return neighbourAdvertInput(net, pkt);
    default:
      return isIcmp6Error(type) ? icmp6ErrorInput(net, pkt, type) : DROP.ICMP_UNKNOWN_TYPE;
  }
}

function icmp6ErrorInput(net: Network, pkt: IpPacket, type: number): number {
  const { dv } = net.env.memory.slab;
  switch (type) {
    case ICMP6.DEST_UNREACH:
      return unreachableInput(net, pkt, icmpCode(dv, pkt.payloadOff));
    case ICMP6.PACKET_TOO_BIG: {
      // An MTU of 2 GiB and more reads as negative: no news to anybody.
      const mtu = icmpRest(dv, pkt.payloadOff);
      if (mtu > 0) return errorInput(net, pkt, EMSGSIZE, false, mtu);
      net.mib.icmp6.count(ICMP.InErrors);
      return DROP.ICMP_MALFORMED;
    }
    case ICMP6.TIME_EXCEEDED:
      return errorInput(net, pkt, EHOSTUNREACH, false, 0);
    default:
      // Parameter problem; and RFC 4443 §2.4 (a): an unknown error goes to the upper layer.
      return errorInput(net, pkt, EPROTO, type === ICMP6.PARAM_PROBLEM, 0);
  }
}

function unreachableInput(net: Network, pkt: IpPacket, code: number): number {
  switch (code) {
    case UNREACH6.NO_ROUTE:
      return errorInput(net, pkt, ENETUNREACH, false, 0);
    case UNREACH6.PROHIBITED:
    case UNREACH6.POLICY:
    case UNREACH6.REJECT_ROUTE:
      return errorInput(net, pkt, EACCES, true, 0);
    case UNREACH6.PORT:
      return errorInput(net, pkt, ECONNREFUSED, true, 0);
    default:
      return errorInput(net, pkt, EHOSTUNREACH, false, 0);
  }
}
