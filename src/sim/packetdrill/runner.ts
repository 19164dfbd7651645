/**
 * Runs a script against a stack in virtual time, event by event.
 *
 *     inbound packet, call, command, code    wait until it is due, then do it
 *     outbound packet                        let the stack run until a packet of the flow appears
 *
 * One blocking call may be under way meanwhile. What `%{ }%` blocks ask is written down at their time and
 * evaluated after the script has passed.
 */
import { SEC } from '../../base/time.ts';
import { TCP_FLAG } from '../../wire/tcp.ts';
import { checkCall, RETURNS_FD } from './call-check.ts';
import { buildCall } from './call-request.ts';
import { CodeSession, type CodeVariables } from './code-evaluator.ts';
import { Endpoints } from './endpoints.ts';
import { Arguments } from './expressions.ts';
import type { Flow } from './flow.ts';
import { type LivePacket, readPacket } from './live-packet.ts';
import { buildIcmp, buildTcp, buildUdp } from './packet-build.ts';
import { comparePacket, type Difference } from './packet-compare.ts';
import { packetText } from './packet-text.ts';
import {
  type CallAction,
  type CodeAction,
  type CommandAction,
  type PacketAction,
  type Script,
  ScriptError,
  type ScriptEvent,
} from './script.ts';
import { joinSegments } from './segment-joiner.ts';
import { runShell } from './shell.ts';
import type { CallRun, SystemCall, SystemUnderTest } from './system-under-test.ts';
import { ANY_TIME_NS, type Due, Timeline } from './timing.ts';
import { findUnsupported } from './unsupported.ts';

export type RunResult =
  | { readonly status: 'pass' }
  | RunFailure
  | { readonly status: 'unsupported'; readonly line: number; readonly reason: string };

export interface RunFailure {
  readonly status: 'fail';
  readonly line: number;
  readonly message: string;
  /** Side by side, where there are two sides. */
  readonly expected: string | null;
  readonly actual: string | null;
}

export interface RunReport {
  readonly result: RunResult;
  /** Mismatches that the script calls non-fatal. */
  readonly warnings: readonly RunFailure[];
  readonly printed: readonly string[];
}

/** Ends a run: what became of it. */
class Stop extends Error {
  override readonly name = 'Stop';
  readonly result: RunResult;

  constructor(result: RunResult) {
    super(result.status);
    this.result = result;
  }
}

/** A call that has not returned. */
interface Outstanding {
  readonly call: CallAction;
  readonly args: Arguments;
  readonly request: SystemCall;
  readonly run: CallRun;
  readonly due: Due;
}

/** A packet of the flow and when it left. */
interface Seen {
  readonly live: LivePacket;
  readonly timeNs: number;
}

/** Another call waits this long for a blocking one to return. */
const OUTSTANDING_NS = SEC;
const never = (): boolean => false;

export function runScript(script: Script, sut: SystemUnderTest): RunReport {
  const unsupported = findUnsupported(script);
  if (unsupported !== null) {
    return { result: { status: 'unsupported', ...unsupported }, warnings: [], printed: [] };
  }
  if (script.options.isDryRun) return { result: { status: 'pass' }, warnings: [], printed: [] };
  return new Runner(script, sut).run();
}

class Runner {
  private readonly script: Script;
  private readonly sut: SystemUnderTest;
  private readonly endpoints: Endpoints;
  private readonly fds = new Map<number, number>();
  private timeline: Timeline;
  private startNs = 0;
  private outstanding: Outstanding | null = null;
  private readonly asked: { readonly block: CodeAction; readonly variables: CodeVariables }[] = [];
  private readonly warnings: RunFailure[] = [];
  private readonly code = new CodeSession();

  constructor(script: Script, sut: SystemUnderTest) {
    this.script = script;
    this.sut = sut;
    this.endpoints = new Endpoints(script.options);
    this.timeline = new Timeline(script.options, sut.nowNs);
  }

  run(): RunReport {
    let result = this.resultOf(() => this.play());
    const { cleanup } = this.script;
    if (cleanup !== null) {
      const last = this.resultOf(() => this.command(cleanup));
      if (result.status === 'pass') result = last;
    }
    return { result, warnings: this.warnings, printed: this.code.printed };
  }

  private resultOf(what: () => void): RunResult {
    try {
      what();
      return { status: 'pass' };
    } catch (error) {
      if (error instanceof Stop) return error.result;
      if (!(error instanceof ScriptError)) throw error;
      return failure(error.at.line, error.message, null, null);
    }
  }

  private play(): void {
    const { init, events } = this.script;
    if (init !== null) this.command(init);
    this.startNs = this.sut.nowNs;
    this.timeline = new Timeline(this.script.options, this.startNs);
    for (const event of events) this.event(event);
    this.advance(this.sut.nowNs);
    const { outstanding } = this;
    if (outstanding !== null) this.fail(outstanding.call.at.line, 'the call has not returned');
    this.evaluate();
  }

  private event(event: ScriptEvent): void {
    const due = this.timeline.due(event);
    const { action } = event;
    if ('isInbound' in action && !action.isInbound) this.expectPacket(action, due);
    else {
      this.advance(due.fromNs);
      if (action.kind === 'call') this.awaitOutstanding();
      const late = this.timeline.lateness(due, this.sut.nowNs);
      if (late !== null) this.fail(action.at.line, late);
      if (action.kind === 'call') this.call(action, due);
      else if (action.kind === 'command') this.command(action);
      else if (action.kind === 'code') this.ask(action);
      else this.inject(action);
    }
    this.timeline.done(event, due, this.sut.nowNs);
  }

  /** Lets the stack run, and looks whether the blocking call has returned. */
  private advance(untilNs: number, isReached: () => boolean = never): boolean {
    const wasReached = this.sut.run(Math.max(untilNs, this.sut.nowNs), isReached);
    const { outstanding } = this;
    if (outstanding?.run.isDone === true) {
      this.outstanding = null;
      this.returned(outstanding);
    }
    return wasReached;
  }

  // ---- packets ----

  private inject(packet: PacketAction): void {
    const { options } = this.script;
    const flow = packet.kind === 'tcp' ? this.endpoints.forInbound() : this.flowFor(packet.at.line);
    let packets: readonly Uint8Array[] | string;
    if (packet.kind === 'tcp') packets = buildTcp(packet, flow, options);
    else if (packet.kind === 'udp') packets = [buildUdp(packet, flow, options)];
    else packets = [buildIcmp(packet, flow, options)];
    if (typeof packets === 'string') this.fail(packet.at.line, packets);
    for (const bytes of packets) this.sut.inject(bytes);
    this.advance(this.sut.nowNs);
  }

  private flowFor(line: number): Flow {
    return this.endpoints.tracked ?? this.fail(line, 'there is no socket that it could be for');
  }

  private expectPacket(packet: PacketAction, due: Due): void {
    const { line } = packet.at;
    const untilNs = this.timeline.giveUpNs(due, this.sut.nowNs);
    const first = this.nextPacket(packet, untilNs);
    if (first === null) {
      const message = `no packet came until ${this.timeline.text(this.sut.nowNs)}`;
      this.mismatch('packet', failure(line, message, packetText(packet), 'nothing'));
      return;
    }
    const flow = this.flowFor(line);
    this.learn(packet, first.live, flow);
    const seen = this.joined(packet, first, untilNs);
    const elapsedNs = this.timeline.elapsedNs(seen.timeNs);
    const wrong = comparePacket(packet, seen.live, flow, this.script.options, elapsedNs);
    if (wrong !== null) this.differs('packet', line, wrong);
    const off = this.timeline.offTime(due, seen.timeNs);
    if (off !== null) this.mismatch('packet', failure(line, off, null, null));
  }

  private learn(packet: PacketAction, { transport }: LivePacket, flow: Flow): void {
    if (transport.kind !== 'tcp' && transport.kind !== 'udp') return;
    flow.learnPorts(transport.srcPort, transport.dstPort);
    if (transport.kind !== 'tcp' || packet.kind !== 'tcp') return;
    const areSyn = (transport.flags & packet.flags & TCP_FLAG.SYN) !== 0;
    if (areSyn) flow.learnLocalIsn(packet.seq.start, transport.seq);
  }

  /** `first`, or all of the burst that it begins, up to as much text as the line has. */
  private joined(packet: PacketAction, first: Seen, untilNs: number): Seen {
    if (packet.kind !== 'tcp' || this.script.options.isStrictSegments) return first;
    let seen = first;
    const pieceLen = textLen(first.live);
    const wantedLen = packet.seq.len;
    while (pieceLen > 0 && textLen(seen.live) < wantedLen) {
      const next = this.nextPacket(packet, untilNs);
      const { line } = packet.at;
      if (next === null) this.differsWith(packet, seen.live, line, 'the burst ends too early');
      const both = joinSegments(seen.live, next.live, pieceLen, wantedLen);
      if (typeof both === 'string') this.differsWith(packet, next.live, line, both);
      seen = { live: both, timeNs: next.timeNs };
    }
    return seen;
  }

  /** Fails with the packet at which a burst broke, shown against the line. */
  private differsWith(packet: PacketAction, live: LivePacket, line: number, why: string): never {
    const { options } = this.script;
    const found = comparePacket(packet, live, this.flowFor(line), options, 0);
    throw new Stop(failure(line, why, packetText(packet), found?.actual ?? packetText(packet)));
  }

  /** The next packet that has to be compared with `expected`; the others are dropped. */
  private nextPacket(expected: PacketAction, untilNs: number): Seen | null {
    let seen: Seen | null = null;
    const look = (): boolean => {
      seen = this.takePacket(expected);
      return seen !== null;
    };
    this.advance(untilNs, look);
    return seen;
  }

  private takePacket(expected: PacketAction): Seen | null {
    for (;;) {
      const captured = this.sut.takeOutbound();
      if (captured === null) return null;
      const live = readPacket(captured.bytes);
      if (this.endpoints.isOurs(live, expected)) return { live, timeNs: captured.timeNs };
    }
  }

  // ---- calls ----

  private call(call: CallAction, due: Due): void {
    const { file, options } = this.script;
    const args = new Arguments(file, call, options, this.fds);
    const request = buildCall(args);
    this.endpoints.callStarts(request);
    const run = this.sut.call(request);
    const started: Outstanding = { call, args, request, run, due };
    this.advance(this.sut.nowNs);
    if (!run.isDone && due.returnNs !== null) {
      this.outstanding = started;
      return;
    }
    // Not said to block: should it, the events after it will be late.
    if (!run.isDone) this.sut.run(this.sut.nowNs + ANY_TIME_NS, () => run.isDone);
    if (!run.isDone) this.fail(call.at.line, 'the call does not return');
    this.returned(started);
  }

  /** One blocking call at a time: another one waits for it, for a while. */
  private awaitOutstanding(): void {
    const { outstanding } = this;
    if (outstanding === null) return;
    this.advance(this.sut.nowNs + OUTSTANDING_NS, () => outstanding.run.isDone);
    if (this.outstanding === null) return;
    this.fail(outstanding.call.at.line, 'the call still blocks when the next one is made');
  }

  private returned({ call, args, request, run, due }: Outstanding): void {
    const { line } = call.at;
    const off = this.timeline.offReturn(due, run.doneNs);
    if (off !== null) this.mismatch('syscall', failure(line, off, null, null));
    const { timeline, startNs } = this;
    const time = { startNs, allowedNs: (ns: number) => timeline.allowedNs(ns) };
    const wrong = checkCall(args, run.result, time);
    if (wrong !== null)
      this.differs('syscall', line, { ...wrong, what: `${call.name}: ${wrong.what}` });
    const { value, out } = run.result;
    if (value < 0) return;
    this.endpoints.callSucceeded(request, value, out?.peer);
    this.nameFds(call, args, run);
  }

  /** Numbers that the script uses for the descriptors it was given, or gives up. */
  private nameFds(call: CallAction, args: Arguments, run: CallRun): void {
    const { value, out } = run.result;
    if (RETURNS_FD.has(call.name) && call.result.kind !== 'ellipsis') {
      this.fds.set(args.valueOf(call.result), value);
    }
    if (call.name === 'close') this.fds.delete(args.number(0));
    if (call.name !== 'pipe' || out?.fds === undefined) return;
    for (const [i, item] of args.list(0).entries()) {
      const fd = out.fds[i];
      if (fd !== undefined) this.fds.set(args.valueOf(item), fd);
    }
  }

  // ---- commands and code ----

  private command(command: CommandAction): void {
    const outcome = runShell(command.text, this.sut.shell);
    const { line } = command.at;
    if (outcome.kind === 'failed') this.fail(line, outcome.what);
    if (outcome.kind === 'unsupported') {
      throw new Stop({ status: 'unsupported', line, reason: outcome.what });
    }
    this.advance(this.sut.nowNs);
  }

  private ask(block: CodeAction): void {
    const fd = this.endpoints.trackedFd;
    const variables = fd === null ? null : this.sut.tcpInfo(fd);
    if (variables === null) this.fail(block.at.line, 'there is no socket to ask');
    this.asked.push({ block, variables });
  }

  private evaluate(): void {
    for (const { block, variables } of this.asked) {
      const wrong = this.code.run(block, variables);
      if (wrong !== null) this.fail(wrong.line, wrong.what);
    }
  }

  // ---- failing ----

  private differs(kind: 'packet' | 'syscall', line: number, wrong: Difference): void {
    const { what, expected, actual } = wrong;
    this.mismatch(kind, failure(line, `${what} differs`, expected, actual));
  }

  private mismatch(kind: 'packet' | 'syscall', found: RunFailure): void {
    if (!this.script.options.nonFatal.has(kind)) throw new Stop(found);
    this.warnings.push(found);
  }

  private fail(line: number, message: string): never {
    throw new Stop(failure(line, message, null, null));
  }
}

const failure = (
  line: number,
  message: string,
  expected: string | null,
  actual: string | null,
): RunFailure => ({ status: 'fail', line, message, expected, actual });

const textLen = ({ transport }: LivePacket): number =>
  transport.kind === 'tcp' ? transport.len : 0;
