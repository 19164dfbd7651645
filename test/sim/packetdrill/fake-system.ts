/**
 * A stack that does what the test says: packets leave at given times, calls return given results, at once
 * or later. What it is given, it writes down.
 */
import type { CodeVariables } from '../../../src/sim/packetdrill/code-evaluator.ts';
import { Flow } from '../../../src/sim/packetdrill/flow.ts';
import { type LivePacket, readPacket } from '../../../src/sim/packetdrill/live-packet.ts';
import { buildIcmp, buildTcp, buildUdp } from '../../../src/sim/packetdrill/packet-build.ts';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import { type RunReport, runScript } from '../../../src/sim/packetdrill/runner.ts';
import type { PacketAction } from '../../../src/sim/packetdrill/script.ts';
import type {
  CallOutput,
  CallResult,
  CallRun,
  CapturedPacket,
  SystemCall,
  SystemUnderTest,
} from '../../../src/sim/packetdrill/system-under-test.ts';
import { FakeShell } from './fake-shell.ts';

const MS = 1_000_000;

/** The clock does not start at 0: nothing may depend on it. */
export const START_NS = 7_000 * MS;

export interface Performance {
  /** Milliseconds of the script, and the packet as the script would write it, without `>`. */
  readonly packets?: readonly (readonly [number, string])[];
  /** In the order of the calls: name, result, output, when it returns if it has to wait. */
  readonly calls?: readonly (readonly [
    string,
    number,
    (CallOutput | undefined)?,
    (number | undefined)?,
  ])[];
  /** By call number after which they hold. */
  readonly info?: CodeVariables;
  /** The stack's port and the peer's; 8080 and 40000 unless said. */
  readonly ports?: readonly [number, number];
  /** The ISN of the peer, as the script writes it. */
  readonly peerIsn?: number;
}

class FakeRun implements CallRun {
  isDone = false;
  doneNs = 0;
  readonly result: CallResult;

  constructor(result: CallResult) {
    this.result = result;
  }

  finish(nowNs: number): void {
    this.isDone = true;
    this.doneNs = nowNs;
  }
}

interface Later {
  readonly atNs: number;
  readonly what: () => void;
}

export class FakeSystem implements SystemUnderTest {
  nowNs = START_NS;
  readonly shell = new FakeShell();
  readonly injected: LivePacket[] = [];
  readonly requests: SystemCall[] = [];
  private readonly outbound: CapturedPacket[] = [];
  private readonly later: Later[] = [];
  private readonly calls: NonNullable<Performance['calls']>;
  private readonly info: CodeVariables;

  constructor(performance: Performance, flags: string) {
    this.calls = performance.calls ?? [];
    this.info = performance.info ?? {};
    const build = builder(performance, flags);
    for (const [ms, line] of performance.packets ?? []) {
      const bytes = build(line);
      const atNs = START_NS + ms * MS;
      this.later.push({ atNs, what: () => this.outbound.push({ timeNs: atNs, bytes }) });
    }
  }

  run(untilNs: number, isReached: () => boolean): boolean {
    while (!isReached()) {
      const nextNs = Math.min(...this.later.map(({ atNs }) => atNs), Infinity);
      if (nextNs > untilNs) {
        this.nowNs = untilNs;
        return false;
      }
      this.nowNs = Math.max(this.nowNs, nextNs);
      for (const due of this.later.filter(({ atNs }) => atNs === nextNs)) {
        this.later.splice(this.later.indexOf(due), 1);
        due.what();
      }
    }
    return true;
  }

  inject(packet: Uint8Array): void {
    this.injected.push(readPacket(packet.slice()));
  }

  takeOutbound(): CapturedPacket | null {
    return this.outbound.shift() ?? null;
  }

  call(request: SystemCall): CallRun {
    const next = this.calls[this.requests.length];
    this.requests.push(request);
    if (next?.[0] !== request.name) throw new Error(`${request.name}: no call of that name is due`);
    const [, value, out, doneMs] = next;
    const run = new FakeRun(out === undefined ? { value } : { value, out });
    if (doneMs === undefined) run.finish(this.nowNs);
    else {
      const atNs = START_NS + doneMs * MS;
      this.later.push({ atNs, what: () => run.finish(atNs) });
    }
    return run;
  }

  tcpInfo(fd: number): CodeVariables | null {
    return fd < 0 ? null : this.info;
  }
}

/** Builds packets as the stack would send them: those of a peer who looks from the other side. */
function builder(performance: Performance, flags: string): (line: string) => Uint8Array {
  const [local, remote] = performance.ports ?? [8080, 40000];
  const mirror = new Flow('tcp', false, remote, local);
  mirror.learnLocalIsn(performance.peerIsn ?? 0, performance.peerIsn ?? 0);
  mirror.recordStamp(0, 0);
  return (line) => {
    const { events, options } = parseScript('fake', `${flags}\n0 < ${line}`);
    const turned = {
      ...options,
      isTsEcrScaled: true,
      mss: 0,
      localIp: options.remoteIp,
      remoteIp: options.localIp,
    };
    const packet = events[0]!.action as PacketAction;
    if (packet.kind === 'udp') return buildUdp(packet, mirror, turned);
    if (packet.kind === 'icmp') return buildIcmp(packet, mirror, turned);
    const built = buildTcp(packet as never, mirror, turned);
    if (typeof built === 'string') throw new Error(built);
    return built[0]!;
  };
}

/** The script against the performance. */
export function perform(
  text: string,
  performance: Performance = {},
): { readonly report: RunReport; readonly sut: FakeSystem } {
  const flags = /^--.*$/gm.exec(text)?.[0] ?? '';
  const sut = new FakeSystem(performance, flags.includes('ip_version') ? flags : '');
  return { report: runScript(parseScript('x.pkt', text), sut), sut };
}

/** `pass`, or the line and what is wrong, in one string. */
export function verdict(text: string, performance: Performance = {}): string {
  const { result } = perform(text, performance).report;
  if (result.status === 'pass') return 'pass';
  if (result.status === 'unsupported') return `${result.line} unsupported: ${result.reason}`;
  const sides = result.expected === null ? '' : ` [${result.expected}] [${result.actual}]`;
  return `${result.line}: ${result.message}${sides}`;
}

export const SERVER = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
`;
export const PEER = {
  peer: { address: { w0: 0, w1: 0, w2: 0xffff, w3: 0xc0000201 | 0 }, port: 40000 },
};
export const SERVER_CALLS: NonNullable<Performance['calls']> = [
  ['socket', 17],
  ['bind', 0],
  ['listen', 0],
];
/** Seven lines: a listener and a connection, open at 100 ms. */
export const OPEN = `${SERVER}+.1 < S 500:500(0) win 32792 <mss 1000,nop,wscale 7>
+0 > S. 0:0(0) ack 501 <mss 1460,nop,wscale 8>
+0 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
`;
export const SYN_ACK = [
  100,
  'S. 90000:90000(0) ack 501 win 65535 <mss 1460,nop,wscale 8>',
] as const;
export const OPEN_CALLS: NonNullable<Performance['calls']> = [
  ...SERVER_CALLS,
  ['accept', 21, PEER],
];

/** A script that goes on behind the open connection. */
export function afterOpen(
  rest: string,
  packets: NonNullable<Performance['packets']> = [],
  calls: NonNullable<Performance['calls']> = [],
  more: Performance = {},
): string {
  return verdict(OPEN + rest, {
    peerIsn: 500,
    packets: [SYN_ACK, ...packets],
    calls: [...OPEN_CALLS, ...calls],
    ...more,
  });
}
