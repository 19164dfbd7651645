/** Addresses that an administrator gave for a time only (`ip address add … valid_lft 60`): both families. */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { NEVER } from '../base/time.ts';
import type { Interface, InterfaceAddress } from '../net/interface.ts';
import type { Network } from '../net/network.ts';
import type { Address } from '../wire/address.ts';

/** Who takes an address away, with all that came with it. */
export interface AddressRemover {
  removeAddress(iface: Interface, address: Address): number;
}

interface Lent {
  readonly iface: Interface;
  readonly entry: InterfaceAddress;
}

export class AddressLifetimes implements Expirable {
  private readonly lent: Lent[] = [];
  private readonly deadline = new Deadline(this);
  private readonly net: Network;
  private readonly remover: AddressRemover;

  constructor(net: Network, remover: AddressRemover) {
    this.net = net;
    this.remover = remover;
  }

  /** `entry` is deprecated from `preferredNs` on and gone at `validNs`; NEVER is never. In the place of what was set before. */
  set(iface: Interface, entry: InterfaceAddress, validNs: number, preferredNs: number): void {
    const at = this.lent.findIndex((l) => l.entry === entry);
    if (at >= 0) this.lent.splice(at, 1);
    entry.setLifetimes(validNs, preferredNs);
    entry.setDeprecated(false);
    if (validNs !== NEVER || preferredNs !== NEVER) this.lent.push({ iface, entry });
    this.expire();
  }

  expire(): void {
    const { nowNs } = this.net.env;
    let next = NEVER;
    for (const one of [...this.lent]) {
      const { iface, entry } = one;
      const isGone = !iface.addresses.includes(entry);
      if (!isGone && entry.validUntilNs > nowNs) {
        if (entry.preferredUntilNs <= nowNs) entry.setDeprecated(true);
        const end = entry.isDeprecated ? entry.validUntilNs : entry.preferredUntilNs;
        next = Math.min(next, end);
        continue;
      }
      this.lent.splice(this.lent.indexOf(one), 1);
      if (!isGone) this.remover.removeAddress(iface, entry.address);
    }
    this.net.routes.changed(); // sources are chosen anew
    if (next === NEVER) this.net.deadlines.remove(this.deadline);
    else this.net.deadlines.arm(this.deadline, next);
  }

  close(): void {
    this.lent.length = 0;
    this.net.deadlines.remove(this.deadline);
  }
}
