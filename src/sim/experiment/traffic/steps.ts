/** One rate for a while, then another: as much as the network takes, so many bits a second, or nothing. */
import { SEC, US, ZERO_NS } from '../../../base/time.ts';
import type { Flow } from '../flow.ts';
import type { StepsSpec } from '../scenario.ts';
import type { StreamEnd } from '../stream-end.ts';
import { OneWay } from './one-way.ts';

const WRITE_BYTES = 1200;
/** Writes that are closer to each other are one. */
const LEAST_NS = 10 * US;

export class Steps extends OneWay {
  private readonly steps: StepsSpec['steps'];
  /** The step that holds; -1 before the first. */
  private at = -1;
  private sinceNs = ZERO_NS;
  private writes = 0;

  constructor(flow: Flow, { steps }: StepsSpec) {
    super(flow);
    this.steps = steps;
  }

  override timer(): void {
    if (this.sender === null) return;
    const { nowNs } = this.flow;
    const { steps } = this;
    let { at } = this;
    while (at + 1 < steps.length && steps[at + 1]!.atNs <= nowNs) at++;
    if (at !== this.at) this.change(this.sender, at, nowNs);
    const writeNs = this.write(this.sender, nowNs);
    const changeNs = at + 1 < steps.length ? steps[at + 1]!.atNs : Infinity;
    const nextNs = Math.min(writeNs, changeNs);
    if (nextNs !== Infinity) this.flow.wakeAt(nextNs);
  }

  private change(sender: StreamEnd, at: number, nowNs: number): void {
    this.at = at;
    this.sinceNs = nowNs;
    this.writes = 0;
    sender.hold();
    if (this.steps[at]!.rateBps === undefined) sender.send(Infinity);
  }

  /** What is due by now; and when there is more. */
  private write(sender: StreamEnd, nowNs: number): number {
    const rateBps = this.at < 0 ? 0 : this.steps[this.at]!.rateBps;
    if (rateBps === undefined || rateBps === 0) return Infinity;
    const everyNs = (WRITE_BYTES * 8 * SEC) / rateBps;
    const due = Math.floor((nowNs - this.sinceNs) / everyNs) + 1;
    sender.send((due - this.writes) * WRITE_BYTES);
    this.writes = due;
    return Math.max(this.sinceNs + Math.ceil(due * everyNs), nowNs + LEAST_NS);
  }
}
