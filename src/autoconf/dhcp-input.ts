/** The datagram that came to a DHCP client, read: whether it can be an answer to us, and what kind. */
import type { Interface } from '../net/interface.ts';
import type { IpPacket } from '../net/ip-packet.ts';
import type { Network } from '../net/network.ts';
import {
  BOOTREPLY,
  DHCP_HLEN,
  DHCP_HTYPE,
  DHCP_MESSAGE,
  DHCP_OPT,
  DHCP_OPTIONS,
  DHCP_SERVER_PORT,
  dhcpChaddrHigh,
  dhcpChaddrLow,
  dhcpHasCookie,
  dhcpHlen,
  dhcpHtype,
  dhcpOp,
  dhcpXid,
  dhcpYiaddr,
} from '../wire/dhcp.ts';
import { DHCP_MAX_LEN, DhcpOptions } from '../wire/dhcp-options.ts';
import { UDP_HEADER_LEN, udpSrcPort } from '../wire/udp.ts';
import type { DhcpDrop } from './dhcp-counters.ts';
import { isHostWord } from './dhcp-lease.ts';

/** One scratch message a client. */
export class DhcpInput {
  readonly options = new DhcpOptions();
  /** OFFER, ACK or NAK. */
  type = 0;
  yiaddr = 0;
  /** The server's identifier, an int32 word; 0: there is none. */
  server = 0;
  private readonly net: Network;
  private readonly iface: Interface;

  constructor(net: Network, iface: Interface) {
    this.net = net;
    this.iface = iface;
  }

  /** Null: it has been read, and is for the exchange `xid`. */
  read(pkt: IpPacket, xid: number): DhcpDrop | null {
    const { dv, u8 } = this.net.env.memory.slab;
    const off = pkt.payloadOff + UDP_HEADER_LEN;
    const len = pkt.payloadLen - UDP_HEADER_LEN;
    if (len < DHCP_OPTIONS || len > DHCP_MAX_LEN) return 'DropLength';
    if (dhcpOp(dv, off) !== BOOTREPLY || udpSrcPort(dv, pkt.payloadOff) !== DHCP_SERVER_PORT) {
      return 'DropNotReply';
    }
    const { mac } = this.iface.device;
    const isEthernet = dhcpHtype(dv, off) === DHCP_HTYPE && dhcpHlen(dv, off) === DHCP_HLEN;
    const isOurs = dhcpChaddrHigh(dv, off) === mac.high && dhcpChaddrLow(dv, off) === mac.low;
    if (!isEthernet || !isOurs) return 'DropHardwareAddress';
    if (dhcpXid(dv, off) !== xid) return 'DropXid';
    if (!dhcpHasCookie(dv, off)) return 'DropNoCookie';
    const { options } = this;
    if (!options.read(u8, off, len)) return 'DropOptions';
    if (options.length(DHCP_OPT.MESSAGE_TYPE) !== 1) return 'DropMessageType';
    this.type = options.u8(DHCP_OPT.MESSAGE_TYPE, 0);
    if (!isAnswer(this.type)) return 'DropMessageType';
    const server =
      options.length(DHCP_OPT.SERVER_ID) === 4 ? options.u32(DHCP_OPT.SERVER_ID, 0) : 0;
    this.server = isHostWord(server) ? server : 0;
    this.yiaddr = dhcpYiaddr(dv, off);
    return null;
  }
}

function isAnswer(type: number): boolean {
  return type === DHCP_MESSAGE.OFFER || type === DHCP_MESSAGE.ACK || type === DHCP_MESSAGE.NAK;
}
