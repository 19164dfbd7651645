/** So many bits a second, in writes of one size, whether the network takes them at once or not. */
import { SEC, US, ZERO_NS } from '../../../base/time.ts';
import type { Flow } from '../flow.ts';
import type { ConstantRateSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';
import { OneWay } from './one-way.ts';

const WRITE_BYTES = 1200;
/** Writes that are closer to each other are one. */
const LEAST_NS = 10 * US;

export class ConstantRate extends OneWay {
  private readonly writeBytes: number;
  private readonly everyNs: number;
  private beginNs = ZERO_NS;
  private writes = 0;

  constructor(flow: Flow, spec: ConstantRateSpec) {
    super(flow);
    this.writeBytes = spec.writeBytes ?? WRITE_BYTES;
    this.everyNs = (this.writeBytes * 8 * SEC) / spec.rateBps;
  }

  /** The times are those of the rate, not of the write before: no rounding adds up. */
  override timer(): void {
    if (this.sender === null) return;
    const { nowNs } = this.flow;
    if (this.writes === 0) this.beginNs = nowNs;
    const due = Math.floor((nowNs - this.beginNs) / this.everyNs) + 1;
    this.sender.send((due - this.writes) * this.writeBytes);
    this.writes = due;
    const nextNs = this.beginNs + Math.ceil(due * this.everyNs);
    this.flow.wakeAt(Math.max(nextNs, nowNs + LEAST_NS));
  }

  /** What has been written is sent. */
  protected override leave(sender: StreamEnd): void {
    sender.finish();
  }
}
