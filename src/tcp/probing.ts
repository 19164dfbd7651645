import { doubled, NEVER } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';

/** How far the probing of a shut window has got. */
export class Probing {
  /** Doublings of the wait; kept while the peer answers and its window stays shut. */
  backoff = 0;
  /** Since when; NEVER while the window is open. */
  sinceNs = NEVER;

  begin(nowNs: number): void {
    if (this.sinceNs === NEVER) this.sinceNs = nowNs;
  }

  backOff(most: number): void {
    if (this.backoff < most) this.backoff++;
  }

  windowOpened(): void {
    this.backoff = 0;
    this.sinceNs = NEVER;
  }
}

/** Text is held back and nothing is in flight: if nothing else happens, a probe. */
export function armPersist(c: TcpConnection): void {
  if (!c.rtx.isEmpty || c.due.isArmed(DUE.PERSIST)) return;
  c.due.arm(DUE.PERSIST, c.tcp.env.nowNs + probeWaitNs(c));
}

/** Doubled each time, answered or not. */
export function probeWaitNs(c: TcpConnection): number {
  const { minRtoNs, maxRtoNs } = c.tcp.config;
  const baseNs = Math.max(c.rtt.baseRtoNs(), minRtoNs);
  return Math.min(baseNs * doubled(c.probing.backoff), maxRtoNs);
}
