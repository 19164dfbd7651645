/** Bulk for a while, silence for a while, both of exponentially distributed length. */
import { ln } from '../../../base/elementary.ts';
import type { RandomStream } from '../../../base/rng.ts';
import type { Flow, Traffic } from '../flow.ts';
import type { OnOffSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';

export class OnOff implements Traffic {
  private readonly flow: Flow;
  private readonly spec: OnOffSpec;
  private readonly random: RandomStream;
  private sender: StreamEnd | null = null;
  private isOn = false;
  private isStopped = false;

  constructor(flow: Flow, spec: OnOffSpec, random: RandomStream) {
    this.flow = flow;
    this.spec = spec;
    this.random = random;
  }

  start(): void {
    this.flow.connect();
  }

  begun(end: StreamEnd): void {
    if (!end.isOpener) return; // it only reads
    this.sender = end;
    if (this.isStopped) end.finish();
    this.timer();
  }

  timer(): void {
    if (this.isStopped || this.sender === null) return;
    this.isOn = !this.isOn;
    if (this.isOn) this.sender.send(Infinity);
    else this.sender.hold();
    const meanNs = this.isOn ? this.spec.onNs : this.spec.offNs;
    // 1 - unit() is never 0.
    this.flow.wakeAt(this.flow.nowNs + Math.ceil(-ln(1 - this.random.unit()) * meanNs));
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
    this.sender?.hold();
    this.sender?.finish();
  }
}
