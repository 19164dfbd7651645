/**
 * Turns stacks in real time: one driver for each thread, any number of hosts on it.
 *
 *     poller (C++)  --turn()-->  rxBatch · receive · fireTimers · drainReady · runOutput · txFlush
 *          ^                                        |
 *          |   microtasks: promise applications run, and what they write kicks
 *          +----------- kick() <--------------------+------------- calls made outside a turn
 *
 * A kick is not a microtask of ours: it wakes the poller, which turns after the microtasks of the
 * callback that kicked (at once, when that callback was a turn) and before libuv may block. So a
 * burst of writes, spread over any number of promise continuations, costs one turn and one flush, and
 * nothing an application wrote waits for the next frame.
 */
import { assert, InvariantError } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import { EIO, ENETDOWN, errnoName } from '../base/errno.ts';
import { NEVER, US } from '../base/time.ts';
import type { Device } from '../link/device.ts';
import type { FrameListener } from '../link/frame-sink.ts';
import type { Host } from '../stack/host.ts';
import { createWords, POLLER_COUNTERS, type PollerCounter, REASON, RESULT, WORD } from './clock.ts';
import { listen, NO_WATCH, Port, Run } from './driven.ts';
import { type NativePoller, openPoller } from './poller.ts';

/** A wake-up from sleep costs tens of µs: a peer that answers sooner than this finds us awake (`npm run bench -- pingpong`). */
const SPIN_NS = 50 * US;
/** Frames a turn takes from one device before timers and applications run. */
const RX_BUDGET = 256;
/** Frames a turn sends of what waited for room. */
const OUTPUT_BUDGET = 1024;

export interface DeviceReport {
  readonly host: Host;
  readonly device: Device;
  /** Positive. ENETDOWN: the link is down and may come back. */
  readonly errno: number;
  readonly message: string;
  /** True when the driver has let go of the device and closes it; the host's other devices go on. */
  readonly isDetached: boolean;
}

export interface HostReport {
  readonly host: Host;
  readonly error: InvariantError;
}

export interface DriverOptions {
  /** How long to poll after the last frame of a busy spell. Default 50 µs; 0 never spins. */
  readonly spinNs?: number;
  /** Never sleep, but yield (as DPDK does): a whole core for the lowest latency. Default false. */
  readonly isPolling?: boolean;
  readonly rxBudget?: number;
  readonly outputBudget?: number;
  /** A device failed. Default: a process warning. Runs inside the turn: do not throw. */
  readonly onDeviceError?: (report: DeviceReport) => void;
  /** A stack broke an invariant of its own and was stopped. Default: the error is thrown. */
  readonly onHostFailure?: (report: HostReport) => void;
}

export class LiveDriver implements FrameListener {
  readonly stats: Counters<PollerCounter> = new Counters(POLLER_COUNTERS);
  private readonly words = createWords();
  private readonly poller: NativePoller;
  private runs: Run[] = [];
  private readonly rxBudget: number;
  private readonly outputBudget: number;
  private readonly onDeviceError: (report: DeviceReport) => void;
  private readonly onHostFailure: (report: HostReport) => void;
  private isInTurn = false;
  private isKicked = false;
  private isClosed = false;
  private isClosing = false;
  private hasLeaving = false;
  /** What an application threw into the turn; thrown again when the turn is complete. */
  private thrown: unknown[] = [];

  constructor(options: DriverOptions = {}) {
    this.rxBudget = options.rxBudget ?? RX_BUDGET;
    this.outputBudget = options.outputBudget ?? OUTPUT_BUDGET;
    this.onDeviceError = options.onDeviceError ?? warnOfDevice;
    this.onHostFailure = options.onHostFailure ?? throwFailure;
    this.poller = openPoller(
      this.words,
      this.stats.values,
      () => this.turn(),
      options.spinNs ?? SPIN_NS,
      options.isPolling ?? false,
    );
  }

  /**
   * Monotonic nanoseconds since the driver was made, read now. A stack's `env.nowNs` is set to it
   * before the stack is configured, so that its first deadlines mean something.
   */
  now(): number {
    this.poller.now();
    return this.words[WORD.NOW]!;
  }

  /** From now on the host gets turns; the first comes before the thread sleeps. Devices it adds later are found. */
  add(host: Host): void {
    assert(!this.isClosed, 'add: the driver is closed');
    assert(this.runOf(host) === undefined, 'add: the host is already driven');
    this.runs.push(new Run(host));
    this.kick();
  }

  /**
   * No more turns for the host; what it wrote is sent first. Inside a turn this happens when the turn
   * is done. The devices are the caller's, who closes them afterwards.
   */
  remove(host: Host): void {
    const run = this.runOf(host);
    if (run === undefined) return;
    run.isLeaving = true;
    this.hasLeaving = true;
    this.endOutside();
  }

  /**
   * To be called by whatever enters a host from outside a turn, before it does: sets the hosts' time
   * (stale since the last turn), and has output and flush run after the microtasks and before the
   * thread sleeps. Inside a turn it costs one comparison, for the turn's own output follows.
   */
  kick(): void {
    if (this.isInTurn || this.isClosed) return;
    const nowNs = this.now();
    for (let i = 0; i < this.runs.length; i++) this.runs[i]!.host.env.nowNs = nowNs;
    if (this.isKicked) return;
    this.isKicked = true;
    this.poller.kick();
  }

  /** A device made of memory got a frame: from another driver or an emulated link, outside our turns. */
  frameArrived(): void {
    this.kick();
  }

  /** The driver keeps the process alive (the default), or not. */
  ref(): void {
    this.poller.ref();
  }

  unref(): void {
    this.poller.unref();
  }

  /** Idempotent. Removes all hosts and lets the process end; inside a turn, when the turn is done. */
  close(): void {
    if (this.isClosed) return;
    this.isClosing = true;
    this.hasLeaving = true;
    for (const run of this.runs) run.isLeaving = true;
    this.endOutside();
  }

  /** Hosts leave at the end of a turn. Outside of one there is nothing to wait for but their output. */
  private endOutside(): void {
    if (this.isInTurn) return;
    this.isInTurn = true;
    for (const run of this.runs) {
      if (run.isLeaving && !run.isStopped) this.finish(run);
    }
    this.endTurn();
  }

  /** What was asked for meanwhile, by applications or by those who were told of a failure. */
  private endTurn(): void {
    this.isInTurn = false;
    if (this.hasLeaving) {
      for (const run of this.runs) if (run.isLeaving) this.stop(run);
      this.runs = this.runs.filter((run) => !run.isLeaving);
      this.hasLeaving = false;
    }
    if (this.isClosing) {
      this.isClosed = true;
      this.poller.close();
    }
    if (this.thrown.length > 0) this.rethrow();
  }

  // ---- The turn ----

  private turn(): void {
    const { words } = this;
    const reasons = words[WORD.REASONS]! | 0;
    const readable = words[WORD.READABLE]! | 0;
    this.isInTurn = true;
    this.isKicked = false;
    let received = 0;
    if ((reasons & REASON.ERROR) !== 0) this.collectErrors();
    for (let i = 0; i < this.runs.length; i++) {
      received += this.turnOne(this.runs[i]!, readable);
    }
    this.setDeadline();
    words[WORD.RESULT] =
      (received > 0 ? RESULT.WORKED : 0) | (this.thrown.length > 0 ? RESULT.MORE : 0);
    this.endTurn();
  }

  /** Returns the frames received. What is thrown on the way stops the host, or waits until the turn is done. */
  private turnOne(run: Run, readable: number): number {
    if (run.isStopped) return 0;
    const { host } = run;
    let received = 0;
    host.env.nowNs = this.words[WORD.NOW]!;
    try {
      if (run.ports.length !== host.devices.length) this.adopt(run);
      received = this.receive(run, readable);
      host.fireTimers();
      host.drainReady();
    } catch (error) {
      this.failed(run, error);
    }
    // An application's exception must not hold back what others have to send.
    if (!run.isStopped) this.finish(run);
    return received;
  }

  private receive(run: Run, readable: number): number {
    const { host, ports } = run;
    let received = 0;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i]!;
      if (port.isGone || !this.mayHaveFrames(port, readable)) continue;
      const stallsBefore = port.stalls();
      const frames = port.device.rxBatch(this.rxBudget);
      if (frames > 0) {
        received += frames;
        host.receive(i, frames);
      } else if (frames < 0) this.deviceFailed(run, port, -frames);
      this.setStalled(port, frames === 0 && port.stalls() > stallsBefore);
    }
    return received;
  }

  /** The second half of a turn: from what applications wrote to frames on their way. */
  private finish(run: Run): void {
    try {
      run.host.runOutput(this.outputBudget);
      for (let i = 0; i < run.ports.length; i++) {
        this.flush(run, run.ports[i]!);
        this.followLink(run, run.ports[i]!);
      }
    } catch (error) {
      this.failed(run, error);
    }
  }

  /** Its fd says so; or the device itself, when it is made of memory or delays what it got. */
  private mayHaveFrames(port: Port, readable: number): boolean {
    if (port.isStalled) return true;
    if (port.watch !== NO_WATCH && (readable & (1 << port.watch)) !== 0) return true;
    return port.device.nextDeadlineNs() <= this.words[WORD.NOW]!;
  }

  /**
   * A device that finds no room leaves its frames in the kernel, whose fd stays readable: waiting for it
   * would be a busy loop. What frees chunks is an application that reads, which kicks; middleware that
   * delays frames has a deadline.
   */
  private setStalled(port: Port, isStalled: boolean): void {
    if (!port.isGone && port.noteStall(isStalled)) this.setInterest(port);
  }

  private flush(run: Run, port: Port): void {
    const before = port.device.tx.inFlight;
    if (before === 0 && !port.isWritableWanted) return;
    const left = port.device.txFlush();
    if (port.isGone) return; // what still reached it was dropped and counted
    if (left < 0) this.deviceFailed(run, port, -left);
    else if (port.noteFlush(before, left)) this.setInterest(port);
  }

  private setInterest(port: Port): void {
    if (port.watch === NO_WATCH) return;
    this.poller.setInterest(port.watch, !port.isStalled, port.isWritableWanted);
  }

  /** When the next turn is wanted. Kept in its word all the way: a local that may be NEVER is boxed. */
  private setDeadline(): void {
    const { words } = this;
    words[WORD.DEADLINE] = NEVER;
    for (let i = 0; i < this.runs.length; i++) {
      const run = this.runs[i]!;
      if (run.isStopped) continue;
      const hostNs = run.host.nextDeadlineNs();
      if (hostNs < words[WORD.DEADLINE]!) words[WORD.DEADLINE] = hostNs;
      for (let j = 0; j < run.ports.length; j++) {
        const port = run.ports[j]!;
        if (port.isGone) continue;
        if (port.isRoomBack) words[WORD.DEADLINE] = 0;
        if (port.linkCheckNs < words[WORD.DEADLINE]!) words[WORD.DEADLINE] = port.linkCheckNs;
        if (port.retryNs < words[WORD.DEADLINE]!) words[WORD.DEADLINE] = port.retryNs;
      }
    }
  }

  // ---- Devices ----

  /** Hosts only ever append devices: what is new gets its fd watched. */
  private adopt(run: Run): void {
    const { devices } = run.host;
    for (let i = run.ports.length; i < devices.length; i++) {
      const port = new Port(devices[i]!, this.words);
      run.ports.push(port);
      if (port.below === null) listen(port.device, this);
      else {
        const errno = port.watchBy(this.poller);
        if (errno !== 0) this.deviceFailed(run, port, errno);
      }
    }
  }

  private stop(run: Run): void {
    run.isStopped = true;
    for (const port of run.ports) this.letGo(port);
  }

  private letGo(port: Port): void {
    port.isGone = true;
    if (port.watch !== NO_WATCH) port.unwatch(this.poller);
    else listen(port.device, null);
  }

  /** A device that is gone is let go, reported and closed; of a link that is down `isUp` tells. */
  private deviceFailed(run: Run, port: Port, errno: number): void {
    if (errno === ENETDOWN || port.isGone) return;
    this.letGo(port);
    if (run.isLeaving) return; // its owner is closing it
    this.report(run, port, errno, 'is gone');
    port.device.close(); // so that nothing delayed in it stays due
  }

  private followLink(run: Run, port: Port): void {
    if (port.isGone) return;
    if (port.linkCheckNs <= this.words[WORD.NOW]!) {
      const result = port.below!.refreshLink();
      if (result < 0) this.deviceFailed(run, port, -result);
    }
    if (port.noteLink() && !run.isLeaving) this.report(run, port, ENETDOWN, 'is down');
  }

  private report(run: Run, port: Port, errno: number, what: string): void {
    const { device, isGone: isDetached } = port;
    const message = `device ${device.name} ${what} (${errnoName(errno)})`;
    this.onDeviceError({ host: run.host, device, errno, message, isDetached });
  }

  /** Fds that kept failing although their devices found nothing wrong. */
  private collectErrors(): void {
    for (const run of this.runs) {
      for (const port of run.ports) {
        const errno = port.watch === NO_WATCH ? 0 : this.poller.takeError(port.watch);
        if (errno !== 0) this.deviceFailed(run, port, errno === ENETDOWN ? EIO : errno);
      }
    }
  }

  // ---- Failures ----

  private failed(run: Run, error: unknown): void {
    if (!(error instanceof InvariantError)) {
      this.thrown.push(error);
      return;
    }
    this.stop(run);
    try {
      this.onHostFailure({ host: run.host, error });
    } catch (second) {
      this.thrown.push(second);
    }
  }

  /** One exception surfaces from this turn, each other one from a callback of its own. */
  private rethrow(): void {
    const [first, ...others] = this.thrown;
    this.thrown = [];
    for (const error of others) {
      queueMicrotask(() => {
        throw error;
      });
    }
    throw first;
  }

  private runOf(host: Host): Run | undefined {
    return this.runs.find((run) => run.host === host);
  }
}

function warnOfDevice(report: DeviceReport): void {
  process.emitWarning(report.message, { code: errnoName(report.errno) });
}

function throwFailure(report: HostReport): void {
  throw report.error;
}
