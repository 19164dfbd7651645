/**
 * net.ipv6.conf: what an interface does with IPv6, under Linux's names and in its units.
 *
 * `all` and `default` are one set of values here, the base; an interface follows it but for what was set
 * for the interface itself. (On Linux most of `all` does nothing, and `default` is copied when an interface
 * is made.) What makes a router of a host is as on Linux: see ROLE6.
 */
import type { Address } from '../wire/address.ts';

const INT_MAX = 2 ** 31 - 1;

/** Name → the default, the least and the most. */
export const CONF6 = {
  /** 0: what routers advertise is not for us; 1: it is, unless we are a router; 2: even then. Linux's default is 1 for hosts; ours waits to be asked. */
  accept_ra: [0, 0, 2],
  /** Default routers. */
  accept_ra_defrtr: [1, 0, 1],
  accept_ra_min_hop_limit: [1, 0, 255],
  accept_ra_mtu: [1, 0, 1],
  /** Prefixes: on-link routes and addresses. */
  accept_ra_pinfo: [1, 0, 1],
  /** RFC 4191 route information is taken for prefixes from `min_plen` to `max_plen` bits. */
  accept_ra_rt_info_max_plen: [0, 0, 128],
  accept_ra_rt_info_min_plen: [0, 0, 128],
  accept_ra_rtr_pref: [1, 0, 1],
  /** RFC 4861 §8. */
  accept_redirects: [1, 0, 1],
  /** 0: EUI-64, 1: no link-local address, 2: RFC 7217 with stable_secret, 3: RFC 7217 with a drawn secret. */
  addr_gen_mode: [0, 0, 3],
  /** Addresses from advertised prefixes. */
  autoconf: [1, 0, 1],
  dad_transmits: [1, 0, 255],
  /** 0: as the queriers speak; MLD 1, 2. That of `all` comes first. */
  force_mld_version: [0, 0, 2],
  /** 1: what arrives here for other hosts is sent on, whatever `forwarding` of `all` says. */
  force_forwarding: [0, 0, 1],
  /**
   * 1: a router, as far as its neighbours on the link can tell; `all` says so to every interface, and that packets are
   * sent on, wherever they arrive.
   */
  forwarding: [0, 0, 1],
  /** The most addresses of an interface that may come by themselves. */
  max_addresses: [16, 1, 1024],
  /** The most seconds by which a temporary address's preferred lifetime is cut (RFC 8981 §3.8). */
  max_desync_factor: [600, 0, INT_MAX],
  /** How often a temporary address that turned out to be a duplicate is drawn again. */
  regen_max_retry: [3, 0, 255],
  router_solicitation_interval: [4, 1, 3600],
  router_solicitation_max_interval: [3600, 1, INT_MAX],
  /** -1: until a router answers. */
  router_solicitations: [-1, -1, INT_MAX],
  temp_prefered_lft: [86400, 0, INT_MAX],
  temp_valid_lft: [604800, 0, INT_MAX],
  /** 0: none; 1: temporary addresses, public ones preferred; 2: preferred. */
  use_tempaddr: [0, 0, 2],
} as const satisfies Readonly<Record<string, readonly [number, number, number]>>;

/** Whether it is a router: `default` says it to interfaces that come later, and to no other. */
export const ROLE6 = ['forwarding', 'force_forwarding'] as const;

export type Conf6Name = keyof typeof CONF6;

/** RFC 7217's modes of addr_gen_mode. */
export const ADDR_GEN = { EUI64: 0, NONE: 1, STABLE: 2, RANDOM: 3 } as const;

export class Ipv6Conf {
  private readonly own = new Map<Conf6Name, number>();
  private ownSecret: Address | null = null;
  private readonly base: Ipv6Conf | null;

  constructor(base: Ipv6Conf | null) {
    this.base = base;
  }

  get(name: Conf6Name): number {
    return this.own.get(name) ?? this.base?.get(name) ?? CONF6[name][0];
  }

  set(name: Conf6Name, value: number): void {
    this.own.set(name, value);
  }

  /** Takes over what another was told of these. */
  adopt(names: readonly Conf6Name[], from: Ipv6Conf): void {
    for (const name of names) {
      const value = from.own.get(name);
      if (value !== undefined) this.own.set(name, value);
    }
  }

  /** The base's again. */
  unset(name: Conf6Name): void {
    this.own.delete(name);
  }

  /** stable_secret: RFC 7217's secret key, or null. */
  get secret(): Address | null {
    return this.ownSecret ?? this.base?.secret ?? null;
  }

  /** As on Linux, who gives a secret wants it used. */
  setSecret(secret: Address): void {
    this.ownSecret = secret;
    this.own.set('addr_gen_mode', ADDR_GEN.STABLE);
  }
}
