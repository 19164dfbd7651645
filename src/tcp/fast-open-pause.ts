/**
 * Middleboxes that swallow what follows a SYN with data (RFC 7413 §7.3): after a sign of one, this host opens
 * no connection with Fast Open for tcp_fastopen_blackhole_timeout_sec, and twice as long after each further sign
 * in a row. Off by default, as on Linux, which takes the same for a sign.
 */
import type { Env } from '../base/env.ts';
import { doubled } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import type { TcpConfig } from './tcp-config.ts';
import { TCP_MIB, type TcpMib } from './tcp-mib.ts';
import { TOTAL } from './totals.ts';

/** The pause is no longer than 2^6 times the first. */
const MOST_DOUBLINGS = 6;
/** Timeouts in a row that are a sign, the first included. */
const TIMEOUTS = 3;

export class FastOpenPause {
  private readonly env: Env;
  private readonly config: TcpConfig;
  private readonly mib: TcpMib;
  /** Signs in a row, when the last one was, and by which setting: another one begins anew. */
  private signs = 0;
  private sinceNs = 0;
  private setting = 0;

  constructor(env: Env, config: TcpConfig, mib: TcpMib) {
    this.env = env;
    this.config = config;
    this.mib = mib;
  }

  /** Something ate a connection: another pause begins. */
  noteSign(): void {
    const { fastOpenBlackholeNs } = this.config;
    if (fastOpenBlackholeNs === 0) return;
    this.signs = this.hasSigns() ? this.signs + 1 : 1;
    this.sinceNs = this.env.nowNs;
    this.setting = fastOpenBlackholeNs;
    this.mib.count(TCP_MIB.TCPFastOpenBlackhole);
  }

  isOn(): boolean {
    if (!this.hasSigns()) return false;
    const doublings = Math.min(this.signs - 1, MOST_DOUBLINGS);
    return this.env.nowNs < this.sinceNs + this.setting * doubled(doublings);
  }

  /** There were signs: a connection that works would be news. */
  hasSigns(): boolean {
    return this.signs > 0 && this.setting === this.config.fastOpenBlackholeNs;
  }

  /** One has worked. */
  forget(): void {
    this.signs = 0;
  }
}

/** A timeout of a connection that began with Fast Open; `retries` before it, and whether it is the last. */
export function noteTimeout(pause: FastOpenPause, retries: number, isLast: boolean): void {
  if (retries === TIMEOUTS - 1 || (retries < TIMEOUTS - 1 && isLast)) pause.noteSign();
}

/** The connection is over: did anything but an early FIN come, and is that good news? */
export function judgeAtEnd(c: TcpConnection): void {
  const { fastOpen, tcp } = c;
  if (fastOpen === null || !fastOpen.hasAsked) return;
  const pause = tcp.fastOpenPause;
  if (c.totals.get(TOTAL.DATA_SEGS_IN) === 0) {
    if (c.finAt !== null && !c.isFinReceived) pause.noteSign();
    return;
  }
  if (!fastOpen.isTrial || !pause.hasSigns()) return;
  const path = tcp.net.paths.lookup(c.remote, c.boundIndex);
  if (path !== null && !path.iface.isLoopback) pause.forget();
}

/** A RST that is out of order, before any text: what a middlebox may send. */
export function noteStrayReset(c: TcpConnection): void {
  if (c.fastOpen?.hasAsked !== true || c.totals.get(TOTAL.DATA_SEGS_IN) > 0) return;
  c.tcp.fastOpenPause.noteSign();
}
