import { assert } from '../base/assert.ts';
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import { NEVER } from '../base/time.ts';
import type { Clock, FrameListener } from '../link/frame-sink.ts';
import type { MemoryDevice } from '../link/memory-device.ts';
import type { Host } from '../stack/host.ts';
import { type Application, SimTask } from './application.ts';

/** Frames per batch, and segments of output per turn. */
const BUDGET = 256;
const MOST_STEPS = 1_000_000;

/** What a host needs of the simulation it is part of. */
export interface HostWorld {
  readonly clock: Clock;
  readonly events: DeadlineQueue;
  /** The host could not send everything: chunks ran out, or a full device. It wants to be woken. */
  sendBlocked(host: SimHost): void;
}

/** A host in virtual time: turned when a frame arrives, when its deadline is due, when an application wakes. */
export class SimHost implements FrameListener, Expirable {
  readonly name: string;
  readonly host: Host;
  /** Turns taken so far. */
  turns = 0;
  /** When it asked for its next turn, at the end of the last. */
  dueNs = NEVER;
  private readonly world: HostWorld;
  private readonly turn = new Deadline(this);
  private tasks: SimTask[] = [];

  constructor(world: HostWorld, name: string, host: Host, nics: readonly MemoryDevice[]) {
    this.world = world;
    this.name = name;
    this.host = host;
    for (const nic of nics) nic.listen(this);
    this.wake(); // its first deadlines are not known before it has run
  }

  /** Starts an application: it runs within the host's turns, the first time in the next. */
  run(application: Application): SimTask {
    const task = new SimTask(this, this.world.clock, this.world.events, application);
    this.tasks.push(task);
    this.wake();
    return task;
  }

  /** Calls `what` within a turn of this host, `afterNs` from now. */
  after(afterNs: number, what: () => void): SimTask {
    return this.run(
      (function* (): Application {
        yield afterNs;
        what();
      })(),
    );
  }

  frameArrived(): void {
    this.wake();
  }

  /** Wants a turn at this instant, after what is already due at it. */
  wake(): void {
    const { clock, events } = this.world;
    if (this.turn.dueNs > clock.nowNs) events.armNow(this.turn, clock);
  }

  expire(): void {
    const { host } = this;
    this.turns++;
    host.env.nowNs = this.world.clock.nowNs;
    const { devices } = host;
    for (let i = 0; i < devices.length; i++) this.receiveAll(i);
    host.fireTimers();
    host.drainReady();
    if (this.tasks.length > 0) this.runTasks();
    host.runOutput(BUDGET);
    let left = 0;
    for (let i = 0; i < devices.length; i++) left += Math.max(0, devices[i]!.txFlush());
    if (left > 0) this.world.sendBlocked(this);
    this.armNext();
  }

  private armNext(): void {
    const { clock, events } = this.world;
    // Deadlines of a stack may be fractions; the clock shows whole nanoseconds.
    this.dueNs = Math.ceil(Math.max(this.host.nextDeadlineNs(), clock.nowNs));
    if (this.dueNs < this.turn.dueNs) events.armAs(this.turn, this);
  }

  close(): void {
    for (const device of this.host.devices) device.close();
    for (const task of this.tasks) task.cancel();
    this.tasks = [];
    this.world.events.remove(this.turn);
  }

  /** Until the device has none: the batch that is empty gives the last one back. */
  private receiveAll(index: number): void {
    const device = this.host.devices[index]!;
    let n = device.rxBatch(BUDGET);
    while (n > 0) {
      this.host.receive(index, n);
      n = device.rxBatch(BUDGET);
    }
  }

  /** Again as long as one moves: what one application did may be what another waits for. */
  private runTasks(): void {
    let steps = 0;
    let hasMoved = true;
    while (hasMoved) {
      hasMoved = false;
      for (const task of this.tasks) if (task.step()) hasMoved = true;
      assert(steps++ < MOST_STEPS, `applications of ${this.name} wait for what is always true`);
    }
    if (this.tasks.some((task) => task.isDone)) this.tasks = this.tasks.filter((t) => !t.isDone);
  }
}
