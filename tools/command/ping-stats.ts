/** Times in ns here; the summary is in ms, as people and scripts read it. */
export interface PingSummary {
  readonly transmitted: number;
  readonly received: number;
  readonly duplicates: number;
  readonly corrupted: number;
  readonly errors: number;
  /** Replies that arrived and did not fit into the socket's buffer. */
  readonly overflows: number;
  /** Percent of those sent that were not answered. */
  readonly loss: number;
  readonly timeMs: number;
  /** Absent without replies. */
  readonly rtt?: {
    readonly min: number;
    readonly avg: number;
    readonly max: number;
    readonly mdev: number;
  };
  /** Absent unless replies set the pace: ms between packets, and a moving average of round trips. */
  readonly ipg?: number;
  readonly ewma?: number;
}

const NS_PER_MS = 1e6;

export class PingStats {
  startNs = 0;
  transmitted = 0;
  received = 0;
  duplicates = 0;
  corrupted = 0;
  errors = 0;
  lost = 0;
  maxNs = 0;
  private minNs = Number.POSITIVE_INFINITY;
  private sumNs = 0;
  private sumSquares = 0;
  private ewmaNs = 0;
  private readonly isPacedByReplies: boolean;

  constructor(isPacedByReplies: boolean) {
    this.isPacedByReplies = isPacedByReplies;
  }

  answered(rttNs: number): void {
    this.received++;
    this.sumNs += rttNs;
    this.sumSquares += rttNs * rttNs;
    this.minNs = Math.min(this.minNs, rttNs);
    this.maxNs = Math.max(this.maxNs, rttNs);
    this.ewmaNs = this.received === 1 ? rttNs : this.ewmaNs + (rttNs - this.ewmaNs) / 8;
  }

  summary(nowNs: number): PingSummary {
    const { transmitted, received, duplicates, corrupted, errors } = this;
    const timeMs = (nowNs - this.startNs) / NS_PER_MS;
    const missing = Math.max(0, transmitted - received);
    return {
      transmitted,
      received,
      duplicates,
      corrupted,
      errors,
      overflows: this.lost,
      loss: transmitted === 0 ? 0 : (missing / transmitted) * 100,
      timeMs,
      ...(received > 0 ? { rtt: this.times() } : {}),
      ...(this.isPacedByReplies && transmitted > 1 && received > 0
        ? { ipg: timeMs / (transmitted - 1), ewma: this.ewmaNs / NS_PER_MS }
        : {}),
    };
  }

  /** mdev: the square root of the mean square less the squared mean. */
  private times(): NonNullable<PingSummary['rtt']> {
    const avg = this.sumNs / this.received;
    const variance = Math.max(0, this.sumSquares / this.received - avg * avg);
    return {
      min: this.minNs / NS_PER_MS,
      avg: avg / NS_PER_MS,
      max: this.maxNs / NS_PER_MS,
      mdev: Math.sqrt(variance) / NS_PER_MS,
    };
  }
}
