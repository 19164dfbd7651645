/**
 * Connections that the application has closed, and that still have text or a FIN to deliver. Nobody will miss one; a
 * peer that never opens its window, or never answers, could keep any number of them, each with its send queue
 * (CVE-2008-4609). So there are no more than `tcp_max_orphans`: the one too many is reset when it is closed, or when its
 * timer passes; one that looks hopeless counts as two or four, as on Linux.
 */
import { ETIMEDOUT } from '../base/errno.ts';
import { doubled } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { chargedBytes } from './write-room.ts';

/** Linux's SOCK_MIN_SNDBUF. */
const LEAST_SNDBUF = 4608;

export class Orphans {
  private readonly all = new Set<TcpConnection>();

  get count(): number {
    return this.all.size;
  }

  has(c: TcpConnection): boolean {
    return this.all.has(c);
  }

  add(c: TcpConnection): void {
    this.all.add(c);
  }

  remove(c: TcpConnection): void {
    this.all.delete(c);
  }
}

/** The application has closed it, and it is not over. */
export function becomeOrphan(c: TcpConnection): void {
  c.tcp.orphans.add(c);
  if (areTooMany(c, 0) || isTooDear(c)) end(c, true);
}

/** A timer has passed. True: it was one orphan too many. `isHopeful`: its peer may be there. */
export function isOrphanEnded(c: TcpConnection, isHopeful: boolean): boolean {
  const { tcp } = c;
  if (!tcp.orphans.has(c)) return false;
  const silentNs = tcp.env.nowNs - c.lastSentNs;
  let doublings = 0;
  if (!isHopeful || silentNs > 2 * tcp.config.maxRtoNs) doublings++;
  if (c.softError !== 0) doublings++;
  if (!areTooMany(c, doublings) && !isTooDear(c)) return false;
  const isProbing = c.snd.wnd === 0 && c.rtx.isEmpty;
  end(c, isHopeful || isProbing || silentNs <= tcp.config.timeWaitNs);
  return true;
}

function areTooMany({ tcp }: TcpConnection, doublings: number): boolean {
  return tcp.orphans.count * doubled(doublings) > tcp.config.maxOrphans;
}

/** TCP is above the limit of `tcp_mem`, and this one holds more than the least. */
function isTooDear(c: TcpConnection): boolean {
  return c.tcp.memory.isOver && chargedBytes(c) > LEAST_SNDBUF;
}

function end(c: TcpConnection, isReset: boolean): void {
  const { tcp } = c;
  tcp.mib.count(tcp.ids.TCPAbortOnMemory);
  if (isReset) tcp.abort(c, 0);
  else tcp.end(c, ETIMEDOUT);
}
