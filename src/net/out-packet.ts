import { NO_BLOCK } from '../base/block-pool.ts';
import { IpAddress } from '../wire/address.ts';
import type { Path } from './path-cache.ts';

/** How a datagram treats the path MTU (Linux's IP_MTU_DISCOVER). */
export const PMTUDISC = {
  /** Never set DF; fragment to the link's MTU. */
  DONT: 0,
  /** DF on what fits the path; what does not is fragmented here. */
  WANT: 1,
  /** DF always; what does not fit is refused with EMSGSIZE. */
  DO: 2,
  /** DF always, the path's MTU ignored. */
  PROBE: 3,
} as const;

/**
 * A datagram on its way out: one scratch object per network, filled by the transport, which has also
 * written its header to `net.transportHeader` with a zero checksum.
 */
export class OutPacket {
  path!: Path;
  readonly src = new IpAddress();
  protocol = 0;
  ttl = 0;
  /** To a group: this host hears it too, if it listens. */
  isLooped = false;
  tos = 0;
  /** SO_PRIORITY's. */
  priority = 0;
  /** One of PMTUDISC. */
  pmtuDiscovery = 0;
  transportLen = 0;
  /** The payload in the slab: reserved in the device's transmit ring, or inside `chunk`. */
  payloadOff = 0;
  payloadLen = 0;
  chunk = NO_BLOCK;
  /** Where in the transport header the checksum over a pseudo-header goes; -1 when it is there already. */
  checksumAt = -1;
}
