/** What MSG_ERRQUEUE gives, as control messages: errors of the network, and news of what was sent. */
import { ENOMSG } from '../base/errno.ts';
import { SEC } from '../base/time.ts';
import type { KeptError, QueuedError } from '../net/error-queue.ts';
import { isV4 } from '../wire/address.ts';
import { AF, EE_ORIGIN, IP_OPT, IPV6_OPT, SO, SOL, ZEROCOPY_COPIED } from './abi.ts';
import type { ExtendedError } from './control-message.ts';
import type { Message } from './message.ts';
import { SockAddr } from './sock-addr.ts';

/** What a notification costs: as much as a small datagram. */
export const NEWS_CHARGE = 768;
/** `struct scm_timestamping`: three `struct timespec`, of which software fills in the first. */
const SCM_TIMESTAMPING_BYTES = 48;

/** MSG_ZEROCOPY: the sends `first` to `last` are over. Their bytes were copied, and that is said. */
export class CopyNews implements KeptError {
  readonly kind = 'copied';
  readonly errno = 0;
  readonly type = -1;
  readonly charge = NEWS_CHARGE;
  readonly first: number;
  last: number;

  constructor(first: number, last: number) {
    this.first = first;
    this.last = last;
  }

  /** Takes in the sends that follow its own. */
  extend(first: number, last: number): boolean {
    if (first !== (this.last + 1) >>> 0) return false;
    this.last = last;
    return true;
  }
}

/** SO_TIMESTAMPING: what became of a byte, and when. */
export class StampNews implements KeptError {
  readonly kind = 'stamp';
  readonly errno = ENOMSG;
  readonly type = -1;
  /** One of TSTAMP. */
  readonly what: number;
  /** SOF_TIMESTAMPING_OPT_ID: which byte of the stream; otherwise 0. */
  readonly key: number;
  readonly atNs: number;
  /** The end of the text that was sent with it. */
  readonly payload: Uint8Array;

  constructor(what: number, key: number, atNs: number, payload: Uint8Array) {
    this.what = what;
    this.key = key;
    this.atNs = atNs;
    this.payload = payload;
  }

  get charge(): number {
    return NEWS_CHARGE + this.payload.length;
  }
}

/** Seconds apart from the rest: Unix time in ns is beyond what a double holds exactly. */
export function unixTime(epochNs: number, atNs: number): { sec: number; ns: number } {
  const epochSec = Math.floor(epochNs / SEC);
  const rest = epochNs - epochSec * SEC + (atNs % SEC);
  const sec = epochSec + Math.floor(atNs / SEC) + Math.floor(rest / SEC);
  return { sec, ns: rest % SEC };
}

/** An error of the network, or our own, by the socket's family. */
export function addNetworkError(m: Message, e: QueuedError, domain: number): void {
  const isOwn = e.type < 0;
  const offender = new SockAddr();
  if (!isOwn) offender.set(domain, e.from, 0);
  const origin = isOwn ? EE_ORIGIN.LOCAL : isV4(e.destination) ? EE_ORIGIN.ICMP : EE_ORIGIN.ICMP6;
  addExtended(m, domain, {
    errno: e.errno,
    origin,
    type: isOwn ? 0 : e.type,
    code: isOwn ? 0 : e.code,
    info: e.mtu,
    data: 0,
    offender,
  });
}

export function addCopyNews(m: Message, e: CopyNews, domain: number): void {
  addExtended(m, domain, {
    errno: e.errno,
    origin: EE_ORIGIN.ZEROCOPY,
    type: 0,
    code: ZEROCOPY_COPIED,
    info: e.first,
    data: e.last,
    offender: new SockAddr(),
  });
}

/** `isTold`: SOF_TIMESTAMPING_SOFTWARE, without which the time stays unsaid. */
export function addStampNews(
  m: Message,
  e: StampNews,
  domain: number,
  epochNs: number,
  isTold: boolean,
): void {
  if (isTold) {
    const bytes = new Uint8Array(SCM_TIMESTAMPING_BYTES);
    const dv = new DataView(bytes.buffer);
    const { sec, ns } = unixTime(epochNs, e.atNs);
    dv.setUint32(0, sec >>> 0, true);
    dv.setInt32(4, Math.floor(sec / 4294967296), true);
    dv.setUint32(8, ns, true);
    m.addControl({ level: SOL.SOCKET, type: SO.TIMESTAMPING, kind: 'bytes', bytes });
  }
  addExtended(m, domain, {
    errno: e.errno,
    origin: EE_ORIGIN.TIMESTAMPING,
    type: 0,
    code: 0,
    info: e.what,
    data: e.key,
    offender: new SockAddr(),
  });
}

function addExtended(m: Message, domain: number, error: ExtendedError): void {
  const isSix = domain === AF.INET6;
  m.addControl({
    level: isSix ? SOL.IPV6 : SOL.IP,
    type: isSix ? IPV6_OPT.RECVERR : IP_OPT.RECVERR,
    kind: 'error',
    error,
  });
}
