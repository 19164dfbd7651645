import { HTTP_PORT } from '../../command/http-page.ts';
import { type Fetched, hashOfPattern } from '../fetched.ts';
import type { Family, Step, StepResult, Tour } from '../step.ts';

const SMALL = 100_000;
/** The peer's servers: one port each, which the last one may not have back yet. */
const THEIR_PORT = 8080;

function judge(f: Fetched, wanted: number): StepResult {
  if (f.status !== 200 || f.note !== '')
    return { isPassed: false, measured: `status ${f.status} ${f.note}` };
  if (f.bytes !== wanted) return { isPassed: false, measured: `${f.bytes} of ${wanted} bytes` };
  if (f.sha256 !== hashOfPattern(wanted))
    return { isPassed: false, measured: `${wanted} bytes, another SHA-256` };
  const speed =
    wanted === SMALL
      ? `${f.ms.toFixed(1)} ms`
      : `${((f.bytes * 8) / f.ms / 1e6).toFixed(2)} Gbit/s`;
  return { isPassed: true, measured: `${f.bytes} bytes, SHA-256 right, ${speed}` };
}

/** From our server. */
function inStep(family: Family, size: (tour: Tour) => number, what: string): Step {
  return {
    family,
    title: ({ them }, { ours }) => `${them.name} → HTTP of ${ours}, ${what}`,
    run: async (tour, { ours }) => {
      const bytes = size(tour);
      return judge(await tour.them.fetch(ours, HTTP_PORT, `/bytes/${bytes}`), bytes);
    },
  };
}

/** From the peer's server. */
function outStep(family: Family, size: (tour: Tour) => number, what: string, port: number): Step {
  return {
    family,
    title: ({ us }, { theirs }) => `${us.name} → HTTP of ${theirs}, ${what}`,
    run: async (tour, { theirs }) => {
      const bytes = size(tour);
      const server = await tour.them.serveHttp(theirs, port);
      try {
        return judge(await tour.us.fetch(theirs, port, `/bytes/${bytes}`), bytes);
      } finally {
        server.close();
      }
    },
  };
}

const small = () => SMALL;
const bulk = (tour: Tour) => tour.bulkBytes;

export const httpSteps: readonly Step[] = [
  inStep('v4', small, 'a page'),
  inStep('v6', small, 'a page'),
  outStep('v4', small, 'a page', THEIR_PORT),
  outStep('v6', small, 'a page', THEIR_PORT + 1),
  inStep('v4', bulk, 'much of it'),
  outStep('v4', bulk, 'much of it', THEIR_PORT + 2),
];
