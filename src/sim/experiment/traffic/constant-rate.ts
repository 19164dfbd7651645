/** So many bits a second, in writes of one size, whether the network takes them at once or not. */
import { SEC, US } from '../../../base/time.ts';
import type { Flow, Traffic } from '../flow.ts';
import type { ConstantRateSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';

const WRITE_BYTES = 1200;
/** Writes that are closer to each other are one. */
const LEAST_NS = 10 * US;

export class ConstantRate implements Traffic {
  private readonly flow: Flow;
  private readonly writeBytes: number;
  private readonly everyNs: number;
  private sender: StreamEnd | null = null;
  private beginNs = 0;
  private writes = 0;
  private isStopped = false;

  constructor(flow: Flow, spec: ConstantRateSpec) {
    this.flow = flow;
    this.writeBytes = spec.writeBytes ?? WRITE_BYTES;
    this.everyNs = (this.writeBytes * 8 * SEC) / spec.rateBps;
  }

  start(): void {
    this.flow.connect();
  }

  begun(end: StreamEnd): void {
    if (!end.isOpener) return; // it only reads
    this.sender = end;
    if (this.isStopped) end.finish();
    this.beginNs = this.flow.nowNs;
    this.timer();
  }

  /** The times are those of the rate, not of the write before: no rounding adds up. */
  timer(): void {
    if (this.isStopped || this.sender === null) return;
    const { nowNs } = this.flow;
    const due = Math.floor((nowNs - this.beginNs) / this.everyNs) + 1;
    this.sender.send((due - this.writes) * this.writeBytes);
    this.writes = due;
    const nextNs = this.beginNs + Math.ceil(due * this.everyNs);
    this.flow.wakeAt(Math.max(nextNs, nowNs + LEAST_NS));
  }

  got(_end: StreamEnd, bytes: number): void {
    this.flow.count(bytes);
  }

  finished(end: StreamEnd): void {
    end.close();
  }

  closed(_end: StreamEnd, errno: number): void {
    this.isStopped = true;
    this.flow.fail(errno);
  }

  stop(): void {
    this.isStopped = true;
    this.sender?.finish();
  }
}
