/** As much as the network takes, from the flow's host to the other. */
import { ZERO_NS } from '../../../base/time.ts';
import type { Flow, Traffic } from '../flow.ts';
import type { BulkSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';

export class Bulk implements Traffic {
  private readonly flow: Flow;
  private readonly bytes: number;
  private sender: StreamEnd | null = null;
  private askedNs = ZERO_NS;
  private isStopped = false;

  constructor(flow: Flow, spec: BulkSpec) {
    this.flow = flow;
    this.bytes = spec.bytes ?? Infinity;
  }

  start(): void {
    this.askedNs = this.flow.nowNs;
    this.flow.connect();
  }

  begun(end: StreamEnd): void {
    if (!end.isOpener) return; // it only reads
    this.sender = end;
    if (!this.isStopped) end.send(this.bytes);
    if (this.isStopped || this.bytes !== Infinity) end.finish();
  }

  got(_end: StreamEnd, bytes: number): void {
    this.flow.count(bytes);
  }

  /** The receiver has it all, and answers with its own end; then so has the sender. */
  finished(end: StreamEnd): void {
    if (!end.isOpener && end.received === this.bytes) this.flow.complete(this.askedNs);
    end.close();
  }

  closed(_end: StreamEnd, errno: number): void {
    this.flow.fail(errno);
  }

  timer(): void {
    // sets none
  }

  stop(): void {
    this.isStopped = true;
    this.sender?.hold();
    this.sender?.finish();
  }
}
