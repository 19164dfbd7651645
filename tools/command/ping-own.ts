import { onStop } from '../../src/live/namespace.ts';
import { LiveStack } from './live-stack.ts';
import type { PingPrinter } from './ping-printer.ts';
import type { PingRequest } from './ping-request.ts';
import { type PingEvent, PingRun } from './ping-run.ts';
import type { PingSummary } from './ping-stats.ts';
import type { StackSpec } from './stack-spec.ts';

/** With a stack that lives as long as the ping. A file of its own: most pings do without. */
export async function pingFromOwn(
  spec: StackSpec,
  request: PingRequest,
  printer: PingPrinter,
): Promise<PingSummary> {
  const live = new LiveStack(spec);
  printer.begin();
  try {
    return await new Promise<PingSummary>((done) => {
      const listener = { event: (event: PingEvent) => printer.event(event), done };
      const run = new PingRun(live.stack, live, request, listener);
      onStop(() => run.stop());
      run.start();
    });
  } finally {
    live.close();
  }
}
