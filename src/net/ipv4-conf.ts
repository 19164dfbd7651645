/**
 * net.ipv4.conf: what an interface does with IPv4 and ARP, under Linux's names and in its units.
 *
 * There are three sets of values. `all` is for every interface together with its own, and each setting says how the
 * two make one: the larger; the smaller of those that are not 0; either; either for a host, and both for a router;
 * the interface's own. `default` is what an interface has until its own is set.
 */
import type { Revision } from './revision.ts';

const RULE = { MAX: 0, OR: 1, HOST_OR: 2, OWN: 3, LEAST: 4 } as const;

interface Row {
  readonly name: string;
  /** Linux's values at the start, of `all` and of `default`. */
  readonly all: number;
  readonly otherwise: number;
  readonly most: number;
  readonly rule: number;
}

const row = (name: string, all: number, otherwise: number, most: number, rule: number): Row => ({
  name,
  all,
  otherwise,
  most,
  rule,
});

/** In the order of CONF4. The least is 0 everywhere. */
export const CONF4_ROWS: readonly Row[] = [
  row('accept_redirects', 1, 1, 1, RULE.HOST_OR),
  row('arp_accept', 0, 0, 2, RULE.MAX),
  row('arp_announce', 0, 0, 2, RULE.MAX),
  row('arp_filter', 0, 0, 1, RULE.OR),
  row('arp_ignore', 0, 0, 8, RULE.MAX),
  row('arp_notify', 0, 0, 1, RULE.MAX),
  row('drop_gratuitous_arp', 0, 0, 1, RULE.OR),
  row('force_igmp_version', 0, 0, 3, RULE.LEAST),
  row('forwarding', 0, 0, 1, RULE.OWN),
  row('rp_filter', 0, 0, 2, RULE.MAX),
  row('secure_redirects', 1, 1, 1, RULE.OR),
  row('send_redirects', 1, 1, 1, RULE.OR),
  row('shared_media', 1, 1, 1, RULE.OR),
];

export const CONF4 = {
  /** Redirects are heeded. */
  ACCEPT_REDIRECTS: 0,
  /** Announcements and replies that nobody asked for make an entry: 1; 2: of an address on a subnet of the interface. */
  ARP_ACCEPT: 1,
  /**
   * In whose name a request asks. 0: the packet's that made us ask, if it is ours; 1: likewise, if it is on a subnet with
   * the target; 2: always an address of the interface.
   */
  ARP_ANNOUNCE: 2,
  /** Who asks is answered only there where we would send to him. */
  ARP_FILTER: 3,
  /**
   * 0: any address of ours is answered for, wherever it is asked; 1: one of the interface; 2: and of the asker's subnet
   * there; 8: none.
   */
  ARP_IGNORE: 4,
  /** Addresses are announced when the link comes up. */
  ARP_NOTIFY: 5,
  DROP_GRATUITOUS_ARP: 6,
  /** 0: as the queriers speak; else IGMP 1, 2, 3. */
  FORCE_IGMP_VERSION: 7,
  /** What arrives here for other hosts is sent on. */
  FORWARDING: 8,
  /** 0, or 1: strict, 2: loose (RFC 3704). */
  RP_FILTER: 9,
  /** Without shared_media: only to gateways that a route of ours on the interface has. */
  SECURE_REDIRECTS: 10,
  /** A router tells of a better first hop. */
  SEND_REDIRECTS: 11,
  /** Several subnets may share the link: a redirect's gateway need not be on one of ours. */
  SHARED_MEDIA: 12,
} as const;

/** One set. A value that was not given is the base's. */
export class Conf4Values {
  private readonly words: Int32Array;
  private readonly isSet: Uint8Array;
  private readonly base: Conf4Values | null;
  private readonly revision: Revision;

  constructor(start: (row: Row) => number, base: Conf4Values | null, revision: Revision) {
    this.words = Int32Array.from(CONF4_ROWS, start);
    this.isSet = new Uint8Array(CONF4_ROWS.length);
    this.base = base;
    this.revision = revision;
  }

  /** `id`: one of CONF4. */
  get(id: number): number {
    return this.base === null || this.isSet[id] === 1 ? this.words[id]! : this.base.get(id);
  }

  set(id: number, value: number): void {
    this.words[id] = value;
    this.isSet[id] = 1;
    this.revision.changed();
  }
}

/** `all` and `default` of a stack. */
export class Ipv4Conf {
  readonly all: Conf4Values;
  readonly otherwise: Conf4Values;
  private readonly interfaces: Conf4Values[] = [];

  readonly revision: Revision;

  constructor(revision: Revision) {
    this.revision = revision;
    this.all = new Conf4Values((r) => r.all, null, revision);
    this.otherwise = new Conf4Values((r) => r.otherwise, null, revision);
  }

  adopt(own: Conf4Values): void {
    this.interfaces.push(own);
  }

  release(own: Conf4Values): void {
    this.interfaces.splice(this.interfaces.indexOf(own), 1);
  }

  /**
   * net.ipv4.ip_forward: as on Linux it is said to every interface, and who becomes a router heeds no redirect until
   * `all` is told to.
   */
  setForwarding(isOn: number): void {
    if (isOn === this.all.get(CONF4.FORWARDING)) return;
    this.all.set(CONF4.FORWARDING, isOn);
    this.otherwise.set(CONF4.FORWARDING, isOn);
    for (const own of this.interfaces) own.set(CONF4.FORWARDING, isOn);
    this.all.set(CONF4.ACCEPT_REDIRECTS, isOn === 0 ? 1 : 0);
  }
}

/** Those of one interface. */
export class InterfaceConf4 {
  readonly own: Conf4Values;
  readonly revision: Revision;
  private readonly conf: Ipv4Conf;
  /** What holds, worked out of that revision: each packet that comes in may ask. */
  private readonly words = new Int32Array(CONF4_ROWS.length);
  private atRevision = -1;

  constructor(conf: Ipv4Conf) {
    this.conf = conf;
    this.own = new Conf4Values(() => 0, conf.otherwise, conf.revision);
    this.revision = conf.revision;
    conf.adopt(this.own);
  }

  /** What holds: `id` is one of CONF4. */
  get(id: number): number {
    if (this.atRevision !== this.revision.count) this.workOut();
    return this.words[id]!;
  }

  private workOut(): void {
    for (let id = 0; id < CONF4_ROWS.length; id++) this.words[id] = this.effective(id);
    this.atRevision = this.revision.count;
  }

  private effective(id: number): number {
    const all = this.conf.all.get(id);
    const own = this.own.get(id);
    const { rule } = CONF4_ROWS[id]!;
    if (rule === RULE.MAX) return Math.max(all, own);
    if (rule === RULE.OWN) return own;
    if (rule === RULE.LEAST) return all === 0 || own === 0 ? all | own : Math.min(all, own);
    const isEither = rule === RULE.OR || this.own.get(CONF4.FORWARDING) === 0;
    return isEither ? all | own : all & own;
  }
}
