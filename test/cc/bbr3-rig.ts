/**
 * One connection of bbr3 over a path in virtual time, and everything it decides, written down: each change of mode, with
 * what it was decided by, and a look at each ACK. The application sends as much as it may, or so much a second, or
 * nothing, and can be told another at any time.
 */
import tap, { type Test } from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { Bbr3 } from '../../src/cc/bbr3.ts';
import { type Bbr3State, MODE, type Mode } from '../../src/cc/bbr3-state.ts';
import { CA_EVENT, type CaEvent, type CaState } from '../../src/cc/ca-state.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import { CC_FLAG } from '../../src/cc/congestion-control.ts';
import { LossSample, RateSample } from '../../src/cc/samples.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import type { Application } from '../../src/sim/application.ts';
import type { SimLink } from '../../src/sim/sim-link.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { tcpWrite } from '../../src/tcp/user-calls.ts';
import { PathRig } from '../tcp/path-rig.ts';

export const MSS = 1448;
/** Ethernet, IPv4 and TCP with timestamps. */
const HEADERS = 66;
const TICK_NS = 1 * MS;

export interface Path {
  readonly mbps: number;
  readonly rttMs: number;
  /** Of the bottleneck's queue, in bandwidth-delay products; at least four frames. */
  readonly buffer: number;
  readonly seed?: number;
  readonly forth?: Partial<LinkSpec>;
  readonly back?: Partial<LinkSpec>;
}

/** A change of mode, at the moment of the decision. */
export interface Change {
  readonly from: Mode;
  readonly to: Mode;
  readonly atNs: number;
  readonly round: number;
  readonly inFlight: number;
  readonly flatRounds: number;
  readonly isFullNow: boolean;
  readonly isReached: boolean;
  readonly maxBw: number;
  readonly lost: number;
  /** The ACK that is being worked through: of one that found a loss it is not complete. */
  readonly sample: RateSample;
}

const copyOf = <T extends object>(to: T, from: T): T => Object.assign(to, from);

class Watched extends Bbr3 {
  readonly changes: Change[] = [];
  readonly losses: LossSample[] = [];
  /** After each ACK; before each loss is told; after each undo. */
  onAck: (rs: RateSample) => void = () => undefined;
  beforeLoss: (loss: LossSample) => void = () => undefined;
  onState: (state: CaState) => void = () => undefined;
  afterUndo: () => void = () => undefined;
  /** Flights that began while the application was the limit. */
  idleStarts = 0;
  private sample = new RateSample();
  private v: CcView | null = null;

  constructor() {
    super();
    const { state } = this;
    const enter = state.enter.bind(state);
    state.enter = (mode) => {
      this.note(state, mode);
      enter(mode);
    };
  }

  private note({ mode: from, model, pipe }: Bbr3State, to: Mode): void {
    const v = this.v!;
    this.changes.push({
      from,
      to,
      atNs: v.nowNs,
      round: model.roundCount,
      inFlight: v.inFlight,
      flatRounds: pipe.flatRounds,
      isFullNow: pipe.isFullNow,
      isReached: pipe.isReached,
      maxBw: model.maxBw,
      lost: v.lost,
      sample: copyOf(new RateSample(), this.sample),
    });
  }

  override init(v: CcView): void {
    this.v = v;
    super.init(v);
  }

  override congControl(v: CcView, rs: RateSample): void {
    copyOf(this.sample, rs);
    super.congControl(v, rs);
    this.onAck(rs);
  }

  override markedLost(v: CcView, loss: LossSample): void {
    this.beforeLoss(loss);
    this.losses.push(copyOf(new LossSample(), loss));
    super.markedLost(v, loss);
  }

  override setState(v: CcView, state: CaState): void {
    super.setState(v, state);
    this.onState(state);
  }

  override undoCwnd(v: CcView): number {
    const cwnd = super.undoCwnd(v);
    this.afterUndo();
    return cwnd;
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    super.cwndEvent(v, event);
    if (event === CA_EVENT.TX_START && v.isAppLimited) this.idleStarts++;
  }
}

/** What the application sends: all that may leave, or bytes a second; 0 is silence. */
export const BULK = Infinity;

export class Bbr3Rig {
  readonly rig: PathRig;
  readonly bbr = new Watched();
  readonly c: TcpConnection;
  readonly path: Path;
  /** Payload bytes a second that the bottleneck carries. */
  readonly link: number;
  /** Pieces that are under way when it is just full. */
  readonly bdp: number;
  private readonly far: { readonly received: number };
  private wanted: number;

  constructor(path: Path, wanted: number = BULK) {
    this.path = path;
    this.wanted = wanted;
    this.link = payload(path.mbps);
    this.bdp = (this.link * path.rttMs * MS) / SEC / MSS;
    const rateBps = path.mbps * 1e6;
    const queueBytes = Math.max(4 * (MSS + HEADERS), path.buffer * this.bdp * (MSS + HEADERS));
    this.rig = new PathRig({
      rateBps,
      delayNs: (path.rttMs * MS) / 2,
      queueBytes,
      seed: path.seed ?? 1,
      ...(path.forth === undefined ? {} : { forth: path.forth }),
      ...(path.back === undefined ? {} : { back: path.back }),
      // The receiver's window is not what these cases are about.
      tcp: { rmemDefault: 16 << 20, rmemMax: 32 << 20, wmemMax: 32 << 20 },
      modules: [{ name: 'watched', flags: CC_FLAG.NON_RESTRICTED, create: () => this.bbr }],
    });
    // What waits to be sent is little, so that an application that falls silent is silent soon.
    const notsentLowat =
      Math.ceil((this.link * Math.max(3 * TICK_NS, this.rttNs / 2)) / SEC) + 4 * MSS;
    const { near, far } = this.rig.open({ congestion: 'watched', notsentLowat });
    this.c = near.connection!;
    this.far = far;
    this.rig.host.run(this.application());
  }

  get state(): Bbr3State {
    return this.bbr.state;
  }

  get view(): CcView {
    return this.c.congestion.view;
  }

  get forth(): SimLink {
    return this.rig.forth;
  }

  get back(): SimLink {
    return this.rig.back;
  }

  get nowNs(): number {
    return this.rig.sim.nowNs;
  }

  get rttNs(): number {
    return this.path.rttMs * MS;
  }

  /** What the application does from now on. */
  send(bytesPerSecond: number): void {
    this.wanted = bytesPerSecond;
  }

  run(ns: number): void {
    this.rig.run(ns);
  }

  /** Runs until it is so; throws when it is not after a time. */
  until(isReached: () => boolean, mostNs: number = 60 * SEC): void {
    if (!this.rig.sim.runUntil(isReached, this.nowNs + mostNs)) {
      throw new Error(`not within ${mostNs / SEC} s`);
    }
  }

  /** Runs until the next change that leads to `mode`, and gives it. */
  enters(mode: Mode, mostNs?: number): Change {
    const { changes } = this.bbr;
    let seen = changes.length;
    const find = (): Change | undefined => {
      for (; seen < changes.length; seen++) if (changes[seen]!.to === mode) return changes[seen];
      return undefined;
    };
    let found: Change | undefined;
    this.until(() => {
      found = find();
      return found !== undefined;
    }, mostNs);
    return found!;
  }

  /** Bytes a second that reach the other application while `ns` pass. */
  goodput(ns: number): number {
    const before = this.far.received;
    this.run(ns);
    return ((this.far.received - before) * SEC) / ns;
  }

  /** Inflight(1.0) in pieces, by a rate: what the path holds, and no less than hosts need to cut and to join. */
  inflightAt(bw: number): number {
    const quantum = Math.max(Math.min(this.view.pacingRate / 1000, 65536) / MSS, 2);
    return Math.max((bw * this.state.minRtt.ns) / SEC / MSS, 3 * quantum, 4);
  }

  /** The modes it was in from `since` on, by name. */
  modesSince(since: number): string[] {
    return this.bbr.changes.slice(since).map(({ to }) => nameOf(to));
  }

  close(): void {
    this.rig.close();
  }

  /** Writes by ticks. Whoever sends all that may leave is refused as soon as enough waits, and tries again. */
  private *application(): Application {
    const block = new Uint8Array(1 << 20);
    let owed = 0;
    for (;;) {
      const { c } = this;
      if (this.wanted === BULK) owed = block.length;
      else owed += (this.wanted * TICK_NS) / SEC;
      const whole = Math.floor(owed);
      if (whole > 0) tcpWrite(c, block.subarray(0, whole));
      owed = this.wanted === BULK ? 0 : owed - whole;
      yield TICK_NS;
    }
  }
}

export function payload(mbps: number): number {
  return ((mbps * 1e6) / 8) * (MSS / (MSS + HEADERS));
}

export function nameOf(mode: Mode): string {
  return Object.keys(MODE).find((name) => MODE[name as keyof typeof MODE] === mode)!;
}

/** Within a share of it. */
export const near = (value: number, of: number, share: number): boolean =>
  Math.abs(value - of) <= share * of;

export interface DraftCase {
  /** The draft's title. */
  readonly title: string;
  readonly paths: readonly Path[];
  /** Bytes a second of the application; without it, all it can. */
  readonly sends?: (path: Path) => number;
  readonly run: (t: Test, r: Bbr3Rig) => void;
}

/** Each case over each of its paths. */
export function play(cases: readonly DraftCase[]): void {
  for (const { title, paths, sends, run } of cases) {
    tap.test(`BBR draft: ${title}`, (t) => {
      for (const path of paths) {
        t.test(`${path.mbps} Mbit/s, ${path.rttMs} ms, ${path.buffer} BDP of buffer`, (t) => {
          const r = new Bbr3Rig(path, sends?.(path) ?? BULK);
          run(t, r);
          r.close();
          t.end();
        });
      }
      t.end();
    });
  }
}
