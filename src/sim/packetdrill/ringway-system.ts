/**
 * The production stack as the system under test: one host in virtual time, and the script at the other end
 * of its cable.
 *
 *     script ── calls ──► SocketApi ─┐                 ┌─► captured, with its time
 *                                    ├─ Stack ─ tun0 ──┤
 *            ── packets ─────────────┘    (SimHost)    └── injected
 *
 * A call that need not wait is done at once; another goes on within the host's turns, as every application
 * does. What calls and packets cause to be sent leaves in the turn that `run` takes.
 */
import { MS } from '../../base/time.ts';
import type { Interface } from '../../net/interface.ts';
import { type Blocking, BlockingCalls } from '../../socket/blocking-calls.ts';
import { SocketApi } from '../../socket/socket-api.ts';
import { Stack } from '../../stack/stack.ts';
import { ANY4, ANY6, isV4 } from '../../wire/address.ts';
import type { SimHost } from '../sim-host.ts';
import { Simulator } from '../simulator.ts';
import type { CodeVariables } from './code-evaluator.ts';
import type { ScriptOptions } from './options.ts';
import { PointToPoint } from './point-to-point.ts';
import { perform } from './ringway-calls.ts';
import { tcpVariables } from './ringway-info.ts';
import { RingwayShell } from './ringway-shell.ts';
import type {
  CallResult,
  CallRun,
  CapturedPacket,
  SystemCall,
  SystemUnderTest,
} from './system-under-test.ts';

/** One connection of a script and its device: enough for the largest buffers that scripts set. */
const MEMORY = { slabBytes: 96 << 20, chunks: 64, cellBytes: 4 << 20 };
/** Ethernet's header and the largest IP packet. */
const MAX_FRAME = 65550;
const FIRST_FD = 3;
/** Scripts start with a clock that has run for a while, as after boot: 0 is nothing's beginning. */
const BOOT_NS = 1000 * MS;

export class RingwaySystem implements SystemUnderTest {
  readonly shell: RingwayShell;
  private readonly sim: Simulator;
  private readonly stack: Stack;
  private readonly host: SimHost;
  private readonly wire: PointToPoint;
  private readonly api: SocketApi;

  constructor(options: ScriptOptions, seed: number = 1) {
    this.sim = new Simulator({ seed, memory: MEMORY, isHashed: false });
    const nic = this.sim.nic('tun0', {
      mtu: options.mtu,
      caps: { maxFrame: MAX_FRAME, txChecksum: true, tso4: true, tso6: true, tsoEcn: true },
    });
    this.wire = new PointToPoint(this.sim.frames, this.sim.clock, nic);
    this.stack = new Stack(this.sim.env('host'), this.sim.frames);
    const iface = this.configure(options, nic);
    this.host = this.sim.addHost('host', this.stack, [nic]);
    this.api = new SocketApi(this.stack, { firstFd: FIRST_FD });
    this.shell = new RingwayShell(this.stack, nic, iface);
    this.sim.run(BOOT_NS);
  }

  get nowNs(): number {
    return this.sim.nowNs;
  }

  run(untilNs: number, isReached: () => boolean): boolean {
    if (this.sim.runUntil(isReached, untilNs)) return true;
    this.sim.run(untilNs);
    return false;
  }

  inject(packet: Uint8Array): void {
    this.wire.send(packet);
  }

  takeOutbound(): CapturedPacket | null {
    return this.wire.next();
  }

  call(request: SystemCall): CallRun {
    this.tick();
    const sys = new BlockingCalls(this.api);
    const call = perform(sys, this.shell.files, request);
    const run = new Run();
    const first = call.next();
    if (first.done === true) run.finish(first.value, this.nowNs);
    else this.host.run(this.rest(call, first.value, run));
    this.host.wake();
    return run;
  }

  tcpInfo(fd: number): CodeVariables | null {
    this.tick();
    return tcpVariables(this.api, fd);
  }

  /** Gives everything back, and asserts that it was everything. */
  close(): void {
    this.tick();
    this.api.closeAll();
    this.stack.close();
    this.sim.end();
  }

  /** What is done between turns is done now. */
  private tick(): void {
    this.stack.env.nowNs = this.nowNs;
  }

  /** A call that has to wait, as an application of the host. */
  private *rest(
    call: Blocking<CallResult>,
    condition: () => boolean,
    run: Run,
  ): Generator<() => boolean, void, void> {
    yield condition;
    const result = yield* call;
    run.finish(result, this.nowNs);
  }

  /** The peer is on the link, at an address of the link layer that is known: nobody is asked for it. */
  private configure(options: ScriptOptions, nic: ReturnType<Simulator['nic']>): Interface {
    const { stack } = this;
    const { localIp, remoteIp, gatewayIp, prefixBits } = options;
    stack.net.config.dadTransmits = 0;
    const iface = stack.addInterface('tun0', nic, {
      linkLocal: false,
      groupReports: false,
    });
    stack.addAddress(iface, localIp, prefixBits);
    stack.addRoute(isV4(localIp) ? ANY4 : ANY6, 0, null, iface);
    for (const peer of [remoteIp, gatewayIp]) {
      iface.neighbours.set(peer, this.wire.peerMac, true);
    }
    return iface;
  }
}

class Run implements CallRun {
  isDone = false;
  doneNs = 0;
  result: CallResult = { value: 0 };

  finish(result: CallResult, nowNs: number): void {
    this.isDone = true;
    this.doneNs = nowNs;
    this.result = result;
  }
}
