/**
 * What was learned of servers by opening connections to them with Fast Open (RFC 7413 §4.1.3.1): the cookie that each
 * gave us, its MSS, and how its path took what we tried. Linux keeps the same in its tcp_metrics, for each pair of
 * addresses. Bounded; what was not used lately goes first.
 */
import type { Env } from '../base/env.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, IpAddress } from '../wire/address.ts';
import { FastOpenCookie } from './fast-open-option.ts';

const MAX_SERVERS = 4096;
/** Entries the hand looks at before it takes one that is in use. */
const LOOKS = 32;
const ADDRESS_WORDS = 4;

/** What a server that gives no cookie is asked with: the option of RFC 7413, once the experiment's, then never again. */
export const TRIAL = { NONE: 0, EXPERIMENT: 1, OVER: 2 } as const;

/** One of them. */
export class KnownServer {
  readonly local = new IpAddress();
  readonly remote = new IpAddress();
  readonly cookie = new FastOpenCookie();
  /** What its last SYN-ACK said; 0: nothing yet. */
  mss = 0;
  trial: number = TRIAL.NONE;
  /** SYNs with Fast Open in a row that seem to have been lost, and when the last one was. */
  synLosses = 0;
  lastLossNs = 0;
  wasUsed = false;

  begin(local: Address, remote: Address): void {
    this.local.copy(local);
    this.remote.copy(remote);
    this.cookie.set(0, false);
    this.mss = 0;
    this.trial = TRIAL.NONE;
    this.synLosses = 0;
    this.lastLossNs = 0;
    this.wasUsed = true;
  }

  /** It gave no cookie for the option of RFC 7413: it may know the experiment's. */
  isExperimentDue(): boolean {
    return this.trial === TRIAL.EXPERIMENT;
  }

  setUsed(wasUsed: boolean): void {
    this.wasUsed = wasUsed;
  }

  /** A SYN-ACK has come. `cookie` that says nothing changes nothing. Borrowed. */
  learn(mss: number, cookie: FastOpenCookie, trial: number): void {
    if (mss !== 0) this.mss = mss;
    if (cookie.len > 0) this.cookie.copy(cookie);
    else if (trial > this.trial && this.cookie.len <= 0) this.trial = trial;
  }

  /** RFC 7413 §4.1.3.1: whether the SYN got through as it was. */
  noteLoss(isLost: boolean, nowNs: number): void {
    this.synLosses = isLost ? this.synLosses + 1 : 0;
    if (isLost) this.lastLossNs = nowNs;
  }
}

export class FastOpenCache {
  private readonly table: WordTable;
  private readonly servers: KnownServer[] = [];
  private hand = 0;

  constructor(env: Env) {
    this.table = new WordTable(2 * ADDRESS_WORDS, env.rng.stream('tcp.fast-open'));
  }

  get size(): number {
    return this.table.size;
  }

  /** Null: nothing is known. */
  find(local: Address, remote: Address): KnownServer | null {
    this.writeKey(local, remote);
    const at = this.table.find();
    if (at === NOT_FOUND) return null;
    const server = this.servers[at]!;
    server.setUsed(true);
    return server;
  }

  /** The entry of a server, new if there is none. */
  entry(local: Address, remote: Address): KnownServer {
    const known = this.find(local, remote);
    if (known !== null) return known;
    const at = this.servers.length < MAX_SERVERS ? this.servers.length : this.evict();
    if (at === this.servers.length) this.servers.push(new KnownServer());
    const server = this.servers[at]!;
    server.begin(local, remote);
    this.writeKey(local, remote);
    this.table.set(at);
    return server;
  }

  all(): readonly KnownServer[] {
    return this.servers;
  }

  /** As `ip tcp_metrics flush all` has it. */
  clear(): void {
    for (const { local, remote } of this.servers) {
      this.writeKey(local, remote);
      this.table.remove();
    }
    this.servers.length = 0;
    this.hand = 0;
  }

  /** A clock: it spares what was used since it last passed, but looks no further than LOOKS. */
  private evict(): number {
    let at = this.hand;
    for (let look = 0; look < LOOKS && this.servers[at]!.wasUsed; look++) {
      this.servers[at]!.setUsed(false);
      at = (at + 1) % MAX_SERVERS;
    }
    const { local, remote } = this.servers[at]!;
    this.writeKey(local, remote);
    this.table.remove();
    this.hand = (at + 1) % MAX_SERVERS;
    return at;
  }

  private writeKey(local: Address, remote: Address): void {
    const { key } = this.table;
    key[0] = local.w0;
    key[1] = local.w1;
    key[2] = local.w2;
    key[3] = local.w3;
    key[4] = remote.w0;
    key[5] = remote.w1;
    key[6] = remote.w2;
    key[7] = remote.w3;
  }
}
