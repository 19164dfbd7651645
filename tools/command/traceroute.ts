import { controlCall } from '../../src/live/control-client.ts';
import { onStop } from '../../src/live/namespace.ts';
import { isV4 } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import type { Command } from './command.ts';
import { EXIT } from './failure.ts';
import type { Options } from './options.ts';
import { TRACE_OPTIONS, type TraceRequest, traceRequestOf } from './traceroute-request.ts';
import type { TraceEvent, TraceSummary } from './traceroute-run.ts';

export const tracerouteCommand: Command = {
  name: 'traceroute',
  usage: '[OPTIONS] ADDRESS',
  options: [
    ...TRACE_OPTIONS,
    { name: 'name', value: 'NAME', help: 'the running stack to ask from' },
  ],
  details: `
Exits 0 when the destination answered, 1 when it did not.`,
  run: traceroute,
};

async function traceroute(options: Options): Promise<number> {
  const request = traceRequestOf(options);
  const isJson = options.has('json');
  const printer = new TracePrinter(request);
  const events: TraceEvent[] = [];
  const call = await controlCall(
    options.text('name'),
    { op: 'traceroute', ...request },
    {
      event: (event) => {
        events.push(event as TraceEvent);
        if (!isJson) process.stdout.write(printer.event(event as TraceEvent));
      },
    },
  );
  if (!isJson) process.stdout.write(printer.head());
  onStop(() => call.cancel());
  let summary: TraceSummary;
  try {
    summary = (await call.result) as TraceSummary;
  } finally {
    if (!isJson) process.stdout.write(printer.end());
  }
  if (isJson) console.log(JSON.stringify(traceJson(request, events, summary)));
  return summary.isReached ? EXIT.OK : EXIT.NO;
}

/** Text as Linux's traceroute -n has it. */
export class TracePrinter {
  private readonly request: TraceRequest;
  private ttl = 0;
  private from = '';

  constructor(request: TraceRequest) {
    this.request = request;
  }

  head(): string {
    const { destination, maxTtl } = this.request;
    const text = destination.split('%')[0]!;
    const address = parseAddress(text);
    const bytes = address !== null && isV4(address) ? 60 : 80;
    return `traceroute to ${destination} (${text}), ${maxTtl} hops max, ${bytes} byte packets`;
  }

  event({ ttl, from, rttNs, mark }: TraceEvent): string {
    let text = '';
    if (ttl !== this.ttl) {
      this.ttl = ttl;
      this.from = '';
      text = `\n${String(ttl).padStart(2)} `;
    }
    if (from === '') return `${text} *`;
    if (from !== this.from) text += ` ${from}`;
    this.from = from;
    return `${text}  ${(rttNs / 1e6).toFixed(3)} ms${mark === '' ? '' : ` ${mark}`}`;
  }

  end(): string {
    return '\n';
  }
}

function traceJson(
  request: TraceRequest,
  events: readonly TraceEvent[],
  summary: TraceSummary,
): object {
  const hops = new Map<number, object[]>();
  for (const { ttl, from, rttNs, mark } of events) {
    const probes = hops.get(ttl) ?? [];
    const answer = { from, time: rttNs / 1e6, ...(mark === '' ? {} : { mark }) };
    probes.push(from === '' ? {} : answer);
    hops.set(ttl, probes);
  }
  const list = [...hops].map(([ttl, probes]) => ({ ttl, probes }));
  return { destination: request.destination, reached: summary.isReached, hops: list };
}
