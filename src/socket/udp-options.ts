/** Options of UDP sockets: one table, which docs/sockets.md is checked against. */
import { AF, IP_OPT, IPV6_OPT, SO, SOL, UDP_OPT } from './abi.ts';
import {
  atIp,
  atIpv6,
  DEVICE_OPTIONS,
  IP_OPTIONS,
  IPV6_OPTIONS,
  on,
  receiveBufferOptions,
  sendBufferOption,
  unicastIf,
} from './ip-options.ts';
import { multicastOptions4, multicastOptions6 } from './multicast-options.ts';
import { intOption, type OptionHead, refusedOption, type SocketOption } from './option.ts';
import { atSocket, SOCKET_OPTIONS } from './socket-options.ts';
import { WANT } from './udp-control.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

type Option = SocketOption<UdpEndpoint>;

const atUdp = (name: string, number: number, note = ''): OptionHead => ({
  level: SOL.UDP,
  name,
  number,
  note,
});

function wanted(head: OptionHead, bit: number): Option {
  return intOption<UdpEndpoint>(
    head,
    (e) => on((e.wants & bit) !== 0),
    (e, value) => {
      e.setWant(bit, value !== 0);
      return 0;
    },
  );
}

/** The two kinds of time exclude each other: the last one set wins. */
function timed(name: string, number: number, bit: number, other: number): Option {
  return intOption<UdpEndpoint>(
    atSocket(name, number, ''),
    (e) => on((e.wants & bit) !== 0),
    (e, value) => {
      e.setWant(bit, value !== 0);
      e.setWant(other, false);
      return 0;
    },
  );
}

function atSocketLevel(): Option[] {
  return [
    ...receiveBufferOptions('doubled; net.core.rmem_max; counts cells'),
    sendBufferOption('doubled and returned; the device ring is the limit', 'advisory'),
    intOption<UdpEndpoint>(
      atSocket('SO_BROADCAST', SO.BROADCAST, ''),
      (e) => on(e.s.isBroadcastAllowed),
      (e, value) => {
        e.s.isBroadcastAllowed = value !== 0;
        return 0;
      },
    ),
    intOption<UdpEndpoint>(
      atSocket('SO_NO_CHECK', SO.NO_CHECK, 'IPv4 only, as RFC 8200 §8.1 demands'),
      (e) => on(e.s.isChecksumOff),
      (e, value) => {
        e.s.isChecksumOff = value !== 0;
        return 0;
      },
    ),
    timed('SO_TIMESTAMP', SO.TIMESTAMP, WANT.TIMESTAMP, WANT.TIMESTAMPNS),
    timed('SO_TIMESTAMPNS', SO.TIMESTAMPNS, WANT.TIMESTAMPNS, WANT.TIMESTAMP),
    wanted(atSocket('SO_RXQ_OVFL', SO.RXQ_OVFL, 'drops by the time of reading'), WANT.RXQ_OVFL),
    refusedOption(atSocket('SO_TIMESTAMPING', SO.TIMESTAMPING, 'receive times: SO_TIMESTAMPNS')),
    refusedOption(atSocket('SO_ZEROCOPY', SO.ZEROCOPY, 'sends copy once')),
    intOption<UdpEndpoint>(
      atSocket('SO_REUSEADDR', SO.REUSEADDR, 'the youngest has what comes; groups: all'),
      (e) => on(e.s.isReuseAddress),
      (e, value) => {
        e.s.isReuseAddress = value !== 0;
        return 0;
      },
    ),
    intOption<UdpEndpoint>(
      atSocket('SO_REUSEPORT', SO.REUSEPORT, 'one of them by a keyed hash; groups: all'),
      (e) => on(e.s.isReusePort),
      (e, value) => {
        e.s.isReusePort = value !== 0;
        return 0;
      },
    ),
    refusedOption(atSocket('SO_PEEK_OFF', SO.PEEK_OFF, 'a peek starts at the beginning')),
    ...DEVICE_OPTIONS,
  ];
}

function atIpLevel(): Option[] {
  return [
    ...IP_OPTIONS,
    intOption<UdpEndpoint>(
      atIp('IP_RECVERR', IP_OPT.RECVERR, 'off empties the queue'),
      (e) => on(e.s.wantsErrors4),
      (e, value) => {
        e.s.wantsErrors4 = value !== 0;
        if (value === 0) e.s.errors?.clear();
        return 0;
      },
    ),
    unicastIf(true, 'of datagrams to one host, and broadcasts', 'implemented'),
    wanted(atIp('IP_PKTINFO', IP_OPT.PKTINFO), WANT.PKTINFO4),
    wanted(atIp('IP_RECVTTL', IP_OPT.RECVTTL), WANT.TTL),
    wanted(atIp('IP_RECVTOS', IP_OPT.RECVTOS), WANT.TOS),
    ...multicastOptions4(),
    refusedOption(atIp('IP_OPTIONS', IP_OPT.OPTIONS, 'sent without options')),
    refusedOption(atIp('IP_FREEBIND', IP_OPT.FREEBIND, 'addresses are ours or not')),
    refusedOption(atIp('IP_TRANSPARENT', IP_OPT.TRANSPARENT, 'addresses are ours or not')),
    refusedOption(atIp('IP_MINTTL', IP_OPT.MINTTL, 'not looked at')),
  ];
}

function atIpv6Level(): Option[] {
  return [
    ...IPV6_OPTIONS,
    intOption<UdpEndpoint>(
      atIpv6('IPV6_RECVERR', IPV6_OPT.RECVERR, 'off empties the queue'),
      (e) => on(e.s.wantsErrors6),
      (e, value) => {
        e.s.wantsErrors6 = value !== 0;
        if (value === 0) e.s.errors?.clear();
        return 0;
      },
    ),
    unicastIf(false, 'of datagrams to one host', 'implemented'),
    wanted(atIpv6('IPV6_RECVPKTINFO', IPV6_OPT.RECVPKTINFO), WANT.PKTINFO6),
    wanted(atIpv6('IPV6_RECVHOPLIMIT', IPV6_OPT.RECVHOPLIMIT), WANT.HOPLIMIT),
    wanted(atIpv6('IPV6_RECVTCLASS', IPV6_OPT.RECVTCLASS), WANT.TCLASS),
    ...multicastOptions6(),
    refusedOption(atIpv6('IPV6_DONTFRAG', IPV6_OPT.DONTFRAG, 'use IPV6_MTU_DISCOVER')),
    refusedOption(atIpv6('IPV6_PKTINFO', IPV6_OPT.PKTINFO, 'by sendmsg, or bind')),
  ];
}

function atUdpLevel(): Option[] {
  return [
    refusedOption(atUdp('UDP_CORK', UDP_OPT.CORK, 'one send, one datagram')),
    refusedOption(atUdp('UDP_ENCAP', UDP_OPT.ENCAP, 'no tunnels')),
    refusedOption(atUdp('UDP_SEGMENT', UDP_OPT.SEGMENT, 'one send, one datagram')),
    refusedOption(atUdp('UDP_GRO', UDP_OPT.GRO, 'one receive, one datagram')),
  ];
}

/** Of an AF_INET socket, or of an AF_INET6 one, which has IPv4's too. */
export function udpOptions(domain: number): readonly Option[] {
  const ipv6 = domain === AF.INET6 ? atIpv6Level() : [];
  return [...SOCKET_OPTIONS, ...atSocketLevel(), ...atIpLevel(), ...ipv6, ...atUdpLevel()];
}
