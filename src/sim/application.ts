import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import { NEVER } from '../base/time.ts';
import type { Clock } from '../link/frame-sink.ts';

/** What an application waits for: so many nanoseconds, or a condition that turns of its host can make true. */
export type Wait = number | (() => boolean);

/**
 * An application in virtual time: a generator that yields what it waits for.
 *
 *     function* pinger() {
 *       for (let i = 0; i < 3; i++) {
 *         send(i);
 *         yield () => hasReply(i);       looked at after the input of each turn
 *         yield 10 * MS;                 sleeps
 *       }
 *     }
 *
 * It runs where applications run (Host, "drainReady") and nowhere else. What it throws ends the run.
 */
export type Application = Generator<Wait, void, void>;

/** Whoever turns the crank for the application. */
export interface TaskHost {
  wake(): void;
}

export class SimTask implements Expirable {
  isDone = false;
  private readonly host: TaskHost;
  private readonly clock: Clock;
  private readonly events: DeadlineQueue;
  private readonly application: Application;
  private readonly deadline = new Deadline(this);
  private condition: (() => boolean) | null = null;
  private isAsleep = false;

  constructor(host: TaskHost, clock: Clock, events: DeadlineQueue, application: Application) {
    this.host = host;
    this.clock = clock;
    this.events = events;
    this.application = application;
  }

  /** Goes on if it can. Returns whether it did. */
  step(): boolean {
    if (this.isDone || this.isAsleep) return false;
    if (this.condition !== null && !this.condition()) return false;
    this.condition = null;
    const next = this.application.next();
    if (next.done === true) this.isDone = true;
    else if (typeof next.value === 'number') this.sleep(next.value);
    else this.condition = next.value;
    return true;
  }

  expire(): void {
    this.isAsleep = false;
    this.host.wake();
  }

  cancel(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.events.remove(this.deadline);
    this.application.return();
  }

  private sleep(ns: number): void {
    this.isAsleep = true;
    if (ns !== NEVER) this.events.arm(this.deadline, this.clock.nowNs + Math.max(0, ns));
  }
}
