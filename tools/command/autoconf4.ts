/** `up --dhcp` and `--ipv4ll`: who gives a running stack its IPv4 address, and what of it is shown. */
import { DhcpClient, type DhcpListener } from '../../src/autoconf/dhcp-client.ts';
import { LinkLocal4 } from '../../src/autoconf/link-local4.ts';
import { NEVER, SEC } from '../../src/base/time.ts';
import type { Interface } from '../../src/net/interface.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { Failure, usageError } from './failure.ts';
import type { LeaseFile } from './lease-file.ts';
import { FOREVER } from './views.ts';

/** How often it is asked whether a release has left, or an address is there. */
const POLL_MS = 20;
/** A link-local address takes seven seconds (RFC 5227 §2.1.1), and one more try after an early conflict. */
const LINK_LOCAL_LIMIT_MS = 10_000;
/** A release waits for the server's MAC address, but an end does not wait for ever. */
const RELEASE_LIMIT_MS = 500;

export interface DhcpView {
  readonly ifname: string;
  readonly state: string;
  readonly address?: string;
  readonly server?: string;
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  /** Seconds. */
  readonly lifetime?: number;
  readonly counters: Readonly<Record<string, number>>;
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** With both, a link-local address stands in as long as no server answers (RFC 3927 §1.9). */
export class Autoconf4 implements DhcpListener {
  readonly dhcp: DhcpClient | null;
  readonly linkLocal: LinkLocal4 | null;
  private readonly iface: Interface;

  private readonly stack: Stack;
  /** Keeps the lease for the next start; it is not given back at the end then. */
  private readonly file: LeaseFile | null;

  constructor(
    stack: Stack,
    iface: Interface,
    wantsDhcp: boolean,
    wantsLinkLocal: boolean,
    file: LeaseFile | null = null,
  ) {
    this.stack = stack;
    this.iface = iface;
    this.file = file;
    this.linkLocal = wantsLinkLocal ? new LinkLocal4(stack, iface) : null;
    const remembered = file?.remembered(iface.device.mac, stack.env.nowNs) ?? null;
    const options = { listener: this, ...(remembered === null ? {} : { remembered }) };
    this.dhcp = wantsDhcp ? new DhcpClient(stack, iface, options) : null;
  }

  start(): void {
    if (this.dhcp === null) this.linkLocal?.start();
    else this.dhcp.start();
  }

  dhcpChanged(client: DhcpClient): void {
    this.file?.follow(client, this.iface.device.mac, this.stack.env.nowNs);
    if (client.state === 'bound' || client.state === 'stopped') this.linkLocal?.stop();
    else if (client.isUnanswered) this.linkLocal?.start();
  }

  /**
   * An address is there, or nobody lets us have one: twelve seconds without a server, fifteen with one that gives no
   * lease, ten more for a link-local address.
   */
  async settled(wait: (ms: number) => Promise<void> = sleep): Promise<void> {
    const { dhcp, linkLocal } = this;
    let leftMs = linkLocal === null ? 0 : LINK_LOCAL_LIMIT_MS;
    for (;;) {
      if (linkLocal?.isUp === true || dhcp?.state === 'bound' || dhcp?.state === 'stopped') return;
      const isLast = dhcp === null || dhcp.isUnanswered;
      if (isLast && leftMs <= 0) return;
      await wait(POLL_MS);
      if (isLast) leftMs -= POLL_MS;
    }
  }

  /** Gives the lease back, before the stack ends; unless the next one is to have it. */
  async release(kick: () => void): Promise<void> {
    const { dhcp } = this;
    if (dhcp === null || this.file !== null) return;
    kick();
    dhcp.release();
    for (let ms = 0; dhcp.state === 'releasing' && ms < RELEASE_LIMIT_MS; ms += POLL_MS) {
      await sleep(POLL_MS);
    }
  }

  /** `renew` or `release`; throws a Failure. */
  change(words: readonly string[]): void {
    const [verb] = words;
    if (this.dhcp === null) throw new Failure('EOPNOTSUPP', 'no DHCP client here; see up --dhcp');
    if (words.length !== 1) throw usageError('usage: ringway dhcp [show | renew | release]');
    if (verb === 'release') this.dhcp.release();
    else if (verb !== 'renew') throw usageError(`ringway dhcp: what is "${verb}"? see --help`);
    else if (this.dhcp.state === 'stopped') this.dhcp.start();
    else if (!this.dhcp.renew()) {
      throw new Failure('EALREADY', `no lease to extend: the client is ${this.dhcp.state}`);
    }
  }

  views(nowNs: number): DhcpView[] {
    const { dhcp } = this;
    if (dhcp === null) return [];
    const { lease, untilNs } = dhcp;
    const counted = Object.entries(dhcp.counters.toObject()).filter(([, n]) => n > 0);
    return [
      {
        ifname: this.iface.name,
        state: dhcp.state,
        ...(lease === null
          ? {}
          : {
              address: `${formatAddress(lease.address)}/${lease.bits}`,
              server: formatAddress(lease.server),
              nameservers: lease.nameServers.map(formatAddress),
              ...(lease.domain === '' ? {} : { domain: lease.domain }),
              lifetime: untilNs === NEVER ? FOREVER : Math.round((untilNs - nowNs) / SEC),
            }),
        counters: Object.fromEntries(counted),
      },
    ];
  }
}

export function dhcpText(v: DhcpView): string {
  const counters = Object.entries(v.counters).map(([name, n]) => `${name} ${n}`);
  const names = [...(v.nameservers ?? []).map((a) => `    nameserver ${a}`)];
  const lifetime = v.lifetime === FOREVER ? 'forever' : `${v.lifetime}sec`;
  return [
    `${v.ifname}: ${v.state}`,
    ...(v.address === undefined
      ? []
      : [`    address ${v.address} from ${v.server} lifetime ${lifetime}`]),
    ...names,
    ...(v.domain === undefined ? [] : [`    domain ${v.domain}`]),
    `    ${counters.join(', ')}`,
  ].join('\n');
}
