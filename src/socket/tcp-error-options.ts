/** Options that fill a TCP socket's error queue. */
import { EINVAL, EOPNOTSUPP } from '../base/errno.ts';
import { STATE } from '../tcp/tcp-state.ts';
import { AF, IP_OPT, IPV6_OPT, SO, STAMPING } from './abi.ts';
import { atIp, atIpv6, on } from './ip-options.ts';
import {
  bytesOption,
  intOption,
  type OptionHead,
  readInt,
  type SocketOption,
  writeInt,
} from './option.ts';
import { atSocket } from './socket-options.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';

/** sizeof(struct so_timestamping): the flags, and a clock that we do not bind to. */
const TIMESTAMPING_BYTES = 8;

type Option = SocketOption<TcpEndpoint>;

/** SOF_TIMESTAMPING_MASK */
const KNOWN = STAMPING.TX_COMPLETION * 2 - 1;
/** What would be reported, and is not known here. */
const UNSUPPORTED = STAMPING.RX_SOFTWARE | STAMPING.OPT_STATS | STAMPING.BIND_PHC;

function zerocopyOption(): Option {
  return intOption<TcpEndpoint>(
    atSocket('SO_ZEROCOPY', SO.ZEROCOPY, 'sends are copied, and notifications say so'),
    (e) => on(e.settings.isZerocopy),
    (e, value) => {
      if (value < 0 || value > 1) return -EINVAL;
      e.change({ isZerocopy: value === 1 });
      return 0;
    },
  );
}

function timestampingOption(): Option {
  return bytesOption<TcpEndpoint>(
    atSocket('SO_TIMESTAMPING', SO.TIMESTAMPING, 'TX_SCHED, TX_SOFTWARE, TX_ACK'),
    (e, into) => {
      const n = Math.min(into.length, TIMESTAMPING_BYTES);
      into.fill(0, 0, n);
      writeInt(e.settings.timestamping, into);
      return n;
    },
    (e, value) => setTimestamping(e, readInt(value)!), // `setIn` has looked at the length
  );
}

function setTimestamping(e: TcpEndpoint, flags: number): number {
  const { OPT_ID, OPT_ID_TCP } = STAMPING;
  if ((flags & ~KNOWN) !== 0) return -EINVAL;
  const hasId = (flags & OPT_ID) !== 0;
  if ((flags & OPT_ID_TCP) !== 0 && !hasId) return -EINVAL;
  const isNewId = hasId && (e.settings.timestamping & OPT_ID) === 0;
  if (isNewId && (e.state === STATE.CLOSED || e.state === STATE.LISTEN)) return -EINVAL;
  if ((flags & UNSUPPORTED) !== 0) return -EOPNOTSUPP;
  e.change({ timestamping: flags });
  if (isNewId) {
    const { connection: c, handshake: h } = e;
    const base = c === null ? h!.iss : (flags & OPT_ID_TCP) !== 0 ? c.finSeq() : c.snd.una;
    e.errors!.setStampBase(base); // there is one: flags are set
  }
  return 0;
}

function errorsOption(head: OptionHead, field: 'wantsErrors4' | 'wantsErrors6'): Option {
  return intOption<TcpEndpoint>(
    head,
    (e) => on(e.settings[field]),
    (e, value) => {
      e.change({ [field]: value !== 0 });
      if (value === 0) e.errors?.dropNetworkErrors();
      return 0;
    },
  );
}

const NOTE = 'of a connection that stands: SO_ERROR, at once';

export function errorOptions(domain: number): readonly Option[] {
  const ipv4 = errorsOption(atIp('IP_RECVERR', IP_OPT.RECVERR, NOTE), 'wantsErrors4');
  const ipv6 = errorsOption(atIpv6('IPV6_RECVERR', IPV6_OPT.RECVERR, NOTE), 'wantsErrors6');
  const both = [zerocopyOption(), timestampingOption(), ipv4];
  return domain === AF.INET6 ? [...both, ipv6] : both;
}
