/** `ra`: what routers have told a running stack that `addr` and `route` do not show. */
import type { Autoconf } from '../../src/net/autoconf.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { secondsLeft } from './views.ts';
import { lifetime } from './views-text.ts';

export interface RouterView {
  readonly address: string;
  readonly pref: 'low' | 'medium' | 'high';
  readonly lifetime: number;
  readonly reachable: boolean;
}

export interface DnsView {
  readonly name: string;
  readonly router: string;
  readonly lifetime: number;
}

export interface RaView {
  readonly ifname: string;
  readonly routers: readonly RouterView[];
  readonly dns_servers: readonly DnsView[];
  readonly dns_search: readonly DnsView[];
  readonly hop_limit: number;
  readonly mtu: number;
  /** Solicitations since the link-local address came into use. */
  readonly solicitations: number;
  readonly accepted: number;
  /** What was refused, by reason; only what occurred. */
  readonly refused: Readonly<Record<string, number>>;
}

export function raViews(stack: Stack): RaView[] {
  return stack.net.autoconfs.filter((a) => a !== null).map((a) => raView(a, stack));
}

function raView(a: Autoconf, stack: Stack): RaView {
  const { nowNs } = stack.env;
  const { iface, dns } = a;
  const { Accepted, ...rest } = a.counters.toObject();
  const dnsView = (
    name: string,
    d: (typeof dns.servers)[number] | (typeof dns.domains)[number],
  ) => ({
    name,
    router: formatAddress(d.router),
    lifetime: secondsLeft(d.untilNs, nowNs),
  });
  return {
    ifname: iface.name,
    routers: a.routes.flatMap(({ bits, gateway, advertised }) =>
      bits !== 0 || gateway === null || advertised === null
        ? []
        : [
            {
              address: formatAddress(gateway),
              pref: (['low', 'medium', 'high'] as const)[advertised.preference + 1]!, // -1, 0 or 1
              lifetime: secondsLeft(advertised.expiresNs, nowNs),
              reachable: !advertised.isUnreachable,
            },
          ],
    ),
    dns_servers: dns.servers.map((s) => dnsView(formatAddress(s.address), s)),
    dns_search: dns.domains.map((d) => dnsView(d.name, d)),
    hop_limit: iface.hopLimit(stack.net.config),
    mtu: iface.mtuOf(false),
    solicitations: a.solicitation.sent,
    accepted: Accepted,
    refused: Object.fromEntries(Object.entries(rest).filter(([, count]) => count > 0)),
  };
}

export function raText(v: RaView): string {
  const refused = Object.entries(v.refused).map(([name, count]) => `${name} ${count}`);
  return [
    `${v.ifname}: hop limit ${v.hop_limit} mtu ${v.mtu}`,
    ...v.routers.map(
      (r) =>
        `    router ${r.address} pref ${r.pref} lifetime ${lifetime(r.lifetime)}` +
        (r.reachable ? '' : ' unreachable'),
    ),
    ...v.dns_servers.map((d) => `    nameserver ${d.name} lifetime ${lifetime(d.lifetime)}`),
    ...v.dns_search.map((d) => `    search ${d.name} lifetime ${lifetime(d.lifetime)}`),
    `    solicitations ${v.solicitations}, advertisements ${v.accepted}`,
    ...(refused.length === 0 ? [] : [`    refused: ${refused.join(', ')}`]),
  ].join('\n');
}
