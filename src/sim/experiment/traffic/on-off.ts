/** Bulk for a while, silence for a while, both of exponentially distributed length. */
import { ln } from '../../../base/elementary.ts';
import type { RandomStream } from '../../../base/rng.ts';
import type { Flow } from '../flow.ts';
import type { OnOffSpec } from '../scenario.ts';
import { OneWay } from './one-way.ts';

export class OnOff extends OneWay {
  private readonly spec: OnOffSpec;
  private readonly random: RandomStream;
  private isOn = false;

  constructor(flow: Flow, spec: OnOffSpec, random: RandomStream) {
    super(flow);
    this.spec = spec;
    this.random = random;
  }

  override timer(): void {
    if (this.sender === null) return;
    this.isOn = !this.isOn;
    if (this.isOn) this.sender.send(Infinity);
    else this.sender.hold();
    const meanNs = this.isOn ? this.spec.onNs : this.spec.offNs;
    // 1 - unit() is never 0.
    this.flow.wakeAt(this.flow.nowNs + Math.ceil(-ln(1 - this.random.unit()) * meanNs));
  }
}
