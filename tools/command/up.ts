import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { errnoName } from '../../src/base/errno.ts';
import { CaptureFile } from '../../src/live/capture-file.ts';
import { ControlServer } from '../../src/live/control-server.ts';
import type { DeviceReport } from '../../src/live/driver.ts';
import { onStop, runInNamespace } from '../../src/live/namespace.ts';
import { SocketApi } from '../../src/socket/socket-api.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { CcFiles } from './cc-files.ts';
import { CC_OPTIONS, ccReporter, ccSpecOf } from './cc-spec.ts';
import type { Command } from './command.ts';
import { controlHandlers } from './control-handlers.ts';
import { UdpEchoServer } from './echo-server.ts';
import { EventLoop } from './event-loop.ts';
import { EXIT, Failure, usageError } from './failure.ts';
import { HttpService } from './http-page.ts';
import { LeaseFile } from './lease-file.ts';
import { LiveStack, type RunningCapture } from './live-stack.ts';
import { netnsChild } from './netns.ts';
import { historyFile } from './nstat.ts';
import type { Options } from './options.ts';
import { STACK_OPTIONS, stackSpecOf } from './stack-spec.ts';
import { VERSION } from './version.ts';

const DEFAULT_NAME = 'default';
/** What was captured to a file is written so often. */
const CAPTURE_FLUSH_MS = 500;
const NO_SYN_LIMIT =
  'ringway up: SYN floods have no limit in front of the queue: that takes CAP_BPF, Linux 5.8 and a single queue';

export const upCommand: Command = {
  name: 'up',
  usage: '--tap NAME | --packet IFACE | --memory  [--address A/LEN]… [OPTIONS]',
  options: [
    ...STACK_OPTIONS,
    ...CC_OPTIONS,
    {
      name: 'dhcp-lease',
      value: 'FILE',
      help: 'keep the lease there for the next start (with --dhcp)',
    },
    { name: 'echo', value: 'PORT', isRepeatable: true, help: 'answer UDP there as RFC 862 has it' },
    {
      name: 'http',
      value: 'PORT',
      isRepeatable: true,
      help: 'a page there over HTTP, and /bytes/N: N bytes',
    },
    { name: 'capture', value: 'FILE', help: 'write every frame to a pcapng file' },
    { name: 'name', value: 'NAME', help: 'of the control socket (default: default)' },
  ],
  details: `
Runs until SIGINT or SIGTERM, then leaves nothing behind. The other commands talk to it over
./.ringway/NAME.sock, for you only. With -j, prints one JSON object when it is up.`,
  run: up,
};

async function up(options: Options): Promise<number> {
  options.atMost(0);
  const spec = stackSpecOf(options);
  const ccSpec = ccSpecOf(options);
  const netns = options.text('netns');
  if (netns !== undefined && !netnsChild.isInside) return runInNamespace(netnsChild.options(netns));
  const ports = options.list('echo').map((text) => portOf('echo', text));
  const httpPorts = options.list('http').map((text) => portOf('http', text));
  const name = options.text('name') ?? DEFAULT_NAME;
  const isJson = options.has('json');
  // Heard from now on: who interrupts the start-up ends it cleanly too.
  const stop = new Promise<void>((done) => onStop(() => done()));
  let deviceGone = (): void => undefined;
  const gone = new Promise<'gone'>((done) => {
    deviceGone = () => done('gone');
  });
  await ControlServer.checkFree(name);
  const leaseFile = leaseFileOf(options);
  const cc = new CcFiles(ccSpec.watch, ccReporter('ringway up', isJson));
  await cc.open(ccSpec.words);
  // A server knows us by our address: a lease comes with the one that it was given to.
  const mac = spec.mac ?? leaseFile?.mac ?? null;
  const live = new LiveStack(
    { ...spec, mac },
    {
      cc,
      ...(leaseFile === null ? {} : { leaseFile }),
      onDeviceError: (report) => {
        sayDevice(report, isJson);
        if (report.isDetached) deviceGone();
      },
    },
  );
  const closers: (() => void)[] = [() => live.close()];
  try {
    for (const port of ports) new UdpEchoServer(live.stack, port);
    for (const port of httpPorts) serveHttp(live, port);
    const file = options.text('capture');
    if (file !== undefined) closers.push(captureTo(live, file));
    const identity = { name, version: VERSION, run: randomUUID() };
    const control = await ControlServer.open(name, controlHandlers(live, identity));
    closers.push(() => control.close());
    closers.push(() => rmSync(historyFile(name), { force: true })); // of counters that end with us
    const isSettled = await Promise.race([live.settled().then(() => true), stop]);
    if (isSettled === true) say(live, name, ports, isJson);
    const end = await Promise.race([stop, gone]);
    if (end !== 'gone') await live.leave();
    return end === 'gone' ? EXIT.REFUSED : EXIT.OK;
  } finally {
    for (const close of closers.reverse()) close();
  }
}

function leaseFileOf(options: Options): LeaseFile | null {
  const path = options.text('dhcp-lease');
  if (path === undefined) return null;
  if (!options.has('dhcp')) throw usageError('--dhcp-lease: only with --dhcp');
  return new LeaseFile(path);
}

function portOf(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw usageError(`--${option}: ${text} is no port`);
  return port;
}

/** The stack's own sockets: what leaves here is sent by its congestion control. */
function serveHttp(live: LiveStack, port: number): void {
  const loop = new EventLoop(new SocketApi(live.stack));
  const page = () =>
    `<!doctype html><title>Ringway</title><h1>Ringway ${VERSION}</h1>` +
    '<p><a href="/bytes/1000000">A million bytes</a>.\n';
  const result = new HttpService(loop, page).open(port);
  if (result < 0) throw new Failure(errnoName(result), `TCP port ${port} is taken`);
}

function captureTo(live: LiveStack, path: string): () => void {
  const file = new CaptureFile(path, { overwrite: true });
  let running: RunningCapture;
  try {
    running = live.capture(file);
  } catch (error) {
    file.close();
    throw error;
  }
  const timer = setInterval(() => running.writer.flush(), CAPTURE_FLUSH_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    running.end();
    file.close();
    if (running.writer.error !== 0) {
      console.error(`ringway up: ${path}: incomplete, ${running.writer.lost} frames are missing`);
    }
  };
}

function sayDevice(report: DeviceReport, isJson: boolean): void {
  const { message, isDetached } = report;
  if (isJson) console.log(JSON.stringify({ event: isDetached ? 'gone' : 'down', message }));
  else console.error(`ringway up: ${message}`);
}

function say(live: LiveStack, name: string, ports: readonly number[], isJson: boolean): void {
  const { iface, device, facts } = live;
  const addresses = iface.addresses.map((a) => ({
    address: formatAddress(a.address),
    state: a.state,
  }));
  if (isJson) {
    const mac = device.mac.toString();
    const about = { event: 'up', name, pid: process.pid, ifname: iface.name, mac, mtu: device.mtu };
    console.log(JSON.stringify({ ...about, addresses, echo: ports, device: facts ?? 'memory' }));
    return;
  }
  const list = addresses.map((a) =>
    a.state === 'preferred' ? a.address : `${a.address} (${a.state})`,
  );
  if (facts?.synRate === 0 && live.spec.synRate === null) console.error(NO_SYN_LIMIT);
  const echo = ports.length === 0 ? '' : `; UDP echo on ${ports.join(', ')}`;
  console.log(`${name}: ${iface.name} (${device.mac}, mtu ${device.mtu}) ${list.join(' ')}${echo}`);
}
