/**
 * What the sender waited for (Linux's tcp_chrono): from the first byte written until all is acknowledged it
 * is busy; some of that time the peer's window held it back, some the send buffer, which was too small
 * for the application. One of them at a time: the send buffer before the window before plain busyness.
 */
import { TOTAL, type Totals } from './totals.ts';

const LIMIT = { NONE: 0, BUSY: 1, WINDOW: 2, BUFFER: 3 } as const;

export class Chrono {
  private readonly totals: Totals;
  private limit = 0;
  /** The application was refused for want of room since it last could write. */
  private wasRefused = false;

  constructor(totals: Totals) {
    this.totals = totals;
  }

  /** Something is queued: text, or the FIN. */
  queued(): void {
    if (this.limit === LIMIT.NONE) this.change(LIMIT.BUSY);
  }

  /** The application wanted to write more than there is room for. */
  refused(): void {
    this.wasRefused = true;
  }

  isRefused(): boolean {
    return this.wasRefused;
  }

  /** It can write again. */
  roomReturned(): void {
    this.wasRefused = false;
    if (this.limit === LIMIT.BUFFER) this.change(LIMIT.BUSY);
  }

  /** Output ended: was it for the peer's window, or because nothing was left though cwnd had room? */
  outputEnded(isWindowShut: boolean, hasRunDry: boolean): void {
    if (isWindowShut) {
      if (this.limit < LIMIT.WINDOW) this.change(LIMIT.WINDOW);
    } else if (this.limit === LIMIT.WINDOW) this.change(LIMIT.BUSY);
    if (hasRunDry && this.wasRefused && this.limit !== LIMIT.NONE) this.change(LIMIT.BUFFER);
  }

  /** Everything written is acknowledged, or given up. */
  idle(): void {
    if (this.limit !== LIMIT.NONE) this.change(LIMIT.NONE);
  }

  /** Nanoseconds so far, the running ones included. */
  busyNs(): number {
    this.change(this.limit);
    const { totals } = this;
    return totals.get(TOTAL.BUSY_NS) + totals.get(TOTAL.RWND_NS) + totals.get(TOTAL.SNDBUF_NS);
  }

  rwndLimitedNs(): number {
    this.change(this.limit);
    return this.totals.get(TOTAL.RWND_NS);
  }

  sndbufLimitedNs(): number {
    this.change(this.limit);
    return this.totals.get(TOTAL.SNDBUF_NS);
  }

  private change(limit: number): void {
    this.totals.passTime(placeOf(this.limit));
    this.limit = limit;
  }
}

function placeOf(limit: number): number {
  if (limit === LIMIT.BUSY) return TOTAL.BUSY_NS;
  if (limit === LIMIT.WINDOW) return TOTAL.RWND_NS;
  return limit === LIMIT.BUFFER ? TOTAL.SNDBUF_NS : 0;
}
