/** The tour: every step, a table of what passed, and whether all did. */
import type { Ends, Step, StepResult, Tour } from './step.ts';
import { httpSteps } from './steps/http.ts';
import { pingSteps } from './steps/ping.ts';
import { largePingSteps } from './steps/ping-large.ts';
import { udpSteps } from './steps/udp.ts';

/** In this order; what a later part of the stack can do gets a file of its own. */
const STEPS: readonly Step[] = [...pingSteps, ...largePingSteps, ...udpSteps, ...httpSteps];

export interface DemoRow extends StepResult {
  readonly title: string;
}

export async function runDemo(tour: Tour, onRow: (row: DemoRow) => void): Promise<DemoRow[]> {
  const rows: DemoRow[] = [];
  for (const step of STEPS) {
    const ends = tour.ends[step.family];
    if (ends === null) continue;
    const row = { title: step.title(tour, ends), ...(await runStep(step, tour, ends)) };
    rows.push(row);
    onRow(row);
  }
  return rows;
}

/** A step that throws has failed; the others still run. */
async function runStep(step: Step, tour: Tour, ends: Ends): Promise<StepResult> {
  try {
    return await step.run(tour, ends);
  } catch (error) {
    return { isPassed: false, measured: error instanceof Error ? error.message : String(error) };
  }
}

export function rowText(row: DemoRow): string {
  return `${row.isPassed ? 'passed' : 'FAILED'}  ${row.title.padEnd(50)}  ${row.measured}`;
}
