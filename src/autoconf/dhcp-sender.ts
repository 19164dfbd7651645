/**
 * A client's messages out: RFC 2131 §4.4.1, table 5. By broadcast from 0.0.0.0 while there is no address, which
 * the stack's own output can do; by unicast from our address to the server whose lease we have.
 */
import { NO_BLOCK } from '../base/block-pool.ts';
import type { Interface } from '../net/interface.ts';
import { ipOutput } from '../net/ip-output.ts';
import { UDP } from '../net/mib.ts';
import type { Network } from '../net/network.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import { TC_PRIO } from '../net/priority.ts';
import { type Address, ANY4, IpAddress } from '../wire/address.ts';
import {
  DHCP_CLIENT_PORT,
  DHCP_FLAG_BROADCAST,
  DHCP_MESSAGE,
  DHCP_MIN_LEN,
  DHCP_OPT,
  DHCP_OPTIONS,
  DHCP_SERVER_PORT,
  putOption8,
  putOption16,
  putOption32,
  putOptionBytes,
  writeDhcpRequest,
} from '../wire/dhcp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { UDP_CHECKSUM, UDP_HEADER_LEN, writeUdp } from '../wire/udp.ts';

const BROADCAST4: Address = Object.freeze(new IpAddress().setV4(-1));
/** The fixed part, and twice the longest option beside short ones. */
const BUFFER_BYTES = 1024;
/** RFC 2131 §3.5: nobody has to take more. */
const MAX_SIZE = 1500;

/** RFC 3442: 121 before 3. What the answers do not change is not asked for. */
const PARAMETERS: readonly number[] = [
  DHCP_OPT.SUBNET_MASK,
  DHCP_OPT.CLASSLESS_ROUTES,
  DHCP_OPT.ROUTER,
  DHCP_OPT.NAME_SERVER,
  DHCP_OPT.DOMAIN_NAME,
  DHCP_OPT.MTU,
  DHCP_OPT.LEASE_TIME,
  DHCP_OPT.RENEWAL_TIME,
  DHCP_OPT.REBINDING_TIME,
];

export interface DhcpIdentity {
  /** Option 61: a type and what identifies us. Default: Ethernet and the MAC address. */
  readonly clientId?: Uint8Array;
  /** Option 12; default: none is told. */
  readonly hostName?: string;
  /** Ask for answers by broadcast; we take unicasts before we have the address. Default false. */
  readonly broadcast?: boolean;
}

/** What one message says beyond who we are. */
export interface DhcpWords {
  readonly type: number;
  readonly xid: number;
  readonly secs: number;
  /** Our address, where the server may use it to answer; else null. */
  readonly ciaddr: Address | null;
  /** Options 50 and 54; null leaves them out. */
  readonly requested: Address | null;
  readonly server: Address | null;
  /** Null: everybody on the link. */
  readonly to: Address | null;
}

export class DhcpSender {
  private readonly bytes = new Uint8Array(BUFFER_BYTES);
  private readonly dv = new DataView(this.bytes.buffer);
  private readonly net: Network;
  private readonly iface: Interface;
  private readonly clientId: Uint8Array;
  private readonly hostName: Uint8Array;
  private readonly flags: number;

  constructor(net: Network, iface: Interface, identity: DhcpIdentity) {
    this.net = net;
    this.iface = iface;
    const { high, low } = iface.device.mac;
    const own = [1, high >>> 8, high & 255, low >>> 24, (low >>> 16) & 255];
    this.clientId = identity.clientId ?? Uint8Array.from([...own, (low >>> 8) & 255, low & 255]);
    this.hostName = Uint8Array.from(identity.hostName ?? '', (c) => c.charCodeAt(0));
    this.flags = identity.broadcast === true ? DHCP_FLAG_BROADCAST : 0;
  }

  /** False: it did not leave. */
  send(words: DhcpWords): boolean {
    const len = this.write(words);
    const { net, iface } = this;
    const path = net.pathTo(words.to ?? BROADCAST4, iface.index);
    const at = path === null ? -1 : net.reserve(iface, len);
    if (path === null || at < 0) return false;
    net.env.memory.slab.u8.set(this.bytes.subarray(0, len), at);
    const udpLen = UDP_HEADER_LEN + len;
    writeUdp(
      net.env.memory.slab.dv,
      net.transportHeader,
      DHCP_CLIENT_PORT,
      DHCP_SERVER_PORT,
      udpLen,
      0,
    );
    const o = net.out;
    o.path = path;
    o.src.copy(words.ciaddr ?? ANY4);
    o.protocol = IPPROTO.UDP;
    o.ttl = net.config.ttl4;
    o.tos = 0;
    o.priority = TC_PRIO.BESTEFFORT;
    o.pmtuDiscovery = PMTUDISC.DONT;
    o.transportLen = UDP_HEADER_LEN;
    o.payloadOff = at;
    o.payloadLen = len;
    o.chunk = NO_BLOCK;
    o.checksumAt = UDP_CHECKSUM;
    if (ipOutput(net) < 0) return false;
    net.mib.udp4.count(UDP.OutDatagrams);
    return true;
  }

  /** Returns the length. */
  private write(words: DhcpWords): number {
    const { dv } = this;
    const { mac } = this.iface.device;
    const { type, xid, secs, ciaddr } = words;
    // RFC 2131 §4.4.4 to 4.4.6: DECLINE and RELEASE have no broadcast flag, and ask for nothing.
    const asks = type === DHCP_MESSAGE.DISCOVER || type === DHCP_MESSAGE.REQUEST;
    const flags = asks && ciaddr === null ? this.flags : 0;
    writeDhcpRequest(dv, 0, xid, secs, flags, ciaddr?.w3 ?? 0, mac.high, mac.low);
    let at = putOption8(dv, DHCP_OPTIONS, DHCP_OPT.MESSAGE_TYPE, type);
    at = putOptionBytes(dv, at, DHCP_OPT.CLIENT_ID, this.clientId);
    if (words.requested !== null) {
      at = putOption32(dv, at, DHCP_OPT.REQUESTED_ADDRESS, words.requested.w3);
    }
    if (words.server !== null) at = putOption32(dv, at, DHCP_OPT.SERVER_ID, words.server.w3);
    if (asks) {
      at = putOption16(dv, at, DHCP_OPT.MAX_SIZE, Math.min(MAX_SIZE, this.iface.device.mtu));
      if (this.hostName.length > 0) {
        at = putOptionBytes(dv, at, DHCP_OPT.HOST_NAME, this.hostName);
      }
      at = putOptionBytes(dv, at, DHCP_OPT.PARAMETERS, PARAMETERS);
    }
    dv.setUint8(at++, DHCP_OPT.END);
    while (at < DHCP_MIN_LEN) dv.setUint8(at++, DHCP_OPT.PAD);
    return at;
  }
}
