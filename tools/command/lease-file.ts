/**
 * `up --dhcp-lease FILE`: the lease and the MAC address that it is for, kept for the next start. The file is written anew at
 * each change, beside itself and then in its place, so that whoever is killed leaves the old one or the new one.
 */
import {
  accessSync,
  constants,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { DhcpClient, RememberedLease } from '../../src/autoconf/dhcp-client.ts';
import {
  isHostWord,
  LEAST_BITS,
  type Lease,
  type LeaseRoute,
  MAX_DOMAIN,
  MOST_NAME_SERVERS,
  MOST_ROUTES,
} from '../../src/autoconf/dhcp-lease.ts';
import { NEVER, SEC } from '../../src/base/time.ts';
import { type Address, isV4 } from '../../src/wire/address.ts';
import { formatAddress, parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { Failure } from './failure.ts';

/** Ours with the most routes have a sixth of that. */
const MOST_BYTES = 64 * 1024;

interface KeptText {
  readonly mac: string;
  readonly lease?: LeaseText;
}

/** Times in seconds from `obtained`; null: for ever. Routes as `PREFIX` or `PREFIX GATEWAY`. */
interface LeaseText {
  readonly address: string;
  readonly server: string;
  readonly obtained: string;
  readonly lease: number | null;
  readonly renew: number | null;
  readonly rebind: number | null;
  readonly routes: readonly string[];
  readonly nameservers: readonly string[];
  readonly domain: string;
  readonly mtu: number;
}

interface Kept {
  readonly lease: Lease;
  readonly obtainedMs: number;
}

export class LeaseFile {
  readonly path: string;
  /** Of the stack that had the lease: the server knows it by this. Null: there is no file yet. */
  readonly mac: MacAddress | null;
  private readonly kept: Kept | null;
  private readonly wallMs: () => number;
  private written = '';

  /** Throws a Failure when there is a file that is none of ours: it would be overwritten. */
  constructor(path: string, wallMs: () => number = Date.now) {
    this.path = path;
    this.wallMs = wallMs;
    accessSync(dirname(path), constants.W_OK);
    const text = readKept(path);
    this.mac = text === null ? null : macOf(text.mac);
    this.kept = text?.lease === undefined ? null : keptOf(text.lease);
    const isBad = text !== null && (this.mac === null || (text.lease && this.kept === null));
    if (isBad) throw notOurs(path);
  }

  /** For a client that starts now with this address; null: there is nothing for it. */
  remembered(mac: MacAddress, nowNs: number): RememberedLease | null {
    const { kept } = this;
    if (kept === null || mac.toString() !== this.mac?.toString()) return null;
    const ageMs = Math.max(0, this.wallMs() - kept.obtainedMs); // a clock that was set back makes no lease longer
    const obtainedNs = nowNs - ageMs * 1e6;
    return { lease: kept.lease, obtainedNs, untilNs: obtainedNs + kept.lease.leaseNs };
  }

  /** After each change of the client's state. */
  follow(client: DhcpClient, mac: MacAddress, nowNs: number): void {
    const { state, lease } = client;
    if (state === 'bound' && lease !== null) {
      const obtainedMs = this.wallMs() - (nowNs - client.obtainedNs) / 1e6;
      this.write({ mac: mac.toString(), lease: textOf(lease, obtainedMs) });
    } else if (state === 'init' || state === 'selecting' || state === 'releasing') {
      this.write({ mac: mac.toString() });
    }
  }

  private write(kept: KeptText): void {
    const text = `${JSON.stringify(kept, null, 2)}\n`;
    if (text === this.written) return;
    const beside = `${this.path}.${process.pid}`;
    this.written = text;
    try {
      rmSync(beside, { force: true });
      writeFileSync(beside, text, { mode: 0o600, flag: 'wx' }); // never through a stranger's link
      renameSync(beside, this.path);
    } catch (error) {
      // A full disk is no reason to take the network away from whoever has a lease.
      console.error(`ringway up: the lease is not kept: ${(error as Error).message}`);
    }
  }
}

function notOurs(path: string): Failure {
  return new Failure('EINVAL', `--dhcp-lease ${path}: no lease file; remove it, or name another`);
}

function readKept(path: string): KeptText | null {
  let text: string;
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MOST_BYTES) throw notOurs(path); // a device or a pipe may have no end
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject && typeof (value as KeptText).mac === 'string') return value as KeptText;
  } catch {
    // said below, as of what is JSON and something else
  }
  throw notOurs(path);
}

// ---- A lease as text, and back ----

function textOf(lease: Lease, obtainedMs: number): LeaseText {
  const seconds = (ns: number): number | null => (ns === NEVER ? null : ns / SEC);
  return {
    address: `${formatAddress(lease.address)}/${lease.bits}`,
    server: formatAddress(lease.server),
    obtained: new Date(Math.round(obtainedMs)).toISOString(),
    lease: seconds(lease.leaseNs),
    renew: seconds(lease.renewNs),
    rebind: seconds(lease.rebindNs),
    routes: lease.routes.map(({ prefix, bits, gateway }) => {
      const via = gateway === null ? '' : ` ${formatAddress(gateway)}`;
      return `${formatAddress(prefix)}/${bits}${via}`;
    }),
    nameservers: lease.nameServers.map(formatAddress),
    domain: lease.domain,
    mtu: lease.mtu,
  };
}

/** Null: it was not written by us, or not by us alone. */
function keptOf(text: LeaseText): Kept | null {
  try {
    const [own, server] = [prefixOf(text.address), hostOf(text.server)];
    hostOf(formatAddress(own.address));
    const obtainedMs = Date.parse(text.obtained);
    const times = [nsOf(text.renew), nsOf(text.rebind), nsOf(text.lease)] as const;
    const [renewNs, rebindNs, leaseNs] = times;
    const isInOrder = renewNs <= rebindNs && rebindNs <= leaseNs;
    if (!isInOrder || !Number.isFinite(obtainedMs) || !isDomain(text.domain)) return null;
    if (own.bits < LEAST_BITS || text.routes.length > MOST_ROUTES) return null;
    if (text.nameservers.length > MOST_NAME_SERVERS) return null;
    if (!Number.isInteger(text.mtu) || text.mtu < 0 || text.mtu > 65535) return null;
    const lease: Lease = {
      ...{ address: own.address, bits: own.bits, server, leaseNs, renewNs, rebindNs },
      routes: text.routes.map(routeOf),
      nameServers: text.nameservers.map(hostOf),
      domain: text.domain,
      mtu: text.mtu,
    };
    return { lease, obtainedMs };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return null;
    throw error;
  }
}

function isDomain(text: unknown): boolean {
  return typeof text === 'string' && text.length <= MAX_DOMAIN && /^[A-Za-z0-9._-]*$/.test(text);
}

/** Null: none that an interface can have. */
function macOf(text: string): MacAddress | null {
  const mac = MacAddress.parse(text);
  return mac === null || mac.isGroup || mac.isZero ? null : mac;
}

function nsOf(seconds: number | null): number {
  if (seconds === null) return NEVER;
  if (typeof seconds === 'number' && seconds >= 0 && seconds < 2 ** 32)
    return Math.round(seconds * SEC);
  throw new RangeError('no time');
}

function prefixOf(text: string): { readonly address: Address; readonly bits: number } {
  const prefix = parsePrefix(text);
  if (prefix === null || !isV4(prefix.address)) throw new RangeError('no prefix');
  return { address: Object.freeze(prefix.address), bits: prefix.bits };
}

function hostOf(text: string): Address {
  const address = parseAddress(text);
  if (address === null || !isV4(address) || !isHostWord(address.w3))
    throw new RangeError('no host');
  return Object.freeze(address);
}

function routeOf(text: string): LeaseRoute {
  const [prefix, gateway, extra] = text.split(' ');
  if (extra !== undefined) throw new RangeError('no route');
  const { address, bits } = prefixOf(prefix!);
  return { prefix: address, bits, gateway: gateway === undefined ? null : hostOf(gateway) };
}
