/**
 * The main job of `npm start`, where the stack is: in a namespace of its own as a child of start.ts, or
 * in start.ts itself when the wire is made of memory.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { errnoName } from '../../src/base/errno.ts';
import { SEC } from '../../src/base/time.ts';
import { ControlServer } from '../../src/live/control-server.ts';
import { onStop, type WorldReport } from '../../src/live/namespace.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { CcFiles } from '../command/cc-files.ts';
import { type CcSpec, ccReporter } from '../command/cc-spec.ts';
import { controlHandlers } from '../command/control-handlers.ts';
import { UdpEchoServer } from '../command/echo-server.ts';
import { EventLoop } from '../command/event-loop.ts';
import { EXIT, Failure, failureOf, report } from '../command/failure.ts';
import { HTTP_PORT, HttpService } from '../command/http-page.ts';
import type { LiveStack } from '../command/live-stack.ts';
import { historyFile } from '../command/nstat.ts';
import { openSmallServices } from '../command/small-services.ts';
import { VERSION } from '../command/version.ts';
import { announce, headlines } from './announce.ts';
import { type DemoRow, rowText, runDemo } from './demo.ts';
import { type Lan, lanEnds } from './lan.ts';
import { LinuxPeer } from './linux-peer.ts';
import type { Peer } from './peer.ts';
import { RemotePeer } from './remote-peer.ts';
import { StackPeer } from './stack-peer.ts';
import { StatusLine } from './status-line.ts';
import type { Tour, WireEnds } from './step.ts';
import { ECHO_PORT, type OpenWorld, openWorld } from './world.ts';

export interface StartOptions {
  readonly report: WorldReport;
  /** On a network that is there; null: on a wire of our own making. */
  readonly lan: Lan | null;
  readonly isDemo: boolean;
  readonly isJson: boolean;
  readonly name: string;
  /** Of each bulk transfer of the demo. */
  readonly bulkBytes: number;
  /** What our own stack's connections use. */
  readonly cc: CcSpec;
}

/** Runs until stopped, or through the demo. Returns the exit code. */
export async function runInside(options: StartOptions): Promise<number> {
  let stopped = (): void => undefined;
  const stop = new Promise<void>((done) => {
    stopped = done;
  });
  onStop(() => stopped());
  const cc = new CcFiles(options.cc.watch, ccReporter('ringway', options.isJson));
  await cc.open(options.cc.words);
  const { live, ends } = openWorld(options.report.world, options.lan, cc);
  let control: ControlServer | null = null;
  try {
    new UdpEchoServer(live.stack, ECHO_PORT);
    const loop = serveTcp(live);
    control = await openControl(live, options);
    await Promise.race([live.settled(), stop]);
    if (options.isDemo) return await demo({ live, ends }, options, loop, stop);
    announce({ live, ends }, options, control);
    const status = new StatusLine(live, process.stdout, !options.isJson);
    await stop;
    status.close();
    return EXIT.OK;
  } finally {
    if (control !== null) rmSync(historyFile(options.name), { force: true });
    control?.close();
    live.close();
  }
}

/** Echo, discard, character generator and a page, all on one event loop. Throws when a port is taken. */
function serveTcp(live: LiveStack): EventLoop {
  const loop = new EventLoop(new SocketApi(live.stack));
  const page = () =>
    `<!doctype html><title>Ringway</title><h1>Ringway ${VERSION}</h1>` +
    `<p>${live.device.name}, ${live.device.mac}, MTU ${live.device.mtu}. Up for ${(live.now() / SEC).toFixed(0)} s.` +
    '<p>TCP: echo 7, discard 9, chargen 19, <a href="/bytes/1000000">a million bytes</a>.\n';
  const opened = [openSmallServices(loop), new HttpService(loop, page).open(HTTP_PORT)];
  for (const result of opened) {
    if (result < 0)
      throw new Failure(errnoName(result), `a TCP port is taken: ${errnoName(result)}`);
  }
  return loop;
}

function peerOf(live: LiveStack, stack: Stack): StackPeer {
  return new StackPeer('Peer', stack, live, new EventLoop(new SocketApi(stack)));
}

/** Without a place for it (a checkout of somebody else) the stack runs all the same. */
async function openControl(live: LiveStack, options: StartOptions): Promise<ControlServer | null> {
  const identity = { name: options.name, version: VERSION, run: randomUUID() };
  try {
    return await ControlServer.open(options.name, controlHandlers(live, identity));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isNoPlace = code === 'EACCES' || code === 'EROFS' || code === 'EPERM';
    if (!isNoPlace && !(options.isDemo && code === 'EADDRINUSE')) throw error;
    if (!options.isDemo) console.error(`ringway: ${message}`);
    return null;
  }
}

// ---- The tour ----

async function demo(
  at: OpenWorld,
  options: StartOptions,
  loop: EventLoop,
  stop: Promise<void>,
): Promise<number> {
  const { world, entry, refused } = options.report;
  if (!options.isJson) console.log([...headlines(options), ''].join('\n'));
  const us = new StackPeer('Ringway', at.live.stack, at.live, loop);
  const other = await otherEnd(at, options.lan);
  const tour: Tour = { us, them: other.peer, ends: other.ends, bulkBytes: options.bulkBytes };
  let isStopped = false;
  const show = (row: DemoRow): void => {
    if (!options.isJson && !isStopped) console.log(rowText(row));
  };
  const rows = await Promise.race([runDemo(tour, show), stop.then(() => null)]);
  other.close();
  if (rows === null) {
    isStopped = true;
    console.error('ringway: the demo was stopped');
    return EXIT.NO;
  }
  const failed = rows.filter((row) => !row.isPassed).length;
  if (options.isJson) console.log(JSON.stringify({ world, entry, refused, steps: rows, failed }));
  else console.log(`\n${rows.length - failed} passed, ${failed} failed`);
  return failed === 0 ? EXIT.OK : EXIT.NO;
}

interface OtherEnd {
  readonly peer: Peer;
  readonly ends: WireEnds;
  close(): void;
}

/** Who the tour is taken with. Throws a Failure. */
async function otherEnd({ live, ends }: OpenWorld, lan: Lan | null): Promise<OtherEnd> {
  if (lan === null) {
    const peer = live.peer === null ? new LinuxPeer() : peerOf(live, live.peer);
    return { peer, ends, close: () => undefined };
  }
  if (lan.peer === null)
    throw new Failure('ERR_USAGE', '--demo: with whom? --peer HOST', EXIT.USAGE);
  const peer = await RemotePeer.connect(lan.peer);
  const shared = lanEnds(lan, await peer.addresses());
  if (shared.v4 !== null || shared.v6 !== null) {
    return { peer, ends: shared, close: () => peer.close() };
  }
  peer.close();
  throw new Failure('ENETUNREACH', `${lan.peer} has no address in a subnet of ours`);
}

/** The child's main program: what start.ts decided is its one argument. */
export async function main(options: StartOptions): Promise<void> {
  try {
    process.exitCode = await runInside(options);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    process.exitCode = report(failure, 'ringway', options.isJson);
  }
}
