/** The DNS servers and search domains that routers advertise (RFC 8106), each until its lifetime is over. */
import { NEVER } from '../base/time.ts';
import { type Address, addressEquals, IpAddress } from '../wire/address.ts';

/** RFC 8106 §5.3.1: at least three of each should be kept; more than these are refused. */
const MOST = 8;
/** RFC 1035 §2.3.4 */
const MAX_NAME = 253;
const MAX_LABEL = 63;

export interface DnsServer {
  readonly address: Address;
  readonly router: Address;
  readonly untilNs: number;
}

export interface SearchDomain {
  readonly name: string;
  readonly router: Address;
  readonly untilNs: number;
}

export class DnsList {
  servers: readonly DnsServer[] = [];
  domains: readonly SearchDomain[] = [];

  /** False: no place. `untilNs` now or earlier takes it away. */
  setServer(address: Address, router: Address, untilNs: number, nowNs: number): boolean {
    const others = this.servers.filter((s) => !addressEquals(s.address, address));
    if (untilNs <= nowNs) this.servers = others;
    else if (others.length >= MOST) return false;
    else {
      const kept = { address: copyOf(address), router: copyOf(router), untilNs };
      const at = this.servers.findIndex((s) => addressEquals(s.address, address));
      this.servers = others.toSpliced(at < 0 ? others.length : at, 0, kept);
    }
    return true;
  }

  setDomain(name: string, router: Address, untilNs: number, nowNs: number): boolean {
    const others = this.domains.filter((d) => d.name !== name);
    if (untilNs <= nowNs) this.domains = others;
    else if (others.length >= MOST) return false;
    else {
      const at = this.domains.findIndex((d) => d.name === name);
      const kept = { name, router: copyOf(router), untilNs };
      this.domains = others.toSpliced(at < 0 ? others.length : at, 0, kept);
    }
    return true;
  }

  age(nowNs: number): void {
    this.servers = this.servers.filter((s) => s.untilNs > nowNs);
    this.domains = this.domains.filter((d) => d.untilNs > nowNs);
  }

  nextNs(): number {
    let next = NEVER;
    for (const { untilNs } of this.servers) next = Math.min(next, untilNs);
    for (const { untilNs } of this.domains) next = Math.min(next, untilNs);
    return next;
  }
}

const copyOf = (address: Address): Address => Object.freeze(new IpAddress().copy(address));

/**
 * The names in `len` bytes (RFC 1035 §3.1, no compression), which zeros fill up. Null: not well formed.
 * Only letters, digits, hyphen and underscore: a name is shown to people and written to files.
 */
export function readDomains(dv: DataView, off: number, len: number): string[] | null {
  const names: string[] = [];
  const end = off + len;
  let labels: string[] = [];
  for (let at = off; at < end; ) {
    const size = dv.getUint8(at++);
    if (size > MAX_LABEL || at + size > end) return null;
    if (size === 0) {
      if (labels.length > 0) names.push(labels.join('.'));
      labels = [];
      continue;
    }
    let label = '';
    for (let i = 0; i < size; i++) label += String.fromCharCode(dv.getUint8(at + i));
    if (!/^[\w-]+$/.test(label)) return null;
    labels.push(label.toLowerCase());
    at += size;
  }
  return labels.length === 0 && names.every((name) => name.length <= MAX_NAME) ? names : null;
}
