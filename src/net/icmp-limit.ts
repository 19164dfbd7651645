import type { Env } from '../base/env.ts';
import { SEC } from '../base/time.ts';
import { isV4 } from '../wire/address.ts';
import { ErrorBudget } from './error-budget.ts';
import { ICMP, type IcmpMib } from './mib.ts';
import type { NetConfig } from './net-config.ts';
import type { Path } from './path-cache.ts';

/** Linux lets so many errors pass to one destination before the interval binds. */
const BURST_PER_DESTINATION = 6;

/**
 * How many ICMP errors may leave (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)): a token bucket over all
 * destinations, so that a flood costs a bounded share of the link, and one per destination, so that
 * one peer cannot use up what others need.
 */
export class IcmpLimit {
  private readonly all = new ErrorBudget();
  private readonly env: Env;
  private readonly config: NetConfig;

  constructor(env: Env, config: NetConfig) {
    this.env = env;
    this.config = config;
  }

  /** Whether any destination may be told something: asked first, so that a flood costs not even a look for the way back. */
  allowsAny(mib: IcmpMib): boolean {
    if (this.all.has(this.env, this.everyNs(), this.config.icmpMessagesBurst)) return true;
    mib.count(ICMP.OutRateLimitGlobal);
    return false;
  }

  /** Whether this one may, and then it counts: who is refused takes nothing out of either bucket. */
  allows(path: Path, mib: IcmpMib): boolean {
    if (path.iface.isLoopback) return true;
    const { icmpRate4Ns, icmpRate6Ns } = this.config;
    const rateNs = isV4(path.destination) ? icmpRate4Ns : icmpRate6Ns;
    if (!path.errorBudget.has(this.env, rateNs, BURST_PER_DESTINATION)) {
      mib.count(ICMP.OutRateLimitHost);
      return false;
    }
    this.all.spend(this.everyNs());
    path.errorBudget.spend(rateNs);
    return true;
  }

  private everyNs(): number {
    const { icmpMessagesPerSec } = this.config;
    return icmpMessagesPerSec > 0 ? (SEC / icmpMessagesPerSec) | 0 : 0;
  }
}
