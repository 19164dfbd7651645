/** One connection: a request, its answer, a pause, and so on. */
import { ZERO_NS } from '../../../base/time.ts';
import type { Flow, Traffic } from '../flow.ts';
import type { RequestsSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';

export class Requests implements Traffic {
  private readonly flow: Flow;
  private readonly spec: RequestsSpec;
  private readonly most: number;
  private client: StreamEnd | null = null;
  private asked = 0;
  private askedNs = ZERO_NS;
  private answered = 0;
  private isStopped = false;

  constructor(flow: Flow, spec: RequestsSpec) {
    this.flow = flow;
    this.spec = spec;
    this.most = spec.count ?? Infinity;
  }

  start(): void {
    this.flow.connect();
  }

  begun(end: StreamEnd): void {
    if (!end.isOpener) return; // it waits for a request
    this.client = end;
    this.next();
  }

  got(end: StreamEnd, bytes: number): void {
    if (end.isOpener) this.answer(end, bytes);
    else this.serve(end);
  }

  private serve(end: StreamEnd): void {
    const { requestBytes, responseBytes } = this.spec;
    for (; end.received >= (this.answered + 1) * requestBytes; this.answered++) {
      end.send(responseBytes);
    }
  }

  private answer(end: StreamEnd, bytes: number): void {
    this.flow.count(bytes);
    if (end.received < this.asked * this.spec.responseBytes) return;
    this.flow.complete(this.askedNs);
    const thinkNs = this.spec.thinkNs ?? 0;
    if (thinkNs > 0) this.flow.wakeAt(this.flow.nowNs + thinkNs);
    else this.next();
  }

  timer(): void {
    this.next();
  }

  private next(): void {
    const { client } = this;
    if (client === null) return;
    if (this.isStopped || this.asked === this.most) {
      client.finish();
      return;
    }
    this.asked++;
    this.askedNs = this.flow.nowNs;
    client.send(this.spec.requestBytes);
  }

  finished(end: StreamEnd): void {
    end.close();
  }

  closed(_end: StreamEnd, errno: number): void {
    this.flow.fail(errno);
  }

  stop(): void {
    this.isStopped = true;
  }
}
