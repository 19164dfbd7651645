import { controlCall } from '../../src/live/control-client.ts';
import { onStop, runInNamespace } from '../../src/live/namespace.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import { netnsChild } from './netns.ts';
import type { Options } from './options.ts';
import { PingPrinter } from './ping-printer.ts';
import { PING_OPTIONS, type PingRequest, pingRequestOf } from './ping-request.ts';
import type { PingEvent } from './ping-run.ts';
import type { PingSummary } from './ping-stats.ts';
import { hasDevice, STACK_OPTIONS, stackSpecOf } from './stack-spec.ts';

/** iputils: 2 is everything but replies and none. */
const PING_ERROR = 2;

export const pingCommand: Command = {
  name: 'ping',
  usage: '[OPTIONS] ADDRESS',
  options: [
    ...PING_OPTIONS,
    { name: 'name', value: 'NAME', help: 'the running stack to ping from' },
    ...STACK_OPTIONS,
  ],
  details: `
Without a device, the stack that is running in this folder sends (\`ringway up\`, \`npm start\`). With
--packet IFACE --address A/LEN (or --tap) ping has a stack of its own for as long as it runs.
Exits 0 when replies came, 1 when none came, 2 otherwise. SIGINT prints the summary.`,
  failureExit: PING_ERROR,
  run: ping,
};

async function ping(options: Options): Promise<number> {
  const request = pingRequestOf(options);
  const isOwn = hasDevice(options);
  if (!isOwn) refuseStackOptions(options);
  const netns = options.text('netns');
  if (netns !== undefined && !netnsChild.isInside) return runInNamespace(netnsChild.options(netns));
  const printer = new PingPrinter(request, {
    isJson: options.has('json'),
    isQuiet: options.has('quiet'),
    hasTimes: options.has('timestamps'),
  });
  const summary = isOwn
    ? await (await import('./ping-own.ts')).pingFromOwn(stackSpecOf(options), request, printer)
    : await pingFromRunning(options, request, printer);
  return exitOf(printer.end(summary), request, summary);
}

function refuseStackOptions(options: Options): void {
  for (const { name } of STACK_OPTIONS) {
    if (options.has(name)) throw usageError(`--${name} goes with --packet, --tap or --memory`);
  }
}

async function pingFromRunning(
  options: Options,
  request: PingRequest,
  printer: PingPrinter,
): Promise<PingSummary> {
  const events = printer.wantsSent ? 'all' : printer.isSilent ? 'refused' : 'shown';
  const call = await controlCall(
    options.text('name'),
    { op: 'ping', ...request, events },
    { event: (event) => printer.event(event as PingEvent) },
  );
  printer.begin();
  onStop(() => call.cancel());
  return (await call.result) as PingSummary;
}

/** With -c and -w: as many replies as asked for, or it is a 1. */
function exitOf(isRefused: boolean, request: PingRequest, summary: PingSummary): number {
  if (isRefused) return PING_ERROR;
  const wanted = request.deadlineNs > 0 && request.count > 0 ? request.count : 1;
  return summary.received >= wanted ? EXIT.OK : EXIT.NO;
}
